/* What the files of a reduction share. Nobody else includes this. */
#ifndef TL_CAMPAIGN_REDUCE_PARTS_H
#define TL_CAMPAIGN_REDUCE_PARTS_H

#include "cases/onnx/graph_edit.h"
#include "harness/base/staging.h"
#include "harness/campaign/reduce/reduce.h"

struct tl_onnx_model;
struct tl_reduce_difference;
struct tl_reduce_side;

/* A variant: what is done to the original, and what its inputs are where they are not those that are known by their names. */
struct tl_reduce_candidate {
    struct tl_onnx_edits edits;
    json_t *instead; /* NAME -> an input as lists of inputs have it */
    json_t *renamed; /* NAME of an input now -> its name before */
};

enum tl_reduce_verdict {
    TL_REDUCE_PASS,
    TL_REDUCE_FAIL,    /* in the same way */
    TL_REDUCE_OTHER,   /* it fails in another way */
    TL_REDUCE_INVALID, /* it cannot be tried */
    TL_REDUCE_STOPPED, /* nothing more is tried: no trial or no time is left */
};

/* What recorded values are in a model that begins at them. */
enum tl_reduce_beginning {
    TL_REDUCE_BEGIN_FIXED, /* inputs of their shape: what the original may not say */
    TL_REDUCE_BEGIN_OPEN, /* inputs of any shape: a runtime that looks at shapes first gets as far as with the original */
    TL_REDUCE_BEGIN_LISTS, /* but lists of whole numbers: how long a shape is a runtime knows of the original */
    TL_REDUCE_BEGIN_CONSTANT, /* tensors of the model: of what fails while it is made */
};

struct tl_reduce_made;

struct tl_reduce_state;
/* What becomes of the verdict on a variant that fails, by what it does elsewhere. -1 with *e. */
typedef int (*tl_reduce_follower)(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                                  enum tl_reduce_verdict *v, struct tl_error *e);
/* One that holds for a while. */
struct tl_reduce_condition {
    tl_reduce_follower follow; /* NULL: it does not hold now */
    json_t *tried;             /* what was tried without it, meanwhile */
};

struct tl_reduce_state {
    const struct tl_reduction *r;
    char *bytes; /* of the original */
    size_t size;
    struct tl_reduce_made *made; /* the model that was made last (files.c) */
    char *directory;             /* of the original: where its weights are */
    char *work;                  /* what is kept of this reduction */
    struct tl_staging staging;   /* variants while they are tried */
    json_t *inputs; /* of the original and recorded: NAME -> an input as lists of inputs have it */
    bool derives;   /* some of the original's inputs cannot stand in a list: the runner makes them */
    json_t *tried;  /* NUMBER of a variant -> its verdict, and the phase that it came to, in this run */
    json_t *asked;  /* directories of recorded values that were asked for in this run */
    json_t *names;  /* of nodes and values: what no failure is told by, longest first */
    struct tl_trial_record target;
    unsigned target_number; /* the how manieth it is: what was judged by another one is judged anew */
    /* Whether a trial fails as the target does; of trial.c. */
    enum tl_reduce_verdict (*judge)(struct tl_reduce_state *s, const struct tl_trial_record *r);
    json_t *said; /* said.c: lines that a command wrote, each with how many failed without it; NULL */
    char failed_as[TL_ID_SIZE]; /* the signature of the last run that failed as the original does */
    double longest;             /* seconds that a run took which failed as it does */
    unsigned n_hung;            /* variants that never ended */
    double longest_elsewhere;   /* … that a run took which ended, on another unit or in another case */
    /* … that trials took when they ran, those that are known by now among them, and how many those are: what hangs on time goes by
     * this clock, so that the same command comes to the same. What only records is not in it, as it may not have to be run again. */
    double lasted;
    uint64_t n_lasted;
    unsigned failed, runs; /* of the original */
    bool fresh;            /* each trial has a process of its own: else it does not fail as often */
    json_t *otherwise;     /* what runs of the original came to that did not fail so: OUTCOME -> how many */
    json_t *processes;     /* where both were looked at: "forked" and "fresh", each [failed, of] */
    unsigned repeats;      /* runs after which what did not fail is believed not to */
    uint64_t n_run, n_cached, n_passed;
    size_t n_lent; /* copies of variants that a command was handed */
    bool lends;    /* each run gets one, as what runs it is not ours and may write to it */
    bool judged, takes_inputs,
        named; /* by a command; which is handed inputs; … and files of those that it names */
    bool stopped;
    bool making; /* files of a variant, for no longer than there is time */
    bool
        asks; /* what is kept has to fail in processes of its own (surely.c), as what was there before does */
    bool sure;            /* … and so each variant, in several of them */
    json_t *tried_before; /* of the other kind of runs */
    bool takes_untold; /* a command took a variant with an output of which the model says no type (types.c) */
    size_t n_untold;   /* so many of those were refused, and none was taken */
    bool of_memory;    /* outputs are wrong by what lies in memory (memory.c) */
    const char
        *fill; /* … and surely so where memory is filled with this byte: it is to be reduced so; NULL */
    struct tl_case *roomy;          /* the case with a larger heap, in which it has to fail, too; NULL */
    json_t *steps, *step;           /* what was done; the one that goes on */
    struct tl_reduce_ahead *ahead;  /* ahead.c */
    uint64_t n_ahead, n_ahead_used; /* runs that were begun before they were asked for; of them asked for */
    bool crashed;                   /* a variant did, and what is reduced is no crash */
    json_t *others;                 /* failures of another kind: {signature, title, trials} */
    size_t nodes_before, nodes;
    uint64_t weights_before, weights; /* bytes of them */

