/* First cases: what words of a command line become, names, axes that are given, and that nothing is written halfway. */
#include "cases/init/init.h"
#include "cases/load.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/test-init-XXXXXX";

static void put(const char *name, const char *text, mode_t mode)
{
    cr_assert_eq(tl_write_new_file(name, text, strlen(text), mode, false), 0, "%s", name);
}

static void enter(void)
{
    cr_assert_not_null(mkdtemp(directory));
    cr_assert_eq(chdir(directory), 0);
    put("tool", "#!/bin/sh\n. ./settings.conf\n", 0755);
    put("settings.conf", "see other.txt", 0644);
    put("other.txt", "", 0644);
    put("another.txt", "", 0644);
    put("in.onnx", "m", 0644);
    put("table.cfg", "t", 0644);
}

static void leave(void)
{
    cr_assert_eq(chdir("/"), 0);
    tl_remove_tree(directory);
}

TestSuite(init, .init = enter, .fini = leave);

static int plan(struct tl_init *p, size_t n_axes, const char *const *axes, size_t n, const char *const *argv,
                struct tl_error *e)
{
    const struct tl_init_words w = {.argv = argv, .n = n, .axes = axes, .n_axes = n_axes};
    *p = (struct tl_init){0};
    return tl_init_of_command(p, &w, NULL, e);
}

static void is_json(const json_t *value, const char *expected)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    cr_expect_str_eq(text ? text : "null", expected);
    free(text);
}

static const json_t *last_step(const struct tl_init *p)
{
    const json_t *steps = json_object_get(json_object_get(p->document, "model"), "steps");
    return json_array_get(steps, json_array_size(steps) - 1);
}

Test(init, words_become_axes_files_and_outputs)
{
    static const char *const argv[] = {"./tool",      "--block=64", "--rows=10", "--fuse",
                                       "--mode=fast", "--table",    "table.cfg", "in.onnx",
                                       "-o",          "out.bin",    "-j8",       "--seed=3"};
    struct tl_init p;
    struct tl_error e;
    cr_assert_eq(plan(&p, 0, NULL, TL_COUNT(argv), argv, &e), 0, "%s", e.why);
    cr_expect_str_eq(p.directory, "tool-case");
    is_json(json_object_get(p.document, "failing"),
            "{\"block\":64,\"rows\":10,\"fuse\":true,\"mode\":true,\"table\":true,\"j\":8,\"seed\":true}");
    is_json(json_array_get(json_object_get(p.document, "axes"), 0),
            "{\"name\":\"block\",\"ordered\":[1,2,4,8,16,32,64]}");
    is_json(json_array_get(json_object_get(p.document, "axes"), 1), "{\"name\":\"rows\",\"range\":[1,10]}");
    is_json(last_step(&p),
            "{\"phase\":\"execute\",\"argv\":[\"{case_dir}/tool\",\"--block={block}\",\"--rows={rows}\","
            "{\"when\":{\"fuse\":true},\"argv\":[\"--fuse\"]},{\"when\":{\"mode\":true},\"argv\":[\"--mode="
            "fast\"]},"
            "{\"when\":{\"table\":true},\"argv\":[\"--table\",\"{case_dir}/table.cfg\"]},\"{model}\",\"-o\","
            "\"{scratch}/"
            "out.bin\",\"-j{j}\",{\"when\":{\"seed\":true},\"argv\":"
            "[\"--seed=3\"]}],\"expect\":{\"files\":[\"{scratch}/out.bin\"]}}");
    /* What the script names is there where it runs, and what that names; not what only ends like it. */
    is_json(json_array_get(json_object_get(json_object_get(p.document, "model"), "steps"), 0),
            "{\"phase\":\"generate\",\"argv\":[\"cp\",\"-R\",\"{case_dir}/settings.conf\",\"{case_dir}/"
            "other.txt\",\"{scratch}\"]}");
    tl_init_free(&p);
}

