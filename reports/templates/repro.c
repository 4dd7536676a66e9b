/* @TITLE@
 *
 * Reproduces the failure with nothing but ONNX Runtime's library:
 *
 *     cc repro.c -ldl -lpthread && ./a.out /path/to/libonnxruntime.so
 *     ./a.out /path/to/libonnxruntime.so --control     the nearest variant that was seen to pass
 *
 * Reads @FILES@ in the directory of this program, or else in the working directory.
 * No header of ONNX Runtime is needed: its C ABI is a table of functions that only ever grows, and what is
 * called here is called by its place in that table.
 *
 * Exit status when nothing crashes: 0 it ran, 1 the runtime refused (its words are printed), 2 misused, 3 it
 * ran and outputs hold values that are not finite (which ones is printed). */
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct input {
    const char *name, *npy;
    int type;    /* ONNXTensorElementDataType */
    size_t size; /* of one element */
    size_t rank;
    int64_t dims[16];
};

struct settings {
    const char *about, *model;
    int optimization, threads, memory_pattern, arena;
    long loads, runs, stack_kb;
    const char *provider; /* NULL: the CPU */
    size_t n_provider_options;
    const char *keys[4], *values[4];
    size_t n_inputs;
    const struct input *inputs;
};

/* @SETTINGS@ */

typedef const void *status; /* NULL: success */
static const void *const *api;
static void *env;

/* Slots of OrtApi. */
#define ORT(slot, result, ...) (*(result(*const *)(__VA_ARGS__))(&api[slot]))
#define GetErrorCode ORT(1, int, status)
#define GetErrorMessage ORT(2, const char *, status)
#define CreateEnv ORT(3, status, int, const char *, void **)
#define CreateSession ORT(7, status, void *, const char *, void *, void **)
#define Run                                                                                                  \
    ORT(9, status, void *, void *, const char *const *, void *const *, size_t, const char *const *, size_t,  \
        void **)
#define CreateSessionOptions ORT(10, status, void **)
#define EnableMemPattern ORT(16, status, void *)
#define DisableMemPattern ORT(17, status, void *)
#define EnableCpuMemArena ORT(18, status, void *)
#define DisableCpuMemArena ORT(19, status, void *)
#define SetSessionGraphOptimizationLevel ORT(23, status, void *, int)
#define SetIntraOpNumThreads ORT(24, status, void *, int)
#define SetInterOpNumThreads ORT(25, status, void *, int)
#define SessionGetOutputCount ORT(31, status, void *, size_t *)
#define SessionGetOutputName ORT(37, status, void *, size_t, void *, char **)
#define CreateTensorAsOrtValue ORT(48, status, void *, const int64_t *, size_t, int, void **)
#define GetTensorMutableData ORT(51, status, void *, void **)
#define GetTensorElementType ORT(60, status, void *, int *)
#define GetTensorShapeElementCount ORT(64, status, void *, size_t *)
#define GetTensorTypeAndShape ORT(65, status, void *, void **)
#define GetValueType ORT(67, status, void *, int *)
#define GetAllocatorWithDefaultOptions ORT(78, status, void **)
#define ReleaseSession ORT(95, void, void *)
#define ReleaseValue ORT(96, void, void *)
#define ReleaseTensorTypeAndShapeInfo ORT(99, void, void *)
#define SessionOptionsAppendExecutionProvider_CUDA_V2 ORT(204, status, void *, void *)
#define CreateCUDAProviderOptions ORT(205, status, void **)
#define SessionOptionsAppendExecutionProvider                                                                \
    ORT(216, status, void *, const char *, const char *const *, const char *const *, size_t)

static void check(const char *what, status s)
{
    if (!s)
        return;
    printf("%s: refused, code %d: %s\n", what, GetErrorCode(s), GetErrorMessage(s));
    exit(1);
}

static void say(const char *phase)
{
    printf("%s\n", phase);
    fflush(stdout);
}

