/* Answers that a trial gives to other variants, by what it counted (counted.c says what that is worth).
 *
 * They are put to every point that the trial speaks of, those that are made later included, beside the outcomes of its
 * own trials. */
#include "harness/search/internal.h"

bool tl_counted_beside(const struct tl_search *s, const uint64_t *a, const uint64_t *b)
{
    for (size_t i = 0; i < s->n; i++)
        if (i != s->options.counted_axis && a[i] != b[i])
            return false;
    return true;
}

static bool tells(const struct tl_search *s, const struct tl_search_run *run, const struct tl_point *p)
{
    size_t a = s->options.counted_axis;
    return run->told && run->counts && run->point != p &&
           (run->kind == TL_TOLD_FAIL || p->index[a] < run->point->index[a]) &&
           tl_counted_beside(s, run->point->index, p->index);
}

static void add_told(struct tl_point *p, const struct tl_search_run *run)
{
    p->told++;
    p->shared++;
    p->told_fresh += run->fresh;
    p->shared_fresh += run->fresh;
}

static void add_seen(const struct tl_search *s, struct tl_point *p, const struct tl_search_run *run)
{
    bool fails = run->kind == TL_TOLD_FAIL && p->index[s->options.counted_axis] >= run->from;
    enum tl_search_outcome outcome = fails ? run->outcome : TL_SEARCH_PASS;
    p->seen[outcome]++;
    p->seen_fresh[outcome] += run->fresh;
    if (!fails)
        return;
    bool exact = run->place->signature == s->target;
    p->exact += exact;
    if (!exact && p->shows == NULL)
        p->shows = run->point->shows;
}

void tl_counted_told(struct tl_search *s, const struct tl_search_run *run)
{
    for (size_t i = 0; i < s->n_buckets && run->counts; i++)
        for (struct tl_point *p = s->buckets[i]; p != NULL; p = p->next)
            if (tells(s, run, p))
                add_told(p, run);
}

void tl_counted_seen(struct tl_search *s, const struct tl_search_run *run)
{
    for (size_t i = 0; i < s->n_buckets && run->counts; i++)
        for (struct tl_point *p = s->buckets[i]; p != NULL; p = p->next)
            if (tells(s, run, p))
                add_seen(s, p, run);
}

void tl_counted_new_point(struct tl_search *s, struct tl_point *p)
{
    for (size_t i = 0; i < s->n_runs && s->options.counted; i++) {
        const struct tl_search_run *run = &s->runs[i];
        if (!tells(s, run, p))
            continue;
        add_told(p, run);
        if (run->outcome != TL_SEARCH_NONE)
            add_seen(s, p, run);
    }
}

void tl_search_counted(struct tl_search *s, uint64_t id, uint64_t from)
{
    if (!s->options.counted || id >= s->handed || s->runs[id].told || s->runs[id].purpose == TL_SEARCH_JUDGE)
        return;
    s->runs[id].counts = true;
    s->runs[id].from = from;
}

/* Whether a trial of the variant, or of one beside it, failed and counted: so others are likely to. */
bool tl_counted_row(const struct tl_search *s, const uint64_t *index)
{
    for (size_t i = 0; i < s->n_runs; i++) {
        const struct tl_search_run *run = &s->runs[i];
        if (run->told && run->counts && run->outcome == TL_SEARCH_MATCH &&
            tl_counted_beside(s, run->point->index, index))
            return true;
    }
    return false;
}
