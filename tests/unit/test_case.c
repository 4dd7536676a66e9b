/* Loading of case files: what is accepted, what is reported, and where. */
#include "cases/family.h"
#include "cases/npy.h"
#include "cases/reading.h"
#include "cases/reference.h"
#include "cases/written_files.h"
#include "harness/base/buffer.h"
#include "harness/base/record.h"
#include "tests/unit/case_fixture.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(cases, .fini = forget);

#define SELFTEST HEAD "\"model\":{\"family\":\"selftest\"},"
#define MADE HEAD "\"model\":{\"generate\":[\"true\",\"{model}\"]},"
#define STEPS HEAD "\"model\":{\"steps\":[{\"phase\":\"execute\",\"argv\":[\"true\"]}]},"

Test(cases, many_mistakes_with_lines_and_paths)
{
    static const char text[] = "{\n"
                               "  \"trapline\": 2,\n"
                               "  \"name\": \"Not Good\",\n"
                               "  \"titel\": \"a key that does not exist\",\n"
                               "  \"model\": { \"family\": \"selftest\" },\n"
                               "  \"axes\": [\n"
                               "    { \"name\": \"behaviour\", \"choices\": [\"pass\", \"abrot\"] },\n"
                               "    { \"name\": \"layers\",\n"
                               "      \"range\": [1, 2.5] },\n"
                               "    { \"name\": \"phase\",\n"
                               "      \"ordered\": [\"load\",\n"
                               "                  \"execute\",\n"
                               "                  \"load\"] },\n"
                               "    { \"name\": \"layer\", \"range\": [1, 2] },\n"
                               "    { \"name\": \"count\", \"range\": [0, 5], \"choices\": [1] },\n"
                               "    { \"choices\": [\"main\"] }\n"
                               "  ],\n"
                               "  \"failing\": { \"behavior\": \"abort\",\n"
                               "               \"width\": 3 },\n"
                               "  \"forbid\": [ { \"width\": 0 }, {} ],\n"
                               "  \"reference\": { \"unit\": \"cpu\", \"tolerance\": -1 },\n"
                               "  \"limits\": {\n"
                               "    \"timeout_s\": 0,\n"
                               "    \"memory_mb\": \"4 GB\"\n"
                               "  }\n"
                               "}\n";
    static const struct {
        int line;
        const char *path, *words;
    } expected[] = {
        {2, "$.trapline", "expected 1"},
        {3, "$.name", "found the string \"Not Good\""},
        {4, "$.titel", "did you mean \"title\"?"},
        {7, "$.axes[0].choices[1]", "did you mean \"abort\"?"},
        {9, "$.axes[1].range[1]", "found the number 2.5"},
        {13, "$.axes[2].ordered[2]", "not listed before (at [0])"},
        {14, "$.axes[3].name", "did you mean \"layers\"?"},
        {15, "$.axes[4]", "exactly one of"},
        {16, "$.axes[5]", "lacks the key \"name\""},
        {18, "$.failing.behavior", "did you mean \"behaviour\"?"},
        {19, "$.failing.width", "the case has no axis of this name"},
        {20, "$.forbid[0].width", "an integer from 1 to 1000000000, found the integer 0"},
        {20, "$.forbid[1]", "at least one axis"},
        {21, "$.reference.unit", "RUNNER[@BUILD]:DEVICE[%ALIAS]"},
        {21, "$.reference.tolerance", "at least 0"},
        {23, "$.limits.timeout_s", "greater than 0"},
        {24, "$.limits.memory_mb", "found the string \"4 GB\""},
    };
    cr_assert_eq(parse(text), -1);
    for (size_t i = 0; i < mistakes.n; i++)
        cr_log_info("%d %s: %s", mistakes.list[i].line, mistakes.list[i].path, mistakes.list[i].expected);
    size_t n = sizeof expected / sizeof expected[0];
    for (size_t i = 0; i < n && i < mistakes.n; i++) {
        cr_expect_eq(mistakes.list[i].line, expected[i].line, "%s: line %d", expected[i].path,
                     mistakes.list[i].line);
        cr_expect_str_eq(mistakes.list[i].path, expected[i].path);
        cr_expect(strstr(mistakes.list[i].expected, expected[i].words) != NULL, "%s says: %s",
                  expected[i].path, mistakes.list[i].expected);
    }
    cr_assert_eq(mistakes.n, n, "%zu mistakes", mistakes.n);
    cr_assert(strstr(error.why, "the first of 17: line 2: $.trapline") != NULL, "%s", error.why);
}

