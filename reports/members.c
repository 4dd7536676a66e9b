/* A reader of documents that takes nothing for granted: a report is made of what is there. */
#include "reports/members.h"

#include "harness/base/buffer.h"

const char *tl_member_text(const json_t *o, const char *name)
{
    return json_string_value(json_object_get(o, name));
}

json_int_t tl_member_integer(const json_t *o, const char *name)
{
    return json_integer_value(json_object_get(o, name));
}

bool tl_member_true(const json_t *o, const char *name)
{
    return json_is_true(json_object_get(o, name));
}

long long tl_integer_at(const json_t *list, size_t i)
{
    return json_integer_value(json_array_get(list, i));
}

const char *tl_member_or(const json_t *o, const char *name, const char *words)
{
    const char *text = tl_member_text(o, name);
    return text && *text ? text : words;
}

char *tl_size_words(json_int_t bytes)
{
    double size = (double)bytes;
    return size < 1024      ? tl_format("%lld B", (long long)bytes)
           : size < 1048576 ? tl_format("%.1f KiB", size / 1024)
                            : tl_format("%.1f MiB", size / 1048576);
}
