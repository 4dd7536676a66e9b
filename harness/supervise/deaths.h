/* Which death of a descendant a trial failed of: one that every process above it passed on as a failure. */
#ifndef TL_DEATHS_H
#define TL_DEATHS_H

#include "harness/base/record.h"

#include <sys/types.h>

#define TL_DEATHS_MOST 32 /* the newest */

struct tl_death {
    pid_t pid;
    int signal;
    int exit_status;          /* of one that handled the signal and then exited; -1: the signal killed it */
    pid_t carrier;            /* the process that has to fail next for the death to be passed on */
    pid_t through;            /* the last one that did */
    char command[TL_ID_SIZE]; /* content id of that one's command line; "": unknown */
    bool left_refused; /* it exited for want of memory, by all that is known; its signal may be 0 then */
};

struct tl_deaths {
    struct tl_death list[TL_DEATHS_MOST];
    size_t n;
    pid_t last_child; /* of the trial's own process, the child that ended last */
};

/* A descendant has ended. r holds the captures of the trial so far, main is its own process, command the content
 * id of the descendant's command line or "", left_refused is as in struct tl_process. */
void tl_deaths_ended(struct tl_deaths *d, const struct tl_trial_record *r, pid_t pid, pid_t parent,
                     pid_t main, int status, const char *command, bool left_refused);

/* The newest death that was passed on by all processes up to the last child of the trial's own; NULL. */
const struct tl_death *tl_deaths_passed_on(const struct tl_deaths *d, pid_t main);

#endif
