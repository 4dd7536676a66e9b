/* What the conditions of a profile can ask of a variant: axes, and quantities that are computed from the
 * model. None of them is an answer: a scratch heap that is too small is found out by allocating from it. */
#ifndef TL_SIM_MODEL_H
#define TL_SIM_MODEL_H

#include "cases/decoder/decoder.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* The runtime's scratch heap, as a profile describes it. */
struct tl_sim_scratch {
    int64_t total, alignment; /* bytes; total 0: the profile has none */
    int64_t base_bytes;       /* in use before the first layer */
    int64_t layer_bytes;      /* used by every layer beside its query */
    int64_t element_bytes;    /* of one value of a query: the runtime's own type, whatever the model's is */
};

/* How the decode step of a model goes on that heap. */
struct tl_sim_plan {
    int64_t layer;        /* the layer, from 1 on, whose query found no place; 0: all fitted */
    int64_t offset, size; /* of the allocation that failed, else of the largest query */
    int64_t end;          /* the end that the failed one would have had, else the highest end reached */
};

struct tl_sim_model {
    const json_t *variant;
    struct tl_decoder_config config;
    struct tl_sim_scratch scratch;
    struct tl_sim_plan plan;
    int64_t tokens;    /* of the call that is being executed */
    int64_t load, run; /* which load and which run it is, from 1 on */
};

/* Fills the model for a checked config and plans its decode step. variant is borrowed. */
void tl_sim_model_make(struct tl_sim_model *m, const json_t *variant, const struct tl_decoder_config *config,
                       const struct tl_sim_scratch *scratch);

struct tl_sim_quantity {
    const char *name, *about;
    int64_t (*value)(const struct tl_sim_model *m);
    bool of_heap; /* only in a profile that has a heap */
};
const struct tl_sim_quantity *tl_sim_quantities(size_t *n);
const struct tl_sim_quantity *tl_sim_quantity_find(const char *name); /* or NULL */

/* An axis of the decoder family or of the runtime; or NULL. */
const struct tl_family_axis *tl_sim_axis_find(const char *name);
/* The variant's value of an axis, or its baseline. A string lives as long as the variant. */
struct tl_value tl_sim_axis_value(const struct tl_sim_model *m, const struct tl_family_axis *axis);

/* A text in which {NAME} stands for an axis or a quantity. A new string. */
char *tl_sim_expand(const char *text, const struct tl_sim_model *m);
/* Calls unknown for every {NAME} that is neither, and with NULL for a brace that is not part of one. */
void tl_sim_expand_check(const char *text, bool has_heap, void (*unknown)(void *arg, const char *name),
                         void *arg);

#endif
