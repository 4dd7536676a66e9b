/* Earlier outcomes of a variant on a unit in an environment (tl_store_cached). For the inside of db/.
 *
 * The four keys together are about 120 bytes of text for each trial. The index is over one integer instead,
 * the first 63 bits of their hash (SQLite's integers are signed), and the few rows that it finds are compared
 * with the keys themselves. */
#ifndef TL_CACHED_H
#define TL_CACHED_H

#include "db/store_impl.h"

/* Column trial.cell: 63 bits of a hash. Ids may be NULL (then empty). */
int64_t tl_store_cell(const char *case_hash, const char *variant_hash, const char *unit,
                      const char *environment_id);

#endif
