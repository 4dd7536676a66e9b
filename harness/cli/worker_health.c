/* Whether a machine is fit to run trials of others.
 *
 * Theory of operation. A machine that is broken, its phone wedged, its driver gone after an update, ends each trial at once or lets it hang, and asks for
 * the next: it eats the queue of a night, and all it says is wrong. So it is checked when its worker begins, and after every trial that hung: a trial of the
 * selftest runner has to pass and one to crash with its stack, as `trapline doctor` wants it, and each case that is known to be good (--known-good) has to pass.
 * No job is taken before that is so. A check that fails makes the machine unhealthy.
 *
 * What a check cannot see the row tells: so many trials, one after the other, that hung or took the machine down (--unhealthy-after). A case of which it is
 * known that it passes on the unit that hung begins the row anew: there it is the trial that hangs, and not the machine. The row outlives this process in a file beside
 * the database, for a trial that takes the machine down is known of only when that is back. So does that a check
 * was on, which may have done that as well. What a check runs is stored nowhere.
 *
 * Before it gives up, a worker that was told how (--recover) tries to mend the machine with that program, when nothing else runs, for
 * RECOVERY_S at most and RECOVERIES_MOST times without a trial in between that ended by itself. */
#include "harness/cli/worker.h"

#include "cases/expected.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/plural.h"
#include "harness/base/program.h"
#include "harness/cli/begin.h"
#include "harness/cli/doctor_system.h"
#include "reports/trial.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define ROW_DEFAULT 3
#define RECOVERY_S 600
#define RECOVERIES_MOST 3
#define DEADLINE_S 120 /* of a trial of the selftest: a machine may be very busy */
#define FILE_MOST (64u << 10)
#define WORDS_MOST 256

struct check {
    const struct tl_case *c;
    const struct tl_unit *unit;
    const char *behaviour; /* of the selftest; NULL: the baseline has to be right */
};

struct tl_health {
    struct tl_worker *w;
    struct tl_case *selftest, **cases;
    size_t n_cases;
    struct check *checks;
    size_t n_checks;
    json_t *recover; /* argv; NULL: nothing is known that mends it */
    char *path;      /* of what outlives this process */
    unsigned most;   /* of a row */

    unsigned row, recoveries;
    char *hung;      /* the unit of the trial that hung last; NULL: none since the row began */
    size_t running;  /* trials of the check that is on */
    bool was_on;     /* a check was, when the last process of this worker ended */
    bool again;      /* something happened meanwhile: check once more */
    bool mend;       /* when nothing runs */
    char *failed;    /* of the check that is on: what was not as it should be */
    char *unhealthy; /* why it is; NULL: it is not */
};

static const char case_text[] =
    "{\"trapline\": 1, \"name\": \"health\", \"model\": {\"family\": \"selftest\"},"
    "\"axes\": [{\"name\": \"behaviour\", \"choices\": [\"pass\", \"null_read\"]}], \"limits\": "
    "{\"memory_mb\": 256}}";

/* --- what outlives the process -------------------------------------------------------------------------- */

static void load(struct tl_health *h)
{
    size_t size = 0;
    char *text = tl_read_file(h->path, FILE_MOST, &size);
    json_t *j = text ? json_loadb(text, size, 0, NULL) : NULL;
    h->was_on = json_is_true(json_object_get(j, "checking"));
    json_int_t row = json_integer_value(json_object_get(j, "in_a_row")),
               recoveries = json_integer_value(json_object_get(j, "recoveries"));
    h->row = row > 0 && row < 1000000 ? (unsigned)row : 0;
    h->recoveries = recoveries > 0 && recoveries < 1000000 ? (unsigned)recoveries : 0;
    json_decref(j);
    free(text);
}

/* Where it cannot be kept the row counts for as long as this process lives. */
static void keep(const struct tl_health *h)
{
    char *text = tl_format("{\"in_a_row\": %u, \"recoveries\": %u, \"checking\": %s}\n", h->row,
                           h->recoveries, h->running ? "true" : "false");
    if (tl_keep_file(h->path, text, strlen(text), 0600, true))
        tl_cli_note("worker: %s: %s; how many trials hung in a row is forgotten when this ends", h->path,
                    strerror(errno));
    free(text);
}