    struct tl_reduce_candidate now;   /* the smallest that is fed from the original's inputs */
    struct tl_reduce_candidate model; /* the smallest of all */
    bool fed;                         /* the first of them with the recorded state of a loop, all the same */
    enum tl_reduce_beginning begins;
    enum tl_phase reached; /* by what was tried last */
    bool folds;            /* nodes Constant can be initializers */
    bool recorded;         /* that one is fed with recorded values */
    bool model_minimal, structural_minimal;
    bool
        second; /* what is done now is done to the one that is fed from the original's inputs, beside a smaller one */

    struct tl_reduce_difference *difference; /* that is the failure (difference.h); NULL */
    json_t **samples;                        /* inputs as above, of which the one in use is one; NULL */
    size_t n_samples;
    struct {
        bool known;  /* there is something with which the original does not fail */
        bool passes; /* … because it is right there, and not because it is refused */
        struct tl_case *c;
        const struct tl_unit *unit; /* NULL: its own, without optimisation */
        bool
            silent; /* it cannot run the original: of what fails nothing but random values keep a right answer finite */
    } control; /* control.c */
    struct {
        const struct tl_unit *unit;  /* NULL: there is none */
        struct tl_reduce_side *side; /* … with both sides of a difference; NULL */
        bool says, fails;            /* something of the original: that it fails there, or passes */
        bool followed;               /* what failed here did otherwise there, and was undone */
        struct tl_reduce_candidate
            end; /* the part up to the failure, which does there what the original does; empty */
        struct tl_reduce_condition each; /* has to do as the original does there */
    } newest;                            /* newest.c */
    struct {
        json_t *original,
            *of_model; /* which optimisers they need, as tl_reduce_optimiser_of has it; NULL: not known */
        json_t *sets;  /* without each of these the original does not fail so */
        bool says, otherwise;            /* … that is known; or only that it fails in another way then */
        bool followed;                   /* what failed was not cured so, and was undone */
        struct tl_reduce_condition each; /* has to be cured by what cures the original */
    } cause;                             /* cause.c */
    tl_reduce_follower follow; /* what becomes of the verdict on a model that fails; NULL: nothing */
};

