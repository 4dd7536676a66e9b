/* Helper programs: input, output, deadlines. sh is run as a program like any other. */
#include "harness/base/program.h"

#include "harness/base/clock.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int exit_status(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* A directory for a test's files. */
static char *made(void)
{
    char template[] = "/tmp/trapline-program-XXXXXX";
    char *directory = mkdtemp(template);
    cr_assert_not_null(directory);
    return tl_strdup(directory);
}

/* Runs a program with a text as its stdin; *status is waitpid's. */
static int pipe_to(char *const argv[], const char *input, double timeout_s, int *status, struct tl_error *e)
{
    struct tl_program p = {
        .argv = (const char *const *)argv, .input = input ? input : "", .timeout_s = timeout_s};
    int rc = tl_program_run(&p, e);
    *status = p.status;
    return rc;
}

static void removed(char *directory)
{
    char *argv[] = {"rm", "-r", directory, NULL};
    int status;
    cr_assert_eq(pipe_to(argv, NULL, 0, &status, NULL), 0);
    cr_assert_eq(status, 0);
    free(directory);
}

static char *read_in(const char *directory, const char *name)
{
    char *path = tl_format("%s/%s", directory, name);
    char *text = tl_read_file(path, 64u << 20, NULL);
    free(path);
    return text;
}

Test(program, output)
{
    struct tl_error e = {0};
    struct tl_buffer out = TL_BUFFER_INIT, err = TL_BUFFER_INIT;
    const char *argv[] = {"sh", "-c", "pwd; echo $0 $MARK; echo bad >&2; exit 7", "a b;c", NULL};
    const char *environment[] = {"MARK=stronger", NULL};
    setenv("MARK", "weaker", 1);
    struct tl_program p = {
        .argv = argv, .directory = "/", .environment = environment, .out = &out, .err = &err};
    cr_assert_eq(tl_program_run(&p, &e), 0, "%s", e.why);
    cr_expect_eq(exit_status(p.status), 7);
    cr_expect_str_eq(out.data, "/\na b;c stronger\n");
    cr_expect_str_eq(err.data, "bad\n");
    tl_buffer_free(&out);
    tl_buffer_free(&err);
}

Test(program, no_input)
{
    struct tl_buffer out = TL_BUFFER_INIT;
    const char *argv[] = {"sh", "-c", "wc -c", NULL};
    struct tl_program p = {.argv = argv, .out = &out};
    cr_assert_eq(tl_program_run(&p, NULL), 0);
    cr_expect_eq(atoi(out.data), 0);
    tl_buffer_free(&out);
}

Test(program, absent)
{
    struct tl_error e = {0};
    char *argv[] = {"trapline-no-such-program", "x", NULL};
    int status;
    cr_assert_eq(pipe_to(argv, "text", 5, &status, &e), -1);
    cr_expect_eq(e.kind, TL_ERROR_ENVIRONMENT);
    cr_expect_str_eq(e.where, "trapline-no-such-program");
    cr_expect_not_null(strstr(e.why, "is it installed and in PATH?"), "%s", e.why);
}

/* More than a pipe holds goes in and comes out, of a program that does both at once. */
Test(program, much_both_ways, .timeout = 60)
{
    size_t size = 3u << 20;
    char *text = tl_malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)('a' + i * 7 % 26);
    text[size] = '\0';
    struct tl_error e = {0};
    struct tl_buffer out = TL_BUFFER_INIT;
    const char *argv[] = {"cat", NULL};
    struct tl_program p = {.argv = argv, .input = text, .out = &out, .timeout_s = 50};
    cr_assert_eq(tl_program_run(&p, &e), 0, "%s", e.why);
    cr_expect_eq(p.status, 0);
    cr_assert_eq(out.size, size);
    cr_expect_eq(memcmp(out.data, text, size), 0);
    tl_buffer_free(&out);
    free(text);
}

Test(pipe_to, text_arrives)
{
    struct tl_error e = {0};
    char *directory = made(), *path = tl_format("%s/got", directory);
    char *argv[] = {"tee", path, NULL};
    int status = -1;
    cr_assert_eq(pipe_to(argv, "gr\xc3\xbc\xc3\x9f\n$HOME", 30, &status, &e), 0, "%s", e.why);
    cr_expect_eq(status, 0);
    char *text = read_in(directory, "got");
    cr_assert_not_null(text);
    cr_expect_str_eq(text, "gr\xc3\xbc\xc3\x9f\n$HOME");
    free(text);
    free(path);
    removed(directory);
}

Test(pipe_to, statuses)
{
    char *three[] = {"sh", "-c", "cat >/dev/null; exit 3", NULL};
    char *killed[] = {"sh", "-c", "kill -TERM $$", NULL};
    int status;
    cr_assert_eq(pipe_to(three, "x", 30, &status, NULL), 0);
    cr_expect_eq(exit_status(status), 3);
    cr_assert_eq(pipe_to(killed, "x", 30, &status, NULL), 0);
    cr_expect_eq(exit_status(status), -SIGTERM);
}

