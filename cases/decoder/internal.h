/* What the parts of the decoder family share. Nothing here is for others. */
#ifndef TL_DECODER_INTERNAL_H
#define TL_DECODER_INTERNAL_H

#include "cases/decoder/decoder.h"

#include <stdio.h>
#include <string.h>

/* The matrices of a layer; the last three only with an mlp. */
enum tl_decoder_matrix {
    TL_DECODER_WQ,
    TL_DECODER_WK,
    TL_DECODER_WV,
    TL_DECODER_WO,
    TL_DECODER_WGATE,
    TL_DECODER_WUP,
    TL_DECODER_WDOWN,
};
#define TL_DECODER_MATRICES 7

int tl_decoder_matrices(const struct tl_decoder_config *c); /* of a layer */
/* A matrix has k rows (of its input) and n columns (of its output). */
void tl_decoder_matrix_size(const struct tl_decoder_config *c, bool full, enum tl_decoder_matrix m,
                            int64_t *k, int64_t *n);

/* A stream of random numbers that is a pure function of its key. */
struct tl_decoder_random {
    uint64_t state;
};
struct tl_decoder_random tl_decoder_random(int64_t seed, int64_t layer, int stream);
float tl_decoder_uniform(struct tl_decoder_random *r); /* in [-1, 1), a multiple of 2^-23 */

/* One matrix as the model stores it, and the values that the operators make of it. */
struct tl_decoder_stored {
    int64_t k, n;
    enum tl_dtype dtype; /* of data */
    uint8_t *data;       /* in the layout of the operator */
    size_t data_size;
    size_t n_scales; /* 0 for fp32 and fp16 */
    float *scales;   /* values already rounded to the type in which they are stored */
    uint8_t *zero_points;
    size_t n_zero_points; /* 0 for none */
};
void tl_decoder_store(const struct tl_decoder_config *c, int64_t layer, enum tl_decoder_matrix m,
                      struct tl_decoder_stored *s);
void tl_decoder_stored_free(struct tl_decoder_stored *s);
/* k * n values, row after row, the caller's to free. */
float *tl_decoder_stored_values(const struct tl_decoder_config *c, const struct tl_decoder_stored *s);

/* The weights of a normalisation (which: 0 before attention, 1 before the mlp), hidden of them. */
float *tl_decoder_norm_weights(const struct tl_decoder_config *c, int64_t layer, int which);
#define TL_DECODER_EPSILON 1e-5f
/* context rows of head_dim / 2 cosines or sines. */
float *tl_decoder_rope_table(const struct tl_decoder_config *c, bool full, bool sine);
float tl_decoder_scale(const struct tl_decoder_config *c, bool full); /* of the attention scores */
/* Rounds to fp16 when activations are fp16. */
float tl_decoder_round(const struct tl_decoder_config *c, float x);

/* Added to the scores of keys that a query must not see. Exact in fp16, and so is its double. */
#define TL_DECODER_MASKED (-30000.0f)
bool tl_decoder_has_positions(const struct tl_decoder_config *c); /* input position_ids */
/* A sliding layer takes its window from the one mask and position_ids. */
bool tl_decoder_derives_window(const struct tl_decoder_config *c);
/* Inputs mask and mask_sliding. */
bool tl_decoder_has_mask(const struct tl_decoder_config *c);
bool tl_decoder_has_sliding_mask(const struct tl_decoder_config *c);
/* The seqlens_k of GroupQueryAttention, and whether it and total_sequence_length are inputs. */
int64_t tl_decoder_seqlens(const struct tl_decoder_config *c);
bool tl_decoder_has_seqlens(const struct tl_decoder_config *c);
bool tl_decoder_has_total(const struct tl_decoder_config *c);

/* A new tensor at the end of a list, count zeroed elements of `element` bytes. */
struct tl_decoder_tensor *tl_decoder_tensor_add(struct tl_decoder_tensors *t, const char *name,
                                                enum tl_dtype dtype, size_t element, int rank,
                                                const int64_t *shape);

#endif
