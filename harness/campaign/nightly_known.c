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

/* What is known of a failure of the cell: of its case file first. Without the remark, which is for those who work on the
 * database, as a night is sent and published. NULL: nothing. */
static json_t *known_of(const struct tl_nightly_cell *c, const json_t *variant, const char *coarse)
{
    json_t *j = tl_case_known(c->c->known, variant, c->unit->text, coarse);
    const struct tl_known *k = j ? NULL : tl_known_of(&c->nightly->known, c->c->name, coarse, variant);
    j = k ? tl_known_json(k) : j;
    if (j)
        json_object_set_new(j, "note", json_null());
    return j;
}

/* What is known of the most frequent failure of the cell, if all of them are known. A pass where a failure is right has
 * no signature. */
static json_t *known_tonight(const struct tl_nightly_cell *c, const json_t *variant)
{
    json_t *first = NULL;
    for (size_t i = 0; i < c->n_kinds; i++) {
        json_t *known =
            c->kinds[i].outcome == TL_OUTCOME_PASS ? NULL : known_of(c, variant, c->kinds[i].coarse);
        if (!known) {
            json_decref(first);
            return NULL;
        }
        if (first)
            json_decref(known);
        else
            first = known;
    }
    return first;
}

static json_t *known_before(const struct tl_nightly_cell *c, const json_t *variant, const json_t *failures)
{
    const char *coarse = text(json_array_get(failures, 0), "coarse");
    return coarse ? known_of(c, variant, coarse) : NULL;
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
    json_t *known = failed ? known_before(c, variant, failed->failures) : NULL;
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

static void judge(struct tl_nightly_cell *c)
{
    struct tl_nightly_past past;
    const char *state = NULL;
    json_decref(c->known);
    c->known = NULL;
    if (!c->passed && !c->failed && !c->refused)
        return;
    tl_nightly_past(c, &past);
    json_t *variant = json_loads(c->variant_json, 0, NULL);
    if (c->class == TL_CLASS_FIXED) { /* also where it is refused with a clean error now */
        state = "gone";
        c->known = known_before(c, variant, json_object_get(c->before, "failures"));
    } else if ((c->known = known_tonight(c, variant))) {
        state = state_of_failure(c, &past, c->known);
    } else {
        state = "closed";
        c->known = closed_tonight(c, &past, variant);
    }
    json_decref(variant);
    if (c->known && state) {
        json_object_set_new(c->known, "state", json_string(state));
    } else {
        json_decref(c->known);
        c->known = NULL;
    }
}

int tl_nightly_known(struct tl_nightly *n, struct tl_error *e)
{
    tl_known_list_free(&n->known);
    if (tl_known_load(tl_executor_store(n->x), NULL, &n->known, e))
        return -1;
    for (size_t i = 0; i < n->n_cells; i++)
        judge(&n->cells[i]);
    return 0;
}
