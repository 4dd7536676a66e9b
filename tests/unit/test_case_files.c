/* Case files as files: what is read and what is refused, weights beside a model, the environment and versions, files that are written from templates. */
#include "cases/reading.h"
#include "cases/written_files.h"
#include "harness/base/buffer.h"
#include "tests/unit/case_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(case_files, .fini = forget);

#define SELFTEST HEAD "\"model\":{\"family\":\"selftest\"},"
#define STEPS HEAD "\"model\":{\"steps\":[{\"phase\":\"execute\",\"argv\":[\"true\"]}]},"

static char *temporary(const char *name, const void *content, size_t size)
{
    static char directory[64];
    if (!directory[0]) {
        strcpy(directory, "/tmp/trapline-test-case-XXXXXX");
        cr_assert_not_null(mkdtemp(directory));
    }
    char *path = tl_format("%s/%s", directory, name);
    FILE *f = fopen(path, "wb");
    cr_assert_not_null(f);
    fwrite(content, 1, size, f);
    fclose(f);
    return path;
}

Test(case_files, files)
{
    char *model = temporary("m.onnx", "model", 5);
    static const char text[] = HEAD "\"model\":{\"file\":\"m.onnx\"}}";
    char *path = temporary("c.json", text, sizeof text - 1);
    cr_assert_eq(tl_case_load(path, &loaded, &mistakes, &error), 0, "%s", error.why);
    cr_assert_eq(loaded->model_kind, TL_MODEL_FILE);
    cr_assert_str_eq(loaded->model_file, model);
    char before[TL_ID_SIZE];
    strcpy(before, loaded->hash);
    forget();
    free(temporary("m.onnx", "other", 5)); /* the same document, another model */
    cr_assert_eq(tl_case_load(path, &loaded, &mistakes, &error), 0);
    cr_assert_str_neq(before, loaded->hash);
    forget();

    cr_assert_eq(tl_case_load("/nonexistent/x.json", &loaded, &mistakes, &error), -1);
    cr_assert_eq(error.kind, TL_ERROR_INPUT);
    cr_assert_eq(mistakes.n, 0);
    cr_assert_eq(tl_case_load("/tmp", &loaded, &mistakes, &error), -1);
    cr_assert_eq(tl_case_load("/dev/zero", &loaded, &mistakes, &error), -1);
    cr_assert(strstr(error.why, "4 MiB") != NULL);

    /* A model that is a directory counts with everything in it. */
    char *package = tl_format("%.*s/p.mlpackage", (int)(strrchr(path, '/') - path), path);
    cr_assert_eq(mkdir(package, 0700), 0);
    char *inside = temporary("p.mlpackage/w.bin", "1", 1);
    static const char second[] = HEAD "\"model\":{\"file\":\"p.mlpackage\"}}";
    char *other = temporary("d.json", second, sizeof second - 1);
    cr_assert_eq(tl_case_load(other, &loaded, &mistakes, &error), 0, "%s", error.why);
    strcpy(before, loaded->hash);
    forget();
    free(temporary("p.mlpackage/w.bin", "2", 1));
    cr_assert_eq(tl_case_load(other, &loaded, &mistakes, &error), 0);
    cr_assert_str_neq(before, loaded->hash);
    /* A link in it is what it leads to. */
    char *link = tl_format("%s/link", package), *round = tl_format("%s/round", package);
    cr_assert_eq(symlink(model, link), 0);
    cr_assert_eq(symlink(package, round), 0);
    for (int i = 0; i < 2; i++) {
        free(temporary("m.onnx", i ? "1" : "2", 1));
        strcpy(before, loaded->hash);
        forget();
        cr_assert_eq(tl_case_load(other, &loaded, &mistakes, &error), 0, "%s", error.why);
        cr_assert_str_neq(before, loaded->hash);
    }

    unlink(link);
    unlink(round);
    free(link);
    free(round);
    unlink(inside);
    rmdir(package);
    unlink(model);
    unlink(path);
    unlink(other);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    free(inside);
    free(package);
    free(model);
    free(path);
    free(other);
}

/* Where an ONNX model keeps its tensors elsewhere, those files count: also of a graph within a graph, and far into
 * the file. */
