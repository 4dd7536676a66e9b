/* What the user is told while an isolation runs. */
#ifndef TL_ISOLATION_SAY_H
#define TL_ISOLATION_SAY_H

#include "harness/campaign/isolation.h"

/* How many trials a search that has just begun takes at most, and how long that is by a trial of its failing variant
 * (its id; "" where there is none yet). */
void tl_isolation_say_cost(const struct tl_campaign_isolation *s, const struct tl_driver *d,
                           const char *trial);
/* The line that is written over: the best answer so far, what is being tried, how much is left. */
void tl_isolation_say_progress(const struct tl_campaign_isolation *s, const struct tl_driver *d);

#endif
