/* The runner protocol from the supervisor's side, against real runners. */
#include "cases/family.h"
#include "runners/channel.h"
#include "tests/unit/runner_process.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern const struct tl_family tl_family_selftest;

TestSuite(protocol, .timeout = 60);

static const char *const selftest[] = {SELFTEST_PATH, NULL};
static const char *const minimal[] = {PYTHON_PATH, MINIMAL_PATH, NULL};

static void expect_phase(struct runner_process *r, const char *phase)
{
    json_t *j = runner_next(r);
    cr_assert(j, "the end instead of phase %s", phase);
    cr_assert_str_eq(runner_text(j, "phase"), phase);
    json_decref(j);
}

/* The next message that is no phase; NULL at the end. */
static json_t *after_phases(struct runner_process *r)
{
    json_t *j;
    while ((j = runner_next(r)) && json_object_get(j, "phase"))
        json_decref(j);
    return j;
}

static void expect_end(struct runner_process *r)
{
    json_t *j = runner_next(r);
    cr_assert_null(j);
}

static void expect_code(struct runner_process *r, const char *domain, const char *code)
{
    json_t *j = after_phases(r);
    cr_assert(j);
    cr_assert_str_eq(runner_text(j, "error.domain"), domain);
    cr_assert_str_eq(runner_text(j, "error.code"), code);
    cr_assert_gt(strlen(runner_text(j, "error.message")), 3);
    json_decref(j);
}

static char *trial_request(const char *behaviour)
{
    static char text[512];
    snprintf(text, sizeof text,
             "{\"trial\":1,\"case\":\"t\",\"device\":\"cpu\",\"variant\":{\"behaviour\":\"%s\"},\"scratch\":"
             "\"/tmp\"}\n",
             behaviour);
    return text;
}

static void expect_exit(struct runner_process *r, int status)
{
    int w = runner_wait(r);
    cr_assert(WIFEXITED(w), "wait status %x", (unsigned)w);
    cr_assert_eq(WEXITSTATUS(w), status, "exit status %d, not %d", WEXITSTATUS(w), status);
}

Test(protocol, describe)
{
    struct runner_process r;
    runner_start(&r, selftest, 1);
    runner_send(&r, "{\"describe\":1}\n");
    json_t *j = runner_next(&r);
    cr_assert_str_eq(runner_text(j, "name"), "selftest");
    cr_assert_eq(json_integer_value(json_object_get(j, "protocol")), 1);
    cr_assert(json_is_true(json_object_get(j, "serve")));
    const json_t *devices = json_object_get(j, "devices");
    cr_assert_eq(json_array_size(devices), 3);
    cr_assert_str_eq(runner_text(json_array_get(devices, 0), "name"), "cpu");
    cr_assert(json_is_true(json_object_get(json_array_get(devices, 0), "usable")));
    cr_assert(json_is_false(json_object_get(json_array_get(devices, 2), "usable")));
    cr_assert_gt(strlen(runner_text(json_array_get(devices, 2), "why")), 0);
    cr_assert_eq(json_array_size(json_object_get(j, "axes")), tl_family_selftest.n_axes);
    json_decref(j);
    expect_end(&r);
    expect_exit(&r, 0);
}

/* The request comes in pieces, which any stream may do. */
Test(protocol, pass)
{
    struct runner_process r;
    runner_start(&r, selftest, 1);
    const char *request = trial_request("pass");
    for (size_t i = 0; request[i]; i += 7) {
        char piece[8];
        snprintf(piece, sizeof piece, "%.7s", request + i);
        runner_send(&r, piece);
        if (i == 35)
            usleep(20000);
    }
    expect_phase(&r, "load");
    expect_phase(&r, "compile");
    expect_phase(&r, "execute");
    expect_phase(&r, "check");
    json_t *j = runner_next(&r), *outputs = json_object_get(json_object_get(j, "result"), "outputs");
    cr_assert_str_eq(runner_text(j, "result.observed"), "cpu");
    cr_assert_eq(json_array_size(outputs), 1);
    cr_assert(json_is_true(json_object_get(json_array_get(outputs, 0), "finite")));
    json_decref(j);
    expect_end(&r);
    expect_exit(&r, 0);
}

