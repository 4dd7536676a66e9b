/* Loading of case files: what is accepted, what is reported, and where. */
#include "cases/family.h"
#include "harness/base/buffer.h"
#include "harness/base/record.h"
#include "tests/unit/case_fixture.h"

#include <criterion/criterion.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

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
