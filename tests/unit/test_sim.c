/* The simulated runtime: its heap, what it computes of a model, its conditions, and how it takes broken
 * profiles. */
#include "harness/base/buffer.h"
#include "runners/sim/check.h"
#include "runners/sim/heap.h"
#include "runners/sim/profile.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the heap ------------------------------------------------------------------------------------------- */

Test(sim, heap_is_first_fit_and_aligned)
{
    struct tl_sim_heap h = {.total = 1024, .alignment = 256};
    uint64_t a, b, c, d;
    cr_assert_eq(tl_sim_heap_allocate(&h, 100, &a), 0);
    cr_assert_eq(tl_sim_heap_allocate(&h, 300, &b), 0);
    cr_assert_eq(tl_sim_heap_allocate(&h, 256, &c), 0);
    cr_expect_eq(a, 0);
    cr_expect_eq(b, 256);
    cr_expect_eq(c, 768);
    cr_expect_eq(h.peak, 1024);
    cr_expect_eq(tl_sim_heap_allocate(&h, 1, &d), -1);
    cr_expect_eq(d, 1024, "it would have begun behind everything in use");
    tl_sim_heap_release(&h, b);
    cr_expect_eq(tl_sim_heap_allocate(&h, 513, &d), -1);
    cr_expect_eq(d, 1024);
    cr_assert_eq(tl_sim_heap_allocate(&h, 512, &d), 0);
    cr_expect_eq(d, 256, "the gap is used");
    tl_sim_heap_release(&h, a);
    tl_sim_heap_release(&h, 12345);
    cr_assert_eq(tl_sim_heap_allocate(&h, 256, &d), 0);
    cr_expect_eq(d, 0);
    cr_expect_eq(h.n, 3);
}

Test(sim, heap_takes_what_fits_exactly_and_not_a_byte_more)
{
    uint64_t offset;
    struct tl_sim_heap h = {.total = 1000, .alignment = 1};
    cr_expect_eq(tl_sim_heap_allocate(&h, 1001, &offset), -1);
    cr_expect_eq(tl_sim_heap_allocate(&h, UINT64_MAX, &offset), -1);
    cr_expect_eq(tl_sim_heap_allocate(&h, 1000, &offset), 0);
    cr_expect_eq(tl_sim_heap_allocate(&h, 1, &offset), -1);
}

Test(sim, heap_has_an_end_of_blocks)
{
    uint64_t offset;
    struct tl_sim_heap h = {.total = 1000, .alignment = 1};
    for (int i = 0; i < TL_SIM_HEAP_BLOCKS; i++)
        cr_assert_eq(tl_sim_heap_allocate(&h, 1, &offset), 0);
    cr_expect_eq(tl_sim_heap_allocate(&h, 1, &offset), -1);
}

/* --- models --------------------------------------------------------------------------------------------- */

static const struct tl_sim_scratch published = {
    .total = 212992, .alignment = 256, .base_bytes = 131072, .layer_bytes = 67200, .element_bytes = 2};

static json_t *made(struct tl_sim_model *m, const char *text, const struct tl_sim_scratch *scratch)
{
    json_t *variant = json_loads(text, 0, NULL);
    struct tl_decoder_config config;
    struct tl_error e;
    cr_assert(variant);
    cr_assert_eq(tl_decoder_config_parse(variant, &config, &e), 0, "%s: %s", text, e.why);
    tl_sim_model_make(m, variant, &config, scratch);
    return variant;
}