/* A file beside this program, or else in the working directory. */
static const char *place(const char *program, const char *name)
{
    static char path[4096];
    const char *slash = strrchr(program, '/');
    snprintf(path, sizeof path, "%.*s/%s", slash ? (int)(slash - program) : 1, slash ? program : ".", name);
    return access(path, R_OK) == 0 ? path : name;
}

static const char *program;

/* The elements of a .npy file, whose header says what the list above says. */
static void read_npy(const struct input *in, void *data, size_t size)
{
    unsigned char head[12];
    const char *path = place(program, in->npy);
    FILE *f = fopen(path, "rb");
    size_t skip = 0;
    if (f && fread(head, 1, 12, f) == 12)
        skip = head[6] == 1 ? 10u + head[8] + 256u * head[9]
                            : 12u + head[8] + 256u * head[9] + 65536u * head[10] + 16777216u * head[11];
    if (!f || fseek(f, (long)skip, SEEK_SET) != 0 || fread(data, 1, size, f) != size) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(2);
    }
    fclose(f);
}

static size_t not_finite; /* outputs */

/* The types that have NaN and infinity: all bits of the exponent are set. */
static const struct {
    int type; /* ONNXTensorElementDataType */
    size_t size;
    uint64_t exponent;
} floats[] = {{1, 4, 0x7f800000}, {10, 2, 0x7c00}, {11, 8, UINT64_C(0x7ff0000000000000)}, {16, 2, 0x7f80}};

static int is_finite(const unsigned char *p, size_t kind)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < floats[kind].size; i++)
        bits |= (uint64_t)p[i] << 8 * i;
    return (bits & floats[kind].exponent) != floats[kind].exponent;
}

static void tell_of_output(const char *name, void *value)
{
    int value_type = 0, type = 0;
    size_t n = 0, kind = 0, odd = 0, first = 0;
    void *info = NULL, *data = NULL;
    check(name, GetValueType(value, &value_type));
    if (value_type != 1) /* no tensor */
        return;
    check(name, GetTensorTypeAndShape(value, &info));
    check(name, GetTensorElementType(info, &type));
    check(name, GetTensorShapeElementCount(info, &n));
    ReleaseTensorTypeAndShapeInfo(info);
    while (kind < sizeof floats / sizeof *floats && floats[kind].type != type)
        kind++;
    if (kind == sizeof floats / sizeof *floats || n == 0)
        return;
    check(name, GetTensorMutableData(value, &data));
    for (size_t i = n; i-- > 0;)
        if (!is_finite((const unsigned char *)data + i * floats[kind].size, kind)) {
            odd++;
            first = i;
        }
    if (odd) {
        not_finite++;
        printf("output %s: %zu of %zu values are not finite, the first is number %zu\n", name, odd, n, first);
    }
}

