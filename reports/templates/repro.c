/* @TITLE@
 *
 * Needs a C compiler and the shared library of ONNX Runtime@VERSION@: libonnxruntime.so out of a release's
 * archive, of the npm package onnxruntime-node, or of a build of your own. No header of it: its C ABI is a table
 * of functions that only ever grows, and what is called here is called by its place in that table.
 *
 *     cc repro.c -ldl -lpthread && ./a.out /path/to/libonnxruntime.so
 *     @CONTROL@
 *
 * Reads the files that came with it: beside the program, or else in the working directory. It sets itself what
 * the failure needs: session options@LIMITS@. On Linux and the CPU it executes itself once
 * more, with few variables of the environment, so that it does the same wherever it is run.
 *
 * What to compare is the last line that begins with RESULT. A process that dies prints nothing any more, so each
 * phase begins with "RESULT: died in PHASE, if no line follows"; every other end has a line of its own.
 * Exit status when it does not die: 0 it passed, 1 the runtime refused (in its own words), 2 misused, 3 outputs
 * are wrong: they differ from those that are expected, or hold values that are not finite, 124 it did not end within
 * its time limit. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

struct tensor {
    const char *npy; /* NULL: every element is zero */
    int type;        /* ONNXTensorElementDataType */
    size_t bytes;    /* of all elements; of strings the file tells */
    size_t rank;
    int64_t dims[16];
};

struct input {
    const char *name;
    int sequence; /* of n tensors, else the one that there is */
    size_t n;
    const struct tensor *tensors;
};

struct expected {
    const char *name;
    struct tensor tensor;
    size_t bits; /* of one element; 0: a string */
    int whole; /* the largest difference relative to the largest magnitude, at most rtol; else each element by
                    itself, at most atol + rtol * |expected| */
    int exact; /* integers, booleans and strings have to be equal */
    double rtol, atol;
};

struct settings {
    const char *about, *model;
    int from_memory; /* the session is made of the model's bytes, not of its file */
    int optimization, threads, memory_pattern, arena;
    long loads, runs, stack_kb;
    long timeout_s;                 /* after which it ends itself; 0: never */
    long memory_mb;                 /* RLIMIT_DATA; 0: as it is */
    long stack_limit_kb;            /* RLIMIT_STACK; 0: as it is */
    const char *const *environment; /* name, value, …, NULL; or NULL */
    const char *const *config;      /* of the session: key, value, …, NULL; or NULL */
    const char *provider;           /* NULL: the CPU */
    size_t n_provider_options;
    const char *keys[4], *values[4];
    int judge_finite; /* a value that is not finite is wrong */
    size_t n_inputs;
    const struct input *inputs;
    size_t n_expected;
    const struct expected *expected;
};

/* @SETTINGS@ */

static const char no_control[] = "@NO_CONTROL@";

typedef const void *status; /* NULL: success */
static const void *const *api;
static void *env;
static unsigned minor;
static const char *program, *phase = "load", *reference = "@REFERENCE@";

