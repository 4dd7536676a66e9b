/* One loaded build with its environment, and what its log tells about the placement of nodes and of its optimisers. */
#ifndef TL_ORT_RUNTIME_H
#define TL_ORT_RUNTIME_H

#include "harness/base/buffer.h"
#include "runners/onnxruntime/api.h"
#include "runners/onnxruntime/optimizers.h"

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>

/* Which provider each node of the session was given, from the runtime's verbose log. */
struct tl_placement {
    pthread_mutex_t lock;
    bool listening;
    bool told;               /* the runtime said where nodes are */
    bool listing;            /* lines with nodes follow */
    char provider[64];       /* of the nodes that are being listed */
    json_t *providers;       /* object: provider -> object: operator -> count */
    unsigned long elsewhere; /* nodes on the CPU that do more than compute shapes and indices */
};

struct tl_ort {
    struct tl_ort_api api;
    const char *version;
    struct tl_ort_env *env;
    struct tl_placement placement;
    struct tl_optimizers optimizers;
};

/* Loads the library and makes the environment. Nothing is left behind on failure but the library. */
int tl_ort_open(struct tl_ort *ort, const char *path, struct tl_error *e);
void tl_ort_close(struct tl_ort *ort); /* the environment; a loaded library stays */

/* Turns a status into *e (where: the code's name, why: the runtime's words), releases it and returns -1; 0
 * for NULL. */
int tl_ort_check(const struct tl_ort *ort, tl_ort_result status, const char *what, struct tl_error *e);

void tl_placement_start(struct tl_placement *p); /* forget, and listen from now on */
void tl_placement_stop(struct tl_placement *p);
void tl_placement_line(struct tl_placement *p, const char *message); /* one message of the runtime's log */
void tl_placement_free(struct tl_placement *p);

/* The provider that executes nothing but what the named one left over. */
#define TL_ORT_CPU_PROVIDER "CPUExecutionProvider"

#endif
