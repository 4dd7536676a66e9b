/* Copies of a variant for a command that may write to them. */
#ifndef TL_CAMPAIGN_REDUCE_LEND_H
#define TL_CAMPAIGN_REDUCE_LEND_H

#include "harness/campaign/reduce/parts.h"

/* A directory with a copy of what a variant is, for one run; the caller's to remove and to free. NULL with *e. */
char *tl_reduce_lend(const struct tl_reduce_files *f, size_t number, struct tl_error *e);
/* -1 with errno. */
int tl_reduce_copy_file(const char *from, const char *to);

#endif
