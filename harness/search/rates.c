/* What is believed of the rate of failure during a search, how many passes are evidence, and the verdict on a variant.
 *
 * tl_judge is the verdict on one variant, and a one-sided sequential test where the failure is flaky. A
 * single failure ends it: the variant fails. It passes after so many passes in a row that a variant which
 * fails at the rate of M would show them with a chance of at most alpha, averaged over what is believed of
 * that rate (noise.c). Runs are asked for in portions, as the first failure makes the rest of them
 * unnecessary.
 *
 * A single failure is not enough in a search that is steady. F nearly always fails there, and among the many
 * variants that are tried some fail in one run of twenty, for reasons of their own or because what is left of the
 * trigger seldom suffices. One of them that happens to fail when it is tried would be taken for M, which costs the
 * most trials of all and says little of F's failure. That is found out when M is run again: it fails in less than half
 * of its runs, and F in 14 of 16. Were both rates the same that would happen once in 800 times at most (both being
 * 0.54). Then the search goes back to F, and what failed has to fail again until that is decided for it, too. What is
 * known is not run again, so the way back to where it went wrong costs a few runs of each variant on it; and a failure
 * that shows every time costs nothing. */
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
static uint32_t passes_needed(struct tl_search *s, enum tl_search_purpose purpose, double alpha)
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

/* Whether M may be replaced on such a trial. Draws and probes only count failures. */
static bool decides(enum tl_search_purpose purpose)
{
    return purpose == TL_SEARCH_BASELINE || purpose == TL_SEARCH_AXES || purpose == TL_SEARCH_CHOICES ||
           purpose == TL_SEARCH_THRESHOLD || purpose == TL_SEARCH_NEIGHBOUR || purpose == TL_SEARCH_PLACE ||
           purpose == TL_SEARCH_CAUSE || purpose == TL_SEARCH_ELEMENTS || purpose == TL_SEARCH_SUSPECT;
}

/* The verdict, once it is known whether what the variant shows is the failure that is isolated. */
static enum tl_judgement settled(struct tl_search *s, struct tl_point *p, enum tl_search_purpose purpose)
{
    return decides(purpose) && tl_point_open(s, p) ? TL_JUDGE_PENDING : tl_point_verdict(p);
}

enum tl_rarely tl_point_rarely(const struct tl_search *s, const struct tl_point *p)
{
    uint32_t failed = p->seen[TL_SEARCH_MATCH], runs = tl_runs_seen(p->seen), least = s->options.band_runs;
    bool passes_more = 2 * failed < runs;
    if (runs < (passes_more ? least / 2 + failed + 1 : least))
        return TL_RARELY_OPEN;
    double apart = 2.0 * failed - runs;
    if (apart * apart < 4.0 * runs && runs < 4 * least)
        return TL_RARELY_OPEN;
    return passes_more ? TL_RARELY : TL_RARELY_NOT;
}

/* Whether it is decided, of a variant that failed, that it fails as F does or more rarely; else asks for more runs. */
static bool steady_decided(struct tl_search *s, struct tl_point *p, bool fresh,
                           enum tl_search_purpose purpose, size_t axis, uint64_t detail, uint64_t of)
{
    uint32_t failed = p->seen[TL_SEARCH_MATCH], runs = tl_runs_seen(p->seen);
    if (failed == 0 || p->rarer || tl_point_closed(p) || (failed == runs && runs >= s->options.confirm_runs))
        return true;
    enum tl_rarely rarely = tl_point_rarely(s, p);
    p->rarer = rarely == TL_RARELY;
    if (rarely != TL_RARELY_OPEN)
        return true;
    uint32_t more = failed == runs ? s->options.confirm_runs - runs : 4;
    tl_want(s, p->index, (fresh ? p->told_fresh : p->told) + more, fresh, purpose, axis, detail, of);
    return false;
}

enum tl_judgement tl_judge(struct tl_search *s, const uint64_t *index, uint32_t runs, bool fresh,
                           double alpha, enum tl_search_purpose purpose, size_t axis, uint64_t detail,
                           uint64_t of)
{
    if (s->noisy) {
        uint32_t need = passes_needed(s, purpose, alpha);
        if (need > runs)
            runs = need;
        struct tl_point *known = tl_point_get(s, index);
        uint32_t told = fresh ? known->told_fresh : known->told;
        const uint32_t *seen = fresh ? known->seen_fresh : known->seen;
        if (seen[TL_SEARCH_MATCH] > 0)
            return settled(s, known, purpose);
        /* In portions, as one failure is enough; in small ones where it is expected. */
        bool expected = s->options.needs && (purpose == TL_SEARCH_HOLD || purpose == TL_SEARCH_NEED);
        uint32_t portion = s->options.width > 4 || expected ? s->options.width : 4;
        if (runs > told + portion)
            runs = told + portion;
        struct tl_point *p = tl_want(s, index, runs, fresh, purpose, axis, detail, of);
        if (p == NULL)
            return TL_JUDGE_PENDING;
        return settled(s, p, purpose);
    }
    struct tl_point *p = tl_want(s, index, runs, fresh, purpose, axis, detail, of);
    if (p == NULL)
        return TL_JUDGE_PENDING;
    if (s->steady && !steady_decided(s, p, fresh, purpose, axis, detail, of))
        return TL_JUDGE_PENDING;
    if (p->seen[TL_SEARCH_MATCH] > 0 && p->seen[TL_SEARCH_PASS] > 0 && !p->rarer && !tl_counted_between(s, p))
        s->mixed = true;
    return settled(s, p, purpose);
}
