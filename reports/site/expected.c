/* Outcomes as they are worth: one that its case expects counts as a pass on every page that counts, and a pass
 * where the case expects a failure as one of its own. Lists of trials and the trials themselves keep what they
 * are. */
#include "reports/site/expected.h"

#include "cases/expected.h"
#include "db/query.h"
#include "reports/site/links.h"
#include "reports/site/outcomes.h"

#include <stdlib.h>
#include <string.h>

/* Cells of a case come one after the other. */
const json_t *tl_site_document_of(struct tl_site *w, const struct tl_site_cell *c)
{
    struct tl_error ignored;
    const char *hash = c->case_hash ? c->case_hash : "";
    if (strcmp(w->expecting, hash) != 0) {
        char *text = NULL;
        json_decref(w->expecting_case);
        w->expecting_case =
            tl_query_case_json(w->s, hash, &text, &ignored) || !text ? NULL : json_loads(text, 0, NULL);
        snprintf(w->expecting, sizeof w->expecting, "%s", hash);
        free(text);
    }
    return w->expecting_case;
}

int tl_site_shown(struct tl_site *w, const struct tl_site_cell *c)
{
    const json_t *expected = json_object_get(tl_site_document_of(w, c), "expected");
    if (!expected)
        return c->outcome;
    char *title = NULL, *message = NULL;
    struct tl_error ignored;
    json_t *variant = json_loads(c->variant ? c->variant : "{}", 0, NULL);
    if (c->signature_id && *c->signature_id)
        tl_site_example(w->s, c, &title, &message, &ignored);
    const char *const texts[2] = {message, title};
    enum tl_standing standing =
        tl_expected_standing(expected, variant, c->unit ? c->unit : "", c->outcome, texts, NULL);
    json_decref(variant);
    free(title);
    free(message);
    if (standing == TL_STANDING_EXPECTED)
        return TL_OUTCOME_PASS;
    return standing == TL_STANDING_OTHER && c->outcome == TL_OUTCOME_PASS ? TL_SITE_UNEXPECTED
                                                                          : (int)c->outcome;
}

struct correction {
    struct tl_site *w;
    struct tl_site_case *c;
};

static int correct(void *arg, const struct tl_site_cell *x, struct tl_error *e)
{
    const struct correction *k = arg;
    struct tl_site *w = k->w;
    int shown = tl_site_shown(w, x);
    size_t unit = tl_site_unit_of(w, x->unit);
    (void)e;
    if (shown == (int)x->outcome || unit == SIZE_MAX)
        return 0;
    uint64_t more = tl_site_is_failure(shown) ? x->trials : 0,
             fewer = tl_outcome_is_failure(x->outcome) ? x->trials : 0;
    for (size_t i = 0; i < k->c->n; i++) {
        struct tl_site_tally *t = &w->tallies[k->c->first + i];
        if (t->unit == unit && t->by_outcome[x->outcome] >= x->trials) {
            t->by_outcome[x->outcome] -= x->trials;
            t->by_outcome[shown] += x->trials;
            k->c->failed += more - fewer;
            w->units[unit].failed += more - fewer;
        }
    }
    return 0;
}

int tl_site_correct_sums(struct tl_site *w, struct tl_error *e)
{
    for (size_t i = 0; i < w->n_cases; i++) {
        struct correction k = {w, &w->cases[i]};
        bool expects;
        if (tl_site_case_says(w->s, w->cases[i].name, "expected", &expects, e) ||
            (expects && tl_site_cells(w->s, w->cases[i].name, correct, &k, e)))
            return -1;
    }
    return 0;
}
