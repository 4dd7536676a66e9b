/* Identity is a UUID or the hash of the content, so rows of two databases are either the same or have nothing
 * to do with each other. Where the same row may be known better in one of the two (a stack with symbols, a
 * case of which the other knows the name only), each column takes the greater value, NULL being the least:
 * whoever is merged first, the result is the same. Some things change after they were written, and each has
 * a rule of its own that does not depend on the order either:
 *
 *   - A trial that is lost here may have an outcome there, when a database was copied while it ran. An
 *     outcome beats a loss. One that a report of the system completed beats itself without.
 *   - A finding is replaced while its isolation goes on. The complete one wins, then the later one.
 *   - A night has no document and no cells until it ended; the one that ended wins.
 *   - A trial that is set aside in one of the two is set aside, for the earlier reason. That the processes of a case
 *     differ beats that they do not, and then the later word counts.
 *   - What is known of failures, and where, is what was said of it last; what is taken back stays as such.
 *   - A report of a system belongs to the trials to which it belongs in either of the two.
 *   - Stacks, lists of modules, signatures and reports come in with what refers to them, and stay away where nothing does that
 *     comes in: a trial that is known better here has others, and in a file that is damaged any id may be another one.
 *   - summary and tally are sums of trials, and are added up for the trials that came in.
 *
 * The other database is attached (other.h); all is one transaction. Foreign keys hold at every moment, as always. */
#include "db/merge.h"

#include "db/group.h"
#include "db/other.h"
#include "db/sql.h"
#include "db/sums.h"
#include "db/sweep.h"
#include "db/work.h"
#include "harness/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char what_[] = "cannot merge databases";

static int stopped(struct tl_error *e)
{
    return tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", "", "nothing was changed");
}

static int exec(struct tl_work *w, const char *sql, struct tl_error *e)
{
    int result = tl_work_stops(w) ? -1 : tl_sql_exec(w->s->db, sql, what_, e);
    if (result && (sqlite3_errcode(w->s->db) & 0xff) == SQLITE_CONSTRAINT)
        tl_fail(e, TL_ERROR_INPUT, what_, w->path,
                "rows in it refer to rows that are not there, or lack what they must have (%s). Nothing was "
                "changed",
                sqlite3_errmsg(w->s->db));
    return w->stopped ? stopped(e) : result;
}

static int number(struct tl_work *w, const char *sql, int64_t *value, struct tl_error *e)
{
    int result = tl_work_stops(w) ? -1 : tl_sql_int(w->s->db, sql, value, what_, e);
    return w->stopped ? stopped(e) : result;
}

/* Columns of a table but `without`, in order and with commas between. */
static char *columns_of(struct tl_work *w, const char *table, const char *without, struct tl_error *e)
{
    char *list = NULL;
    char *sql = tl_format("SELECT group_concat(name, ', ') FROM pragma_table_info('%s') WHERE name <> '%s'",
                          table, without);
    tl_sql_text(w->s->db, sql, &list, what_, e);
    free(sql);
    return list;
}

/* Content: a table, its key, and the keys that what comes in refers to; NULL: all come in. */
struct content {
    const char *table, *key, *referred;
};

/* Each column of a row that is in both takes the greater value. Of two texts for the symbols of a stack the longer one says
 * more. */
static int merge_content(struct tl_work *w, const struct content *content, struct tl_error *e)
{
    const char *table = content->table, *key = content->key;
    char *others = columns_of(w, table, key, e), *copied = tl_strdup(others), *save = NULL;
    if (!others && !strcmp(table, "unit")) /* nothing but the key */
        return exec(w, "INSERT OR IGNORE INTO main.unit(name) SELECT name FROM o.unit NOT INDEXED", e);
    if (!others)
        return -1;
    struct tl_buffer sql = TL_BUFFER_INIT;
    const char *glue = "";
    tl_buffer_printf(&sql, "INSERT INTO main.%s(%s, %s) SELECT %s, %s FROM o.%s x NOT INDEXED WHERE ", table,
                     key, others, key, others, table);
    if (content->referred)
        tl_buffer_printf(&sql, "x.%s IN (%s) OR EXISTS (SELECT 1 FROM main.%s y WHERE y.%s = x.%s)", key,
                         content->referred, table, key, key);
    else
        tl_buffer_add_string(&sql, "true");
    tl_buffer_printf(&sql, " ON CONFLICT(%s) DO UPDATE SET ", key);
    for (char *c = strtok_r(copied, ", ", &save); c; c = strtok_r(NULL, ", ", &save)) {
        if (!strcmp(c, "symbols"))
            tl_buffer_printf(&sql,
                             "%s%s = CASE WHEN %s IS NULL OR (length(excluded.%s), excluded.%s) > "
                             "(length(%s), %s) THEN excluded.%s ELSE %s END",
                             glue, c, c, c, c, c, c, c, c);
        else
            tl_buffer_printf(&sql,
                             "%s%s = CASE WHEN %s IS NULL OR excluded.%s > %s THEN excluded.%s ELSE %s END",
                             glue, c, c, c, c, c, c);
        glue = ", ";
    }
    int result = exec(w, sql.data, e);
    tl_buffer_free(&sql);
    free(copied);
    free(others);
    return result;
}

