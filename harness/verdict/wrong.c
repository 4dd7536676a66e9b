/* How a result is wrong.
 *
 * A result that was compared says it itself (executor/reference.h): the output, and in which of a few ways it
 * differs. Without a reference there is one way, that values are not finite. */
#include "harness/verdict/wrong.h"

#include "harness/base/ascii.h"
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

const char *tl_wrong_kind(const struct tl_trial_record *r)
{
    return ways[way_of(tl_wrong_how(r))].kind;
}

/* A name as it is, but for the number of a layer in it, which says as little as any number and differs from variant
 * to variant: one between dots or slashes, as in present.47.key. A new string. */
static char *name_without_layer(const char *name)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add(&b, "", 0);
    for (size_t i = 0, n; name[i]; i += n) {
        n = 0;
        while (tl_is_digit(name[i + n]))
            n++;
        bool layer = n && i && strchr("./", name[i - 1]) && name[i + n] && strchr("./", name[i + n]);
        if (layer)
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
    char *name = name_without_layer(output),
         *title = tl_format("output %s %s", name, ways[way_of(how)].words);
    free(name);
    return title;
}

/* --- in words --- */

static void add_json(struct tl_buffer *b, const json_t *v)
{
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(9) | JSON_SORT_KEYS);
    tl_buffer_add_string(b, text ? text : "nothing");
    free(text);
}

/* Of an element: where it is, what it is, and what it should be. */
static void add_element(struct tl_buffer *b, const json_t *worst)
{
    const json_t *absolute = json_object_get(worst, "absolute"),
                 *relative = json_object_get(worst, "relative");
    if (json_array_size(json_object_get(worst, "index"))) {
        tl_buffer_add_string(b, " at ");
        add_json(b, json_object_get(worst, "index"));
    }
    const char *of = json_string_value(json_object_get(worst, "of"));
    bool plain = !of || !strcmp(of, "dtype") || !strcmp(of, "shape") || !strcmp(of, "kind");
    tl_buffer_printf(b, ": %s%s", plain ? "" : of, plain ? "" : " ");
    add_json(b, json_object_get(worst, "got"));
    tl_buffer_add_string(b, ", expected ");
    add_json(b, json_object_get(worst, "expected"));
    if (json_is_real(absolute))
        tl_buffer_printf(b, " (absolute error %.3g", json_real_value(absolute));
    if (json_is_real(absolute) && json_is_real(relative))
        tl_buffer_printf(b, ", relative %.3g", json_real_value(relative));
    if (json_is_real(absolute))
        tl_buffer_add_string(b, ")");
}

static void add_bounds(struct tl_buffer *b, const json_t *found)
{
    const json_t *tolerance = json_object_get(found, "tolerance"),
                 *error = json_object_get(found, "max_error");
    if (json_is_real(error) && tolerance)
        tl_buffer_printf(b, "; the largest error is %.3g of the largest magnitude, the tolerance %g",
                         json_real_value(error), json_real_value(tolerance));
    else if (tolerance && json_is_real(json_object_get(found, "max_absolute")))
        tl_buffer_add_string(b, "; 0 is expected everywhere, to which no error is relative: give atol");
    else if (!tolerance)
        tl_buffer_printf(b, "; rtol is %g, atol %g", json_real_value(json_object_get(found, "rtol")),
                         json_real_value(json_object_get(found, "atol")));
}

char *tl_wrong_message(const json_t *found)
{
    const char *reference = json_string_value(json_object_get(found, "unit")),
               *output = json_string_value(json_object_get(found, "output")),
               *how = json_string_value(json_object_get(found, "how"));
    const json_t *worst = json_object_get(found, "worst");
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_printf(&b, "not what %s %s: output %s %s", reference,
                     reference && !strcmp(reference, "the expected outputs") ? "say" : "says",
                     output ? output : "", ways[way_of(how)].words);
    if (worst)
        add_element(&b, worst);
    if (json_is_true(json_object_get(worst, "exact")))
        tl_buffer_add_string(&b, "; such values have to be equal");
    else if (json_is_array(json_object_get(worst, "index")))
        add_bounds(&b, found);
    return tl_buffer_take(&b);
}
