/* The table of slots, libraries that are not what they should be, and the log that tells where nodes are. */
#include "runners/onnxruntime/runtime.h"

#include <criterion/criterion.h>
#include <string.h>

#ifdef HAVE_ORT_HEADER
#include <onnxruntime_c_api.h>
#endif

static const struct {
    const char *name;
    unsigned slot, since;
} functions[] = {
#define ROW(name, slot, since, result, parameters) {#name, slot, since},
    TL_ORT_FUNCTIONS(ROW)
#undef ROW
};
#define N (sizeof functions / sizeof *functions)

Test(ort_api, slots_are_distinct_and_in_range_of_their_version)
{
    for (size_t i = 0; i < N; i++) {
        /* The table of API 10 has 204 slots, that of 11 has 210, that of 12 has 219. */
        unsigned end = functions[i].since == 10 ? 204 : functions[i].since == 11 ? 210 : 219;
        cr_assert_lt(functions[i].slot, end, "%s", functions[i].name);
        for (size_t j = i + 1; j < N; j++)
            cr_assert_neq(functions[i].slot, functions[j].slot, "%s, %s", functions[i].name,
                          functions[j].name);
    }
}

#ifdef HAVE_ORT_HEADER
Test(ort_api, slots_are_those_of_the_official_header)
{
#define PROVE(name, slot, since, result, parameters)                                                         \
    cr_assert_eq(offsetof(OrtApi, name) / sizeof(void *), slot, "%s", #name);
    TL_ORT_FUNCTIONS(PROVE)
#undef PROVE
    cr_assert_eq(offsetof(OrtApiBase, GetApi), 0);
    cr_assert_eq(offsetof(OrtApiBase, GetVersionString), sizeof(void *));
    cr_assert_eq(TL_ORT_KIND_TENSOR, (int)ONNX_TYPE_TENSOR);
    cr_assert_eq(TL_ORT_KIND_SEQUENCE, (int)ONNX_TYPE_SEQUENCE);
    cr_assert_eq(TL_ORT_KIND_MAP, (int)ONNX_TYPE_MAP);
    cr_assert_eq(TL_ORT_KIND_OPTIONAL, (int)ONNX_TYPE_OPTIONAL);
    cr_assert_eq(TL_ORT_WARNING, (int)ORT_LOGGING_LEVEL_WARNING);
    cr_assert_str_eq(tl_ort_error_name(ORT_EP_FAIL), "EP_FAIL");
    cr_assert_str_eq(tl_ort_error_name(ORT_INVALID_GRAPH), "INVALID_GRAPH");
    cr_assert_str_eq(tl_ort_dtype_name(ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16), "bfloat16");
    cr_assert_str_eq(tl_ort_dtype_name(ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING), "string");
}
#endif

Test(ort_api, names)
{
    cr_assert_str_eq(tl_ort_error_name(2), "INVALID_ARGUMENT");
    cr_assert_str_eq(tl_ort_error_name(99), "code 99");
    cr_assert_str_eq(tl_ort_error_name(-1), "code -1");
    cr_assert_str_eq(tl_ort_dtype_name(1), "float32");
    cr_assert_str_eq(tl_ort_dtype_name(22), "int4");
    cr_assert_eq(tl_ort_dtype_bits(22), 4);
    cr_assert_eq(tl_ort_dtype_bits(8), 0);
    cr_assert_eq(tl_ort_dtype_bits(-5), 0);
    cr_assert_str_eq(tl_ort_kind_name(2), "sequence");
    cr_assert_str_eq(tl_ort_kind_name(1000), "unknown");
}

Test(ort_api, which_version_of_the_api_is_asked_for)
{
    cr_assert_eq(tl_ort_api_version("1.10.0"), 10);
    cr_assert_eq(tl_ort_api_version("1.21.1"), 21);
    cr_assert_eq(tl_ort_api_version("1.30.0"), 21);
    cr_assert_eq(tl_ort_api_version("2.0.0"), 21);
    cr_assert_eq(tl_ort_api_version("1.28.0-dev.20260624"), 21);
    cr_assert_eq(tl_ort_api_version(""), 0);
    cr_assert_eq(tl_ort_api_version("abc"), 0);
    cr_assert_eq(tl_ort_api_version("1."), 0);
    cr_assert_eq(tl_ort_api_version("1.-3"), 0);
}

static void assert_not_loaded(const char *path, const char *why)
{
    struct tl_ort_api api;
    const char *version;
    struct tl_error e = {0};
    cr_assert_eq(tl_ort_load(path, &api, &version, &e), -1, "%s", path);
    cr_assert(strstr(e.why, why), "%s: %s", path, e.why);
}

Test(ort_api, libraries_that_are_none)
{
    assert_not_loaded("/nonexistent/libonnxruntime.so", "o such file"); /* no, on macOS */
    assert_not_loaded(__FILE__, "");
    assert_not_loaded(ODD_BUILDS "/ort-odd-0.so", "does not export");
    assert_not_loaded(ODD_BUILDS "/ort-odd-1.so", "nothing to work with");
    assert_not_loaded(ODD_BUILDS "/ort-odd-2.so", "it says that it is version garbage");
    assert_not_loaded(ODD_BUILDS "/ort-odd-3.so", "1.8 and later");
    assert_not_loaded(ODD_BUILDS "/ort-odd-4.so", "does not offer its API 21");
}

static void tell(struct tl_placement *p, const char *const *lines)
{
    tl_placement_start(p);
    for (; *lines; lines++)
        tl_placement_line(p, *lines);
    tl_placement_stop(p);
}

Test(ort_api, placement_on_one_provider)
{
    struct tl_placement p = {.lock = PTHREAD_MUTEX_INITIALIZER};
    tell(&p,
         (const char *const[]){"Node placements",
                               " All nodes placed on [WebGpuExecutionProvider]. Number of nodes: 1", NULL});
    cr_assert(p.told);
    cr_assert_eq(p.elsewhere, 0);
    cr_assert(json_object_get(p.providers, "WebGpuExecutionProvider"));
    tl_placement_free(&p);
}

Test(ort_api, placement_on_two_providers)
{
    struct tl_placement p = {.lock = PTHREAD_MUTEX_INITIALIZER};
    static const char *const lines[] = {"Node placements",
                                        " Node(s) placed on [CPUExecutionProvider]. Number of nodes: 3",
                                        "  Gather (a)",
                                        "  Det (b placed on)",
                                        "  Det ()",
                                        " Node(s) placed on [WebGpuExecutionProvider]. Number of nodes: 1",
                                        "  Det (c)",
                                        "something else",
                                        "  Det (not in the list any more)",
                                        NULL};
    tell(&p, lines);
    cr_assert_eq(p.elsewhere, 2, "%lu", p.elsewhere);
    json_t *cpu = json_object_get(p.providers, "CPUExecutionProvider");
    cr_assert_eq(json_integer_value(json_object_get(cpu, "Det")), 2);
    cr_assert_eq(
        json_integer_value(json_object_get(json_object_get(p.providers, "WebGpuExecutionProvider"), "Det")),
        1);
    /* Each session is told of anew. */
    tell(&p, (const char *const[]){"nothing of interest", NULL});
    cr_assert_not(p.told);
    cr_assert_eq(p.elsewhere, 0);
    tl_placement_free(&p);
}

Test(ort_api, a_log_that_is_not_listened_to)
{
    struct tl_placement p = {.lock = PTHREAD_MUTEX_INITIALIZER};
    tl_placement_line(&p, " All nodes placed on [X]. Number of nodes: 1");
    cr_assert_not(p.told);
    tell(&p,
         (const char *const[]){" placed on [", " placed on [no end", "  \xff\xfe (x)", "  ", " ", "", NULL});
    tl_placement_free(&p);
}
