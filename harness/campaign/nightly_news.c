/* Whether a night has anything to tell: who is told every morning that nothing happened does not read on the morning on
 * which something did. That a failure goes on failing is no news, on a new build neither, and nor is that what was
 * reported last night is no regression any more tonight. */
#include "harness/campaign/nightly.h"

#include "harness/base/buffer.h"

static void add(json_t *news, size_t n, const char *one, const char *many)
{
    if (n)
        json_array_append_new(news, json_sprintf("%zu %s", n, n == 1 ? one : many));
}

static json_int_t integer(const json_t *document, const char *member)
{
    return json_integer_value(json_object_get(document, member));
}

json_t *tl_nightly_news(const json_t *document, const json_t *previous)
{
    json_t *news = json_array();
    if (!previous)
        json_array_append_new(news, json_string("the first run"));
    add(news, json_array_size(json_object_get(document, "changes")), "change", "changes");
    add(news, json_array_size(json_object_get(document, "closed")), "known failure closed",
        "known failures closed");
    add(news, json_array_size(json_object_get(document, "first")), "failure in the first run",
        "failures in the first run");
    add(news, json_array_size(json_object_get(document, "lost")), "lost", "lost");
    if (previous && integer(document, "could_not_be_tried") != integer(previous, "could_not_be_tried"))
        json_array_append_new(news, json_sprintf("%lld could not be tried, before %lld",
                                                 (long long)integer(document, "could_not_be_tried"),
                                                 (long long)integer(previous, "could_not_be_tried")));
    if (!json_is_true(json_object_get(document, "complete")) &&
        json_is_true(json_object_get(previous, "complete")))
        json_array_append_new(news, json_string("the budget was used up"));
    return news;
}
