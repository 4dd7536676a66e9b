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

/* A failure by its ids; NULL where there is none. blind: what can be compared across builds is no place (db/known.h). */
struct tl_case_failure {
    const char *coarse_id, *signature_id;
    bool blind;
};

/* The first entry of "known" of a case's document (NULL is fine; one of a merged database may be anything) whose conditions
 * hold and that names the failure, across builds or in one, as a JSON object like that of tl_known_json: "signature", "as",
 * "url", "note", "status", "until", members without a value being null; and "by" of a failure that is blind. NULL: none does.
 * The caller's. variant: of every axis. */
json_t *tl_case_known(const json_t *known, const json_t *variant, const char *unit,
                      const struct tl_case_failure *failure);

/* What holds of a failure at a point in time (microseconds since 1970) of what its case says and what the database says, either
 * of which may be NULL: nothing where the last day of it is over (tl_known_is_over); the case comes first, unless it goes by the
 * kind of the failure alone and the database does not. Takes both; the result is the caller's. */
json_t *tl_known_choose(json_t *by_case, json_t *by_database, int64_t us);

/* "known", "filed", "wontfix". */
bool tl_known_is_status(const char *text);
/* Whether a text is what `until` takes: "fixed", or a day as YYYY-MM-DD. */
bool tl_known_is_until(const char *text);
/* Whether that day is over at a point in time (microseconds since 1970), by the clock of this machine's user. Never of
 * "fixed", "" and NULL. */
bool tl_known_is_over(const char *until, int64_t us);

#endif
