/* Sizes that change together, and the variant that comes of it. */
#ifndef TL_CAMPAIGN_REDUCE_RESIZE_H
#define TL_CAMPAIGN_REDUCE_RESIZE_H

#include "harness/campaign/reduce/values.h"

enum tl_reduce_place_kind {
    TL_REDUCE_INPUT,     /* an axis of an input … */
    TL_REDUCE_FED,       /* … whose extent the model leaves open */
    TL_REDUCE_TENSOR,    /* an axis of a weight */
    TL_REDUCE_ELEMENT,   /* an element of a weight that is a shape */
    TL_REDUCE_ATTRIBUTE, /* a number of an attribute */
    TL_REDUCE_GIVEN,     /* an element of an input that is a shape */
};

/* Somewhere in a model a size stands. */
struct tl_reduce_place {
    enum tl_reduce_place_kind kind;
    char *name;      /* of an input or an attribute */
    uint32_t number; /* of a weight or a node */
    uint32_t at;     /* axis or place */
    int64_t size;
    /* What it becomes when a size becomes `to`: to times factor, or to times to. */
    int64_t factor;
    bool square;
    char *symbol;  /* of an axis of an input that is left open */
    bool of_shape; /* the axis of a short list of whole numbers: how many they are is no size of a tensor */
};

struct tl_reduce_places {
    size_t n;
    struct tl_reduce_place *list;
};

/* All of them in a model. */
void tl_reduce_places(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                      struct tl_reduce_places *all);
void tl_reduce_places_free(struct tl_reduce_places *all);

/* The candidate in which those that are chosen follow a size that becomes `to`. first: the elements of weights and inputs that
 * stay are the first ones, else those that have to keep their values are among them. *differs: that makes a difference. */
void tl_reduce_resize(const struct tl_reduce_state *s, struct tl_reduce_candidate *k,
                      const struct tl_reduce_values *v, const struct tl_reduce_places *chosen, int64_t to,
                      bool first, bool *differs);
/* The elements that keep their values are elsewhere then. */
void tl_reduce_follow(struct tl_reduce_values *v, const struct tl_reduce_places *chosen, int64_t to,
                      bool first);

#endif
