/* A model is what somebody sent. Its reader checks depth, sizes and names before and after it unpacks anything, and is fuzzed; all
 * the same the first reading is done by a child, which tells by a pipe what is wrong:
 *
 *   trapline ── fork ── child: reads, checks, asks all that a reduction asks first
 *       pipe  ◀──────── a struct tl_error, or nothing where all is well
 *
 * A child that died of the model, or did not come to an end, is a model that is refused. */
#include "harness/campaign/reduce/read.h"

#include "cases/onnx/graph_data.h"
#include "cases/onnx/graph_declared.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/graph_read.h"
#include "cases/onnx/model_inputs.h"
#include "cases/onnx_external.h"
#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/program.h"
#include "harness/base/record.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODEL_MOST ((size_t)1 << 31)
#define SECONDS_MOST 300 /* for 2 GiB from a slow disk */

static const char doing[] = "cannot read the model";

/* Files of weights that the model names: they are linked or copied, so each has to be one. */
static int ask_beside(struct tl_onnx_model *m, const char *path, struct tl_error *e)
{
    struct tl_onnx_data_file *files;
    size_t n;
    const char *slash = strrchr(path, '/');
    int result = 0;
    tl_onnx_data_files(m, &files, &n);
    for (size_t i = 0; i < n && !result; i++) {
        struct stat st;
        char *file = tl_format("%.*s%s", slash ? (int)(slash - path) + 1 : 0, path, files[i].location);
        if (stat(file, &st))
            result =
                tl_fail_errno(e, TL_ERROR_INPUT, errno, doing, file,
                              "the model names this file for its weights, and it has to stand beside it");
        else if (!S_ISREG(st.st_mode))
            result = tl_fail(e, TL_ERROR_INPUT, doing, file,
                             "the model names it for its weights, and it is no regular file");
        else if (access(file, R_OK))
            result = tl_fail_errno(e, TL_ERROR_INPUT, errno, doing, file,
                                   "the model names this file for its weights; it has to be readable");
        free(file);
    }
    tl_onnx_data_files_free(files, n);
    return result;
}

static int ask(struct tl_onnx_model *m, const char *bytes, size_t size, const char *path, struct tl_error *e)
{
    struct tl_onnx_node_facts *nodes;
    struct tl_onnx_weight *weights;
    struct tl_onnx_declared *declared;
    struct tl_onnx_inputs inputs;
    uint32_t *order;
    size_t n_nodes, n;
    char why[512];
    json_decref(tl_onnx_external(path));
    int result = tl_onnx_inputs_read(bytes, size, &inputs, why, sizeof why)
                     ? tl_fail(e, TL_ERROR_INPUT, doing, path, "%s", why)
                     : 0;
    tl_onnx_inputs_free(&inputs);
    tl_onnx_nodes(m, &nodes, &n_nodes);
    free(nodes);
    tl_onnx_weights(m, &weights, &n);
    free(weights);
    tl_onnx_declared(m, &declared, &n);
    free(declared);
    tl_onnx_order(m, &order, &n);
    free(order);
    if (!result && !n)
        result = tl_fail(e, TL_ERROR_INPUT, "cannot reduce it", path,
                         "its graph has no node; one that fails was expected");
    return result ? result : ask_beside(m, path, e);
}

static int read_all(const char *path, struct tl_error *e)
{
    struct tl_onnx_model *m = NULL;
    size_t size;
    char *bytes = tl_read_file(path, MODEL_MOST, &size);
    if (!bytes)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, doing, path,
                             errno == EFBIG ? "a file of ONNX has at most 2 GiB; weights of "
                                              "a larger model stand in files beside it"
                                            : NULL);
    int result = tl_onnx_model_read(bytes, size, path, &m, e) || ask(m, bytes, size, path, e) ? -1 : 0;
    tl_onnx_model_free(m);
    free(bytes);
    return result;
}

static void child(const char *path, int to) __attribute__((noreturn));
static void child(const char *path, int to)
{
    const struct rlimit no_core = {0, 0};
    struct tl_error e = {0};
    setrlimit(RLIMIT_CORE, &no_core);
    for (int i = 1; i < 32; i++)
        signal(i, SIG_DFL);
    if (read_all(path, &e)) {
        struct tl_error told; /* nothing but the texts */
        memset(&told, 0, sizeof told);
        told.kind = e.kind;
        snprintf(told.what, sizeof told.what, "%s", e.what);
        snprintf(told.where, sizeof told.where, "%s", e.where);
        snprintf(told.why, sizeof told.why, "%s", e.why);
        const char *from = (const char *)&told;
        for (size_t left = sizeof told; left;) {
            ssize_t n = write(to, from + sizeof told - left, left);
            if (n < 0 && errno == EINTR)
                continue;
            if (n <= 0)
                _exit(2);
            left -= (size_t)n;
        }
        _exit(1);
    }
    _exit(0);
}

/* What the child says until it closes the pipe. False: it took too long. */
static bool hear(int from, struct tl_error *e, size_t *got)
{
    const uint64_t end = tl_awake_ns() + SECONDS_MOST * UINT64_C(1000000000);
    *got = 0;
    for (;;) {
        uint64_t now = tl_awake_ns();
        struct pollfd p = {.fd = from, .events = POLLIN};
        if (now >= end)
            return false;
        int ready = poll(&p, 1, (int)((end - now) / 1000000) + 1);
        if (ready < 0 && errno != EINTR)
            return false;
        if (ready <= 0)
            continue;
        ssize_t n = read(from, (char *)e + *got, sizeof *e - *got);
        if (n > 0)
            *got += (size_t)n;
        else if (n == 0 || errno != EINTR)
            return true;
        if (*got == sizeof *e)
            return true;
    }
}

int tl_reduce_read(const char *path, struct tl_error *e)
{
    int ends[2], status = 0;
    size_t got;
    if (tl_pipe(ends))
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, path, "no pipe could be made");
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        child(path, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, path, "no process could be made");
    }
    bool ended = hear(ends[0], e, &got);
    close(ends[0]);
    if (!ended)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (!ended)
        return tl_fail(e, TL_ERROR_INPUT, doing, path,
                       "a process that read it was not done after %d s, and was killed", SECONDS_MOST);
    if (WIFSIGNALED(status))
        return tl_fail(e, TL_ERROR_INPUT, doing, path,
                       "a process that read it was ended by %s: it is damaged, or made to do harm, or there "
                       "is not enough "
                       "memory for it; nothing was run",
                       tl_signal_name(WTERMSIG(status)));
    if (WEXITSTATUS(status) == 1 && got == sizeof *e) {
        e->what[sizeof e->what - 1] = e->where[sizeof e->where - 1] = e->why[sizeof e->why - 1] = '\0';
        return -1;
    }
    return WEXITSTATUS(status) ? tl_fail(e, TL_ERROR_ENVIRONMENT, doing, path,
                                         "the process that read it ended with status %d", WEXITSTATUS(status))
                               : 0;
}
