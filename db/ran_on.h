/* Where a trial ran that another machine was asked for, and what stands for all machines of a kind.
 *
 * An outcome of one machine of a kind is one of all of them. So a kind is an environment too, without a machine: trials refer to the
 * environments that they ran in, these to their kind, and whoever looks up what is known of a kind (tl_store_cached) finds the trials of all its
 * environments. Functions return 0, or -1 with *e filled. */
#ifndef TL_RAN_ON_H
#define TL_RAN_ON_H

#include "db/store.h"

struct tl_ran_on {
    const char *machine;    /* its name in the fleet */
    int64_t delivered;      /* machines that were given it, this one included */
    const char *job_id;     /* NULL: nobody asked for it by itself */
    const char *session_id; /* of trapline there; "" or NULL: not known */
};

/* Belongs to the open group. What is known of the trial already stays. */
int tl_ran_on_put(struct tl_store *s, const char *trial_id, const struct tl_ran_on *r, struct tl_error *e);
/* Whether some trial is the answer to a job. */
int tl_ran_on_job(struct tl_store *s, const char *job_id, bool *known, struct tl_error *e);

/* Stores the environment that stands for a kind, as far as it is known: v without a machine; one that stands for what a machine of the kind alone
 * has shown; and that a real one is of a kind. They belong to the open group. */
int tl_kind_put(struct tl_store *s, const char *kind, const struct tl_environment *v, struct tl_error *e);
int tl_kind_put_machine(struct tl_store *s, const char *id, const char *kind, const char *machine,
                        struct tl_error *e);
int tl_kind_has(struct tl_store *s, const char *kind, const char *environment_id, struct tl_error *e);
/* Whether an environment is the wanted one, or is of it where that is a kind. */
bool tl_kind_is(struct tl_store *s, const char *wanted, const char *environment_id);

#endif