Test(sim, the_published_numbers_come_from_the_allocator)
{
    static const struct {
        const char *variant;
        int64_t layer, offset, size;
    } rows[] = {
        {"{\"layers\":5,\"full_every\":6,\"heads\":16,\"head_dim\":256,\"full_head_dim\":512}", 0, 198400,
         8192},
        {"{\"layers\":6,\"full_every\":6,\"heads\":16,\"head_dim\":256,\"full_head_dim\":512}", 6, 198400,
         16384},
        {"{\"layers\":6,\"full_every\":6,\"heads\":8,\"head_dim\":256,\"full_head_dim\":512}", 0, 198400,
         8192},
        {"{\"layers\":48,\"full_every\":6,\"heads\":8,\"head_dim\":256,\"full_head_dim\":512}", 0, 198400,
         8192},
        {"{\"layers\":48,\"full_every\":6,\"heads\":16,\"head_dim\":256}", 0, 198400, 8192},
        {"{\"layers\":48,\"full_every\":3,\"heads\":16,\"head_dim\":256,\"full_head_dim\":512}", 3, 198400,
         16384},
        {"{\"layers\":6,\"full_every\":6,\"heads\":16,\"head_dim\":256,\"full_head_dim\":512,\"context\":128,"
         "\"kv_write\":\"scatter\",\"attention\":\"gqa\",\"seq\":8,\"activation\":\"fp16\",\"kv_padding\":"
         "64}",
         6, 198400, 16384},
        {"{\"layers\":1,\"heads\":14,\"head_dim\":512}", 0, 198400, 14336},
        {"{\"layers\":1,\"heads\":15,\"head_dim\":512}", 1, 198400, 15360},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tl_sim_model m;
        json_t *variant = made(&m, rows[i].variant, &published);
        cr_expect_eq(m.plan.layer, rows[i].layer, "%s: layer %ld", rows[i].variant, (long)m.plan.layer);
        cr_expect_eq(m.plan.offset, rows[i].offset, "%s: offset %ld", rows[i].variant, (long)m.plan.offset);
        cr_expect_eq(m.plan.size, rows[i].size, "%s: size %ld", rows[i].variant, (long)m.plan.size);
        cr_expect_eq(m.plan.end > published.total, rows[i].layer > 0);
        json_decref(variant);
    }
}

Test(sim, quantities_and_axes)
{
    static const struct {
        const char *name;
        int64_t value;
    } rows[] = {{"layers_full", 2},
                {"layers_sliding", 5},
                {"first_full_layer", 3},
                {"kinds_of_layers", 2},
                {"mask_inputs", 2},
                {"query_bytes", 256},
                {"past_length", 32},
                {"present_length", 32},
                {"attention_bytes", 512},
                {"tokens", 2},
                {"run", 1},
                {"load", 1},
                {"heap_layer", 0},
                {"heap_total", 0},
                {"heap_end", 0}};
    struct tl_sim_scratch none = {0};
    struct tl_sim_model m;
    json_t *variant = made(&m,
                           "{\"layers\":7,\"full_every\":3,\"masks\":\"two\",\"heads\":2,\"head_dim\":16,"
                           "\"full_head_dim\":64,\"seq\":2,\"kv_write\":\"scatter\"}",
                           &none);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t value = tl_sim_quantity_find(rows[i].name)->value(&m);
        cr_expect_eq(value, rows[i].value, "%s is %ld", rows[i].name, (long)value);
    }
    cr_expect_null(tl_sim_quantity_find("layers"));
    cr_expect_eq(tl_sim_axis_value(&m, tl_sim_axis_find("layers")).integer, 7);
    cr_expect_eq(tl_sim_axis_value(&m, tl_sim_axis_find("context")).integer, 32, "the baseline");
    cr_expect_str_eq(tl_sim_axis_value(&m, tl_sim_axis_find("weights")).string, "fp32");
    cr_expect_eq(tl_sim_axis_value(&m, tl_sim_axis_find("arena")).integer, 1);
    cr_expect_eq(tl_sim_axis_value(&m, tl_sim_axis_find("aot")).integer, 0);
    cr_expect_null(tl_sim_axis_find("first_full_layer"));
    char *text = tl_sim_expand("{layers} of {heads}, {weights}, {arena}, {no}, {, }, {mask_inputs}", &m);
    cr_expect_str_eq(text, "7 of 2, fp32, true, {no}, {, }, 2");
    free(text);
    json_decref(variant);
}

/* --- conditions ----------------------------------------------------------------------------------------- */

