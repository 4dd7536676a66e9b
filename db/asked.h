/* What was asked of other machines and is not answered: it is durable before anybody is asked, so that what comes later, for a command that was
 * killed, still has a place. Functions return 0, or -1 with *e filled. */
#ifndef TL_ASKED_H
#define TL_ASKED_H

#include "db/store.h"

/* Strings are the caller's; of those that are found they hold for the call. */
struct tl_asked {
    const char *job_id, *trial_id, *session_id; /* session_id: of who asked; ignored by tl_asked_put */
    const char *case_name, *case_hash, *variant, *variant_hash, *unit, *kind, *device;
    const char *stands_for; /* the environment of what was asked (ran_on.h) */
    const char *machine;    /* that alone may run it; NULL: any of the kind */
    int64_t asked_us;
    char *job;
};

/* Belongs to the open group: whoever asks flushes first. One that is there stays. */
int tl_asked_put(struct tl_store *s, const struct tl_asked *a, struct tl_error *e);
/* It is answered, or wanted no more. Belongs to the open group, as the trial that answers it. */
int tl_asked_done(struct tl_store *s, const char *job_id, struct tl_error *e);
/* Calls found for the one with this id (NULL: for each); stops when that returns -1. *n: how many there were; may be NULL. found must not change
 * the table. */
typedef int (*tl_asked_found)(void *arg, const struct tl_asked *a, struct tl_error *e);
int tl_asked_each(struct tl_store *s, const char *job_id, tl_asked_found found, void *arg, size_t *n,
                  struct tl_error *e);
/* Stores the trial that answers one of an earlier session as that session's, and has it done. */
int tl_asked_answer(struct tl_store *s, const char *job_id, const char *session_id,
                    const struct tl_trial_record *r, struct tl_error *e);

#endif