Test(cases, the_example_of_the_format)
{
    accept("{\"trapline\":1,\"name\":\"kv-write\",\"title\":\"KV-cache "
           "write\",\"model\":{\"family\":\"decoder\"},"
           "\"axes\":[{\"name\":\"layers\",\"range\":[1,48]},{\"name\":\"block_size\",\"ordered\":[32,64,128,"
           "256]},"
           "{\"name\":\"begin_index\",\"choices\":[\"none\",\"constant\",\"shape\",\"tensor\"]},"
           "{\"name\":\"weights\",\"choices\":[\"fp32\",\"fp16\",\"int8\",\"int4_block\",\"int4_codebook\"]},"
           "{\"name\":\"kv_write\",\"choices\":[\"concat\",\"scatter\"]}],"
           "\"failing\":{\"layers\":48,\"begin_index\":\"tensor\",\"kv_write\":\"scatter\"},"
           "\"forbid\":[{\"begin_index\":\"shape\",\"shapes\":\"static\"}],"
           "\"reference\":{\"unit\":\"reference\",\"tolerance\":0.02},"
           "\"limits\":{\"timeout_s\":60,\"memory_mb\":4096},\"source\":\"where the report comes from\"}");
    cr_assert_str_eq(loaded->name, "kv-write");
    cr_assert_eq(loaded->model_kind, TL_MODEL_FAMILY);
    cr_assert_eq(loaded->n_axes, 5);
    cr_assert_eq(loaded->axes[0].count, 48);
    cr_assert_eq(loaded->failing.index[0], 47);
    cr_assert_eq(loaded->failing.index[1], 0);
    cr_assert_eq(loaded->failing.index[2], 3);
    cr_assert_str_eq(loaded->reference.unit, "reference");
    cr_assert_float_eq(loaded->reference.tolerance.whole, 0.02, 1e-12);
    cr_assert_str_eq(loaded->directory, "/nowhere");
}

