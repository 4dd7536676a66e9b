/* Values, and the axes that they lie on. The values of an axis are numbered, 0 the simplest, so that all
 * search works on plain integers. */
#ifndef TL_VALUE_H
#define TL_VALUE_H

#include "cases/axis_sets.h"
#include "harness/base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum tl_value_type { TL_VALUE_STRING, TL_VALUE_INTEGER, TL_VALUE_BOOLEAN };

struct tl_value {
    enum tl_value_type type;
    int64_t integer;    /* of an integer; 0 or 1 of a boolean */
    const char *string; /* of a string, UTF-8 */
};

enum tl_axis_kind {
    TL_AXIS_RANGE,   /* integers first..last, inclusive */
    TL_AXIS_ORDERED, /* a list along which the failure is expected to be monotone */
    TL_AXIS_CHOICES, /* a list without order */
    TL_AXIS_SUBSET,  /* parts of a list of elements; a value is written as element_set.c says */
};

struct tl_axis {
    const char *name;
    enum tl_axis_kind kind;
    uint64_t count;          /* number of values, at least 1. The full 64-bit range has one more than can be
                                counted: UINT64_MAX, and UINT64_MAX is a valid index of it */
    int64_t first, last;     /* of a range; first may be greater than last: the range then runs downwards */
    struct tl_value *values; /* count of them; NULL for a range and for a subset */
    /* Of a subset: every set has an index, and the first `count` are those that stand for all: the empty one, the failing
     * one, all elements. The others get one as they are met. The case's; NULL. */
    struct tl_axis_sets *sets;
    bool sequence;     /* of a subset: the order of its elements counts */
    const char *about; /* what it is, for people; NULL */
    const json_t
        *about_values; /* {VALUE: TEXT} what values of it are, VALUE as on a command line; NULL. The case's */
};

int tl_value_of_json(const json_t *j, struct tl_value *v); /* -1: neither string, integer nor boolean */
json_t *tl_value_json(struct tl_value v);                  /* a new reference */
bool tl_value_equal(struct tl_value a, struct tl_value b);
char *tl_value_text(struct tl_value v); /* as on a command line: 1, true, tensor; the caller's to free */

struct tl_value tl_axis_value(const struct tl_axis *a, uint64_t index);         /* its string is the axis's */
int tl_axis_index(const struct tl_axis *a, struct tl_value v, uint64_t *index); /* -1: not a value of it */
/* The same of a value as a document has it: of a subset also a list of elements. */
int tl_axis_index_of_json(const struct tl_axis *a, const json_t *j, uint64_t *index);
char *tl_axis_values_text(const struct tl_axis *a); /* "an integer from 1 to 48", "one of a, b": new */
/* The index of a value written as on a command line; -1 with *e filled (what is expected) when it is none. */
int tl_axis_parse(const struct tl_axis *a, const char *text, uint64_t *index, struct tl_error *e);

#endif
