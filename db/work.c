#include "db/work.h"

#include "db/sql.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/staging_note.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TURN_STEPS 200000 /* of SQLite's machine, between two lines that are told */

/* The directory of a database and what the names of its work begin with; both are new strings. */
static char *place_of(const char *path, char **prefix)
{
    const char *base = tl_base_name(path);
    *prefix = tl_format("%s-work-", base);
    return tl_format("%.*s", (int)(base - path > 1 ? base - path - 1 : base - path), path);
}

int tl_work_begin(struct tl_store *s, struct tl_work *w, const char *what, struct tl_error *e)
{
    char *prefix, *directory = place_of(s->path, &prefix);
    *w = (struct tl_work){.s = s};
    int result =
        tl_staging_begin(&w->stage, directory, prefix)
            ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, what, directory,
                            "a directory for what does not fit into memory is made here, and cannot be")
            : 0;
    free(directory);
    free(prefix);
    if (result)
        return -1;
    /* Of the whole process, and asked for whenever such a file is made. SQLite unlinks it as soon as it is open. */
    sqlite3_temp_directory = sqlite3_mprintf("%s", w->stage.path);
    if (!tl_sql_exec(s->db, "PRAGMA temp_store = FILE; PRAGMA cache_size = -16384", what, e))
        return 0;
    tl_work_end(w);
    return -1;
}

bool tl_work_stops(struct tl_work *w)
{
    w->stopped = w->stopped || tl_watch_line(w->watch, "%s %s", w->doing, w->path);
    return w->stopped;
}

static int on_turn(void *work)
{
    return tl_work_stops(work);
}

void tl_work_watch(struct tl_work *w, const struct tl_watch *watch, const char *doing, const char *path)
{
    w->watch = watch;
    w->doing = doing;
    w->path = path;
    sqlite3_progress_handler(w->s->db, TURN_STEPS, on_turn, w);
}

void tl_work_unwatch(struct tl_work *w)
{
    sqlite3_progress_handler(w->s->db, 0, NULL, NULL);
}

void tl_work_end(struct tl_work *w)
{
    sqlite3_exec(w->s->db, "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096", NULL, NULL, NULL);
    sqlite3_free(sqlite3_temp_directory);
    sqlite3_temp_directory = NULL;
    tl_staging_end(&w->stage);
}

void tl_work_sweep(const char *path)
{
    char *prefix, *directory = place_of(path, &prefix);
    free(tl_staging_sweep(directory, prefix)); /* it is tried again next time */
    tl_staging_sweep_noted();
    free(directory);
    free(prefix);
}
