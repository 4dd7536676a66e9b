/* How a result is wrong: which output, and in which way. Pure. */
#ifndef TL_WRONG_H
#define TL_WRONG_H

#include "harness/base/record.h"

/* What a result says of the way in which it is wrong; NULL where it does not. Strings of the record. */
const char *tl_wrong_output(const struct tl_trial_record *r);
const char *tl_wrong_how(const struct tl_trial_record *r);

/* How outputs differ from what is expected, as one line, of what a comparison found (the result's "reference"): with
 * the worst element and the bounds. A new string. */
char *tl_wrong_message(const json_t *found);

/* The wide kind of it: missing output, type or shape, not finite, all zero, differs. */
const char *tl_wrong_kind(const struct tl_trial_record *r);

/* Which output is wrong in which way, without a number: the same from run to run, and from build to build. A new
 * string; NULL where the record does not say. */
char *tl_wrong_title(const struct tl_trial_record *r);

#endif
