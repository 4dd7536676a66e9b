/* Reports of a system in the database: which are known, which trials they may be of, and how they become part of one. */
#ifndef TL_DB_SYSTEM_REPORT_H
#define TL_DB_SYSTEM_REPORT_H

#include "db/store.h"

/* A trial to which a known report belongs. */
struct tl_report_place {
    char trial_id[TL_UUID_SIZE];
    enum tl_report_relation relation;
};
/* The places of a report, by its id. The list is the caller's; *known says whether the report is there at all. */
int tl_query_report_places(struct tl_store *s, const char *id, bool *known, struct tl_report_place **list,
                           size_t *n, struct tl_error *e);

/* A trial that ran at a moment, or may have: of one that is lost nobody knows when it ended. */
struct tl_trial_then {
    char id[TL_UUID_SIZE];
    int64_t started_us, ended_us;
    enum tl_outcome outcome;
    const char
        *os_build; /* of the system that its outcome is valid for, its session's else; NULL: not known */
    char *pids;    /* JSON list; NULL: not known */
    const char *case_name, *unit;
};
/* Stops with -1 when found does. Strings are valid during the call only. Trials that were imported are left out. */
typedef int (*tl_trial_then_found)(void *arg, const struct tl_trial_then *t, struct tl_error *e);
int tl_query_trials_then(struct tl_store *s, int64_t us, int64_t slack_us, tl_trial_then_found found,
                         void *arg, struct tl_error *e);

/* Adds a report, and that it belongs to a trial that is there. What is there already stays. Belongs to the open group. */
int tl_store_report(struct tl_store *s, const struct tl_system_report *r, const char *trial_id,
                    struct tl_error *e);

/* Those of a record, whose trial is there. For the inside of db/: the group is open. */
int tl_store_put_reports(struct tl_store *s, const struct tl_trial_record *r, struct tl_error *e);

/* Adds a trial that was made of a report, with that report: of no session, for trapline did not run it. Belongs to the open
 * group. */
int tl_store_imported(struct tl_store *s, const struct tl_trial_record *r, struct tl_error *e);

/* Replaces outcome, error, captures, message and signature of a stored trial by those of its record, which a report completed. Belongs to
 * the open group. */
int tl_store_completed(struct tl_store *s, const struct tl_trial_record *r, struct tl_error *e);

/* Reads the reports of a trial into its record, its own first. */
int tl_query_reports(struct tl_store *s, struct tl_trial_record *r, struct tl_error *e);

/* Signatures that say the same of the same kind of failure, in whatever phase; those of imported trials are left out. The
 * most frequent first. */
struct tl_same_failure {
    char id[TL_ID_SIZE];
    enum tl_phase phase;
    char *title;
    bool coarse; /* only what can be compared across builds is the same */
    uint64_t trials;
    char *case_name, *unit;      /* of the case that has most of them */
    char trial_id[TL_UUID_SIZE]; /* the newest of them */
};
struct tl_same_failures {
    size_t n;
    struct tl_same_failure *list;
};
int tl_query_same_failures(struct tl_store *s, const struct tl_trial_record *r, struct tl_same_failures *same,
                           struct tl_error *e);
void tl_same_failures_free(struct tl_same_failures *same);

#endif
