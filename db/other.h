/* Another database beside the own one, for a merge: attached as "o" to the connection of a store. For the inside of db/. */
#ifndef TL_OTHER_H
#define TL_OTHER_H

#include "db/store_impl.h"

#include <sys/stat.h>

struct tl_other {
    const char *path, *directory; /* the caller's */
    bool copied;                  /* what is attached is the copy */
    bool alone;                   /* it is read as a file that nobody writes to, which this one was then: */
    struct stat before;
    const struct tl_watch *watch;
};

/* SQLite makes its shared memory and a log beside whatever it reads, and a reader cannot take them away again: they would stay, with
 * somebody else's rights. So a database beside which there are none, which nobody has open then, is read without them when `alone`, and
 * tl_other_changed tells, before anything that was read is kept, whether somebody wrote to it meanwhile. Then it is read again, as one of
 * several.
 *
 * Attaches the database at `path`, which is never written to and may be in use, on media that are read-only, or of an older schema: then
 * a copy in `directory` is, that of the work (work.h). Errors name `path`, and are of kind TL_ERROR_INPUT where that file is the
 * reason; where the own disk is they name the directory of the own database. Outside of a transaction. */
int tl_other_attach(struct tl_store *s, const char *path, const char *directory, bool alone,
                    const struct tl_watch *watch, struct tl_other *o, struct tl_error *e);
bool tl_other_changed(const struct tl_other *o);
void tl_other_detach(struct tl_store *s);
/* Whether it holds what trapline writes. To be asked in the transaction that reads it, before anything else: it touches no
 * table of the own database. */
int tl_other_check(struct tl_store *s, const struct tl_other *o, struct tl_error *e);

#endif