Test(protocol, clean_ends_that_are_no_pass)
{
    struct runner_process r;
    runner_start(&r, selftest, 1);
    runner_send(&r, trial_request("error"));
    expect_code(&r, "selftest", "refused");
    expect_end(&r);
    expect_exit(&r, 0);

    runner_start(&r, selftest, 1);
    runner_send(&r, trial_request("unsupported"));
    json_t *j = after_phases(&r);
    cr_assert_gt(strlen(runner_text(j, "unsupported")), 0);
    json_decref(j);
    expect_exit(&r, 0);

    runner_start(&r, selftest, 1);
    runner_send(&r, trial_request("exit_nonzero"));
    cr_assert_null(after_phases(&r));
    expect_exit(&r, 3);
}

Test(protocol, what_does_not_fit_is_cut)
{
    struct runner_process r;
    runner_start(&r, selftest, 1);
    runner_send(&r, trial_request("result_too_large"));
    expect_code(&r, "protocol", "too-large");
    expect_end(&r);
    expect_exit(&r, 0);

    /* Into a file of the scratch directory, where there is one. */
    runner_start(&r, selftest, 1);
    runner_send(&r, trial_request("result_large"));
    json_t *named = after_phases(&r);
    cr_assert_str_eq(runner_text(named, "result.file"), "result.json");
    json_decref(named);
    expect_end(&r);
    expect_exit(&r, 0);

    /* 100 KiB that are not UTF-8: runner_next holds it to valid JSON below 64 KiB. */
    runner_start(&r, selftest, 1);
    runner_send(&r, trial_request("error_long"));
    json_t *j = after_phases(&r);
    cr_assert_gt(strlen(runner_text(j, "error.message")), 4096);
    cr_assert(strstr(runner_text(j, "error.message"), "\xef\xbf\xbd"), "no replacement character");
    json_decref(j);
    expect_exit(&r, 0);
}

Test(protocol, requests_that_are_not_understood)
{
    static const char *const requests[] = {
        "not JSON\n",
        "[]\n",
        "{}\n",
        "{\"trial\":0}\n",
        "{\"describe\":\"1\"}\n",
        "{\"trial\":1,\"variant\":[]}\n",
        "{\"trial\":1,\"variant\":{},\"device\":7}\n",
        "{\"trial\":1,\"variant\":{},\"scratch\":\"/nonexistent/scratch\"}\n",
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct runner_process r;
        runner_start(&r, selftest, 1);
        runner_send(&r, requests[i]);
        json_t *j = runner_next(&r);
        cr_assert_str_eq(runner_text(j, "error.domain"), "protocol", "%s", requests[i]);
        json_decref(j);
        expect_exit(&r, 2);
    }
    /* Longer than a message may be. */
    static char huge[TL_MESSAGE_MAX + 10];
    memset(huge, 'x', sizeof huge - 1);
    struct runner_process r;
    runner_start(&r, selftest, 1);
    runner_send(&r, huge);
    expect_code(&r, "protocol", "request");
    expect_exit(&r, 2);
    /* Nothing at all, and a line that was cut off. */
    runner_start(&r, selftest, 1);
    expect_exit(&r, 2);
    runner_start(&r, selftest, 1);
    runner_send(&r, "{\"describe\":1}");
    shutdown(r.channel, SHUT_WR);
    expect_end(&r);
    expect_exit(&r, 2);
}

Test(protocol, by_hand)
{
    struct runner_process r;
    runner_start(&r, selftest, 0);
    char *text = runner_read_all(r.err);
    cr_assert(strstr(text, "descriptor 3") && strstr(text, "--trial"), "%s", text);
    free(text);
    expect_exit(&r, 2);

    static const char *const argv[] = {
        SELFTEST_PATH, "--trial", "{\"trial\":1,\"device\":\"cpu\",\"variant\":{\"behaviour\":\"error\"}}",
        NULL};
    runner_start(&r, argv, 0);
    text = runner_read_all(r.out);
    cr_assert(strstr(text, "{\"phase\":\"load\"}\n") && strstr(text, "\"code\":\"refused\""), "%s", text);
    free(text);
    expect_exit(&r, 0);

    static const char *const bad[] = {SELFTEST_PATH, "--no-such-option", NULL};
    runner_start(&r, bad, 0);
    expect_exit(&r, 2);
}

