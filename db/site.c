/* Walks through the whole database in the order of an index: sums, cells, places, lines, stacks, names.
 * Nothing that is as long as the list of trials is sorted or kept. */
#include "db/site.h"

#include "db/imported.h"
#include "db/rows.h"
#include "db/sql.h"
#include "db/trial_row.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static const char what_[] = "cannot read the database for a site";

static const struct tl_column sum_columns[] = {
    TL_COLUMN(struct tl_site_sum, case_name, "case_name"),
    TL_COLUMN(struct tl_site_sum, unit, "unit"),
    TL_COLUMN(struct tl_site_sum, outcome, "outcome"),
    TL_COLUMN(struct tl_site_sum, trials, "sum(trials)"),
    TL_COLUMN(struct tl_site_sum, first_us, "min(first_us)"),
    TL_COLUMN(struct tl_site_sum, last_us, "max(last_us)"),
    {0},
};

int tl_site_sums(struct tl_store *s, tl_site_sum_found found, void *arg, struct tl_error *e)
{
    struct tl_rows q;
    struct tl_site_sum sum;
    int stop = 0;
    if (tl_rows_open(&q, s, sum_columns,
                     "FROM tally WHERE " TL_NOT_IMPORTED(
                         "") " GROUP BY case_name, unit, outcome ORDER BY case_name, unit",
                     what_, e))
        return -1;
    while (!stop && tl_rows_next(&q, &sum))
        stop = found(arg, &sum, e);
    return tl_rows_close(&q, stop, e);
}

static const struct tl_column cell_columns[] = {
    TL_COLUMN(struct tl_site_cell, case_hash, "m.case_hash"),
    TL_COLUMN(struct tl_site_cell, signature_id, "m.signature_id"),
    TL_COLUMN(struct tl_site_cell, variant_hash, "m.variant_hash"),
    TL_COLUMN(struct tl_site_cell, variant, "v.json"),
    TL_COLUMN(struct tl_site_cell, unit, "m.unit"),
    TL_COLUMN(struct tl_site_cell, runtime_version, "n.runtime_version"),
    TL_COLUMN(struct tl_site_cell, os_build, "n.os_build"),
    TL_COLUMN(struct tl_site_cell, outcome, "m.outcome"),
    TL_COLUMN(struct tl_site_cell, trials, "m.trials"),
    TL_COLUMN(struct tl_site_cell, last_us, "m.last_us"),
    {0},
};

int tl_site_cells(struct tl_store *s, const char *case_name, tl_site_cell_found found, void *arg,
                  struct tl_error *e)
{
    struct tl_rows q;
    struct tl_site_cell cell;
    int stop = 0;
    if (tl_rows_open(&q, s, cell_columns,
                     "FROM case_file c CROSS JOIN summary m ON m.case_hash = c.hash LEFT JOIN variant v ON "
                     "v.hash = m.variant_hash LEFT JOIN environment n ON n.id = m.environment_id WHERE "
                     "c.name = ? AND " TL_NOT_IMPORTED("m.") " ORDER BY m.variant_hash, m.case_hash",
                     what_, e))
        return -1;
    tl_sql_bind(q.st, 1, case_name);
    while (!stop && tl_rows_next(&q, &cell))
        stop = found(arg, &cell, e);
    return tl_rows_close(&q, stop, e);
}

int tl_site_example(struct tl_store *s, const struct tl_site_cell *c, char **title, char **message,
                    struct tl_error *e)
{
    struct example {
        char *title, *message;
    } found = {0};
    static const struct tl_column columns[] = {
        TL_COLUMN_AS(struct example, title, TL_COLUMN_COPY, "s.title"),
        TL_COLUMN_AS(struct example, message, TL_COLUMN_COPY, "t.message"),
        {0},
    };
    struct tl_rows q;
    *title = *message = NULL;
    if (tl_rows_open(
            &q, s, columns,
            "FROM trial t LEFT JOIN signature s ON s.id = t.signature_id WHERE t.signature_id = ?1 AND "
            "t.case_hash = ?2 AND t.variant_hash = ?3 AND t.unit = ?4 LIMIT 1",
            what_, e))
        return -1;
    tl_sql_bind(q.st, 1, c->signature_id);
    tl_sql_bind(q.st, 2, c->case_hash);
    tl_sql_bind(q.st, 3, c->variant_hash);
    tl_sql_bind(q.st, 4, c->unit);
    if (tl_rows_next(&q, &found)) {
        *title = found.title;
        *message = found.message;
    }
    return tl_rows_close(&q, 0, e);
}