#define OF_ADDED_TRIALS " WHERE trial_id IN (SELECT id FROM temp.added)"

/* What is referred to comes first. */
static const struct content contents[] = {
    {"machine", "id", NULL},
    {"session", "id", NULL},
    {"environment", "id", NULL},
    {"case_file", "hash", NULL},
    {"variant", "hash", NULL},
    {"unit", "name", NULL},
    {"signature", "id", "SELECT signature_id FROM o.trial WHERE n IN (SELECT n FROM temp.added)"},
    {"module", "id", NULL},
    {"module_set", "id", "SELECT module_set_id FROM o.capture" OF_ADDED_TRIALS},
    {"stack", "id", "SELECT stack_id FROM o.thread" OF_ADDED_TRIALS},
    {"night", "id", NULL},
    {"night_session", "session_id", NULL},
    {"anew", "cell", NULL},
    {"system_report", "id", "SELECT report_id FROM o.report_of_trial"},
};

/* Trials that come in: those that are not here, and those of which more is known there. An index of the other one may say
 * something else than its table does, which no quick check sees: it is the table that is read, here and below. */
static const char *const choosing[] = {
    "CREATE TEMP TABLE IF NOT EXISTS regained(id TEXT PRIMARY KEY) WITHOUT ROWID",
    "CREATE TEMP TABLE IF NOT EXISTS added(id TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID",
    "DELETE FROM temp.regained",
    "DELETE FROM temp.added",
    /* Two losses of one trial differ in when they were noticed: the lesser text stays. And a report of the system completed
     * a trial there (tl_store_completed), and not here. */
    ("INSERT INTO temp.regained SELECT t.id FROM o.trial x NOT INDEXED JOIN main.trial t ON t.id = x.id "
     "WHERE (t.outcome = 'lost' AND (x.outcome <> 'lost' OR ifnull(x.message, '') < ifnull(t.message, ''))) "
     "OR (x.outcome <> 'lost' AND x.signature_id IS NOT t.signature_id "
     "AND EXISTS (SELECT 1 FROM o.report_of_trial WHERE trial_id = t.id AND relation = 'own') "
     "AND NOT EXISTS (SELECT 1 FROM main.report_of_trial WHERE trial_id = t.id AND relation = 'own'))"),
    "DELETE FROM main.thread WHERE trial_id IN (SELECT id FROM temp.regained)",
    "DELETE FROM main.capture WHERE trial_id IN (SELECT id FROM temp.regained)",
    "DELETE FROM main.output WHERE trial_id IN (SELECT id FROM temp.regained)",
    "DELETE FROM main.trial WHERE id IN (SELECT id FROM temp.regained)",
    "INSERT INTO temp.added SELECT id, n FROM o.trial x NOT INDEXED WHERE NOT EXISTS (SELECT 1 FROM "
    "main.trial WHERE id = x.id)",
};

