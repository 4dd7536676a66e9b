/* The table of functions of one build, and names for its numbers.
 *
 * A build is asked for the newest API that both it and api.h know: the version of the API is the minor
 * version of the runtime. Functions that the build does not have yet stay NULL. */
#include "runners/onnxruntime/api.h"

#include "harness/base/buffer.h"

#include <ctype.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* OrtApiBase: the only part that is the same in every build ever made. */
struct api_base {
    const void *const *(*get_api)(uint32_t version);
    const char *(*get_version)(void);
};

static const char *const error_names[] = {
    "OK",
    "FAIL",
    "INVALID_ARGUMENT",
    "NO_SUCHFILE",
    "NO_MODEL",
    "ENGINE_ERROR",
    "RUNTIME_EXCEPTION",
    "INVALID_PROTOBUF",
    "MODEL_LOADED",
    "NOT_IMPLEMENTED",
    "INVALID_GRAPH",
    "EP_FAIL",
};

static const char *const kind_names[] = {"unknown", "tensor", "sequence", "map",
                                         "opaque",  "sparse", "optional"};

static const struct {
    const char *name;
    unsigned char bits;
} dtypes[] = {
    {"undefined", 0},      {"float32", 32},  {"uint8", 8},        {"int8", 8},           {"uint16", 16},
    {"int16", 16},         {"int32", 32},    {"int64", 64},       {"string", 0},         {"bool", 8},
    {"float16", 16},       {"float64", 64},  {"uint32", 32},      {"uint64", 64},        {"complex64", 64},
    {"complex128", 128},   {"bfloat16", 16}, {"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8},
    {"float8e5m2fnuz", 8}, {"uint4", 4},     {"int4", 4},         {"float4e2m1", 4},     {"float8e8m0", 8},
    {"uint2", 2},          {"int2", 2},
};

const char *tl_ort_error_name(int code)
{
    static char text[24];
    if (code >= 0 && (size_t)code < TL_COUNT(error_names))
        return error_names[code];
    snprintf(text, sizeof text, "code %d", code);
    return text;
}

const char *tl_ort_kind_name(int kind)
{
    return kind >= 0 && (size_t)kind < TL_COUNT(kind_names) ? kind_names[kind] : "unknown";
}

const char *tl_ort_dtype_name(int dtype)
{
    static char text[24];
    if (dtype >= 0 && (size_t)dtype < TL_COUNT(dtypes))
        return dtypes[dtype].name;
    snprintf(text, sizeof text, "type %d", dtype);
    return text;
}

unsigned tl_ort_dtype_bits(int dtype)
{
    return dtype >= 0 && (size_t)dtype < TL_COUNT(dtypes) ? dtypes[dtype].bits : 0;
}

unsigned tl_ort_api_version(const char *version)
{
    if (!isdigit((unsigned char)version[0]))
        return 0;
    char *end;
    unsigned long major = strtoul(version, &end, 10);
    if (*end != '.' || !isdigit((unsigned char)end[1]))
        return 0;
    unsigned long minor = strtoul(end + 1, NULL, 10);
    return major > 1 || minor > TL_ORT_API_NEWEST ? TL_ORT_API_NEWEST : (unsigned)minor;
}

/* ISO C has no conversion between a data and a function pointer; POSIX says that the bits are the same. */
static void fill(void *member, const void *function)
{
    memcpy(member, &function, sizeof function);
}

int tl_ort_load(const char *path, struct tl_ort_api *api, const char **version, struct tl_error *e)
{
    static const char doing[] = "cannot load the build";
    const struct api_base *(*get_base)(void) = NULL;
    memset(api, 0, sizeof *api);
    *version = NULL;
    /* What the loader can say now it must not say in the middle of a trial: RTLD_NOW. */
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, doing, path, "%s", dlerror());
    fill(&get_base, dlsym(library, "OrtGetApiBase"));
    if (!get_base)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, doing, path, "it does not export OrtGetApiBase");
    const struct api_base *base = get_base();
    if (!base || !base->get_api || !base->get_version || !(*version = base->get_version()))
        return tl_fail(e, TL_ERROR_ENVIRONMENT, doing, path, "OrtGetApiBase gives nothing to work with");
    unsigned wanted = tl_ort_api_version(*version);
    if (wanted < 8)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, doing, path,
                       "it says that it is version %.40s: 1.8 and later can be used", *version);
    const void *const *table = base->get_api(wanted);
    if (!table)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, doing, path, "version %.40s does not offer its API %u",
                       *version, wanted);
#define TL_ORT_FILL(name, slot, since, result, parameters)                                                   \
    if (since <= wanted || since == 10)                                                                      \
        fill(&api->name, table[slot]);
    TL_ORT_FUNCTIONS(TL_ORT_FILL)
#undef TL_ORT_FILL
    return 0;
}
