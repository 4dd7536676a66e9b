/* Work that takes long has a directory beside the database. What SQLite sorts, and what else does not fit into its small cache,
 * is written there and not kept in memory, however large the database is; a copy of another database stands there too. What a
 * process that was killed left of it is removed by the next one that opens the database to write. For the inside of db/. */
#ifndef TL_WORK_H
#define TL_WORK_H

#include "db/store_impl.h"
#include "harness/base/staging.h"

struct tl_work {
    struct tl_store *s;
    struct tl_staging stage; /* its path is the directory */
    /* What its watcher is told: */
    const struct tl_watch *watch;
    const char *doing, *path;
    bool stopped; /* the watcher wants it to end */
};

/* Makes the directory and has the store's connection use it, outside of the open group. -1 with *e filled: there is nothing
 * to end. One at a time in a process. */
int tl_work_begin(struct tl_store *s, struct tl_work *w, const char *what, struct tl_error *e);
/* From now on the watcher, which may be NULL, is told every so often while the connection works what is being done to which file;
 * `doing` may be set anew meanwhile. Once the watcher wants it to end, statements fail. Until tl_work_unwatch. */
void tl_work_watch(struct tl_work *w, const struct tl_watch *watch, const char *doing, const char *path);
void tl_work_unwatch(struct tl_work *w);
/* Tells it now. Whether it wants the work to end. */
bool tl_work_stops(struct tl_work *w);
/* Outside of a transaction: temporary tables are gone after it. */
void tl_work_end(struct tl_work *w);
/* Removes what was left beside a database by processes that are gone, and what they left elsewhere and noted (staging_note.h). */
void tl_work_sweep(const char *path);

#endif
