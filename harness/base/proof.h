/* What a program that shows a failure is expected to come to, and what was seen when it was run. */
#ifndef TL_PROOF_H
#define TL_PROOF_H

#include "harness/base/error.h"
#include "harness/base/limits.h"
#include "harness/base/record.h"

#include <jansson.h>
#include <stdbool.h>

struct tl_proof_expected {
    enum tl_outcome outcome; /* TL_OUTCOME_PASS: of a control, which exits with 0 */
    int signal;      /* that ends it, or a child whose death its status tells (128 + n); 0: none, and with
                        TL_OUTCOME_OOM any or none */
    int exit_status; /* with which it ends then; -1: any but 0 */
    const char *const *words;         /* NULL-terminated: what it writes then, all of them; NULL: anything */
    const struct tl_trial_record *as; /* the failure that it has to be; NULL: any that ends so */
    const char *const *titles;        /* NULL-terminated: of the same failure at other places; NULL: none */
    bool
        tells_phase; /* its line to compare names the phase in which it died or was refused, as a runner has phases */
};

/* By what a run was told to be the failure that is expected: the more, the surer. */
enum tl_proof_by {
    TL_PROOF_BY_END,     /* its status and its words: there is nothing else to tell such a failure by */
    TL_PROOF_BY_SIGNAL,  /* its signal alone: of one of the two no stack and no message could be had */
    TL_PROOF_BY_MESSAGE, /* what it said */
    TL_PROOF_BY_STACK,
};

struct tl_proof_request {
    const char *const *argv;        /* NULL-terminated; argv[0] is a path, from directory or from the root */
    const char *directory;          /* in which it runs; NULL: an empty one, another for each run */
    const char *const *environment; /* NAME=VALUE…, besides trapline's own and stronger; NULL: none.
                                       "{scratch}" in argv and here is a directory of the run's own */
    struct tl_limits limits;
    bool
        untraced; /* nothing of it is traced: all that is known of its end is its exit status, a signal being 128 + n */
    unsigned runs;    /* one after the other */
    bool until_other; /* the first one that is not as expected is the last */
    struct tl_proof_expected expected;
};

/* outcome, signal, exit status, line and title are those of the first run that was not as expected, or else of the first. */
struct tl_proof {
    unsigned runs, as_expected;
    enum tl_proof_by by;     /* of the run that was as expected which is the least sure */
    enum tl_outcome outcome; /* in the terms of what is expected: a status may say "wrong" */
    int signal;              /* 0: none */
    int exit_status;         /* -1: it did not exit */
    char *line;    /* the last that begins with "RESULT: ", or else the last of stdout, or of stderr; NULL */
    char *message; /* why that outcome; NULL */
    char *title;   /* of a crash or hang that is another than the expected one; NULL */
};
void tl_proof_free(struct tl_proof *p); /* its contents */

/* Whether one run ended as what is expected does: by outcome, signal, status and words. Whether it is the same failure is
 * told by those who know failures (campaign/prove_match.h). */
bool tl_proof_holds(const struct tl_proof_expected *x, const struct tl_trial_record *r);
/* The line of a run to compare, as tl_proof has it; the caller's. */
char *tl_proof_line(const struct tl_trial_record *r);
/* Adds a run to what was seen; held: it came to what is expected, told by `by`. */
void tl_proof_add(struct tl_proof *p, const struct tl_proof_expected *x, const struct tl_trial_record *r,
                  bool held, enum tl_proof_by by);

/* As it stands in a report (docs/reports.md, bundle.proved). program: its name in the bundle; side: "failing" or "control";
 * command: its words as somebody types them. */
json_t *tl_proof_json(const struct tl_proof *p, const char *program, const char *side,
                      const char *const *command);

/* The same of one that was not run, with the reason. */
json_t *tl_proof_not_run_json(const char *program, const char *side, const char *const *command,
                              const char *why);

/* Runs a program and says what was seen: tl_prove, or whatever takes its place. -1 when it cannot be run at all, or was
 * stopped (TL_ERROR_INTERRUPTED). */
typedef int (*tl_proof_run)(const struct tl_proof_request *q, struct tl_proof *p, struct tl_error *e);

#endif
