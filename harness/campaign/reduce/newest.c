/* What the newest other build says of the original, and so has to say of what is left.
 *
 * A smaller model may fail in the words of the original, at the place of the original, and for a reason of its own: a
 * division of the least number by -1 becomes one by zero, which the next build refuses. Then what is said of other builds is
 * said of another failure. So the original is run on the newest other build that is installed, and what each pass comes to is
 * run there as well: where the original fails there it has to fail, and where that passes it has to pass, not only to fail in
 * another way. Else the pass is done again with variants that have to do so one by one. A build that refuses the original, or on
 * which it fails in another way, says nothing.
 *
 * Where a crash is cannot be told over builds without symbols: there it may be the same that dies of the same signal, but of
 * another node as well. So once it is known where the failure ends, that part is run there: where it passes, the original died
 * there of what comes later, and what is left has to pass. Where the part without its last node fails there as well, it dies of
 * what comes earlier, and says nothing.
 *
 * Of a difference both sides are run there, unless what is right is that build, or another model. Outputs that are not finite have a
 * control (control.c), and of what fails in some of its runs only one run tells nothing. */
#include "harness/campaign/reduce/difference.h"

#include "harness/base/buffer.h"
#include "harness/builds/builds.h"

#include <stdlib.h>
#include <string.h>

const struct tl_unit *tl_reduce_next_build(const struct tl_reduce_state *s, const struct tl_builds *builds,
                                           size_t *at)
{
    const struct tl_unit *own = s->r->unit;
    while (*at > 0) {
        struct tl_error ignored;
        char *text = tl_format("%s@%s:%s", own->runner, builds->list[--*at].version, own->device);
        const struct tl_unit *unit =
            !strcmp(text, own->text) ? NULL : tl_executor_unit(s->r->x, text, &ignored);
        free(text);
        if (unit && unit->usable && !unit->build_missing)
            return unit;
    }
    return NULL;
}

static int compare_there(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                         enum tl_reduce_verdict *v, struct tl_error *e)
{
    json_t *comparison = NULL;
    int result = tl_reduce_compare(s, k, s->newest.side, &comparison, e);
    *v = s->stopped ? TL_REDUCE_STOPPED : TL_REDUCE_INVALID;
    if (!result && comparison) {
        const struct tl_reduce_gap g = tl_reduce_gap_in(s->difference, comparison, NULL);
        *v = tl_reduce_gap_fails(s->difference, &g) ? TL_REDUCE_FAIL : TL_REDUCE_PASS;
    }
    json_decref(comparison);
    return result;
}

/* TL_REDUCE_FAIL where it fails there as the original does here. */
static int run_there(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                     enum tl_reduce_verdict *v, struct tl_error *e)
{
    char id[TL_UUID_SIZE];
    bool alike = false;
    const struct tl_reduce_other other = {.unit = s->newest.unit, .k = k, .alike = &alike};
    if (s->difference)
        return compare_there(s, k, v, e);
    int result = tl_reduce_try_on(s, &other, v, id, e);
    if (!result && *v == TL_REDUCE_OTHER && alike && s->target.outcome != TL_OUTCOME_ERROR)
        *v = TL_REDUCE_FAIL;
    return result;
}

/* Both sides of a difference on the other build. False: there is no such thing. */
static bool make_side(struct tl_reduce_state *s)
{
    const struct tl_reduce_difference *d = s->difference;
    struct tl_error unfit;
    if (d->path || !strcmp(d->unit, s->newest.unit->text))
        return false;
    json_t *reference = tl_reduce_reference_json(d);
    if (!strcmp(d->unit, s->r->unit->text))
        json_object_set_new(reference, "unit", json_string(s->newest.unit->text));
    s->newest.side = tl_calloc(1, sizeof *s->newest.side);
    bool made = !tl_reduce_side_make(s->r, s->newest.unit, NULL, reference, s->newest.side, &unfit);
    json_decref(reference);
    return made;
}

void tl_reduce_newest_end(struct tl_reduce_state *s)
{
    if (s->newest.side)
        tl_reduce_side_free(s->newest.side);
    free(s->newest.side);
    tl_reduce_drop(&s->newest.end);
    json_decref(s->newest.each.tried);
}

