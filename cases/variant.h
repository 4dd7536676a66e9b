/* Variants: one value index for every axis of a case, in its order. */
#ifndef TL_VARIANT_H
#define TL_VARIANT_H

#include "harness/base/error.h"
#include "harness/base/hash.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct tl_case;
struct tl_combination;
struct tl_argv;
struct tl_placeholder_paths;

struct tl_variant {
    uint64_t *index;
};

struct tl_variant tl_variant_baseline(const struct tl_case *c); /* release with tl_variant_free */
struct tl_variant tl_variant_copy(const struct tl_case *c, const struct tl_variant *v);
void tl_variant_free(struct tl_variant *v);
/* Applies one "axis=value" to v. */
int tl_variant_assign(const struct tl_case *c, struct tl_variant *v, const char *assignment,
                      struct tl_error *e);
/* A variant as a JSON object, every axis of the case in its order: what a runner is sent. A new reference. */
json_t *tl_variant_object(const struct tl_case *c, const struct tl_variant *v);
/* Canonical JSON text of a variant: every axis of the case, keys sorted, compact. The caller's to free. */
char *tl_variant_json(const struct tl_case *c, const struct tl_variant *v);
/* Content id of that JSON. */
void tl_variant_hash(const struct tl_case *c, const struct tl_variant *v, char id[TL_ID_SIZE]);
/* The variant that a JSON object says (axes it does not name are at their baseline). */
int tl_variant_from_json(const struct tl_case *c, const json_t *object, struct tl_variant *v,
                         struct tl_error *e);

/* Whether every axis of a combination has one of its values. */
bool tl_combination_holds(const struct tl_case *c, const struct tl_variant *v,
                          const struct tl_combination *m);
/* The words of a command that a variant has, replaced: NULL-terminated, for tl_strings_free. */
char **tl_case_command(const struct tl_case *c, const struct tl_variant *v, const struct tl_argv *argv,
                       const struct tl_placeholder_paths *paths);
/* NULL when the variant may be tried, else why not (a "forbid" of the case, or a constraint of the family):
 * a new string. */
char *tl_variant_forbidden(const struct tl_case *c, const struct tl_variant *v);

#endif
