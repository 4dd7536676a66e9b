/* The one table of the keys of case files, suites, configurations and lists of inputs. The checks take from it which
 * keys an object has and which it must have, and the JSON Schema (schema.h) what their values look like. */
#ifndef TL_CASE_KEYS_H
#define TL_CASE_KEYS_H

#include <stdbool.h>
#include <stddef.h>

struct tl_key_rule {
    const char *name;
    bool required;
    const char *form;  /* JSON Schema of the value */
    const char *about; /* a line for people: what an editor shows; NULL: nothing */
};

struct tl_object_rule {
    const char *name; /* of the definition in the schema */
    const struct tl_key_rule *keys;
    size_t n;
    const char
        *more; /* further members of its JSON Schema, such as which keys exclude one another; NULL: none */
};

/* In the order in which the checks number the keys. */
extern const struct tl_object_rule tl_keys_case, tl_keys_model, tl_keys_step, tl_keys_word, tl_keys_expect,
    tl_keys_runner_expect, tl_keys_count, tl_keys_bound, tl_keys_axis, tl_keys_limits, tl_keys_expected,
    tl_keys_known, tl_keys_reference, tl_keys_output, tl_keys_file, tl_keys_version, tl_keys_metric,
    tl_keys_input, tl_keys_fill, tl_keys_suite, tl_keys_configuration, tl_keys_redaction;

/* Of all of them. */
#define TL_KEYS_MOST 32

#endif