static int merge_trials(struct tl_work *w, struct tl_error *e)
{
    char *list = columns_of(w, "trial", "n", e);
    if (!list)
        return -1;
    /* Row numbers are sorted, not rows; the limit makes SQLite keep the order. */
    char *sql = tl_format(
        "INSERT INTO main.trial(%s) SELECT %s FROM (SELECT t.n AS number FROM temp.added a CROSS JOIN "
        "o.trial t NOT INDEXED ON t.n = a.n ORDER BY t.started_us, t.n LIMIT 9000000000000000000) CROSS JOIN "
        "o.trial x "
        "NOT INDEXED ON x.n = number",
        list, list);
    int result = exec(w, sql, e);
    free(sql);
    free(list);
    static const char *const belongings[] = {"output", "capture", "thread"};
    for (size_t i = 0; i < 3 && !result; i++) {
        sql =
            tl_format("INSERT INTO main.%s SELECT * FROM o.%s" OF_ADDED_TRIALS, belongings[i], belongings[i]);
        result = exec(w, sql, e);
        free(sql);
    }
    return result;
}

static const char *const findings =
    "INSERT INTO main.finding SELECT * FROM o.finding WHERE true ON CONFLICT(id) DO UPDATE SET "
    "(kind, case_name, case_hash, unit, environment_id, signature_id, complete, created_us, document) = "
    "(excluded.kind, excluded.case_name, excluded.case_hash, excluded.unit, excluded.environment_id, "
    "excluded.signature_id, excluded.complete, excluded.created_us, excluded.document) "
    "WHERE (excluded.complete, excluded.created_us, excluded.document) > (complete, created_us, document)";

/* Cells are stored with the end of their night, all at once, and are the same wherever it ended. */
static const char *const night_cells = "INSERT OR IGNORE INTO main.night_cell SELECT * FROM o.night_cell";

#define KNOWN_OF(row)                                                                                        \
    row "removed, " row "since_us, " row "status, " row "until, " row "name, " row "url, " row "note, " row  \
        "title, " row "causes, " row "outcome, " row "phase, " row "signal"
#define KNOWN_SET "(changed_us, " KNOWN_OF("") ") = (excluded.changed_us, " KNOWN_OF("excluded.") ")"

static const char *const answering[] = {
    "INSERT INTO main.set_aside SELECT * FROM o.set_aside WHERE true ON CONFLICT(trial_id) DO UPDATE SET "
    "(set_aside_us, because) = (excluded.set_aside_us, excluded.because) "
    "WHERE (excluded.set_aside_us, excluded.because) < (set_aside_us, because)",
    "INSERT INTO main.processes SELECT * FROM o.processes WHERE true ON CONFLICT DO UPDATE SET "
    "(differ, variant_hash, forked_failed, forked, fresh_failed, fresh, seen_us) = (excluded.differ, "
    "excluded.variant_hash, excluded.forked_failed, excluded.forked, excluded.fresh_failed, excluded.fresh, "
    "excluded.seen_us) WHERE (excluded.differ, excluded.seen_us, excluded.variant_hash, excluded.forked, "
    "excluded.fresh, excluded.forked_failed, excluded.fresh_failed) > "
    "(differ, seen_us, variant_hash, forked, fresh, forked_failed, fresh_failed)",
    "INSERT OR IGNORE INTO main.report_of_trial SELECT * FROM o.report_of_trial",
    /* Of a trial that two machines ran each knows one: which of them is told is the same wherever they meet. */
    "INSERT INTO main.ran_on SELECT * FROM o.ran_on WHERE true ON CONFLICT(trial_id) DO UPDATE SET "
    "(machine, delivered, job_id, session_id) = (excluded.machine, excluded.delivered, excluded.job_id, "
    "excluded.session_id) WHERE (excluded.machine, excluded.delivered, ifnull(excluded.job_id, ''), "
    "ifnull(excluded.session_id, '')) > (machine, delivered, ifnull(job_id, ''), ifnull(session_id, ''))",
    /* What was said last of a failure holds, all of it. */
    "INSERT INTO main.known SELECT * FROM o.known WHERE true ON CONFLICT(id) DO UPDATE SET " KNOWN_SET
    " WHERE (excluded.changed_us, " KNOWN_OF("excluded.") ") > (changed_us, " KNOWN_OF("") ")",
    "INSERT INTO main.known_place SELECT * FROM o.known_place WHERE true ON CONFLICT DO UPDATE SET "
    "(changed_us, "
    "removed) = (excluded.changed_us, excluded.removed) WHERE (excluded.changed_us, excluded.removed) > "
    "(changed_us, removed)",
};

#define OF_ADDED "WHERE id IN (SELECT id FROM temp.added)"

