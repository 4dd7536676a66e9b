/* Begins a search over the builds of one unit.
 *
 * The search (harness/search/builds.c) halves an interval, so it wants a build on which the failure is
 * known to show. All builds run the variant once, or only the one that the unit names; the gravest failure
 * is the one that is meant, and the build that shows it the known one. How often it failed in stored trials
 * is told to the search as well: a flaky failure is then found in fewer runs. */
#include "harness/campaign/over_builds.h"

#include "harness/base/awake.h"
#include "harness/base/buffer.h"
#include "harness/campaign/isolation_say.h"
#include "harness/campaign/processes.h"
#include "harness/campaign/scan.h"
#include "harness/executor/unit_list.h"

#include <stdlib.h>
#include <string.h>

#define RATE_TRIALS 1000 /* stored trials from which a rate is learned */

static int list_builds(struct tl_campaign_isolation *s, size_t *bad, struct tl_error *e)
{
    struct tl_unit_list names = {0};
    int result = tl_executor_builds(s->x, s->over, &names, bad, e);
    if (!result && names.n > TL_SCAN_MOST)
        result =
            tl_fail(e, TL_ERROR_INPUT, "too many builds to search over", s->over,
                    "%zu are here, and at most %d can be tried; name a range of them", names.n, TL_SCAN_MOST);
    free(s->units); /* of an earlier round */
    s->units = tl_calloc(names.n, sizeof *s->units);
    if (!result)
        result = tl_executor_units(s->x, (const char *const *)names.list, names.n, s->units, e);
    s->n_units = result ? 0 : names.n;
    tl_unit_list_free(&names);
    return result;
}

/* How often the failing variant is known to fail on a unit: a flaky failure is then found in fewer runs. */
static int learn_rate(struct tl_campaign_isolation *s, const struct tl_unit *u, enum tl_outcome failure,
                      struct tl_search_options *options, struct tl_error *e)
{
    char environment[TL_ID_SIZE], variant[TL_ID_SIZE];
    struct tl_cached *list;
    size_t n;
    tl_variant_hash(s->c, &s->failing, variant);
    if (tl_executor_environment(s->x, s->c, &s->failing, u, environment, e) ||
        tl_store_cached(tl_executor_store(s->x), s->c->hash, variant, u->text, environment, RATE_TRIALS,
                        &list, &n, e))
        return -1;
    for (size_t i = 0; i < n && !s->wishes.no_cache; i++) {
        options->known_runs += list[i].outcome == TL_OUTCOME_PASS || list[i].outcome == failure;
        options->known_failed += list[i].outcome == failure;
    }
    free(list);
    return 0;
}

/* Which failure is meant, and on which build it is known to be there. */
static int choose_build(struct tl_campaign_isolation *s, size_t only, struct tl_search_options *options,
                        struct tl_driver *d, struct tl_error *e)
{
    struct tl_driver_trial *seen = tl_calloc(s->n_units, sizeof *seen);
    size_t *at = tl_calloc(s->n_units, sizeof *at), n = 0, best;
    for (size_t i = 0; i < s->n_units; i++)
        if (only == SIZE_MAX || i == only)
            at[n++] = i;
    int result = tl_scan_run(s, at, n, seen, &best, e);
    if (!result && best != SIZE_MAX) {
        d->shown = seen[best];
        d->shown_at = at[best];
        options->bad_known = true;
        options->bad = at[best];
        options->signature = d->shown.coarse_id;
        result = learn_rate(s, s->units[at[best]], d->shown.outcome, options, e);
    }
    d->scanned = tl_calloc(s->n_units, sizeof *d->scanned);
    for (size_t i = 0; i < n; i++)
        /* That a fresh process passes is half of what is to be known of a build (driver.c). */
        if (seen[i].outcome != TL_OUTCOME_PASS || s->wishes.fresh || !tl_processes_forked(s->units[at[i]]))
            d->scanned[at[i]] = seen[i];
    free(at);
    free(seen);
    return result;
}

int tl_over_builds_start(struct tl_campaign_isolation *s, struct tl_error *e)
{
    struct tl_search_options options = {
        .seed = 1,
        .width = tl_executor_jobs(s->x),
        .exhaustive = s->wishes.exhaustive,
    };
    struct tl_driver *d = &s->drivers[0];
    size_t bad;
    d->started_ns = tl_awake_ns();
    if (list_builds(s, &bad, e) || choose_build(s, bad, &options, d, e))
        return -1;
    d->units = s->units;
    d->n_units = s->n_units;
    d->x = s->x;
    /* The wording of a failure changes from build to build, and places in the code move. */
    options.widen = !s->wishes.strict;
    if (*d->shown.signature_id) {
        if (tl_driver_know(d, d->shown.id, d->shown.signature_id, e))
            return -1;
        options.kind = tl_driver_kind(d, d->shown.signature_id);
    }
    if (tl_driver_start(d, &options, e))
        return -1;
    tl_isolation_say_cost(s, d, d->shown.id);
    return 0;
}
