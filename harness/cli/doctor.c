/* trapline doctor: can this machine trace, limit, kill and store? Found out by doing it: trials of the
 * selftest runner that misbehave for real, in a database of their own that is thrown away. What a system has besides is
 * asked for in doctor_linux.c or doctor_darwin.c, and what is said of it is decided in doctor_rules.c. */
#include "harness/cli/cli.h"

#include "cases/load.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/jobs.h"
#include "harness/base/program.h"
#include "harness/base/style.h"
#include "harness/cli/begin.h"
#include "harness/cli/doctor_system.h"
#include "harness/executor/executor.h"
#include "harness/supervise/scratch.h"
#include "reports/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

struct check {
    const char *name, *behaviour;
    bool served;
    bool (*holds)(const struct tl_trial_record *r);
    const char *proves, *advice;
};

static bool crashed_with_stack(const struct tl_trial_record *r)
{
    return r->outcome == TL_OUTCOME_CRASH && r->n_captures && r->captures[0].n_threads &&
           r->captures[0].threads[0].n_frames > 2;
}

static bool named(const struct tl_trial_record *r)
{
    if (!crashed_with_stack(r))
        return false;
    const struct tl_thread *t = &r->captures[0].threads[0];
    for (size_t i = 0; t->symbols && i < t->n_frames; i++)
        if (t->symbols[i].n && t->symbols[i].symbols[0].function)
            return true;
    return false;
}

static bool hung_with_stack(const struct tl_trial_record *r)
{
    return r->outcome == TL_OUTCOME_HANG && r->n_captures && r->captures[0].n_threads &&
           r->captures[0].threads[0].n_frames > 1;
}

static bool out_of_memory(const struct tl_trial_record *r)
{
    return r->outcome == TL_OUTCOME_OOM;
}

static bool passed(const struct tl_trial_record *r)
{
    return r->outcome == TL_OUTCOME_PASS;
}

static bool passed_served(const struct tl_trial_record *r)
{
    return r->outcome == TL_OUTCOME_PASS && !r->fresh;
}

static bool tail_kept(const struct tl_trial_record *r)
{
    return r->outcome == TL_OUTCOME_CRASH && r->err.total > 1 << 20 && r->err.tail_size;
}

static const char trace_advice[] = "ptrace must be allowed: in a container add --cap-add=SYS_PTRACE (and a "
                                   "seccomp profile that permits it); "
                                   "kernel.yama.ptrace_scope must be below 3";

static const struct check checks[] = {
    {"run", "pass", false, passed, "a runner runs and answers",
     "the runners must be installed, or TRAPLINE_RUNNERS name them"},
    {"trace", "null_read", false, crashed_with_stack, "a crash is captured with its stack", trace_advice},
    {"symbols", "null_read", false, named, "functions in the stack have names",
     "libdw (elfutils) could not read the selftest runner; was it stripped?"},
    {"threads", "crash_among_threads", false, crashed_with_stack,
     "all threads of a crashing process are stopped", trace_advice},
    {"hang", "hang_ignoring", false, hung_with_stack, "a hang is interrupted, captured and killed",
     trace_advice},
    {"memory", "malloc_abort", false, out_of_memory, "a memory limit holds",
     "setrlimit(RLIMIT_DATA) has no effect here"},
    {"descendants", "daemon_lingers", false, passed, "what a runner leaves behind is killed", trace_advice},
    {"floods", "flood_crash", false, tail_kept, "the end of a flood of output survives a crash",
     "the pipes of a trial do not work"},
    {"fork server", "pass", true, passed_served, "a fork server's children are traced like others",
     trace_advice},
};
#define N_CHECKS TL_COUNT(checks)

static const char case_text[] =
    "{\"trapline\": 1, \"name\": \"doctor\", \"model\": {\"family\": \"selftest\"},"
    "\"axes\": [{\"name\": \"behaviour\", \"choices\": [\"pass\", \"null_read\", "
    "\"crash_among_threads\", \"hang_ignoring\", \"malloc_abort\", \"daemon_lingers\", "
    "\"flood_crash\"]}], \"limits\": {\"memory_mb\": 256}}";

/* On a machine that is busy everything takes longer, and nothing else is wrong with it. So a deadline is long
 * where nothing is to hang; what hangs is given a short one, and a longer one before it is said that its stack
 * cannot be captured: at the first it may not have come to where it hangs. */
#define DEADLINE_S 120
static const double hang_deadlines_s[] = {2, 20};

struct doctor {
    const struct tl_options *o;
    json_t *list;
    int status;
    bool colour;
};

