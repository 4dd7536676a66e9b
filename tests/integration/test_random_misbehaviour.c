/* Programs that misbehave in random ways, each a plan (runners/misbehave.h), run without trapline and under it.
 *
 * Theory of operation. Threads, signals and exits race, so what is right of a plan is a set: the ways in which the
 * program ended in NATIVE_RUNS runs of its own, quiet and beside busy processes. What trapline says must be one of
 * them, told as docs/outcomes.md has it; where the first runs show it already the others are not needed:
 *
 *   exit status 0           pass
 *   exit status n           error with that status; where a child died and its parents passed that on, a crash
 *   a signal of a crash     crash; another signal: error
 *   no end                  hang
 *   all memory taken        oom, whichever of these it was
 *
 * And where nothing was going to handle the signal of the judged process, a crash is right whatever its status,
 * and is the only thing that is right once that signal was captured.
 *
 * Where the plan says in which function the death is, the decisive stack has to have it, among the first frames
 * of the program and before any place whose fault was handled.
 *
 *   test_random_misbehaviour PROGRAM RUNNER [--plans N] [--seed N] [--plan TEXT [--times N]]
 *
 * The seed makes a run repeatable; what is wrong is printed with the --plan that shows it alone. */
#include "tests/integration/random_native.h"

#include "harness/base/buffer.h"
#include "harness/supervise/supervisor.h"
#include "harness/verdict/classify.h"

#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define JOBS 4
#define HANG_S 1       /* where a hang is what is right */
#define PERHAPS_S 4    /* where it may be */
#define NO_HANG_S 40   /* where it is wrong, and costs what it costs */
#define FIRST_FRAMES 8 /* of the program: handlers, and what goes to the place, may be above it */

#define CAPTURES_SHOWN 6

static const char *program, *runner;
static size_t n_plans = 300, n_done, n_wrong;

struct trial {
    struct plan plan;
    struct native *native;
    bool is_doubted;               /* what was said of it is not among how it has ended so far */
    struct tl_trial_record record; /* of one that is */
};

/* --- what is right -------------------------------------------------------------------------------------- */

static int exit_of(const struct tl_trial_record *r)
{
    if (r->error_domain && !strcmp(r->error_domain, "step") && r->error_code &&
        !strncmp(r->error_code, "exit ", 5))
        return atoi(r->error_code + 5);
    return r->exit_status;
}

/* Died of that signal, in whatever process. */
static bool is_death_by(const struct tl_trial_record *r, int n)
{
    return r->signal == n && r->outcome == (tl_signal_is_crash(n) ? TL_OUTCOME_CRASH : TL_OUTCOME_ERROR);
}

/* Who fails after its children died cannot be told from one that passes their death on. */
static bool is_told_of_a_child(const struct plan *p, const struct tl_trial_record *r, int status)
{
    return p->process == TL_after_children && status && is_death_by(r, SIGABRT) &&
           (p->step || exit_of(r) == status); /* a step's own is not told then */
}

static bool is_exit_with(const struct plan *p, const struct tl_trial_record *r, int status)
{
    if (status == 0)
        return r->outcome == TL_OUTCOME_PASS;
    if (plan_fails_as_child(p)) { /* its parents tell a signal in their own way */
        int n = status > 128                               ? status - 128
                : status > STATUS_OF_SIGNAL && status < 72 ? status - STATUS_OF_SIGNAL
                                                           : 0;
        if (n && is_death_by(r, n))
            return true;
        if (n && tl_signal_is_crash(n))
            return false;
    }
    return (r->outcome == TL_OUTCOME_ERROR && exit_of(r) == status) || is_told_of_a_child(p, r, status);
}

static bool fits(const struct plan *p, const struct tl_trial_record *r, int end)
{
    if (end == ENDED_BY_DEADLINE)
        return r->outcome == TL_OUTCOME_HANG;
    if (plan_takes_memory(p) && r->outcome == TL_OUTCOME_OOM)
        /* A worker that the kernel killed in the cgroup is the limit's, also where its parent ignores it. */
        return WIFSIGNALED(end) || WEXITSTATUS(end) || (r->signal == SIGKILL && !plan_is_judged_itself(p));
    /* What handlers and parents make of it may be told as theirs, too; a plain one may not. */
    if (plan_takes_memory(p) && p->handler == TL_none && plan_is_judged_itself(p))
        return WIFEXITED(end) && (WEXITSTATUS(end) ? is_told_of_a_child(p, r, WEXITSTATUS(end))
                                                   : r->outcome == TL_OUTCOME_PASS);
    return WIFSIGNALED(end) ? is_death_by(r, WTERMSIG(end)) : is_exit_with(p, r, WEXITSTATUS(end));
}

