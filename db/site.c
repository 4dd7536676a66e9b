#include "db/site.h"

#include "db/sql.h"
#include "db/store_impl.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char what_[] = "cannot read the database for a site";

int tl_site_begin(struct tl_store *s, struct tl_error *e)
{
    return tl_sql_exec(s->db, "BEGIN", what_, e);
}

void tl_site_end(struct tl_store *s)
{
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

static const char *text(sqlite3_stmt *st, int column)
{
    return (const char *)sqlite3_column_text(st, column);
}

/* Ends a scan: stop is what the callback said. */
static int finish(struct tl_store *s, sqlite3_stmt *st, int rc, int stop, struct tl_error *e)
{
    if (!stop && rc != SQLITE_DONE)
        stop = tl_sql_fail(e, s->db, rc, what_);
    sqlite3_finalize(st);
    return stop ? -1 : 0;
}

int tl_site_sums(struct tl_store *s, tl_site_sum_found found, void *arg, struct tl_error *e)
{
    sqlite3_stmt *st =
        tl_sql_prepare(s->db,
                       "SELECT case_name, unit, outcome, sum(trials), min(first_us), max(last_us) FROM tally "
                       "GROUP BY case_name, unit, outcome ORDER BY case_name, unit",
                       what_, e);
    int rc = SQLITE_DONE, stop = 0;
    if (!st)
        return -1;
    while (!stop && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct tl_site_sum sum = {.case_name = text(st, 0),
                                  .unit = text(st, 1),
                                  .outcome = tl_sql_outcome(st, 2),
                                  .trials = (uint64_t)sqlite3_column_int64(st, 3),
                                  .first_us = sqlite3_column_int64(st, 4),
                                  .last_us = sqlite3_column_int64(st, 5)};
        stop = found(arg, &sum, e);
    }
    return finish(s, st, rc, stop, e);
}

int tl_site_cells(struct tl_store *s, const char *case_name, tl_site_cell_found found, void *arg,
                  struct tl_error *e)
{
    sqlite3_stmt *st = tl_sql_prepare(
        s->db,
        "SELECT m.variant_hash, v.json, m.unit, n.runtime_version, n.os_build, m.outcome, m.trials, "
        "m.last_us FROM case_file c CROSS JOIN summary m ON m.case_hash = c.hash LEFT JOIN variant "
        "v ON v.hash = m.variant_hash LEFT JOIN environment n ON n.id = m.environment_id WHERE "
        "c.name = ?",
        what_, e);
    int rc = SQLITE_DONE, stop = 0;
    if (!st)
        return -1;
    tl_sql_bind(st, 1, case_name);
    while (!stop && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct tl_site_cell cell = {.variant_hash = text(st, 0),
                                    .variant = text(st, 1),
                                    .unit = text(st, 2),
                                    .runtime_version = text(st, 3),
                                    .os_build = text(st, 4),
                                    .outcome = tl_sql_outcome(st, 5),
                                    .trials = (uint64_t)sqlite3_column_int64(st, 6),
                                    .last_us = sqlite3_column_int64(st, 7)};
        stop = found(arg, &cell, e);
    }
    return finish(s, st, rc, stop, e);
}

int tl_site_places(struct tl_store *s, tl_site_place_found found, void *arg, struct tl_error *e)
{
    sqlite3_stmt *st = tl_sql_prepare(
        s->db,
        "SELECT m.signature_id, c.name, m.unit, n.runtime_version, n.os_build, sum(m.trials), "
        "min(m.first_us), max(m.last_us) FROM summary m JOIN case_file c ON c.hash = m.case_hash LEFT "
        "JOIN environment n ON n.id = m.environment_id WHERE m.signature_id <> '' GROUP BY "
        "m.signature_id, c.name, m.unit, n.runtime_version, n.os_build ORDER BY m.signature_id, "
        "c.name, m.unit",
        what_, e);
    int rc = SQLITE_DONE, stop = 0;
    if (!st)
        return -1;
    while (!stop && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct tl_site_place place = {.signature_id = text(st, 0),
                                      .case_name = text(st, 1),
                                      .unit = text(st, 2),
                                      .runtime_version = text(st, 3),
                                      .os_build = text(st, 4),
                                      .trials = (uint64_t)sqlite3_column_int64(st, 5),
                                      .first_us = sqlite3_column_int64(st, 6),
                                      .last_us = sqlite3_column_int64(st, 7)};
        stop = found(arg, &place, e);
    }
    return finish(s, st, rc, stop, e);
}

int tl_site_lines(struct tl_store *s, tl_site_line_found found, void *arg, struct tl_error *e)
{
    /* Read backwards the index gives the newest trial of each outcome first; nothing is sorted. */
    sqlite3_stmt *st = tl_sql_prepare(
        s->db,
        "SELECT t.id, t.case_name, t.unit, t.outcome, t.started_us, t.wall_s, t.variant_hash, v.json, "
        "t.signature_id, "
        "g.title, t.message FROM trial t INDEXED BY trial_by_case LEFT JOIN variant v ON v.hash = "
        "t.variant_hash LEFT JOIN "
        "signature g ON g.id = t.signature_id ORDER BY t.case_name DESC, t.outcome DESC, t.started_us DESC",
        what_, e);
    int rc = SQLITE_DONE, stop = 0;
    if (!st)
        return -1;
    while (!stop && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct tl_site_line line = {.id = text(st, 0),
                                    .case_name = text(st, 1),
                                    .unit = text(st, 2),
                                    .outcome = tl_sql_outcome(st, 3),
                                    .started_us = sqlite3_column_int64(st, 4),
                                    .wall_seconds = sqlite3_column_double(st, 5),
                                    .variant_hash = text(st, 6),
                                    .variant = text(st, 7),
                                    .signature_id = text(st, 8),
                                    .title = text(st, 9),
                                    .message = text(st, 10)};
        stop = found(arg, &line, e);
    }
    return finish(s, st, rc, stop, e);
}

/* --- stacks --------------------------------------------------------------------------------------------- */

/* Modules by build-id: there are as many as files were ever loaded, not as many as stacks. */
struct modules {
    size_t n;
    struct module_file {
        char *build_id, *path;
    } * list;
};

static int read_modules(struct tl_store *s, struct modules *m, struct tl_error *e)
{
    sqlite3_stmt *st =
        tl_sql_prepare(s->db,
                       "SELECT build_id, path FROM module WHERE build_id <> '' GROUP BY build_id ORDER "
                       "BY build_id",
                       what_, e);
    size_t room = 0;
    int rc;
    *m = (struct modules){0, NULL};
    if (!st)
        return -1;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        if (m->n == room) {
            room = room ? 2 * room : 64;
            m->list = tl_realloc(m->list, room, sizeof *m->list);
        }
        m->list[m->n++] = (struct module_file){tl_sql_dup(st, 0), tl_sql_dup(st, 1)};
    }
    return finish(s, st, rc, 0, e);
}