Test(init, values_in_the_word_of_their_option)
{
    static const char *const argv[] = {"./tool", "-d12",  "-ttable.cfg", "-oout.bin",
                                       "-ofast", "-Wall", "-v",          "-iin.onnx"};
    struct tl_init p;
    struct tl_error e;
    cr_assert_eq(plan(&p, 0, NULL, TL_COUNT(argv), argv, &e), 0, "%s", e.why);
    is_json(json_object_get(last_step(&p), "argv"),
            "[\"{case_dir}/tool\",\"-d{d}\",{\"when\":{\"t\":true},\"argv\":[\"-t{case_dir}/table.cfg\"]},"
            "\"-o{scratch}/out.bin\",{\"when\":{\"ofast\":true},\"argv\":[\"-ofast\"]},"
            "{\"when\":{\"Wall\":true},\"argv\":[\"-Wall\"]},{\"when\":{\"v\":true},\"argv\":[\"-v\"]},"
            "\"-i{model}\"]");
    tl_init_free(&p);
}

Test(init, what_is_written_is_a_case)
{
    static const char *const argv[] = {"./tool", "--model=in.onnx", "{}", "--", "--x=2"};
    struct tl_init p;
    struct tl_error e;
    struct tl_case *c;
    struct tl_mistakes m = {0};
    cr_assert_eq(plan(&p, 0, NULL, TL_COUNT(argv), argv, &e), 0);
    cr_assert_eq(tl_init_write(&p, &e), 0, "%s", e.why);
    cr_assert_eq(tl_case_load("tool-case/case.json", &c, &m, &e), 0, "%s", m.n ? m.list[0].expected : e.why);
    cr_expect_eq(c->n_axes, 0);
    cr_expect_eq(c->model_kind, TL_MODEL_STEPS);
    cr_expect_eq(access("tool-case/in.onnx", R_OK), 0);
    cr_expect_eq(access("tool-case/tool", X_OK), 0);
    tl_case_free(c);
    tl_mistakes_free(&m);
    cr_expect_eq(tl_init_write(&p, &e), -1, "a directory that is there is not touched");
    cr_expect(strstr(e.why, "there already"));
    tl_init_free(&p);
}

Test(init, an_option_that_is_needed_stays)
{
    static const char *const argv[] = {"./tool", "--fuse", "--table=table.cfg", "in.onnx"};
    struct tl_init p;
    struct tl_error e;
    cr_assert_eq(plan(&p, 0, NULL, TL_COUNT(argv), argv, &e), 0);
    json_t *optional = tl_init_optional(&p);
    is_json(optional, "[\"fuse\",\"table\"]");
    json_decref(optional);
    tl_init_require(&p, "table");
    is_json(json_object_get(p.document, "failing"), "{\"fuse\":true}");
    is_json(json_object_get(last_step(&p), "argv"),
            "[\"{case_dir}/tool\",{\"when\":{\"fuse\":true},\"argv\":[\"--fuse\"]},\"--table={case_dir}/"
            "table.cfg\",\"{model}\"]");
    cr_expect_eq(json_array_size(json_object_get(p.document, "axes")), 1);
    tl_init_free(&p);
}

Test(init, axes_that_are_given_are_the_only_ones)
{
    static const char *const argv[] = {"./tool", "--block={block}", "--n", "{n}", "--fuse", "{x}", "in.onnx"},
                             *const axes[] = {"block=16,32", "n=1..9"}, *const unused[] = {"rows=1,2"},
                             *const twice[] = {"n=1,1"};
    struct tl_init p;
    struct tl_error e;
    cr_assert_eq(plan(&p, 2, axes, TL_COUNT(argv), argv, &e), 0, "%s", e.why);
    is_json(json_object_get(last_step(&p), "argv"),
            "[\"{case_dir}/tool\",\"--block={block}\",\"--n\",\"{n}\",\"--fuse\",\"{{x}}\",\"{model}\"]");
    is_json(json_object_get(p.document, "axes"),
            "[{\"name\":\"block\",\"ordered\":[16,32]},{\"name\":\"n\",\"range\":[1,9]}]");
    is_json(json_object_get(p.document, "failing"), "{\"block\":32,\"n\":9}");
    tl_init_free(&p);
    cr_expect_eq(plan(&p, 1, unused, TL_COUNT(argv), argv, &e), -1);
    cr_expect(strstr(e.why, "{rows}"), "%s", e.why);
    tl_init_free(&p);
    cr_expect_eq(plan(&p, 1, twice, TL_COUNT(argv), argv, &e), -1);
    tl_init_free(&p);
}

