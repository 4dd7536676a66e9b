/* One failure is found in two searches: what triggers it, and since which build it fails. Each is stored as a finding of
 * its own, and a reader gets both as one (finding_join.c). */
#ifndef TL_FINDING_JOIN_H
#define TL_FINDING_JOIN_H

#include "db/store.h"

#include <jansson.h>

/* Adds to the document of a finding what the other search found of the same failure, where the database knows of one: to
 * that of a trigger "builds", to that over builds the trigger and what belongs to it. What it says itself stays. */
int tl_finding_join(struct tl_store *s, json_t *document, struct tl_error *e);

/* The finding by its id or the beginning of it, as tl_finding_load: the document of the trigger with "builds" in it,
 * whichever of the two ids was given. The reference is the caller's. */
int tl_finding_load_joined(struct tl_store *s, const char *id, json_t **document, struct tl_error *e);

/* Whether two documents, of a trigger and over builds, are of the same failure: the same case, runner and device, and the
 * same kind of failure. */
bool tl_finding_is_same(const json_t *a, const json_t *b);

#endif
