/* Which failures have no place across builds: what of their signature can be compared there is the name of a library, or that
 * there is no stack. */
#include "db/known_impl.h"
#include "db/sql.h"
#include "db/store_impl.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

static bool is_bare(const char *title)
{
    static const char end[] = " without a stack";
    size_t n = strlen(title);
    return !strcmp(title, "jump to a wild address") ||
           (n >= sizeof end - 1 && !strcmp(title + n - (sizeof end - 1), end));
}

/* The innermost function that a title across builds names, after the words before it (harness/verdict/signature.c). Code that
 * was made at run time has neither a name nor a module. */
static size_t innermost(const char **title)
{
    static const char *const words[] = {"stack overflow in ", "jump to a wild address from ", "running in ",
                                        "waiting in ", "generated code ← "};
    for (size_t i = 0; i < TL_COUNT(words); i++)
        if (!strncmp(*title, words[i], strlen(words[i])))
            *title += strlen(words[i]);
    const char *end = strstr(*title, " ← "), *cycle = strstr(*title, " ↔ ");
    end = !end || (cycle && cycle < end) ? cycle : end;
    return end ? (size_t)(end - *title) : strlen(*title);
}

/* Whether that one is no function, but a module of which only an offset is known. */
static bool is_blind(const char *title, const char *coarse_title)
{
    const char *name = coarse_title;
    size_t n = innermost(&name);
    if (is_bare(title) || (n == strlen("generated code") && !strncmp(name, "generated code", n)))
        return true;
    char *place = tl_format("%.*s!+0x", (int)n, name), *inside = tl_format("%.*s+0x", (int)n, name);
    bool blind = n && (strstr(title, place) || strstr(title, inside));
    free(place);
    free(inside);
    return blind;
}

int tl_known_load_blind(struct tl_store *s, struct tl_known_list *l, struct tl_error *e)
{
    int rc;
    sqlite3_stmt *st = tl_sql_prepare(s->db,
                                      "SELECT CASE WHEN ifnull(coarse_id, '') = '' THEN id ELSE coarse_id "
                                      "END, title, ifnull(coarse_title, '') FROM "
                                      "signature WHERE outcome IN ('crash', 'hang') AND (title GLOB '*+0x*' "
                                      "OR title GLOB '* without a stack' "
                                      "OR title = 'jump to a wild address' OR title GLOB '*generated code*')",
                                      "cannot read which failures are known", e);
    l->blind = json_object();
    if (!st)
        return -1;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        const char *id = (const char *)sqlite3_column_text(st, 0),
                   *title = (const char *)sqlite3_column_text(st, 1),
                   *coarse = (const char *)sqlite3_column_text(st, 2);
        if (id && title && coarse && is_blind(title, coarse))
            json_object_set_new(l->blind, id, json_boolean(is_bare(title)));
    }
    int result = rc == SQLITE_DONE ? 0 : tl_sql_fail(e, s->db, rc, "cannot read which failures are known");
    sqlite3_finalize(st);
    return result;
}

bool tl_known_is_blind(const struct tl_known_list *l, const char *coarse_id)
{
    return coarse_id && json_object_get(l->blind, coarse_id);
}

bool tl_known_is_bare(const struct tl_known_list *l, const char *coarse_id)
{
    return coarse_id && json_is_true(json_object_get(l->blind, coarse_id));
}