static void say(struct doctor *d, enum tl_doctor_verdict v, const char *name, const char *what,
                const char *advice)
{
    static const char *const words[] = {"ok", "note", "bad"};
    static const enum tl_style colours[] = {TL_STYLE_GREEN, TL_STYLE_YELLOW, TL_STYLE_RED};
    if (v == TL_DOCTOR_BAD)
        d->status = TL_EXIT_ENVIRONMENT;
    json_array_append_new(d->list, json_pack("{s:s,s:s,s:s,s:s?}", "check", name, "verdict", words[v], "what",
                                             what, "advice", v == TL_DOCTOR_GOOD ? NULL : advice));
    if (d->o->json)
        return;
    printf("%s%-5s%s %-12s %s\n", d->colour ? tl_style(colours[v]) : "", words[v],
           d->colour ? tl_style(TL_STYLE_PLAIN) : "", name, what);
    if (v != TL_DOCTOR_GOOD && advice)
        printf("                   %s\n", advice);
    fflush(stdout);
}

struct seen {
    const struct check *check;
    bool holds, ended, late; /* late: it was stopped at a deadline */
    char *what;
};

static void on_done(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct seen *s = arg;
    char *summary = tl_trial_summary(r);
    (void)cached;
    s->ended = true;
    s->holds = !failure && s->check->holds(r);
    s->late = !failure && r->outcome == TL_OUTCOME_HANG;
    s->what = failure ? tl_format("%s", failure->why)
                      : tl_format("%s in %s%s%s", tl_outcome_name(r->outcome), tl_phase_name(r->phase),
                                  *summary ? ": " : "", summary);
    free(summary);
}

/* One trial of a check. */
static int try(struct tl_executor *x, struct tl_case *c, double deadline_s, struct seen *s,
               struct tl_error *e)
{
    const struct check *k = s->check;
    struct tl_variant v = tl_variant_baseline(c);
    const struct tl_unit *unit = tl_executor_unit(x, "selftest:cpu", e);
    char *assignment = tl_format("behaviour=%s", k->behaviour);
    int result = unit ? tl_variant_assign(c, &v, assignment, e) : -1;
    struct tl_request q = {.c = c, .variant = &v, .unit = unit, .fresh = !k->served};
    c->limits.timeout_s = deadline_s;
    if (!result)
        result = tl_executor_submit(x, &q, on_done, s, e) || tl_executor_finish(x, e) ? -1 : 0;
    free(assignment);
    tl_variant_free(&v);
    return result;
}

/* Whether it is so. */
static bool examine(struct doctor *d, struct tl_executor *x, struct tl_case *c, const struct check *k)
{
    struct tl_error e;
    struct seen s = {.check = k};
    bool hangs = k->holds == hung_with_stack, again;
    int bad;
    for (size_t i = 0;; i++) {
        bad = try(x, c, hangs ? hang_deadlines_s[i] : DEADLINE_S, &s, &e);
        again = !bad && s.ended && !s.holds && hangs && i + 1 < TL_COUNT(hang_deadlines_s);
        if (!again)
            break;
        free(s.what);
        s = (struct seen){.check = k};
    }
    if (bad || !s.ended) {
        char *what = tl_format("%s%s%s: %s", bad ? e.what : "stopped", bad && *e.where ? ": " : "",
                               bad ? e.where : "", bad ? e.why : "");
        say(d, TL_DOCTOR_BAD, k->name, what, k->advice);
        free(what);
    } else if (s.holds) {
        say(d, TL_DOCTOR_GOOD, k->name, k->proves, NULL);
    } else if (s.late && !hangs) {
        char *what =
            tl_format("cannot be told: a trial of %s was not over after %d s", k->behaviour, DEADLINE_S);
        say(d, TL_DOCTOR_NOTE, k->name, what,
            "the machine is very busy, or stands still: try again when it has less to do");
        free(what);
    } else {
        char *what = tl_format("not so: %s (a trial of %s gave %s)", k->proves, k->behaviour, s.what);
        say(d, TL_DOCTOR_BAD, k->name, what, k->advice);
        free(what);
    }
    free(s.what);
    return !bad && s.holds;
}

/* All of them. What the first one is, that a runner runs, all others take: where it is not so they tell nothing. */
static void examine_trials(struct doctor *d, struct tl_executor *x, struct tl_case *c)
{
    bool runs = examine(d, x, c, &checks[0]);
    if (!runs && !tl_executor_interrupted(x))
        say(d, TL_DOCTOR_NOTE, "trials",
            "not tried: what takes a trial, which is whether this machine can trace, limit and kill",
            "mend what is above first");
    for (size_t i = 1; runs && i < N_CHECKS && !tl_executor_interrupted(x); i++)
        examine(d, x, c, &checks[i]);
}

