/* A record as one JSON document, and back: what a trial that ran elsewhere is carried in (harness/fleet/).
 *
 * It has all that the database would store, in the database's own terms (pack.h), but for what the reader knows better: whose case,
 * variant and unit it is. Nothing in it is believed: numbers have bounds, names are of the enumerations, frames are in modules that are
 * there, and identities of stacks and signatures are not in it at all, for who reads it makes them. */
#ifndef TL_TRIAL_DOCUMENT_H
#define TL_TRIAL_DOCUMENT_H

#include "db/store.h"

/* A new reference. */
json_t *tl_trial_document(const struct tl_trial_record *r);
/* Fills a record that is all zero but for what was asked for (id, case, variant, unit), which stays. r is to be released in any case; -1 with
 * kind TL_ERROR_INPUT where the document is none. */
int tl_trial_document_read(const json_t *document, struct tl_trial_record *r, struct tl_error *e);

/* Where it ran: {"machine": {"name", "arch", "cpu", "cores", "memory", "os", "os_build", "kernel", "processor"}, "environment": {…},
 * "session": {"id", "trapline", "started_us"}}, as the database that it was stored in first has it. environment_id as in the record. A new reference in *document. */
int tl_place_document(struct tl_store *s, const struct tl_machine *m, const char *environment_id,
                      json_t **document, struct tl_error *e);
/* Stores the machine, the environment and the session of one, and says the environment's id, which is made here of what it says, and the
 * session's: "" where it tells of none. They belong to the open group. */
int tl_place_document_put(struct tl_store *s, const json_t *document, char environment_id[TL_ID_SIZE],
                          char session_id[TL_UUID_SIZE], struct tl_error *e);

#endif