/* Slots of OrtApi. */
#define ORT(slot, result, ...) (*(result(*const *)(__VA_ARGS__))(&api[slot]))
#define GetErrorCode ORT(1, int, status)
#define GetErrorMessage ORT(2, const char *, status)
#define CreateEnv ORT(3, status, int, const char *, void **)
#define CreateSession ORT(7, status, void *, const char *, void *, void **)
#define CreateSessionFromArray ORT(8, status, void *, const void *, size_t, void *, void **)
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
#define AddSessionConfigEntry ORT(130, status, void *, const char *, const char *)
#define SessionGetOutputCount ORT(31, status, void *, size_t *)
#define SessionGetOutputName ORT(37, status, void *, size_t, void *, char **)
#define CreateTensorAsOrtValue ORT(48, status, void *, const int64_t *, size_t, int, void **)
#define GetTensorMutableData ORT(51, status, void *, void **)
#define FillStringTensor ORT(52, status, void *, const char *const *, size_t)
#define GetStringTensorDataLength ORT(53, status, void *, size_t *)
#define GetStringTensorContent ORT(54, status, void *, void *, size_t, size_t *, size_t)
#define GetTensorElementType ORT(60, status, void *, int *)
#define GetDimensionsCount ORT(61, status, void *, size_t *)
#define GetDimensions ORT(62, status, void *, int64_t *, size_t)
#define GetTensorShapeElementCount ORT(64, status, void *, size_t *)
#define GetTensorTypeAndShape ORT(65, status, void *, void **)
#define GetValueType ORT(67, status, void *, int *)
#define GetAllocatorWithDefaultOptions ORT(78, status, void **)
#define CreateValue ORT(82, status, void *const *, size_t, int, void **)
#define ReleaseSession ORT(95, void, void *)
#define ReleaseValue ORT(96, void, void *)
#define ReleaseTensorTypeAndShapeInfo ORT(99, void, void *)
#define HasValue ORT(192, status, void *, int *)
#define SessionOptionsAppendExecutionProvider_CUDA_V2 ORT(204, status, void *, void *)
#define CreateCUDAProviderOptions ORT(205, status, void **)
#define SessionOptionsAppendExecutionProvider                                                                \
    ORT(216, status, void *, const char *, const char *const *, const char *const *, size_t)

enum { UNDEFINED, FLOAT, STRING = 8, BOOL = 9, FLOAT16, DOUBLE, COMPLEX64 = 14, COMPLEX128, BFLOAT16 };

/* How much of a text is the directory of this program, with its '/'; 0: another. */
static size_t own_directory(const char *text)
{
    static char given[4096], real[PATH_MAX + 1];
    const char *slash = strrchr(program, '/');
    if (!*given) {
        snprintf(given, sizeof given, "%.*s/", slash ? (int)(slash - program) : 1, slash ? program : ".");
        if (realpath(given, real))
            strcat(real, "/");
    }
    size_t n = strlen(given), m = strlen(real);
    return m > 2 && !strncmp(text, real, m) ? m : n > 1 && !strncmp(text, given, n) ? n : 0;
}

/* The runtime's words on one line. A file of this directory is told by its name, wherever the directory is. */
static void print_words(const char *text)
{
    size_t size = strlen(text);
    while (size && (text[size - 1] == '\n' || text[size - 1] == ' '))
        size--;
    for (const char *p = text; p < text + size;) {
        int inside =
            p > text && (p[-1] == '/' || p[-1] == '.' || p[-1] == '_' || (p[-1] >= 'a' && p[-1] <= 'z'));
        size_t n = inside ? 0 : own_directory(p);
        if (!n)
            putchar(*p == '\n' ? ' ' : *p);
        p += n ? n : 1;
    }
    putchar('\n');
}

static void check(const char *what, status s)
{
    if (!s)
        return;
    printf("RESULT: refused in %s (%s), code %d: ", phase, what, GetErrorCode(s));
    print_words(GetErrorMessage(s));
    fflush(stdout);
    _exit(1);
}

static char too_long[80]; /* what is said when the time is up: a handler of signals may format nothing */
static long time_limit;

static void on_alarm(int number)
{
    (void)number;
    ssize_t written = write(STDOUT_FILENO, too_long, strlen(too_long));
    _exit(written < 0 ? 2 : 124);
}

static void begin(const char *next)
{
    phase = next;
    snprintf(too_long, sizeof too_long, "RESULT: did not end in %s within %ld s\n", phase, time_limit);
    printf("RESULT: died in %s, if no line follows\n", phase);
    fflush(stdout);
}

#define AGAIN "REPRO_EXECUTED_AGAIN"
extern char **environ;

static int has(const char *directory, const char *name)
{
    static char path[8200];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return access(path, R_OK) == 0;
}

