/* Which axes an isolation tries first. */
#ifndef TL_SUSPECTS_H
#define TL_SUSPECTS_H

#include "harness/campaign/isolation.h"

/* Puts the axes that are believed to be the trigger into `axes`, which has room for all of the case, and their number
 * into *n: those that the user named, and where he named none, what an earlier finding needed, whose id is put into
 * `from` ("" for none). */
int tl_suspects_find(struct tl_campaign_isolation *s, const struct tl_unit *u, size_t *axes, size_t *n,
                     char from[TL_UUID_SIZE], struct tl_error *e);

#endif