/* --- a check -------------------------------------------------------------------------------------------- */

static void check(struct tl_health *h);

static void set_text(char **to, char *text)
{
    free(*to);
    *to = text;
}

/* It is not as it should be: it is mended, or nothing is taken any more. */
static void be_unhealthy(struct tl_health *h, char *why)
{
    set_text(&h->unhealthy, why);
    h->mend = h->recover && h->recoveries < RECOVERIES_MOST;
    if (h->recover && !h->mend) {
        char *whole = tl_format("%s; %d attempts to mend it did not help", why, RECOVERIES_MOST);
        set_text(&h->unhealthy, whole);
    }
}

static bool is_good_on(const struct tl_health *h, const char *unit)
{
    for (size_t i = 0; i < h->n_checks; i++)
        if (!strcmp(h->checks[i].unit->text, unit))
            return true;
    return false;
}

static void end_check(struct tl_health *h)
{
    char *failed = h->failed;
    h->failed = NULL;
    if (h->again) {
        h->again = false;
        free(failed);
        check(h);
    } else if (failed) {
        be_unhealthy(h, failed);
    } else {
        if (h->row && h->hung && is_good_on(h, h->hung))
            h->row = 0;
        if (h->row >= h->most)
            be_unhealthy(h, tl_format("%u times in a row a trial hung or took it down", h->row));
        else
            set_text(&h->unhealthy, NULL);
    }
    if (!h->running)
        keep(h);
}

static bool crashed_with_stack(const struct tl_trial_record *r)
{
    return r->outcome == TL_OUTCOME_CRASH && r->n_captures && r->captures[0].n_threads;
}

static bool is_right(const struct check *k, const struct tl_trial_record *r)
{
    if (k->behaviour)
        return strcmp(k->behaviour, "pass") ? crashed_with_stack(r) : r->outcome == TL_OUTCOME_PASS;
    enum tl_standing standing = tl_expected_of_record(k->c->expected, r, NULL);
    return standing == TL_STANDING_EXPECTED ||
           (standing == TL_STANDING_NONE && r->outcome == TL_OUTCOME_PASS);
}

struct asked {
    struct tl_health *h;
    const struct check *check;
};

static void on_done(void *arg, const struct tl_trial_record *r, bool cached, const struct tl_error *failure)
{
    struct asked *a = arg;
    struct tl_health *h = a->h;
    (void)cached;
    if (failure && failure->kind != TL_ERROR_INTERRUPTED && !h->failed)
        h->failed = tl_error_text(failure);
    if (!failure && !is_right(a->check, r) && !h->failed) {
        char *summary = tl_trial_summary(r);
        h->failed = tl_format("its check of %s (%s%s%s) gave %s%s%s", a->check->unit->text, a->check->c->name,
                              a->check->behaviour ? ", behaviour " : "",
                              a->check->behaviour ? a->check->behaviour : "", tl_outcome_name(r->outcome),
                              *summary ? ": " : "", summary);
        free(summary);
    }
    free(a);
    if (!--h->running)
        end_check(h);
}

static int submit(struct tl_health *h, const struct check *k, struct tl_error *e)
{
    struct tl_variant v = tl_variant_baseline(k->c);
    char *assignment = k->behaviour ? tl_format("behaviour=%s", k->behaviour) : NULL;
    struct asked *a = tl_calloc(1, sizeof *a);
    *a = (struct asked){h, k};
    const struct tl_request q = {.c = k->c,
                                 .variant = &v,
                                 .unit = k->unit,
                                 .fresh = true,
                                 .unrecorded = true,
                                 .timeout_s = k->behaviour ? DEADLINE_S : 0};
    int result = assignment ? tl_variant_assign(k->c, &v, assignment, e) : 0;
    h->running++;
    result = result || tl_executor_submit(h->w->x, &q, on_done, a, e) ? -1 : 0;
    if (result) {
        h->running--;
        free(a);
    }
    free(assignment);
    tl_variant_free(&v);
    return result;
}

