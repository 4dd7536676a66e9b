/* Whether ONNX Runtime answers what the reference engine of the decoder family says: every variant of a
 * covering set through the project's own runner, one process for each, every value of every output compared.
 *
 *   test_decoder_agreement RUNNER [LIBRARY [VARIANTS]]
 *
 * LIBRARY is a libonnxruntime; else $TRAPLINE_TEST_ONNXRUNTIME, else build 1.30.0 of the cache (trapline
 * builds fetch onnxruntime@1.30.0). With none of them the test is skipped: exit status 77. The reference
 * speaks for 1.30 on cpu; older builds differ where their operators do.
 */
#include "cases/decoder/decoder.h"
#include "cases/npy.h"
#include "harness/base/buffer.h"
#include "harness/base/program.h"
#include "harness/builds/builds.h"
#include "tests/integration/decoder_reference.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PASSED = 0, FAILED = 1, MISUSED = 2, SKIPPED = 77 };

/* Kinds of arithmetic, each with what it may differ by: measured maxima on 1.30.0 are 6e-7, 9e-4 and 1e-2.
 * Level 4 rounds activations to 8 bits, where the last bit of a sum can decide. */
static const struct {
    const char *name;
    double tolerance;
} kinds[] = {{"fp32", 1e-5}, {"fp16", 4e-3}, {"accuracy level 4", 3e-2}};

static int kind_of(const struct tl_decoder_config *c)
{
    if (c->weights == TL_DECODER_INT4_BLOCK && c->accuracy_level == 4)
        return 2;
    return c->activation ? 1 : 0;
}

/* What a program prints, at most a few MiB; NULL when it does not exit with 0. */
static char *output_of(const char *const *argv)
{
    int ends[2], status;
    if (tl_pipe(ends) != 0)
        return NULL;
    pid_t pid = fork();
    if (pid == 0) {
        int nothing = open("/dev/null", O_WRONLY | O_CLOEXEC); /* warnings of the runtime */
        dup2(ends[1], STDOUT_FILENO);
        dup2(nothing, STDERR_FILENO);
        execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    close(ends[1]);
    struct tl_buffer text = TL_BUFFER_INIT;
    char part[65536];
    ssize_t n;
    while (pid > 0 && (n = read(ends[0], part, sizeof part)) > 0)
        tl_buffer_add(&text, part, (size_t)n);
    close(ends[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        tl_buffer_free(&text);
        return NULL;
    }
    tl_buffer_add(&text, "", 0);
    return tl_buffer_take(&text);
}

/* The result message among the lines of a runner; NULL when it sent none. The last line is kept in *last. */
static json_t *result_of(const char *lines, char *last, size_t size)
{
    json_t *result = NULL;
    while (*lines) {
        size_t n = strcspn(lines, "\n");
        json_t *message = json_loadb(lines, n, 0, NULL);
        snprintf(last, size, "%.*s", (int)(n < size ? n : size - 1), lines);
        if (json_object_get(message, "result"))
            result = json_incref(json_object_get(message, "result"));
        json_decref(message);
        lines += n + (lines[n] == '\n');
    }
    return result;
}

static json_t *run(const char *runner, const char *library, const char *directory, const json_t *variant,
                   char *last, size_t size)
{
    json_t *request = json_pack("{s:i, s:s, s:s, s:O, s:s, s:{s:s}, s:s}", "trial", 1, "case", "agreement",
                                "family", "decoder", "variant", variant, "device", "cpu", "build", "path",
                                library, "outputs", directory);
    char *text = json_dumps(request, JSON_COMPACT);
    const char *argv[] = {runner, "--trial", text, NULL};
    char *lines = output_of(argv);
    snprintf(last, size, "the runner did not exit with 0");
    json_t *result = lines ? result_of(lines, last, size) : NULL;
    free(lines);
    free(text);
    json_decref(request);
    return result;
}

/* The difference of one stored output from what was expected; negative when it is another tensor. */
static double difference(const char *directory, size_t index, const struct tl_decoder_tensor *expected)
{
    struct tl_npy h;
    struct tl_error e;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%zu.npy", directory, index);
    if (tl_npy_open(path, &h, &e) != 0 || (int)h.dtype != (int)expected->dtype ||
        (int)h.rank != expected->rank || memcmp(h.dims, expected->shape, h.rank * sizeof *h.dims) != 0)
        return -1;
    void *data = tl_malloc(h.bytes + 1);
    float *values = tl_calloc(h.elements + 1, sizeof *values);
    double d = -1;
    if (tl_npy_read(path, &h, data, h.bytes, &e) == 0) {
        for (uint64_t i = 0; i < h.elements; i++)
            values[i] = (float)tl_element_value(h.dtype, data, i);
        d = tl_decoder_difference(expected->data, values, h.elements);
    }
    free(data);
    free(values);
    unlink(path);
    return d;
}

/* The largest difference of all outputs; negative with *last filled when something is amiss. */
static double compare(const char *directory, const json_t *result, const struct tl_decoder_tensors *expected,
                      char *last, size_t size)
{
    const json_t *outputs = json_object_get(result, "outputs");
    double most = 0;
    if (json_array_size(outputs) != expected->n) {
        snprintf(last, size, "%zu outputs, not %zu", json_array_size(outputs), expected->n);
        return -1;
    }
    for (size_t i = 0; i < expected->n; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(outputs, i), "name"));
        double d = difference(directory, i, &expected->list[i]);
        if (d < 0 || !name || strcmp(name, expected->list[i].name) != 0) {
            snprintf(last, size, "%s is another tensor", expected->list[i].name);
            return -1;
        }
        if (d > most) {
            snprintf(last, size, "%s", expected->list[i].name);
            most = d;
        }
    }
    return most;
}