static const char *const adding[] = {
    "INSERT INTO main.summary " TL_SUMMARY_OF(
        OF_ADDED) " ON CONFLICT DO UPDATE SET trials = trials + excluded.trials, fresh = fresh + "
                  "excluded.fresh, "
                  "first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us)",
    "INSERT INTO main.tally " TL_TALLY_OF(
        OF_ADDED) " ON CONFLICT DO UPDATE SET trials = trials + excluded.trials, "
                  "first_us = min(first_us, excluded.first_us), last_us = max(last_us, excluded.last_us)",
};

/* When trials were replaced: all sums anew. */
static const char *const recounting[] = {
    "DELETE FROM main.summary",
    "INSERT INTO main.summary " TL_SUMMARY_OF(""),
    "DELETE FROM main.tally",
    "INSERT INTO main.tally " TL_TALLY_OF(""),
};

static int run_all(struct tl_work *w, const char *const *list, size_t n, struct tl_error *e)
{
    for (size_t i = 0; i < n; i++)
        if (exec(w, list[i], e))
            return -1;
    return 0;
}
#define RUN(w, list, e) run_all(w, list, TL_COUNT(list), e)

static int merge_rows(struct tl_work *w, struct tl_merged *r, struct tl_error *e)
{
    int64_t added, regained, there;
    w->doing = "merging";
    if (RUN(w, choosing, e) || number(w, "SELECT count(*) FROM temp.added", &added, e) ||
        number(w, "SELECT count(*) FROM temp.regained", &regained, e) ||
        number(w, "SELECT count(*) FROM o.trial NOT INDEXED", &there, e))
        return -1;
    for (size_t i = 0; i < TL_COUNT(contents); i++)
        if (merge_content(w, &contents[i], e))
            return -1;
    if (merge_trials(w, e) || exec(w, findings, e))
        return -1;
    r->findings = (uint64_t)sqlite3_changes64(w->s->db);
    if (exec(w, night_cells, e) || RUN(w, answering, e))
        return -1;
    w->doing = "adding up";
    if (regained ? RUN(w, recounting, e) : added ? RUN(w, adding, e) : 0)
        return -1;
    if (regained && tl_content_sweep(w->s->db, what_, e))
        return -1;
    r->trials = (uint64_t)(added - regained);
    r->regained = (uint64_t)regained;
    r->known = (uint64_t)(there - added);
    return 0;
}

/* What is read of the other one first is what is read of it until the end. The own one is locked when that has been found to
 * be sound, which takes long: others may write until then. */
static int merge_attached(struct tl_work *w, const struct tl_other *o, struct tl_merged *r,
                          struct tl_error *e)
{
    sqlite3 *db = w->s->db;
    tl_work_watch(w, o->watch, "checking", o->path);
    int result = tl_work_stops(w) || tl_sql_exec(db, "BEGIN", what_, e) || tl_other_check(w->s, o, e) ||
                         tl_sql_exec(db, "UPDATE main.meta SET value = value WHERE 0", what_, e) ||
                         merge_rows(w, r, e) || tl_other_changed(o) || tl_sql_exec(db, "COMMIT", what_, e)
                     ? -1
                     : 0;
    tl_work_unwatch(w);
    if (w->stopped)
        result = stopped(e);
    if (!sqlite3_get_autocommit(db))
        sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    tl_store_forget(w->s); /* rows may have been swept */
    return result;
}

int tl_store_merge(struct tl_store *s, const char *path, const struct tl_watch *watch,
                   struct tl_merged *merged, struct tl_error *e)
{
    struct tl_other other;
    struct tl_work work;
    *merged = (struct tl_merged){0};
    if (s->mode != TL_STORE_WRITE)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, what_, s->path, "it was opened for reading");
    if (tl_store_flush(s, e) || tl_work_begin(s, &work, what_, e))
        return -1;
    int result = -1;
    for (bool alone = true, again = true; again; alone = false) {
        result = tl_other_attach(s, path, work.stage.path, alone, watch, &other, e);
        if (!result) {
            result = merge_attached(&work, &other, merged, e);
            tl_other_detach(s);
        }
        again = result && !work.stopped && tl_other_changed(&other); /* whatever was made of what was read */
        if (again)
            *merged = (struct tl_merged){0};
    }
    tl_work_end(&work);
    return result;
}
