/* What a report can say in a field of an issue form, by the names that templates/projects.json uses. */
#ifndef TL_REPORTS_ISSUE_FACTS_H
#define TL_REPORTS_ISSUE_FACTS_H

#include <jansson.h>
#include <stdbool.h>

/* Adds blocks (reports/page/page.h) to a page. False: nothing is known of it, or there is no fact of this name. */
bool tl_issue_fact(const json_t *report, const char *name, json_t *page);
/* Whether there is a fact of this name: for tests of the templates. */
bool tl_issue_fact_known(const char *name);
/* What a drop-down is chosen by, a word in small letters; the caller's. NULL: it is not known. */
char *tl_issue_word(const json_t *report, const char *name);
bool tl_issue_word_known(const char *name);

#endif
