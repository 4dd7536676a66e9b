/* Trials that other machines run: the executor's jobs go out over a link of a fleet, and come back as records. For the inside of the
 * executor. */
#ifndef TL_REMOTE_H
#define TL_REMOTE_H

#include "harness/executor/executor_impl.h"

/* Listens to the link in the executor's loop. own_each: what is asked is never what was asked before. */
int tl_remote_begin(struct tl_executor *x, struct tl_fleet_link *link, bool own_each, struct tl_error *e);
void tl_remote_end(struct tl_executor *x); /* before its loop is closed */

/* Fills a unit that was parsed from what the machines of the fleet say; text is how it was asked for. -1: none of them has it. */
int tl_remote_unit(struct tl_executor *x, const char *text, struct tl_unit *u, struct tl_error *e);
/* Takes a job; its record answers it. */
int tl_remote_submit(struct tl_job *j, struct tl_error *e);
/* Sends what was taken, once the database has it for good, and asks now and then after what nothing is heard of. -1 with *e. */
int tl_remote_turn(struct tl_executor *x, struct tl_error *e);
/* Nobody waits any more for what is not answered: it is told so who waits, and what has not begun is not to be run. */
void tl_remote_stop(struct tl_executor *x);
/* The same for an executor that ends; says what runs on all the same. */
void tl_remote_withdraw(struct tl_executor *x);

#endif