/* Whether a directory has each file that is read: one of another model may have the name of the first alone. */
static int has_all(const struct settings *s, const char *directory)
{
    int all = has(directory, s->model);
    for (size_t i = 0; i < s->n_inputs; i++)
        for (size_t k = 0; k < (s->inputs[i].sequence ? s->inputs[i].n : 1); k++)
            all = all && (!s->inputs[i].tensors[k].npy || has(directory, s->inputs[i].tensors[k].npy));
    for (size_t i = 0; i < s->n_expected; i++)
        all = all && (!s->expected[i].tensor.npy || has(directory, s->expected[i].tensor.npy));
    return all;
}

static char files[4096]; /* the directory in which they are; "": the working directory */

/* Beside this program, or else in the working directory; which was made the same where it could be. 0: in neither. */
static int find_files(const struct settings *s)
{
    const char *slash = strrchr(program, '/');
    if (getenv(AGAIN) && has_all(s, "."))
        return 1;
    snprintf(files, sizeof files, "%.*s", slash ? (int)(slash - program) + !(slash - program) : 1,
             slash ? program : ".");
    if (has_all(s, files))
        return 1;
    *files = '\0';
    return has_all(s, ".");
}

static const char *place(const char *name)
{
    static char path[8200];
    snprintf(path, sizeof path, "%s/%s", files, name);
    return *files ? path : name;
}

/* The elements of a .npy file, whose header says what is known here as well. NULL for none: zeros. */
static unsigned char *elements_of(const struct tensor *t, size_t *size)
{
    unsigned char head[12] = {0}, *data;
    const char *path = t->npy ? place(t->npy) : "";
    FILE *f = t->npy ? fopen(path, "rb") : NULL;
    long skip = 0, end = -1;
    if (f && fread(head, 1, 12, f) == 12)
        skip =
            head[6] == 1 ? 10 + head[8] + 256L * head[9] : 12 + head[8] + 256L * head[9] + 65536L * head[10];
    if (f && fseek(f, 0, SEEK_END) == 0)
        end = ftell(f);
    *size = t->type == STRING && end > skip ? (size_t)(end - skip) : t->bytes;
    data = calloc(*size + 1, 1);
    if (data &&
        (!t->npy || (end >= skip && fseek(f, skip, SEEK_SET) == 0 && fread(data, 1, *size, f) == *size))) {
        if (f)
            fclose(f);
        return data;
    }
    fprintf(stderr, "%s: cannot be read\n", path);
    exit(2);
}

static size_t count_of(const struct tensor *t)
{
    size_t n = 1;
    for (size_t i = 0; i < t->rank; i++)
        n *= (size_t)t->dims[i];
    return n;
}

static void *make_tensor(const char *name, void *allocator, const struct tensor *t)
{
    void *value = NULL, *data = NULL;
    size_t size, n = count_of(t);
    unsigned char *elements = elements_of(t, &size);
    check(name, CreateTensorAsOrtValue(allocator, t->dims, t->rank, t->type, &value));
    if (t->type == STRING) { /* cells of one width, filled up with NULs */
        size_t width = n ? size / n : 0;
        const char **strings = calloc(n + 1, sizeof *strings);
        for (size_t i = 0; i < n; i++)
            strings[i] = strndup((const char *)elements + i * width, width);
        check(name, FillStringTensor(value, strings, n));
    } else if (size) {
        check(name, GetTensorMutableData(value, &data));
        memcpy(data, elements, size);
    }
    free(elements);
    return value;
}

static void *make_input(void *allocator, const struct input *in)
{
    void *sequence = NULL, **values = calloc(in->n + 1, sizeof *values);
    for (size_t i = 0; i < in->n; i++)
        values[i] = make_tensor(in->name, allocator, &in->tensors[i]);
    if (!in->sequence)
        return values[0];
    check(in->name, CreateValue(values, in->n, 2, &sequence));
    return sequence;
}