Test(cases, one_mistake_each)
{
    refuse(HEAD "\"axes\":[]}", "$", "lacks the key \"model\"");
    refuse(HEAD "\"model\":{}}", "$.model", "found none");
    refuse(HEAD "\"model\":{\"famly\":\"selftest\"}}", "$.model.famly", "did you mean \"family\"?");
    refuse(HEAD "\"model\":{\"family\":\"decodr\"}}", "$.model.family", "decoder");
    refuse(HEAD "\"model\":{\"family\":\"selftest\",\"steps\":[{\"phase\":\"load\",\"argv\":[\"a\"]}]}}",
           "$.model", "found several");
#define BESIDE(kind)                                                                                         \
    HEAD "\"model\":{\"family\":\"decoder\"," kind                                                           \
         "},\"axes\":[{\"name\":\"layers\",\"range\":[1,4]},{\"name\":\"mine\",\"choices\":[1,2]}]}"
    refuse(BESIDE("\"generate\":[\"g\",\"{layers}\",\"{mine}\",\"{model}\"]"), "$.model", "found several");
    refuse(BESIDE("\"steps\":[{\"phase\":\"load\",\"argv\":[\"a\",\"{layers}\",\"{mine}\"]}]"), "$.model",
           "found several");
    refuse(BESIDE("\"file\":\"/usr\""), "$.model", "found several");
    refuse(STEPS "\"forbid\":[{\"threads\":1}]}", "$.forbid[0].threads", "neither the case nor its model");
    refuse(HEAD "\"model\":[]}", "$.model", "found an empty list");
    refuse(HEAD "\"model\":{\"file\":\"no-such.onnx\"}}", "$.model.file",
           "/nowhere/no-such.onnx: No such file");
    refuse(HEAD "\"model\":{\"file\":\"/dev/null\"}}", "$.model.file", "neither a file nor a directory");
    refuse(SELFTEST "\"axes\":{}}", "$.axes", "found an empty object");
    refuse(SELFTEST "\"axes\":[{\"name\":\"layers\",\"range\":[1]}]}", "$.axes[0].range", "[FIRST, LAST]");
    refuse(SELFTEST "\"axes\":[{\"name\":\"layers\",\"range\":[0,5]}]}", "$.axes[0].range[0]", "from 1 to");
    refuse(SELFTEST "\"axes\":[{\"name\":\"layers\",\"ordered\":[]}]}", "$.axes[0].ordered", "at least one");
    refuse(SELFTEST "\"axes\":[{\"name\":\"behaviour\",\"range\":[1,2]}]}", "$.axes[0].range", "one of pass");
    refuse(SELFTEST "\"axes\":[{\"name\":\"layers\"}]}", "$.axes[0]", "found none");
    refuse(SELFTEST "\"axes\":[{\"name\":\"layers\",\"rnage\":[1,2]}]}", "$.axes[0].rnage", "\"range\"");
    refuse(SELFTEST "\"axes\":[{\"name\":\"optimization\",\"range\":[0,99]}]}", "$.axes[0].range",
           "\"ordered\"");
    refuse(SELFTEST "\"axes\":[{\"name\":\"optimization\",\"ordered\":[0,3]}]}", "$.axes[0].ordered[1]",
           "one of 0, 1, 2, 99");
    refuse(SELFTEST "\"axes\":[{\"name\":\"arena\",\"choices\":[\"true\"]}]}", "$.axes[0].choices[0]",
           "true or false");
    refuse(STEPS "\"axes\":[{\"name\":\"a\",\"choices\":[1,\"1\"]}]}", "$.axes[0].choices[1]",
           "an integer like");
    refuse(STEPS "\"axes\":[{\"name\":\"a\",\"choices\":[1,null]}]}", "$.axes[0].choices[1]", "found null");
    refuse(STEPS "\"axes\":[{\"name\":\"a\",\"choices\":[1.5]}]}", "$.axes[0].choices[0]", "the number 1.5");
    refuse(STEPS "\"axes\":[{\"name\":\"a\",\"choices\":[\"x\\ny\"]}]}", "$.axes[0].choices[0]", "control");
    refuse(STEPS "\"axes\":[{\"name\":\"a\",\"choices\":[1],\"about\":\"x\\ny\"}]}", "$.axes[0].about",
           "control");
    refuse(STEPS "\"axes\":[{\"name\":\"a\",\"about\":\"x\"}]}", "$.axes[0]", "found none");
    refuse(STEPS "\"axes\":[{\"name\":\"a\",\"choices\":[1],\"about_values\":{}}]}", "$.axes[0].about_values",
           "at least one value");
    refuse(STEPS "\"axes\":[{\"name\":\"a\",\"choices\":[1],\"about_values\":{\"2\":\"x\"}}]}",
           "$.axes[0].about_values.2", "a value of axis a");
    refuse(STEPS "\"axes\":[{\"name\":\"a\",\"choices\":[1],\"about_values\":{\"1\":1}}]}",
           "$.axes[0].about_values.1", "a string of 1 to 1024 bytes");
    refuse(STEPS "\"axes\":[{\"name\":\"a b\",\"choices\":[1]}]}", "$.axes[0].name", "expected a name");
    refuse(STEPS "\"axes\":[{\"name\":\"model\",\"choices\":[1]}]}", "$.axes[0].name", "another name");
    refuse(STEPS "\"axes\":[{\"name\":\"a\",\"choices\":[1]},{\"name\":\"a\",\"choices\":[1]}]}",
           "$.axes[1].name", "another axis is named a");
    refuse(STEPS "\"failing\":[]}", "$.failing", "found an empty list");
    refuse(STEPS "\"axes\":[{\"name\":\"a\",\"choices\":[1,2]}],\"failing\":{\"a\":3}}", "$.failing.a",
           "one of 1, 2, found the integer 3");
    refuse(STEPS "\"forbid\":[{\"nothing\":1}]}", "$.forbid[0].nothing", "neither the case nor its model");
    refuse(STEPS
           "\"axes\":[{\"name\":\"a\",\"choices\":[1,2]}],\"failing\":{\"a\":2},\"forbid\":[{\"a\":[2]}]}",
           "$.failing", "the case forbids a=2");
    refuse(MADE "\"reference\":{}}", "$.reference", "\"unit\", whose outputs are right, or \"outputs\"");
    refuse(STEPS "\"limits\":{\"processes\":-1}}", "$.limits.processes", "found the integer -1");
    refuse(STEPS "\"limits\":{\"timeout_s\":1e300}}", "$.limits.timeout_s", "at most 604800");
    refuse(STEPS "\"ti\\u0074le\":1}", "$.title", "found the integer 1");
    refuse(STEPS "\"a.b \\n\":1}", "$[\"a.b \\n\"]", "unknown key");
    refuse("[]", "$", "found an empty list");
}

