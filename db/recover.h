/* What the next start does with the intents of one that went down. For the inside of db/. */
#ifndef TL_RECOVER_H
#define TL_RECOVER_H

#include "db/store_impl.h"

/* Stores a lost trial for every intent on disk without an outcome, makes them durable and empties the log. */
int tl_store_recover(struct tl_store *s, struct tl_error *e);

#endif