static bool starts_with(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

/* Whether the stack is of the place: 1; of something else: -1; 0 when it has no frame of the program. */
static int stack_is_of_place(const struct plan *p, const struct tl_capture *c, const struct tl_thread *t)
{
    char place[32];
    int seen = 0;
    snprintf(place, sizeof place, "fatal_place_%d", p->place);
    for (size_t i = 0; i < t->n_frames && t->symbols && seen < FIRST_FRAMES; i++) {
        uint32_t module = t->frames[i].module;
        const char *slash = module < c->n_modules ? strrchr(c->modules[module].path, '/') : NULL;
        if (!slash || strcmp(slash, "/misbehave"))
            continue;
        seen++;
        for (size_t k = 0; k < t->symbols[i].n; k++) {
            const char *function = t->symbols[i].symbols[k].function;
            if (function && !strcmp(function, place))
                return 1;
            if (function && (starts_with(function, "handled_place") || starts_with(function, "child_place")))
                return -1;
        }
    }
    return seen ? -1 : 0;
}

/* The signal of the place was seen, and nothing was going to handle it. */
static bool has_fatal_signal_in_hand(const struct plan *p, const struct tl_trial_record *r)
{
    if (!plan_signal_is_fatal(p) || !plan_is_judged_itself(p) || !plan_dies_at_place(p))
        return false;
    for (size_t i = 0; i < r->n_captures; i++) {
        const struct tl_capture *c = &r->captures[i];
        if (c->kind == TL_CAPTURE_SIGNAL && tl_signal_is_crash(c->signal) && c->n_threads &&
            stack_is_of_place(p, c, &c->threads[0]) > 0)
            return true;
    }
    return false;
}

/* Whether the decisive stack shows the place; NULL, or what is wrong with it. */
static const char *wrong_stack(const struct trial *t, const struct tl_trial_record *r)
{
    const struct plan *p = &t->plan;
    const struct tl_capture *c = r->n_captures ? &r->captures[0] : NULL;
    if (r->outcome == TL_OUTCOME_HANG) {
        if (!plan_hangs(p))
            return NULL;
        for (size_t i = 0; c && i < c->n_threads; i++)
            if (stack_is_of_place(p, c, &c->threads[i]) > 0)
                return NULL;
        return c ? "the hang has no stack of the place" : "the hang has no stack";
    }
    if (r->outcome != TL_OUTCOME_CRASH || !plan_dies_at_place(p) ||
        (is_told_of_a_child(p, r, p->step ? 1 : exit_of(r)) &&
         (p->step || !native_dies_of(t->native, SIGABRT)))) /* a step may raise the signal of its child */
        return NULL;
    if (!c || !c->n_threads) /* where another thread exits it may be gone before it can be looked at */
        return plan_exits_beside(p) ? NULL : "no stack";
    return stack_is_of_place(p, c, &c->threads[0]) > 0 ? NULL : "the stack is of another place";
}

/* --- saying what is wrong ------------------------------------------------------------------------------- */

static void add_end(struct tl_buffer *b, int end)
{
    if (end == ENDED_BY_DEADLINE)
        tl_buffer_printf(b, "hang");
    else if (WIFSIGNALED(end))
        tl_buffer_printf(b, "%s", tl_signal_name(WTERMSIG(end)));
    else
        tl_buffer_printf(b, "exit %d", WEXITSTATUS(end));
}

static char *ends_text(const struct native *k)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    for (int i = 0; i < k->n; i++) {
        int same = 0;
        bool first = true;
        for (int j = 0; j < k->n; j++) {
            same += k->ends[j] == k->ends[i];
            first &= j >= i || k->ends[j] != k->ends[i];
        }
        if (!first)
            continue;
        tl_buffer_printf(&b, "%s%d x ", b.size ? ", " : "", same);
        add_end(&b, k->ends[i]);
    }
    return tl_buffer_take(&b);
}