Test(cases, commands)
{
#define STEP(s)                                                                                              \
    HEAD "\"model\":{\"steps\":[{\"phase\":\"execute\"," s                                                   \
         "}]},\"axes\":[{\"name\":\"opt\",\"choices\":[1]}]}"
    refuse(STEP("\"argv\":[]"), "$.model.steps[0].argv", "at least one");
    refuse(STEP("\"argv\":[\"\"]"), "$.model.steps[0].argv[0]", "non-empty");
    refuse(STEP("\"argv\":[\"a\",1]"), "$.model.steps[0].argv[1]", "found the integer 1");
    refuse(STEP("\"argv\":[\"a\",\"{optt}\"]"), "$.model.steps[0].argv[1]", "did you mean {opt}?");
    refuse(STEP("\"argv\":[\"a\",\"{scrach}\"]"), "$.model.steps[0].argv[1]", "did you mean {scratch}?");
    refuse(STEP("\"argv\":[\"a\",\"{what}\"]"), "$.model.steps[0].argv[1]", "unknown placeholder {what}");
    refuse(STEP("\"argv\":[\"a\",\"{\"]"), "$.model.steps[0].argv[1]", "{{ and }}");
    refuse(STEP("\"argv\":[\"a\",\"x}\"]"), "$.model.steps[0].argv[1]", "{{ and }}");
    refuse(STEP("\"argv\":[\"a\",\"{model}\"]"), "$.model.steps[0].argv[1]", "means nothing here");
    refuse(STEP("\"argv\":[\"a\",\"{inputs}\"]"), "$.model.steps[0].argv[1]", "means nothing here");
    refuse(STEP("\"argv\":[\"a\"],\"expect\":{\"exit_status\":256}"), "$.model.steps[0].expect.exit_status",
           "0 to 255");
    refuse(STEP("\"argv\":[\"a\"],\"expect\":{\"exit_status\":\"all\"}"),
           "$.model.steps[0].expect.exit_status", "any");
    refuse(STEP("\"argv\":[\"a\"],\"expect\":{\"text\":\"ok\"}"), "$.model.steps[0].expect.text",
           "list of texts");
    refuse(STEP("\"argv\":[\"a\"],\"expect\":{\"files\":[\"{no}\"]}"), "$.model.steps[0].expect.files[0]",
           "{no}");
    refuse(STEP("\"argv\":[\"a\"],\"timeout_s\":0"), "$.model.steps[0].timeout_s", "greater than 0");
    refuse(HEAD "\"model\":{\"steps\":[{\"phase\":\"run\",\"argv\":[\"a\"]}]}}", "$.model.steps[0].phase",
           "compile");
    refuse(HEAD "\"model\":{\"steps\":[]}}", "$.model.steps", "at least one");
    refuse(HEAD "\"model\":{\"generate\":[\"gen\"]}}", "$.model.generate", "expected {model}");

    accept(STEP(
        "\"argv\":[\"bin/tool\",\"-O{opt}\",\"\",\"{{}}\",\"{scratch}/o\"],\"timeout_s\":1.5,\"expect\":"
        "{\"exit_status\":\"any\",\"text\":[\"a{opt}\"],\"no_text\":[\"b\",\"c\"],\"files\":[\"*.o\"]}"));
    const struct tl_step *s = &loaded->steps[0];
    cr_assert_eq(loaded->model_kind, TL_MODEL_STEPS);
    cr_assert_eq(s->phase, (int)TL_PHASE_EXECUTE);
    cr_assert_eq(s->argv.n, 5);
    cr_assert_str_eq(s->argv.words[0].text, "{case_dir}/bin/tool");
    cr_assert_eq(s->expect.exit_status, -1);
    cr_assert_eq(s->expect.n_text, 1);
    cr_assert_eq(s->expect.n_no_text, 2);
    cr_assert_str_eq(s->expect.files[0], "*.o");
    cr_assert_float_eq(s->timeout_s, 1.5, 1e-12);

    accept(HEAD "\"model\":{\"generate\":[\"gen\",\"-o\",\"{model}\",\"{inputs}\",\"{n}\"]},"
                "\"axes\":[{\"name\":\"n\",\"range\":[1,3]}]}");
    cr_assert_eq(loaded->model_kind, TL_MODEL_GENERATE);
    cr_assert_eq(loaded->generate.n, 5);
}

