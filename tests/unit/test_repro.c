/* What a bundle is made of: the narrowed case, and reproducers. */
#include "cases/load.h"
#include "reports/bundle/minimal_case.h"
#include "reports/bundle/repro.h"
#include "runners/onnxruntime/api.h"
#include "tests/unit/report_fixture.h"

Test(repro, a_narrowed_case_is_a_case)
{
    json_t *finding = fixture();
    json_t *document = json_load_file(TL_SOURCE_DIR "/cases/onnxruntime/decoder-gqa-begin.json", 0, NULL);
    /* The first two cannot come up any more. */
    json_object_set_new(document, "forbid",
                        json_pack("[{s:s,s:[i,i]},{s:i},{s:[s],s:i}]", "attention", "gqa", "context", 64, 128,
                                  "layers", 7, "attention", "sdpa", "begin_error", 1000000));
    json_t *minimal = tl_minimal_case(document, finding);
    char *text = json_dumps(minimal, 0);
    struct tl_case *c;
    struct tl_mistakes mistakes;
    struct tl_error e;
    int rc = tl_case_parse(text, strlen(text), "/tmp/case.json", &c, &mistakes, &e);
    cr_assert_eq(rc, 0, "%s: %s", mistakes.n ? mistakes.list[0].path : "",
                 mistakes.n ? mistakes.list[0].expected : e.why);
    json_t *failing = tl_variant_object(c, &c->failing);
    cr_expect(json_equal(failing, json_object_get(finding, "minimal")));
    size_t index;
    cr_expect_eq(tl_case_axis(c, "attention", &index)->count, 2);
    cr_expect_eq(tl_case_axis(c, "layers", &index)->count, 1);
    cr_expect_eq(c->n_forbid, 1);
    tl_mistakes_free(&mistakes);
    tl_case_free(c);
    json_decref(failing);
    json_decref(minimal);
    json_decref(document);
    json_decref(finding);
    free(text);
}