static void check(struct tl_health *h)
{
    struct tl_error e;
    if (h->w->ending || h->w->want == TL_WANT_DRAINED) /* nobody would go by it */
        return;
    if (h->running) {
        h->again = true;
        return;
    }
    h->running++; /* until all are asked for: answers may come before */
    keep(h);
    for (size_t i = 0; i < h->n_checks; i++)
        if (submit(h, &h->checks[i], &e) && e.kind != TL_ERROR_INTERRUPTED && !h->failed)
            h->failed = tl_error_text(&e);
    if (!--h->running)
        end_check(h);
}

/* --- what happens --------------------------------------------------------------------------------------- */

void tl_health_saw(struct tl_worker *w, const struct tl_trial_record *r)
{
    struct tl_health *h = w->health;
    if (r->outcome != TL_OUTCOME_HANG && r->outcome != TL_OUTCOME_LOST) {
        if (h->row || h->recoveries) {
            h->row = h->recoveries = 0;
            set_text(&h->hung, NULL);
            keep(h);
        }
        return;
    }
    h->row++;
    set_text(&h->hung, r->outcome == TL_OUTCOME_HANG && r->unit ? tl_strdup(r->unit) : NULL);
    keep(h);
    check(h);
}

void tl_health_release(struct tl_worker *w)
{
    struct tl_health *h = w->health;
    if (h->row || h->recoveries) {
        h->row = h->recoveries = 0;
        keep(h);
    }
    h->mend = false;
    set_text(&h->unhealthy, NULL);
    check(h);
}

/* Nothing runs meanwhile: who waits for a program cannot trace. */
static void mend(struct tl_health *h)
{
    const char *argv[WORDS_MOST + 1];
    struct tl_error e;
    json_t *word;
    size_t i, n = 0;
    json_array_foreach(h->recover, i, word)
        argv[n++] = json_string_value(word);
    argv[n] = NULL;
    h->mend = false;
    h->recoveries++;
    keep(h);
    tl_cli_note("worker: %s; %s is to mend it (attempt %u of %d)", h->unhealthy, argv[0], h->recoveries,
                RECOVERIES_MOST);
    struct tl_program p = {.argv = argv, .timeout_s = RECOVERY_S};
    int result = tl_program_run(&p, &e);
    if (result || !WIFEXITED(p.status) || WEXITSTATUS(p.status)) {
        char *why = result ? tl_error_text(&e) : tl_format("%s did not end with 0", argv[0]);
        be_unhealthy(h, tl_format("%s; and it was not mended: %s", h->unhealthy, why));
        free(why);
        return;
    }
    h->row = 0;
    keep(h);
    set_text(&h->unhealthy, NULL);
    check(h);
}

void tl_health_turn(struct tl_worker *w)
{
    if (w->health->mend && !w->alive && !tl_executor_pending(w->x) && !tl_executor_interrupted(w->x))
        mend(w->health);
}

const char *tl_health_state(const struct tl_health *h, const char **why)
{
    *why = h->unhealthy ? h->unhealthy : "";
    return h->mend ? "recovering" : h->unhealthy ? "unhealthy" : h->running ? "checking" : "well";
}

/* --- what is gone by ------------------------------------------------------------------------------------ */

static int load_recover(struct tl_health *h, const char *path, struct tl_error *e)
{
    static const char what[] = "cannot use what mends a machine";
    size_t size = 0;
    char *text = tl_read_file(path, FILE_MOST, &size);
    json_t *word;
    size_t i;
    if (!text)
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, what, path, NULL);
    h->recover = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    size_t n = json_array_size(h->recover);
    bool good = n && n <= WORDS_MOST;
    json_array_foreach(h->recover, i, word)
        good = good && json_is_string(word);
    return good && *json_string_value(json_array_get(h->recover, 0))
               ? 0
               : tl_fail(e, TL_ERROR_INPUT, what, path,
                         "a list of a program and its arguments was expected, such as "
                         "[\"/usr/local/bin/power-cycle\", "
                         "\"phone-3\"]");
}

