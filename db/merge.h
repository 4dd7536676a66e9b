/* Several databases into one, and a database into a smaller file. */
#ifndef TL_MERGE_H
#define TL_MERGE_H

#include "db/store.h"

struct tl_merged {
    uint64_t trials;   /* brought in */
    uint64_t known;    /* were here already */
    uint64_t regained; /* were lost here, and are not lost there */
    uint64_t findings; /* brought in, or replaced by a later state of the same isolation */
};

/* Called now and then while work goes on, with what is being done; true stops it. May be NULL. */
typedef bool (*tl_merge_turn)(void *arg, const char *doing);

/* Brings everything in that another database holds, as one transaction: all of it or nothing. The other one
 * is never written to, may be on read-only media or in use, and may be of an older schema; one that is not
 * trapline's, newer, or not sound is refused with kind TL_ERROR_INPUT. Merging again changes nothing, and the
 * order in which databases are merged makes no difference. */
int tl_store_merge(struct tl_store *s, const char *path, tl_merge_turn turn, void *arg,
                   struct tl_merged *merged, struct tl_error *e);

/* Gives back what the file does not need: rows that nothing refers to, free pages, the write-ahead log. */
struct tl_compacted {
    uint64_t before, after; /* bytes, with the log */
    uint64_t rows;          /* removed */
};
int tl_store_compact(struct tl_store *s, tl_merge_turn turn, void *arg, struct tl_compacted *c,
                     struct tl_error *e);

#endif
