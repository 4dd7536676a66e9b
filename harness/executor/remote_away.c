#include "harness/executor/remote_away.h"

#include "harness/base/buffer.h"
#include "harness/base/utf8.h"
#include "harness/executor/remote_job.h"

#include <string.h>

#define SILENT_US 35000000 /* of a machine that announces itself every ten seconds */
#define WHY_MOST 120       /* bytes of what it says itself */

static const char *text_of(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));
    return text ? text : "";
}

char *tl_remote_why_away(const json_t *told, const json_t *said)
{
    const char *state = text_of(said, "state"), *why = text_of(said, "why");
    long long silent_s = (long long)json_integer_value(json_object_get(told, "silent_us")) / 1000000,
              protocol = (long long)json_integer_value(json_object_get(said, "protocol"));
    if (!said)
        return tl_strdup("says nothing that can be read");
    if (protocol != TL_REMOTE_PROTOCOL)
        return tl_format("speaks protocol %lld, and this trapline %d: install the same version on both",
                         protocol, TL_REMOTE_PROTOCOL);
    if (!strcmp(state, "ended"))
        return tl_strdup("has ended its worker");
    if (silent_s >= SILENT_US / 1000000)
        return tl_format("was last heard of %lld s ago", silent_s);
    if (!*state || !strcmp(state, "well") || !strcmp(state, "checking"))
        return NULL;
    return tl_format("is %.16s%s%.*s", state, *why ? ": " : "", (int)tl_utf8_cut(why, WHY_MOST), why);
}

static int has(const json_t *said, const char *unit)
{
    json_t *one;
    size_t i;
    json_array_foreach(json_object_get(said, "units"), i, one)
        if (!strcmp(text_of(one, "unit"), unit))
            return 1;
    return 0;
}

char *tl_remote_away_text(const json_t *away, const char *unit)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    json_t *one;
    size_t i;
    tl_buffer_add_string(&b, "");
    json_array_foreach(away, i, one)
        if (has(json_object_get(one, "said"), unit))
            tl_buffer_printf(&b, "%s%.32s has it, and %s", b.size ? "; " : "", text_of(one, "machine"),
                             text_of(one, "why"));
    return tl_buffer_take(&b);
}
