/* The key under which earlier outcomes are looked up. For the inside of db/. */
#ifndef TL_CACHED_H
#define TL_CACHED_H

#include "db/store_impl.h"

/* Column trial.cell: 63 bits of a hash. Ids may be NULL (then empty). */
int64_t tl_store_cell(const char *case_hash, const char *variant_hash, const char *unit,
                      const char *environment_id);

#endif
