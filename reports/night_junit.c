/* A night as JUnit XML. What is worse than before fails; a failure that was known before is skipped, so that
 * a CI that is red means something new. */
#include "reports/finding_words.h"
#include "reports/night.h"

#include <stdlib.h>
#include <string.h>

/* The entries of a cell, of which there may be two: of its outcome and of its time. */
static const json_t *entry_of(const json_t *night, const char *list, const json_t *cell, size_t *from)
{
    const json_t *entries = json_object_get(night, list);
    for (; *from < json_array_size(entries); ++*from) {
        const json_t *one = json_array_get(entries, *from);
        if (json_equal(json_object_get(one, "case"), json_object_get(cell, "case")) &&
            json_equal(json_object_get(one, "unit"), json_object_get(cell, "unit")) &&
            json_equal(json_object_get(one, "variant"), json_object_get(cell, "variant"))) {
            ++*from;
            return one;
        }
    }
    return NULL;
}

struct suite {
    struct tl_buffer tests;
    size_t n, failures, errors, skipped;
};

static void add_failure(struct suite *s, const json_t *entry)
{
    char *was = tl_inline_plain(tl_night_was(entry)), *now = tl_inline_plain(tl_night_now(entry)),
         *class = tl_night_class_words(tl_member_text(entry, "class")), *trigger = tl_night_trigger(entry),
         *message = tl_format("%s: was %s, now %s", class, was, now);
    const char *evidence = tl_member_text(entry, "evidence");
    tl_buffer_add_string(&s->tests, "      <failure");
    tl_add_attribute(&s->tests, "type", tl_member_text(entry, "class"));
    tl_add_attribute(&s->tests, "message", message);
    tl_buffer_add_string(&s->tests, ">");
    tl_add_escaped(&s->tests, evidence ? evidence : message);
    if (trigger) {
        tl_buffer_add_string(&s->tests, "\n");
        tl_add_escaped(&s->tests, tl_inline_plain(trigger));
    }
    tl_buffer_add_string(&s->tests, "</failure>\n");
    free(was);
    free(now);
    free(class);
    free(trigger);
    free(message);
}

static void add_test(struct suite *s, const json_t *night, const json_t *cell)
{
    const char *class = tl_member_text(cell, "class"), *unit = tl_member_text(cell, "unit"),
               *name = tl_member_text(cell, "case");
    char *variant = json_dumps(json_object_get(cell, "variant"), JSON_COMPACT | JSON_SORT_KEYS),
         *test = tl_format("%s %s", unit ? unit : "unknown", variant ? variant : "{}");
    bool failed = false;
    size_t at = 0;
    s->n++;
    class = class ? class : "unknown";
    tl_buffer_add_string(&s->tests, "    <testcase");
    tl_add_attribute(&s->tests, "classname", name ? name : "unknown");
    tl_add_attribute(&s->tests, "name", test);
    tl_buffer_add_string(&s->tests, ">\n");
    for (const json_t *e; (e = entry_of(night, "changes", cell, &at));)
        if (tl_night_is_worse(tl_member_text(e, "class"))) {
            add_failure(s, e);
            failed = true;
        }
    s->failures += failed;
    if (!failed && !strcmp(class, "lost")) {
        s->errors++;
        tl_buffer_add_string(&s->tests, "      <error message=\"the machine went down while it ran\"/>\n");
    } else if (!failed && !strcmp(class, "could-not-be-tried")) {
        const json_t *entry = entry_of(night, "untried", cell, &(size_t){0});
        const char *why = tl_member_text(entry, "why");
        s->errors++;
        tl_buffer_add_string(&s->tests, "      <error type=\"could-not-be-tried\"");
        tl_add_attribute(&s->tests, "message", why ? why : "could not be tried");
        tl_buffer_add_string(&s->tests, "/>\n");
    } else if (!failed &&
               (!strcmp(class, "still-failing") || !strcmp(class, "first-failing") ||
                !strcmp(class, "unclear") || !strcmp(class, "not-supported") || !strcmp(class, "not-run"))) {
        char *words = tl_night_class_words(class);
        s->skipped++;
        tl_buffer_add_string(&s->tests, "      <skipped");
        tl_add_attribute(&s->tests, "message", words);
        tl_buffer_add_string(&s->tests, "/>\n");
        free(words);
    }
    tl_buffer_add_string(&s->tests, "    </testcase>\n");
    free(variant);
    free(test);
}

static void end_suite(struct tl_buffer *b, struct suite *s, const char *name)
{
    if (s->n) {
        tl_buffer_printf(b, "  <testsuite tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"",
                         s->n, s->failures, s->errors, s->skipped);
        tl_add_attribute(b, "name", name);
        tl_buffer_printf(b, ">\n%s  </testsuite>\n", s->tests.data);
    }
    tl_buffer_free(&s->tests);
    *s = (struct suite){0};
}

char *tl_night_junit(const json_t *night)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    struct suite s = {0};
    const char *name = "";
    json_t *cell;
    size_t i;
    tl_buffer_add_string(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    json_array_foreach(json_object_get(night, "cells"), i, cell) /* those of a case stand together */
    {
        const char *its = tl_member_text(cell, "case");
        if (its && strcmp(its, name)) {
            end_suite(&b, &s, name);
            name = its;
        }
        add_test(&s, night, cell);
    }
    end_suite(&b, &s, name);
    tl_buffer_add_string(&b, "</testsuites>\n");
    return tl_buffer_take(&b);
}
