/* What a case says is right where that is not a pass: "expected" (docs/case-files.md).
 *
 * It is looked up when an outcome is shown and never stored with a trial: what a trial came to stays what it
 * was, and the case says what that is worth. So it is no part of a case's identity, and whoever writes down
 * that the error is right keeps all that is known. It is read as JSON, because trials that come from a
 * database bring the document of their case and nothing else. */
#ifndef TL_EXPECTED_H
#define TL_EXPECTED_H

#include "harness/base/record.h"

#include <jansson.h>
#include <stdbool.h>

/* What an outcome is beside what its case expects. */
enum tl_standing {
    TL_STANDING_NONE,     /* the case says nothing of it: a pass is right */
    TL_STANDING_EXPECTED, /* as expected: green */
    TL_STANDING_OTHER,    /* something else was expected: also a pass is not green */
};

/* expected: member "expected" of a case's document, which was checked; NULL is fine. variant: of every axis.
 * texts: where the expected message may stand, such as message and title; NULL among them is fine.
 * The first entry whose conditions hold decides. what, when not NULL, becomes the words for what was expected,
 * the caller's to free, or NULL. */
enum tl_standing tl_expected_standing(const json_t *expected, const json_t *variant, const char *unit,
                                      enum tl_outcome outcome, const char *const texts[2], char **what);
enum tl_standing tl_expected_of_record(const json_t *expected, const struct tl_trial_record *r, char **what);

/* Whether a trial counts as a failure. What could not be tried or was lost is what it is. */
bool tl_standing_is_failure(enum tl_standing standing, enum tl_outcome outcome);

#endif