Test(init, names_and_places)
{
    static const char *const names[][2] = {
        {"a/My Model.onnx", "my-model"}, {".onnx", "monnx"}, {"x.mlpackage/", "x"}, {"\xc3\xa9.pt", "m-"}};
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        char *name = tl_init_name(names[i][0]);
        cr_expect_str_eq(name, names[i][1]);
        free(name);
    }
    char *from = tl_init_from("new-case", "in.onnx"), *below = tl_init_from(".", "in.onnx");
    cr_expect_str_eq(from, "../in.onnx");
    cr_expect_str_eq(below, "in.onnx");
    free(from);
    free(below);
    from = tl_init_from("new-case/", "in.onnx");
    cr_expect_str_eq(from, "../in.onnx");
    free(from);
}

Test(init, refuses_what_is_no_program)
{
    static const char *const wrong[] = {"tool", "./in.onnx", "./nothing", "", "no-such-program-anywhere"};
    struct tl_init p;
    struct tl_error e;
    for (size_t i = 0; i < TL_COUNT(wrong); i++) {
        cr_expect_eq(plan(&p, 0, NULL, 1, &wrong[i], &e), -1, "%s", wrong[i]);
        cr_expect_eq(e.kind, TL_ERROR_INPUT);
        tl_init_free(&p);
    }
}

Test(init, options_that_hold_back_stay)
{
    static const char *const argv[] = {"./tool",    "--dry-run", "-avn", "--no-write",
                                       "--check=1", "-n",        "5",    "--fuse"};
    struct tl_init p;
    struct tl_error e;
    cr_assert_eq(plan(&p, 0, NULL, TL_COUNT(argv), argv, &e), 0, "%s", e.why);
    is_json(json_object_get(last_step(&p), "argv"),
            "[\"{case_dir}/tool\",\"--dry-run\",\"-avn\",\"--no-write\",\"--check=1\",\"-n\",\"{n}\","
            "{\"when\":{\"fuse\":true},\"argv\":[\"--fuse\"]}]");
    tl_init_free(&p);
}

Test(init, of_a_command_that_passes_flags_alone_may_go)
{
    static const char *const argv[] = {"./tool", "--fuse", "--table=table.cfg", "--mode", "fast", "in.onnx"};
    struct tl_init p;
    struct tl_error e;
    cr_assert_eq(plan(&p, 0, NULL, TL_COUNT(argv), argv, &e), 0);
    cr_expect(tl_init_keep_valued(&p));
    is_json(json_object_get(p.document, "axes"), "[{\"name\":\"fuse\",\"choices\":[false,true]}]");
    cr_expect_not(tl_init_keep_valued(&p));
    tl_init_free(&p);
}

Test(init, words_that_are_no_text_are_refused)
{
    static const char *const programs[] = {"./t\xe9"}, *const words[] = {"./tool", "--name=\xe9"},
                             *const path[] = {"./tool", "link.cfg"}, *const axes[] = {"a=\xe9,b"};
    struct tl_init p;
    struct tl_error e;
    put("\xe9.cfg", "", 0644);
    cr_assert_eq(symlink("\xe9.cfg", "link.cfg"), 0);
    cr_expect_eq(plan(&p, 0, NULL, 1, programs, &e), -1);
    tl_init_free(&p);
    cr_expect_eq(plan(&p, 0, NULL, 2, words, &e), -1);
    cr_expect(strstr(e.why, "word 2 of it is not UTF-8"), "%s", e.why);
    tl_init_free(&p);
    cr_expect_eq(plan(&p, 0, NULL, 2, path, &e), -1);
    cr_expect(strstr(e.why, "UTF-8"), "%s", e.why);
    tl_init_free(&p);
    cr_expect_eq(plan(&p, 1, axes, 1, words, &e), -1);
    tl_init_free(&p);
}

