/* Fuzzes the runner's side of the protocol: what a supervisor, or whoever starts a runner, may send. All that the library answers
 * has to be a message that the supervisor understands. The first byte chooses how many descriptors come with the bytes, the
 * second one where these are cut in two, the third one whether a child of a fork server reads them; the rest is sent.
 *
 * A fork server ends its process, and forks. Neither is done here: the functions that do it are these. */
#include "harness/base/buffer.h"
#include "harness/supervise/message.h"
#include "runners/prefault.h"
#include "runners/protocol.h"
#include "runners/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int tl_protocol_trial(const struct tl_runner *runner, void *state);

#define MANY 8 /* descriptors */
#define CHUNK ((size_t)4096)
#define HEARD_FIRST ((size_t)1 << 20)

static jmp_buf ended;
static bool serving;
static int forks;

static void check(int condition)
{
    if (!condition)
        abort();
}

/* What a process that ends need not release is no leak, and everything here is of one. To look for leaks that are none after each
 * input took longer than the input. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}

pid_t fork(void)
{
    errno = EAGAIN;
    return ++forks % 3 ? 4000 + forks : -1;
}

void _exit(int status)
{
    if (serving)
        longjmp(ended, 1);
    _Exit(status);
}

struct tl_prefault *tl_prefault_new(void)
{
    return NULL;
}

void tl_prefault_apply(struct tl_prefault **p)
{
    (void)p;
}

void tl_prefault_record(struct tl_prefault *p)
{
    (void)p;
}

/* --- a runner that says whatever it is asked for ---------------------------------------------------------- */

static int describe(const json_t *build, json_t *devices, json_t *axes)
{
    json_array_append_new(devices, json_pack("{s:s,s:b}", "name", "cpu", "usable", 1));
    json_array_append_new(axes, json_string("n"));
    return json_is_object(build) && json_object_get(build, "missing") ? -1 : 0;
}

static int trial(struct tl_run *run, void *state)
{
    (void)state;
    const char *text = tl_run_string(run, "text", "none"), *key;
    json_t *value;
    tl_run_phase(run, "load");
    tl_run_phase_within(run, "execute", 2.5);
    tl_run_operator(run, text, run->device);
    tl_run_operator(run, text, NULL);
    tl_run_operator(run, NULL, NULL);
    tl_run_counts(run, json_pack("{s:I}", "n", (json_int_t)(tl_run_integer(run, "n", 0) & INT32_MAX)));
    json_object_foreach((json_t *)run->variant, key, value) {
        if (json_is_true(value))
            tl_run_error(run, key, run->case_name, "%s", text);
        if (json_is_false(value))
            tl_run_unsupported(run, "%s", key);
    }
    if (tl_run_boolean(run, "lost", false))
        tl_run_lost(run, text);
    if (tl_run_boolean(run, "result", false))
        tl_run_result(run,
                      json_pack("{s:[],s:o}", "outputs", "observed", tl_json_text(text, strlen(text), 64)));
    return 0;
}

static int load(const json_t *request, void **state, char *why, size_t why_size)
{
    *state = NULL;
    snprintf(why, why_size, "the build is missing");
    return json_object_get(request, "missing") ? -1 : 0;
}

static const struct tl_runner runner = {
    .name = "fuzzed", .version = "1", .describe = describe, .trial = trial, .load = load, .can_serve = true};

/* --- a supervisor ---------------------------------------------------------------------------------------- */

static void read_lines(struct tl_line_reader *r, const char *data, size_t size)
{
    const char *line;
    size_t n;
    enum tl_line k;
    while ((k = tl_line_next(r, &data, &size, &line, &n)) != TL_LINE_NONE) {
        struct tl_message m;
        struct tl_error e = {0};
        check(k == TL_LINE_COMPLETE);
        if (tl_message_parse(line, n, &m, &e)) {
            fprintf(stderr, "%.*s\n%s\n", (int)n, line, e.why);
            abort();
        }
        tl_message_free(&m);
    }
}

/* What the other end says. It is only taken by a thread: how often that reads is another thing in every run, and nothing that an
 * input has brought about. */
struct heard {
    int fd;
    char *bytes;
    size_t size, capacity;
};

static struct heard heard = {.fd = -1};

__attribute__((no_sanitize("coverage"))) static void *listen_to(void *arg)
{
    struct heard *h = arg;
    ssize_t n;
    do {
        if (h->capacity - h->size < CHUNK)
            h->bytes = tl_realloc(h->bytes, h->capacity = 2 * h->capacity + HEARD_FIRST, 1);
        n = read(h->fd, h->bytes + h->size, CHUNK);
        h->size += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    return NULL;
}

static void read_heard(const struct heard *h)
{
    struct tl_line_reader r = {0};
    for (size_t at = 0; at < h->size; at += CHUNK)
        read_lines(&r, h->bytes + at, h->size - at < CHUNK ? h->size - at : CHUNK);
    check(r.held.size == 0);
    tl_line_reader_free(&r);
}

static void send_with(int fd, const uint8_t *data, size_t size, size_t n_fds)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(MANY * sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    struct iovec v = {.iov_base = (void *)data, .iov_len = size};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (n_fds) {
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        for (size_t i = 0; i < n_fds; i++)
            memcpy(CMSG_DATA(c) + i * sizeof null, &null, sizeof null);
    }
    if (size)
        sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(null);
}

static int lowest_free(void)
{
    int fd = dup(STDERR_FILENO);
    close(fd);
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char program[] = "fuzzed", *argv[] = {program, NULL};
    int pair[2], before = lowest_free();
    pthread_t listener;
    if (size < 3 || size > 32768 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
        return 0;
    /* Descriptor 3 is the runner's, and the other end must not be it. */
    int other = fcntl(pair[0], F_DUPFD_CLOEXEC, 10), kept = fcntl(TL_PROTOCOL_FD, F_DUPFD_CLOEXEC, 10);
    int place = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    size_t cut = 3 + data[1];
    if (cut > size)
        cut = size;
    send_with(other, data + 3, cut - 3, 0);
    send_with(other, data + cut, size - cut, data[0] % (MANY + 1));
    shutdown(other, SHUT_WR);
    dup2(pair[1], TL_PROTOCOL_FD);
    if (pair[0] != TL_PROTOCOL_FD)
        close(pair[0]);
    if (pair[1] != TL_PROTOCOL_FD)
        close(pair[1]);
    heard.fd = other;
    heard.size = 0;
    forks = 0;
    check(!pthread_create(&listener, NULL, listen_to, &heard));
    bool forked = data[2] & 1;
    serving = true;
    if (!setjmp(ended)) {
        int status = forked ? tl_protocol_trial(&runner, NULL) : tl_runner_main(1, argv, &runner);
        check(status >= 0 && status <= 2);
    }
    serving = false;
    shutdown(TL_PROTOCOL_FD, SHUT_RDWR);
    close(TL_PROTOCOL_FD);
    pthread_join(listener, NULL);
    read_heard(&heard);
    close(other);
    check(!fchdir(place));
    close(place);
    if (kept >= 0 && kept != TL_PROTOCOL_FD && pair[0] != TL_PROTOCOL_FD && pair[1] != TL_PROTOCOL_FD)
        dup2(kept, TL_PROTOCOL_FD);
    if (kept >= 0)
        close(kept);
    check(lowest_free() == before); /* no descriptor is left of a request */
    return 0;
}
