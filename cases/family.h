/* Model families that are built in. Each lives in a folder of its own and lists its axes with their
 * baselines. */
#ifndef TL_FAMILY_H
#define TL_FAMILY_H

#include "cases/case.h"

/* One axis that a family understands. A case may use any subset of the values. */
struct tl_family_axis {
    const char *name;
    enum tl_value_type type;
    int64_t least, most;       /* bounds of an integer axis */
    const char *const *values; /* what is accepted, as on a command line: NULL-terminated, simplest first.
                                  NULL: any string, any integer within the bounds, both booleans */
    const char *baseline;      /* as on a command line; for string axes values[0] */
    const char *about;         /* one line for `trapline list cases` and the documentation */
};

/* What a value of an axis is, where that needs words. */
struct tl_family_value {
    const char *axis, *value; /* the value as on a command line */
    const char *about;        /* one line */
};

struct tl_family {
    const char *name;
    const char *about;
    const struct tl_family_axis *axes;
    size_t n_axes;
    const struct tl_family_value *values; /* NULL: nothing is said of any */
    size_t n_values;
    /* NULL when the combination makes sense, else why not (a static string). variant: a JSON object that may
     * leave axes out (then at their baseline). May be NULL: every combination makes sense. */
    const char *(*constraint)(const json_t *variant);
};

const struct tl_family *tl_family_find(const char *name); /* NULL when there is none of that name */
const struct tl_family *const *tl_families(size_t *n);    /* all of them */
const struct tl_family_axis *tl_family_axis_find(const struct tl_family *f, const char *name); /* or NULL */

json_t *tl_family_about_values(const struct tl_family *f, const char *axis); /* {VALUE: TEXT}; the caller's */

/* Axes of the runners, which a case may use with any model. */
const struct tl_family_axis *tl_runtime_axes(size_t *n);
const struct tl_family_axis *tl_runtime_axis_find(const char *name); /* or NULL */

/* The axis of that name which the case's family (NULL: none) or a runner has; or NULL. */
const struct tl_family_axis *tl_known_axis(const struct tl_case *c, const struct tl_family *f,
                                           const char *name);
char *tl_family_axis_takes(const struct tl_family_axis *a); /* the values it takes, in words: a new string */
/* NULL when the axis takes the value, else what it takes: a new string. */
char *tl_known_axis_refuses(const struct tl_family_axis *a, struct tl_value v);
/* The axis that a wrong name was meant to be, of the case and when `beyond` of its family and the runners; or
 * NULL. */
const char *tl_suggest_axis(const struct tl_case *c, const struct tl_family *f, const char *name,
                            bool beyond);

#endif