/* The family and the runner offer the same behaviours. */
Test(protocol, every_behaviour_has_a_function)
{
    static const char *const argv[] = {SELFTEST_PATH, "--list", NULL};
    struct runner_process r;
    runner_start(&r, argv, 0);
    char *text = runner_read_all(r.out), *save = NULL;
    size_t i = 0;
    const char *const *names = tl_family_selftest.axes[0].values;
    cr_assert_str_eq(tl_family_selftest.axes[0].name, "behaviour");
    cr_assert_str_eq(names[0], "pass");
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save), i++) {
        line[strcspn(line, " ")] = '\0';
        cr_assert(names[i]);
        cr_assert_str_eq(line, names[i]);
    }
    cr_assert_gt(i, 100);
    cr_assert_null(names[i]);
    free(text);
    expect_exit(&r, 0);
}

/* ---- fork server ---- */

static void serve(struct runner_process *server, const char *selftest_plan)
{
    char request[256];
    runner_start(server, selftest, 1);
    snprintf(request, sizeof request, "{\"serve\":1,\"device\":\"cpu\",\"build\":{\"selftest\":%s%s%s}}\n",
             selftest_plan ? "\"" : "", selftest_plan ? selftest_plan : "null", selftest_plan ? "\"" : "");
    runner_send(server, request);
}

static void expect_serving(struct runner_process *server)
{
    json_t *j = runner_next(server);
    cr_assert_eq(json_integer_value(json_object_get(j, "serving")), 1);
    json_decref(j);
}

static pid_t expect_forked(struct runner_process *server)
{
    json_t *j = runner_next(server);
    pid_t pid = (pid_t)json_integer_value(json_object_get(j, "forked"));
    cr_assert_gt(pid, 0);
    json_decref(j);
    return pid;
}

static void fork_pass(struct runner_process *server)
{
    struct runner_process child;
    runner_send_fork(server, 3, &child);
    expect_forked(server);
    runner_send(&child, trial_request("pass"));
    json_t *j = after_phases(&child);
    cr_assert_str_eq(runner_text(j, "result.observed"), "cpu");
    json_decref(j);
    expect_end(&child);
    runner_wait(&child);
}

/* The state of a process and, once it is a zombie, its wait status. */
static char process_state(pid_t pid, int *status)
{
    char path[64], text[2048] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return 'X';
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    char *p = strrchr(text, ')');
    cr_assert(p);
    char *last = strrchr(text, ' ');
    *status = atoi(last);
    return p[2];
}

Test(protocol, fork_server)
{
    struct runner_process server, child;
    serve(&server, NULL);
    expect_serving(&server);
    fork_pass(&server);

    /* A child that crashes does so alone. */
    runner_send_fork(&server, 3, &child);
    pid_t pid = expect_forked(&server);
    cr_assert_neq(pid, server.pid);
    runner_send(&child, trial_request("flood_crash"));
    char *err = runner_read_all(child.out);
    cr_assert(strstr(err, "the first line on stdout"), "the child's stdout is not the one that was sent");
    free(err);
    runner_wait(&child);

    runner_send_fork(&server, 3, &child);
    pid = expect_forked(&server);
    runner_send(&child, trial_request("null_read"));
    cr_assert_null(after_phases(&child));
    runner_wait(&child);
    int status = 0;
    for (int i = 0; i < 1000 && process_state(pid, &status) != 'Z'; i++)
        usleep(1000);
    cr_assert_eq(process_state(pid, &status), 'Z');
    cr_assert_eq(status & 0x7f, SIGSEGV);

    /* It is reaped before the next one is made. */
    fork_pass(&server);
    cr_assert_eq(process_state(pid, &status), 'X');

    close(server.channel);
    server.channel = -1;
    int w = runner_wait(&server);
    cr_assert(WIFEXITED(w) && WEXITSTATUS(w) == 0);
}