static void free_modules(struct modules *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->list[i].build_id);
        free(m->list[i].path);
    }
    free(m->list);
}

static int by_build_id(const void *key, const void *module)
{
    return strcmp(key, ((const struct module_file *)module)->build_id);
}

/* The modules that a stack refers to: by build-id, or by the file's name where that has none. */
static void take_modules(const struct modules *m, const char *frames, struct tl_capture *c)
{
    json_t *stack = frames ? json_loads(frames, 0, NULL) : NULL, *name;
    const json_t *names = json_object_get(stack, "modules");
    size_t i;
    c->n_modules = json_array_size(names);
    c->modules = tl_calloc(c->n_modules + 1, sizeof *c->modules);
    json_array_foreach(names, i, name)
    {
        const char *key = json_is_string(name) ? json_string_value(name) : "";
        const struct module_file *f = m->n ? bsearch(key, m->list, m->n, sizeof *m->list, by_build_id) : NULL;
        c->modules[i].path = tl_strdup(f && f->path ? f->path : key);
        if (f)
            snprintf(c->modules[i].build_id, sizeof c->modules[i].build_id, "%s", key);
    }
    json_decref(stack);
}

int tl_site_stacks(struct tl_store *s, tl_site_stack_found found, void *arg, struct tl_error *e)
{
    struct modules modules;
    int rc = SQLITE_DONE, stop = read_modules(s, &modules, e);
    sqlite3_stmt *st =
        stop ? NULL
             : tl_sql_prepare(
                   s->db, "SELECT id, omitted_at, omitted, truncated, frames, symbols FROM stack ORDER BY id",
                   what_, e);
    while (st && !stop && (rc = sqlite3_step(st)) == SQLITE_ROW) {
        struct tl_capture c;
        char *frames, *symbols;
        memset(&c, 0, sizeof c);
        tl_unpack(&s->packer, st, 4, -1, &frames, NULL);
        tl_unpack(&s->packer, st, 5, -1, &symbols, NULL);
        take_modules(&modules, frames, &c);
        c.n_threads = 1;
        c.threads = tl_calloc(1, sizeof *c.threads);
        c.threads->omitted_at = (size_t)sqlite3_column_int64(st, 1);
        c.threads->omitted = (uint64_t)sqlite3_column_int64(st, 2);
        c.threads->truncated = sqlite3_column_int(st, 3);
        if (tl_unpack_frames(frames, &c, c.threads) == 0)
            tl_unpack_symbols(symbols, c.threads);
        free(frames);
        free(symbols);
        stop = found(arg, text(st, 0), &c, e);
        tl_capture_free(&c);
    }
    free_modules(&modules);
    return st ? finish(s, st, rc, stop, e) : -1;
}

