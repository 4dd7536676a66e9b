/* What a unit is called: RUNNER[@BUILD]:DEVICE[%ALIAS]. The one place that takes it apart. Pure. */
#ifndef TL_UNIT_NAME_H
#define TL_UNIT_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define TL_UNIT_FORM "RUNNER[@BUILD]:DEVICE[%ALIAS]"

/* The parts of a name, which lie in it: none is a text of its own. A part that is not there is NULL with length 0. */
struct tl_unit_name {
    struct tl_unit_part {
        const char *at;
        size_t n;
    } runner, build, device, alias;
};

/* NULL when a text is the name of a unit, else what it lacks. RUNNER and BUILD may be paths; a device is none. */
const char *tl_unit_name_parse(const char *text, struct tl_unit_name *name);
/* The same of a name that was accepted before: where it is none all of it is the runner. */
struct tl_unit_name tl_unit_name_of(const char *text);

bool tl_unit_part_is(struct tl_unit_part a, struct tl_unit_part b);
char *tl_unit_part_text(struct tl_unit_part part); /* a new string; NULL for a part that is not there */
/* RUNNER:DEVICE[%ALIAS], of any build. A new string. */
char *tl_unit_without_build(const struct tl_unit_name *name);
/* The name of a unit of these parts; build and alias may be NULL. A new string. */
char *tl_unit_name_text(const char *runner, const char *build, const char *device, const char *alias);

/* Whether a text can be the alias of a device: letters, digits, '.', '_' and '-', at most TL_ALIAS_MOST of them. */
#define TL_ALIAS_MOST 64
bool tl_alias_valid(const char *text, size_t n);
#define TL_ALIAS_EXPECTED                                                                                    \
    "letters, digits, '.', '_' and '-' were expected, 64 at most, and no '-' or '.' first"

#endif
