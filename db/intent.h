/* The intent log: what is about to run is on disk before it runs.
 *
 * A file of fixed size beside the database for each process that writes to it, locked by that. Layout and recovery are
 * described at the head of intent.c. */
#ifndef TL_INTENT_H
#define TL_INTENT_H

#include "harness/base/error.h"
#include "harness/base/hash.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Enough to record the trial as lost. Strings may be NULL (then empty). */
struct tl_intent {
    int64_t started_us;
    const char *id;
    const char *case_name, *case_hash;
    const char *variant, *variant_hash;
    const char *unit;
    const char *environment_id;
    const char *session_id;
};

#define TL_INTENT_MAX 61440 /* bytes of one intent's strings; a longer one is refused */

struct tl_intent_log;

#define TL_INTENT_LOGS 64 /* of one database: processes that write to it at the same time */

/* Opens and locks a log that no other process has, making it when it is not there: that of the path, or one whose
 * name has a number after it. The lock ends with tl_intent_close or with the process; children made by fork do not
 * hold it. */
int tl_intent_open(const char *path, struct tl_intent_log **log, struct tl_error *e);
void tl_intent_close(struct tl_intent_log *log); /* NULL is fine; what is live stays on disk */

/* Calls found for each of the other logs that its writer left behind: locked meanwhile, it can be scanned and has to be
 * reset. Those of writers that are at work are left alone. */
typedef int (*tl_intent_log_left)(void *arg, struct tl_intent_log *log, struct tl_error *e);
int tl_intent_left(const struct tl_intent_log *own, tl_intent_log_left found, void *arg, struct tl_error *e);
/* Another process that writes to the same database now; 0: there is none. */
pid_t tl_intent_another(const struct tl_intent_log *own);

/* Calls found for every whole intent on disk that belongs to this database; stops when it returns -1. */
typedef int (*tl_intent_found)(void *arg, const struct tl_intent *intent, struct tl_error *e);
int tl_intent_scan(struct tl_intent_log *log, const char *database_id, tl_intent_found found, void *arg,
                   struct tl_error *e);
/* Forgets every intent on disk at once and gives the log to this database. Durable when it returns. */
int tl_intent_reset(struct tl_intent_log *log, const char *database_id, struct tl_error *e);

/* Makes n intents durable, with one sync for all of them. When it fails none of them is live. */
int tl_intent_write(struct tl_intent_log *log, const struct tl_intent *intents, size_t n, struct tl_error *e);

/* The outcome of an intent has been handed to the database (unknown ids are ignored). Its place is free
 * after: */
void tl_intent_finish(struct tl_intent_log *log, const char *id);
void tl_intent_committed(
    struct tl_intent_log *log); /* every finished outcome is durable: free their places */
void tl_intent_rolled_back(struct tl_intent_log *log);  /* none of them is: they are live again */
size_t tl_intent_live(const struct tl_intent_log *log); /* not freed yet, finished or not */

#endif