Test(sim, conditions)
{
    static const struct {
        const char *condition;
        bool holds;
    } rows[] = {
        {"{\"axis\":\"layers\",\"is\":7}", true},
        {"{\"axis\":\"layers\",\"is\":8}", false},
        {"{\"axis\":\"layers\",\"is_not\":8}", true},
        {"{\"axis\":\"layers\",\"in\":[1,7]}", true},
        {"{\"axis\":\"layers\",\"in\":[1,2]}", false},
        {"{\"axis\":\"layers\",\"at_least\":7,\"at_most\":7}", true},
        {"{\"axis\":\"layers\",\"at_least\":7,\"at_most\":6}", false},
        {"{\"axis\":\"layers\",\"more_than\":7}", false},
        {"{\"axis\":\"layers\",\"more_than\":6}", true},
        {"{\"axis\":\"layers\",\"less_than\":7}", false},
        {"{\"axis\":\"layers\",\"less_than\":8}", true},
        {"{\"axis\":\"layers\",\"more_than\":{\"quantity\":\"layers_full\"}}", true},
        {"{\"axis\":\"weights\",\"is\":\"fp32\"}", true},
        {"{\"axis\":\"weights\",\"in\":[\"int8\",\"fp16\"]}", false},
        {"{\"axis\":\"aot\",\"is\":false}", true},
        {"{\"axis\":\"aot\",\"is_not\":false}", false},
        {"{\"quantity\":\"heap_end\",\"more_than\":{\"quantity\":\"heap_total\"}}", false},
        {"{\"not\":{\"axis\":\"layers\",\"is\":7}}", false},
        {"{\"all\":[{\"axis\":\"layers\",\"is\":7},{\"axis\":\"heads\",\"is\":2}]}", true},
        {"{\"all\":[{\"axis\":\"layers\",\"is\":7},{\"axis\":\"heads\",\"is\":3}]}", false},
        {"{\"any\":[{\"axis\":\"layers\",\"is\":1},{\"axis\":\"heads\",\"is\":2}]}", true},
        {"{\"any\":[{\"axis\":\"layers\",\"is\":1},{\"axis\":\"heads\",\"is\":3}]}", false},
    };
    struct tl_sim_model m;
    json_t *variant = made(&m, "{\"layers\":7,\"full_every\":3}", &published);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tl_sim_mistakes mistakes = {0};
        json_t *c = json_loads(rows[i].condition, 0, NULL);
        tl_sim_condition_check(c, "when", true, &mistakes);
        cr_assert_eq(mistakes.n, 0, "%s: %s", rows[i].condition, mistakes.text.data);
        cr_expect_eq(tl_sim_condition_holds(c, &m), rows[i].holds, "%s", rows[i].condition);
        tl_buffer_free(&mistakes.text);
        json_decref(c);
    }
    cr_expect(tl_sim_condition_holds(NULL, &m));
    json_decref(variant);
}

Test(sim, mistakes_in_conditions_have_a_place)
{
    static const struct {
        const char *condition, *says;
    } rows[] = {
        {"{}", "when: expected an object with exactly one of"},
        {"[]", "when: expected an object with exactly one of"},
        {"7", "when: expected an object with exactly one of"},
        {"{\"axis\":\"layers\",\"quantity\":\"run\",\"is\":1}",
         "when: expected an object with exactly one of"},
        {"{\"axis\":\"layers\"}", "when: expected something to compare with"},
        {"{\"axis\":\"depth\",\"is\":1}", "when.axis: expected an axis"},
        {"{\"axis\":7,\"is\":1}", "when.axis: expected an axis"},
        {"{\"quantity\":\"depth\",\"is\":1}", "when.quantity: expected a quantity"},
        {"{\"quantity\":[],\"is\":1}", "when.quantity: expected a quantity"},
        {"{\"quantity\":\"heap_end\",\"is\":1}",
         "when.quantity: heap_end needs the profile to have a \"heap\""},
        {"{\"axis\":\"layers\",\"equals\":1}", "when.equals: expected is, is_not"},
        {"{\"axis\":\"layers\",\"is\":\"one\"}", "when.is: expected an integer"},
        {"{\"axis\":\"layers\",\"is\":1.5}", "when.is: expected an integer"},
        {"{\"axis\":\"layers\",\"is\":{\"quantity\":\"depth\"}}", "when.is.quantity: expected a quantity"},
        {"{\"axis\":\"weights\",\"is\":\"int4\"}", "when.is: int4 is no value of weights"},
        {"{\"axis\":\"weights\",\"is\":4}", "when.is: this is no value of weights"},
        {"{\"axis\":\"weights\",\"at_least\":\"int8\"}", "when.at_least: weights has no order"},
        {"{\"axis\":\"aot\",\"is\":\"true\"}", "when.is: expected true or false"},
        {"{\"axis\":\"weights\",\"in\":[]}", "when.in: expected a list"},
        {"{\"axis\":\"weights\",\"in\":\"int8\"}", "when.in: expected a list"},
        {"{\"axis\":\"weights\",\"in\":[\"int8\",\"int7\"]}", "when.in[1]: int7 is no value"},
        {"{\"all\":[]}", "when.all: expected a list of conditions"},
        {"{\"all\":{}}", "when.all: expected a list of conditions"},
        {"{\"all\":[{\"not\":{\"axis\":\"no\"}}]}", "when.all[0].not.axis: expected an axis"},
        {"{\"not\":{\"axis\":\"layers\",\"is\":1},\"is\":2}", "when: expected nothing beside not"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tl_sim_mistakes m = {0};
        json_t *c = json_loads(rows[i].condition, JSON_DECODE_ANY, NULL);
        cr_assert(c, "%s", rows[i].condition);
        tl_sim_condition_check(c, "when", false, &m);
        cr_expect_gt(m.n, 0, "%s", rows[i].condition);
        cr_expect(m.n && strstr(m.text.data, rows[i].says), "%s: %s", rows[i].condition,
                  m.n ? m.text.data : "");
        tl_buffer_free(&m.text);
        json_decref(c);
    }
}

Test(sim, conditions_do_not_nest_for_ever)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    struct tl_sim_mistakes m = {0};
    for (int i = 0; i < 1000; i++)
        tl_buffer_add_string(&b, "{\"not\":");
    tl_buffer_add_string(&b, "{\"axis\":\"layers\",\"is\":1}");
    for (int i = 0; i < 1000; i++)
        tl_buffer_add_string(&b, "}");
    json_t *c = json_loads(b.data, 0, NULL);
    tl_sim_condition_check(c, "when", false, &m);
    cr_assert_eq(m.n, 1);
    cr_expect(strstr(m.text.data, "at most 16"));
    tl_buffer_free(&m.text);
    tl_buffer_free(&b);
    json_decref(c);
}

