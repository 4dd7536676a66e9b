/* A night: a suite is run, and what came of it is compared with the nights before.
 *
 * A night has cells, one for each variant of a case on a unit. Its trials are those of its sessions in the
 * database (db/night.h): a night that was cut short is put together again from them and goes on.
 *
 *   nightly.c           the night from beginning to end
 *   nightly_plan.c      from the suite to the cells
 *   nightly_cell.c      what the others ask of a cell and of the night
 *   nightly_run.c       trials, until every cell is decided
 *   nightly_guard.c     do fresh processes the same, do older trials still hold
 *   nightly_past.c      the nights before that a cell goes on from
 *   nightly_judge.c     a cell against them: outcomes
 *   nightly_measure.c   times and memory
 *   nightly_known.c     failures that somebody has judged
 *   nightly_places.c    where they are, in libraries without symbols
 *   nightly_retest.c    failures that are known, on a build that is new
 *   nightly_document.c  what is stored and printed
 *   nightly_news.c      whether anything is worth telling somebody
 *   nightly_isolate.c   new failures are isolated
 *   nightly_lock.c      one at a time */
#ifndef TL_NIGHTLY_H
#define TL_NIGHTLY_H

#include "cases/case.h"
#include "cases/load.h"
#include "cases/suite.h"
#include "db/known.h"
#include "db/night.h"
#include "harness/base/watch.h"
#include "harness/campaign/processes.h"
#include "harness/executor/executor.h"
#include "harness/executor/unit_list.h"

#include <jansson.h>

#define TL_NIGHTLY_TIMES 64 /* times of a cell that are kept in a night */

/* What is said of a cell. The first group is news that is bad, the second news that is not. */
enum tl_class {
    TL_CLASS_NEW,         /* fails, and did not */
    TL_CLASS_CHANGED,     /* fails in another way than before */
    TL_CLASS_FLAKIER,     /* fails more often */
    TL_CLASS_UNSUPPORTED, /* cannot be tried, and could */
    TL_CLASS_SLOWER,
    TL_CLASS_HUNGRIER,
    TL_CLASS_EXPIRED,     /* fails in a way that was known until a day that is over */
    TL_CLASS_REGRESSIONS, /* how many those are */
    TL_CLASS_FIXED = TL_CLASS_REGRESSIONS,
    TL_CLASS_STEADIER, /* fails less often */
    TL_CLASS_FASTER,
    TL_CLASS_LEANER,
    TL_CLASS_NEWS, /* those before are changes */
    TL_CLASS_STILL = TL_CLASS_NEWS,
    TL_CLASS_KNOWN,         /* fails in a way that somebody has judged */
    TL_CLASS_UNCLEAR,       /* looks changed; too few trials before to tell */
    TL_CLASS_FIRST_FAILURE, /* fails, and there is nothing to compare with */
    TL_CLASS_FIRST,         /* passes, and there is nothing to compare with */
    TL_CLASS_PASS,
    TL_CLASS_NOT_SUPPORTED, /* cannot be tried, as before */
    TL_CLASS_UNTRIED,       /* something that it takes is not here: its build, the tools of its case */
    TL_CLASS_LOST,          /* the machine went down while it ran */
    TL_CLASS_NOT_RUN,       /* the budget was used up */
    TL_CLASS_COUNT
};
extern const char *const tl_class_names[TL_CLASS_COUNT]; /* "new-failure", … */

struct tl_nightly;

/* Failures of a cell that are one: outcome and what of the signature can be compared across builds. */
struct tl_nightly_kind {
    enum tl_outcome outcome;
    enum tl_phase phase;
    int signal;
    char coarse[TL_ID_SIZE], trial[TL_UUID_SIZE]; /* trial: the first that showed it */
    char *title;
    json_t *
        places; /* {signature: the first trial that showed it}: in a library without symbols these may be several */
    uint64_t n;
};

struct tl_nightly_cell {
    struct tl_nightly *nightly;
    struct tl_case *c;
    struct tl_variant variant;
    char *variant_json, variant_hash[TL_ID_SIZE], *runner_device;
    const struct tl_unit *unit;
    struct tl_processes processes; /* differ: all its trials are processes of their own */

