/* The selftest runner does what its behaviours promise: everything that is said of a trial of it rests on
 * that. */
#include "tests/unit/runner_process.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(selftest, .timeout = 120);

static const char *const selftest[] = {SELFTEST_PATH, NULL};

enum said { NOTHING, RESULT, ERROR };

struct promise {
    const char *variant; /* members of the variant */
    int signal, status;  /* how it ends: by a signal, or by an exit status */
    enum said said;
    const char *err; /* in stderr; or NULL */
};

#define DIES(name, signal)                                                                                   \
    {                                                                                                        \
        "\"behaviour\":\"" name "\"", signal, 0, NOTHING, NULL                                               \
    }
#define DIES_SAYING(name, signal, err)                                                                       \
    {                                                                                                        \
        "\"behaviour\":\"" name "\"", signal, 0, NOTHING, err                                                \
    }
#define EXITS(name, status, said)                                                                            \
    {                                                                                                        \
        "\"behaviour\":\"" name "\"", 0, status, said, NULL                                                  \
    }

static const struct promise promises[] = {
    EXITS("pass", 0, RESULT),
    EXITS("error", 0, ERROR),
    EXITS("exit_nonzero", 3, NOTHING),
    EXITS("exit_zero_silent", 0, NOTHING),
    DIES("null_read", SIGSEGV),
    DIES("null_write", SIGSEGV),
    DIES("wild_read", SIGSEGV),
    DIES("wild_write", SIGSEGV),
    DIES("readonly_write", SIGSEGV),
    DIES("null_jump", SIGSEGV),
    DIES("wild_jump", SIGSEGV),
    DIES("data_jump", SIGSEGV),
    DIES("bus_error", SIGBUS),
    DIES("illegal_instruction", SIGILL),
#if defined __x86_64__
    DIES("builtin_trap", SIGILL),
#else
    DIES("builtin_trap", SIGTRAP),
#endif
    DIES("breakpoint", SIGTRAP),
    DIES("divide_by_zero", SIGFPE),
    DIES("abort", SIGABRT),
    DIES("bad_syscall", SIGSYS),
    DIES_SAYING("assert_failure", SIGABRT, "Assertion `"),
    DIES_SAYING("terminate_message", SIGABRT, "terminate called after throwing"),
    DIES("raise_segv", SIGSEGV),
    DIES("raise_sys", SIGSYS),
    DIES("kill_trap", SIGTRAP),
    DIES("kill_fpe", SIGFPE),
    DIES("sigkill", SIGKILL),
    DIES("sigterm", SIGTERM),
    EXITS("handler_recovers", 0, RESULT),
    DIES("handler_reraises", SIGSEGV),
    EXITS("handler_exits", 1, NOTHING),
    DIES("handler_alternate_stack", SIGSEGV),
    DIES("abort_ignored", SIGABRT),
    DIES("abort_blocked", SIGABRT),
    EXITS("raise_masked", 0, RESULT),
    DIES("fault_while_blocked", SIGSEGV),
    DIES("fault_while_ignored", SIGSEGV),
    DIES("stack_smash", SIGSEGV),
    DIES_SAYING("stack_smash_detected", SIGABRT, "stack smashing detected"),
    DIES("stack_overflow", SIGSEGV),
    DIES("frame_loop", SIGSEGV),
    DIES("debug_frame", SIGSEGV),
    DIES("deleted_library", SIGSEGV),
    DIES("deleted_executable", SIGSEGV),
    DIES("stripped_library", SIGSEGV),
    DIES("stripped_executable", SIGSEGV),
    DIES("crash_in_thread", SIGSEGV),
    DIES("crash_among_threads", SIGSEGV),
    DIES("abort_other_thread", SIGABRT),
    DIES("crash_all_threads", SIGSEGV),
    EXITS("grandchild_crash", 0, RESULT),
    EXITS("grandchild_exec_crash", 0, RESULT),
    EXITS("daemon_crash", 0, RESULT),
    EXITS("wrapper", 139, NOTHING),
    EXITS("wrapper_exec", 139, NOTHING),
    EXITS("wrapper_lies", 139, NOTHING),
    DIES("exec_crash", SIGSEGV),
    DIES("exec_thread_crash", SIGSEGV),
    EXITS("fd_exhaustion", 0, RESULT),
    DIES_SAYING("fd_exhaustion_crash", SIGABRT, "Too many open files"),
    DIES("disk_large_file", SIGXFSZ),
    EXITS("disk_large_file_error", 0, ERROR),
    DIES("malloc_abort", SIGABRT),
    EXITS("malloc_error", 0, ERROR),
    DIES("malloc_null_write", SIGSEGV),
    DIES_SAYING("bad_alloc_message", SIGABRT, "std::bad_alloc"),
    DIES("mmap_shared", SIGABRT),
    DIES_SAYING("double_free", SIGABRT, "double free"),
    DIES("heap_corruption", SIGABRT),
    DIES("phase_lies", SIGSEGV),
    EXITS("close_channel", 0, NOTHING),
    DIES("close_channel_crash", SIGSEGV),
    EXITS("shutdown_channel", 0, NOTHING),
    {"\"behaviour\":\"result_then_crash\"", SIGSEGV, 0, RESULT, NULL},
    EXITS("result_then_exit_nonzero", 3, RESULT),
    {"\"behaviour\":\"hang_sleep\",\"seconds\":1", 0, 0, RESULT, NULL},
    /* The axes that say whether, when and where. */
    {"\"behaviour\":\"abort\",\"chance\":0", 0, 0, RESULT, NULL},
    {"\"behaviour\":\"abort\",\"layers\":6,\"at_least\":7", 0, 0, RESULT, NULL},
    {"\"behaviour\":\"abort\",\"layers\":7,\"at_least\":7", SIGABRT, 0, NOTHING, NULL},
    {"\"behaviour\":\"abort\",\"layers\":8,\"at_most\":7", 0, 0, RESULT, NULL},
    {"\"behaviour\":\"abort\",\"phase\":\"done\"", SIGABRT, 0, RESULT, NULL},
    {"\"behaviour\":\"null_read\",\"thread\":\"other\"", SIGSEGV, 0, NOTHING, NULL},
    {"\"behaviour\":\"no such behaviour\"", 0, 0, ERROR, NULL},
};