Test(case_files, external_data_of_a_model)
{
    const size_t far = (1 << 20) - 10; /* across the blocks in which it is read */
    char before[TL_ID_SIZE], *bytes = tl_calloc(far + 64, 1);
    bytes[0] = 8;
    memcpy(bytes + 40, "\x0a\x08location\x12\x05w.bin", 18);
    memcpy(bytes + far,
           "\x0a\x08location\x12\x07"
           "far.bin",
           20);
    char *model = temporary("m.onnx", bytes, far + 64), *near = temporary("w.bin", "1", 1),
         *there = temporary("far.bin", "1", 1), *not = temporary("other.bin", "1", 1);
    static const char text[] = HEAD "\"model\":{\"file\":\"m.onnx\"}}";
    char *path = temporary("c.json", text, sizeof text - 1), *const files[] = {near, there, not, NULL};
    for (size_t i = 0; files[i]; i++) {
        cr_assert_eq(tl_case_load(path, &loaded, &mistakes, &error), 0, "%s", error.why);
        strcpy(before, loaded->hash);
        forget();
        free(temporary(strrchr(files[i], '/') + 1, "2", 1));
        cr_assert_eq(tl_case_load(path, &loaded, &mistakes, &error), 0);
        cr_assert_eq(!strcmp(before, loaded->hash), files[i] == not, "%s", files[i]);
        strcpy(before, loaded->hash);
        forget();
    }
    unlink(near); /* one that is missing is the model's fault */
    cr_assert_eq(tl_case_load(path, &loaded, &mistakes, &error), 0, "%s", error.why);
    cr_assert_str_neq(before, loaded->hash);
    unlink(model);
    unlink(there);
    unlink(not );
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
    free(bytes);
    free(model);
    free(near);
    free(there);
    free(not );
    free(path);
}

Test(case_files, environment_and_versions)
{
    accept(STEPS "\"axes\":[{\"name\":\"a\",\"choices\":[1,2]}],\"environment\":{\"A\":\"x{a}{{\",\"B\":\"{"
                 "case_dir}\"},"
                 "\"versions\":[{\"name\":\"cc\",\"argv\":[\"cc\",\"--version\"]}]}");
    struct tl_variant v = tl_variant_baseline(loaded);
    char **list = tl_case_environment(loaded, &v);
    cr_assert_str_eq(list[0], "A=x1{");
    cr_assert_str_eq(list[1], "B=/nowhere");
    cr_assert_null(list[2]);
    tl_strings_free(list);
    tl_variant_free(&v);
    cr_assert_eq(loaded->n_versions, 1);
    cr_assert_str_eq(loaded->versions[0].argv[1], "--version");
    accept(STEPS "\"environment\":{},\"versions\":[]}");
    refuse(STEPS "\"environment\":[]}", "$.environment", "expected an object");
    refuse(STEPS "\"environment\":{\"1A\":\"\"}}", "$.environment.1A", "name of a variable");
    refuse(STEPS "\"environment\":{\"A=B\":\"\"}}", "$.environment[\"A=B\"]", "name of a variable");
    refuse(STEPS "\"environment\":{\"A\":1}}", "$.environment.A", "expected a string");
    refuse(STEPS "\"environment\":{\"A\":\"{b}\"}}", "$.environment.A", "{b} means nothing here");
    refuse(STEPS "\"environment\":{\"A\":\"{scratch}\"}}", "$.environment.A", "{scratch} means nothing here");
    refuse(STEPS "\"environment\":{\"A\":\"{\"}}", "$.environment.A", "placeholder");
    refuse(STEPS "\"environment\":{\"TMPDIR\":\"/x\"}}", "$.environment.TMPDIR",
           "trapline sets TMPDIR itself");
    refuse(STEPS "\"versions\":{}}", "$.versions", "list");
    refuse(STEPS "\"versions\":[{\"name\":\"cc\"}]}", "$.versions[0]", "argv");
    refuse(STEPS "\"versions\":[{\"name\":\"cc\",\"argv\":[]}]}", "$.versions[0].argv", "at least one");
    refuse(STEPS "\"versions\":[{\"name\":\"cc\",\"argv\":[\"\"]}]}", "$.versions[0].argv[0]", "non-empty");
    refuse(STEPS "\"versions\":[{\"name\":\"cc\",\"argv\":[\"{a}\"]}]}", "$.versions[0].argv[0]",
           "means nothing");
    refuse(STEPS "\"versions\":[{\"name\":\"c\",\"argv\":[\"c\"]},{\"name\":\"c\",\"argv\":[\"c\"]}]}",
           "$.versions[1].name", "not listed before");
}