Test(repro, reproducers_hold_their_settings)
{
    json_t *options = json_pack("{s:s,s:s,s:s,s:{s:s},s:i,s:i,s:i,s:i,s:i,s:b,s:b}", "device", "webgpu",
                                "provider", "WebGpuExecutionProvider", "append", "WebGPU", "provider_options",
                                "k\"ey", "v\nalue", "optimization", 99, "threads", 2, "loads", 3, "runs", 4,
                                "stack_kb", 512, "memory_pattern", 1, "arena", 0),
           *inputs = json_pack("[{s:s,s:s,s:[i,i],s:s}]", "name", "x\"; system(\"rm\"); \"", "dtype",
                               "float16", "shape", 2, 3, "npy", "inputs/0.npy");
    json_t *expected =
               json_pack("[{s:s,s:s,s:[i],s:s,s:b,s:b,s:f,s:f}]", "name", "y", "dtype", "int4", "shape", 3,
                         "npy", "expected/0.npy", "exact", 1, "whole", 0, "rtol", 0.25, "atol", 0.5),
           *environment = json_pack("{s:s}", "A\"B", "c\nd");
    json_array_append_new(inputs, json_pack("{s:s,s:[{s:s,s:[i],s:s},{s:s,s:[i]}]}", "name", "s", "sequence",
                                            "dtype", "string", "shape", 4, "npy", "inputs/1-0.npy", "dtype",
                                            "float8e5m2", "shape", 5));
    struct tl_repro r = {.title = "title */ \"\"\" end",
                         .summary = "one */ two",
                         .version = "1.22.0",
                         .reference = "onnxruntime:\"1\":cpu",
                         .environment = environment,
                         .memory_mb = 1024,
                         .stack_limit_kb = 8192,
                         .judge_finite = true,
                         .failing = {"",
                                     "a=\"b\" ?"
                                     "?/ */",
                                     options, inputs, expected},
                         .control = {"control/", "", NULL, NULL, NULL}};
    char *c = tl_repro_c(&r);
    has(c, "/* title  / ''' end\n *\n * one / two\n *\n * Needs a C compiler and the shared library of ONNX "
           "Runtime 1.22.0:");
    has(c, "static const struct tensor failing_input_0[] = {\n"
           "    {\"inputs/0.npy\", 10, 12, 2, {2, 3}}, /* float16 */\n};");
    has(c, "    {\"inputs/1-0.npy\", 8, 0, 1, {4}}, /* string */\n    {NULL, 19, 5, 1, {5}}, /* float8e5m2 "
           "*/\n");
    has(c, "{\"x\\\"; system(\\\"rm\\\"); \\\"\", 0, 1, failing_input_0},");
    has(c, "{\"s\", 1, 2, failing_input_1},");
    has(c, "{\"y\", {\"expected/0.npy\", 22, 3, 1, {3}}, 4, 0, 1, 0.25, 0.5}, /* int4 */");
    has(c, "failing_environment[] = {\"A\\\"B\", \"c\\012d\", NULL};");
    has(c, ".about = \"a=\\\"b\\\" \\077\\077/ */\",");
    has(c, ".optimization = 99, .threads = 2, .memory_pattern = 1, .arena = 0,");
    has(c, ".loads = 3, .runs = 4, .stack_kb = 512,");
    has(c, ".memory_mb = 1024, .stack_limit_kb = 8192,");
    has(c, "a limit of memory (RLIMIT_DATA, 1024 MiB), a limit of the stack (RLIMIT_STACK, 8192 KiB). The "
           "build has to have the execution provider WebGPU.");
    has(c, ".provider = \"WebGPU\", .n_provider_options = 1,");
    has(c, ".keys = {\"k\\\"ey\"}, .values = {\"v\\012alue\"},");
    has(c, "*reference = \"onnxruntime:\\\"1\\\":cpu\";");
    has(c, "static const struct settings control = {0};");
    has_not(c, "@");
    r.title = "title \"\"\"";
    r.summary = "";
    char *python = tl_repro_python(&r);
    has(python, "pip install onnxruntime==1.22.0\n");
    has(python, "\"arena\": False");
    has(python, "{\"name\": \"y\", \"dtype\": \"int4\", \"shape\": [3], \"npy\": \"expected/0.npy\", "
                "\"exact\": True,");
    has(python, "\"environment\": {\"A\\\"B\": \"c\\nd\"},");
    has(python, "CONTROL = None");
    has_not(python, "@");
    free(python);
    r.title = "t";
    r.summary = NULL;
    r.version = "1.22.0+1a; rm";
    python = tl_repro_python(&r);
    has(python, "pip install onnxruntime\n");
    free(python);
    free(c);
    json_decref(options);
    json_decref(inputs);
    json_decref(expected);
    json_decref(environment);
}

/* The reproducer calls the runtime by the same numbers as the runner, whose numbers are held to the official
 * header. */
Test(repro, the_reproducer_knows_the_slots)
{
    static const struct {
        const char *name;
        int slot;
    } slots[] = {
#define ROW(name, slot, since, result, parameters) {#name, slot},
        TL_ORT_FUNCTIONS(ROW)
#undef ROW
            {"CreateEnv", 3},
    };
    const struct tl_repro none = {
        .title = "", .failing = {"", "", NULL, NULL, NULL}, .control = {"", "", NULL, NULL, NULL}};
    char *c = tl_repro_c(&none);
    size_t seen = 0;
    for (const char *at = c; (at = strstr(at, "#define ")); at++) {
        char name[80];
        int slot;
        if (sscanf(at, "#define %79[A-Za-z_0-9] ", name) != 1)
            continue;
        const char *call = strstr(at, "ORT("), *end = strstr(at + 1, "#define ");
        if (!call || !strcmp(name, "ORT") || (end && call > end) || sscanf(call, "ORT(%d,", &slot) != 1)
            continue;
        seen++;
        for (size_t i = 0; i <= sizeof slots / sizeof *slots; i++) {
            cr_assert_lt(i, sizeof slots / sizeof *slots, "%s is not known", name);
            if (!strcmp(slots[i].name, name)) {
                cr_expect_eq(slots[i].slot, slot, "%s", name);
                break;
            }
        }
    }
    cr_expect_eq(seen, 37, "%zu", seen);
    free(c);
}
