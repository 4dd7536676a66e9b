/* How often a reproducer is run where it is written. One that shows every time is believed after three runs; of one that does
 * not, as many are wanted as would tell that it is gone (finding/figures.h), as long as they take no more than minutes. */
#include "reports/bundle/parts.h"

#include "reports/finding/figures.h"
#include "reports/members.h"

#define RUNS 3
#define RUNS_FLAKY 12 /* a rate is to be seen, too */
#define RUNS_MOST 60
#define SECONDS_MOST 180.0 /* of all of them */
#define SLOW_SECONDS 300.0 /* a run that takes longer is the only one */

bool tl_bundle_is_flaky(const struct tl_bundle *b)
{
    const json_t *rate = json_object_get(b->source->finding, "rate");
    struct tl_finding_runs r = tl_finding_runs(b->source->finding);
    /* That it shows in no forked child is no matter of luck: a reproducer is a process of its own. */
    return (json_array_size(rate) == 2 && tl_integer_at(rate, 0) < tl_integer_at(rate, 1)) ||
           (r.failed_fresh > 0 && r.failed_fresh < r.runs_fresh);
}

unsigned tl_bundle_runs(const struct tl_bundle *b, double seconds)
{
    if (seconds > SLOW_SECONDS)
        return 1;
    if (!tl_bundle_is_flaky(b))
        return RUNS;
    json_int_t enough = tl_finding_enough(b->source->finding);
    double runs = enough < RUNS_FLAKY  ? RUNS_FLAKY
                  : enough > RUNS_MOST ? RUNS_MOST
                                       : (double)enough,
           most = seconds > 0 ? SECONDS_MOST / seconds : runs;
    runs = runs < most ? runs : most;
    return runs < RUNS ? RUNS : (unsigned)runs;
}
