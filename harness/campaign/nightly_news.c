/* Whether a night has anything to tell: who is told every morning that nothing happened does not read on the morning on
 * which something did. That a failure goes on failing is no news, on a new build neither, and nor is that what was
 * reported last night is no regression any more tonight. */
#include "harness/campaign/nightly.h"

#include "harness/base/buffer.h"
#include "harness/base/unit_name.h"

#include <stdlib.h>
#include <string.h>

static void add(json_t *news, size_t n, const char *one, const char *many)
{
    if (n)
        json_array_append_new(news, json_sprintf("%zu %s", n, n == 1 ? one : many));
}

/* Of what changed: failures that were known until they are fixed, were closed, and are there again. */
static size_t back(const json_t *document)
{
    const json_t *entry;
    size_t i, n = 0;
    json_array_foreach(json_object_get(document, "changes"), i, entry) {
        const char *state = json_string_value(json_object_get(json_object_get(entry, "known"), "state"));
        n += state && !strcmp(state, "again");
    }
    return n;
}

static json_int_t integer(const json_t *document, const char *member)
{
    return json_integer_value(json_object_get(document, member));
}

/* Which cells could not be tried: of each night on other builds the same cell is the same. */
static json_t *untried(const json_t *document)
{
    json_t *all = json_object(), *cell;
    size_t i;
    json_array_foreach(json_object_get(document, "untried"), i, cell) {
        const char *unit = json_string_value(json_object_get(cell, "unit"));
        struct tl_unit_name parts = tl_unit_name_of(unit ? unit : "");
        char *name = parts.device.n ? tl_unit_without_build(&parts) : tl_strdup(unit),
             *key = json_dumps(json_object_get(cell, "variant"), JSON_COMPACT | JSON_SORT_KEYS),
             *whole = tl_format("%s\n%s\n%s", name ? name : "", key ? key : "",
                                json_string_value(json_object_get(cell, "case")));
        json_object_set_new(all, whole, json_true());
        free(whole);
        free(key);
        free(name);
    }
    return all;
}

/* As many as before, and others, is news as well: one unit is back, and another one is gone. */
static void add_untried(json_t *news, const json_t *document, const json_t *previous)
{
    long long now = integer(document, "could_not_be_tried"), before = integer(previous, "could_not_be_tried");
    json_t *these = untried(document), *those = untried(previous);
    if (now != before)
        json_array_append_new(news, json_sprintf("%lld could not be tried, before %lld", now, before));
    else if (!json_equal(these, those))
        json_array_append_new(news, json_sprintf("%lld could not be tried, before %lld others", now, before));
    json_decref(these);
    json_decref(those);
}

json_t *tl_nightly_news(const json_t *document, const json_t *previous)
{
    json_t *news = json_array();
    if (!previous)
        json_array_append_new(news, json_string("the first run"));
    add(news, json_array_size(json_object_get(document, "changes")), "change", "changes");
    add(news, back(document), "known failure is back", "known failures are back");
    add(news, json_array_size(json_object_get(document, "closed")), "known failure closed",
        "known failures closed");
    add(news, json_array_size(json_object_get(document, "first")), "failure in the first run",
        "failures in the first run");
    add(news, json_array_size(json_object_get(document, "lost")), "lost", "lost");
    if (previous)
        add_untried(news, document, previous);
    if (!json_is_true(json_object_get(document, "complete")) &&
        json_is_true(json_object_get(previous, "complete")))
        json_array_append_new(news, json_string("the budget was used up"));
    return news;
}
