/* Trials that try to leave a process behind (runners/escapes.c), each beside others that run on: when the record of a
 * trial is made nothing of it is left, in whatever way it is held. */
#include "harness/base/buffer.h"
#include "harness/supervise/supervisor.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

static unsigned n_ended;

/* Of this process's namespace, whoever has made them: pages of segments, sets of semaphores, queues. */
static unsigned segments(void)
{
    static const char *const files[] = {"/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg"};
    unsigned lines = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *text = tl_read_file(files[i], 1 << 20, NULL);
        for (const char *at = text; at && (at = strchr(at, '\n')); at++)
            lines++;
        free(text);
    }
    return lines;
}

/* How many processes of the runner live that were made of a trial of this way; its environment tells (way "seen"), or nothing
 * does: then those that are no child of anybody's but the trial's. */
static unsigned living(const char *marker)
{
    unsigned n = 0;
    DIR *d = opendir("/proc");
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[300], program[300] = "";
        snprintf(path, sizeof path, "/proc/%s/exe", e->d_name);
        if (atoi(e->d_name) <= 0 || readlink(path, program, sizeof program - 1) < 0 ||
            strcmp(program, ESCAPES_PATH))
            continue;
        snprintf(path, sizeof path, "/proc/%s/cwd", e->d_name);
        memset(program, 0, sizeof program);
        n += readlink(path, program, sizeof program - 1) > 0 && strstr(program, marker);
    }
    if (d)
        closedir(d);
    return n;
}

struct asked {
    const char *how;
    bool naps;
};

static void on_done(void *arg, struct tl_trial_record *r, bool *taken)
{
    const struct asked *a = arg;
    (void)taken;
    n_ended++;
    cr_expect_eq(r->outcome, TL_OUTCOME_PASS, "%s: %s, %s", a->how, tl_outcome_name(r->outcome),
                 r->message ? r->message : "-");
    /* Its scratch directory was its working directory, and is still there. */
    const char *scratch = strstr(r->request ? r->request : "", "\"scratch\":\"");
    cr_assert(scratch);
    char marker[300];
    snprintf(marker, sizeof marker, "%.*s", (int)strcspn(scratch + 11, "\""), scratch + 11);
    cr_expect_eq(living(marker), 0, "%s: a process is left", a->how);
}

static void submit(struct tl_supervisor *s, const struct asked *a, bool served)
{
    static const char *const argv[] = {ESCAPES_PATH, NULL};
    struct tl_error e;
    struct tl_trial_spec spec = {
        .argv = argv,
        .protocol = true,
        .limits = tl_limits_default,
        .unit = "escapes:cpu",
        .server_key = served ? "escapes" : NULL,
        .request = json_pack("{s:i,s:s,s:{s:s}}", "trial", 1, "device", "cpu", "variant", "how", a->how),
        .server_request = served ? json_pack("{s:i,s:s}", "serve", 1, "device", "cpu") : NULL,
    };
    cr_assert_eq(tl_supervisor_submit(s, &spec, on_done, (void *)(uintptr_t)a, &e), 0, "%s", e.why);
    json_decref(spec.request);
    json_decref(spec.server_request);
}

static void try_all(enum tl_warden_kind warden, bool no_cgroup, bool served)
{
    static const struct asked nap = {"naps", true},
                              all[] = {{"seen", false},   {"hides", false}, {"many", false},
                                       {"leaves", false}, {"comet", false}, {"segment", false}};
    const struct tl_supervisor_options options = {.jobs = 3, .no_cgroup = no_cgroup, .warden = warden};
    struct tl_supervisor *s;
    struct tl_error e;
    uv_loop_t loop;
    if (access(ESCAPES_PATH, X_OK))
        cr_skip_test("an ordinary user cannot run it from here");
    /* Where nobody else makes any meanwhile. */
    unshare(CLONE_NEWIPC);
    unsigned before = segments();
    n_ended = 0;
    uv_loop_init(&loop);
    cr_assert_eq(tl_supervisor_new(&s, &loop, &options, &e), 0, "%s", e.why);
    unsigned n = 0;
    submit(s, &nap, false);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        /* One that is faster than it is killed gets away for a while where nothing holds it. */
        if (warden == TL_WARDEN_WALK && !strcmp(all[i].how, "comet"))
            continue;
        submit(s, &all[i], served);
        n++;
    }
    while (n_ended < n + 1)
        uv_run(&loop, UV_RUN_ONCE);
    tl_supervisor_free(s);
    uv_loop_close(&loop);
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1, "a child is left");
    cr_expect_eq(segments(), before, "a segment is left");
}

static void become_nobody(void)
{
    unshare(CLONE_NEWIPC);
    if (geteuid() == 0 && (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY)))
        cr_skip_test("nobody cannot be become");
    prctl(PR_SET_DUMPABLE, 1);
}

Test(escapes, cgroup)
{
    try_all(TL_WARDEN_NONE, false, false);
}

Test(escapes, served_in_a_cgroup)
{
    try_all(TL_WARDEN_NONE, false, true);
}

Test(escapes, scope)
{
    try_all(TL_WARDEN_NONE, true, false);
}

Test(escapes, namespace)
{
    if (!tl_warden_can_have_namespaces(NULL))
        cr_skip_test("no namespaces here");
    try_all(TL_WARDEN_NAMESPACE, true, false);
}

Test(escapes, walk)
{
    try_all(TL_WARDEN_WALK, true, false);
}

Test(escapes, scope_of_nobody)
{
    become_nobody();
    try_all(TL_WARDEN_NONE, true, false);
}

Test(escapes, served_in_a_scope_of_nobody)
{
    become_nobody();
    try_all(TL_WARDEN_NONE, true, true);
}

Test(escapes, namespace_of_nobody)
{
    become_nobody();
    if (!tl_warden_can_have_namespaces(NULL))
        cr_skip_test("no namespaces here");
    try_all(TL_WARDEN_NAMESPACE, true, false);
}

Test(escapes, served_in_a_namespace_of_nobody)
{
    become_nobody();
    if (!tl_warden_can_have_namespaces(NULL))
        cr_skip_test("no namespaces here");
    try_all(TL_WARDEN_NAMESPACE, true, true);
}
