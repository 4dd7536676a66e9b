#include "db/values.h"

#include "db/group.h"
#include "db/sql.h"

#include <string.h>

void tl_values_bind(struct tl_store *s, sqlite3_stmt *st, const struct tl_value *v, size_t n)
{
    for (int at = 1; n--; at++, v++)
        switch (v->kind) {
        case TL_VALUE_NULL:
            sqlite3_bind_null(st, at);
            break;
        case TL_VALUE_TEXT:
            tl_sql_bind(st, at, v->text);
            break;
        case TL_VALUE_PACKED:
            tl_pack_text(&s->packer, st, at, v->text, v->text ? strlen(v->text) : 0);
            break;
        case TL_VALUE_INTEGER:
            sqlite3_bind_int64(st, at, v->integer);
            break;
        case TL_VALUE_REAL:
            sqlite3_bind_double(st, at, v->real);
            break;
        }
}

int tl_values_run(struct tl_store *s, const char *sql, const struct tl_value *v, size_t n, const char *what,
                  struct tl_error *e)
{
    sqlite3_stmt *st = tl_sql_prepare(s->db, sql, what, e);
    if (!st)
        return -1;
    tl_values_bind(s, st, v, n);
    int result = tl_store_step(s, st, what, e);
    sqlite3_finalize(st);
    return result;
}

int tl_values_run_kept(struct tl_store *s, enum tl_statement which, const char *sql, const struct tl_value *v,
                       size_t n, const char *what, struct tl_error *e)
{
    sqlite3_stmt *st = tl_store_statement(s, which, sql, what, e);
    if (!st)
        return -1;
    tl_values_bind(s, st, v, n);
    return tl_store_step(s, st, what, e);
}