/* A text of any form, in which axes have values, and which is a part of the case. */
Test(case_files, files_that_are_written)
{
    static const char text[] = "{\"n\": @{a}, \"s\": [\"@{b}\"]} # {a} @@{a} @a\n";
    char *template = temporary("t.in", text, sizeof text - 1), *nul = temporary("nul.in", "a\0b", 3),
         *open = temporary("open.in", "@{a\n}", 5), *other = temporary("other.in", "\n@{aa}", 6),
         hash[TL_ID_SIZE];
    char *good =
        tl_format(STEPS "\"axes\":[{\"name\":\"a\",\"choices\":[1,2]},{\"name\":\"b\",\"choices\":[\"x\"]}],"
                        "\"files\":[{\"name\":\"c/d.json\",\"template\":\"%s\"}]}",
                  template);
    accept(good);
    struct tl_variant v = tl_variant_baseline(loaded);
    v.index[0] = 1;
    json_t *files = tl_written_files(loaded, &v);
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(files, 0), "name")), "c/d.json");
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(files, 0), "text")),
                     "{\"n\": 2, \"s\": [\"x\"]} # {a} @{a} @a\n");
    cr_assert(tl_case_reads_axis(loaded, "a") && tl_case_reads_axis(loaded, "b"));
    json_decref(files);
    tl_variant_free(&v);
    memcpy(hash, loaded->hash, sizeof hash);
    free(temporary("t.in", "@{a}", 4));
    accept(good);
    cr_assert_str_neq(hash, loaded->hash, "another text is another case");
    char *escaped = tl_written_escape("@@{a} @{ @", 10);
    cr_assert_str_eq(escaped, "@@@{a} @@{ @");
    const struct tl_written_file f = {.text = escaped};
    v = tl_variant_baseline(loaded);
    char *filled = tl_written_text(loaded, &v, &f);
    cr_assert_str_eq(filled, "@@{a} @{ @");
    free(filled);
    tl_variant_free(&v);
    free(escaped);
    static const struct {
        const char *name, *file, *path, *words;
    } wrong[] = {{"../x", "t.in", "$.files[0].name", "the name of a file in {scratch}"},
                 {"/x", "t.in", "$.files[0].name", "the name of a file in {scratch}"},
                 {"a//b", "t.in", "$.files[0].name", "the name of a file in {scratch}"},
                 {"a/.", "t.in", "$.files[0].name", "the name of a file in {scratch}"},
                 {"x", "gone", "$.files[0].template", "No such file"},
                 {"x", ".", "$.files[0].template", "no regular file"},
                 {"x", "nul.in", "$.files[0].template", "UTF-8"},
                 {"x", "other.in", "$.files[0].template", "line 2 of it has @{aa}"},
                 {"x", "open.in", "$.files[0].template", "line 1 of it has an \"@{\""}};
    *strrchr(template, '/') = '\0';
    for (size_t i = 0; i < TL_COUNT(wrong); i++) {
        char *bad = tl_format(
            STEPS "\"axes\":[{\"name\":\"a\",\"choices\":[1]}],\"files\":[{\"name\":\"%s\",\"template\":"
                  "\"%s/%s\"}]}",
            wrong[i].name, template, wrong[i].file);
        refuse(bad, wrong[i].path, wrong[i].words);
        free(bad);
    }
    refuse(SELFTEST "\"files\":[{\"name\":\"x\",\"template\":\"/dev/null\"}]}", "$.files", "\"steps\"");
    refuse(STEPS "\"files\":[]}", "$.files", "at least one");
    unlink(nul);
    unlink(other);
    unlink(open);
    char *own = tl_format("%s/t.in", template);
    unlink(own);
    rmdir(template);
    free(own);
    free(nul);
    free(other);
    free(open);
    free(template);
    free(good);
}
