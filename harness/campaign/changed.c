#include "harness/campaign/changed.h"

#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/base/paths.h"
#include "harness/base/plural.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAMED_MOST 3
#define CELLS_MOST 100000

/* How many trials of a case on a unit ended, and are known by an environment; NULL: by any. */
static uint64_t trials_of(struct tl_executor *x, const char *case_hash, const struct tl_unit *unit,
                          const char *environment)
{
    const struct tl_filter filter = {.unit = unit->text, .limit = CELLS_MOST};
    struct tl_cells cells = {0};
    struct tl_error ignored;
    uint64_t n = 0;
    if (!case_hash || tl_query_cells(tl_executor_store(x), case_hash, &filter, &cells, &ignored))
        return 0;
    for (size_t i = 0; i < cells.n; i++)
        if ((!environment || tl_executor_environment_is(x, environment, cells.list[i].environment_id)) &&
            cells.list[i].outcome != TL_OUTCOME_LOST)
            n += cells.list[i].trials;
    tl_cells_free(&cells);
    return n;
}

static void add_one(struct tl_buffer *b, size_t n, const char *what, const json_t *of, const char *became)
{
    const char *by = json_string_value(json_object_get(of, "named_by"));
    if (n >= NAMED_MOST)
        return;
    tl_buffer_printf(b, "%s%s%s", n ? ", " : "", *what == '$' ? "the variable " : "",
                     *what == '$' ? what + 1 : what);
    if (by)
        tl_buffer_printf(b, ", which %s names,", by);
    tl_buffer_printf(b, " %s", became);
}

/* What differs between then and now, as words; the caller's. */
static char *differences(const json_t *then, const json_t *now)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *what;
    json_t *one;
    size_t n = 0;
    json_object_foreach((json_t *)(uintptr_t)then, what, one) {
        const json_t *other = json_object_get(now, what);
        if (other && !json_equal(json_object_get(one, "content"), json_object_get(other, "content")))
            add_one(&b, n++, what, other, "is another one");
    }
    json_object_foreach((json_t *)(uintptr_t)then, what, one)
        if (!json_object_get(now, what))
            add_one(&b, n++, what, one, "is gone");
    json_object_foreach((json_t *)(uintptr_t)now, what, one)
        if (!json_object_get(then, what))
            add_one(&b, n++, what, one, "is new");
    if (n > NAMED_MOST)
        tl_buffer_printf(&b, ", and %zu more", n - NAMED_MOST);
    if (!n)
        tl_buffer_add_string(&b, "the runtime, its runner or this machine is another one");
    return tl_buffer_take(&b);
}

/* What of the case is another one, or what its outcomes depend on; NULL: nothing. */
static char *what_differs(struct tl_executor *x, const struct tl_case *c, const struct tl_unit *unit,
                          const json_t *then, const json_t *now, uint64_t *n)
{
    const char *environment = json_string_value(json_object_get(then, "environment")),
               *hash = json_string_value(json_object_get(then, "case"));
    bool other = hash && strcmp(hash, c->hash) != 0;
    *n = environment ? trials_of(x, hash ? hash : c->hash, unit, other ? NULL : environment) : 0;
    if (!*n || trials_of(x, c->hash, unit, json_string_value(json_object_get(now, "environment"))))
        return NULL; /* or it was so before, and those of that time are used */
    return other ? tl_strdup("the case file, or a file that belongs to it, is another one")
                 : differences(json_object_get(then, "counted"), json_object_get(now, "counted"));
}

int tl_changed_since(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                     const struct tl_unit *unit, const char *file, uint64_t *n, char **why,
                     struct tl_error *e)
{
    char id[TL_ID_SIZE];
    *n = 0;
    *why = NULL;
    if (tl_executor_environment(x, c, v, unit, id, e))
        return -1;
    json_t *then = json_load_file(file, 0, NULL);
    const char *before = json_string_value(json_object_get(then, "environment")),
               *hash = json_string_value(json_object_get(then, "case"));
    int result = 0;
    if (!before || strcmp(before, id) != 0 || !hash || strcmp(hash, c->hash) != 0) {
        json_t *now =
            json_pack("{s:s,s:s,s:o}", "case", c->hash, "environment", id, "counted", tl_executor_counted(x));
        char *text = json_dumps(now, JSON_INDENT(1) | JSON_SORT_KEYS);
        if (then)
            *why = what_differs(x, c, unit, then, now, n);
        if (tl_make_parents(file, 0700) || tl_replace_file(file, text, strlen(text), 0600, false))
            result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write", file,
                                   "free some space, or set XDG_STATE_HOME to another place");
        free(text);
        json_decref(now);
    }
    json_decref(then);
    return result;
}

void tl_changed_of_case(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                        const struct tl_unit *unit, uint64_t *n, char **why)
{
    char id[TL_ID_SIZE], *of = tl_format("%s\n%s/%s\n%s", tl_store_path(tl_executor_store(x)), c->directory,
                                         tl_base_name(c->path), unit->text);
    struct tl_error ignored; /* the trials themselves say it */
    tl_content_id(of, strlen(of), id);
    char *below = tl_format("known-by/%s.json", id), *file = tl_state_home(below);
    *n = 0;
    *why = NULL;
    if (file && unit->usable)
        tl_changed_since(x, c, v, unit, file, n, why, &ignored);
    free(file);
    free(below);
    free(of);
}

void tl_changed_warn(struct tl_executor *x, uint64_t n, const char *what, char *why)
{
    char *text = why && n ? tl_format("%llu trial%s %s %s not used: %s", (unsigned long long)n, tl_plural(n),
                                      what, n == 1 ? "is" : "are", why)
                          : NULL;
    if (text)
        tl_executor_warn(x, text);
    free(text);
    free(why);
}
