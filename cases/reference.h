/* What the reference of a case makes of it: another variant, other files. */
#ifndef TL_CASE_REFERENCE_H
#define TL_CASE_REFERENCE_H

#include "cases/case.h"

/* The file that a path of an expected output stands for, absolute. outputs: what {outputs} stands for; NULL. A new
 * string. */
char *tl_reference_path(const struct tl_case *c, const struct tl_variant *v, const char *path,
                        const char *outputs);

/* Every file with expected outputs that some variant of the case is compared with and that is there now, in a
 * fixed order; not those that a generator writes. What is compared depends on their content, so that they belong
 * to the identity of the case. A NULL-terminated list, for tl_strings_free. */
char **tl_reference_files(const struct tl_case *c);

/* The case with the axes that "with" sets at their one value, in the arena of c; its hash is that of c. NULL where
 * the reference sets none. */
struct tl_arena;
struct tl_case *tl_reference_case(const struct tl_case *c, struct tl_arena *arena);
/* The variant of that case, or of c itself, that a variant of c is compared with. For tl_variant_free. */
struct tl_variant tl_reference_variant(const struct tl_case *c, const struct tl_variant *v);

#endif
