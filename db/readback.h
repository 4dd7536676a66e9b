/* What was committed is read back from the file by a connection of its own: who writes over the file of a database that is in use, or
 * cuts it off, is not seen by the connection that has its pages, nor by the file's name. */
#ifndef TL_READBACK_H
#define TL_READBACK_H

#include "db/store_impl.h"

/* Remembers a trial whose row was written, and that all of those are committed; or not, and are not there. */
void tl_readback_written(struct tl_store *s, const char *trial);
void tl_readback_committed(struct tl_store *s);
void tl_readback_undone(struct tl_store *s);
/* Whether the file is another database now, or has not what was committed to it. Where it cannot be asked, it is taken to be right, and
 * asked the next time. Outside of a transaction. */
bool tl_readback_fails(const struct tl_store *s);

#endif