static int try_variant(const char *runner, const char *library, const char *directory, const json_t *variant,
                       double most[])
{
    struct tl_decoder_config c;
    struct tl_decoder_tensors expected;
    struct tl_error e;
    char last[512];
    if (tl_decoder_config_parse(variant, &c, &e) != 0 || tl_decoder_reference(&c, &expected, &e) != 0) {
        printf("the reference refuses: %s: %s\n", e.what, e.why);
        return -1;
    }
    json_t *result = run(runner, library, directory, variant, last, sizeof last);
    double d = result ? compare(directory, result, &expected, last, sizeof last) : -1;
    int kind = kind_of(&c), status = d >= 0 && d <= kinds[kind].tolerance ? 0 : -1;
    if (d > most[kind])
        most[kind] = d;
    if (status != 0) {
        char *text = json_dumps(variant, JSON_COMPACT);
        printf("%s\n    %g (%s)\n", text, d, last);
        free(text);
    }
    tl_decoder_tensors_free(&expected);
    json_decref(result);
    return status;
}

int main(int argc, char **argv)
{
    struct tl_build build = {0};
    const char *library = argc > 2 ? argv[2] : getenv("TRAPLINE_TEST_ONNXRUNTIME");
    if (!library && tl_builds_find("onnxruntime", "1.30.0", &build, NULL) == 0)
        library = build.path;
    char directory[] = "/tmp/trapline-agreement-XXXXXX";
    double most[3] = {0};
    size_t failed = 0;
    if (argc < 2)
        return MISUSED;
    if (!library || !*library || access(library, R_OK) != 0) {
        printf("no libonnxruntime: name one in TRAPLINE_TEST_ONNXRUNTIME, or fetch onnxruntime@1.30.0\n");
        return SKIPPED;
    }
    if (!mkdtemp(directory))
        return MISUSED;
    struct tl_decoder_coverage coverage;
    json_t *set = tl_decoder_covering_set(argc > 3 ? strtoul(argv[3], NULL, 10) : 300, &coverage);
    size_t n = json_array_size(set);
    for (size_t i = 0; i < n; i++)
        failed += try_variant(argv[1], library, directory, json_array_get(set, i), most) != 0;
    printf("%zu variants, %zu of %zu pairs of values, %zu disagree\n", n, coverage.covered, coverage.pairs,
           failed);
    for (int i = 0; i < 3; i++)
        printf("largest difference, %s: %.2g (allowed %.2g)\n", kinds[i].name, most[i], kinds[i].tolerance);
    json_decref(set);
    rmdir(directory);
    tl_build_free(&build);
    return failed ? FAILED : PASSED;
}
