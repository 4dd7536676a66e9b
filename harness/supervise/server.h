/* Fork servers: runners that have loaded their runtime once and fork a child for each trial. */
#ifndef TL_SERVER_H
#define TL_SERVER_H

#include "harness/supervise/child.h"
#include "harness/supervise/message.h"
#include "harness/supervise/output_ends.h"
#include "harness/supervise/supervisor_impl.h"

struct tl_process;

struct tl_server {
    struct tl_supervisor *supervisor;
    struct tl_slot *slot;
    char *key;
    pid_t pid;
    struct tl_process *processes;
    bool ready, ended, killed;
    struct tl_stream io[3];
    struct tl_line_reader reader;
    struct tl_output_ends out, err;
    struct tl_deadline deadline;
    struct tl_trial *trial;       /* wants a child from it, and has none yet */
    bool asked;                   /* for a child, which no trial has got yet */
    struct tl_process *new_child; /* that child: forked, held until a trial gets it */
    pid_t told;                   /* the pid that the server named as its; 0: not yet */
    struct tl_streams handed;     /* our ends of its streams */
    char *scratch;
    struct tl_warden warden; /* below which it and its trials live; of none that has a cgroup */
    size_t n_trials;         /* that it made a process for, and that fly */
    struct tl_server *next;
};

/* Gets a child for t from the slot's server, which is started when there is none. */
int tl_server_run(struct tl_supervisor *s, struct tl_slot *slot, struct tl_trial *t, struct tl_error *e);
bool tl_server_make_spare(struct tl_server *v); /* a child for the trial after this one; false: not now */
void tl_server_forked(struct tl_server *v, struct tl_process *child);
void tl_server_process_ends(struct tl_server *v, const struct tl_process *p); /* p is about to be freed */
void tl_server_process_gone(struct tl_server *v, bool was_main);              /* one was */
void tl_server_kill(struct tl_server *v);
void tl_server_look(struct tl_server *v);       /* now and then: frees one whose warden does not end */
void tl_server_trial_ended(struct tl_trial *t); /* one that it has made the process of, or any other */
bool tl_server_refused(const struct tl_supervisor *s, const char *key); /* no server could be made for key */

#endif