/* What holds a trial where no cgroup does. */
static void examine_warden(struct doctor *d, const struct tl_isolation *i)
{
    static const char *const words[] = {
        [TL_WARDEN_SCOPE] = "a scope of signals: what a trial hides ends with it",
        [TL_WARDEN_NAMESPACE] = "a pid namespace: what a trial hides ends with it",
        [TL_WARDEN_WALK] =
            "a process that takes its orphans: what forks faster than it is killed may be left",
    };
    if (i->warden != TL_WARDEN_NONE)
        say(d, i->warden == TL_WARDEN_WALK ? TL_DOCTOR_NOTE : TL_DOCTOR_GOOD, "held by", words[i->warden],
            "this kernel has no scopes of signals (Linux 6.12), and this user may make no namespaces");
}

static void examine_sandbox(struct doctor *d, const struct tl_isolation *i)
{
    if (i->sandbox) {
        say(d, TL_DOCTOR_GOOD, "sandbox",
            "trials can have one: `--sandbox`. It is not the default, since in one caches in the home "
            "directory cannot be written and there is no network (docs/security.md)",
            NULL);
        return;
    }
    char *what = tl_format("there can be none (`--sandbox` is refused): %s", i->sandbox_why);
    say(d, TL_DOCTOR_NOTE, "sandbox", what,
        "it takes Linux 5.12 and namespaces for this user: sysctl kernel.unprivileged_userns_clone=1, "
        "kernel.apparmor_restrict_unprivileged_userns=0, or root; in a container --privileged");
    free(what);
}

static void examine_isolation(struct doctor *d, struct tl_executor *x)
{
    struct tl_isolation i;
    tl_supervisor_isolation(tl_executor_supervisor(x), &i);
    if (!tl_doctor_is_macos()) {
        examine_warden(d, &i);
        examine_sandbox(d, &i);
    }
    if (!*i.cgroup) {
        say(d, TL_DOCTOR_NOTE, "cgroup",
            "not used; trapline counts processes, watches memory and sweeps by itself", i.cgroup_why);
        return;
    }
    char *what = tl_format("%s: kill %s, pids %s, memory %s", i.cgroup, i.cgroup_kill ? "yes" : "no",
                           i.cgroup_pids ? "yes" : "no", i.cgroup_memory ? "yes" : "no");
    say(d, i.cgroup_kill && i.cgroup_pids && i.cgroup_memory ? TL_DOCTOR_GOOD : TL_DOCTOR_NOTE, "cgroup",
        what,
        "without a controller trapline holds that limit by itself; for all of them run under "
        "`systemd-run --user --scope -p Delegate=yes`");
    free(what);
}

static void examine_store(struct doctor *d, const struct tl_options *o)
{
    struct tl_store *s;
    struct tl_error e;
    char *fallback = o->db ? NULL : tl_store_default_path(&e);
    const char *at = o->db ? o->db : fallback;
    char *what;
    if (!at || tl_cli_store(o, &s, &e)) {
        what = tl_error_text(&e);
        say(d, TL_DOCTOR_BAD, "store", what, "name another place with --db or XDG_STATE_HOME");
    } else {
        struct statvfs fs;
        double free_mib = statvfs(at, &fs) ? 0 : (double)fs.f_bavail * (double)fs.f_frsize / 1048576.0;
        what = tl_format("%s can be written, %.0f MiB free", at, free_mib);
        say(d, free_mib < 1024 ? TL_DOCTOR_NOTE : TL_DOCTOR_GOOD, "store", what,
            "less than 1 GiB is free for outcomes");
        tl_store_close(s, NULL);
    }
    free(what);
    free(fallback);
}

static void say_answer(void *arg, const char *check, struct tl_doctor_answer *a)
{
    say(arg, a->verdict, check, a->what, a->advice);
    tl_doctor_answer_free(a);
}

/* Room for the trials that run at a time, each as large as a case lets it become that says nothing of it. */
static void examine_scratch(struct doctor *d, const char *directory)
{
    struct statvfs fs;
    unsigned jobs = d->o->jobs ? d->o->jobs : tl_jobs_default();
    if (statvfs(directory, &fs))
        return;
    char *parent = tl_format("%.*s", (int)(strrchr(directory, '/') - directory), directory);
    struct tl_doctor_answer a = tl_doctor_scratch(parent, (uint64_t)fs.f_bavail * fs.f_frsize, jobs,
                                                  (unsigned)tl_limits_default.disk_mb, tl_doctor_is_macos());
    say_answer(d, "scratch", &a);
    free(parent);
}

