/* The sides of a bundle for ONNX Runtime, as its files share them: the variant that fails, and the one that passes. */
#ifndef TL_REPORTS_BUNDLE_ORT_H
#define TL_REPORTS_BUNDLE_ORT_H

#include "reports/bundle/parts.h"
#include "reports/bundle/repro.h"

#include <stdint.h>

struct tl_bundle_side {
    const char *where, *whose;           /* "" or "control/", and in words */
    const struct tl_trial_record *trial; /* whose variant it is; NULL: there is none */
    struct tl_trial_record own;          /* that trial, when it is another than the report's */
    bool has_own;
    char *place;                         /* where its files are while it is no part of the bundle yet */
    bool model;                          /* there is one */
    bool must_pass;                      /* it is the control */
    json_t *options, *inputs, *expected; /* as they were written down; NULL */
    json_t *names;                       /* of what it has put into the bundle */
    char *about;                         /* its variant in words */
    char *lacks;                         /* why something of it is missing; NULL */
    char *unknown;                       /* why its outputs are compared with nothing; NULL */
};

/* What all of it is written and run with. */
struct tl_bundle_ort {
    struct tl_bundle *b;
    struct tl_bundle_side failing, control;
    struct tl_repro repro; /* without its sides */
    char *title, *summary, *reference;
    json_t *environment;
    double run_seconds;       /* what a run takes */
    uint64_t search_spent_ns; /* of the time in which better variants are looked for */
    char *compiler, *library; /* absolute; NULL: there is none here */
    char *good_library;       /* of the build that is the control where no variant is; NULL */
    const char **titles;      /* NULL-terminated: of the failure at other places than the report's own */
};

/* dump.c: the files of a side, at its place. What cannot be had is said in lacks and unknown. */
void tl_bundle_side_write(struct tl_bundle_ort *o, struct tl_bundle_side *s);
void tl_bundle_side_free(struct tl_bundle_side *s);
/* Moves them to where they belong in the bundle, or takes them away from there. -1 with *e. */
int tl_bundle_side_put(struct tl_bundle_ort *o, struct tl_bundle_side *s, struct tl_error *e);
void tl_bundle_side_take_back(struct tl_bundle_ort *o, struct tl_bundle_side *s);
/* Names them in the bundle's list, and what is missing. */
void tl_bundle_side_list(struct tl_bundle_ort *o, const struct tl_bundle_side *s);

/* prove.c */
uint64_t tl_bundle_memory_mb(const struct tl_bundle *b); /* what a trial of the case may use */
#define TL_BUNDLE_RUNS 3                                 /* of each program and side */
struct tl_bundle_run {
    bool control;    /* with --control */
    bool must_pass;  /* it is no failure that is expected */
    bool good_build; /* with the library of the build that is the control */
    unsigned runs;
    bool until_other;       /* the first run that is not as expected is the last */
    bool keeps_environment; /* in every run */
};
/* Compiles DIRECTORY/repro.c and runs it. 1: it was run and *p says what was seen, 0: it could not be, with *why (the
 * caller's), -1 with *e: somebody stopped it. */
int tl_bundle_prove_c(struct tl_bundle_ort *o, const char *directory, const struct tl_bundle_run *run,
                      struct tl_proof *p, char **why, struct tl_error *e);
/* The same of DIRECTORY/repro.py. */
int tl_bundle_prove_python(struct tl_bundle_ort *o, const char *directory, bool control, struct tl_proof *p,
                           char **why, struct tl_error *e);

/* edge.c: a side that did as it is to in `right` of `runs` runs goes away from the edge at which it is. 1: it did
 * and is written at its place; 0: it stays, and the report says what was tried; -1 with *e. */
int tl_bundle_leave_edge(struct tl_bundle_ort *o, struct tl_bundle_side *s, unsigned right, unsigned runs,
                         struct tl_error *e);

/* programs.c: the reproducers of these sides, as DIRECTORY/repro.c and repro.py. control may be NULL. */
int tl_bundle_write_programs(struct tl_bundle_ort *o, const char *directory,
                             const struct tl_bundle_side *failing, const struct tl_bundle_side *control,
                             struct tl_error *e);

#endif
