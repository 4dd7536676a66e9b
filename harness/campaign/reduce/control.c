/* What is innocent of outputs that are not finite, and of what an optimiser made.
 *
 * One divided by zero is infinite, and rightly so. A node that is fed with recorded values, or a model that is fed with zeros,
 * may so fail in the words of the original without a fault of anybody's. Where something is known with which the original does
 * not fail so, another build, or the same without optimisation, a smaller model has to follow it: one that
 * fails there as well fails for a reason of its own, and does not count.
 *
 * So may a node be refused, or never end, that is given what another one made wrongly: an optimiser that turns a Gather beyond its
 * table into a Slice, which cuts silently, has a later Add refused for its shapes. Where the original does not fail so without
 * optimisation, a smaller model has to follow it there, too: it passes where the original does, and where that fails in
 * another way it may do either. */
#include "harness/campaign/reduce/parts.h"

#include "harness/base/buffer.h"
#include "harness/builds/builds.h"

#include <stdlib.h>
#include <string.h>

#define RUNS_OF_ORIGINAL 5 /* one that sometimes fails there, too, is no control */
#define OTHER_BUILDS 8     /* that are tried, the newest first */

static int try_control(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                       const struct tl_unit *unit, unsigned runs, enum tl_reduce_verdict *v,
                       struct tl_error *e)
{
    char id[TL_UUID_SIZE];
    struct tl_variant variant;
    json_t *values = tl_variant_object(s->r->c, s->r->failing);
    if (!unit) /* its own, without optimisation */
        json_object_set_new(values, TL_REDUCE_LEVEL, json_integer(0));
    int result = tl_variant_from_json(s->control.c, values, &variant, e);
    json_decref(values);
    if (result)
        return -1;
    const struct tl_reduce_other other = {
        .c = s->control.c, .variant = &variant, .unit = unit, .k = k, .runs = runs};
    result = tl_reduce_try_on(s, &other, v, id, e);
    tl_variant_free(&variant);
    return result;
}

/* The original there. Where it is refused, that is better than nothing. */
static int look_at(struct tl_reduce_state *s, const struct tl_unit *unit, bool *passes, struct tl_error *e)
{
    enum tl_reduce_verdict v;
    *passes = false;
    if (try_control(s, &s->now, unit, RUNS_OF_ORIGINAL, &v, e))
        return -1;
    *passes = v == TL_REDUCE_PASS;
    if (*passes || (!s->control.known && (v == TL_REDUCE_OTHER || v == TL_REDUCE_INVALID))) {
        s->control.known = true;
        s->control.unit = unit;
        s->control.passes = *passes;
    }
    return 0;
}

/* Whether a model holds numbers that were chosen to be simple: one element, zeros or ones in a weight, an attribute or an
 * input. With these an exact answer may be zero, and what is divided by it infinite, without a fault of anybody's. Or it
 * begins at values that were recorded: they may be zero by the very fault that is looked for. */
static bool may_rightly_be_infinite(const struct tl_reduce_candidate *k)
{
    const json_t *edit, *input;
    const char *name;
    size_t i;
    json_array_foreach(k->edits.list, i, edit) {
        const json_t *with = json_object_get(json_object_get(edit, "fill"), "with"), *changed;
        size_t a;
        if (json_object_get(edit, "element") || json_object_get(edit, "begin") ||
            json_object_get(edit, "constant") ||
            (json_is_string(with) && strcmp(json_string_value(with), "random") != 0))
            return true;
        json_array_foreach(json_object_get(edit, "attribute"), a, changed)
            if (json_is_array(json_array_get(changed, 2)))
                return true;
    }
    json_object_foreach((json_t *)(uintptr_t)k->instead, name, input)
        for (const json_t *in = input; in; in = json_object_get(in, "from")) {
            const json_t *with = json_object_get(in, "with");
            if (json_object_get(json_object_get(in, "fill"), "constant") || json_object_get(in, "set") ||
                (json_is_string(with) && strcmp(json_string_value(with), "random") != 0))
                return true;
        }
    return false;
}

/* What fails with the control, too, fails in another way. Where the control cannot run a model it says nothing of it: one with
 * values as they were, or random ones, is believed, as no right answer is infinite by chance; one with simple or recorded
 * ones is not. */
static int follow(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, enum tl_reduce_verdict *v,
                  struct tl_error *e)
{
    enum tl_reduce_verdict there;
    if (try_control(s, k, s->control.unit, 0, &there, e))
        return -1;
    if (there == TL_REDUCE_STOPPED)
        *v = TL_REDUCE_STOPPED;
    else if (there == TL_REDUCE_FAIL || (there != TL_REDUCE_PASS && may_rightly_be_infinite(k)))
        *v = TL_REDUCE_OTHER;
    return 0;
}

