/* Checking a JSON document: places in it, the mistakes that are noted at them, and checks of single values.
 * Only the loaders of files include this. */
#ifndef TL_MISTAKES_H
#define TL_MISTAKES_H

#include "cases/arena.h"
#include "cases/family.h"
#include "cases/keys.h"
#include "cases/load.h"
#include "cases/position.h"
#include "harness/base/buffer.h"

#define TL_MISTAKES_MAX 1000 /* after that many the rest is only counted */

struct tl_json_place {
    const struct tl_json_place *up; /* NULL: the document */
    const char *key;                /* member of up, or NULL: */
    size_t index;                   /* element of up */
    json_t *value;                  /* NULL: there is nothing here */
    size_t node;                    /* number in the positions */
};

struct tl_noted;
struct tl_check {
    struct tl_positions positions;
    struct tl_case *c; /* being filled */
    struct tl_arena *arena;
    const struct tl_family *family; /* NULL: none, or unknown */
    struct tl_noted *noted;
    size_t n_noted, dropped;
    size_t forbidden;    /* values in "forbid" so far */
    bool writes_outputs; /* the generator is told of {outputs} */
};

/* A mistake at a place. */
void tl_note(struct tl_check *ck, const struct tl_json_place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same, ending in ", found …" */
void tl_note_found(struct tl_check *ck, const struct tl_json_place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Moves the mistakes to *m, in the order of the file, and releases the check (not the case). */
void tl_check_end(struct tl_check *ck, struct tl_mistakes *m);

/* The key of an object: filled by tl_check_keys, in the order of the rule, which reports unknown and missing ones. */
struct tl_key {
    struct tl_json_place at; /* at.value is NULL when it is not there */
};
/* Returns false, after reporting `expected`, when at is no object. keys is an array with room for those of the rule. */
#define tl_check_keys(ck, at, rule, keys, expected)                                                          \
    tl_check_object(ck, at, rule, keys, TL_COUNT(keys), expected)
bool tl_check_object(struct tl_check *ck, const struct tl_json_place *at, const struct tl_object_rule *rule,
                     struct tl_key *keys, size_t room, const char *expected);

/* for (tl_first(…); it.value; tl_next(…)): the members or elements of a place, in the order of the file. */
struct tl_json_place tl_first(const struct tl_check *ck, const struct tl_json_place *up);
void tl_next(const struct tl_check *ck, struct tl_json_place *it);

/* Values; each reports what is wrong. A place without a value gives NULL or false silently. */
const char *tl_check_string(struct tl_check *ck, const struct tl_json_place *at, size_t least, size_t most);
bool tl_check_number(struct tl_check *ck, const struct tl_json_place *at, double more_than, double most,
                     bool or_equal, double *out);
bool tl_check_integer(struct tl_check *ck, const struct tl_json_place *at, int64_t least, int64_t most,
                      int64_t *out);
/* One that stands where a placeholder should (tl_placeholders found it to be bad). */
void tl_note_placeholder(struct tl_check *ck, const struct tl_json_place *at);
bool tl_check_list(struct tl_check *ck, const struct tl_json_place *at, size_t least, size_t most,
                   const char *of);

#endif
