/* Answers are tried before they are given: guard.c has the theory. */
#ifndef TL_GUARD_H
#define TL_GUARD_H

#include "harness/campaign/isolation.h"

/* Before searches are concluded. *again: trials that they rest on are set aside, and they have to be done anew. */
int tl_guard_isolation(struct tl_campaign_isolation *s, bool *again, struct tl_error *e);
/* Before a search begins: makes the driver's trials fresh ones where it is known that forked children do something
 * else. A failing variant that did not fail (shown is false) in fresh processes is tried in a forked child. */
int tl_guard_processes(struct tl_campaign_isolation *s, struct tl_driver *d, bool shown, struct tl_error *e);
/* A search is in doubt (driver.h): settles that. *again: it has to be done anew. */
int tl_guard_doubt(struct tl_driver *d, bool *again, struct tl_error *e);

#endif