static double number(uint64_t bits, int exponent_bits, int fraction_bits)
{
    int bias = (1 << (exponent_bits - 1)) - 1, e = (int)(bits >> fraction_bits & ((1u << exponent_bits) - 1));
    double v = (double)(bits & ((UINT64_C(1) << fraction_bits) - 1)) +
               (e ? (double)(UINT64_C(1) << fraction_bits) : 0);
    if (e == (1 << exponent_bits) - 1)
        return bits & ((UINT64_C(1) << fraction_bits) - 1) ? strtod("nan", NULL)
               : bits >> (exponent_bits + fraction_bits)   ? -strtod("inf", NULL)
                                                           : strtod("inf", NULL);
    for (int i = (e ? e : 1) - bias - fraction_bits; i > 0; i--)
        v *= 2;
    for (int i = (e ? e : 1) - bias - fraction_bits; i < 0; i++)
        v /= 2;
    return bits >> (exponent_bits + fraction_bits) ? -v : v;
}

static int is_float(int type)
{
    return type == FLOAT || type == DOUBLE || type == FLOAT16 || type == BFLOAT16 || type == COMPLEX64 ||
           type == COMPLEX128;
}

/* Element i as a number; of a complex one both parts are counted. */
static double value_of(int type, const unsigned char *data, size_t i)
{
    uint16_t half;
    float single;
    double v;
    uint64_t whole = 0;
    switch (type) {
    case FLOAT:
    case COMPLEX64:
        memcpy(&single, data + 4 * i, 4);
        return single;
    case DOUBLE:
    case COMPLEX128:
        memcpy(&v, data + 8 * i, 8);
        return v;
    case FLOAT16:
        memcpy(&half, data + 2 * i, 2);
        return number(half, 5, 10);
    case BFLOAT16:
        memcpy(&half, data + 2 * i, 2);
        return number(half, 8, 7);
    case 2:
    case BOOL:
        return data[i];
    case 3:
        return (signed char)data[i];
    case 4:
        memcpy(&half, data + 2 * i, 2);
        return half;
    case 5:
        memcpy(&half, data + 2 * i, 2);
        return (int16_t)half;
    case 6:
    case 12:
        memcpy(&whole, data + 4 * i, 4);
        return type == 6 ? (double)(int32_t)whole : (double)whole;
    case 7:
    case 13:
        memcpy(&whole, data + 8 * i, 8);
        return type == 7 ? (double)(int64_t)whole : (double)whole;
    default: /* of fewer bits, or a small float: its bits */
        return data[i];
    }
}

/* The same in digits, all of them. */
static const char *digits(int type, const unsigned char *data, size_t i)
{
    static char texts[2][40], *text;
    static int next;
    uint64_t whole = 0;
    text = texts[next++ % 2];
    if (type == 7 || type == 13)
        memcpy(&whole, data + 8 * i, 8);
    if (type == 7)
        snprintf(text, sizeof texts[0], "%lld", (long long)whole);
    else if (type == 13)
        snprintf(text, sizeof texts[0], "%llu", (unsigned long long)whole);
    else
        snprintf(text, sizeof texts[0], type == DOUBLE || type == COMPLEX128 ? "%.17g" : "%.9g",
                 value_of(type, data, i));
    return text;
}

static int is_finite(double v)
{
    return v - v == 0;
}

static double magnitude(double v)
{
    return v < 0 ? -v : v;
}

static size_t wrong; /* outputs */
static char told[2048];

static void tell(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Says what is wrong with an output. The first is the result. */
static void tell(const char *name, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *p = text; *p; p++) /* of texts: one line */
        *p = (unsigned char)*p < 32 ? ' ' : *p;
    printf("output %s: %s\n", name, text);
    if (!wrong++)
        snprintf(told, sizeof told, "output %s: %s", name, text);
}