/* --- files.c */
struct tl_reduce_candidate tl_reduce_copy(const struct tl_reduce_candidate *k);
void tl_reduce_drop(struct tl_reduce_candidate *k);
bool tl_reduce_same(const struct tl_reduce_candidate *a, const struct tl_reduce_candidate *b);
/* The second becomes the first, whose content it takes. */
void tl_reduce_take(struct tl_reduce_candidate *to, struct tl_reduce_candidate *from);
/* The model that a candidate stands for; NULL with *e when its edits do not fit. */
struct tl_onnx_model *tl_reduce_load(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                                     struct tl_error *e);
struct tl_reduce_made *tl_reduce_made_new(void);
void tl_reduce_made_free(struct tl_reduce_made *made);
size_t tl_reduce_count(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k);
/* Nodes of its main graph; 0: there is no such model. */
size_t tl_reduce_main_nodes(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k);
uint64_t tl_reduce_bytes(const struct tl_reduce_state *s,
                         const struct tl_reduce_candidate *k); /* bytes of them */
/* The names of its inputs, in their order: an array, the caller's. */
json_t *tl_reduce_inputs(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k);
/* Writes model and inputs into a directory. *inputs: the list, NULL where the runner makes them. 1: it cannot be tried. */
int tl_reduce_write(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                    const char *directory, json_t **inputs, struct tl_error *e);
/* The same where it is to stay: without files of the original's of which it uses little. The file with weights of its own has a
 * name that begins with the prefix. */
int tl_reduce_write_result(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                           const char *directory, const char *prefix, json_t **inputs, struct tl_error *e);
/* The number that stands for it on the axis. 1: it cannot be tried. */
int tl_reduce_number(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k, uint64_t *number,
                     struct tl_error *e);
/* The files of a variant, as long as its trials run. 1: it cannot be tried. They are to be removed in any case. */
struct tl_reduce_files {
    char *directory, *model,
        *inputs; /* model: NULL for the original; inputs: NULL where the runner makes them */
    /* Of a difference: the other model, NULL where there is none; its inputs, NULL where they are the same; where its outputs are
     * kept. */
    char *reference, *reference_inputs, *expected;
};
int tl_reduce_make_files(const struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                         uint64_t number, struct tl_reduce_files *f, struct tl_error *e);
void tl_reduce_remove_files(struct tl_reduce_files *f);

/* --- work.c */
/* The places of a reduction: what is kept of it, and where variants are while they are tried. */
int tl_reduce_work_begin(struct tl_reduce_state *s, struct tl_error *e);

/* --- changed.c */
/* Keeps what the outcomes are known by; where it changed since the same command was run before it is said what, and how many
 * trials are not used. */
int tl_reduce_say_changed(const struct tl_reduce_state *s, struct tl_error *e);

/* --- given.c */
/* The inputs of the original, by their names, into `inputs`. Those that are given have to be what the model declares. */
int tl_reduce_given(struct tl_reduce_state *s, struct tl_error *e);

/* --- run.c */
bool tl_reduce_is_spent(const struct tl_reduce_state *s); /* no trial or no time is left */

/* --- trial.c */
int tl_reduce_try(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, enum tl_reduce_verdict *v,
                  struct tl_error *e);
/* With the inputs that are in use, where there are several samples. */
int tl_reduce_try_one(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                      enum tl_reduce_verdict *v, struct tl_error *e);
/* The same as a variant of another case that has the axis of edits as well, or of another model. */
struct tl_reduce_other {
    const struct tl_case *c;
    struct tl_variant *variant;
    const struct tl_unit *unit;          /* NULL: that of the reduction */
    const struct tl_reduce_candidate *k; /* NULL: that model, with a list of its inputs, and once only */
    const char *model, *inputs;
    unsigned runs; /* at least so many, or 0 */
    bool once;     /* whatever comes of it */
    bool
        *alike; /* NULL, or where it is told that the last run died as the original does, wherever that was */
};
int tl_reduce_try_on(struct tl_reduce_state *s, const struct tl_reduce_other *other,
                     enum tl_reduce_verdict *v, char id[TL_UUID_SIZE], struct tl_error *e);