Test(cases, inputs_in_a_case)
{
#define WITH(s)                                                                                              \
    STEPS "\"axes\":[{\"name\":\"n\",\"range\":[1,9]},{\"name\":\"s\",\"choices\":[\"a\"]}],\"inputs\":[" s  \
          "]}"
    accept(WITH("{\"name\":\"x\",\"dtype\":\"float32\",\"shape\":[1,\"{n}\",64],\"fill\":{\"random\":7}}"));
    cr_assert_eq(json_array_size(loaded->inputs), 1);
    accept(WITH("{\"name\":\"x\",\"dtype\":\"int64\",\"shape\":[2],\"data\":[1,2]}"));
    accept(WITH("{\"name\":\"x\",\"dtype\":\"int64\",\"shape\":[\"{n}\"],\"data\":[1,2]}"));
    refuse(WITH("{\"name\":\"x\",\"dtype\":\"int64\",\"shape\":[3],\"data\":[1,2]}"), "$.inputs[0].data",
           "expected 3 elements");
    refuse(WITH("{\"name\":\"x\",\"dtype\":\"int8\",\"shape\":[2],\"data\":[1,128]}"), "$.inputs[0].data[1]",
           "found the integer 128");
    refuse(WITH("{\"name\":\"x\",\"dtype\":\"int23\",\"shape\":[2],\"fill\":{\"random\":1}}"),
           "$.inputs[0].dtype", "float32");
    refuse(WITH("{\"name\":\"x\",\"dtype\":\"int32\",\"shape\":[\"{m}\"],\"fill\":{\"random\":1}}"),
           "$.inputs[0].shape[0]", "no axis m");
    refuse(WITH("{\"name\":\"x\",\"dtype\":\"int32\",\"shape\":[\"{s}\"],\"fill\":{\"random\":1}}"),
           "$.inputs[0].shape[0]", "axis with integers");
    refuse(WITH("{\"name\":\"x\",\"dtype\":\"int32\",\"shape\":[-1],\"fill\":{\"random\":1}}"),
           "$.inputs[0].shape[0]", "not negative");
    refuse(
        WITH(
            "{\"name\":\"x\",\"dtype\":\"int32\",\"shape\":[4294967296,4294967296],\"fill\":{\"random\":1}}"),
        "$.inputs[0].shape[1]", "16 GiB");
    refuse(WITH("{\"name\":\"x\",\"dtype\":\"int32\",\"shape\":[1],\"fill\":{\"random\":1},\"data\":[1]}"),
           "$.inputs[0]", "exactly one");
    refuse(WITH("{\"name\":\"x\",\"dtype\":\"int32\",\"shape\":[1]}"), "$.inputs[0]", "exactly one");
    refuse(WITH("{\"name\":\"x\",\"dtype\":\"int32\",\"shape\":[1],\"fill\":{\"randon\":1}}"),
           "$.inputs[0].fill.randon", "\"random\"");
    refuse(WITH("{\"name\":\"x\",\"dtype\":\"int32\",\"shape\":[1],\"fill\":{\"constant\":1.5}}"),
           "$.inputs[0].fill.constant", "the number 1.5");
    refuse(WITH("{\"name\":\"x\",\"npy\":\"none.npy\"}"), "$.inputs[0].npy", "/nowhere/none.npy");
    refuse(WITH("{\"name\":\"x\",\"dtype\":\"bool\",\"shape\":[],\"fill\":{\"random\":1}},"
                "{\"name\":\"x\",\"dtype\":\"bool\",\"shape\":[],\"fill\":{\"random\":1}}"),
           "$.inputs[1].name", "input 0 has the same");
    refuse(SELFTEST "\"inputs\":[]}", "$.inputs", "makes its own inputs");
}

