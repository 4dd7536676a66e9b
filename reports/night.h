/* A night's document (docs/nightly.md) in every format, and which of its classes are for the worse. Nothing
 * here prints; strings are the caller's. */
#ifndef TL_REPORT_NIGHT_H
#define TL_REPORT_NIGHT_H

#include <jansson.h>
#include <stdbool.h>

char *tl_night_markdown(const json_t *night); /* at most a screen */
char *tl_night_html(const json_t *night);     /* all of it, one file */
/* What is below its title as blocks (reports/page/page.h): with what changed, and with all that was run. A new reference. */
json_t *tl_night_page(const json_t *night, bool changes, bool cells);
/* A test suite for each case on a unit, a test for each variant. Of what is worse it shows the message and the stack, where
 * the member "trials_shown" of the document is what tl_night_shown_trials returns. */
char *tl_night_junit(const json_t *night);
/* The trials that show what is worse, by their ids, as tl_report_trial has them; the caller's. */
struct tl_store;
json_t *tl_night_shown_trials(struct tl_store *s, const json_t *night);

/* Inline text (reports/page/page.h) about an entry of "changes" and of the other lists. */
char *tl_night_title(const json_t *night); /* "nightly SUITE: 1 new failure, 2 fixed"; plain text */
char *
tl_night_counts(const json_t *night); /* what comes after the colon, without "nothing changed"; plain text */
/* Whether there is anything to tell somebody, and what, in a few words; "": nothing (docs/nightly.md has the table). Of a night
 * of an older trapline, which says nothing of news, there are no words. */
bool tl_night_has_news(const json_t *night);
char *tl_night_news(const json_t *night);
size_t tl_night_closed(const json_t *night);   /* cells in which what was known is closed by this night */
size_t tl_night_back(const json_t *night);     /* cells in which what was known and closed fails again */
char *tl_night_class_words(const char *class); /* "new failure" */
bool tl_night_is_worse(const char *class);     /* than before; class may be NULL */
char *tl_night_was(const json_t *entry);       /* what it did before, and where */
char *tl_night_now(const json_t *entry);
char *tl_night_trigger(const json_t *entry); /* NULL when it was not isolated */
char *tl_night_known(
    const json_t *entry); /* what somebody has said of the failure, and what became of that; NULL */

#endif