    /* Seen this night. */
    uint64_t passed, failed, refused, unsupported;
    uint64_t as_expected;     /* of those that passed: with an outcome that is no pass, and right */
    uint64_t untried;         /* trials that something was missing for */
    uint64_t lost, went_down; /* trapline was killed; the machine went down */
    size_t n_kinds;
    struct tl_nightly_kind *kinds;
    struct tl_samples {
        size_t n;
        double list[TL_NIGHTLY_TIMES];
    } seconds[2], memory[2]; /* of fork servers' children, of processes of their own */
    char *why;               /* it is unsupported, or could not be tried */
    char environment[TL_ID_SIZE], lost_trial[TL_UUID_SIZE];
    uint64_t submitted, pending, added; /* added: trials made to decide it */

    /* The nights before (nightly_judge.c). */
    struct tl_night_cells history;
    bool judged, wants_more, wants_times; /* trials that would decide it; that would decide its time */
    bool wants_watch;                     /* more trials, as the build is new */
    enum tl_class class
        ; /* by the counts alone. What is said, and stored for the next nights, is tl_nightly_shown */
    bool slower, faster, hungrier, leaner;
    json_t *before; /* what it was compared with; NULL for nothing */
    json_t *since;  /* as in db/night.h, as are the next four */
    uint64_t since_nights, since_passed, since_failed, since_refused;
    char *continues;
    char *evidence;    /* in words */
    char *measured[2]; /* likewise, of a change of time, of memory */
    double was_seconds, was_memory;
    double time_ratio; /* of tonight's to that; 0: not known */
    json_t *finding;   /* of an isolation; NULL */
    json_t *known;     /* of a failure that somebody has judged, with its "state" (nightly_known.c); NULL */
    bool moved;        /* it was known last night, and is at another place tonight */
};

struct tl_nightly {
    struct tl_suite *suite;
    struct tl_executor *x; /* the caller's: made once the builds are here */
    const struct tl_watch *watch;
    uint64_t started_ns; /* of the budget */
    struct tl_night night;
    bool resumed, over_budget;
    bool there;           /* likewise: other machines run it, and have the builds */
    bool writes;          /* the caller's: files are written of it, and are made up for where that failed */
    bool notified;        /* it is such a night: everybody was notified of it, and not all could be written */
    size_t units_missing; /* of the suite, of whose builds none is here */
    char boot[TL_UUID_SIZE]; /* of the machine */
    size_t n_cases;
    struct tl_case **cases;
    struct tl_unit_list names;
    const struct tl_unit **units;
    size_t n_cells;
    struct tl_nightly_cell *cells;
    json_t *notes; /* sentences about what could not be done */
    uint64_t ended, total, not_passed;
    struct tl_stored_aside aside;
    struct tl_known_list known; /* of the database */
};

/* Files that cannot be used, each with its mistakes, or, where it has none, why it cannot be read. */
struct tl_nightly_mistakes {
    size_t n;
    struct tl_nightly_file {
        char *path;
        struct tl_mistakes mistakes;
        struct tl_error why;
    } * list;
};
void tl_nightly_mistakes_free(struct tl_nightly_mistakes *m);

/* nightly_plan.c. The suite and its cases, all of them, so that all their mistakes are known: -1 when there
 * is one. m is to be released. */
int tl_nightly_load(struct tl_nightly *n, const char *path, struct tl_nightly_mistakes *m);
/* Brings builds that are wanted and not here, and names the units. Before there is an executor. */
int tl_nightly_builds(struct tl_nightly *n, struct tl_error *e);
int tl_nightly_cells(struct tl_nightly *n, struct tl_error *e); /* once the units are known */
void tl_nightly_plan_id(const struct tl_nightly *n, char id[TL_ID_SIZE]);

/* nightly_run.c */
void tl_nightly_saw(struct tl_nightly_cell *c, const struct tl_trial_row *t, const char *boot);
int tl_nightly_recall(struct tl_nightly *n,
                      struct tl_error *e); /* trials of this night that are there already */
int tl_nightly_run(struct tl_nightly *n, struct tl_error *e);
void tl_nightly_deadline(struct tl_nightly *n); /* holds the executor to the budget */
/* nightly_cell.c. Where its trials run: this machine, or a fleet, which is one of no name, whichever machines of the kind are there. */
void tl_nightly_machine(const struct tl_nightly *n, struct tl_machine *m);
/* Of the budget, in seconds; HUGE_VAL for none. */
double tl_nightly_left(const struct tl_nightly *n);

