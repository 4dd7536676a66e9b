/* Axes as they are given on a command line, and names for those that are guessed. */
#include "cases/init/init.h"

#include "harness/base/buffer.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MOST 60

static bool integer(const char *text, json_int_t *n)
{
    char *end;
    errno = 0;
    *n = strtoll(text, &end, 10);
    return *text && !isspace((unsigned char)*text) && *text != '+' && !*end && !errno;
}

/* FIRST..LAST */
static json_t *range(const char *text)
{
    char *first = tl_strdup(text), *dots = strstr(first, "..");
    json_int_t a, b;
    json_t *made = NULL;
    if (dots) {
        *dots = '\0';
        if (integer(first, &a) && integer(dots + 2, &b))
            made = json_pack("[I,I]", a, b);
    }
    free(first);
    return made;
}

/* Whole numbers when all are, else booleans when all are, else texts; NULL: none, or one twice. */
static json_t *values(const char *text)
{
    json_t *texts = json_array(), *typed = json_array(), *value, *other;
    char *copy = tl_strdup(text), *rest = copy, *one;
    size_t i, k, numbers = 0, booleans = 0;
    json_int_t n;
    while ((one = strsep(&rest, ",")))
        json_array_append_new(texts, json_string(one));
    json_array_foreach(texts, i, value) {
        const char *t = json_string_value(value);
        numbers += integer(t, &n);
        booleans += !strcmp(t, "true") || !strcmp(t, "false");
    }
    json_array_foreach(texts, i, value) {
        const char *t = json_string_value(value);
        if (numbers == json_array_size(texts) && integer(t, &n))
            json_array_append_new(typed, json_integer(n));
        else if (booleans == json_array_size(texts))
            json_array_append_new(typed, json_boolean(*t == 't'));
        else
            json_array_append(typed, value);
    }
    bool good = json_array_size(typed) > 0;
    json_array_foreach(typed, i, value)
        json_array_foreach(typed, k, other)
            good = good && (i == k || !json_equal(value, other)) &&
                   !(json_is_string(value) && !*json_string_value(value));
    json_decref(texts);
    free(copy);
    if (!good) {
        json_decref(typed);
        return NULL;
    }
    return typed;
}

json_t *tl_init_axis(const char *text, struct tl_error *e)
{
    const char *equals = strchr(text, '=');
    char *name = equals ? tl_format("%.*s", (int)(equals - text), text) : NULL, *own = NULL;
    json_t *none = json_array(), *list = NULL, *made = NULL;
    if (name)
        own = tl_init_axis_name(none, name);
    bool named = own && !strcmp(own, name);
    if (named && (list = range(equals + 1)))
        made = json_pack("{s:s,s:o}", "name", name, "range", list);
    else if (named && (list = values(equals + 1)))
        made = json_pack("{s:s,s:o}", "name", name,
                         json_is_integer(json_array_get(list, 0)) ? "ordered" : "choices", list);
    if (!made)
        tl_fail(e, TL_ERROR_INPUT, "--axis", text,
                "NAME=V1,V2,… or NAME=FIRST..LAST was expected, the simplest value first and none twice; a "
                "name has "
                "letters, digits, '_', '.' and '-', and begins with a letter");
    json_decref(none);
    free(own);
    free(name);
    return made;
}

static bool has_axis(const json_t *axes, const char *name)
{
    static const char *const taken[] = {"model", "inputs", "outputs", "scratch", "case_dir"};
    const json_t *axis;
    size_t i;
    json_array_foreach(axes, i, axis)
        if (!strcmp(json_string_value(json_object_get(axis, "name")), name))
            return true;
    return tl_is_one_of(name, taken, TL_COUNT(taken));
}

char *tl_init_axis_name(const json_t *axes, const char *option)
{
    option += strspn(option, "-");
    char *base = tl_format("%.*s", NAME_MOST, option);
    for (char *at = base; *at; at++)
        if (!isascii((unsigned char)*at) || (!isalnum((unsigned char)*at) && !strchr("_.-", *at)))
            *at = '_';
    if (!isalpha((unsigned char)*base) && *base != '_') {
        char *longer = tl_format("_%s", base);
        free(base);
        base = longer;
    }
    char *name = tl_strdup(base);
    for (unsigned k = 2; has_axis(axes, name); k++) {
        free(name);
        name = tl_format("%s_%u", base, k);
    }
    free(base);
    return name;
}
