#include "db/rows.h"

#include "db/sql.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

int tl_rows_choose(struct tl_rows *q, struct tl_store *s, const struct tl_column *columns, const char *names,
                   const char *what, struct tl_error *e)
{
    *q = (struct tl_rows){.s = s, .what = what, .columns = columns, .chosen = names ? 0 : UINT64_MAX};
    while (columns[q->n].sql)
        q->n++;
    while (names && *names) {
        size_t length = strcspn(names, " ");
        uint64_t before = q->chosen;
        for (size_t i = 0; i < q->n; i++) {
            const char *name = columns[i].name;
            if (!strncmp(name, names, length) && (!name[length] || name[length] == '['))
                q->chosen |= UINT64_C(1) << i;
        }
        if (q->chosen == before)
            return tl_fail(e, TL_ERROR_ENVIRONMENT, what, names, "no column has this name");
        names += length + strspn(names + length, " ");
    }
    return 0;
}

bool tl_rows_need(const struct tl_rows *q, const char *prefix)
{
    for (size_t i = 0; i < q->n; i++) {
        const char *at = q->chosen >> i & 1 ? strstr(q->columns[i].sql, prefix) : NULL;
        if (at && (at == q->columns[i].sql || !strchr("_abcdefghijklmnopqrstuvwxyz", at[-1])))
            return true;
    }
    return false;
}

int tl_rows_prepare(struct tl_rows *q, const char *rest, struct tl_error *e)
{
    struct tl_buffer sql = TL_BUFFER_INIT;
    const char *glue = "SELECT ";
    for (size_t i = 0; i < q->n; i++)
        if (q->chosen >> i & 1) {
            tl_buffer_add_string(&sql, glue);
            tl_buffer_add_string(&sql, q->columns[i].sql);
            glue = ", ";
        }
    tl_buffer_printf(&sql, " %s", rest);
    q->st = tl_sql_prepare(q->s->db, sql.data, q->what, e);
    tl_buffer_free(&sql);
    return q->st ? 0 : -1;
}

int tl_rows_open(struct tl_rows *q, struct tl_store *s, const struct tl_column *columns, const char *rest,
                 const char *what, struct tl_error *e)
{
    return tl_rows_choose(q, s, columns, NULL, what, e) || tl_rows_prepare(q, rest, e) ? -1 : 0;
}

bool tl_rows_kept(struct tl_rows *q, enum tl_statement which)
{
    q->st = q->s->statements[which];
    return q->st != NULL;
}

int tl_rows_keep(struct tl_rows *q, enum tl_statement which)
{
    q->s->statements[which] = q->st;
    q->kept = true;
    return 0;
}

int tl_rows_open_kept(struct tl_rows *q, struct tl_store *s, enum tl_statement which,
                      const struct tl_column *columns, const char *rest, const char *what, struct tl_error *e)
{
    if (tl_rows_choose(q, s, columns, NULL, what, e))
        return -1;
    return tl_rows_kept(q, which) || !tl_rows_prepare(q, rest, e) ? tl_rows_keep(q, which) : -1;
}

static void fill(struct tl_rows *q, int column, const struct tl_column *c, void *field)
{
    int64_t number;
    struct tl_bytes bytes;
    char *text;
    switch (c->kind) {
    case TL_COLUMN_TEXT:
        *(const char **)field = (const char *)sqlite3_column_text(q->st, column);
        break;
    case TL_COLUMN_COPY:
        *(char **)field = tl_sql_dup(q->st, column);
        break;
    case TL_COLUMN_PACKED:
        bytes = tl_bytes_of(q->st, column);
        if (tl_unpack(&q->s->packer, &bytes, TL_PACKED_BLOB, field, NULL))
            q->damaged = true;
        break;
    case TL_COLUMN_JSON:
        bytes = tl_bytes_of(q->st, column);
        if (tl_unpack(&q->s->packer, &bytes, TL_PACKED_BLOB, &text, NULL))
            q->damaged = true;
        *(json_t **)field = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
        free(text);
        break;
    case TL_COLUMN_BYTES:
        *(struct tl_bytes *)field = tl_bytes_of(q->st, column);
        break;
    case TL_COLUMN_ARRAY:
        tl_sql_copy(q->st, column, field, c->size);
        break;
    case TL_COLUMN_INTEGER:
        number = sqlite3_column_int64(q->st, column);
        if (c->size == sizeof(int))
            *(int *)field = (int)number;
        else
            memcpy(field, &number, sizeof number);
        break;
    case TL_COLUMN_BOOL:
        *(bool *)field = sqlite3_column_int(q->st, column);
        break;
    case TL_COLUMN_REAL:
        *(double *)field =
            sqlite3_column_type(q->st, column) == SQLITE_NULL ? -1 : sqlite3_column_double(q->st, column);
        break;
    case TL_COLUMN_OUTCOME:
        *(enum tl_outcome *)field = tl_sql_outcome(q->st, column);
        break;
    case TL_COLUMN_SIGNAL:
        *(int *)field = sqlite3_column_type(q->st, column) == SQLITE_TEXT
                            ? tl_signal_parse((const char *)sqlite3_column_text(q->st, column))
                            : sqlite3_column_int(q->st, column);
        break;
    case TL_COLUMN_PHASE:
        *(enum tl_phase *)field = tl_sql_phase(q->st, column);
        break;
    }
}

bool tl_rows_next(struct tl_rows *q, void *row)
{
    q->damaged = false;
    q->rc = sqlite3_step(q->st);
    if (q->rc != SQLITE_ROW)
        return false;
    int column = 0;
    for (size_t i = 0; i < q->n; i++)
        if (q->chosen >> i & 1)
            fill(q, column++, &q->columns[i], (char *)row + q->columns[i].at);
    return true;
}

void *tl_rows_all(struct tl_rows *q, size_t size, size_t *n)
{
    char *list = NULL, *row = tl_calloc(1, size);
    size_t room = 0;
    for (*n = 0; tl_rows_next(q, row); ++*n) {
        if (*n == room) {
            room = room ? 2 * room : 16;
            list = tl_realloc(list, room, size);
        }
        memcpy(list + *n * size, row, size);
    }
    free(row);
    return list;
}

int tl_rows_close(struct tl_rows *q, int stopped, struct tl_error *e)
{
    bool good = q->rc == SQLITE_OK || q->rc == SQLITE_ROW || q->rc == SQLITE_DONE;
    if (!stopped && !good)
        tl_sql_fail(e, q->s->db, q->rc, q->what);
    if (q->kept) {
        sqlite3_reset(q->st);
        sqlite3_clear_bindings(q->st); /* so that nothing of the caller's is referred to any longer */
    } else {
        sqlite3_finalize(q->st);
    }
    return stopped || !good ? -1 : 0;
}