/* Counts a trial that is known, and need not be run. */
void tl_reduce_count_known(struct tl_reduce_state *s, bool passed);
bool tl_reduce_has_value(const char *directory);   /* that one is kept there, and whole */
bool tl_reduce_kept_passed(const char *directory); /* the run of which values are kept there */
/* Runs one on a unit for what comes out of it, which is kept in a directory that is made. */
int tl_reduce_keep_outputs(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                           const struct tl_unit *unit, const char *directory, bool *kept, struct tl_error *e);

/* --- original.c */
/* The original: how it fails, how often, and in which processes. */
int tl_reduce_original(struct tl_reduce_state *s, struct tl_error *e);

/* --- types.c, untold.c */
/* The values that nodes of the main graph make and the model says no type of. A list to be released; the names are the model's. */
size_t tl_reduce_untold(struct tl_onnx_model *m, const char ***names);
/* Of a command that judges while a runtime records: what the model does not say of its values it says from now on. */
int tl_reduce_tell_types(struct tl_reduce_state *s, struct tl_error *e);
/* A command that refused a variant with an output of no type said nothing of its nodes, unless it took another such variant. */
void tl_reduce_look_at_types(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                             enum tl_reduce_verdict *v);

/* --- memory.c, fresh.c */
#define TL_REDUCE_FILLING "MALLOC_PERTURB_"
/* After the original failed: sets `of_memory` and `fill`. */
int tl_reduce_look_at_memory(struct tl_reduce_state *s, struct tl_error *e);
/* "memory" of the document. A new reference. */
json_t *tl_reduce_memory_json(const struct tl_reduce_state *s);
/* The case where the C library fills memory with a byte; the caller's. NULL: it cannot be one. */
struct tl_case *tl_reduce_case_filled(const struct tl_case *c, const char *byte);

/* --- surely.c */
/* Of such a failure the smallest that fails in a process may be no threshold of the model. */
bool tl_reduce_may_be_an_edge(const struct tl_reduce_state *s);
/* Whether a variant that failed does so in each of some processes of its own; true as well where that is not asked for. */
int tl_reduce_holds_up(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, bool *holds,
                       struct tl_error *e);
/* Whether what fails, while what is next to it passes, is a threshold of the model, or only the edge of what a process can reach. */
int tl_reduce_is_threshold(struct tl_reduce_state *s, const struct tl_reduce_candidate *fails,
                           const struct tl_reduce_candidate *passes, bool *is, struct tl_error *e);
/* Looks whether a failure of memory shows with a larger heap, too; then that is asked for. */
int tl_reduce_look_for_room(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                            struct tl_error *e);
/* Whether a variant that passed does not fail in processes of its own either. */
int tl_reduce_passes_surely(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, bool *passes,
                            struct tl_error *e);
/* Whether all of this is asked for: where this one does. */
int tl_reduce_surely_begin(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                           struct tl_error *e);
/* From now on a variant fails where it does in several processes of its own; or no longer. */
void tl_reduce_sure(struct tl_reduce_state *s, bool sure);

/* --- ahead.c */
/* The i-th likeliest variant that is asked for next, when the trial that is asked for now has ended: 1 and a candidate, which is
 * taken over; 0: there is none of this number; -1: nor are there any further. */
typedef int (*tl_reduce_guess)(void *arg, size_t i, struct tl_reduce_candidate *k);
/* For the next tl_reduce_try alone: what may be begun in slots that are free. */
void tl_reduce_guesses(struct tl_reduce_state *s, tl_reduce_guess guess, void *arg);
/* Stops what was begun and is not needed. */
void tl_reduce_ahead_end(struct tl_reduce_state *s);
/* --- judged.c: what is different where a command judges */
void tl_reduce_judged_begin(struct tl_reduce_state *s);
/* Types that the model declares are known without a run. */
void tl_reduce_add_declared(struct tl_reduce_state *s, struct tl_onnx_model *m);
/* Whether what the command came to settles the verdict; else it is that of any other trial. */
bool tl_reduce_judged_verdict(struct tl_reduce_state *s, const struct tl_trial_record *r,
                              enum tl_reduce_verdict *v);
