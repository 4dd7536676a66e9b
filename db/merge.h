/* Several databases into one, and a database into a smaller file. */
#ifndef TL_MERGE_H
#define TL_MERGE_H

#include "db/store.h"
#include "harness/base/watch.h"

struct tl_merged {
    uint64_t trials;   /* brought in */
    uint64_t known;    /* were here already */
    uint64_t regained; /* were lost or incomplete here, and are not so there */
    uint64_t findings; /* brought in, or replaced by a later state of the same isolation */
};

/* Brings everything in that another database holds, as one transaction: all of it or nothing. The other one
 * is never written to, may be on read-only media or in use, and may be of an older schema; one that is not
 * trapline's, newer, or not sound is refused with kind TL_ERROR_INPUT. Merging again changes nothing, and the
 * order in which databases are merged makes no difference. watch: NULL for nobody, as below. */
int tl_store_merge(struct tl_store *s, const char *path, const struct tl_watch *watch,
                   struct tl_merged *merged, struct tl_error *e);

/* Gives back what the file does not need: rows that nothing refers to, free pages, the write-ahead log. */
struct tl_compacted {
    uint64_t before, after; /* bytes, with the log */
    uint64_t rows;          /* removed */
};
int tl_store_compact(struct tl_store *s, const struct tl_watch *watch, struct tl_compacted *c,
                     struct tl_error *e);

#endif
