/* A reduction: from a model that fails to the few nodes, weights and sizes that make it fail in the same way.
 *
 * Every trial is one of the case that tl_reduce_case makes: its model is the file, and its axis "edits" says which variant of
 * it is meant, by a number that is made of the list of edits (cases/onnx/graph_edit.h) and of the inputs. 0 is the model as it
 * is. reduce.c has the theory. */
#ifndef TL_CAMPAIGN_REDUCE_H
#define TL_CAMPAIGN_REDUCE_H

#include "cases/load.h"
#include "harness/base/watch.h"
#include "harness/executor/executor.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define TL_REDUCE_AXIS "edits"
/* What to do where the place for the state of reductions cannot be written. */
#define TL_REDUCE_NO_DISK "free some space, or name a database at another place with --db"

/* A command that judges: its words, {model} among them, and what it writes when it fails (NULL: its death, its exit status and
 * its last words tell). */
struct tl_reduce_judge {
    const char *const *argv;
    size_t n;
    const char *failure_text;
};
/* What is said of a model for which there is no case: values of axes (AXIS=VALUE) and inputs ([NAME=]FILE.npy). */
struct tl_reduce_wanted {
    const char *path; /* of a model of ONNX, or of a case file that names one */
    const char
        *state; /* the directory of what reductions of a database go on from; it is made when it is needed */
    const char *const *sets, *const *inputs;
    size_t n_sets, n_inputs;
    const struct tl_reduce_judge *judge; /* NULL: a runtime, or the steps of the case */
    bool recording;                      /* the model as a runtime is given it, whoever judges */
    uint64_t timeout_s, memory_mb;       /* limits; 0: those of the case, or the usual ones */
    const char *against; /* what is right, in the place of the reference of a case file; NULL */
};
/* The case of a reduction and the variant that fails, with no edits. Both are the caller's. A case with steps runs on
 * command:host: a command judges. */
int tl_reduce_case(const struct tl_reduce_wanted *w, struct tl_case **c, struct tl_variant *failing,
                   struct tl_mistakes *m, struct tl_error *e);

/* What --against would be of the reference of a case. A new string; NULL where it has none. */
char *tl_reduce_against_of_case(const struct tl_case *c);

struct tl_reduction {
    struct tl_executor *x;
    const struct tl_case *c;
    const struct tl_variant *failing;
    const struct tl_unit *unit;
    /* Of one that a command judges: where values are recorded, and the case for that. NULL: nowhere. */
    const struct tl_unit *recorder;
    const struct tl_case *recording;
    const char *state;            /* as above */
    const char *failure_text;     /* without it in what the command wrote no trial is the failure; NULL */
    const struct tl_watch *watch; /* NULL: nobody */
    uint64_t started_ns, max_trials, max_seconds; /* 0: no limit */
    bool fresh, no_cache, keep_names;
    bool over_builds; /* which builds fail, of the result */
    /* What is right: UNIT or "same", with ,AXIS=VALUE, or the file of a model; the failure is then a difference. NULL: none. */
    const char *against;
    bool against_of_case; /* nobody asked for it: where the failure is no difference it is reduced as it is */
    bool first_difference;      /* only where it begins */
    const char *tolerance;      /* NULL: that of cases */
    const char *const *samples; /* directories with inputs */
    size_t n_samples;
    char *
        *work; /* is set to what is kept of it when it came to its end, the caller's: for tl_reduce_forget */
    bool longer;   /* the original is run longer: a variant of it crashed, and it may */
    bool filled;   /* the case has memory filled, as what fails hangs on what lies there (memory.c) */
    unsigned jobs; /* more than 1: what may be needed next runs in the other slots */
};

/* Reduces, and stores what was found as a finding. *document, the caller's: what `reduce --json` prints; its "directory" has
 * the models, their inputs and the case of the finding. Where it was interrupted, which is a failure with
 * TL_ERROR_INTERRUPTED, it is what was reached ("interrupted": true), or NULL before a failure was known. */
int tl_reduce_run(const struct tl_reduction *r, json_t **document, struct tl_error *e);

/* What was found has been handed over: removes what only going on would have needed, the recorded values above all. */
void tl_reduce_forget(const char *work);

#endif
