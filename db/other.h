/* Another database beside the own one, for a merge: attached as "o" to the connection of a store. For the inside of db/. */
#ifndef TL_OTHER_H
#define TL_OTHER_H

#include "db/store_impl.h"

struct tl_other {
    const char *path, *directory; /* the caller's */
    bool copied;                  /* what is attached is the copy */
    const struct tl_watch *watch;
};

/* Attaches the database at `path`, which is never written to and may be in use, on media that are read-only, or of an older schema: then
 * a copy in `directory` is, that of the work (work.h). Errors name `path`, and are of kind TL_ERROR_INPUT where that file is the
 * reason; where the own disk is they name the directory of the own database. Outside of a transaction. */
int tl_other_attach(struct tl_store *s, const char *path, const char *directory, const struct tl_watch *watch,
                    struct tl_other *o, struct tl_error *e);
void tl_other_detach(struct tl_store *s);
/* Whether it holds what trapline writes. To be asked in the transaction that reads it, before anything else: it touches no
 * table of the own database. */
int tl_other_check(struct tl_store *s, const struct tl_other *o, struct tl_error *e);

#endif