/* A program of a case, where its name does not depend on the variant. */
static void examine_program(struct doctor *d, const struct tl_case *c, const char *role, const char *name)
{
    struct tl_error e;
    if (strchr(name, '{'))
        return;
    struct tl_variant v = tl_variant_baseline(c);
    char **settings = tl_case_environment(c, &v);
    char *found = tl_program_find_in(tl_environment_value((const char *const *)settings, "PATH"),
                                     c->directory, name, &e),
         *real = found ? realpath(found, NULL) : NULL, *why = found ? NULL : tl_error_text(&e);
    struct tl_doctor_answer a = tl_doctor_program(role, real ? real : found, why, tl_doctor_is_macos());
    say_answer(d, "program", &a);
    tl_strings_free(settings);
    tl_variant_free(&v);
    free(why);
    free(real);
    free(found);
}

/* The programs that a case starts itself. */
static void examine_case(struct doctor *d, const struct tl_case *c)
{
    if (c->generate.n) {
        char *role = tl_format("%s, generator", c->name);
        examine_program(d, c, role, c->generate.words[0].text);
        free(role);
    }
    for (size_t i = 0; i < c->n_steps; i++) {
        char *role =
            tl_format("%s, step %zu (%s)", c->name, i + 1, tl_phase_name((enum tl_phase)c->steps[i].phase));
        examine_program(d, c, role, c->steps[i].argv.words[0].text);
        free(role);
    }
    for (size_t i = 0; i < c->n_versions; i++) {
        char *role = tl_format("%s, version %s", c->name, c->versions[i].name);
        examine_program(d, c, role, c->versions[i].argv[0]);
        free(role);
    }
}

static int examine_all(struct tl_options *o, struct tl_case **cases)
{
    struct doctor d = {.o = o, .list = json_array(), .colour = tl_colour(stdout)};
    struct tl_error e;
    struct tl_mistakes m = {0};
    struct tl_case *c = NULL;
    struct tl_executor *x = NULL;
    int lock = -1;
    char *left = NULL, *dir = tl_scratch_root_new(NULL, &lock, &left, &e);
    char *db = dir ? tl_format("%s/doctor.db", dir) : NULL;
    struct tl_executor_options options = {
        .db_path = db, .command = "doctor", .jobs = 1, .no_cgroup = o->no_cgroup};
    if (!dir || tl_case_parse(case_text, sizeof case_text - 1, "doctor", &c, &m, &e) ||
        tl_executor_new(&x, &options, &e)) {
        char *what = tl_error_text(&e);
        say(&d, TL_DOCTOR_BAD, "start", what,
            "trials take a directory that they can write to; TMPDIR names where it is made");
        free(what);
    } else {
        if (tl_doctor_has_selftest())
            examine_trials(&d, x, c);
        else
            say(&d, TL_DOCTOR_NOTE, "selftest",
                "not tried: nothing misbehaves for real here, for the runner that does it is not built on "
                "this system",
                "a case of one step that crashes shows whether reports are found (docs/macos.md)");
        examine_isolation(&d, x);
        examine_scratch(&d, dir);
        if (left)
            say(&d, TL_DOCTOR_NOTE, "scratch", left,
                "a mount is taken away with umount, `lsattr` shows a file that is protected");
        tl_doctor_system(say_answer, &d);
        for (int i = 0; i < o->n_args; i++)
            examine_case(&d, cases[i]);
    }
    bool interrupted = x && tl_executor_interrupted(x);
    tl_executor_free(x, NULL);
    tl_case_free(c);
    tl_mistakes_free(&m);
    if (dir)
        tl_remove_tree(dir);
    if (lock >= 0)
        close(lock);
    free(db);
    free(dir);
    free(left);
    if (!interrupted)
        examine_store(&d, o);
    if (o->json)
        tl_print_json(json_pack("{s:b,s:o}", "sound", d.status == 0, "checks", d.list));
    else
        json_decref(d.list);
    return tl_finish_output(interrupted ? TL_EXIT_INTERRUPTED : d.status);
}

static int doctor(struct tl_options *o)
{
    int bad = 0;
    struct tl_case **cases = tl_calloc((size_t)o->n_args + 1, sizeof *cases);
    for (int i = 0; i < o->n_args; i++) {
        int status = 0;
        cases[i] = tl_load_case(o->args[i], &status);
        bad = cases[i] ? bad : status;
    }
    int result = bad ? bad : examine_all(o, cases);
    for (int i = 0; i < o->n_args; i++)
        tl_case_free(cases[i]);
    free(cases);
    return result;
}

const struct tl_command tl_command_doctor = {
    .name = "doctor",
    .arguments = "[CASE…]",
    .about = "find out whether this machine can trace, limit, kill and store",
    .options = "no-cgroup",
    .run = doctor,
};
