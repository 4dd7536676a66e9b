/* A reduction whose failure is a difference: what is right, and how far from it counts. Only the files of a reduction include
 * this; against.c has the theory. */
#ifndef TL_CAMPAIGN_REDUCE_DIFFERENCE_H
#define TL_CAMPAIGN_REDUCE_DIFFERENCE_H

#include "harness/campaign/reduce/parts.h"

#define TL_REDUCE_MODEL_AXIS "against" /* which model it is, where another one is right */

/* Ways in which outputs differ that are never taken for each other. */
enum tl_reduce_kind {
    TL_REDUCE_EQUAL,
    TL_REDUCE_FINITE,     /* both sides are numbers */
    TL_REDUCE_NAN,        /* NaN where it is not expected */
    TL_REDUCE_INFINITE,   /* an infinity where it is not expected */
    TL_REDUCE_UNEXPECTED, /* a number where none is expected */
    TL_REDUCE_SHAPE,      /* other extents */
    TL_REDUCE_RANK,       /* another number of axes */
    TL_REDUCE_TYPE,       /* other elements, or no tensor */
    TL_REDUCE_EXCESS,     /* an output that is not expected */
    TL_REDUCE_MISSING,    /* none where one is expected */
    TL_REDUCE_UNSEEN,     /* it cannot be told: never a difference */
};

struct tl_reduce_gap {
    enum tl_reduce_kind kind;
    bool far;               /* beyond the tolerance, or of a type whose values have to be equal */
    double error, absolute; /* INFINITY: without bound; relative to the largest magnitude that is expected */
};

/* A place where variants are run, with values of axes of its own. */
struct tl_reduce_side {
    const struct tl_unit *unit;
    struct tl_case *c; /* whose trials they are */
    struct tl_variant v;
    bool other_model; /* what is run there is the model that is right */
    bool rounded;     /* its inputs are those of the reference but for their last digits */
};

struct tl_reduce_difference {
    const char *asked; /* --against */
    char *unit;        /* of the reference, as it is named in cases */
    json_t *with;      /* its values of axes */
    char *path;        /* of the model that is right; NULL: it is the same one */
    char *bytes, *directory;
    size_t size;
    json_t *paired,
        *makes;         /* names of weights that both have alike; of values that nodes of that model make */
    bool renamed;       /* its values get the names that they have in the model that is reduced */
    bool same_graph;    /* that model has the same nodes and weights, in the same order */
    double tolerance;   /* up to which outputs are equal */
    bool has_tolerance; /* it was given */
    struct tl_reduce_side reference, second, rounded; /* the last two: good as well; c NULL: there is none */
    struct tl_reduce_gap first;                       /* of the target */
    double noise; /* of the target's output, between good configurations; negative: not measured */
    json_t *
        within_noise; /* outputs whose difference is no more than noise, so that it is looked for before them; NULL */
    double original_noise; /* the same of the original's output; the target's may be another one by now */
    double least, least_absolute; /* from which a variant fails */
    char *output;                 /* whose difference it is */
    json_t *nothing;              /* references to which there was no difference, in words */
    json_t *left_out;             /* those that were asked besides, and could not be compared with */
    json_t *
        allowed; /* the largest difference of the original that the tolerance allows: an output of a comparison; NULL */
    char own_failure
        [TL_UUID_SIZE]; /* a trial of the original that failed by itself, so that nothing was compared */
    bool fails_itself;  /* it never did anything else */
    json_t *where;      /* where it begins: the table, the region */
    size_t samples_failed;
    const char *why; /* that it is no failure, where it is none */
};

/* --- target.c */
/* After the original failed: how, in which output, and how far apart two good ones are. What is no more than that is no
 * failure: then nothing failed. */
int tl_reduce_difference_target(struct tl_reduce_state *s, struct tl_error *e);
/* After no run of the original differed: fails where one ended before there were outputs. */
int tl_reduce_difference_none(struct tl_reduce_state *s, struct tl_error *e);
/* What stands in the documents of it. */
json_t *tl_reduce_difference_json(const struct tl_reduce_state *s);