/* --- profiles ------------------------------------------------------------------------------------------- */

static char *mistakes_of(const char *text)
{
    struct tl_sim_mistakes m = {0};
    struct tl_sim_scratch scratch;
    json_error_t e;
    json_t *d = json_loads(text, JSON_DECODE_ANY, &e);
    cr_assert(d, "%s: %s", text, e.text);
    tl_sim_document_check(d, &scratch, &m);
    json_decref(d);
    return m.n ? tl_buffer_take(&m.text) : NULL;
}

#define RULE(rest) "{\"trapline_profile\":1,\"name\":\"p\",\"rules\":[{\"name\":\"r\"," rest "}]}"
#define HEAP(rest) "{\"trapline_profile\":1,\"name\":\"p\",\"rules\":[],\"heap\":{" rest "}}"

Test(sim, mistakes_in_profiles_have_a_place)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"7", "$: expected an object"},
        {"{}", "$.trapline_profile: expected the version"},
        {"{\"trapline_profile\":2,\"name\":\"p\",\"rules\":[]}", "$.trapline_profile: expected the version"},
        {"{\"trapline_profile\":1,\"rules\":[]}", "$.name: expected a string"},
        {"{\"trapline_profile\":1,\"name\":\"p\"}", "$.rules: expected a list"},
        {"{\"trapline_profile\":1,\"name\":\"p\",\"rules\":[],\"rule\":1}", "$.rule: there is no such key"},
        {"{\"trapline_profile\":1,\"name\":\"p\",\"rules\":[],\"title\":1}", "$.title: expected a string"},
        {"{\"trapline_profile\":1,\"name\":\"p\",\"rules\":[7]}", "$.rules[0]: expected an object"},
        {"{\"trapline_profile\":1,\"name\":\"p\",\"rules\":[],\"heap\":1}", "$.heap: expected an object"},
        {HEAP("\"alignment\":16"), "$.heap.total: expected the bytes"},
        {HEAP("\"total\":1024,\"alignment\":3"), "$.heap.alignment: expected a power of two"},
        {HEAP("\"total\":1024,\"alignment\":0"), "$.heap.alignment: expected an integer from 1"},
        {HEAP("\"total\":1024,\"base_bytes\":1024"), "$.heap.total: expected more than"},
        {HEAP("\"total\":-5"), "$.heap.total: expected an integer from 1"},
        {HEAP("\"total\":1024.5"), "$.heap.total: expected an integer"},
        {HEAP("\"total\":1024,\"size\":1"), "$.heap.size: there is no such key"},
        {RULE("\"phase\":\"load\""), "$.rules[0]: expected exactly one of signal"},
        {RULE("\"phase\":\"load\",\"signal\":\"SIGSEGV\",\"hang\":true"),
         "$.rules[0]: expected exactly one of"},
        {RULE("\"hang\":true"), "$.rules[0].phase: expected a string"},
        {RULE("\"phase\":\"start\",\"hang\":true"), "$.rules[0].phase: expected generate"},
        {RULE("\"phase\":\"load\",\"hang\":1"), "$.rules[0].hang: expected true"},
        {RULE("\"phase\":\"load\",\"signal\":\"SIGKILL\""), "$.rules[0].signal: expected SIGSEGV"},
        {RULE("\"phase\":\"load\",\"signal\":11"), "$.rules[0].signal: expected SIGSEGV"},
        {RULE("\"phase\":\"load\",\"exit_status\":256"), "$.rules[0].exit_status: expected an integer"},
        {RULE("\"phase\":\"load\",\"error\":\"no\""), "$.rules[0].error: expected an object"},
        {RULE("\"phase\":\"load\",\"error\":{\"domain\":\"D\",\"code\":3,\"message\":\"m\"}"),
         "$.rules[0].error.code: expected a string"},
        {RULE("\"phase\":\"load\",\"error\":{\"domain\":\"D\",\"code\":\"3\"}"),
         "$.rules[0].error.message: expected a string"},
        {RULE("\"phase\":\"load\",\"wrong\":1"), "$.rules[0]: wrong belongs to the phase execute"},
        {RULE("\"phase\":\"execute\",\"wrong\":\"much\""), "$.rules[0].wrong: expected a number"},
        {RULE("\"phase\":\"execute\",\"fallback\":\"npu\""), "$.rules[0].fallback: expected the device"},
        {RULE("\"phase\":\"load\",\"hang\":true,\"devices\":[]"), "$.rules[0].devices: expected a list"},
        {RULE("\"phase\":\"load\",\"hang\":true,\"devices\":[\"npu\"]"), "$.rules[0].devices: expected gpu"},
        {RULE("\"phase\":\"load\",\"hang\":true,\"devices\":[7]"), "$.rules[0].devices: expected gpu"},
        {RULE("\"phase\":\"load\",\"hang\":true,\"rate\":1.5"),
         "$.rules[0].rate: expected a number from 0 to 1"},
        {RULE("\"phase\":\"load\",\"hang\":true,\"delay_s\":-1"), "$.rules[0].delay_s: expected a number"},
        {RULE("\"phase\":\"load\",\"hang\":true,\"in\":\"here\""), "$.rules[0].in: there is no such place"},
        {RULE("\"phase\":\"load\",\"hang\":true,\"message\":7"), "$.rules[0].message: expected a string"},
        {RULE("\"phase\":\"load\",\"hang\":true,\"message\":[\"{what}\"]"),
         "$.rules[0].message[0]: {what} is neither"},
        {RULE("\"phase\":\"load\",\"hang\":true,\"message\":\"{heap_end}\""),
         "$.rules[0].message: {heap_end} is"},
        {RULE("\"phase\":\"load\",\"hang\":true,\"message\":\"a } b\""), "$.rules[0].message: a brace"},
        {RULE("\"phase\":\"load\",\"hang\":true,\"when\":{\"axis\":\"no\"}"),
         "$.rules[0].when.axis: expected an axis"},
        {RULE("\"phase\":\"load\",\"hang\":true,\"whenn\":{}"), "$.rules[0].whenn: there is no such key"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *found = mistakes_of(rows[i].text);
        cr_expect(found && strstr(found, rows[i].says), "%s: %s", rows[i].text, found ? found : "no mistake");
        free(found);
    }
    char *none = mistakes_of(RULE("\"phase\":\"load\",\"signal\":\"SIGBUS\",\"in\":\"matmul\",\"rate\":0.5,"
                                  "\"message\":[\"{layers}\",\"x\"],\"devices\":[\"cpu\"],\"thread\":\"t\""));
    cr_expect_null(none, "%s", none);
    char *both = mistakes_of(RULE("\"phase\":\"load\",\"hang\":7,\"rate\":2"));
    cr_expect(both && strstr(both, "hang") && strstr(both, "rate"), "all of them at once: %s", both);
    free(both);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    cr_assert(f);
    fputs(text, f);
    fclose(f);
}