static int few_names(struct tl_store *s, tl_site_name_found found, void *arg, struct tl_error *e)
{
    sqlite3_stmt *st = tl_sql_prepare(
        s->db,
        "SELECT name, 0 FROM machine UNION SELECT command, 1 FROM session UNION SELECT runtime_path, 1 "
        "FROM environment UNION SELECT path, 1 FROM module UNION SELECT json, 1 FROM variant ORDER BY 2",
        what_, e);
    int rc = SQLITE_DONE, stop = 0;
    if (!st)
        return -1;
    while (!stop && (rc = sqlite3_step(st)) == SQLITE_ROW)
        if (text(st, 0))
            stop = found(arg, text(st, 0), sqlite3_column_int(st, 1) ? TL_SITE_PATH : TL_SITE_HOST, e);
    return finish(s, st, rc, stop, e);
}

/* What is packed is unpacked: packed says of which of the two columns that is so; -1: as typeof() tells. */
static int said(struct tl_store *s, const char *sql, tl_site_name_found found, void *arg, struct tl_error *e)
{
    sqlite3_stmt *st = tl_sql_prepare(s->db, sql, what_, e);
    int rc = SQLITE_DONE, stop = 0;
    if (!st)
        return -1;
    while (!stop && (rc = sqlite3_step(st)) == SQLITE_ROW)
        for (int i = 0; i < 2 && !stop; i++) {
            char *one;
            int packed = sqlite3_column_int(st, 2);
            if (!tl_unpack(&s->packer, st, i, packed < 0 ? -1 : packed >> i & 1, &one, NULL) && one)
                stop = found(arg, one, TL_SITE_SAID, e);
            free(one);
        }
    return finish(s, st, rc, stop, e);
}

int tl_site_names(struct tl_store *s, tl_site_name_found found, void *arg, struct tl_error *e)
{
    return few_names(s, found, arg, e) || said(s, "SELECT json, NULL, -1 FROM case_file", found, arg, e) ||
                   said(s, "SELECT message, command, -1 FROM trial", found, arg, e) ||
                   said(s, "SELECT head, tail, packed FROM output", found, arg, e)
               ? -1
               : 0;
}