static void add_check(struct tl_health *h, const struct tl_case *c, const struct tl_unit *unit,
                      const char *behaviour)
{
    struct check *k = TL_GROW(h->checks, h->n_checks);
    *k = (struct check){c, unit, behaviour};
}

/* [UNIT=]CASE: on that unit, or on all of this worker's. */
static int add_known_good(struct tl_health *h, const char *text, struct tl_error *e)
{
    const struct tl_worker *w = h->w;
    const struct tl_unit *only = NULL;
    const char *path = text;
    for (size_t i = 0; i < w->n_units; i++) {
        size_t n = strlen(w->units[i]->text);
        if (!strncmp(w->units[i]->text, text, n) && text[n] == '=') {
            only = w->units[i];
            path = text + n + 1;
        }
    }
    struct tl_mistakes m = {0};
    struct tl_case *c = NULL;
    if (tl_case_load(path, &c, &m, e)) {
        if (m.n)
            tl_fail(e, TL_ERROR_INPUT, "a case that is to be known to be good has a mistake", path,
                    "%.64s: %.400s was expected", m.list[0].path, m.list[0].expected);
        tl_mistakes_free(&m);
        return -1;
    }
    tl_mistakes_free(&m);
    *TL_GROW(h->cases, h->n_cases) = c;
    for (size_t i = 0; i < w->n_units; i++)
        if (!only || only == w->units[i])
            add_check(h, c, w->units[i], NULL);
    return 0;
}

static int add_selftest(struct tl_health *h, struct tl_error *e)
{
    struct tl_mistakes m = {0};
    const struct tl_unit *unit = NULL;
    if (!tl_doctor_has_selftest())
        return 0;
    int result = tl_case_parse(case_text, sizeof case_text - 1, "health", &h->selftest, &m, e) ||
                         !(unit = tl_executor_unit(h->w->x, "selftest:cpu", e))
                     ? -1
                     : 0;
    tl_mistakes_free(&m);
    if (result)
        return -1;
    add_check(h, h->selftest, unit, "pass");
    add_check(h, h->selftest, unit, "null_read");
    return 0;
}

int tl_health_begin(struct tl_worker *w, struct tl_error *e)
{
    const struct tl_options *o = w->o;
    struct tl_health *h = w->health = tl_calloc(1, sizeof *h);
    size_t found = tl_store_recovered(tl_executor_store(w->x));
    h->w = w;
    h->most = o->unhealthy_after ? (unsigned)o->unhealthy_after : ROW_DEFAULT;
    if (!(h->path = tl_store_beside(tl_store_path(tl_executor_store(w->x)), "health", e)) ||
        add_selftest(h, e) || (o->recover && load_recover(h, o->recover, e)))
        return -1;
    for (size_t i = 0; i < o->n_known_good; i++)
        if (add_known_good(h, o->known_good[i], e))
            return -1;
    load(h);
    if (found) /* they took this worker, or the machine, with them */
        tl_cli_note("worker: %zu trial%s ran when this machine or its worker went down, and %s lost", found,
                    tl_plural(found), found == 1 ? "is" : "are");
    else if (h->was_on)
        tl_cli_note("worker: this machine or its worker went down while it was checked");
    w->lost = found;
    h->row += found || h->was_on;
    if (h->row < h->most) {
        check(h);
    } else { /* a check may do it once more */
        be_unhealthy(h, tl_format("%u times in a row a trial hung or took it down", h->row));
        keep(h);
    }
    return 0;
}

void tl_health_free(struct tl_health *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->n_cases; i++)
        tl_case_free(h->cases[i]);
    tl_case_free(h->selftest);
    json_decref(h->recover);
    free(h->cases);
    free(h->checks);
    free(h->path);
    free(h->hung);
    free(h->failed);
    free(h->unhealthy);
    free(h);
}
