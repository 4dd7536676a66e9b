/* Values of the parameters of a statement, in the order in which its text names them. For the inside of db/. */
#ifndef TL_VALUES_H
#define TL_VALUES_H

#include "db/store_impl.h"

enum tl_value_kind { TL_VALUE_NULL, TL_VALUE_TEXT, TL_VALUE_PACKED, TL_VALUE_INTEGER, TL_VALUE_REAL };

struct tl_value {
    enum tl_value_kind kind;
    union {
        const char *text; /* must live until the statement is reset; NULL makes NULL */
        int64_t integer;
        double real;
    };
};

/* clang-format off */
#define TL_TEXT(x)    {TL_VALUE_TEXT, {.text = (x)}}
#define TL_PACKED(x)  {TL_VALUE_PACKED, {.text = (x)}}        /* schema.sql */
#define TL_ID(x)      {TL_VALUE_TEXT, {.text = tl_id_of(x)}}  /* "" makes NULL, too */
#define TL_INTEGER(x) {TL_VALUE_INTEGER, {.integer = (int64_t)(x)}}
#define TL_REAL(x)    {TL_VALUE_REAL, {.real = (x)}}
#define TL_SECONDS(x) {(x) >= 0 ? TL_VALUE_REAL : TL_VALUE_NULL, {.real = (x)}} /* negative: not known */
#define TL_INTEGER_IF(known, x) {(known) ? TL_VALUE_INTEGER : TL_VALUE_NULL, {.integer = (int64_t)(x)}}
/* clang-format on */

static inline const char *tl_id_of(const char *text)
{
    return text && *text ? text : NULL;
}

/* A list of them as two arguments: it and its length. */
#define TL_VALUES(...)                                                                                       \
    (const struct tl_value[]){__VA_ARGS__},                                                                  \
        sizeof((const struct tl_value[]){__VA_ARGS__}) / sizeof(struct tl_value)

void tl_values_bind(struct tl_store *s, sqlite3_stmt *st, const struct tl_value *v, size_t n);
#define TL_BIND(s, st, ...) tl_values_bind(s, st, TL_VALUES(__VA_ARGS__))
/* Binds to a statement that returns no rows, and steps it; once, or prepared at the first use and kept in a slot. */
int tl_values_run(struct tl_store *s, const char *sql, const struct tl_value *v, size_t n, const char *what,
                  struct tl_error *e);
int tl_values_run_kept(struct tl_store *s, enum tl_statement which, const char *sql, const struct tl_value *v,
                       size_t n, const char *what, struct tl_error *e);
#define TL_RUN(s, sql, what, e, ...) tl_values_run(s, sql, TL_VALUES(__VA_ARGS__), what, e)

#endif