Test(cases, texts_that_are_not_json)
{
    refuse("", "$", "JSON");
    refuse("{\n\n  \"trapline\": 1,\n}", "$", "expected JSON");
    cr_assert_eq(mistakes.list[0].line, 4);
    refuse("{\"trapline\":1", "$", "the end of the file");
    refuse("\xef\xbb\xbf{}", "$", "byte order mark");
    refuse("{\"trapline\":1,\n\"trapline\":1}", "$", "each key once");
    cr_assert_eq(mistakes.list[0].line, 2);
    refuse("{\"name\":\"a\\u0000b\"}", "$", "U+0000");
    refuse("{\"na\\u0000me\":\"b\"}", "$", "U+0000");
    refuse("{\"name\":\"\xff\xfe\"}", "$", "UTF-8");
    refuse("{\"trapline\":\n99999999999999999999999}", "$", "fits 64 bits");
    refuse("{\"trapline\":1e99999}", "$", "fits 64 bits");
    static const char nul[] = "{\"trapline\":1,\0\"name\":\"x\"}";
    forget();
    cr_assert_eq(tl_case_parse(nul, sizeof nul - 1, "x.json", &loaded, &mistakes, &error), -1);
    cr_assert_eq(mistakes.n, 1);
}

Test(cases, depth_is_bounded)
{
    for (size_t depth = 60; depth < 6000; depth = depth * 3) {
        struct tl_buffer b = TL_BUFFER_INIT;
        tl_buffer_add_string(&b, HEAD "\n\"model\":");
        for (size_t i = 0; i < depth; i++)
            tl_buffer_add_string(&b, i % 2 ? "[" : "{\"steps\":");
        tl_buffer_add_string(&b, "1");
        for (size_t i = depth; i--;)
            tl_buffer_add_string(&b, i % 2 ? "]" : "}");
        tl_buffer_add_string(&b, "}");
        cr_assert_eq(parse(b.data), -1);
        cr_assert_geq(mistakes.n, 1);
        if (depth > 64)
            cr_assert_eq(mistakes.list[0].line, depth > 2047 ? mistakes.list[0].line : 2);
        tl_buffer_free(&b);
    }
}

Test(cases, too_many_mistakes_are_counted)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "{");
    for (int i = 0; i < 20000; i++)
        tl_buffer_printf(&b, "\"k%d\":\n%d,", i, i);
    tl_buffer_add_string(&b, "\"trapline\":1}");
    cr_assert_eq(parse(b.data), -1);
    cr_assert_eq(mistakes.n, 1001);
    cr_assert_str_eq(mistakes.list[mistakes.n - 1].expected, "and 19002 mistakes more");
    tl_buffer_free(&b);
}

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

Test(cases, files)
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
Test(cases, external_data_of_a_model)
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

Test(cases, environment_and_versions)
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
Test(cases, files_that_are_written)
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

Test(cases, hash_ignores_layout_and_order)
{
    char before[TL_ID_SIZE];
    accept(STEPS "\"axes\":[{\"name\":\"a\",\"choices\":[1,2]}],\"failing\":{\"a\":2}}");
    strcpy(before, loaded->hash);
    accept(
        "{ \"failing\" : {\"a\": 2},\n\t\"axes\":[{\"choices\":[1, 2],\"n\\u0061me\":\"a\"}],\"name\":\"x\","
        "\"model\":{\"steps\":[{\"argv\":[\"true\"],\"phase\":\"execute\"}]},\"trapline\":1}");
    cr_assert_str_eq(before, loaded->hash);
    accept(STEPS "\"axes\":[{\"name\":\"a\",\"choices\":[2,1]}],\"failing\":{\"a\":2}}");
    cr_assert_str_neq(before, loaded->hash);
}

