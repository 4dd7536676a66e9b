/* New failures are isolated in the night that found them, so that the report has the trigger in it. Trials of
 * isolations belong to a session of their own: they say nothing about how often a cell of the night fails. */
#include "harness/campaign/nightly.h"

#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/campaign/isolation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ISOLATION_S 900 /* for one isolation, when the suite has no budget */

static bool wanted(const struct tl_nightly_cell *c)
{
    enum tl_class said = tl_nightly_shown(c); /* what is known was isolated, or need not be */
    return said == TL_CLASS_NEW || said == TL_CLASS_CHANGED;
}

/* One isolation stands for all cells of a case on a unit that fail in the same way. */
static const struct tl_nightly_cell *isolated(const struct tl_nightly *n, size_t before,
                                              const struct tl_nightly_cell *c)
{
    for (size_t i = 0; i < before; i++) {
        const struct tl_nightly_cell *o = &n->cells[i];
        if (o->finding && o->c == c->c && o->unit == c->unit && o->n_kinds && c->n_kinds &&
            o->kinds[0].outcome == c->kinds[0].outcome && !strcmp(o->kinds[0].coarse, c->kinds[0].coarse))
            return o;
    }
    return NULL;
}

/* What of a finding belongs into the night's document. */
static json_t *summary(const json_t *finding)
{
    json_t *j = json_object();
    static const char *const members[] = {"finding", "reproduced",  "complete",  "trigger",  "needs",
                                          "or",      "axes",        "baseline",  "failing",  "minimal",
                                          "rate",    "generalises", "notes",     "trials",   "elapsed_s",
                                          "cached",  "cached_from", "set_aside", "processes"};
    for (size_t i = 0; i < TL_COUNT(members); i++)
        if (json_object_get(finding, members[i]))
            json_object_set(j, members[i], json_object_get(finding, members[i]));
    return j;
}

static json_t *not_isolated(const char *why)
{
    return json_pack("{s:n,s:s}", "finding", "why", why);
}

static int isolate(struct tl_nightly_cell *c, struct tl_error *e)
{
    struct tl_nightly *n = c->nightly;
    double left = tl_nightly_left(n);
    struct tl_campaign_isolation s = {
        /* Passes of the nights before stand for what it was before, whatever that was. */
        .wishes = {.max_seconds = isinf(left) ? ISOLATION_S : (uint64_t)left,
                   .no_cache = tl_nightly_unexplained(c)},
        .watch = n->watch,
        .started_ns = tl_awake_ns(),
        .x = n->x,
        .c = c->c,
        .failing = c->variant,
        .units = &c->unit,
        .n_units = 1,
    };
    json_t *documents;
    if (s.wishes.max_seconds < 1) {
        c->finding = not_isolated("the budget of the night was used up");
        return 0;
    }
    int result = tl_isolation_run(&s, &documents, e);
    tl_nightly_deadline(n);
    if (result && e->kind == TL_ERROR_INPUT) { /* something that it takes is missing: the night goes on */
        c->finding = not_isolated(e->why);
        result = 0;
    }
    const json_t *document = result ? NULL : json_array_get(documents, 0);
    const char *why = json_string_value(json_object_get(document, "message"));
    if (document) /* without a finding: it could not be tried, or the time was used up before a trial had ended */
        c->finding =
            json_is_null(json_object_get(document, "finding")) && why ? not_isolated(why) : summary(document);
    json_decref(documents);
    return result;
}

static int new_session(struct tl_nightly *n, struct tl_error *e)
{
    struct tl_store *s = tl_executor_store(n->x);
    char *command = tl_format("nightly %s: isolations", n->suite->path);
    int result = tl_store_session_end(s, e) ||
                         tl_store_session_begin(s, tl_executor_machine(n->x), TL_VERSION, command, NULL, e)
                     ? -1
                     : 0;
    free(command);
    return result;
}

int tl_nightly_isolate(struct tl_nightly *n, struct tl_error *e)
{
    bool begun = false;
    for (size_t i = 0; i < n->n_cells && !tl_executor_interrupted(n->x); i++) {
        struct tl_nightly_cell *c = &n->cells[i];
        if (!wanted(c))
            continue;
        const struct tl_nightly_cell *same = isolated(n, i, c);
        if (same) {
            c->finding = json_incref(same->finding);
            continue;
        }
        if (!n->suite->isolate_new) {
            c->finding = not_isolated("the suite does not ask for it");
            continue;
        }
        if (c->n_kinds && c->kinds[0].outcome == TL_OUTCOME_PASS) {
            c->finding = not_isolated("it passes where a failure is expected, which has no trigger");
            continue;
        }
        if (!begun && new_session(n, e))
            return -1;
        begun = true;
        if (isolate(c, e))
            return -1;
    }
    return 0;
}