/* "at [1, 0, 3] "; of a scalar "" */
static const char *place_of(size_t at, size_t rank, const int64_t *dims)
{
    static char text[512];
    size_t index[16] = {0}, used = 4;
    if (!rank)
        return "";
    for (size_t i = rank; i-- > 0 && dims[i] > 0; at /= (size_t)dims[i])
        index[i] = at % (size_t)dims[i];
    memcpy(text, "at [", used);
    for (size_t i = 0; i < rank && used < sizeof text - 32; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%zu", i ? ", " : "", index[i]);
    snprintf(text + used, sizeof text - used, "] ");
    return text;
}

/* Numbers beside those that are expected: the worst place, and both values there. */
static void compare_numbers(const struct expected *x, const unsigned char *want, const unsigned char *got,
                            size_t n)
{
    int type = x->tensor.type, each = type == COMPLEX64 || type == COMPLEX128 ? 2 : 1;
    double largest = 0, worst = -1, bound = x->rtol;
    size_t at = 0, beyond = 0, size = x->bits / 8 ? x->bits / 8 : 1;
    for (size_t i = 0; i < n * (size_t)each; i++) {
        double e = magnitude(value_of(type, want, i));
        largest = is_finite(e) && e > largest ? e : largest;
    }
    for (size_t i = 0; i < n * (size_t)each; i++) {
        double e = value_of(type, want, i), g = value_of(type, got, i), d = magnitude(e - g),
               allowed = x->atol + x->rtol * magnitude(e), badness;
        if (e == g ? !x->exact || !memcmp(want + i * size, got + i * size, size) : e != e && g != g)
            continue;
        if (x->exact || !is_finite(d) || (!x->whole && allowed == 0) || (x->whole && largest == 0))
            badness = is_finite(d) ? 1e300 : 2e300; /* without a bound */
        else
            badness = x->whole ? d / largest / (bound > 0 ? bound : 1e-300) : d / allowed;
        beyond += badness > 1;
        if (badness > worst) {
            worst = badness;
            at = i;
        }
    }
    if (worst <= 1)
        return;
    double e = value_of(type, want, at), g = value_of(type, got, at);
    char relative[64] = "", allowed[96];
    if (is_finite(e - g) && e != 0 && e != g)
        snprintf(relative, sizeof relative, ", relative error %.3g", magnitude((g - e) / e));
    if (x->exact)
        snprintf(allowed, sizeof allowed, "they have to be equal");
    else if (x->whole)
        snprintf(allowed, sizeof allowed, "allowed is %g of the largest magnitude, %g", x->rtol, largest);
    else
        snprintf(allowed, sizeof allowed, "allowed is %g + %g * |expected|", x->atol, x->rtol);
    tell(x->name, "%sexpected %s, got %s%s (%zu of %zu values are beyond what is allowed: %s)",
         place_of(at / (size_t)each, x->tensor.rank, x->tensor.dims), digits(type, want, at),
         digits(type, got, at), relative, beyond, n, allowed);
}

static void compare_strings(const struct expected *x, void *value, size_t n)
{
    size_t length = 0, size, *offsets = calloc(n + 1, sizeof *offsets);
    unsigned char *want = elements_of(&x->tensor, &size);
    size_t width = n ? size / n : 0;
    check(x->name, GetStringTensorDataLength(value, &length));
    char *text = calloc(length + 1, 1);
    check(x->name, GetStringTensorContent(value, text, length, offsets, n));
    offsets[n] = length;
    for (size_t i = 0; i < n; i++) {
        size_t expected = strnlen((const char *)want + i * width, width), got = offsets[i + 1] - offsets[i];
        if (expected == got && !memcmp(want + i * width, text + offsets[i], got))
            continue;
        tell(x->name, "%sexpected \"%.*s\", got \"%.*s\"", place_of(i, x->tensor.rank, x->tensor.dims),
             (int)(expected < 200 ? expected : 200), (const char *)want + i * width,
             (int)(got < 200 ? got : 200), text + offsets[i]);
        return;
    }
}

/* Elements of fewer bits than a byte, one byte each, as the file has them. */
static unsigned char *unpacked(const unsigned char *data, size_t n, size_t bits)
{
    unsigned char *bytes = calloc(n + 1, 1);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)(data[i * bits / 8] >> (i * bits % 8) & ((1u << bits) - 1));
    return bytes;
}