/* nightly_guard.c. What is known of the kinds of process; then, once every cell was run, one pass of each case and
 * unit in a fresh process where nothing is known. *again: cells have to be run anew, and were emptied. */
int tl_nightly_processes_known(struct tl_nightly *n, struct tl_error *e);
int tl_nightly_processes(struct tl_nightly *n, bool *again, struct tl_error *e);
/* Sets older trials aside that those of this night contradict. */
int tl_nightly_settle(struct tl_nightly *n, struct tl_error *e);
/* Cases and units whose processes differ: a list for the document, and a sentence for each. */
json_t *tl_nightly_processes_json(const struct tl_nightly *n, json_t *notes);

/* nightly_past.c */
int tl_nightly_remember(struct tl_nightly_cell *c, struct tl_error *e); /* loads its history */

/* nightly_judge.c */
void tl_nightly_judge(struct tl_nightly_cell *c);
bool tl_nightly_outcome_changed(enum tl_class what);
json_t *tl_nightly_environment(const struct tl_nightly_cell *c); /* nightly_cell.c: what it ran in */
/* Its outcome is another one, and all that is known of case, unit and machine is as it was before. */
bool tl_nightly_unexplained(const struct tl_nightly_cell *c);
const struct tl_samples *tl_nightly_seconds(const struct tl_nightly_cell *c,
                                            bool *fresh); /* nightly_cell.c: those to compare */

/* nightly_known.c. Reads what is known, and says of every cell, which was judged, whether its failure is. Again once
 * something was isolated: that may tell that two failures are one. */
int tl_nightly_known(struct tl_nightly *n, struct tl_error *e);
/* nightly_places.c. What is known of all failures of a cell: of the most frequent of them, by the least sure of them, with "by"
 * where the library has no symbols; NULL: nothing. *elsewhere: what is known of one that is of its kind, and at another place.
 * Places that are judged to be the same are stored (*learnt). */
int tl_nightly_places(const struct tl_nightly_cell *c, const json_t *variant, json_t **known,
                      json_t **elsewhere, bool *learnt, struct tl_error *e);
/* The same of a failure of an earlier night, without storing anything. */
json_t *tl_nightly_known_before(const struct tl_nightly_cell *c, const json_t *variant,
                                const json_t *failures, const json_t *environment);

/* nightly_cell.c */
void tl_nightly_kinds_free(struct tl_nightly_cell *c);
/* What is said of the cell. */
enum tl_class tl_nightly_shown(const struct tl_nightly_cell *c);
bool tl_nightly_known_is(const struct tl_nightly_cell *c, const char *state);

/* nightly_news.c. What is new in a document beside that of the night before (NULL: there is none), in a few words each;
 * empty: there is nothing to tell anybody. */
json_t *tl_nightly_news(const json_t *document, const json_t *previous);

/* nightly_retest.c. What became of a failure that is known on a build that is new (docs/nightly.md); NULL: it is no
 * such cell. */
json_t *tl_nightly_retest_json(const struct tl_nightly_cell *c);

/* nightly_isolate.c */
int tl_nightly_isolate(struct tl_nightly *n, struct tl_error *e);

/* nightly_document.c */
int tl_nightly_end(struct tl_nightly *n, json_t **document, struct tl_error *e);

/* nightly_lock.c: one night at a time for each database. The lock is held until it is let go of or
 * the process ends; -1 with *e, which says who has it. */
int tl_nightly_lock(const char *db, const char *suite, struct tl_error *e);
void tl_nightly_unlock(int fd); /* what it returned */

/* nightly.c. Begins a night, or goes on with one that was cut short (resumed); or *document, the caller's, is
 * that of a night that ended and of which nobody was notified, or not all was written. */
int tl_nightly_begin(struct tl_nightly *n, json_t **document, struct tl_error *e);
/* The rest of a night that has begun. *document is NULL when it was interrupted. */
int tl_nightly_finish(struct tl_nightly *n, json_t **document, struct tl_error *e);
void tl_nightly_free(struct tl_nightly *n); /* all but the executor */

#endif