/* What fails without optimisation as well needs no optimiser. */
static int follow_without(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                          enum tl_reduce_verdict *v, struct tl_error *e)
{
    enum tl_reduce_verdict there;
    if (try_control(s, k, NULL, 0, &there, e))
        return -1;
    if (there == TL_REDUCE_STOPPED)
        *v = TL_REDUCE_STOPPED;
    else if (there == TL_REDUCE_FAIL || (s->control.passes && there != TL_REDUCE_PASS))
        *v = TL_REDUCE_OTHER;
    return 0;
}

static bool is_without_optimisation(const struct tl_reduce_state *s)
{
    json_t *values = tl_variant_object(s->r->c, s->r->failing);
    const json_t *level = json_object_get(values, TL_REDUCE_LEVEL);
    bool lowest = json_is_integer(level) && !json_integer_value(level);
    json_decref(values);
    return lowest || !tl_reduce_takes(s->r->unit, TL_REDUCE_LEVEL);
}

/* A crash is a fault of the node that dies, whatever it was given. */
static int look_without(struct tl_reduce_state *s, struct tl_error *e)
{
    const enum tl_outcome is = s->target.outcome;
    enum tl_reduce_verdict v;
    if ((is != TL_OUTCOME_ERROR && is != TL_OUTCOME_HANG && is != TL_OUTCOME_OOM) || s->judged ||
        is_without_optimisation(s))
        return 0;
    tl_reduce_step(s, "control");
    tl_reduce_tell(s, "");
    if (tl_reduce_case_with(s, NULL, &s->control.c, e) ||
        try_control(s, &s->now, NULL, s->failed < s->runs ? RUNS_OF_ORIGINAL : 0, &v, e))
        return -1;
    s->control.passes = v == TL_REDUCE_PASS;
    s->control.known = s->control.passes || v == TL_REDUCE_OTHER;
    if (s->control.known) {
        s->follow = follow_without;
        json_object_set_new(s->step, "with", json_string(TL_REDUCE_LEVEL "=0"));
    }
    return 0;
}

int tl_reduce_control(struct tl_reduce_state *s, struct tl_error *e)
{
    const struct tl_unit *own = s->r->unit;
    struct tl_builds builds = {0};
    struct tl_error ignored;
    bool passes = false;
    int result = 0;
    if (s->difference || s->stopped)
        return 0;
    if (s->target.outcome != TL_OUTCOME_WRONG)
        return look_without(s, e);
    tl_reduce_step(s, "control");
    tl_reduce_tell(s, "");
    if (tl_reduce_case_with(s, NULL, &s->control.c, e))
        return -1;
    if (strchr(own->runner, '/') || tl_builds_installed(own->runner, &builds, &ignored))
        builds.n = 0;
    size_t at = builds.n;
    for (unsigned tried = 0; tried < OTHER_BUILDS && !result && !passes && !s->stopped; tried++) {
        const struct tl_unit *unit = tl_reduce_next_build(s, &builds, &at);
        if (!unit)
            break;
        result = look_at(s, unit, &passes, e);
    }
    tl_builds_free(&builds);
    if (!result && !passes && !s->stopped && tl_reduce_takes(own, TL_REDUCE_LEVEL))
        result = look_at(s, NULL, &passes, e);
    s->follow = !result && s->control.known ? follow : NULL;
    s->control.silent = s->follow && !passes;
    if (s->follow)
        json_object_set_new(s->step, "with",
                            s->control.unit ? json_string(s->control.unit->text)
                                            : json_string(TL_REDUCE_LEVEL "=0"));
    return result;
}

/* --- a model at every level --------------------------------------------------------------------------------------- */

/* What is refused without optimisation is no model: an optimised kernel did not look. */
static int follow_refusal(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                          enum tl_reduce_verdict *v, struct tl_error *e)
{
    enum tl_reduce_verdict there;
    if (try_control(s, k, NULL, 0, &there, e))
        return -1;
    if (there == TL_REDUCE_STOPPED || there == TL_REDUCE_INVALID)
        *v = there;
    return 0;
}

int tl_reduce_stay_valid(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, struct tl_error *e)
{
    enum tl_reduce_verdict there;
    if (!s->difference || s->follow || s->stopped || is_without_optimisation(s))
        return 0;
    if ((!s->control.c && tl_reduce_case_with(s, NULL, &s->control.c, e)) ||
        try_control(s, k, NULL, 0, &there, e))
        return -1;
    if (there != TL_REDUCE_STOPPED && there != TL_REDUCE_INVALID)
        s->follow = follow_refusal;
    return 0;
}

void tl_reduce_stay_valid_end(struct tl_reduce_state *s)
{
    if (s->follow == follow_refusal)
        s->follow = NULL;
}
