/* Failures that somebody has judged, as a case carries them: "known" (docs/case-files.md). `trapline known` keeps others in
 * the database (db/known.h).
 *
 * As with "expected", a trial stays what it was: an entry is looked up when a failure is shown, and is no part of a case's
 * identity. What is as expected is no failure, and so never known. */
#ifndef TL_CASE_KNOWN_H
#define TL_CASE_KNOWN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Digits of an id that an entry names at least, so that it is that of one failure. */
#define TL_KNOWN_LEAST_OF_ID 8

/* The first entry of "known" of a case's document (NULL is fine; one of a merged database may be anything) whose conditions
 * hold and that names the failure, as a JSON object like that of tl_known_json: "signature", "as", "url", "note", "status",
 * "until", members without a value being null. NULL: none does. The caller's. variant: of every axis. coarse_id: the failure
 * across builds. */
json_t *tl_case_known(const json_t *known, const json_t *variant, const char *unit, const char *coarse_id);

/* The same object, or NULL when the last day of it is over at a point in time (tl_known_is_over): it is a failure like any
 * other then. Takes known (NULL is fine). */
json_t *tl_known_unless_over(json_t *known, int64_t us);

/* "known", "filed", "wontfix". */
bool tl_known_is_status(const char *text);
/* Whether a text is what `until` takes: "fixed", or a day as YYYY-MM-DD. */
bool tl_known_is_until(const char *text);
/* Whether that day is over at a point in time (microseconds since 1970), by the clock of this machine's user. Never of
 * "fixed", "" and NULL. */
bool tl_known_is_over(const char *until, int64_t us);

#endif
