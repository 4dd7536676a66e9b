/* What the files known*.c share. For the inside of db/ only. */
#ifndef TL_KNOWN_IMPL_H
#define TL_KNOWN_IMPL_H

#include "db/known.h"

/* Which failures have no place across builds: all of the database. */
int tl_known_load_blind(struct tl_store *s, struct tl_known_list *l, struct tl_error *e);
/* Whether a coarse id is such a one, and whether there is no stack either. */
bool tl_known_is_bare(const struct tl_known_list *l, const char *coarse_id);
/* Of every failure that is known the places that are stored; then, once what findings say is there, the variants that are known
 * to fail elsewhere. */
int tl_known_load_places(struct tl_store *s, struct tl_known_list *l, struct tl_error *e);
int tl_known_load_others(struct tl_store *s, struct tl_known_list *l, struct tl_error *e);

/* Adds the places of the case that findings judged to be the same failure. */
int tl_known_join(struct tl_store *s, struct tl_known_list *l, struct tl_error *e);
/* Fills k->causes, once k->adding is there. */
int tl_known_find_causes(struct tl_store *s, struct tl_known *k, struct tl_error *e);

/* Fills k->adding for a failure whose id begins like that (the one of a build or the one across builds), where it has no place
 * across builds. */
int tl_known_find_places(struct tl_store *s, struct tl_known *k, const char *signature, struct tl_error *e);
/* Stores k->adding, or, where k is removed, that its places are. Within the transaction that stores k. */
int tl_known_put_places(struct tl_store *s, const struct tl_known *k, struct tl_error *e);

#endif