Test(cases, every_family_has_sound_axes)
{
    size_t n, n_runtime;
    const struct tl_family *const *all = tl_families(&n);
    const struct tl_family_axis *runtime = tl_runtime_axes(&n_runtime);
    cr_assert_geq(n, 2);
    for (size_t i = 0; i <= n; i++) {
        const struct tl_family_axis *axes = i < n ? all[i]->axes : runtime;
        size_t n_axes = i < n ? all[i]->n_axes : n_runtime;
        for (size_t k = 0; k < n_axes; k++) {
            const struct tl_family_axis *a = &axes[k];
            const char *quote = a->type == TL_VALUE_STRING ? "\"" : "";
            char *text = tl_format(
                HEAD "\"model\":{\"family\":\"%s\"},\"axes\":[{\"name\":\"%s\",\"choices\":[%s%s%s]}]}",
                i < n ? all[i]->name : "selftest", a->name, quote, a->baseline, quote);
            accept(text);
            free(text);
        }
    }
    cr_assert_null(tl_family_find("nothing"));
}

Test(cases, every_case_file_of_the_project_is_right)
{
    glob_t found;
    cr_assert_eq(glob(TL_SOURCE_DIR "/cases/*/*.json", 0, NULL, &found), 0);
    cr_assert_geq(found.gl_pathc, 4);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *text = tl_read_file(found.gl_pathv[i], 1 << 22, NULL);
        cr_assert_not_null(text);
        bool suite = strstr(text, "\"suite\"") != NULL;
        free(text);
        if (suite) /* a list of cases, not a case */
            continue;
        int status = tl_case_load(found.gl_pathv[i], &loaded, &mistakes, &error);
        cr_expect_eq(status, 0, "%s: %s", found.gl_pathv[i], error.why);
        forget();
    }
    globfree(&found);
}

/* The paths in a unit are those of the case, wherever it is run from. */
Test(cases, the_unit_of_a_reference)
{
    static const struct {
        const char *told, *unit;
    } units[] = {{"onnxruntime@1.30.0:cpu", "onnxruntime@1.30.0:cpu"},
                 {"./mine.py:cpu", "/nowhere/./mine.py:cpu"},
                 {"/opt/mine:cpu", "/opt/mine:cpu"},
                 {"onnxruntime@lib/x.so:cpu", "onnxruntime@/nowhere/lib/x.so:cpu"}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        char *text = tl_format(MADE "\"reference\":{\"unit\":\"%s\"}}", units[i].told);
        accept(text);
        cr_assert_str_eq(loaded->reference.unit, units[i].unit);
        free(text);
    }
    refuse(MADE "\"reference\":{\"unit\":\"mine:\"}}", "$.reference.unit", "RUNNER[@BUILD]:DEVICE[%ALIAS]");
    refuse(MADE "\"reference\":{\"unit\":\"@1:cpu\"}}", "$.reference.unit", "RUNNER[@BUILD]:DEVICE[%ALIAS]");
}

#define AXES "\"axes\":[{\"name\":\"n\",\"range\":[1,3]},{\"name\":\"optimization\",\"choices\":[99,1]}],"