int tl_site_was_lost(struct tl_store *s, const char *case_name, const char *signature_id, bool *was,
                     struct tl_error *e)
{
    struct one {
        int n;
    } row = {0};
    static const struct tl_column columns[] = {TL_COLUMN(struct one, n, "1"), {0}};
    struct tl_rows q;
    *was = false;
    if (tl_rows_open(
            &q, s, columns,
            "FROM trial WHERE case_name = ?1 AND outcome = 'lost' AND signature_id = ?2 AND command IS NULL "
            "LIMIT 1",
            what_, e))
        return -1;
    tl_sql_bind(q.st, 1, case_name);
    tl_sql_bind(q.st, 2, signature_id);
    *was = tl_rows_next(&q, &row);
    return tl_rows_close(&q, 0, e);
}

int tl_site_case_says(struct tl_store *s, const char *case_name, const char *key, bool *says,
                      struct tl_error *e)
{
    struct document {
        char *json;
    } row;
    static const struct tl_column columns[] = {
        TL_COLUMN_AS(struct document, json, TL_COLUMN_PACKED, "json"),
        {0},
    };
    struct tl_rows q;
    char *quoted = tl_format("\"%s\"", key);
    *says = false;
    if (tl_rows_open(&q, s, columns, "FROM case_file WHERE name = ?", what_, e)) {
        free(quoted);
        return -1;
    }
    tl_sql_bind(q.st, 1, case_name);
    while (tl_rows_next(&q, &row)) {
        *says = *says || (row.json && strstr(row.json, quoted));
        free(row.json);
    }
    free(quoted);
    return tl_rows_close(&q, 0, e);
}

static const struct tl_column place_columns[] = {
    TL_COLUMN(struct tl_site_place, signature_id, "m.signature_id"),
    TL_COLUMN(struct tl_site_place, case_name, "c.name"),
    TL_COLUMN(struct tl_site_place, unit, "m.unit"),
    TL_COLUMN(struct tl_site_place, runtime_version, "n.runtime_version"),
    TL_COLUMN(struct tl_site_place, os_build, "n.os_build"),
    TL_COLUMN(struct tl_site_place, title, "g.title"),
    TL_COLUMN(struct tl_site_place, coarse_id, "g.coarse_id"),
    TL_COLUMN(struct tl_site_place, coarse_title, "g.coarse_title"),
    TL_COLUMN(struct tl_site_place, outcome, "g.outcome"),
    TL_COLUMN(struct tl_site_place, phase, "g.phase"),
    TL_COLUMN_SIGNAL_OF(struct tl_site_place, signal, "g."),
    TL_COLUMN(struct tl_site_place, trials, "sum(m.trials)"),
    TL_COLUMN(struct tl_site_place, first_us, "min(m.first_us)"),
    TL_COLUMN(struct tl_site_place, last_us, "max(m.last_us)"),
    {0},
};

int tl_site_places(struct tl_store *s, tl_site_place_found found, void *arg, struct tl_error *e)
{
    struct tl_rows q;
    struct tl_site_place place;
    int stop = 0;
    if (tl_rows_open(
            &q, s, place_columns,
            "FROM summary m JOIN case_file c ON c.hash = m.case_hash JOIN signature g ON g.id = "
            "m.signature_id "
            "LEFT JOIN environment n ON n.id = m.environment_id GROUP BY c.name, m.signature_id, m.unit, "
            "n.runtime_version, n.os_build ORDER BY c.name, m.signature_id, m.unit",
            what_, e))
        return -1;
    while (!stop && tl_rows_next(&q, &place))
        stop = found(arg, &place, e);
    return tl_rows_close(&q, stop, e);
}

int tl_site_lines(struct tl_store *s, tl_trial_row_found found, void *arg, struct tl_error *e)
{
    struct tl_rows q;
    /* Only the times and numbers of rows are sorted, out of an index that holds both: sixteen bytes for each. The limit, which
     * is none, keeps SQLite from leaving that order out. */
    if (tl_trials_open(&q, s, tl_row_columns,
                       "id case_name unit outcome phase signal started_us wall_seconds variant_hash variant "
                       "signature_id title message",
                       "FROM (SELECT n AS m FROM trial INDEXED BY trial_by_outcome ORDER BY started_us DESC, "
                       "n DESC LIMIT -1) CROSS JOIN trial ON trial.n = m",
                       "WHERE " TL_NOT_IMPORTED("trial."), what_, e))
        return -1;
    return tl_trial_rows_each(&q, found, arg, e);
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
    static const struct tl_column columns[] = {
        TL_COLUMN(struct module_file, build_id, "build_id"),
        TL_COLUMN(struct module_file, path, "path"),
        {0},
    };
    struct tl_rows q;
    *m = (struct modules){0, NULL};
    if (tl_rows_open(&q, s, columns, "FROM module WHERE build_id <> '' GROUP BY build_id ORDER BY build_id",
                     what_, e))
        return -1;
    m->list = tl_rows_all(&q, sizeof *m->list, &m->n);
    return tl_rows_close(&q, 0, e);
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
    json_array_foreach(names, i, name) {
        const char *key = json_is_string(name) ? json_string_value(name) : "";
        const struct module_file *f = m->n ? bsearch(key, m->list, m->n, sizeof *m->list, by_build_id) : NULL;
        c->modules[i].path = tl_strdup(f && f->path ? f->path : key);
        if (f)
            snprintf(c->modules[i].build_id, sizeof c->modules[i].build_id, "%s", key);
    }
    json_decref(stack);
}

