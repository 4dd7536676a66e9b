/* Lost trials: what the next writer does with the intents of one that went down. For the inside of db/.
 *
 * An intent on disk has an outcome in the database, or it has none and its child ran while trapline or the
 * machine went down: then that it was lost is its outcome. Which of the two it is, the insert finds out, as
 * it leaves a trial alone that is there. Going down in the middle of this loses nothing: the intents are
 * forgotten after the commit. */
#ifndef TL_RECOVER_H
#define TL_RECOVER_H

#include "db/store_impl.h"

/* Stores a lost trial for every intent on disk without an outcome, makes them durable and empties the log. */
int tl_store_recover(struct tl_store *s, struct tl_error *e);
/* Stores as lost what this store began and has no outcome of. For a database that is about to be left. */
int tl_store_lose(struct tl_store *s, struct tl_error *e);

#endif
