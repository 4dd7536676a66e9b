/* Builds from a file, and what a build says of itself. Both ask the runner, in a child: a library is code
 * that runs as soon as it is loaded, and it may crash. */
#include "harness/base/clock.h"
#include "harness/base/version.h"
#include "harness/builds/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* not on every macOS; SIGPIPE is ignored by main */
#endif

extern char **environ;

#define PROTOCOL_FD 3
#define ANSWER_MOST 65536
#define DESCRIBE_TIMEOUT_S 120

static int start_runner(const char *runner_path, int fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    char *argv[] = {tl_strdup(runner_path), NULL};
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc == 0) {
        rc = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        /* What it prints must not mix with our own output, where --json promises one document. */
        if (!rc)
            rc = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        if (!rc)
            rc = posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
        if (!rc)
            rc = posix_spawn_file_actions_adddup2(&actions, fd, PROTOCOL_FD);
        if (!rc)
            rc = posix_spawn(pid, runner_path, &actions, NULL, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    free(argv[0]);
    return rc;
}

static int send_all(int fd, const char *text, size_t size)
{
    while (size) {
        ssize_t n = send(fd, text, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        text += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Reads up to a newline, the end or the deadline. 1: a whole line; 0: ended without; -1: too late. */
static int read_line(int fd, uint64_t deadline_ns, struct tl_buffer *line)
{
    char chunk[4096];
    for (;;) {
        uint64_t now = tl_monotonic_ns();
        struct pollfd p = {fd, POLLIN, 0};
        if (now >= deadline_ns)
            return -1;
        int ready = poll(&p, 1, (int)((deadline_ns - now) / 1000000 + 1));
        if (ready < 0 && errno != EINTR)
            return 0;
        if (ready <= 0)
            continue;
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        tl_buffer_add(line, chunk, (size_t)n);
        char *end = memchr(line->data, '\n', line->size);
        if (end) {
            *end = '\0';
            return 1;
        }
        if (line->size > ANSWER_MOST)
            return 0;
    }
}

int tl_builds_describe(const char *runner_path, const struct tl_build *b, double timeout_s, json_t **answer,
                       struct tl_error *e)
{
    static const char doing[] = "cannot ask the runner what it can do here";
    int sv[2], status = 0, rc;
    pid_t pid = -1;
    *answer = NULL;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) != 0)
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, doing, runner_path, "socketpair");
    fcntl(sv[0], F_SETFD, FD_CLOEXEC);
    fcntl(sv[1], F_SETFD, FD_CLOEXEC);
    rc = start_runner(runner_path, sv[1], &pid);
    close(sv[1]);
    if (rc) {
        close(sv[0]);
        return tl_fail_errno(e, TL_ERROR_ENVIRONMENT, rc, doing, runner_path, "it could not be started");
    }
    json_t *request = json_pack("{s:i}", "describe", 1);
    if (b)
        json_object_set_new(request, "build", tl_build_json(b));
    char *text = json_dumps(request, JSON_COMPACT);
    struct tl_buffer line = TL_BUFFER_INIT;
    int got = 0;
    if (text && send_all(sv[0], text, strlen(text)) == 0 && send_all(sv[0], "\n", 1) == 0)
        got = read_line(sv[0], tl_monotonic_ns() + (uint64_t)(timeout_s * 1e9), &line);
    close(sv[0]);
    /* It answers once and ends; one that does not is not waited for. */
    if (got != 1)
        kill(pid, SIGKILL);
    for (int i = 0; i < 200 && waitpid(pid, &status, i < 199 ? WNOHANG : 0) == 0; i++) {
        if (i == 198)
            kill(pid, SIGKILL);
        poll(NULL, 0, 5);
    }
    if (got == 1)
        *answer = json_loads(line.data, 0, NULL);
    if (got < 0)
        rc = tl_fail(e, TL_ERROR_ENVIRONMENT, doing, runner_path, "no answer within %g s", timeout_s);
    else if (got == 0 && WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
        rc = tl_fail(e, TL_ERROR_ENVIRONMENT, doing, runner_path, "it died of signal %d (%s)",
                     WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (!json_is_object(*answer))
        rc = tl_fail(e, TL_ERROR_ENVIRONMENT, doing, runner_path, "it did not answer with a JSON object");
    else if (json_is_object(json_object_get(*answer, "error"))) {
        const char *message =
            json_string_value(json_object_get(json_object_get(*answer, "error"), "message"));
        rc = tl_fail(e, TL_ERROR_ENVIRONMENT, doing, b ? b->path : runner_path, "%s",
                     message ? message : "it refused and does not say why");
    }
    if (rc != 0) {
        json_decref(*answer);
        *answer = NULL;
    }
    tl_buffer_free(&line);
    free(text);
    json_decref(request);
    return rc;
}

static int copy_file(const char *from, const char *to, struct tl_error *e)
{
    static char chunk[1 << 16];
    struct stat st;
    int in = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK), out = -1, rc = 0;
    if (in < 0)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot add a build", from, "opening it");
    if (fstat(in, &st) != 0 || !S_ISREG(st.st_mode))
        rc = tl_fail(e, TL_ERROR_INPUT, "cannot add a build", from, "it is not a file");
    if (rc == 0 && (out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755)) < 0)
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot add a build", to, "creating it");
    while (rc == 0) {
        ssize_t n = read(in, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            rc = tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot add a build", from, "reading it");
        if (n <= 0)
            break;
        for (ssize_t done = 0; rc == 0 && done < n;) {
            ssize_t w = write(out, chunk + done, (size_t)(n - done));
            if (w > 0)
                done += w;
            else if (errno != EINTR)
                rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot add a build", to, "writing");
        }
    }
    if (rc == 0 && fsync(out) != 0)
        rc = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot add a build", to, "writing");
    if (out >= 0)
        close(out);
    close(in);
    return rc;
}

/* Provider libraries (CUDA, …) are looked for beside the library, by name. */
static int copy_providers(const char *library, const char *directory, struct tl_error *e)
{
    char *beside = tl_strdup(library);
    char *slash = strrchr(beside, '/');
    if (slash)
        slash[slash == beside ? 1 : 0] = '\0';
    DIR *d = opendir(slash ? beside : ".");
    struct dirent *entry;
    int rc = 0;
    while (d && rc == 0 && (entry = readdir(d))) {
        if (strncmp(entry->d_name, "libonnxruntime_providers_", 25) != 0)
            continue;
        char *from = tl_format("%s/%s", slash ? beside : ".", entry->d_name);
        char *to = tl_format("%s/%s", directory, entry->d_name);
        struct stat st;
        if (stat(from, &st) == 0 && S_ISREG(st.st_mode))
            rc = copy_file(from, to, e);
        free(from);
        free(to);
    }
    if (d)
        closedir(d);
    free(beside);
    return rc;
}

/* The version that a library told the runner: the "runtime" of a device of the describe answer. */
static const char *told_version(const json_t *answer)
{
    size_t i;
    json_t *device;
    json_array_foreach(json_object_get(answer, "devices"), i, device)
    {
        const char *v = json_string_value(json_object_get(device, "runtime"));
        if (v && tl_version_valid(v))
            return v;
    }
    return NULL;
}

/* Why it could not be loaded, in the runner's words; the copy that was asked is nobody's business. */
static const char *told_why(const json_t *answer, const char *copy)
{
    const char *why =
        json_string_value(json_object_get(json_array_get(json_object_get(answer, "devices"), 0), "why"));
    size_t n = strlen(copy);
    if (!why)
        return "the runner does not say why";
    return !strncmp(why, copy, n) && !strncmp(why + n, ": ", 2) ? why + n + 2 : why;
}

int tl_builds_add(const char *library, const char *runner_path, struct tl_build *b, struct tl_error *e)
{
    char *directory, *build, *path;
    int lock, rc;
    json_t *answer = NULL;
    memset(b, 0, sizeof *b);
    if (access(library, R_OK) != 0)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot add a build", library, "reading it");
    char *whole = realpath(library, NULL);
    if (!whole)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot add a build", library, "resolving its path");
    if (tl_build_store_begin(TL_BUILDS_RUNNER, &directory, &lock, e) != 0) {
        free(whole);
        return -1;
    }
    build = tl_format("%s/build", directory);
    path = tl_format("%s/%s", build, tl_library_name);
    rc = mkdir(build, 0777) == 0 ? 0
                                 : tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno,
                                                 "cannot write to the cache of builds", build, "mkdir");
    if (rc == 0)
        rc = copy_file(whole, path, e);
    if (rc == 0)
        rc = copy_providers(whole, build, e);
    if (rc == 0) {
        /* The copy is asked, so that what is registered is what was asked. */
        struct tl_build candidate = {
            .runner = (char *)TL_BUILDS_RUNNER, .version = (char *)"0", .path = path};
        rc = tl_builds_describe(runner_path, &candidate, DESCRIBE_TIMEOUT_S, &answer, e);
    }
    if (rc == 0 && !told_version(answer))
        rc = tl_fail(e, TL_ERROR_INPUT, "cannot add a build", library, "it is no usable ONNX Runtime: %s",
                     told_why(answer, path));
    if (rc == 0) {
        b->runner = tl_strdup(TL_BUILDS_RUNNER);
        b->version = tl_strdup(told_version(answer));
        b->source = tl_format("file %s", whole);
        rc = tl_build_store_commit(build, b, true, e);
    }
    if (rc != 0)
        tl_build_free(b);
    json_decref(answer);
    tl_build_store_end(directory, lock);
    free(build);
    free(path);
    free(whole);
    return rc;
}
