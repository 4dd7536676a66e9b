/* What the files that make the picture of what is left share. Nobody else includes this. */
#ifndef TL_CAMPAIGN_REDUCE_OUTLINE_H
#define TL_CAMPAIGN_REDUCE_OUTLINE_H

#include "harness/campaign/reduce/parts.h"

/* A weight that is said to be the original's, which may hold other values by now: then `filled` or `holds` says which. */
void tl_reduce_outline_weight(const struct tl_reduce_state *s, struct tl_onnx_model *original,
                              struct tl_onnx_model *m, uint32_t number, json_t *weight);
/* What an input is fed with that is no longer what it was, which may have been recorded. */
void tl_reduce_outline_input(const struct tl_reduce_state *s, const json_t *instead, bool recorded,
                             json_t *input);

/* What values that nodes make are in a run of the model as it is: NAME -> {"type", "shape"}. Empty where that is known
 * without a run, or where there is none. A new reference. */
int tl_reduce_outline_types(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, json_t **types,
                            struct tl_error *e);
/* Whether types, or sizes, are no longer those of the original. */
bool tl_reduce_retyped(const struct tl_reduce_candidate *k);
bool tl_reduce_resized(const struct tl_reduce_candidate *k);

/* A number as a text: NaN and infinities are texts in JSON. The caller's. */
char *tl_reduce_number_text(const json_t *number);

#endif
