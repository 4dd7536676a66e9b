/* Which optimisers of a session ran, and how often each of them changed the graph: counts of a trial. */
#ifndef TL_ORT_OPTIMIZERS_H
#define TL_ORT_OPTIMIZERS_H

#include "runners/protocol.h"

#include <jansson.h>
#include <pthread.h>

#define TL_ORT_TELL_OPTIMIZERS "tell_optimizers" /* the axis that asks for them */
#define TL_OPTIMIZER "optimizer:"                /* what the names of these counts begin with */

struct tl_optimizers {
    pthread_mutex_t lock;
    struct tl_run *run; /* that is told; NULL: nobody */
    json_t *changes;    /* object: name -> how often it changed the graph */
};

void tl_optimizers_start(struct tl_optimizers *o, struct tl_run *run); /* forget, and tell from now on */
void tl_optimizers_stop(struct tl_optimizers *o);
void tl_optimizers_line(struct tl_optimizers *o, const char *message); /* one message of the runtime's log */
void tl_optimizers_free(struct tl_optimizers *o);

#endif
