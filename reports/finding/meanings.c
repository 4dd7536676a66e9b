/* What the values mean that the failure needs, in the words of the case, the family or the runner: a reader of a report
 * does not know what somebody else called "int4_block". */
#include "reports/finding/axes.h"
#include "reports/finding/members.h"
#include "reports/finding/sections.h"

#include <stdlib.h>
#include <string.h>

#define VALUES_MOST 3 /* of one axis that are explained */

/* "`weights=int4`: blocks of 32 with a scale each". Whether there was anything. */
static bool add_values(struct tl_buffer *b, const json_t *axis, const json_t *values)
{
    const json_t *about = json_object_get(axis, "about_values"), *value;
    size_t i, n = 0;
    json_array_foreach(values, i, value) {
        char *word = tl_value_word(value);
        const char *text = n < VALUES_MOST ? tl_member_text(about, word) : NULL;
        if (text) {
            tl_buffer_add_string(b, n++ ? "; " : "");
            tl_words_setting(b, tl_member_text(axis, "name"), value);
            tl_buffer_add_string(b, ": ");
            tl_inline_text(b, text);
        }
        free(word);
    }
    return n > 0;
}

/* Of an entry of a trigger or a need. */
static void add_entry(const struct tl_sections *r, const json_t *entry, json_t *done)
{
    const char *name = tl_member_text(entry, "axis");
    const json_t *axis = tl_axis_named(r->finding, name, NULL), *fails = json_object_get(entry, "fails_with");
    const char *about = tl_member_text(axis, "about");
    struct tl_buffer b = TL_BUFFER_INIT;
    if (!axis || json_object_get(done, name) || tl_finding_unread(r->finding, name))
        return;
    json_object_set_new(done, name, json_true());
    json_t *value = json_array();
    json_array_append(value, json_object_get(entry, "value"));
    bool set = !strcmp(tl_member_or(axis, "kind", ""), "choices") && json_array_size(fails) <= VALUES_MOST;
    bool told = add_values(&b, axis, set && json_array_size(fails) ? fails : value);
    json_decref(value);
    if (about) {
        tl_buffer_add_string(&b, told ? " (" : "");
        tl_inline_code(&b, name);
        tl_buffer_add_string(&b, ": ");
        tl_inline_text(&b, about);
        tl_buffer_add_string(&b, told ? ")" : "");
    }
    tl_page_item(r->page, tl_buffer_take(&b));
}

void tl_section_meanings(const struct tl_sections *r)
{
    const json_t *entry, *need, *cause;
    json_t *done = json_object();
    size_t i, k;
    json_array_foreach(json_object_get(r->finding, "trigger"), i, entry) {
        add_entry(r, entry, done);
    }
    json_array_foreach(json_object_get(r->finding, "needs"), i, need) {
        json_array_foreach(json_object_get(need, "any_of"), k, entry)
            add_entry(r, entry, done);
    }
    json_array_foreach(json_object_get(r->finding, "or"), i, cause) {
        json_array_foreach(json_object_get(cause, "trigger"), k, entry)
            add_entry(r, entry, done);
    }
    json_decref(done);
}
