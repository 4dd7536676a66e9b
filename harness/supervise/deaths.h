/* Which death of a descendant a trial failed of: one that every process above it passed on as a failure. */
#ifndef TL_DEATHS_H
#define TL_DEATHS_H

#include "harness/base/record.h"

#include <sys/types.h>

/* Whether a process that exited with a failure left for want of memory, by all that is known. */
enum tl_left {
    TL_LEFT_OTHERWISE,
    TL_LEFT_REFUSED, /* its last large allocation was refused for its limit, and would be again */
    TL_LEFT_FULL,    /* all of its limit was in use */
};

#define TL_DEATHS_MOST 32 /* the newest */

struct tl_death {
    pid_t pid;
    int signal;
    int exit_status;          /* of one that handled the signal and then exited; -1: the signal killed it */
    pid_t carrier;            /* the process that has to fail next for the death to be passed on */
    pid_t through;            /* the last one that did */
    uint64_t born_ns;         /* when the process was made, by the monotonic clock, */
    uint64_t died_ns;         /* and when its signal was seen, else its end */
    char command[TL_ID_SIZE]; /* content id of that one's command line; "": unknown */
    enum tl_left left;        /* its signal may be 0 when it left for want of memory */
};

struct tl_deaths {
    struct tl_death list[TL_DEATHS_MOST];
    size_t n;
    pid_t last_child; /* of the trial's own process, the child that ended last */
};

/* What is known of a descendant that has ended. */
struct tl_ended {
    pid_t pid, parent;
    int status;
    const char *command; /* content id of its command line, or "" */
    enum tl_left left;   /* how it exited */
    uint64_t born_ns;
    uint64_t parent_left_ns; /* when its parent began to end; 0: it has not */
    uint64_t now_ns;
};

/* A descendant has ended. r holds the captures of the trial so far, main is its own process. */
void tl_deaths_ended(struct tl_deaths *d, const struct tl_trial_record *r, pid_t main,
                     const struct tl_ended *e);

/* The death that was passed on by all processes up to the last child of the trial's own, that one's own death
 * first, then the cause of the others; NULL. */
const struct tl_death *tl_deaths_passed_on(const struct tl_deaths *d, pid_t main);

#endif