static void compare(const struct expected *x, void *value, int type, size_t n, size_t rank,
                    const int64_t *dims)
{
    void *data = NULL;
    size_t size;
    if (type != x->tensor.type) {
        tell(x->name, "expected elements of type %d, got %d", x->tensor.type, type);
        return;
    }
    if (rank != x->tensor.rank || memcmp(dims, x->tensor.dims, rank * sizeof *dims) != 0) {
        tell(x->name, "its shape is another one than expected");
        return;
    }
    if (type == STRING) {
        compare_strings(x, value, n);
    } else if (n) {
        unsigned char *want = elements_of(&x->tensor, &size);
        check(x->name, GetTensorMutableData(value, &data));
        compare_numbers(x, want, x->bits < 8 ? unpacked(data, n, x->bits) : data, n);
        free(want);
    }
}

static void judge_finite(const char *name, void *value, int type, size_t n)
{
    void *data = NULL;
    size_t odd = 0, first = 0, each = type == COMPLEX64 || type == COMPLEX128 ? 2 : 1;
    if (!is_float(type) || n == 0)
        return;
    check(name, GetTensorMutableData(value, &data));
    for (size_t i = n * each; i-- > 0;)
        if (!is_finite(value_of(type, data, i))) {
            odd++;
            first = i / each;
        }
    if (odd)
        tell(name, "%zu of %zu values are not finite, the first is number %zu", odd, n, first);
}

static void judge(const struct settings *s, const char *name, void *value)
{
    int kind = 0, type = 0, has = value != NULL;
    size_t n = 0, rank = 0, i = 0;
    int64_t dims[16] = {0};
    void *info = NULL;
    while (i < s->n_expected && strcmp(s->expected[i].name, name) != 0)
        i++;
    const struct expected *x = i < s->n_expected ? &s->expected[i] : NULL;
    if (value && minor >= 11) /* an optional one that is absent has no type */
        check(name, HasValue(value, &has));
    if (has)
        check(name, GetValueType(value, &kind));
    if (kind != 1) { /* no tensor */
        if (x)
            tell(name, "a tensor was expected");
        return;
    }
    check(name, GetTensorTypeAndShape(value, &info));
    check(name, GetTensorElementType(info, &type));
    check(name, GetTensorShapeElementCount(info, &n));
    check(name, GetDimensionsCount(info, &rank));
    if (rank <= 16)
        check(name, GetDimensions(info, dims, rank));
    ReleaseTensorTypeAndShapeInfo(info);
    if (x)
        compare(x, value, type, n, rank, dims);
    else if (s->judge_finite)
        judge_finite(name, value, type, n);
}

/* The bytes of a file. */
static unsigned char *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    long end = f && fseek(f, 0, SEEK_END) == 0 ? ftell(f) : -1;
    unsigned char *data = end >= 0 ? malloc((size_t)end + 1) : NULL;
    if (data && fseek(f, 0, SEEK_SET) == 0 && fread(data, 1, (size_t)end, f) == (size_t)end) {
        fclose(f);
        *size = (size_t)end;
        return data;
    }
    fprintf(stderr, "%s: cannot be read\n", path);
    exit(2);
}

static void *make_session(const struct settings *s)
{
    void *options = NULL, *session = NULL;
    size_t size = 0;
    unsigned char *bytes = s->from_memory ? read_file(place(s->model), &size) : NULL;
    begin("compile");
    check("session options", CreateSessionOptions(&options));
    check("optimization", SetSessionGraphOptimizationLevel(options, s->optimization));
    check("threads", SetIntraOpNumThreads(options, s->threads));
    check("threads", SetInterOpNumThreads(options, 1));
    check("memory pattern", s->memory_pattern ? EnableMemPattern(options) : DisableMemPattern(options));
    check("arena", s->arena ? EnableCpuMemArena(options) : DisableCpuMemArena(options));
    for (const char *const *entry = s->config; entry && *entry; entry += 2)
        check("an entry of the configuration", AddSessionConfigEntry(options, entry[0], entry[1]));
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
        check("session", bytes ? CreateSessionFromArray(env, bytes, size, options, &session)
                               : CreateSession(env, place(s->model), options, &session));
    }
    return session;
}

