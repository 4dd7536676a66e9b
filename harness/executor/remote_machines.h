/* The machines of a fleet, for who asks them. */
#ifndef TL_REMOTE_MACHINES_H
#define TL_REMOTE_MACHINES_H

#include "harness/executor/executor.h"
#include "harness/executor/unit_list.h"

#define TL_REMOTE_ON " on " /* "UNIT on MACHINE" is the unit of that machine alone */

/* Which machines may be asked: FIELD=PATTERN,…; NULL: all. -1: it is no such list. */
int tl_remote_on(struct tl_executor *x, const char *on, struct tl_error *e);
/* The builds that machines of the fleet have become one unit for each, as tl_unit_list_add and tl_unit_list_builds do of those in the cache. */
int tl_remote_expand(struct tl_executor *x, struct tl_unit_list *names, struct tl_error *e);
int tl_remote_builds(struct tl_executor *x, const char *text, struct tl_unit_list *l, size_t *bad,
                     struct tl_error *e);
/* Puts "UNIT on MACHINE" for each machine that fits in the place of each unit. */
int tl_remote_each(struct tl_executor *x, struct tl_unit_list *names, struct tl_error *e);
/* What stands before " on MACHINE". A new string. */
char *tl_remote_unit_text(const char *text);
/* What stands for all machines that would give the same outcomes (db/ran_on.h). c NULL: of the unit itself. */
int tl_remote_environment(struct tl_executor *x, const struct tl_case *c, const struct tl_unit *u,
                          char id[TL_ID_SIZE], struct tl_error *e);

#endif