static void complain(const struct trial *t, const struct tl_trial_record *r, const char *what)
{
    char text[PLAN_TEXT_SIZE], *ends = ends_text(t->native);
    plan_print(&t->plan, text);
    n_wrong++;
    printf("WRONG --plan %s\n  %s\n  natively %s; here %s in %s, %s, status %d: %s\n  title: %s\n", text,
           what, ends, tl_outcome_name(r->outcome), tl_phase_name(r->phase),
           r->signal ? tl_signal_name(r->signal) : "no signal", exit_of(r), r->message ? r->message : "-",
           r->signature.title ? r->signature.title : "-");
    for (size_t i = 0; i < r->n_captures && i < CAPTURES_SHOWN; i++) {
        const struct tl_capture *c = &r->captures[i];
        printf("  capture %zu: %s of %s, code %d%s:", i, c->signal ? tl_signal_name(c->signal) : "hang",
               c->is_main ? "the trial's process" : "another process", c->si_code, c->fatal ? ", fatal" : "");
        for (size_t k = 0; c->n_threads && c->threads[0].symbols && k < c->threads[0].n_frames && k < 8;
             k++) {
            const struct tl_frame_symbols *s = &c->threads[0].symbols[k];
            printf(" %s", s->n && s->symbols[0].function ? s->symbols[0].function : "?");
        }
        printf("\n");
    }
    fflush(stdout);
    free(ends);
}

static bool is_one_of_its_own(const struct trial *t, const struct tl_trial_record *r)
{
    if (r->outcome == TL_OUTCOME_CRASH && has_fatal_signal_in_hand(&t->plan, r))
        return true;
    /* Its own signal against an exit: either may come first, and neither often. */
    if (plan_exits_beside(&t->plan) && plan_brings_signal_back(&t->plan) &&
        (r->outcome == TL_OUTCOME_CRASH ? !wrong_stack(t, r)
                                        : !plan_is_judged_itself(&t->plan) && fits(&t->plan, r, 0)))
        return true;
    for (int i = 0; i < t->native->n; i++)
        if (fits(&t->plan, r, t->native->ends[i]))
            return true;
    return false;
}

static void judge(const struct trial *t, const struct tl_trial_record *r)
{
    bool in_hand = has_fatal_signal_in_hand(&t->plan, r);
    const char *stack = wrong_stack(t, r);
    if (!is_one_of_its_own(t, r))
        complain(t, r, "the outcome is none of its own");
    else if (in_hand && r->outcome != TL_OUTCOME_CRASH && r->outcome != TL_OUTCOME_OOM)
        complain(t, r, "a fatal signal was captured");
    else if (stack)
        complain(t, r, stack);
}

static void on_done(void *arg, struct tl_trial_record *r, bool *taken)
{
    struct trial *t = arg;
    n_done++;
    t->is_doubted = *taken = !is_one_of_its_own(t, r);
    if (t->is_doubted)
        t->record = *r;
    else
        judge(t, r);
}

/* --- trials --------------------------------------------------------------------------------------------- */

static void submit(struct tl_supervisor *s, struct trial *t)
{
    struct tl_error e;
    char text[PLAN_TEXT_SIZE];
    bool hang = native_has(t->native, ENDED_BY_DEADLINE), only = hang;
    for (int i = 0; i < t->native->n; i++)
        only &= t->native->ends[i] == ENDED_BY_DEADLINE;
    plan_text(&t->plan, text);
    const char *direct[] = {program, text, NULL}, *by_runner[] = {runner, NULL};
    struct tl_trial_spec spec = {.argv = t->plan.step ? by_runner : direct,
                                 .limits = tl_limits_default,
                                 .phase = TL_PHASE_EXECUTE,
                                 .protocol = t->plan.step};
    spec.limits.timeout_s = only ? HANG_S : hang ? PERHAPS_S : NO_HANG_S;
    if (t->plan.limit == TL_memory)
        spec.limits.memory_mb = MEMORY_MB;
    if (t->plan.limit == TL_file_size)
        spec.limits.disk_mb = FILE_MB;
    if (t->plan.step)
        spec.request =
            json_pack("{s:i,s:s,s:{},s:s,s:[{s:s,s:[s,s]}]}", "trial", 1, "case", "random", "variant",
                      "device", "host", "steps", "phase", "execute", "argv", program, text);
    if (tl_supervisor_submit(s, &spec, on_done, t, &e)) {
        fprintf(stderr, "%s: %s\n", e.what, e.why);
        exit(1);
    }
    json_decref(spec.request);
}

