/* Outputs of a trial against those of a reference: compared as a whole, not value by value.
 *
 * The reference's outputs are kept in the cache, as the .npy files its runner wrote and the list that names
 * them. */
#ifndef TL_REFERENCE_H
#define TL_REFERENCE_H

#include "harness/base/error.h"
#include "harness/base/record.h"

#include <jansson.h>

/* Where the reference's outputs of one variant belong: the caller's to free; NULL with *e. */
char *tl_reference_place(const char *case_hash, const char *variant_hash, const char *environment_id,
                         struct tl_error *e);
bool tl_reference_known(const char *place);
/* Keeps the outputs that a reference trial left in `directory`; result is its result object. */
int tl_reference_keep(const char *place, const char *directory, const json_t *result, struct tl_error *e);

/* Compares the outputs of a passed trial (its result object, its files in `directory`) with the reference's.
 * The error of an output is the largest difference relative to the largest magnitude of the reference's; a
 * value that is not finite where the reference's is, is an infinite one. Returns what is to be added to the
 * result as "reference":
 * {"unit", "tolerance", "max_error" (null when infinite), "equal", "outputs": [{"name", "error"}], "why"?,
 * "left_out"?: [names of outputs that have no file and another hash]}; NULL with *e when the files cannot be
 * read, or all are left out. */
json_t *tl_reference_compare(const char *place, const char *directory, const json_t *result, const char *unit,
                             double tolerance, struct tl_error *e);

/* Copies the .npy files that a result names from one directory to another, which is made. */
int tl_outputs_copy(const char *from, const char *to, const json_t *result, struct tl_error *e);

#endif