Test(protocol, fork_server_child_has_only_what_it_should)
{
    struct runner_process server, child;
    serve(&server, NULL);
    expect_serving(&server);
    runner_send_fork(&server, 3, &child);
    pid_t pid = expect_forked(&server);
    runner_send(&child, trial_request("hang_sleep"));
    expect_phase(&child, "load");
    expect_phase(&child, "compile");
    expect_phase(&child, "execute");
    cr_assert_eq(getsid(pid), pid);
    char path[64], target[256];
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *d = opendir(path);
    cr_assert(d);
    int seen = 0;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        seen |= 1 << atoi(e->d_name);
        cr_assert_leq(atoi(e->d_name), 3, "descriptor %s is left open", e->d_name);
    }
    closedir(d);
    cr_assert_eq(seen, 0xf);
    snprintf(path, sizeof path, "/proc/%d/cwd", (int)pid);
    ssize_t n = readlink(path, target, sizeof target - 1);
    cr_assert_gt(n, 0);
    target[n] = '\0';
    cr_assert_str_eq(target, "/tmp");
    /* The server ends at the end of its socket though a child still runs. */
    int w = runner_wait(&server);
    cr_assert(WIFEXITED(w) && WEXITSTATUS(w) == 0);
    kill(pid, SIGKILL);
    expect_end(&child);
    runner_wait(&child);
}

static int tell_tmpdir(struct tl_run *run, void *state)
{
    const char *directory = getenv("TMPDIR");
    (void)state;
    tl_run_error(run, "test", "tmpdir", "%s", directory ? directory : "none");
    return -1;
}

/* Of the server, whose environment it has, its TMPDIR would be another trial's too. */
Test(protocol, fork_server_child_has_a_tmpdir_of_its_own)
{
    static const struct tl_runner runner = {.name = "teller", .version = "1", .trial = tell_tmpdir};
    static const char request[] = "{\"trial\":1,\"device\":\"cpu\",\"scratch\":\"/tmp\"}\n";
    int s[2], status;
    char answer[512] = "";
    setenv("TMPDIR", "/of/the/server", 1);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(s[1], TL_PROTOCOL_FD);
        _exit(tl_protocol_trial(&runner, NULL));
    }
    cr_assert_eq(write(s[0], request, sizeof request - 1), (ssize_t)sizeof request - 1);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_gt(read(s[0], answer, sizeof answer - 1), 0);
    cr_assert(strstr(answer, "\"message\":\"/tmp\""), "%s", answer);
    close(s[0]);
    close(s[1]);
}

/* A runner may have been told nothing, by a runtime, and everything that it says is understood. */
Test(protocol, words_that_say_nothing)
{
    static const char *const expected[] = {
        "{\"error\":{\"domain\":\"unknown\",\"code\":\"\",\"message\":\"\"}}",
        "{\"unsupported\":\"no reason was given\"}",
        "{\"lost\":\"no reason was given\"}",
        "{\"operator\":null}",
        "{\"operator\":{\"type\":\"Conv\"}}",
        "{\"result\":{\"outputs\":[]}}",
    };
    struct tl_run run = {.device = "cpu"};
    char line[512];
    int s[2];
    size_t n;
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
    tl_channel_use(s[0]);
    tl_run_error(&run, "", "", "%s", "");
    tl_run_unsupported(&run, "%s", "");
    tl_run_lost(&run, "");
    tl_run_operator(&run, "", "");
    tl_run_operator(&run, "", "Conv");
    tl_run_result(&run, json_pack("{s:[],s:s}", "outputs", "observed", ""));
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        cr_assert_gt(tl_channel_read_line(s[1], line, sizeof line, NULL, &n), 0);
        cr_assert_str_eq(line, expected[i]);
    }
    close(s[0]);
    close(s[1]);
}

