/* Outputs of a trial against those that are right.
 *
 * What is right comes from a unit, whose outputs are kept in the cache as the files its runner wrote and the list
 * that names them, or from files that the case names. */
#ifndef TL_REFERENCE_H
#define TL_REFERENCE_H

#include "cases/case.h"
#include "harness/base/error.h"
#include "harness/base/record.h"

#include <jansson.h>

/* Where the outputs of a reference's unit for one variant belong: the caller's to free; NULL with *e. */
char *tl_reference_place(const char *case_hash, const char *variant_hash, const char *environment_id,
                         struct tl_error *e);
bool tl_reference_known(const char *place);
/* Keeps the outputs that a reference trial left in `directory`; result is its result object. cached: in the cache, where they are
 * found again after a crash of the machine (kept.h). */
int tl_reference_keep(const char *place, const char *directory, const json_t *result, bool cached,
                      struct tl_error *e);

/* What a trial's outputs are compared with. */
struct tl_expectation {
    const struct tl_case *c; /* its reference says how close they have to be, and which files there are */
    const struct tl_variant *variant;
    const char *place;   /* of a unit's outputs; NULL: the files of the case */
    const char *outputs; /* the directory in which a generator left expected outputs; NULL */
};

/* Compares the outputs of a trial (its result object, its files in `directory`) with what is expected. Returns
 * what is to be added to the result as "reference" (docs/outcomes.md has the whole of it):
 *   {"unit": what is compared with, in words, "tolerance" or "rtol" and "atol", "equal": true, false, or null when
 *    it cannot be said, "why": why it cannot, "max_error" (null: without bound), "max_absolute",
 *    "output": the one that differs, "how": in which way (closeness.h, and "missing", "unexpected"),
 *    "file": of the case, with which it was compared, "dtype", "shape" and "of": how many elements it has,
 *    "apart": how many of them are too far, "elements": the worst of these, at most TL_CLOSENESS_SHOWN,
 *    "worst": {"output", "index", "expected", "got", "absolute", "relative"},
 *    "outputs": [one for each], "left_out": [{"name", "why"}]}
 * NULL with *e when what is expected cannot be read. */
json_t *tl_reference_compare(const struct tl_expectation *x, const char *directory, const json_t *result,
                             struct tl_error *e);

/* The .npy files that a result names, from the directory of a trial that is over into another one, which is made: by name where
 * that can be, else by copies. */
int tl_outputs_copy(const char *from, const char *to, const json_t *result, struct tl_error *e);

#endif
