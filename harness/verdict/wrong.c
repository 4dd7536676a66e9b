/* How a result is wrong.
 *
 * A result that was compared says it itself (executor/reference.h): the output, and in which of a few ways it
 * differs. Without a reference there is one way, that values are not finite. */
#include "harness/verdict/wrong.h"

#include "harness/base/buffer.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *how, *words, *kind;
} ways[] = {
    {"missing", "is missing", "missing output"},
    {"unexpected", "is none that is expected", "missing output"},
    {"type", "has another type", "type or shape"},
    {"shape", "has another shape", "type or shape"},
    {"not finite", "is not finite", "not finite"},
    {"all zero", "is all zero", "all zero"},
    {"differs", "differs", "differs"},
};

static const json_t *first_not_finite(const struct tl_trial_record *r)
{
    const json_t *output;
    size_t i;
    json_array_foreach(json_object_get(r->result, "outputs"), i, output)
        if (json_is_false(json_object_get(output, "finite")))
            return output;
    return NULL;
}

const char *tl_wrong_output(const struct tl_trial_record *r)
{
    const json_t *found = json_object_get(r->result, "reference");
    return json_string_value(found ? json_object_get(found, "output")
                                   : json_object_get(first_not_finite(r), "name"));
}

const char *tl_wrong_how(const struct tl_trial_record *r)
{
    const json_t *found = json_object_get(r->result, "reference");
    if (found)
        return json_string_value(json_object_get(found, "how"));
    return first_not_finite(r) ? "not finite" : NULL;
}

static size_t way_of(const char *how)
{
    for (size_t i = 0; how && i < TL_COUNT(ways); i++)
        if (!strcmp(ways[i].how, how))
            return i;
    return TL_COUNT(ways) - 1;
}

char *tl_wrong_words(const char *how)
{
    return tl_strdup(ways[way_of(how)].words);
}

const char *tl_wrong_kind(const struct tl_trial_record *r)
{
    return ways[way_of(tl_wrong_how(r))].kind;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A name as it is, but for the number of a layer in it, which says as little as any number and differs from variant
 * to variant: one between dots or slashes, as in present.47.key. A new string. */
static char *name_without_place(const char *name)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add(&b, "", 0);
    for (size_t i = 0, n; name[i]; i += n) {
        n = 0;
        while (is_digit(name[i + n]))
            n++;
        bool place = n && i && strchr("./", name[i - 1]) && name[i + n] && strchr("./", name[i + n]);
        if (place)
            tl_buffer_add_string(&b, "<n>");
        else
            tl_buffer_add(&b, name + i, n ? n : (n = 1));
    }
    return tl_buffer_take(&b);
}

char *tl_wrong_title(const struct tl_trial_record *r)
{
    const char *output = tl_wrong_output(r), *how = tl_wrong_how(r);
    if (!output || !how)
        return NULL;
    char *name = name_without_place(output),
         *title = tl_format("output %s %s", name, ways[way_of(how)].words);
    free(name);
    return title;
}
