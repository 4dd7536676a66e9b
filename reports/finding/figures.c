/* Theory of operation. A figure such as "46 of 144" counts the trials of the path of the search, which is in
 * the document: all of one variant that said something, in whatever step they were asked for and whether a
 * fork server made them or not. What a count of another trial tells is no trial. Documents without a path have only the
 * member "rate".
 *
 * A pass is evidence when it is unlikely to be luck. The variant next to the minimal one may fail as often as
 * that does; of the minimal one k of n runs failed. With every rate as likely beforehand as any other, what is
 * believed of its rate then is a beta distribution, and the chance of m passes in a row is the mean of
 * (1 - rate)^m over it, B(k + 1, n - k + 1 + m) / B(k + 1, n - k + 1). */
#include "reports/finding/figures.h"

#include "db/finding.h"
#include "reports/finding/axes.h"
#include "reports/finding/members.h"

#include <math.h>
#include <string.h>

#define LUCK 0.01
#define ENOUGH_MOST 100000

static bool says_something(const char *outcome, bool *failed)
{
    *failed = outcome && !strcmp(outcome, "match");
    return *failed || (outcome && (!strcmp(outcome, "pass") || !strcmp(outcome, "other")));
}

static void count(struct tl_finding_runs *r, const json_t *step, bool told_fails)
{
    bool failed, fresh = tl_member_true(step, "fresh");
    if (tl_member_true(step, "inferred") || !says_something(tl_member_text(step, "outcome"), &failed))
        return;
    failed = failed && told_fails;
    r->failed += failed;
    r->runs++;
    r->failed_fresh += failed && fresh;
    r->runs_fresh += fresh;
}

/* Over builds every build that failed at all is one that fails; the others are not counted. */
static bool build_fails(const json_t *path, const json_t *variant)
{
    const json_t *step;
    size_t i;
    json_array_foreach(path, i, step) {
        const char *outcome = tl_member_text(step, "outcome");
        if (outcome && !strcmp(outcome, "match") && json_equal(json_object_get(step, "variant"), variant))
            return true;
    }
    return false;
}

static struct tl_finding_runs count_runs(const json_t *f)
{
    struct tl_finding_runs r = {0};
    const json_t *path = json_object_get(f, "path"), *reported = tl_report_variant(f), *step,
                 *rate = json_object_get(f, "rate");
    bool builds = tl_finding_over_builds(f);
    size_t i;
    json_array_foreach(path, i, step) {
        const json_t *variant = json_object_get(step, "variant");
        bool fails = true;
        if (builds ? build_fails(path, variant)
                   : reported && (json_equal(variant, reported) ||
                                  (!json_is_true(json_object_get(step, "inferred")) &&
                                   tl_finding_tells(f, step, reported, &fails))))
            count(&r, step, fails);
    }
    if (!r.runs) {
        r.failed = tl_integer_at(rate, 0);
        r.runs = tl_integer_at(rate, 1);
    }
    return r;
}

struct tl_finding_runs tl_finding_runs(const json_t *f)
{
    const json_t *kept = json_object_get(f, "counted_runs");
    if (json_array_size(kept) == 4)
        return (struct tl_finding_runs){tl_integer_at(kept, 0), tl_integer_at(kept, 1),
                                        tl_integer_at(kept, 2), tl_integer_at(kept, 3)};
    return count_runs(f);
}

void tl_finding_keep_runs(json_t *f)
{
    struct tl_finding_runs r = count_runs(f);
    if (json_is_array(json_object_get(f, "path")))
        json_object_set_new(f, "counted_runs",
                            json_pack("[I,I,I,I]", (json_int_t)r.failed, (json_int_t)r.runs,
                                      (json_int_t)r.failed_fresh, (json_int_t)r.runs_fresh));
}

struct tl_finding_forked tl_finding_forked(const json_t *f)
{
    const json_t *counted = json_object_get(json_object_get(f, "processes"), "forked");
    struct tl_finding_runs r = tl_finding_runs(f);
    if (json_array_size(counted) == 2)
        return (struct tl_finding_forked){tl_integer_at(counted, 0), tl_integer_at(counted, 1)};
    if (!r.runs_fresh) /* of documents without a path it is not known */
        return (struct tl_finding_forked){0};
    return (struct tl_finding_forked){r.failed - r.failed_fresh, r.runs - r.runs_fresh};
}

static bool has_children(const json_t *f)
{
    const json_t *step;
    size_t i;
    json_array_foreach(json_object_get(f, "path"), i, step)
        if (json_is_false(json_object_get(step, "fresh")) && !tl_member_true(step, "inferred"))
            return true;
    return false;
}

bool tl_finding_wants_fresh(const json_t *f)
{
    const json_t *counted = json_object_get(json_object_get(f, "processes"), "fresh");
    struct tl_finding_forked forked = tl_finding_forked(f);
    struct tl_finding_runs r = tl_finding_runs(f);
    bool known = json_array_size(counted) == 2;
    json_int_t failed = known ? tl_integer_at(counted, 0) : r.failed_fresh,
               runs = known ? tl_integer_at(counted, 1) : r.runs_fresh;
    if (!forked.runs)
        return failed > 0 && has_children(f);
    return failed > 0 && forked.failed < forked.runs && (!forked.failed || failed == runs);
}

json_int_t tl_finding_draws(const json_t *f)
{
    const json_t *held = json_object_get(json_object_get(f, "generalises"), "held");
    json_int_t n = tl_integer_at(held, 1);
    bool earlier = !json_object_get(f, "reset"); /* they had "irrelevant" */
    return tl_integer_at(held, 0) == n && (n >= TL_FINDING_DRAWS || !earlier) ? n : 0;
}

/* The minimal variant may fail every time, and others not. */
static bool comes_and_goes(const json_t *f)
{
    return tl_member_true(f, "flaky") || tl_finding_has_note(f, "flaky") || tl_finding_has_note(f, "band");
}

double tl_finding_luck(const json_t *f, json_int_t n)
{
    struct tl_finding_runs r = tl_finding_runs(f);
    if (r.failed >= r.runs && !comes_and_goes(f))
        return n > 0 ? 0 : 1;
    double a = (double)r.failed + 1, b = (double)(r.runs - r.failed) + 1, m = (double)n;
    return exp(lgamma(b + m) + lgamma(a + b) - lgamma(b) - lgamma(a + b + m));
}

bool tl_finding_is_evidence(const json_t *f, json_int_t n)
{
    return tl_finding_luck(f, n) < LUCK;
}

json_int_t tl_finding_enough(const json_t *f)
{
    json_int_t low = 1, high = ENOUGH_MOST;
    while (low < high) {
        json_int_t middle = low + (high - low) / 2;
        if (tl_finding_is_evidence(f, middle))
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}
