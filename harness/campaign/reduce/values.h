/* What the passes over values, sizes and plain things share: which values of the original a model still holds. */
#ifndef TL_CAMPAIGN_REDUCE_VALUES_H
#define TL_CAMPAIGN_REDUCE_VALUES_H

#include "cases/dtype.h"
#include "harness/campaign/reduce/parts.h"
#include "harness/search/subset.h"

extern const char *const tl_reduce_fills[3]; /* zeros, ones, random */

/* A weight, an input or the numbers of an attribute, and what became of its elements. */
struct tl_reduce_tensor {
    char *name; /* as it is called before names are changed */
    bool weight, is_float;
    bool fixed;      /* nothing can replace it */
    uint32_t number; /* of a weight; of the node of an attribute */
    char *attribute; /* whose numbers these are; NULL */
    float *numbers;  /* … as they were; NULL: it has texts */
    bool named;      /* texts, which are s1, s2 … by now (texts.c) */
    int type;        /* ONNX's number */
    size_t rank;
    int64_t dims[TL_RANK_MAX]; /* of the original */
    uint64_t elements;
    bool random;     /* what it is made of are random values already, and not those of the original */
    int with;        /* place in tl_reduce_fills that all others became; -1: nothing was replaced */
    size_t n_keep;   /* ranges of places that keep their values; 0: none does */
    uint64_t *keep;  /* first, last, first, last … */
    uint64_t n_kept; /* elements of those */
    uint64_t left;   /* elements that it has in what is handed over; 0: not known */
    bool minimal;    /* each of them was taken away alone, and then it did not fail */
    /* Where they are now, as far as there are few of them: n_kept times rank coordinates. */
    int64_t now[TL_RANK_MAX];
    int64_t *at;
    json_t *values; /* that they have, as far as there are few of them */
    bool *chosen; /* of these: which are no longer what was there, but numbers that were chosen; NULL: none */
};

struct tl_reduce_values {
    size_t n;
    struct tl_reduce_tensor *list;
    struct tl_reduce_candidate base; /* before the first of them was replaced */
    struct tl_reduce_candidate
        beside; /* what passes with a size that is one less than the last that was made smaller … */
    int64_t beside_size; /* … which is this; 0: there is no such thing */
    json_t *sizes;       /* [{"size", "to", "below"}…] */
    json_t *
        in_files; /* [{"name"}…] that have to lie in a file beside the model (in_files.c); NULL: none is shown to */
    json_t *versions; /* {"opset": {"original", "oldest", "newest"}, "ir": …} */
    double began;     /* what trials had lasted by then */
    bool second; /* of the model that is fed from the original's inputs, beside a smaller one: less is done */
    /* Of again.c: nodes left once more, so that what the search before could show says nothing of the others; each that is left was
     * taken away alone after that; not all of them were tried. */
    bool fewer, shown, open;
};

void tl_reduce_values_free(struct tl_reduce_values *v);
struct tl_reduce_values tl_reduce_values_copy(const struct tl_reduce_values *v);
void tl_reduce_values_forget(struct tl_reduce_tensor *t);        /* releases what it has */
json_t *tl_reduce_values_left(const struct tl_reduce_values *v); /* the names of those that keep values */
json_t *tl_reduce_values_kept(const struct tl_reduce_values *v); /* … and which of their elements do */
bool tl_reduce_values_keeps(const struct tl_reduce_tensor *t);   /* values of the original */
bool tl_reduce_values_chosen(const struct tl_reduce_tensor *t);  /* each that matters was chosen */

/* --- inputs.c */
struct tl_reduce_elements {
    enum tl_dtype dtype;
    size_t rank;
    int64_t dims[TL_RANK_MAX];
    uint64_t elements;
    char *data;
};
/* The elements of an input as a candidate has it. */
int tl_reduce_elements(const struct tl_reduce_state *s, const json_t *input, struct tl_reduce_elements *t,
                       struct tl_error *e);
void tl_reduce_elements_free(struct tl_reduce_elements *t);
/* Those of a list that are made of others become files below a directory. 1: one cannot be made. */
int tl_reduce_make_inputs(const struct tl_reduce_state *s, json_t *list, const char *directory,
                          struct tl_error *e);
void tl_reduce_remove_made_inputs(const char *directory);
bool tl_reduce_holds(const json_t *input); /* values of what it was made of */

/* --- other.c */
/* Of a model that is held against another one: marks what cannot be filled alike in both. */
void tl_reduce_other_values(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                            struct tl_reduce_values *v);