/* Several requests wait on the socket at once: each line has its own descriptors. */
Test(protocol, fork_requests_in_a_row)
{
    struct runner_process server, child[4];
    serve(&server, NULL);
    for (size_t i = 0; i < 4; i++)
        runner_send_fork(&server, 3, &child[i]);
    expect_serving(&server);
    for (size_t i = 0; i < 4; i++)
        expect_forked(&server);
    for (size_t i = 0; i < 4; i++) {
        runner_send(&child[i], trial_request(i % 2 ? "pass" : "error"));
        json_t *j = after_phases(&child[i]);
        cr_assert(json_object_get(j, i % 2 ? "result" : "error"));
        json_decref(j);
        runner_wait(&child[i]);
    }
    expect_exit(&server, 0);
}

Test(protocol, fork_requests_that_are_wrong)
{
    static const int counts[] = {0, 1, 2, 4, 5};
    struct runner_process server, child;
    serve(&server, NULL);
    expect_serving(&server);
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        runner_send_fork(&server, counts[i], &child);
        expect_code(&server, "protocol", "descriptors");
        expect_end(&child); /* none was kept */
        runner_wait(&child);
    }
    runner_send(&server, "{\"trial\":1}\n");
    expect_code(&server, "protocol", "request");
    fork_pass(&server);
    /* And a child that is asked for something else than a trial. */
    runner_send_fork(&server, 3, &child);
    expect_forked(&server);
    runner_send(&child, "{\"describe\":1}\n");
    expect_code(&child, "protocol", "request");
    expect_end(&child);
    runner_wait(&child);
    expect_exit(&server, 0);
}

Test(protocol, servers_that_do_not_serve)
{
    struct runner_process server, child;
    serve(&server, "fail_on_load");
    expect_code(&server, "selftest", "load");
    expect_end(&server);
    expect_exit(&server, 0);

    serve(&server, "die_on_load");
    expect_end(&server);
    int w = runner_wait(&server);
    cr_assert(WIFSIGNALED(w) && WTERMSIG(w) == SIGABRT);

    serve(&server, "die_on_fork:2");
    expect_serving(&server);
    fork_pass(&server);
    runner_send_fork(&server, 3, &child);
    expect_end(&server);
    expect_end(&child);
    runner_wait(&child);
    w = runner_wait(&server);
    cr_assert(WIFSIGNALED(w) && WTERMSIG(w) == SIGABRT);

    serve(&server, "lie_about_pid");
    expect_serving(&server);
    runner_send_fork(&server, 3, &child);
    cr_assert_eq(expect_forked(&server), getpid());
    runner_send(&child, trial_request("pass"));
    json_t *j = after_phases(&child);
    cr_assert(json_object_get(j, "result"));
    json_decref(j);
    runner_wait(&child);
    expect_exit(&server, 0);
}

/* ---- other runners ---- */

Test(protocol, runner_in_python)
{
    struct runner_process r;
    runner_start(&r, minimal, 1);
    runner_send(&r, "{\"describe\":1}\n");
    json_t *j = runner_next(&r);
    cr_assert_str_eq(runner_text(j, "name"), "minimal");
    cr_assert(json_is_false(json_object_get(j, "serve")));
    json_decref(j);
    expect_end(&r);
    expect_exit(&r, 0);

    runner_start(&r, minimal, 1);
    runner_send(&r, "{\"trial\":1,\"case\":\"roots\",\"device\":\"cpu\",\"variant\":{\"n\":9}}\n");
    expect_phase(&r, "load");
    expect_phase(&r, "execute");
    j = runner_next(&r);
    const json_t *output = json_array_get(json_object_get(json_object_get(j, "result"), "outputs"), 0);
    cr_assert_eq(json_number_value(json_object_get(output, "max")), 2.8284271247461903);
    json_decref(j);
    expect_exit(&r, 0);

    runner_start(&r, minimal, 1);
    runner_send(&r, "{\"trial\":1,\"case\":\"roots\",\"device\":\"cpu\",\"variant\":{\"n\":0}}\n");
    expect_code(&r, "minimal", "empty");
    expect_exit(&r, 0);

    runner_start(&r, minimal, 1);
    runner_send(&r, "{\"tea\":1}\n");
    expect_code(&r, "protocol", "request");
    expect_exit(&r, 2);
}

/* ---- the pieces ---- */

