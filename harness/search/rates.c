/* What is believed of the rate of failure during a search, and how many passes are evidence. */
#include "harness/search/internal.h"

void tl_search_rates_known(const struct tl_search *s, struct tl_rate_belief *b)
{
    tl_rate_belief_init(b);
    if (s->options.known_failed <= s->options.known_runs && s->options.known_failed > 0)
        tl_rate_belief_update(b, s->options.known_failed, s->options.known_runs - s->options.known_failed);
}

void tl_search_rates(struct tl_search *s, struct tl_rate_belief *b)
{
    tl_search_rates_known(s, b);
    const struct tl_point *m = tl_point_get(s, s->best);
    const struct tl_point *f = s->failing == NULL ? m : tl_point_get(s, s->failing);
    uint64_t failed = m->seen[TL_SEARCH_MATCH], passed = m->told - failed;
    /* F may fail more often than M does: it counts only while little is known of M. */
    if (f != m && m->told < 8) {
        failed += f->seen[TL_SEARCH_MATCH];
        passed += f->told - f->seen[TL_SEARCH_MATCH];
    }
    tl_rate_belief_update(b, failed, passed);
}

/* Whether what is tried for this purpose is as far from M as F is, or further: its rate need not be M's. */
static bool far_from_best(enum tl_search_purpose purpose)
{
    return purpose == TL_SEARCH_GUARD || purpose == TL_SEARCH_NEED || purpose == TL_SEARCH_HOLD ||
           purpose == TL_SEARCH_CAUSE;
}

static double mean_rate(const struct tl_rate_belief *b)
{
    double mean = 0;
    for (size_t i = 0; i < TL_RATES; i++)
        mean += b->weight[i] * tl_rates[i];
    return mean;
}

/* An axis may change the rate. Where F fails clearly less often than M does, a variant that is not next to M has to
 * pass as often as F would. */
uint32_t tl_passes_needed(struct tl_search *s, enum tl_search_purpose purpose, double alpha)
{
    struct tl_rate_belief b, of_failing;
    tl_search_rates(s, &b);
    uint32_t need = tl_rate_belief_passes(&b, alpha);
    if (!far_from_best(purpose) || s->failing == NULL)
        return need;
    const struct tl_point *f = tl_point_get(s, s->failing);
    uint32_t failed = f->seen[TL_SEARCH_MATCH], runs = tl_runs_seen(f->seen);
    double low, high;
    tl_wilson(failed, runs, 0.95, &low, &high);
    if (failed == 0 || high > mean_rate(&b))
        return need;
    tl_search_rates_known(s, &of_failing);
    tl_rate_belief_update(&of_failing, failed, runs - failed);
    uint32_t more = tl_rate_belief_passes(&of_failing, alpha);
    return more > need ? more : need;
}