/* The reader leaves while trapline writes: SIGPIPE has its default here, which would end this process. */
Test(pipe_to, reader_that_leaves, .timeout = 60)
{
    size_t size = 8u << 20;
    char *text = tl_malloc(size + 1);
    memset(text, 'x', size);
    text[size] = '\0';
    struct tl_error e = {0};
    char *argv[] = {"sh", "-c", "read -r a <&-; exec <&-; sleep 0.1; exit 5", NULL};
    int status;
    signal(SIGPIPE, SIG_DFL);
    cr_assert_eq(pipe_to(argv, text, 30, &status, &e), 0, "%s", e.why);
    cr_expect_eq(exit_status(status), 5);
    sigset_t pending;
    sigpending(&pending);
    cr_expect(!sigismember(&pending, SIGPIPE));
    signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe_to(argv, text, 30, &status, &e), 0, "%s", e.why);
    cr_expect_eq(exit_status(status), 5);
    free(text);
}

/* A program that never reads is killed at the deadline, and what it started with it. */
Test(pipe_to, deadline, .timeout = 60)
{
    size_t size = 1u << 20;
    char *text = tl_malloc(size + 1);
    memset(text, 'x', size);
    text[size] = '\0';
    char *directory = made(), *path = tl_format("%s/pipe", directory);
    char *argv[] = {"sh", "-c", "exec 9>\"$0\"; echo there >&9; sleep 100 & wait", path, NULL};
    cr_assert_eq(mkfifo(path, 0600), 0);
    int held =
        open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* ends when the last process that writes to it has */
    cr_assert_geq(held, 0);
    struct tl_error e = {0};
    int status = 0;
    uint64_t start = tl_monotonic_ns();
    cr_assert_eq(pipe_to(argv, text, 1.5, &status, &e), -1);
    double took = (double)(tl_monotonic_ns() - start) / 1e9;
    cr_expect(took >= 1.4 && took < 20, "%g s", took);
    cr_expect_eq(exit_status(status), -SIGKILL);
    cr_expect_eq(e.kind, TL_ERROR_ENVIRONMENT);
    cr_expect_str_eq(e.why, "it was killed after 1.5 s");
    char line[8] = "";
    cr_expect_eq(read(held, line, sizeof line), 6);
    cr_expect_str_eq(line, "there\n");
    ssize_t n = -1;
    for (int i = 0; i < 100 && n < 0; i++, usleep(20000))
        n = read(held, line, sizeof line);
    cr_expect_eq(n, 0, "what it started still runs");
    close(held);
    free(path);
    free(text);
    removed(directory);
}

/* A program that closes everything and goes on is waited for as well. */
Test(program, deadline_without_pipes, .timeout = 60)
{
    struct tl_error e = {0};
    struct tl_buffer out = TL_BUFFER_INIT;
    const char *argv[] = {"sh", "-c", "echo there; exec sleep 100 >&- 2>&-", NULL};
    struct tl_program p = {.argv = argv, .out = &out, .timeout_s = 1};
    cr_assert_eq(tl_program_run(&p, &e), -1);
    cr_expect_str_eq(e.what, "a program did not end");
    cr_expect_str_eq(out.data, "there\n");
    tl_buffer_free(&out);
}

/* What it leaves behind may keep its output open for as long as it likes. */
Test(program, what_it_leaves_is_not_waited_for, .timeout = 60)
{
    struct tl_error e = {0};
    struct tl_buffer out = TL_BUFFER_INIT;
    const char *argv[] = {"sh", "-c", "sleep 50 & echo $!", NULL};
    struct tl_program p = {.argv = argv, .out = &out};
    uint64_t start = tl_monotonic_ns();
    cr_assert_eq(tl_program_run(&p, &e), 0, "%s", e.why);
    cr_expect_lt((double)(tl_monotonic_ns() - start) / 1e9, 20);
    cr_expect_eq(exit_status(p.status), 0);
    pid_t left = (pid_t)strtol(out.data, NULL, 10);
    cr_assert_gt(left, 1);
    cr_expect_eq(kill(left, SIGKILL), 0, "it is nobody's affair, and lives");
    tl_buffer_free(&out);
}

Test(pipe_to, quick_end_is_not_waited_for, .timeout = 60)
{
    char *argv[] = {"true", NULL};
    int status;
    uint64_t start = tl_monotonic_ns();
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(pipe_to(argv, "x", 100, &status, NULL), 0);
        cr_expect_eq(status, 0);
    }
    cr_expect_lt((double)(tl_monotonic_ns() - start) / 1e9, 20);
}
