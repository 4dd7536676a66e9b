/* One run of a variant: begun, waited for, and taken when its answer is asked for. Only trial.c, original.c, ahead.c and what
 * runs a variant surely include this. */
#ifndef TL_CAMPAIGN_REDUCE_RUN_H
#define TL_CAMPAIGN_REDUCE_RUN_H

#include "harness/campaign/reduce/parts.h"

/* What came of a run. It stays where it is until it has ended. */
/* Where what comes out of a run is to be kept, and what came of that. */
struct tl_reduce_answer;
struct tl_reduce_keeping {
    /* Puts what the run left where it is to be; before the trial is stored, so that one that is known is not run again. */
    void (*put)(const struct tl_reduce_answer *a);
    const char *making, *directory; /* the outputs are left below the first, and become the second */
    const char *nothing;            /* a file that says that it left none; NULL: nobody asks */
    bool is_value;                  /* the same command takes it when it goes on */
    bool kept;
};

struct tl_reduce_answer {
    struct tl_reduce_state *s;
    struct tl_reduce_keeping *keeping; /* NULL: nothing is kept */
    bool judged;                       /* verdict, outcome and the like are known, and it is not over yet */
    bool ended, cached, stopped, failed, untried;
    bool
        elsewhere; /* on another unit or in another case, which says nothing of how the failure may look on its own */
    enum tl_reduce_verdict verdict;
    enum tl_phase phase;
    enum tl_outcome outcome;
    int signal;
    double seconds; /* that it took when it ran */
    bool records;   /* it was run for what comes out of it */
    char id[TL_UUID_SIZE];
    struct {
        char signature[TL_ID_SIZE];
        enum tl_outcome outcome;
        char *title;
    } other; /* where it failed in another way */
    struct tl_error error;
    json_t **comparison; /* where what came of it is to be left; NULL */
    char *lent;          /* the directory of the copy that a command was handed; NULL */
};

struct tl_reduce_run {
    const struct tl_unit *unit;
    const struct tl_case *c;          /* NULL: that of the reduction */
    const struct tl_variant *variant; /* of that case; its axis of edits is set here */
    uint64_t number;
    const struct tl_reduce_files *files;
    bool other_model;               /* what is run is the model that is right */
    bool fresh;                     /* in a process of its own, whatever was asked for */
    struct tl_reduce_keeping *keep; /* it records, and this is where to; NULL */
    unsigned repeat;
    bool anew;
    json_t **comparison; /* where what came of it is left; NULL */
};

int tl_reduce_run_begin(struct tl_reduce_state *s, const struct tl_reduce_run *run,
                        struct tl_reduce_answer *a, struct tl_error *e);
/* Adds a failure of another kind to those that were met. */
void tl_reduce_note_other(struct tl_reduce_state *s, const char *signature, enum tl_outcome outcome,
                          const char *title, const char *trial);
/* Waits for it, and counts it as one that was asked for. */
int tl_reduce_run_take(struct tl_reduce_state *s, struct tl_reduce_answer *a, struct tl_error *e);
void tl_reduce_answer_release(struct tl_reduce_answer *a);

/* --- trial.c */
/* One run of a variant whose files are there, or of one that was begun before; meanwhile others are, of this one up to `repeats`. */
int tl_reduce_run_asked(struct tl_reduce_state *s, const struct tl_reduce_run *one, unsigned repeats,
                        struct tl_reduce_answer **a, struct tl_error *e);
/* What `judge` of a reduction is. */
enum tl_reduce_verdict tl_reduce_verdict_of(struct tl_reduce_state *s, const struct tl_trial_record *r);
/* Whether a run failed as another one did, which is the original's or of a part of it. */
bool tl_reduce_same_failure(const struct tl_reduce_state *s, const struct tl_trial_record *target,
                            const struct tl_trial_record *r);

/* --- fresh.c */
#define TL_REDUCE_SECONDS_LONG 5.0 /* what takes longer is run less often */
unsigned tl_reduce_sure_runs(const struct tl_reduce_state *s);
/* One run in a process of its own; roomy: NULL, or the case of one that has more memory at hand. */
int tl_reduce_run_once(struct tl_reduce_state *s, const struct tl_case *roomy, uint64_t number,
                       const struct tl_reduce_files *files, unsigned repeat, enum tl_reduce_verdict *verdict,
                       struct tl_error *e);
/* A case with more variables of the environment, NAME -> VALUE; the caller's. NULL: it cannot be one. */
struct tl_case *tl_reduce_case_in(const struct tl_case *c, const json_t *variables);
/* The same run where memory is filled with a byte when it is handed out (with its complement) and given back. */
int tl_reduce_run_filled(struct tl_reduce_state *s, const char *byte, uint64_t number,
                         const struct tl_reduce_files *files, unsigned repeat,
                         enum tl_reduce_verdict *verdict, struct tl_error *e);
/* One run of a variant with more memory, where that is asked for. */
int tl_reduce_fails_with_room(struct tl_reduce_state *s, uint64_t number, const struct tl_reduce_files *files,
                              enum tl_reduce_verdict *v, struct tl_error *e);

/* --- ahead.c: runs that were begun before they were asked for, and the files of their variants */

/* Waits for a run of the same variant that is under way, whatever it was begun for: what came of it is stored then, and not run
 * for once more. */
int tl_reduce_ahead_settle(struct tl_reduce_state *s, const struct tl_reduce_run *run, struct tl_error *e);

/* The files of a variant, which are made where no run of it has them already. 1: it cannot be tried. Each is given back. */
int tl_reduce_ahead_files(struct tl_reduce_state *s, const struct tl_reduce_candidate *k, uint64_t number,
                          const struct tl_reduce_files **files, struct tl_error *e);
void tl_reduce_ahead_give_back(struct tl_reduce_state *s, uint64_t number);
/* One run of a variant, begun now or before; it belongs to the list. */
int tl_reduce_ahead_run(struct tl_reduce_state *s, const struct tl_reduce_run *run,
                        struct tl_reduce_answer **a, struct tl_error *e);
/* Fills the slots that are free: with runs of the same variant up to `repeats`, then with what was guessed. */
int tl_reduce_ahead_fill(struct tl_reduce_state *s, const struct tl_reduce_run *run, unsigned repeats,
                         struct tl_error *e);

#endif