/* said.c: what tells it where no line is known to be an error. A run that passes; whether one that fails with the same exit status
 * wrote what the original did; the lines that tell it. */
void tl_reduce_said_pass(struct tl_reduce_state *s, const struct tl_trial_record *r);
bool tl_reduce_said_alike(struct tl_reduce_state *s, const struct tl_trial_record *r);
json_t *tl_reduce_said_json(const struct tl_reduce_state *s);
/* message.c: a message with "*" for names of nodes and values; and of that the innermost failure that it quotes. New strings; NULL
 * for NULL. */
char *tl_reduce_without_names(const struct tl_reduce_state *s, const char *message);
char *tl_reduce_bare_message(const struct tl_reduce_state *s, const char *message);
/* A file that the command names has to be there: for inputs that a variant has no more, zeros. */
void tl_reduce_add_named(const struct tl_reduce_state *s, json_t **list);
/* The inputs as files, for who does not know how a list's entries are made. *list: as written. */
int tl_reduce_judged_inputs(const struct tl_reduce_state *s, const char *directory, json_t **list,
                            struct tl_error *e);
/* The command and what is its failure, for the document; NULL: none judges. The caller's. */
json_t *tl_reduce_judge_json(const struct tl_reduce_state *s);

/* --- record.c */
/* Values become known as inputs: as a run of the part that makes them has them. *all: every one of them. */
int tl_reduce_record(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, const char *const *names,
                     size_t n, bool *all, struct tl_error *e);
/* The same of values that will be asked for later, in one run on that unit; nothing where that does not do. */
int tl_reduce_record_beforehand(struct tl_reduce_state *s, const struct tl_reduce_candidate *k,
                                const char *const *names, size_t n, struct tl_error *e);
#define TL_REDUCE_VALUE_MOST (UINT64_C(16) << 20) /* bytes of one that is written into a list of edits */
/* A recorded value as the edits have tensors; NULL: it is not known, or too large. */
json_t *tl_reduce_recorded_tensor(const struct tl_reduce_state *s, struct tl_reduce_candidate *k,
                                  const char *name);
/* The edit that makes known values inputs, as the reduction has them (`s->begins`). False: one is not known. */
bool tl_reduce_begin_at(const struct tl_reduce_state *s, struct tl_reduce_candidate *k,
                        const char *const *names, size_t n);

/* --- other.c: what is known of both models, where one is held against another one; else everything is */
bool tl_reduce_in_both(const struct tl_reduce_state *s, const char *value);
bool tl_reduce_weight_in_both(const struct tl_reduce_state *s, const char *name);
bool tl_reduce_other_graph(const struct tl_reduce_state *s); /* and it has other nodes */
/* Of values that are needed those that both have, and of the others what they are made of. *list: the caller's, of names that
 * are the model's. */
void tl_reduce_known_in_both(const struct tl_reduce_state *s, struct tl_onnx_model *m,
                             const char *const *names, size_t n, const char ***list, size_t *n_list);

/* --- cut.c, open.c, set.c, look.c, states.c, bodies.c, data.c: the passes. Each begins a step. */
void tl_reduce_step(struct tl_reduce_state *s, const char *name);
void tl_reduce_tell(const struct tl_reduce_state *s, const char *more);
/* The same, with how many trials this step takes yet: at most, or about. */
void tl_reduce_tell_cost(const struct tl_reduce_state *s, const char *more, unsigned trials, bool at_most);
int tl_reduce_fold(struct tl_reduce_state *s, struct tl_error *e);
int tl_reduce_outputs(struct tl_reduce_state *s, struct tl_error *e); /* where there are many (outputs.c) */
int tl_reduce_end(struct tl_reduce_state *s, struct tl_error *e);
int tl_reduce_alone(struct tl_reduce_state *s, bool *alone, struct tl_error *e);
bool tl_reduce_condition(const struct tl_reduce_state *s,
                         const char *name); /* as recorded; true: it is not */
