/* An isolation over builds (`isolate --over build`). */
#ifndef TL_OVER_BUILDS_H
#define TL_OVER_BUILDS_H

#include "harness/campaign/isolation.h"

/* Fills the units of s, one for each build that is here and asked for, and starts its only driver on them. */
int tl_over_builds_start(struct tl_campaign_isolation *s, struct tl_error *e);

#endif
