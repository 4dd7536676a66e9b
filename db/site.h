/* Everything in the database once, in order, for a site of static pages (reports/site/site.h): scans along an
 * index that hand out one row at a time, so that nothing grows with the number of trials. Strings are valid
 * during the call and may be NULL where nothing is known. A callback stops its scan by returning -1. */
#ifndef TL_DB_SITE_H
#define TL_DB_SITE_H

#include "db/query.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sums of a case (by name), a unit and an outcome; ordered by case and unit. */
struct tl_site_sum {
    const char *case_name, *unit;
    enum tl_outcome outcome;
    uint64_t trials;
    int64_t first_us, last_us;
};
typedef int (*tl_site_sum_found)(void *arg, const struct tl_site_sum *sum, struct tl_error *e);
int tl_site_sums(struct tl_store *s, tl_site_sum_found found, void *arg, struct tl_error *e);

/* What was seen of a variant of a case on a unit in an environment; those of one variant are next to each
 * other in each version of the case. */
struct tl_site_cell {
    const char *case_hash, *variant_hash, *variant, *unit, *signature_id; /* signature_id: "" for none */
    const char *runtime_version, *os_build;
    enum tl_outcome outcome;
    uint64_t trials;
    int64_t last_us;
};
typedef int (*tl_site_cell_found)(void *arg, const struct tl_site_cell *cell, struct tl_error *e);
int tl_site_cells(struct tl_store *s, const char *case_name, tl_site_cell_found found, void *arg,
                  struct tl_error *e);

/* Title and message of a trial of a cell that has a signature; new strings, NULL where there is none. */
int tl_site_example(struct tl_store *s, const struct tl_site_cell *c, char **title, char **message,
                    struct tl_error *e);
/* Whether a failure is that trials of a case were found lost by the next start: what trapline itself stopped, as when a budget is used
 * up, is none. */
int tl_site_was_lost(struct tl_store *s, const char *case_name, const char *signature_id, bool *was,
                     struct tl_error *e);
/* Whether a case, in any version of it, may have this key: "expected", "known". */
int tl_site_case_says(struct tl_store *s, const char *case_name, const char *key, bool *says,
                      struct tl_error *e);

/* Where a failure was seen, ordered by case, signature and unit. */
struct tl_site_place {
    const char *signature_id, *case_name, *unit;
    const char *runtime_version, *os_build;
    const char *title, *coarse_id, *coarse_title; /* of the signature */
    enum tl_outcome outcome;
    enum tl_phase phase;
    int signal;
    uint64_t trials;
    int64_t first_us, last_us;
};
typedef int (*tl_site_place_found)(void *arg, const struct tl_site_place *place, struct tl_error *e);
int tl_site_places(struct tl_store *s, tl_site_place_found found, void *arg, struct tl_error *e);

/* A line for every trial, the newest first. Filled are id, case_name, unit, variant_hash, variant, signature_id, title,
 * message, outcome, phase, signal, started_us and wall_seconds. */
int tl_site_lines(struct tl_store *s, tl_trial_row_found found, void *arg, struct tl_error *e);

/* Every trial by its id, with its command but not its request, its result and where it ran, and with what
 * belongs to it but for the frames of its stacks. */
struct tl_site_belongings {
    struct tl_output out, err;
    size_t n_captures;
    struct tl_capture *captures; /* without registers, modules and what a stack_id stands for */
};
typedef int (*tl_site_trial_found)(void *arg, const struct tl_trial_row *t,
                                   const struct tl_site_belongings *b, struct tl_error *e);
int tl_site_trials(struct tl_store *s, tl_site_trial_found found, void *arg, struct tl_error *e);

/* Every stack by its id: a capture with the stack's modules and one thread, for tl_frame_text. */
typedef int (*tl_site_stack_found)(void *arg, const char *id, const struct tl_capture *stack,
                                   struct tl_error *e);
int tl_site_stacks(struct tl_store *s, tl_site_stack_found found, void *arg, struct tl_error *e);

/* Text that may name a user or a host, for those who take names out before anything is written: names of
 * machines, reports of systems, commands of sessions, paths, and at last messages and output of every trial. */
enum tl_site_named { TL_SITE_HOST, TL_SITE_PATH, TL_SITE_SAID, TL_SITE_REPORT };
typedef int (*tl_site_name_found)(void *arg, const char *text, enum tl_site_named what, struct tl_error *e);
int tl_site_names(struct tl_store *s, tl_site_name_found found, void *arg, struct tl_error *e);

#endif