static void run(const struct settings *s)
{
    void *allocator = NULL, *session = make_session(s);
    const char **names = calloc(s->n_inputs + 1, sizeof *names);
    void **values = calloc(s->n_inputs + 1, sizeof *values), **outputs;
    char **output_names;
    size_t n_outputs = 0;
    begin("execute");
    check("allocator", GetAllocatorWithDefaultOptions(&allocator));
    for (size_t i = 0; i < s->n_inputs; i++) {
        names[i] = s->inputs[i].name;
        values[i] = make_input(allocator, &s->inputs[i]);
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
        check("run", Run(session, NULL, names, values, s->n_inputs, (const char *const *)output_names,
                         n_outputs, outputs));
    }
    begin("check");
    if (s->n_expected)
        printf("outputs are compared with those of %s\n", reference);
    for (size_t i = 0; i < n_outputs; i++)
        judge(s, output_names[i], outputs[i]);
    if (wrong)
        printf("RESULT: wrong: %s\n", told);
    else
        printf("RESULT: passed, %zu output%s%s\n", n_outputs, n_outputs == 1 ? "" : "s",
               s->n_expected ? " as expected" : "");
    fflush(stdout);
}

static void *on_thread(void *arg)
{
    run(arg);
    return NULL;
}

static void set_limit(int which, long bytes_1024, const char *name)
{
    struct rlimit limit;
    if (bytes_1024 <= 0)
        return;
    if (getrlimit(which, &limit) == 0 && limit.rlim_cur != (rlim_t)bytes_1024 * 1024) {
        limit.rlim_cur = (rlim_t)bytes_1024 * 1024;
        if (setrlimit(which, &limit) != 0 && name)
            fprintf(stderr, "%s cannot be set to %ld KiB, which the failure needs\n", name, bytes_1024);
    }
}

static void set_limits(const struct settings *s, int tells)
{
    set_limit(RLIMIT_DATA, s->memory_mb * 1024, tells ? "RLIMIT_DATA" : NULL);
    set_limit(RLIMIT_STACK, s->stack_limit_kb, tells ? "RLIMIT_STACK" : NULL);
}

static char *setting(const char *name, const char *value)
{
    size_t size = strlen(name) + strlen(value) + 2;
    char *text = malloc(size);
    snprintf(text, size, "%s=%s", name, value);
    return text;
}

/* Whether a variable ("NAME=VALUE") of the environment is kept: what programs need, and the options of sanitizers. The
 * settings come before it. */