static void run(const struct settings *s)
{
    void *options = NULL, *session = NULL, *allocator = NULL, *values[1025] = {NULL}, **outputs;
    const char *names[1025] = {NULL};
    char **output_names;
    size_t n_outputs = 0;
    say("compile: making a session");
    check("session options", CreateSessionOptions(&options));
    check("optimization", SetSessionGraphOptimizationLevel(options, s->optimization));
    check("threads", SetIntraOpNumThreads(options, s->threads));
    check("threads", SetInterOpNumThreads(options, 1));
    check("memory pattern", s->memory_pattern ? EnableMemPattern(options) : DisableMemPattern(options));
    check("arena", s->arena ? EnableCpuMemArena(options) : DisableCpuMemArena(options));
    if (s->provider && !strcmp(s->provider, "CUDA")) {
        void *cuda = NULL;
        check("CUDA", CreateCUDAProviderOptions(&cuda));
        check("CUDA", SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda));
    } else if (s->provider) {
        check(s->provider, SessionOptionsAppendExecutionProvider(options, s->provider, s->keys, s->values,
                                                                 s->n_provider_options));
    }
    for (long i = 0; i < s->loads; i++) {
        if (session)
            ReleaseSession(session);
        session = NULL;
        check("compile", CreateSession(env, place(program, s->model), options, &session));
    }
    say("execute: running it");
    check("allocator", GetAllocatorWithDefaultOptions(&allocator));
    for (size_t i = 0; i < s->n_inputs && i < 1024; i++) {
        const struct input *in = &s->inputs[i];
        void *data = NULL;
        size_t size = in->size;
        for (size_t d = 0; d < in->rank; d++)
            size *= (size_t)in->dims[d];
        names[i] = in->name;
        check(in->name, CreateTensorAsOrtValue(allocator, in->dims, in->rank, in->type, &values[i]));
        check(in->name, GetTensorMutableData(values[i], &data));
        if (size)
            read_npy(in, data, size);
    }
    check("outputs", SessionGetOutputCount(session, &n_outputs));
    output_names = calloc(n_outputs + 1, sizeof *output_names);
    outputs = calloc(n_outputs + 1, sizeof *outputs);
    for (size_t i = 0; i < n_outputs; i++)
        check("outputs", SessionGetOutputName(session, i, allocator, &output_names[i]));
    for (long i = 0; i < s->runs; i++) {
        for (size_t o = 0; o < n_outputs; o++) {
            if (outputs[o])
                ReleaseValue(outputs[o]);
            outputs[o] = NULL;
        }
        check("execute", Run(session, NULL, names, values, s->n_inputs, (const char *const *)output_names,
                             n_outputs, outputs));
    }
    for (size_t i = 0; i < n_outputs; i++)
        if (outputs[i])
            tell_of_output(output_names[i], outputs[i]);
    printf("done: %zu outputs", n_outputs);
    if (not_finite)
        printf(", %zu of them not finite", not_finite);
    printf("\n");
    fflush(stdout);
}

static void *on_thread(void *arg)
{
    run(arg);
    return NULL;
}

struct base { /* OrtApiBase */
    const void *const *(*get_api)(uint32_t);
    const char *(*get_version)(void);
};

int main(int argc, char **argv)
{
    const struct settings *s = argc == 3 ? &control : &failing;
    unsigned minor = 0;
    if (argc < 2 || argc > 3 || (argc == 3 && strcmp(argv[2], "--control") != 0) || !s->model) {
        fprintf(stderr, "usage: %s PATH/libonnxruntime.so [--control]\n", argv[0]);
        if (argc == 3 && !s->model)
            fprintf(stderr, "no variant that passes is known: there is no control\n");
        return 2;
    }
    program = argv[0];
    printf("variant: %s\n", s->about);
    say("load: loading the library");
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    const struct base *(*get_base)(void) = NULL;
    if (library)
        *(void **)&get_base = dlsym(library, "OrtGetApiBase");
    if (!get_base) {
        fprintf(stderr, "%s\n", dlerror());
        return 2;
    }
    const struct base *base = get_base();
    printf("ONNX Runtime %s\n", base->get_version());
    sscanf(base->get_version(), "1.%u", &minor);
    api = base->get_api(minor > 21 ? 21 : minor);
    if (!api) {
        fprintf(stderr, "%s: its table of functions is not given out\n", argv[1]);
        return 2;
    }
    check("environment", CreateEnv(2, "repro", &env));
    if (s->stack_kb > 0) {
        pthread_t thread;
        pthread_attr_t attributes;
        pthread_attr_init(&attributes);
        if (pthread_attr_setstacksize(&attributes, (size_t)s->stack_kb * 1024) != 0 ||
            pthread_create(&thread, &attributes, on_thread, (void *)(uintptr_t)s) != 0) {
            fprintf(stderr, "no thread with a stack of %ld KiB\n", s->stack_kb);
            return 2;
        }
        pthread_join(thread, NULL);
    } else {
        run(s);
    }
    fflush(stdout);
    _exit(not_finite ? 3 : 0); /* without tearing down what is not in question */
}
