#include "reports/site/known.h"

#include "cases/known.h"
#include "db/known.h"
#include "db/query.h"
#include "db/site.h"
#include "harness/base/clock.h"
#include "reports/known.h"
#include "reports/members.h"
#include "reports/page/page.h"
#include "reports/site/text.h"

#include <stdlib.h>
#include <string.h>

#define PLACES_MOST 32 /* of one failure that are asked for */

static const char *across_builds(const struct tl_site_signature *x)
{
    return x->coarse_id && *x->coarse_id ? x->coarse_id : x->id;
}

/* What is asked of one failure. */
struct asking {
    struct tl_site *w;
    const struct tl_known_list *l;
    const struct tl_site_failure *f;
    bool case_says;
    int64_t now;
};

static const struct tl_site_signature *signature_at(const struct asking *a, size_t i)
{
    return &a->w->failures->signatures[a->f->signatures[i]];
}

/* By the case as it was when the trial was run. */
static json_t *by_case(const struct asking *a, const struct tl_trial_record *r,
                       const struct tl_site_signature *x, const json_t *variant)
{
    struct tl_error gone; /* then nothing is known by the case */
    char *text = NULL;
    if (!a->case_says || tl_query_case_json(a->w->s, r->case_hash, &text, &gone) || !text)
        return NULL;
    json_t *document = json_loads(text, 0, NULL);
    const struct tl_case_failure failure = {across_builds(x), x->id,
                                            tl_known_is_blind(a->l, across_builds(x))};
    json_t *known = tl_case_known(json_object_get(document, "known"), variant, r->unit, &failure);
    json_decref(document);
    free(text);
    return known;
}

/* What is known of a failure at a place, as the newest trial there shows it: by the case (where it says anything), or by the
 * database, at any of the places that are one across builds; in either by the variant of that trial. */
static json_t *by_trial(const struct asking *a, const struct tl_site_signature *x)
{
    struct tl_filter filter = {.case_name = a->f->case_name, .signature_id = x->id, .limit = 1};
    struct tl_trial_lines lines;
    struct tl_error gone;
    struct tl_trial_record r;
    json_t *mark = NULL;
    if (tl_query_trials(a->w->s, &filter, &lines, &gone))
        return NULL;
    if (lines.n && !tl_query_trial(a->w->s, lines.list[0].id, &r, &gone)) {
        json_t *variant = json_loads(r.variant, 0, NULL), *said = by_case(a, &r, x, variant), *kept = NULL;
        char *build = NULL;
        if (tl_known_build_of(a->w->s, r.environment_id, &build, &gone))
            build = NULL;
        bool blind = tl_known_is_blind(a->l, across_builds(x));
        for (size_t i = 0; i < a->f->n && !kept; i++) {
            const struct tl_site_signature *y = blind ? x : signature_at(a, i);
            const struct tl_known_seen seen = {a->f->case_name, across_builds(y), y->id,
                                               build,           r.variant_hash,   variant};
            kept = tl_known_say(a->l, &seen);
            if (blind)
                break;
        }
        mark = tl_known_choose(said, kept, a->now);
        free(build);
        json_decref(variant);
        tl_trial_record_free(&r);
    }
    tl_trial_lines_free(&lines);
    return mark;
}

/* Where a library has no symbols each place is asked for by itself: "at_places" of the result is at how many it is known, of how
 * many. */
static json_t *by_places(const struct asking *a)
{
    json_t *first = NULL;
    size_t known = 0, n = a->f->n < PLACES_MOST ? a->f->n : PLACES_MOST;
    for (size_t i = 0; i < n; i++) {
        json_t *mark = by_trial(a, signature_at(a, i));
        known += mark != NULL;
        if (first)
            json_decref(mark);
        else
            first = mark;
    }
    if (first && known < n)
        json_object_set_new(first, "at_places", json_pack("[I,I]", (json_int_t)known, (json_int_t)n));
    return first;
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
    const struct asking a = {w, l, f, case_says(w, cases, f->case_name), tl_wall_us()};
    const struct tl_site_signature *newest = tl_site_failure_newest(w, f);
    bool any = a.case_says;
    for (size_t i = 0; i < l->n && !any; i++)
        any = !strcmp(l->list[i].case_name, f->case_name);
    return !any ? NULL : tl_known_is_blind(l, across_builds(newest)) ? by_places(&a) : by_trial(&a, newest);
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

void tl_site_add_known(const struct tl_site *w, struct tl_buffer *b, const struct tl_site_failure *f)
{
    const char *url = tl_member_text(f->page ? json_object_get(w->known, f->page) : NULL, "url");
    char *words = tl_site_known(w, f, false), *address = url ? tl_site_clean(w, url, strlen(url), 0) : NULL,
         *at = words && tl_is_web_address(address) ? strstr(words, address) : NULL;
    if (at) {
        size_t after = strlen(address);
        *at = '\0';
        tl_add_escaped(b, words);
        tl_add_link(b, address);
        tl_add_escaped(b, at + after);
    } else if (words) {
        tl_add_escaped(b, words);
    }
    free(address);
    free(words);
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
