/* When an isolation has to end. */
#include "harness/campaign/isolation.h"

#include "harness/base/awake.h"

uint64_t tl_isolation_deadline(const struct tl_campaign_isolation *s)
{
    return s->wishes.max_seconds ? s->started_ns + s->wishes.max_seconds * 1000000000ull : 0;
}

bool tl_isolation_out_of_time(const struct tl_campaign_isolation *s)
{
    return s->wishes.max_seconds &&
           (tl_executor_out_of_time(s->x) || tl_awake_ns() >= tl_isolation_deadline(s));
}