int tl_reduce_open(struct tl_reduce_state *s, bool *opened, struct tl_error *e);
/* Any node of the main graph that has something inside. */
struct tl_reduce_graph;
struct tl_onnx_node_facts;
int tl_reduce_open_node(struct tl_reduce_state *s, const struct tl_reduce_graph *g, size_t place,
                        bool *opened, struct tl_error *e);
bool tl_reduce_is_call(const struct tl_onnx_node_facts *nodes, size_t n,
                       const struct tl_onnx_node_facts *node);
/* *minimal: each node was taken away alone; in: the search before did so with those that hand something on. */
int tl_reduce_look(struct tl_reduce_state *s, bool *minimal, struct tl_error *e);
/* Tries the model that ends one node earlier (earlier.c). */
int tl_reduce_end_earlier(struct tl_reduce_state *s, bool *ends, struct tl_error *e);
int tl_reduce_between(struct tl_reduce_state *s, bool alone, struct tl_error *e);
/* *minimal stays what it was only where each value that a Loop or Scan of the main graph hands on was taken away alone. */
int tl_reduce_states(struct tl_reduce_state *s, struct tl_reduce_candidate *k, bool *minimal,
                     struct tl_error *e);
/* *minimal stays what it was only where each node in a body was taken away alone. */
int tl_reduce_bodies(struct tl_reduce_state *s, struct tl_reduce_candidate *k, bool *minimal,
                     struct tl_error *e);
/* Where there is so much of it that each trial takes long: all weights at once, before anything else. */
int tl_reduce_bulk(struct tl_reduce_state *s, struct tl_error *e);
/* Those over values, sizes and plain things: values.h. */

/* --- input_files.c */
/* Each input of a list becomes a file; *named: the same list, with paths from the directory on. */
int tl_reduce_write_inputs(const struct tl_reduce_state *s, const json_t *list, const char *directory,
                           const char *prefix, json_t **named, struct tl_error *e);

/* --- reduce.c */
/* One reduction from its beginning; difference: NULL, or what the failure is. */
int tl_reduce_run_one(const struct tl_reduction *r, struct tl_reduce_difference *difference,
                      json_t **document, struct tl_error *e);
/* --- outline.c */
/* What is left as a graph to be drawn (docs/reduce.md, "graph"); null where it cannot be read. A new reference. */
json_t *tl_reduce_outline(struct tl_reduce_state *s, const struct tl_reduce_candidate *k);
/* Adds what inputs and weights hold, of which single elements matter: `holds`, in words. */
void tl_reduce_outline_values(json_t *graph, const json_t *kept_values);
/* Adds to weights in which file beside the model they lie, as it was written: `file`. */
void tl_reduce_outline_files(json_t *graph, const char *directory, const char *name);
/* --- control.c */
/* Of outputs that are not finite: finds something with which the original does not fail. */
int tl_reduce_control(struct tl_reduce_state *s, struct tl_error *e);
/* Of a difference, while values of other shapes are tried in the place of what a node reads: what runs without optimisation
 * has to go on doing so, or what the runtime took was no model. k: that is known to be one. */
int tl_reduce_stay_valid(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, struct tl_error *e);
void tl_reduce_stay_valid_end(struct tl_reduce_state *s);

/* --- trial.c: from now on each variant that fails is asked for more, or (NULL) no longer. What was tried otherwise is not known then. */
void tl_reduce_hold_to(struct tl_reduce_state *s, struct tl_reduce_condition *c, tl_reduce_follower follow);

/* --- newest.c: another build, which has to say of what is left what it says of the original */
struct tl_builds;
/* The next other build of the runner that can be used, the newest first; NULL: there is none. *at: builds->n at first. */
const struct tl_unit *tl_reduce_next_build(const struct tl_reduce_state *s, const struct tl_builds *builds,
                                           size_t *at);
