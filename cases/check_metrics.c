/* Checks "metrics" of a case: the numbers that its trials tell. */
#include "cases/check.h"
#include "harness/base/ascii.h"
#include "harness/base/line_regex.h"

#include <stdlib.h>
#include <string.h>

#define METRICS_MAX 32
#define NAME_MAX_BYTES 64
#define UNIT_MAX_BYTES 32
#define PATTERN_MAX 4096

static bool is_name(const char *name)
{
    for (const char *s = name; *s; s++)
        if (!tl_is_word(*s) && (s == name || !strchr(".-", *s)))
            return false;
    return *name && !tl_is_digit(*name);
}

static bool is_known(const struct tl_case *c, const char *name)
{
    for (size_t i = 0; i < c->n_metrics; i++)
        if (c->metrics[i].name && !strcmp(c->metrics[i].name, name))
            return true;
    return false;
}

static void check_regex(struct tl_check *ck, const struct tl_json_place *at, const char *text)
{
    char *why;
    struct tl_line_regex *x = tl_line_regex_new(text, &why);
    if (!x)
        tl_note(ck, at, "expected a regular expression (PCRE2) whose first group is the number; %s", why);
    else if (!tl_line_regex_is_cheap(text))
        tl_note(
            ck, at,
            "expected a regular expression that is done with a line soon: this one tries too much on some "
            "of 256 bytes; say what stands before the number, and repeat nothing that is repeated itself");
    free(why);
    tl_line_regex_free(x);
}

static void check_metric(struct tl_check *ck, const struct tl_json_place *at)
{
    struct tl_key keys[3];
    if (!tl_check_keys(ck, at, &tl_keys_metric, keys,
                       "an object with \"name\" and, mostly, \"regex\" and \"unit\""))
        return;
    const char *name = tl_check_string(ck, &keys[0].at, 1, NAME_MAX_BYTES),
               *regex = tl_check_string(ck, &keys[1].at, 1, PATTERN_MAX),
               *unit = tl_check_string(ck, &keys[2].at, 1, UNIT_MAX_BYTES);
    if (name && !is_name(name))
        tl_note_found(ck, &keys[0].at, "expected letters, digits, '_', '.' and '-', a letter or '_' first");
    else if (name && is_known(ck->c, name))
        tl_note_found(ck, &keys[0].at, "expected a name that no metric before it has");
    if (regex)
        check_regex(ck, &keys[1].at, regex);
    ck->c->metrics[ck->c->n_metrics++] =
        (struct tl_metric){tl_arena_string(ck->arena, name), tl_arena_string(ck->arena, regex),
                           tl_arena_string(ck->arena, unit)};
}

void tl_check_metrics(struct tl_check *ck, const struct tl_json_place *at)
{
    if (!tl_check_list(ck, at, 0, METRICS_MAX, "objects with \"name\""))
        return;
    ck->c->metrics = tl_arena_alloc(ck->arena, json_array_size(at->value) + 1, sizeof *ck->c->metrics);
    for (struct tl_json_place it = tl_first(ck, at); it.value; tl_next(ck, &it))
        check_metric(ck, &it);
}