static int is_kept(const struct settings *s, const char *variable)
{
    static const char *const kept[] = {"HOME", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD"};
    static const char options[] = "SAN_OPTIONS";
    size_t n = strcspn(variable, "="), m = sizeof options - 1;
    int is = n > m && !strncmp(variable + n - m, options, m);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        is = is || (strlen(kept[i]) == n && !strncmp(variable, kept[i], n));
    for (size_t i = 0; s->environment && s->environment[i]; i += 2)
        is = is && !(strlen(s->environment[i]) == n && !strncmp(variable, s->environment[i], n));
    return is;
}

/* Goes to where the files are, so that their names are as long for everybody. The library is named from the root then. */
static void go_to_files(const struct settings *s, const char *self, char **library)
{
    static char here[4096], path[8200];
    size_t n = (size_t)(strrchr(self, '/') - self);
    snprintf(path, sizeof path, "%.*s", (int)n + !n, self);
    if (!has_all(s, path) || !getcwd(here, sizeof here) || chdir(path) != 0)
        return;
    snprintf(path, sizeof path, "%s/%s", here, *library);
    if (**library != '/' && strchr(*library, '/'))
        *library = path;
}

/* Executes this program again, with the variables of the settings and the few that a program needs. The strings of
 * the environment lie on the stack of the first thread, and what the C library keeps for them among what the
 * runtime allocates: with a hundred more of them a stack ends earlier, and a write beyond an array meets
 * something else. Devices other than the CPU are found by variables, which stay as they are. */
static void execute_again(const struct settings *s, char **argv)
{
    static char self[4096];
    char **list;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    size_t count = 0, used = 0;
    while (s->environment && s->environment[count])
        count++;
    if (n <= 0 || s->provider || getenv(AGAIN))
        return;
    go_to_files(s, self, &argv[1]);
    char *again[] = {self, argv[1], argv[2], NULL};
    list = calloc(count + 20, sizeof *list);
    list[used++] = setting(AGAIN, "1");
    for (char **variable = environ; *variable; variable++)
        if (used < 16 && is_kept(s, *variable))
            list[used++] = *variable;
    for (size_t i = 0; i < count; i += 2)
        list[used++] = setting(s->environment[i], s->environment[i + 1]);
    list[used++] = setting("PATH", "/usr/local/bin:/usr/bin:/bin"); /* the first one of a name counts */
    set_limits(s, 0); /* where the stack may grow to is laid out as a program begins */
    fflush(stdout);
    execve(self, again, list);
    fprintf(stderr, "%s cannot be executed again (%s): it goes on with the environment that it has\n", self,
            strerror(errno));
}

/* The end of the first thread's stack, where it begins; 0: not known. */
static uintptr_t stack_end(void)
{
    char line[512];
    unsigned long long start, end, found = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    while (f && !found && fgets(line, sizeof line, f))
        if (strstr(line, "[stack]") && sscanf(line, "%llx-%llx", &start, &end) == 2)
            found = end;
    if (f)
        fclose(f);
    return (uintptr_t)found;
}

#define STEP ((size_t)24 << 10) /* more than the arguments, the environment and the start take */

/* Runs it where the same is left of the first thread's stack every time: Linux begins that at another place within
 * its pages in every process. What the start took beyond the usual is added to the limit. */
static __attribute__((noinline)) void run_on_even_stack(const struct settings *s)
{
    struct rlimit limit;
    uintptr_t end = s->stack_limit_kb ? stack_end() : 0;
    size_t take = 0;
    if (end && getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        size_t taken = (size_t)(end - (uintptr_t)__builtin_frame_address(0)),
               even = (taken + STEP - 1) / STEP * STEP;
        take = even - taken;
        limit.rlim_cur += even - STEP;
        if (even > STEP && setrlimit(RLIMIT_STACK, &limit) != 0)
            fprintf(stderr, "arguments and environment take %zu KiB of the stack, which are missing\n",
                    (even - STEP) / 1024);
    }
    volatile char filler[take + 1];
    filler[0] = 0;
    run(s);
    filler[take] = filler[0]; /* it is there until then, whatever the compiler would make of it */
}

struct base { /* OrtApiBase */
    const void *const *(*get_api)(uint32_t);
    const char *(*get_version)(void);
};

int main(int argc, char **argv)
{
    const struct settings *s = argc == 3 ? &control : &failing;
    if (argc < 2 || argc > 3 || (argc == 3 && strcmp(argv[2], "--control") != 0) || !s->model) {
        fprintf(stderr, "usage: %s PATH/libonnxruntime.so [--control]\n", argv[0]);
        if (argc == 3 && !s->model)
            fprintf(stderr, "%s\n", no_control);
        return 2;
    }
    program = argv[0];
    execute_again(s, argv);
    if (!find_files(s)) {
        fprintf(stderr,
                "%s and the files with what goes into it are not all beside this program, nor in the working "
                "directory: "
                "run it in the directory that it came in\n",
                s->model);
        return 2;
    }
    printf("variant: %s\n", s->about);
    for (size_t i = 0; s->environment && s->environment[i] && !getenv(AGAIN); i += 2)
        setenv(s->environment[i], s->environment[i + 1], 1);
    set_limits(s, 1);
    time_limit = s->timeout_s;
    begin("load");
    if (time_limit && signal(SIGALRM, on_alarm) != SIG_ERR)
        alarm((unsigned)time_limit);
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
        run_on_even_stack(s);
    }
    fflush(stdout);
    _exit(wrong ? 3 : 0); /* without tearing down what is not in question */
}
