/* Trials that ended are an answer only for as long as what they depend on is what it was: the files that a command runs and reads,
 * variables, the runtime. So a reduction keeps what that was. Where the same command finds it changed nothing of before is used,
 * and it is said why: who interrupted a long reduction would wonder. */
#include "harness/campaign/reduce/parts.h"

#include "db/query.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/plural.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAMED_MOST 3
#define CELLS_MOST 100000

static const char file_name[] = "known-by.json";

/* How many trials that ended are known by an environment. */
static uint64_t trials_of(const struct tl_reduce_state *s, const char *environment)
{
    const struct tl_filter filter = {.unit = s->r->unit->text, .limit = CELLS_MOST};
    struct tl_cells cells = {0};
    struct tl_error ignored;
    uint64_t n = 0;
    if (tl_query_cells(tl_executor_store(s->r->x), s->r->c->hash, &filter, &cells, &ignored))
        return 0;
    for (size_t i = 0; i < cells.n; i++)
        if (!strcmp(cells.list[i].environment_id, environment) && cells.list[i].outcome != TL_OUTCOME_LOST)
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
        if (!other)
            add_one(&b, n++, what, one, "is gone");
        else if (!json_equal(json_object_get(one, "content"), json_object_get(other, "content")))
            add_one(&b, n++, what, other, "is another one");
    }
    json_object_foreach((json_t *)(uintptr_t)now, what, one)
        if (!json_object_get(then, what))
            add_one(&b, n++, what, one, "is new");
    if (n > NAMED_MOST)
        tl_buffer_printf(&b, ", and %zu more", n - NAMED_MOST);
    if (!n)
        tl_buffer_add_string(&b, "the runtime, its runner or this machine is another one");
    return tl_buffer_take(&b);
}

static void say(const struct tl_reduce_state *s, const json_t *then, const json_t *now)
{
    const char *environment = json_string_value(json_object_get(then, "environment"));
    uint64_t n = environment ? trials_of(s, environment) : 0;
    if (!n || s->r->no_cache)
        return;
    char *what = differences(json_object_get(then, "counted"), json_object_get(now, "counted")),
         *text = tl_format("%llu trial%s of an earlier run of this reduction %s not used: %s",
                           (unsigned long long)n, tl_plural(n), n == 1 ? "is" : "are", what);
    tl_executor_warn(s->r->x, text);
    free(text);
    free(what);
}

int tl_reduce_say_changed(const struct tl_reduce_state *s, struct tl_error *e)
{
    char id[TL_ID_SIZE], *path = tl_format("%s/%s", s->work, file_name);
    int result = tl_executor_environment(s->r->x, s->r->c, s->r->failing, s->r->unit, id, e);
    json_t *then = result ? NULL : json_load_file(path, 0, NULL);
    const char *before = json_string_value(json_object_get(then, "environment"));
    if (!result && (!before || strcmp(before, id) != 0)) {
        json_t *now = json_pack("{s:s,s:o}", "environment", id, "counted", tl_executor_counted(s->r->x));
        char *text = json_dumps(now, JSON_INDENT(1) | JSON_SORT_KEYS);
        if (then)
            say(s, then, now);
        if (tl_replace_file(path, text, strlen(text), 0600, false))
            result = tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot write", path, TL_REDUCE_NO_DISK);
        free(text);
        json_decref(now);
    }
    json_decref(then);
    free(path);
    return result;
}