/* Small limits, so that exhaustion comes soon. Inherited by the runner. */
static void set_limits(void)
{
    static const struct {
        int resource;
        rlim_t most;
    } limits[] = {{RLIMIT_CORE, 0}, {RLIMIT_NOFILE, 256}, {RLIMIT_FSIZE, 8 << 20}, {RLIMIT_AS, 256 << 20}};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        struct rlimit r = {limits[i].most, limits[i].most};
        cr_assert_eq(setrlimit((__rlimit_resource_t)limits[i].resource, &r), 0);
    }
}

static void keep(const struct promise *p, const char *scratch)
{
    struct runner_process r;
    char request[512];
    enum said said = NOTHING;
    runner_start(&r, selftest, 1);
    snprintf(request, sizeof request,
             "{\"trial\":1,\"case\":\"t\",\"device\":\"cpu\",\"variant\":{%s},\"scratch\":\"%s\"}\n",
             p->variant, scratch);
    runner_send(&r, request);
    for (json_t *j; (j = runner_next(&r)); json_decref(j))
        said = json_object_get(j, "result") ? RESULT : json_object_get(j, "error") ? ERROR : said;
    char *err = runner_read_all(r.err);
    int w = runner_wait(&r);
    cr_assert_eq(said, p->said, "%s said %d", p->variant, said);
    cr_assert_eq(WIFSIGNALED(w) ? WTERMSIG(w) : 0, p->signal, "%s: wait status %x; %s", p->variant,
                 (unsigned)w, err);
    if (!p->signal)
        cr_assert_eq(WEXITSTATUS(w), p->status, "%s: exit status %d", p->variant, WEXITSTATUS(w));
    if (p->err)
        cr_assert(strstr(err, p->err), "%s wrote: %s", p->variant, err);
    free(err);
}

Test(selftest, keeps_its_promises)
{
    char scratch[] = "/tmp/test-selftest-XXXXXX", remove[64];
    cr_assert(mkdtemp(scratch));
    set_limits();
    for (size_t i = 0; i < sizeof promises / sizeof promises[0]; i++)
        keep(&promises[i], scratch);
    snprintf(remove, sizeof remove, "rm -rf %s", scratch);
    cr_assert_eq(system(remove), 0);
}
