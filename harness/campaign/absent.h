/* A mistake of the user's is no failure of the runtime. */
#ifndef TL_ABSENT_H
#define TL_ABSENT_H

#include "harness/campaign/isolation.h"

/* Of a trial of the failing variant: where it says that a file, program or module is not there, the baseline is run once,
 * with nothing else pending. Fails with kind TL_ERROR_INPUT and the word to change where that says the same, or where the file is
 * one that the commands of the case only take. */
int tl_absent_check(struct tl_campaign_isolation *s, const struct tl_unit *u, const char *trial,
                    struct tl_error *e);

#endif