int tl_reduce_newest(struct tl_reduce_state *s, struct tl_error *e);
/* Once it is known where the failure ends: whether the original dies of the same node there. */
int tl_reduce_newest_at_end(struct tl_reduce_state *s, struct tl_error *e);
/* {"unit", "fails", "followed"} of the result's document; NULL where no other build says anything. */
json_t *tl_reduce_newest_json(const struct tl_reduce_state *s);
void tl_reduce_newest_end(struct tl_reduce_state *s);
/* True as well where that is not asked for, or each variant does. */
int tl_reduce_newest_agrees(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, bool *agrees,
                            struct tl_error *e);
/* From now on each variant has to; or no longer. */
void tl_reduce_newest_follow(struct tl_reduce_state *s, bool follow);

/* --- optimiser.c */
#define TL_REDUCE_LEVEL "optimization"
/* The case of the reduction with axes of the level and of telling of optimisers; elements: of the set of those that are left out,
 * NULL for no such axis. */
int tl_reduce_case_with(const struct tl_reduce_state *s, const json_t *elements, struct tl_case **c,
                        struct tl_error *e);
bool tl_reduce_takes(const struct tl_unit *u, const char *axis); /* its runner says so */

#define TL_REDUCE_OPTIMISERS "config:optimization.disable_specified_optimizers"
/* Which optimiser of the runtime is needed for the failure of the model: what docs/reduce.md says of "optimiser". *found: a new
 * reference; NULL where the runner has no levels of optimisation, or does not tell of its optimisers. */
int tl_reduce_optimiser(struct tl_reduce_state *s, json_t **found, struct tl_error *e);

/* The level of optimisation at which it fails; 0: none, or its unit cannot leave optimisers out. */
json_int_t tl_reduce_optimised(const struct tl_reduce_state *s);
/* The same of one model at that level. same: names of another answer, which alone are enough where it passes without them; known: an
 * answer whose names are tried first; both may be NULL. *answer: has "used" besides, the optimisers that were left out. */
int tl_reduce_optimiser_of(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, json_t *same,
                           const json_t *known, json_t **answer, struct tl_error *e);
/* What a model comes to without a set of optimisers (NULL: with all), at a level. */
int tl_reduce_gone_without(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, json_t *set,
                           json_int_t level, enum tl_reduce_verdict *v, struct tl_error *e);
/* The original, with the value as an output whose difference is reduced; *shows: it has that value. The caller's. */
int tl_reduce_original_shown(struct tl_reduce_state *s, struct tl_reduce_candidate *none, bool *shows,
                             struct tl_error *e);

/* --- cause.c: the optimiser that makes the original fail has to be what makes fail what is left */
/* After the nodes were searched: which it is. *agrees: what is left fails for the same. */
int tl_reduce_cause(struct tl_reduce_state *s, bool *agrees, struct tl_error *e);
/* True as well where that is not asked for, or each variant does. */
int tl_reduce_cause_agrees(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, bool *agrees,
                           struct tl_error *e);
/* From now on each variant has to; or no longer. */
void tl_reduce_cause_follow(struct tl_reduce_state *s, bool follow);
void tl_reduce_cause_end(struct tl_reduce_state *s);

/* --- result_case.c */
/* The case of the smallest model, which stands beside it. inputs: its list, or NULL; optimiser: what tl_reduce_optimiser found, or
 * NULL. A new reference. */
json_t *tl_reduce_result_case(const struct tl_reduce_state *s, const json_t *inputs, const json_t *optimiser);
/* Isolates the case that was written to path, and stores the finding; the document gets its id, its trigger and its rate. */
int tl_reduce_result_finding(struct tl_reduce_state *s, const char *path, json_t *document,
                             struct tl_error *e);
/* What the finding holds of the document of the reduction. A new reference. */
json_t *tl_reduce_result_of_finding(const json_t *document);

/* --- result.c */
int tl_reduce_result(struct tl_reduce_state *s, json_t **document, struct tl_error *e);
/* Of a search that was interrupted: the smallest model that failed, as files. */
int tl_reduce_so_far(struct tl_reduce_state *s, json_t **document, struct tl_error *e);

#endif