/* --- values.c */
/* The first of the fills that can be believed. */
int tl_reduce_first_fill(const struct tl_reduce_state *s);
void tl_reduce_values_read(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                           struct tl_reduce_values *v);
/* The candidate that the tensors stand for, as they are. */
struct tl_reduce_candidate tl_reduce_values_make(const struct tl_reduce_state *s,
                                                 const struct tl_reduce_values *v);
const json_t *tl_reduce_input_now(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                                  const char *name);
void tl_reduce_set_input(struct tl_reduce_candidate *k, const char *name, json_t *input);
enum tl_subset_outcome tl_reduce_subset_outcome(enum tl_reduce_verdict v);
/* Makes the variant in which all elements leave that are in none of the ranges; false: that cannot be tried. */
typedef bool (*tl_reduce_leave)(const void *arg, const struct tl_subset_range *ranges, size_t n,
                                struct tl_reduce_candidate *k);
/* Minimises n elements of a model as a set: the smallest that failed becomes *k. *minimal: each of them was taken away alone. */
int tl_reduce_least(struct tl_reduce_state *s, struct tl_reduce_candidate *k, size_t n, tl_reduce_leave leave,
                    const void *arg, bool *minimal, struct tl_error *e);
/* Takes over what one more edit makes, where it fails. */
int tl_reduce_one_more(struct tl_reduce_state *s, struct tl_reduce_candidate *k, const char *kind,
                       json_t *value, enum tl_reduce_verdict *verdict, struct tl_error *e);

/* --- surely.c */
/* One pass, whose result has to hold up: else it is done again, with variants that have to do so one by one. */
typedef int (*tl_reduce_pass)(struct tl_reduce_state *s, struct tl_reduce_candidate *k,
                              struct tl_reduce_values *v, struct tl_error *e);
int tl_reduce_surely(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                     tl_reduce_pass pass, struct tl_error *e);

/* --- data.c */
int tl_reduce_data(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                   struct tl_error *e);

/* --- elements.c */
/* Of one tensor whose values matter: which of them. */
int tl_reduce_elements_of(struct tl_reduce_state *s, struct tl_reduce_values *v, struct tl_reduce_tensor *t,
                          struct tl_error *e);
struct tl_element_type;
/* An element as JSON has it; NULL for what is neither a number nor a truth value. A new reference. */
json_t *tl_reduce_number_json(const struct tl_element_type *type, const unsigned char *at);

/* --- kept.c */
/* What is known of the elements that matter becomes what the model holds that is handed over. */
void tl_reduce_values_settle(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                             struct tl_reduce_values *v);

/* --- texts.c */
/* Texts that are the owner's become s1, s2 … wherever it fails all the same. A step of its own where there are any. */
int tl_reduce_texts(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                    struct tl_error *e);
/* What is known of them becomes what the model has. */
void tl_reduce_texts_settle(struct tl_onnx_model *m, struct tl_reduce_values *v);

/* --- sizes.c, resize.c, small.c, plain.c, versions.c */
int tl_reduce_sizes(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                    struct tl_error *e);
int tl_reduce_small(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                    struct tl_error *e);
int tl_reduce_optional(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_error *e);
int tl_reduce_plain(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                    struct tl_error *e);
/* Whether an edit that fits would make another model of it: if not there is nothing to be tried. The value is taken over. */
bool tl_reduce_makes_another(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                             const char *kind, json_t *value);
/* The same model with other inputs, ones, random, or zeros, in the last two of five turns with other weights. False: it has
 * neither. */
bool tl_reduce_beside(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k, size_t turn,
                      struct tl_reduce_candidate *other);
/* Outputs of which the model says no type or no rank get theirs, where the verdict stays what it is. */
int tl_reduce_declare(struct tl_reduce_state *s, struct tl_reduce_candidate *k, enum tl_reduce_verdict wanted,
                      struct tl_error *e);
/* --- in_files.c */
/* Puts weights that lie in files beside the model into it, as far as it fails then; of the others it is noted that they have to. */
int tl_reduce_in_files(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                       struct tl_error *e);
/* All of them, into a candidate. False: there are none, or too much. */
bool tl_reduce_put_inside(const struct tl_reduce_state *s, struct tl_reduce_candidate *k);
/* --- again.c */
/* Whether no node before the last can hand on an operand. */
int tl_reduce_needs_all(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, bool *needed,
                        struct tl_error *e);
int tl_reduce_again(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                    struct tl_error *e);
int tl_reduce_versions(struct tl_reduce_state *s, struct tl_reduce_candidate *k, struct tl_reduce_values *v,
                       struct tl_error *e);

#endif
