#include "reports/site/known.h"

#include "cases/known.h"
#include "db/known.h"
#include "db/query.h"
#include "db/site.h"
#include "harness/base/clock.h"
#include "reports/known.h"
#include "reports/page/page.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

static const char *across_builds(const struct tl_site_signature *x)
{
    return x->coarse_id && *x->coarse_id ? x->coarse_id : x->id;
}

/* What is known of a failure as its newest trial shows it: by the case as it was then (where it says anything), or by the
 * database, at any of its places; in either by the variant of that trial. */
static json_t *by_trial(struct tl_site *w, const struct tl_known_list *l, const struct tl_site_failure *f,
                        bool case_says)
{
    struct tl_store *s = w->s;
    const struct tl_site_signature *x = tl_site_failure_newest(w, f);
    int64_t now = tl_wall_us();
    struct tl_filter filter = {.case_name = f->case_name, .signature_id = x->id, .limit = 1};
    struct tl_trial_lines lines;
    struct tl_error gone; /* then nothing is known by the case */
    struct tl_trial_record r;
    char *text = NULL;
    json_t *mark = NULL;
    if (tl_query_trials(s, &filter, &lines, &gone))
        return NULL;
    if (lines.n && !tl_query_trial(s, lines.list[0].id, &r, &gone)) {
        json_t *variant = json_loads(r.variant, 0, NULL);
        if (case_says && !tl_query_case_json(s, r.case_hash, &text, &gone) && text) {
            json_t *document = json_loads(text, 0, NULL);
            mark = tl_known_unless_over(
                tl_case_known(json_object_get(document, "known"), variant, r.unit, across_builds(x)), now);
            json_decref(document);
        }
        for (size_t i = 0; i < f->n && !mark; i++) {
            x = &w->failures->signatures[f->signatures[i]];
            const struct tl_known *k = tl_known_of(l, f->case_name, across_builds(x), variant);
            mark = k ? tl_known_unless_over(tl_known_json(k), now) : NULL;
        }
        json_decref(variant);
        free(text);
        tl_trial_record_free(&r);
    }
    tl_trial_lines_free(&lines);
    return mark;
}

/* The cases that have something of the kind are few, and looking costs a trial that is read whole. */
static bool case_says(struct tl_site *w, json_t *cases, const char *name)
{
    bool says;
    struct tl_error gone;
    if (!json_object_get(cases, name))
        json_object_set_new_nocheck(
            cases, name, json_boolean(!tl_site_case_says(w->s, name, "known", &says, &gone) && says));
    return json_is_true(json_object_get(cases, name));
}

static json_t *mark_of(struct tl_site *w, const struct tl_known_list *l, const struct tl_site_failure *f,
                       json_t *cases)
{
    bool says = case_says(w, cases, f->case_name), any = says;
    for (size_t i = 0; i < l->n && !any; i++)
        any = !strcmp(l->list[i].case_name, f->case_name);
    return any ? by_trial(w, l, f, says) : NULL;
}

int tl_site_read_known(struct tl_site *w, struct tl_error *e)
{
    const struct tl_site_failures *f = w->failures;
    struct tl_known_list l;
    w->known = json_object();
    if (tl_known_load(w->s, NULL, &l, e))
        return -1;
    json_t *cases = json_object();
    for (size_t i = 0; i < f->n && f->list[i].page; i++) {
        json_t *mark = mark_of(w, &l, &f->list[i], cases);
        if (mark)
            json_object_set_new(w->known, f->list[i].page, mark);
    }
    json_decref(cases);
    tl_known_list_free(&l);
    return 0;
}

void tl_site_free_known(struct tl_site *w)
{
    json_decref(w->known);
    w->known = NULL;
}

char *tl_site_known(const struct tl_site *w, const struct tl_site_failure *f, bool in_few_words)
{
    const json_t *mark = f->page ? json_object_get(w->known, f->page) : NULL;
    if (!mark)
        return NULL;
    char *words = tl_inline_plain(in_few_words ? tl_known_name(mark) : tl_known_words(mark)),
         *shown = tl_site_clean(w, words, strlen(words), 600);
    free(words);
    return shown;
}