/* --- sides.c */
/* with: axes that are set there, AXIS -> VALUE, or the list of those that it may have, of which it has the first. */
int tl_reduce_side_make(const struct tl_reduction *r, const struct tl_unit *unit, const json_t *with,
                        const json_t *reference, struct tl_reduce_side *side, struct tl_error *e);
void tl_reduce_side_free(struct tl_reduce_side *side);
/* "reference" of the case of a reduction against this. A new reference. */
json_t *tl_reduce_reference_json(const struct tl_reduce_difference *d);
/* Looks for configurations that are as good as the reference: once the target is known. */
int tl_reduce_find_good(struct tl_reduce_state *s, struct tl_error *e);
/* How far they are from the reference in an output of a variant; negative: that cannot be measured. */
int tl_reduce_noise(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, const char *output,
                    double *noise, struct tl_error *e);
/* Files of a trial whose inputs differ from those of the reference in the last digits of floats. 1: there are none. */
int tl_reduce_round_inputs(const struct tl_reduce_state *s, struct tl_reduce_files *f, struct tl_error *e);

/* --- other.c: the model that is right, where it is another one */
int tl_reduce_other_read(struct tl_reduce_state *s, struct tl_error *e);
struct tl_onnx_model *tl_reduce_other_load(const struct tl_reduce_state *s,
                                           const struct tl_reduce_candidate *k, struct tl_error *e);

/* --- expected.c */
/* What the smallest model is compared with, into the case of it: a unit; or expected outputs in files, and the other model changed
 * alike. */
int tl_reduce_hand_over_reference(struct tl_reduce_state *s, const char *directory, json_t *document,
                                  struct tl_error *e);

/* --- files.c */
/* The other model, changed alike, into a directory. 1: it cannot be. */
int tl_reduce_write_other(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                          const char *directory, struct tl_error *e);

/* --- gap.c */
/* Of an output of a comparison (harness/executor/reference.h). */
struct tl_reduce_gap tl_reduce_gap_of(const struct tl_reduce_difference *d, const json_t *output);
/* The one of that name; name NULL: the one that is most like the target, else the largest. */
struct tl_reduce_gap tl_reduce_gap_in(const struct tl_reduce_difference *d, const json_t *comparison,
                                      const char *name);
/* Outputs of other forms, of which no element can be held against another one. */
bool tl_reduce_gap_is_form(enum tl_reduce_kind kind);
bool tl_reduce_gap_fails(const struct tl_reduce_difference *d, const struct tl_reduce_gap *g);
/* What is reduced from now on: this difference, of that output. Verdicts that are known are made anew. */
void tl_reduce_gap_target(struct tl_reduce_state *s, const struct tl_reduce_gap *g, const char *output,
                          double noise);
enum tl_reduce_verdict tl_reduce_gap_verdict(const struct tl_reduce_state *s,
                                             const struct tl_trial_record *r);
const char *tl_reduce_kind_name(enum tl_reduce_kind kind);
/* A run of the original without a difference: how far apart outputs were all the same. */
int tl_reduce_difference_allowed(struct tl_reduce_state *s, const char *trial, struct tl_error *e);

/* --- locate.c */
/* Where the difference begins: the table, and the model becomes the part that ends there. */
int tl_reduce_locate(struct tl_reduce_state *s, struct tl_error *e);

/* --- earlier.c */
/* The model ends at a value, whose difference is reduced from now on. False: cut so, it does not differ. */
int tl_reduce_end_at(struct tl_reduce_state *s, const char *value, const struct tl_reduce_gap *gap,
                     double noise, bool *ends, struct tl_error *e);
/* Of several outputs the one whose difference it is. */
int tl_reduce_only_final(struct tl_reduce_state *s, struct tl_error *e);

/* --- trial.c */
/* One run on a side (NULL: the unit that is at fault). *comparison, the caller's: NULL where it cannot be tried. */
int tl_reduce_compare(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                      const struct tl_reduce_side *side, json_t **comparison, struct tl_error *e);

/* --- samples.c */
int tl_reduce_samples_read(struct tl_reduce_state *s, struct tl_error *e);
/* Which of them fails with it is what it is fed with from now on. */
int tl_reduce_samples_choose(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                             struct tl_error *e);

#endif