static struct tl_sim_profile loaded(const char *version)
{
    struct tl_sim_profile p;
    json_t *build = json_pack("{s:s}", "version", version);
    tl_sim_profile_load(build, &p);
    json_decref(build);
    return p;
}

Test(sim, profiles_are_found_by_name)
{
    char dir[] = "/tmp/test-sim-XXXXXX";
    cr_assert(mkdtemp(dir));
    char *good = tl_format("%s/good.json", dir), *bad = tl_format("%s/bad.json", dir),
         *other = tl_format("%s/other.json", dir), *folder = tl_format("%s/folder.json", dir),
         *list = tl_format("/nonexistent:%s", dir);
    write_file(
        good,
        "{\"trapline_profile\":1,\"name\":\"good\",\"rules\":[{\"name\":\"r\",\"phase\":\"load\","
        "\"devices\":[\"ane\"],\"hang\":true},{\"name\":\"never\",\"phase\":\"load\",\"rate\":0,\"hang\":"
        "true},{\"name\":\"s\",\"phase\":\"load\",\"hang\":true}]}");
    write_file(bad, "{\"trapline_profile\":1,\n\"name\" \"bad\"}");
    write_file(other, "{\"trapline_profile\":1,\"name\":\"good\",\"rules\":[]}");
    cr_assert_eq(mkdir(folder, 0700), 0);
    setenv("TRAPLINE_PROFILES", list, 1);

    struct tl_sim_model m;
    struct tl_sim_profile p = loaded("good");
    json_t *variant = made(&m, "{}", &p.scratch);
    cr_assert_eq(p.status, TL_SIM_READY, "%s", p.why);
    cr_expect_eq(strlen(p.id), 8);
    const json_t *rule = tl_sim_profile_rule(&p, "load", "ane", &m);
    cr_expect_str_eq(json_string_value(json_object_get(rule, "name")), "r");
    rule = tl_sim_profile_rule(&p, "load", "gpu", &m);
    cr_expect_str_eq(json_string_value(json_object_get(rule, "name")), "s");
    cr_expect_null(tl_sim_profile_rule(&p, "compile", "gpu", &m));
    json_decref(variant);
    tl_sim_profile_free(&p);

    p = loaded("bad");
    cr_expect_eq(p.status, TL_SIM_BROKEN);
    cr_expect(strstr(p.why, "bad.json:2:"), "%s", p.why);
    tl_sim_profile_free(&p);
    p = loaded("other");
    cr_expect_eq(p.status, TL_SIM_BROKEN);
    cr_expect(strstr(p.why, "$.name: expected other"), "%s", p.why);
    tl_sim_profile_free(&p);
    p = loaded("folder");
    cr_expect_eq(p.status, TL_SIM_BROKEN);
    tl_sim_profile_free(&p);

    static const char *const unknown[] = {"nosuch", "", "../good", ".good", "a/b", "good.json"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        p = loaded(unknown[i]);
        cr_expect_eq(p.status, TL_SIM_UNKNOWN, "%s", unknown[i]);
        cr_expect(strstr(p.why, "bad, folder, good, other"), "%s", p.why);
        tl_sim_profile_free(&p);
    }
    tl_sim_profile_load(NULL, &p);
    cr_expect_eq(p.status, TL_SIM_NONE);
    tl_sim_profile_free(&p);
    unlink(good);
    unlink(bad);
    unlink(other);
    rmdir(folder);
    rmdir(dir);
    free(good);
    free(bad);
    free(other);
    free(folder);
    free(list);
}

Test(sim, the_profile_that_comes_with_it_has_no_mistakes)
{
    struct tl_sim_profile p;
    tl_sim_profile_read(PROFILE, &p);
    cr_expect_eq(p.status, TL_SIM_READY, "%s", p.why);
    cr_expect_eq(p.scratch.total, published.total);
    cr_expect_eq(p.scratch.base_bytes, published.base_bytes);
    cr_expect_eq(p.scratch.layer_bytes, published.layer_bytes);
    cr_expect_eq(p.scratch.alignment, published.alignment);
    tl_sim_profile_free(&p);
}

Test(sim, places_and_signals)
{
    cr_expect_geq(tl_sim_site("slice_update", "load"), 0);
    cr_expect_eq(tl_sim_site(NULL, "compile"), tl_sim_site("compile", ""));
    cr_expect_eq(tl_sim_site(NULL, "generate"), tl_sim_site("load", ""));
    cr_expect_eq(tl_sim_site("nowhere", "load"), -1);
    cr_expect_eq(tl_sim_signal("SIGTRAP"), SIGTRAP);
    cr_expect_eq(tl_sim_signal("SIGKILL"), -1);
}