Test(protocol, texts)
{
    static const struct {
        const char *bytes;
        size_t size, most;
        const char *expected;
    } texts[] = {
        {"plain", 5, 100, "plain"},
        {"", 0, 100, ""},
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xab", 14, 100, "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xab"},
        {"a\xff"
         "b",
         3, 100,
         "a\xef\xbf\xbd"
         "b"},
        {"\xc0\xaf", 2, 100, "\xef\xbf\xbd\xef\xbf\xbd"},                 /* not the shortest form */
        {"\xed\xa0\x80", 3, 100, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* a surrogate */
        {"\xf4\x90\x80\x80", 4, 100,
         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* beyond U+10FFFF */
        {"x\xe2\x82", 3, 100, "x\xef\xbf\xbd\xef\xbf\xbd"},   /* cut off */
        {"a\0b", 3, 100,
         "a\xef\xbf\xbd"
         "b"},
        {"0123456789", 10, 10, "0123456789"},
        {"0123456789", 10, 9, "012345678 [shortened]"},
        {"caf\xc3\xa9!", 6, 4, "caf [shortened]"}, /* at the end of a character */
        {"\xff\xff", 2, 5, "\xef\xbf\xbd [shortened]"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *j = tl_json_text(texts[i].bytes, texts[i].size, texts[i].most);
        cr_assert(j, "text %zu", i);
        cr_assert_str_eq(json_string_value(j), texts[i].expected);
        json_decref(j);
    }
}

Test(protocol, lines)
{
    int s[2];
    char line[16];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
    cr_assert_eq(write(s[0], "one\n\n\r\ntwo\r\nthree\n0123456789abcdefgh\n", 37), 37);
    cr_assert_eq(tl_channel_read_line(s[1], line, sizeof line, NULL, NULL), 3);
    cr_assert_str_eq(line, "one");
    cr_assert_eq(tl_channel_read_line(s[1], line, sizeof line, NULL, NULL), 3);
    cr_assert_str_eq(line, "two");
    cr_assert_eq(tl_channel_read_line(s[1], line, sizeof line, NULL, NULL), 5);
    cr_assert_eq(tl_channel_read_line(s[1], line, sizeof line, NULL, NULL), -1);
    cr_assert_eq(errno, EMSGSIZE);
    close(s[0]);
    close(s[1]);
}

/* Descriptors that came with a line without an end are closed. */
Test(protocol, a_line_that_is_cut_off_leaves_nothing)
{
    int s[2], fds[TL_CHANNEL_FDS], ends[2];
    size_t n = 9;
    char line[16], text[] = "cut off", c;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec v = {text, strlen(text)};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
    cr_assert_eq(pipe(ends), 0);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(h), &ends[1], sizeof(int));
    cr_assert_eq(sendmsg(s[0], &m, 0), (ssize_t)strlen(text));
    close(s[0]);
    close(ends[1]);
    cr_assert_eq(tl_channel_read_line(s[1], line, sizeof line, fds, &n), 0);
    cr_assert_eq(n, 0);
    cr_assert_eq(read(ends[0], &c, 1), 0, "the other end of the pipe is open still");
    close(ends[0]);
    close(s[1]);
}

/* A small send buffer and a reader that is slow: all of it arrives, and a reader that goes away is no signal.
 */
Test(protocol, writes)
{
    int s[2], small = 4096;
    static char data[300000], got[300000];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s), 0);
    setsockopt(s[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)(i * 7);
    pid_t pid = fork();
    if (pid == 0) {
        tl_channel_use(s[0]);
        _exit(tl_channel_write(data, sizeof data) ? 1 : 0);
    }
    size_t have = 0;
    while (have < sizeof got) {
        ssize_t n = read(s[1], got + have, have % 1000 + 1);
        if (n > 0)
            have += (size_t)n;
        else
            usleep(100);
    }
    cr_assert_arr_eq(got, data, sizeof data);
    int status;
    waitpid(pid, &status, 0);
    cr_assert_eq(status, 0);
    close(s[1]);
    tl_channel_use(s[0]);
    cr_assert_eq(tl_channel_write("x", 1), -1);
    cr_assert_eq(errno, EPIPE);
    close(s[0]);
}
