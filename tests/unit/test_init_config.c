/* Values of configuration files: where they stand in each form, what becomes of them, and that a template is the file again. */
#include "cases/init/config.h"
#include "cases/load.h"
#include "cases/written_files.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char directory[] = "/tmp/test-init-config-XXXXXX";

static void enter(void)
{
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(chdir(directory), 0);
}

static void leave(void)
{
    cr_assert_eq(chdir("/"), 0);
    tl_remove_tree(directory);
}

TestSuite(init_config, .init = enter, .fini = leave);

/* "a=1 b='x'": what is read of a text, quoted values between quotes; or why it is not. */
static char *read_as(const char *name, const char *text)
{
    struct tl_init_config c;
    struct tl_buffer b = TL_BUFFER_INIT;
    char *why;
    if (tl_init_config_read(name, text, strlen(text), &c, &why))
        return why;
    tl_buffer_add_string(&b, "");
    for (size_t i = 0; i < c.n; i++)
        tl_buffer_printf(&b, c.list[i].quoted ? "%s%s='%.*s'" : "%s%s=%.*s", i ? " " : "", c.list[i].name,
                         (int)c.list[i].size, text + c.list[i].at);
    tl_init_config_free(&c);
    return tl_buffer_take(&b);
}

static void reads(const char *name, const char *text, const char *expected)
{
    char *got = read_as(name, text);
    cr_expect_str_eq(got, expected, "%s: %s\ngives %s\nnot   %s", name, text, got, expected);
    free(got);
}

Test(init_config, forms)
{
    reads("c.json",
          "{\"a\": 1, \"b\":{\"c\" : [true,-2.5e3,{\"d\":\"x y\"}], \"e\":null},\"f\":\"\\\"\",\"g\":[]}",
          "a=1 b.c.0=true b.c.1=-2.5e3 b.c.2.d='x y' b.e=null");
    reads("c.json", "[1]", "0=1");
    reads("c.json", "7", "");
    reads("c.json", "{\"a\": 1,}", "it is no JSON: line 1: string or '}' expected near '}'");
    reads("c.JSON", "nul", "it is no JSON: line 1: invalid token near 'nul'");
    reads("c.yaml",
          "%YAML 1.1\n---\n# a: 0\na: 1 # one\nb:\n  c: 'x y'\n  d: [1, 2]\n  e: {f: 1}\n  g: |\n    h: 1\n  "
          "i: a b\n"
          "l:\n- 3\n- m: no\n  n: \"o\"\n- - 4\n\"p\": q/r.s\nt: *u\nv: http://w\nx : 1e-6\r\ny: \"z\"w\n",
          "a=1 b.c='x y' l.0=3 l.1.m=no l.1.n='o' l.2.0=4 p=q/r.s x=1e-6");
    reads("c.toml",
          "a = 1\n[s]\nb = \"x\" # y\nc = [1,\n 2]\nd = '''\ne = 1\n'''\n[[t.u]]\nf.g = 0.5\n\"h\" = true\n",
          "a=1 s.b='x' t.u.f.g=0.5 t.u.h=true");
    reads("c.ini", "; c\n[s]\na = on ; b\nb: 2\n# x = 1\nc = two words\nd =\n", "s.a=on s.b=2");
    reads(".env", "export A=1\nB='x'\nC=$D\n", "A=1 B='x'");
    cr_assert(!tl_init_config_is("a.txt") && !tl_init_config_is("json") && tl_init_config_is("x/a.b.YML"));
}

/* Nothing of it is trusted. */
Test(init_config, what_is_hostile)
{
    struct tl_buffer deep = TL_BUFFER_INIT, many = TL_BUFFER_INIT, yaml = TL_BUFFER_INIT;
    for (int i = 0; i < 100; i++) {
        tl_buffer_add_string(&deep, "[");
        tl_buffer_printf(&yaml, "%*sa:\n", i, "");
    }
    for (int i = 0; i < 100; i++)
        tl_buffer_add_string(&deep, "]");
    for (int i = 0; i < 5000; i++)
        tl_buffer_printf(&many, "a%d = 1\n", i);
    tl_buffer_add_string(&yaml, "- - - - 1\n-\n:\n\"\n'a\n[[\n");
    reads("c.json", deep.data, "it nests too deep");
    reads("c.ini", many.data, "it has thousands of values");
    reads("c.yaml", yaml.data, "a.0.0.0.0=1");
    reads("c.toml", "[\n]\n=\n\"\"\"\n", "");
    tl_buffer_free(&deep);
    tl_buffer_free(&many);
    tl_buffer_free(&yaml);
}

static void put(const char *name, const char *text)
{
    cr_assert_eq(tl_write_new_file(name, text, strlen(text), 0755, false), 0, "%s", name);
}

static int plan(struct tl_init *p, const char *axis, const char *const *argv, size_t n, struct tl_error *e)
{
    const struct tl_init_words w = {.argv = argv, .n = n, .axes = &axis, .n_axes = axis ? 1 : 0};
    *p = (struct tl_init){0};
    return tl_init_of_command(p, &w, "made", e);
}

