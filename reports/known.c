#include "reports/known.h"

#include "harness/base/buffer.h"
#include "reports/members.h"
#include "reports/page/page.h"

#include <stdlib.h>
#include <string.h>

static const char *status_words(const json_t *known)
{
    const char *status = tl_member_or(known, "status", "known");
    return !strcmp(status, "filed") ? "filed" : !strcmp(status, "wontfix") ? "will not be fixed" : "known";
}

static void add_as(struct tl_buffer *b, const json_t *known)
{
    const char *as = tl_member_text(known, "as");
    if (!as)
        return;
    tl_buffer_add_string(b, " as ");
    tl_inline_code(b, as);
}

/* Of several places that look alike across builds: at how many it is known. */
static void add_places(struct tl_buffer *b, const json_t *known)
{
    const json_t *places = json_object_get(known, "at_places");
    if (json_array_size(places) == 2)
        tl_buffer_printf(b, " at %lld of %lld places", tl_integer_at(places, 0), tl_integer_at(places, 1));
}

/* In a library without symbols it may be another failure of the same kind: whoever says that it is known says so. */
static void add_doubt(struct tl_buffer *b, const json_t *known)
{
    if (!strcmp(tl_member_or(known, "by", ""), "kind"))
        tl_buffer_add_string(
            b, " (by the kind of failure alone: the library has no symbols, and its places are not known of "
               "this build)");
}

char *tl_known_name(const json_t *known)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, "known");
    if (tl_member_text(known, "as"))
        add_as(&b, known);
    else if (strcmp(status_words(known), "known") != 0)
        tl_buffer_printf(&b, ", %s", status_words(known));
    add_places(&b, known);
    return tl_buffer_take(&b);
}

char *tl_known_words(const json_t *known)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *url = tl_member_text(known, "url"), *until = tl_member_text(known, "until");
    const char *status = status_words(known);
    tl_buffer_add_string(&b, status);
    if (!strcmp(status, "will not be fixed") && tl_member_text(known, "as"))
        tl_buffer_add_string(&b, ", known");
    add_as(&b, known);
    if (url) {
        tl_buffer_add_string(&b, ", ");
        tl_inline_link(&b, url);
    }
    if (until) {
        tl_buffer_add_string(&b, ", until ");
        tl_inline_text(&b, strcmp(until, "fixed") ? until : "it is fixed");
    }
    add_places(&b, known);
    add_doubt(&b, known);
    return tl_buffer_take(&b);
}

char *tl_known_words_with_note(const json_t *known)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    const char *note = tl_member_text(known, "note");
    char *words = tl_known_words(known);
    tl_buffer_add_string(&b, words);
    free(words);
    if (note) {
        tl_buffer_add_string(&b, ": ");
        tl_inline_text(&b, note);
    }
    return tl_buffer_take(&b);
}
