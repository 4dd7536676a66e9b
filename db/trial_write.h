/* A record becomes rows. For the inside of db/; tl_store_trial and its like are declared in store.h. */
#ifndef TL_TRIAL_WRITE_H
#define TL_TRIAL_WRITE_H

#include "db/store_impl.h"

/* Inserts a record and all it refers to into the open group; *added is false when it was there. */
int tl_store_insert(struct tl_store *s, const struct tl_trial_record *r, const char *session_id, bool *added,
                    struct tl_error *e);

#endif
