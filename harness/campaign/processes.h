/* Whether fork servers' children and fresh processes do the same in a case on a unit; processes.c has the theory. */
#ifndef TL_CAMPAIGN_PROCESSES_H
#define TL_CAMPAIGN_PROCESSES_H

#include "db/set_aside.h"
#include "harness/campaign/stored.h"

/* Whether a fork server runs this unit's trials, unless a process of its own is asked for. */
bool tl_processes_forked(const struct tl_unit *u);
/* Whether so many failures in so many trials look like a difference that is worth some trials to settle. */
bool tl_processes_look(const uint64_t failed[2], const uint64_t runs[2]);
/* What is known of the case on the unit, found out by whichever variant. */
int tl_processes_known(struct tl_executor *x, const struct tl_stored_cell *cell, struct tl_processes *p,
                       bool *known, struct tl_error *e);
/* Finds it out by this variant, and keeps it: looks at the trials of both kinds that are stored, and runs more where
 * one kind has none or they look different; what is then counted are those new ones. Nothing else may be pending.
 * p->forked + p->fresh is 0 when nothing can be said: it was interrupted, or cannot be tried. */
int tl_processes_try(struct tl_executor *x, const struct tl_stored_cell *cell, struct tl_processes *p,
                     struct tl_error *e);

/* Starts a new fork server, where one runs the unit's trials, and has it fork a first child for the variant: the next
 * one that is asked for is a child like most others, with another address layout than those before. Nothing else may
 * be pending. */
int tl_processes_new_server(struct tl_executor *x, const struct tl_stored_cell *cell, struct tl_error *e);

/* Whether trials of the case are to be processes of their own: children do something else, or either kind does now one
 * thing and now another, and then all children of one server may do the same by chance. */
bool tl_processes_need_fresh(const struct tl_processes *p);
/* Whether their counts belong into a finding: the kinds differ, or one always does the same and the other does not. */
bool tl_processes_tell(const struct tl_processes *p);

/* How much a variant that passed in a child is worth trying: how near it is to the one of which the case says that it
 * fails, else how far from the baseline. */
size_t tl_processes_worth(const struct tl_case *c, const struct tl_variant *v);

/* {"forked": [failed, of], "fresh": [failed, of]} */
json_t *tl_processes_json(const struct tl_processes *p);
/* What is said of a difference in one sentence, without the end of it: a new string. */
char *tl_processes_text(const struct tl_processes *p);

#endif