static char *axes_of(const struct tl_init *p)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const json_t *axis, *values;
    size_t i;
    tl_buffer_add_string(&b, "");
    json_array_foreach(json_object_get(p->document, "axes"), i, axis) {
        values = json_object_get(axis, "choices");
        values = values ? values : json_object_get(axis, "ordered");
        char *text = json_dumps(values ? values : json_object_get(axis, "range"), JSON_COMPACT);
        tl_buffer_printf(&b, "%s%s%s", i ? " " : "", json_string_value(json_object_get(axis, "name")), text);
        free(text);
    }
    return tl_buffer_take(&b);
}

static struct tl_case *loaded(struct tl_init *p)
{
    struct tl_case *c;
    struct tl_mistakes m;
    struct tl_error e;
    cr_assert_eq(tl_init_write(p, &e), 0, "%s", e.why);
    cr_assert_eq(tl_case_load("made/case.json", &c, &m, &e), 0, "%s: %s", e.why,
                 m.n ? m.list[0].expected : "");
    return c;
}

static const char config[] =
    "{ \"model\": \"small\", \"n\": 6, \"w\": 64, \"pad\": {\"mode\": \"reflect\"},\n"
    "  \"x\": 1e-2, \"on\": true, \"off\": false, \"data\": \"data/table.bin\", \"@{n}\": \"@{n}\",\n"
    "  \"api_key\": \"0123456789abcdef\", \"pad_token\": \"<pad>\",\n"
    "  \"many\": [1,2,3,4,5,6,7,8,9], \"seed\": 5, \"nothing\": null }\n";
static const char script[] = "import sys\nMODES = {'constant': 0, 'edge': 1, 'reflect': [2, 'x']}\n"
                             "if m == \"tiny\": f()\nelif m == 'small': g()\n";

Test(init_config, values_become_axes)
{
    static const char *const argv[] = {"./run", "--config", "c.json", "--n=2"};
    struct tl_init p;
    struct tl_error e;
    char *axes;
    put("run", script);
    cr_assert_eq(chmod("run", 0755), 0);
    put("c.json", config);
    cr_assert_eq(tl_make_directories("data", 0755), 0);
    put("data/table.bin", "t");
    cr_assert_eq(plan(&p, NULL, argv, 4, &e), 0, "%s: %s", e.what, e.why);
    axes = axes_of(&p);
    cr_expect_str_eq(axes,
                     "n[1,2] c.model[\"tiny\",\"small\"] c.n[1,6] w[1,2,4,8,16,32,64] "
                     "pad.mode[\"constant\",\"edge\",\"reflect\"] x[\"1.0\",\"0.1\",\"1e-2\"] on[false,true] "
                     "off[true,false] c.__n_[\"null\",\"\\\"@{n}\\\"\"] "
                     "pad_token[\"null\",\"\\\"<pad>\\\"\"]");
    free(axes);
    char *notes = json_dumps(p.notes, 0);
    cr_expect(strstr(notes, "api_key looks like a secret") && !strstr(notes, "pad_token looks"), "%s", notes);
    free(notes);
    struct tl_case *c = loaded(&p);
    cr_assert_eq(c->n_files, 1);
    char *text = tl_written_text(c, &c->failing, &c->files[0]), *place = strstr(text, "table.bin");
    cr_assert(place && !strstr(text, "data/"), "it is copied, and named where it is then");
    json_t *was = json_loads(config, 0, NULL), *is = json_loads(text, 0, NULL);
    json_object_set_new(was, "data", json_string("table.bin"));
    cr_expect(json_equal(was, is), "%s", text);
    cr_assert_eq(access("made/table.bin", F_OK), 0);
    json_decref(was);
    json_decref(is);
    free(text);
    /* One whose other values are refused is the file's own again, and of a number the upper half is left. */
    tl_init_fix(&p, "pad.mode");
    tl_init_fix(&p, "c.__n_");
    tl_init_narrow(&p, "w", 5);
    tl_case_free(c);
    cr_assert_eq(tl_init_write_again(&p, &e), 0);
    struct tl_mistakes m;
    cr_assert_eq(tl_case_load("made/case.json", &c, &m, &e), 0);
    text = tl_written_text(c, &c->failing, &c->files[0]);
    cr_assert(strstr(text, "\"mode\": \"reflect\"") && strstr(text, "\"@{n}\": \"@{n}\""), "%s", text);
    axes = axes_of(&p);
    cr_assert(strstr(axes, "w[32,64]") && !strstr(axes, "pad.mode"), "%s", axes);
    free(axes);
    free(text);
    tl_case_free(c);
    tl_init_free(&p);
}

Test(init_config, axes_that_are_given)
{
    static const char *const argv[] = {"./run", "--config=c.json"};
    struct tl_init p;
    struct tl_error e;
    put("run", script);
    cr_assert_eq(chmod("run", 0755), 0);
    put("c.json", config);
    cr_assert_eq(plan(&p, "nosuch=1,2", argv, 2, &e), -1);
    cr_assert(strstr(e.why, "no configuration"), "%s", e.why);
    tl_init_free(&p);
    cr_assert_eq(plan(&p, "pad.mode=reflect,wrap", argv, 2, &e), 0, "%s", e.why);
    char *axes = axes_of(&p);
    cr_expect_str_eq(axes, "pad.mode[\"reflect\",\"wrap\"]");
    struct tl_case *c = loaded(&p);
    cr_expect_eq(c->failing.index[0], 0, "what the file says is what fails");
    char *text = tl_written_text(c, &c->failing, &c->files[0]);
    cr_expect_str_eq(text, config);
    free(text);
    free(axes);
    tl_case_free(c);
    tl_init_free(&p);
}