static void run_traced(struct trial *trials, size_t n)
{
    uv_loop_t loop;
    struct tl_supervisor *s;
    struct tl_error e;
    struct tl_supervisor_options options = {.jobs = JOBS};
    uv_loop_init(&loop);
    if (tl_supervisor_new(&s, &loop, &options, &e)) {
        fprintf(stderr, "%s: %s\n", e.what, e.why);
        exit(1);
    }
    for (size_t i = 0; i < n || n_done < n;) {
        if (i < n && i - n_done < (size_t)JOBS * 2)
            submit(s, &trials[i++]);
        else
            uv_run(&loop, UV_RUN_ONCE);
    }
    tl_supervisor_free(s);
    uv_loop_close(&loop);
}

/* Runs by themselves those again of which trapline said something else than what they did so far. */
static void look_again(struct trial *trials, size_t n)
{
    size_t doubted = 0;
    struct plan *plans = tl_calloc(n, sizeof *plans);
    struct native *natives = tl_calloc(n, sizeof *natives);
    for (size_t i = 0; i < n; i++)
        if (trials[i].is_doubted) {
            plans[doubted] = trials[i].plan;
            natives[doubted++] = *trials[i].native;
        }
    native_run(program, plans, doubted, NATIVE_RUNS / 2, false, natives);
    native_run(program, plans, doubted, NATIVE_RUNS, true, natives);
    doubted = 0;
    for (size_t i = 0; i < n; i++)
        if (trials[i].is_doubted) {
            *trials[i].native = natives[doubted++];
            judge(&trials[i], &trials[i].record);
            tl_trial_record_free(&trials[i].record);
        }
    free(natives);
    free(plans);
}

static const char *value_of(int argc, char **argv, const char *name)
{
    for (int i = 3; i + 1 < argc; i++)
        if (!strcmp(argv[i], name))
            return argv[i + 1];
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s PROGRAM RUNNER [--plans N] [--seed N] [--plan TEXT [--times N]]\n",
                argv[0]);
        return 2;
    }
    /* Programs run in directories of their own. */
    program = realpath(argv[1], NULL);
    runner = realpath(argv[2], NULL);
    if (!program || access(program, X_OK) || !runner || access(runner, X_OK)) {
        fprintf(stderr, "%s: %s and %s are to be programs\n", argv[0], argv[1], argv[2]);
        return 2;
    }
    const char *plans = value_of(argc, argv, "--plans"), *seed = value_of(argc, argv, "--seed"),
               *one = value_of(argc, argv, "--plan"), *times = value_of(argc, argv, "--times");
    uint64_t state = seed ? strtoull(seed, NULL, 10) : 1;
    struct plan alone = {0};
    if (one && !plan_parse(one, &alone)) {
        fprintf(stderr, "%s: no such plan: %s\n", argv[0], one);
        return 2;
    }
    n_plans = one ? times ? strtoul(times, NULL, 10) : 20 : plans ? strtoul(plans, NULL, 10) : n_plans;
    size_t n_native = one ? 1 : n_plans;
    struct plan *list = tl_calloc(n_plans, sizeof *list);
    struct native *natives = tl_calloc(n_native, sizeof *natives);
    struct trial *trials = tl_calloc(n_plans, sizeof *trials);
    for (size_t i = 0; i < n_plans; i++) {
        list[i] = one ? alone : plan_random(&state);
        trials[i] = (struct trial){list[i], &natives[one ? 0 : i]};
    }
    native_run(program, list, n_native, one ? NATIVE_RUNS / 2 : NATIVE_FIRST, false, natives);
    if (one)
        native_run(program, list, n_native, NATIVE_RUNS, true, natives);
    run_traced(trials, n_plans);
    look_again(trials, n_plans);
    printf("%zu random programs, seed %s: %zu judged wrongly\n", n_plans, seed ? seed : "1", n_wrong);
    free(trials);
    free(natives);
    free(list);
    return n_wrong ? 1 : 0;
}