struct stack_row {
    const char *id;
    char *frames, *symbols;
    struct tl_thread thread;
};

static const struct tl_column stack_columns[] = {
    TL_COLUMN(struct stack_row, id, "id"),
    TL_COLUMN_AS(struct stack_row, thread.omitted_at, TL_COLUMN_INTEGER, "omitted_at"),
    TL_COLUMN(struct stack_row, thread.omitted, "omitted"),
    TL_COLUMN(struct stack_row, thread.truncated, "truncated"),
    TL_COLUMN_AS(struct stack_row, frames, TL_COLUMN_PACKED, "frames"),
    TL_COLUMN_AS(struct stack_row, symbols, TL_COLUMN_PACKED, "symbols"),
    {0},
};

static int report_stack(const struct modules *m, struct stack_row *row, tl_site_stack_found found, void *arg,
                        struct tl_error *e)
{
    struct tl_capture c = {.n_threads = 1};
    take_modules(m, row->frames, &c);
    c.threads = tl_calloc(1, sizeof *c.threads);
    *c.threads = row->thread;
    if (tl_unpack_frames(row->frames, &c, c.threads) == 0)
        tl_unpack_symbols(row->symbols, c.threads);
    free(row->frames);
    free(row->symbols);
    int stop = found(arg, row->id, &c, e);
    tl_capture_free(&c);
    return stop;
}

int tl_site_stacks(struct tl_store *s, tl_site_stack_found found, void *arg, struct tl_error *e)
{
    struct modules modules;
    struct tl_rows q;
    struct stack_row row = {0};
    int stop =
        read_modules(s, &modules, e) || tl_rows_open(&q, s, stack_columns, "FROM stack ORDER BY id", what_, e)
            ? -1
            : 0;
    if (!stop) {
        while (!stop && tl_rows_next(&q, &row))
            stop = report_stack(&modules, &row, found, arg, e);
        stop = tl_rows_close(&q, stop, e);
    }
    free_modules(&modules);
    return stop;
}

/* --- names ---------------------------------------------------------------------------------------------- */

/* Two texts of a row, in which a user or a host may be named. */
struct text_row {
    struct tl_bytes texts[2];
    int packed; /* bits: which of them are zstd frames; TL_PACKED_BLOB: those that are blobs */
    int named;  /* enum tl_site_named */
};

static const struct tl_column text_columns[] = {
    TL_COLUMN(struct text_row, texts[0], "a"),
    TL_COLUMN(struct text_row, texts[1], "b"),
    TL_COLUMN(struct text_row, packed, "packed"),
    TL_COLUMN(struct text_row, named, "named"),
    {0},
};

/* Few rows first, of which each name is wanted once; then those that are as many as trials, unsorted. */
static const char *const text_sources[] = {
    "FROM (SELECT name AS a, NULL AS b, -1 AS packed, 0 AS named FROM machine UNION SELECT command, NULL, "
    "-1, 1 "
    "FROM session UNION SELECT runtime_path, NULL, -1, 1 FROM environment UNION SELECT path, NULL, -1, 1 "
    "FROM "
    "module UNION SELECT json, NULL, -1, 1 FROM variant) ORDER BY named, a",
    "FROM (SELECT text AS a, NULL AS b, -1 AS packed, 3 AS named FROM system_report)",
    "FROM (SELECT json AS a, NULL AS b, -1 AS packed, 2 AS named FROM case_file)",
    "FROM (SELECT message AS a, command AS b, -1 AS packed, 2 AS named FROM trial)",
    "FROM (SELECT head AS a, tail AS b, packed, 2 AS named FROM output)",
};

static int find_names(struct tl_store *s, const char *source, tl_site_name_found found, void *arg,
                      struct tl_error *e)
{
    struct tl_rows q;
    struct text_row row;
    int stop = 0;
    if (tl_rows_open(&q, s, text_columns, source, what_, e))
        return -1;
    while (!stop && tl_rows_next(&q, &row))
        for (int i = 0; i < 2 && !stop; i++) {
            char *text;
            int packed = row.packed < 0 ? TL_PACKED_BLOB : row.packed >> i & 1;
            if (!tl_unpack(&s->packer, &row.texts[i], packed, &text, NULL) && text)
                stop = found(arg, text, (enum tl_site_named)row.named, e);
            free(text);
        }
    return tl_rows_close(&q, stop, e);
}

int tl_site_names(struct tl_store *s, tl_site_name_found found, void *arg, struct tl_error *e)
{
    for (size_t i = 0; i < TL_COUNT(text_sources); i++)
        if (find_names(s, text_sources[i], found, arg, e))
            return -1;
    return 0;
}
