/* Rows of a query as structs. For the inside of db/.
 *
 * A table says which column, an expression of SQL, fills which field of a struct. The list behind SELECT is
 * made of the same table, so that no column is ever read by its number, and the compiler refuses a field of a
 * type that no column is read into. */
#ifndef TL_ROWS_H
#define TL_ROWS_H

#include "db/store_impl.h"

enum tl_column_kind {
    TL_COLUMN_TEXT,    /* const char *: SQLite's, until the next row; NULL for NULL */
    TL_COLUMN_COPY,    /* char *: a new string, the caller's; NULL for NULL */
    TL_COLUMN_PACKED,  /* char *: likewise, unpacked (schema.sql); NULL also when it is damaged */
    TL_COLUMN_JSON,    /* json_t *: likewise, parsed; NULL also when it is none */
    TL_COLUMN_BYTES,   /* struct tl_bytes */
    TL_COLUMN_ARRAY,   /* char[]: cut to its size; "" for NULL */
    TL_COLUMN_INTEGER, /* of four or eight bytes */
    TL_COLUMN_BOOL,
    TL_COLUMN_REAL, /* double; -1 for NULL */
    TL_COLUMN_OUTCOME,
    TL_COLUMN_PHASE,
    TL_COLUMN_SIGNAL, /* int: its number here, of a name or of a number */
};

struct tl_column {
    const char *name; /* of the field */
    const char *sql;
    enum tl_column_kind kind;
    size_t at, size; /* of the field in its struct */
};

#define TL_FIELD(of, field) ((of *)0)->field
/* clang-format off */
#define TL_COLUMN_AS(of, field, kind, sql) \
    {#field, sql, kind, offsetof(of, field), sizeof(TL_FIELD(of, field))}
/* clang-format on */
#define TL_COLUMN(of, field, sql)                                                                            \
    TL_COLUMN_AS(of, field,                                                                                  \
                 _Generic(&TL_FIELD(of, field),                                                              \
                          const char **: TL_COLUMN_TEXT,                                                     \
                          char **: TL_COLUMN_COPY,                                                           \
                          char(*)[TL_ID_SIZE]: TL_COLUMN_ARRAY,                                              \
                          char(*)[TL_UUID_SIZE]: TL_COLUMN_ARRAY,                                            \
                          struct tl_bytes *: TL_COLUMN_BYTES,                                                \
                          int *: TL_COLUMN_INTEGER,                                                          \
                          int64_t *: TL_COLUMN_INTEGER,                                                      \
                          uint64_t *: TL_COLUMN_INTEGER,                                                     \
                          bool *: TL_COLUMN_BOOL,                                                            \
                          double *: TL_COLUMN_REAL,                                                          \
                          enum tl_outcome *: TL_COLUMN_OUTCOME,                                              \
                          enum tl_phase *: TL_COLUMN_PHASE),                                                 \
                 sql)

/* A signal of a table: by its name where that is known, for numbers differ between systems. */
#define TL_COLUMN_SIGNAL_OF(of, field, table)                                                                \
    TL_COLUMN_AS(of, field, TL_COLUMN_SIGNAL, "ifnull(" table "signal_name, " table "signal)")

/* A query that runs. */
struct tl_rows {
    struct tl_store *s;
    const char *what; /* for errors: what cannot be done */
    const struct tl_column *columns;
    size_t n;
    uint64_t chosen; /* bits: the columns of the table that the query asks for */
    sqlite3_stmt *st;
    int rc;       /* of the last step */
    bool damaged; /* a packed column of the last row could not be unpacked */
    bool kept;    /* st stays the store's */
};

/* Prepares "SELECT columns… rest"; parameters are bound to q->st. When it fails there is nothing to close. A table
 * ends with {0} and has at most 64 columns. */
int tl_rows_open(struct tl_rows *q, struct tl_store *s, const struct tl_column *columns, const char *rest,
                 const char *what, struct tl_error *e);
/* The same in two steps. names: of the fields that are wanted, with a blank between two; NULL: all. The name of an
 * array stands for all its elements. */
int tl_rows_choose(struct tl_rows *q, struct tl_store *s, const struct tl_column *columns, const char *names,
                   const char *what, struct tl_error *e);
int tl_rows_prepare(struct tl_rows *q, const char *rest, struct tl_error *e);
/* Whether the SQL of a chosen column holds something that begins like that: "table." */
bool tl_rows_need(const struct tl_rows *q, const char *prefix);
/* For a query that is asked again and again: prepared at its first use and kept in that slot. All columns. */
int tl_rows_open_kept(struct tl_rows *q, struct tl_store *s, enum tl_statement which,
                      const struct tl_column *columns, const char *rest, const char *what,
                      struct tl_error *e);

/* The same in steps: whether q, which was chosen, has the statement of that slot now; and that the one it has stays there. 0 */
bool tl_rows_kept(struct tl_rows *q, enum tl_statement which);
int tl_rows_keep(struct tl_rows *q, enum tl_statement which);

/* Fills the chosen fields from the next row and leaves the others alone; false at the end and on an error. */
bool tl_rows_next(struct tl_rows *q, void *row);
/* All rows that are left, as a new list of structs of that size, whose other fields are zero; NULL for none.
 */
void *tl_rows_all(struct tl_rows *q, size_t size, size_t *n);
/* Releases the query. -1 when a step failed, or when a caller stopped, who has filled *e. */
int tl_rows_close(struct tl_rows *q, int stopped, struct tl_error *e);

#endif
