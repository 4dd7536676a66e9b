/* What is asked for: the queue of requests.
 *
 * A step says how many runs of a variant it wants to know the outcomes of. What is told already counts, and so does what
 * trials of other values told of it by what they counted (counted.c); only the rest is asked for. Where such answers
 * are had, a run that is wanting is one with F's value, which tells of more. */
#include "harness/search/internal.h"

#include "harness/base/buffer.h"

#include <stdlib.h>

/* Trials of one variant that counted nothing, after which it is not run for the sake of others if most were so. */
#define BARREN 3

uint64_t tl_search_budget_left(const struct tl_search *s)
{
    if (s->options.max_trials == 0)
        return UINT64_MAX;
    uint64_t used = s->n_runs - s->n_judgements + s->judge_trials;
    return s->options.max_trials > used ? s->options.max_trials - used : 0;
}

static bool counts(const struct tl_search *s, enum tl_search_purpose purpose)
{
    if (s->options.quick &&
        (purpose == TL_SEARCH_REPRODUCE || purpose == TL_SEARCH_CHOICES || purpose == TL_SEARCH_PLACE))
        return true;
    return purpose == TL_SEARCH_BASELINE || purpose == TL_SEARCH_AXES || purpose == TL_SEARCH_THRESHOLD ||
           purpose == TL_SEARCH_ELEMENTS || purpose == TL_SEARCH_SUSPECT;
}

static void add_run(struct tl_search *s, const struct tl_search_run *run)
{
    if (s->n_runs == s->capacity_runs) {
        s->capacity_runs = s->capacity_runs == 0 ? 64 : 2 * s->capacity_runs;
        s->runs = tl_realloc(s->runs, s->capacity_runs, sizeof *s->runs);
    }
    s->runs[s->n_runs++] = *run;
}

/* Beside it, with F's value; NULL when that cannot be tried, or tells nothing. */
struct tl_point *tl_counted_far(struct tl_search *s, const uint64_t *index)
{
    uint64_t *carrier = tl_index_copy(s, index);
    carrier[s->options.counted_axis] = s->failing[s->options.counted_axis];
    struct tl_point *p = tl_point_get(s, carrier);
    free(carrier);
    unsigned barren = 0;
    for (size_t i = 0; i < s->n_runs; i++)
        barren += s->runs[i].told && s->runs[i].point == p && !s->runs[i].counts;
    return tl_point_closed(p) || (barren >= BARREN && 2 * barren > p->told) ? NULL : p;
}

/* The variant whose next trial tells of p as well, and of more besides; NULL. */
static struct tl_point *carrier_of(struct tl_search *s, const struct tl_point *p,
                                   enum tl_search_purpose purpose)
{
    size_t a = s->options.counted_axis;
    if (!s->options.counted || purpose == TL_SEARCH_REPRODUCE || p->index[a] >= s->failing[a] ||
        !tl_counted_row(s, p->index))
        return NULL;
    return tl_counted_far(s, p->index);
}

/* How many trials of its own a variant has to have at least, of n: what reproduces and confirms is run. */
static uint32_t own_runs(const struct tl_search *s, enum tl_search_purpose purpose, uint32_t n)
{
    uint32_t own = s->options.neighbour_runs;
    if (purpose == TL_SEARCH_THRESHOLD || purpose == TL_SEARCH_BAND)
        return 0;
    if (purpose == TL_SEARCH_REPRODUCE)
        own = n;
    if (purpose == TL_SEARCH_CONFIRM)
        own = s->options.confirm_runs;
    return own < n ? own : n;
}

/* So many more runs, as far as the budget goes. */
static void ask(struct tl_search *s, struct tl_point *p, uint32_t runs, const struct tl_search_run *like)
{
    for (uint32_t i = 0; i < runs && tl_search_budget_left(s) > 0; i++) {
        struct tl_search_run run = *like;
        run.point = p;
        run.repeat = p->asked;
        add_run(s, &run);
        p->asked++;
        p->asked_fresh += like->fresh;
    }
}

/* Of n runs that were wanted, those that it had itself. */
static void count_search_trials(struct tl_search *s, struct tl_point *p, enum tl_search_purpose purpose,
                                uint32_t n)
{
    uint32_t own = p->told - p->shared < n ? p->told - p->shared : n;
    if (!counts(s, purpose) || own <= p->counted)
        return;
    s->search_trials += own - p->counted;
    p->counted = own;
}

struct tl_point *tl_want(struct tl_search *s, const uint64_t *index, uint32_t n, bool fresh,
                         enum tl_search_purpose purpose, size_t axis, uint64_t detail, uint64_t of)
{
    struct tl_point *p = tl_point_get(s, index);
    fresh = fresh || s->options.quick;
    if (tl_point_closed(p) && p->asked + p->shared == p->told) {
        count_search_trials(s, p, purpose, p->told);
        return p;
    }
    uint32_t told = fresh ? p->told_fresh : p->told, shared = fresh ? p->shared_fresh : p->shared,
             asked = fresh ? p->asked_fresh : p->asked, own = own_runs(s, purpose, n);
    if (told >= n && told - shared >= own) {
        count_search_trials(s, p, purpose, n);
        return p;
    }
    const struct tl_search_run like = {
        .fresh = fresh, .purpose = purpose, .axis = axis, .detail = detail, .of = of};
    struct tl_point *carrier = asked + shared < n ? carrier_of(s, p, purpose) : NULL;
    uint32_t lacks = n > asked + shared ? n - asked - shared : 0, runs = own > asked ? own - asked : 0;
    if (carrier == NULL || runs > lacks) {
        ask(s, p, runs > lacks ? runs : lacks, &like);
        return NULL;
    }
    ask(s, p, runs, &like);
    /* Those that are on their way already tell as well. */
    uint32_t under_way = carrier->asked + carrier->shared - carrier->told;
    if (lacks > runs + under_way)
        ask(s, carrier, lacks - runs - under_way, &like);
    return NULL;
}

bool tl_place_judged(struct tl_search *s, struct tl_known_place *place)
{
    if (place->relation != TL_RELATION_OPEN)
        return true;
    if (!s->options.judge) {
        place->relation = TL_RELATION_UNKNOWN;
        return true;
    }
    if (!place->asked) {
        place->asked = true;
        s->n_judgements++;
        add_run(s,
                &(struct tl_search_run){
                    .point = place->first, .purpose = TL_SEARCH_JUDGE, .axis = TL_NO_AXIS, .place = place});
    }
    return false;
}

bool tl_point_open(struct tl_search *s, const struct tl_point *p)
{
    return p->seen[TL_SEARCH_MATCH] > 0 && p->exact == 0 && !tl_place_judged(s, p->shows);
}