static void begin_step(struct tl_reduce_state *s)
{
    tl_reduce_step(s, "newest build");
    tl_reduce_tell(s, "");
    json_object_set_new(s->step, "with", json_string(s->newest.unit->text));
}

static void note(struct tl_reduce_state *s, enum tl_reduce_verdict v)
{
    s->newest.fails = v == TL_REDUCE_FAIL;
    s->newest.says = v == TL_REDUCE_FAIL || v == TL_REDUCE_PASS;
}

int tl_reduce_newest(struct tl_reduce_state *s, struct tl_error *e)
{
    const struct tl_unit *own = s->r->unit;
    struct tl_builds builds = {0};
    struct tl_error ignored;
    enum tl_reduce_verdict v;
    if (s->judged || s->stopped || s->follow || !s->failed || s->failed < s->runs || s->n_samples ||
        s->r->filled || (s->target.outcome == TL_OUTCOME_WRONG && !s->difference) ||
        strchr(own->runner, '/') || tl_builds_installed(own->runner, &builds, &ignored))
        return 0;
    size_t at = builds.n;
    s->newest.unit = tl_reduce_next_build(s, &builds, &at);
    tl_builds_free(&builds);
    if (!s->newest.unit || (s->difference && !make_side(s)))
        return 0;
    begin_step(s);
    if (run_there(s, &s->now, &v, e))
        return -1;
    note(s, v);
    return 0;
}

static bool is_alike(const struct tl_reduce_state *s, enum tl_reduce_verdict v)
{
    return v == (s->newest.fails ? TL_REDUCE_FAIL : TL_REDUCE_PASS);
}

int tl_reduce_newest_at_end(struct tl_reduce_state *s, struct tl_error *e)
{
    enum tl_reduce_verdict v;
    const size_t n = tl_reduce_count(s, &s->now);
    if (!s->newest.says || !s->newest.fails || s->newest.each.follow || s->difference || s->stopped)
        return 0;
    begin_step(s);
    if (n < s->nodes_before) {
        if (run_there(s, &s->now, &v, e))
            return -1;
        if (v == TL_REDUCE_STOPPED)
            return 0;
        note(s, v);
        if (s->newest.says) {
            tl_reduce_drop(&s->newest.end);
            s->newest.end = tl_reduce_copy(&s->now);
        }
    }
    if (!s->newest.fails || n < 2)
        return 0;
    struct tl_reduce_candidate earlier = tl_reduce_copy(&s->now);
    tl_onnx_edit_prefix(&earlier.edits, n - 1, NULL, 0);
    int result = run_there(s, &earlier, &v, e);
    tl_reduce_drop(&earlier);
    s->newest.says = result || v != TL_REDUCE_FAIL;
    return result;
}

int tl_reduce_newest_agrees(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, bool *agrees,
                            struct tl_error *e)
{
    enum tl_reduce_verdict v;
    *agrees = true;
    if (!s->newest.says || s->newest.each.follow || s->stopped)
        return 0;
    if (run_there(s, k, &v, e))
        return -1;
    *agrees = v == TL_REDUCE_STOPPED || is_alike(s, v);
    s->newest.followed = s->newest.followed || !*agrees;
    return 0;
}

static int follow_newest(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                         enum tl_reduce_verdict *v, struct tl_error *e)
{
    enum tl_reduce_verdict there;
    if (run_there(s, k, &there, e))
        return -1;
    if (there == TL_REDUCE_STOPPED)
        *v = TL_REDUCE_STOPPED;
    else if (!is_alike(s, there))
        *v = TL_REDUCE_OTHER;
    return 0;
}

void tl_reduce_newest_follow(struct tl_reduce_state *s, bool follow)
{
    tl_reduce_hold_to(s, &s->newest.each, follow ? follow_newest : NULL);
}

json_t *tl_reduce_newest_json(const struct tl_reduce_state *s)
{
    return s->newest.says ? json_pack("{s:s,s:b,s:b}", "unit", s->newest.unit->text, "fails", s->newest.fails,
                                      "followed", s->newest.followed)
                          : NULL;
}