Test(init, a_model_is_no_beginning_of_another_name)
{
    static const char *const argv[] = {"./tool", "in.onnx", "in.onnx.json", "--both=in.onnx,in.onnx"};
    struct tl_init p;
    struct tl_error e;
    put("in.onnx.json", "{}", 0644);
    cr_assert_eq(plan(&p, 0, NULL, TL_COUNT(argv), argv, &e), 0);
    is_json(json_object_get(last_step(&p), "argv"),
            "[\"{case_dir}/tool\",\"{model}\",\"{case_dir}/"
            "in.onnx.json\",{\"when\":{\"both\":true},\"argv\":[\"--both="
            "in.onnx,in.onnx\"]}]");
    tl_init_free(&p);
}

Test(init, a_directory_around_the_case_stays_where_it_is)
{
    static const char *const argv[] = {"./tool", "./", "/tmp", "/usr/lib", "src", "other"};
    struct tl_init p;
    struct tl_error e;
    struct stat st;
    const struct tl_init_words w = {.argv = argv, .n = TL_COUNT(argv)};
    cr_assert_eq(mkdir("src", 0755) || mkdir("other", 0755) || mkdir("other/below", 0755) ||
                     symlink("../other.txt", "other/link") || mkfifo("other/pipe", 0600),
                 0);
    p = (struct tl_init){0};
    cr_assert_eq(tl_init_of_command(&p, &w, "src/case/", &e), 0, "%s", e.why);
    cr_expect_eq(p.n_files, 4,
                 "the tool, what it names, and a directory that has nothing to do with the case");
    mode_t mask = umask(027);
    int written = tl_init_write(&p, &e);
    umask(mask);
    cr_assert_eq(written, 0, "%s", e.why);
    cr_expect_str_eq(p.directory, "src/case");
    cr_expect(!stat("src/case", &st) && (st.st_mode & 0777) == 0750);
    cr_expect(!lstat("src/case/other/link", &st) && S_ISLNK(st.st_mode));
    cr_expect(!stat("src/case/other/below", &st) && S_ISDIR(st.st_mode));
    cr_expect(lstat("src/case/other/pipe", &st));
    cr_expect(strstr(json_string_value(json_array_get(p.notes, json_array_size(p.notes) - 1)), "1 that"));
    tl_init_free(&p);
}

Test(init, files_are_named_by_their_whole_names)
{
    static const char text[] =
        "#!/bin/sh\nuse 'my table.txt' (\xc3\xa9.txt) a+b.c++, x.tar. not y.tar.gz nor -z.tar\n"
        "import helper, other_one\nfrom pack import x\n";
    static const char *const there[] = {"my table.txt", "\xc3\xa9.txt", "a+b.c++",   "x.tar",
                                        "y.tar",        "z.tar",        "helper.py", "other_one.py",
                                        "pack.py",      "table.txt"};
    static const bool wanted[] = {true, true, true, true, false, false, true, false, true, true};
    static const char *const argv[] = {"./names"};
    struct tl_init p;
    struct tl_error e;
    put("names", text, 0755);
    for (size_t i = 0; i < TL_COUNT(there); i++)
        put(there[i], "", 0644);
    cr_assert_eq(plan(&p, 0, NULL, 1, argv, &e), 0);
    for (size_t i = 0; i < TL_COUNT(there); i++) {
        char *real = realpath(there[i], NULL);
        cr_expect_eq(tl_init_has(&p, real), wanted[i], "%s", there[i]);
        free(real);
    }
    tl_init_free(&p);
}