Test(cases, mistakes_in_a_reference)
{
    static const struct {
        const char *of, *where, *says;
    } rows[] = {
        {"{\"unit\":\"same\"}", ".unit", "\"with\" as well"},
        {"{\"unit\":\"same\",\"with\":{}}", ".with", "axes, and the values"},
        {"{\"unit\":\"same\",\"with\":{\"m\":1}}", ".with.m", "neither the case nor its model"},
        {"{\"unit\":\"same\",\"with\":{\"n\":4}}", ".with.n", "from 1 to 3"},
        {"{\"unit\":\"same\",\"with\":{\"optimization\":\"none\"}}", ".with.optimization",
         "value of axis optimization"},
        {"{\"outputs\":[]}", ".outputs", "outputs"},
        {"{\"outputs\":[{\"name\":\"y\"}]}", ".outputs[0]", "\"npy\" or \"pb\""},
        {"{\"outputs\":[{\"name\":\"y\",\"npy\":\"a\",\"pb\":\"b\"}]}", ".outputs[0].pb", "either"},
        {"{\"outputs\":[{\"name\":\"y\",\"npy\":\"none.npy\"}]}", ".outputs[0].npy", "No such file"},
        {"{\"outputs\":[{\"name\":\"y\",\"npy\":\"{m}.npy\"}]}", ".outputs[0].npy",
         "unknown placeholder {m}"},
        {"{\"outputs\":[{\"name\":\"y\",\"npy\":\"{outputs}/y\"}]}", ".outputs[0].npy",
         "arguments of \"generate\""},
        {"{\"outputs\":[{\"name\":\"y\",\"npy\":\"{n}\"},{\"name\":\"y\",\"npy\":\"{n}\"}]}", ".outputs[1]",
         "not listed before"},
        {"{\"outputs\":[{\"name\":\"y\",\"npy\":\"{n}\"}],\"with\":{\"n\":1}}", ".with",
         "files have no axes"},
        {"{\"unit\":\"a:cpu\",\"outputs\":[{\"name\":\"y\",\"npy\":\"{n}\"}]}", ".outputs[0].npy",
         "expected no file"},
        {"{\"unit\":\"a:cpu\",\"outputs\":[{\"name\":\"y\"}]}", ".outputs[0]", "how close"},
        {"{\"unit\":\"a:cpu\",\"tolerance\":1,\"rtol\":1}", ".tolerance", "either \"tolerance\""},
        {"{\"unit\":\"a:cpu\",\"rtol\":-1}", ".rtol", "at least 0"},
        {"{\"unit\":\"a:cpu\",\"atol\":\"1\"}", ".atol", "a number"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = tl_format(MADE AXES "\"reference\":%s}", rows[i].of),
             *where = tl_format("$.reference%s", rows[i].where);
        refuse(text, where, rows[i].says);
        free(text);
        free(where);
    }
    refuse(STEPS "\"reference\":{\"unit\":\"a:cpu\"}}", "$.reference", "steps have no outputs");
    refuse(STEPS "\"axes\":[{\"name\":\"outputs\",\"choices\":[1]}]}", "$.axes[0].name", "another name");
}

Test(cases, a_reference_with_other_axes)
{
    accept(MADE AXES
           "\"reference\":{\"unit\":\"same\",\"with\":{\"optimization\":0,\"threads\":2},\"atol\":1e-6}}");
    const struct tl_reference *r = &loaded->reference;
    cr_assert_str_eq(r->text, "the same unit with optimization=0, threads=2");
    cr_assert(r->tolerance.elementwise && r->tolerance.rtol == 0 && r->tolerance.atol == 1e-6);
    struct tl_variant v = tl_variant_baseline(loaded);
    v.index[0] = 2;
    v.index[1] = 1;
    struct tl_variant w = tl_reference_variant(loaded, &v);
    char *text = tl_variant_json(r->as, &w);
    cr_assert_str_eq(text, "{\"n\":3,\"optimization\":0,\"threads\":2}");
    cr_assert_str_eq(r->as->hash, loaded->hash);
    free(text);
    tl_variant_free(&v);
    tl_variant_free(&w);
}

/* The content of expected files belongs to the case, of all variants that it names one for. */
Test(cases, expected_files_are_part_of_it)
{
    char place[] = "/tmp/trapline-case-XXXXXX", hash[2][TL_ID_SIZE];
    static const int64_t dims[] = {1};
    static const float values[] = {1, 2};
    struct tl_error e;
    struct tl_mistakes m = {0};
    struct tl_case *c;
    cr_assert(mkdtemp(place));
    char *case_file = tl_format("%s/case.json", place), *npy = tl_format("%s/2.npy", place);
    setenv("XDG_CACHE_HOME", place, 1);
    static const char text[] =
        MADE AXES "\"reference\":{\"outputs\":[{\"name\":\"y\",\"npy\":\"{n}.npy\"}]}}";
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(tl_npy_write(npy, TL_DTYPE_FLOAT32, 1, dims, &values[i], &e), 0);
        cr_assert_eq(tl_case_parse(text, sizeof text - 1, case_file, &c, &m, &e), 0, "%s", e.why);
        memcpy(hash[i], c->hash, TL_ID_SIZE);
        char **files = tl_reference_files(c);
        cr_assert(files[0] && !files[1], "one of three is there");
        cr_assert_str_eq(files[0], npy);
        tl_strings_free(files);
        tl_case_free(c);
        tl_mistakes_free(&m);
    }
    cr_assert_str_neq(hash[0], hash[1]);
    char *remove = tl_format("rm -r %s", place);
    cr_assert_eq(system(remove), 0);
    free(remove);
    free(case_file);
    free(npy);
}
