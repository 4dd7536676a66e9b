/* Which of a night's failures somebody has judged: `trapline known`, and "known" of a case.
 *
 * A cell whose failures are all known is nothing new, whatever the counts say of it: it may have been passing on the build
 * before, and may fail more often now. One that is not known among them is. What is remembered of the cell for later nights
 * are its counts, whatever it is called, so that a failure that is no longer known is not compared with something else; of the
 * class they read nothing but "fixed", which is the same in both.
 *
 * `until fixed` is closed by three nights in a row that pass, or are refused with a clean error, and that is so for each cell by itself: of two builds the
 * failure may be fixed on one. It is read off the nights and stored nowhere. A failure that comes back then is what the
 * counts say, a regression; and as it has failed then, it is known again in the night after. A failure that shows now and
 * then passes three nights by luck: the counts say so too, and it stays known. */
#include "harness/campaign/nightly_past.h"

#include "cases/known.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define CLOSING 3 /* nights in a row that pass */

static const char *text(const json_t *j, const char *member)
{
    return json_string_value(json_object_get(j, member));
}

static bool was(const struct tl_night_cell *c, enum tl_class class)
{
    return !strcmp(c->class, tl_class_names[class]);
}

/* Nights in a row before this one in which it passed, since it was said that the failure is known. Where that is no clean
 * error, a clean error is as good as a pass: a crash that became one is fixed. A night that is unclear, as it is of what was
 * closed and was seen once, neither counts nor ends them. *failed: the night before them; NULL when none is remembered. */
static size_t passing_nights(const struct tl_nightly_past *past, int64_t since_us, bool refusal,
                             const struct tl_night_cell **failed)
{
    size_t n = 0, i = 0;
    for (; i < past->n; i++) {
        const struct tl_night_cell *c = past->list[i];
        if (was(c, TL_CLASS_UNCLEAR))
            continue;
        if (c->failed || (refusal && c->refused))
            break;
        n += (c->passed || c->refused) && c->started_us >= since_us;
    }
    *failed = i < past->n ? past->list[i] : NULL;
    return n;
}

static bool is_until_fixed(const json_t *known)
{
    const char *until = text(known, "until");
    return until && !strcmp(until, "fixed");
}

/* Whether the counts say so, too, of what passed so many nights: that it is a regression, or that it was gone and was seen
 * too seldom now to tell. */
static bool is_back(const struct tl_nightly_cell *c, const struct tl_nightly_past *past)
{
    size_t i = 0;
    while (i < past->n && was(past->list[i], TL_CLASS_UNCLEAR))
        i++;
    bool gone = i < past->n && !past->list[i]->since_failed && (c->failed || !past->list[i]->since_refused);
    return c->class < TL_CLASS_REGRESSIONS || (c->class == TL_CLASS_UNCLEAR && gone);
}

/* "open", "again": it was closed, and fails; "over": in the first night after the last day; NULL: no longer known. */
static const char *state_of_failure(const struct tl_nightly_cell *c, const struct tl_nightly_past *past,
                                    const json_t *known)
{
    const char *until = text(known, "until");
    const struct tl_night_cell *failed;
    int64_t since_us = json_integer_value(json_object_get(known, "since_us"));
    if (tl_known_is_over(until, c->nightly->night.started_us))
        return past->n && tl_known_is_over(until, past->list[0]->started_us) ? NULL : "over";
    bool closed = is_until_fixed(known) && passing_nights(past, since_us, !c->failed, &failed) >= CLOSING &&
                  (failed || past->n == TL_COUNT(past->list));
    return closed && is_back(c, past) ? "again" : "open";
}

/* Whether tonight is the one that closes it, of so many nights before that passed: the third, and not before the counts say
 * that it is fixed. */
static bool is_closing(const struct tl_nightly_past *past, size_t passed)
{
    return passed + 1 == CLOSING || (passed + 1 > CLOSING && past->n && was(past->list[0], TL_CLASS_FIXED));
}

/* What is known of the failure before this night and those that passed, if this night closes it. */
static json_t *closed_by(const struct tl_nightly_cell *c, const struct tl_nightly_past *past,
                         const json_t *variant, bool refusal)
{
    const struct tl_night_cell *failed;
    passing_nights(past, 0, refusal, &failed);
    json_t *known =
        failed ? tl_nightly_known_before(c, variant, failed->failures, failed->environment) : NULL;
    int64_t since_us = json_integer_value(json_object_get(known, "since_us"));
    if (known &&
        (!is_until_fixed(known) || !is_closing(past, passing_nights(past, since_us, refusal, &failed)))) {
        json_decref(known);
        return NULL;
    }
    return known;
}

/* Of a cell that passes, or is refused with a clean error, and has since the last change. */
static json_t *closed_tonight(const struct tl_nightly_cell *c, const struct tl_nightly_past *past,
                              const json_t *variant)
{
    json_t *known = c->since_failed ? NULL : closed_by(c, past, variant, false);
    return known || c->since_failed || c->since_refused ? known : closed_by(c, past, variant, true);
}

/* What is known of a cell, and its state. *elsewhere: what is of the kind of its failure. */
static const char *find_known(struct tl_nightly_cell *c, const struct tl_nightly_past *past,
                              const json_t *variant, json_t *elsewhere)
{
    if (c->class == TL_CLASS_FIXED) { /* also where it is refused with a clean error now */
        json_decref(c->known);
        c->known = tl_nightly_known_before(c, variant, json_object_get(c->before, "failures"),
                                           json_object_get(c->before, "environment"));
        return "gone";
    }
    if (c->known)
        return state_of_failure(c, past, c->known);
    if (elsewhere) {
        c->known = json_incref(elsewhere);
        c->moved = past->n && was(past->list[0], TL_CLASS_KNOWN);
        return "elsewhere";
    }
    c->known = closed_tonight(c, past, variant);
    return "closed";
}

static int judge(struct tl_nightly_cell *c, bool *learnt, struct tl_error *e)
{
    struct tl_nightly_past past;
    json_t *elsewhere = NULL;
    json_decref(c->known);
    c->known = NULL;
    c->moved = false;
    if (!c->passed && !c->failed && !c->refused)
        return 0;
    tl_nightly_past(c, &past);
    json_t *variant = json_loads(c->variant_json, 0, NULL);
    int result = tl_nightly_places(c, variant, &c->known, &elsewhere, learnt, e);
    const char *state = find_known(c, &past, variant, elsewhere);
    json_decref(elsewhere);
    json_decref(variant);
    if (c->known && state) {
        json_object_set_new(c->known, "state", json_string(state));
    } else {
        json_decref(c->known);
        c->known = NULL;
    }
    return result;
}

static int judge_all(struct tl_nightly *n, bool *learnt, struct tl_error *e)
{
    *learnt = false;
    tl_known_list_free(&n->known);
    if (tl_known_load(tl_executor_store(n->x), NULL, &n->known, e))
        return -1;
    for (size_t i = 0; i < n->n_cells; i++)
        if (judge(&n->cells[i], learnt, e))
            return -1;
    return 0;
}

/* A place that was learnt of one cell is where another one of this build is not. */
int tl_nightly_known(struct tl_nightly *n, struct tl_error *e)
{
    bool learnt;
    if (judge_all(n, &learnt, e))
        return -1;
    return learnt ? judge_all(n, &learnt, e) : 0;
}
