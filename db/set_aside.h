/* Trials that answer nothing any more (set aside), and cases whose forked children differ from fresh processes. */
#ifndef TL_SET_ASIDE_H
#define TL_SET_ASIDE_H

#include "db/store.h"

/* Sets the trials aside that are older than before_us, of a case on a unit on the machine of an environment: they stay
 * in every list, and tl_store_cached does not find them any more. All environments of the machine are meant, as
 * what has changed is named by none of them. because: id of the trial that contradicts them. Adds to *n how many there
 * were. What was known of the processes there is forgotten. It is durable when this returns. */
int tl_store_set_aside(struct tl_store *s, const char *case_name, const char *case_hash, const char *unit,
                       const char *environment_id, int64_t before_us, const char *because, size_t *n,
                       struct tl_error *e);

/* When trials of the case on the unit were last set aside, if that was after since_us, and the trial that contradicts
 * them; *at_us is 0 if none were. */
int tl_store_set_aside_since(struct tl_store *s, const char *case_hash, const char *unit, int64_t since_us,
                             int64_t *at_us, char because[TL_UUID_SIZE], struct tl_error *e);

/* How a variant ended in a fork server's children and in processes of its own. */
struct tl_processes {
    bool differ;
    char variant_hash[TL_ID_SIZE];
    uint64_t forked_failed, forked, fresh_failed, fresh;
    int64_t seen_us;
};
/* *known: it was tried. */
int tl_store_processes(struct tl_store *s, const char *case_hash, const char *unit,
                       const char *environment_id, struct tl_processes *p, bool *known, struct tl_error *e);
int tl_store_put_processes(struct tl_store *s, const char *case_hash, const char *unit,
                           const char *environment_id, const struct tl_processes *p, struct tl_error *e);

#endif
