/* What became of a known failure on another build, in words. An entry is one of "retests" of a night (docs/nightly.md) or
 * of `trapline report FINDING --retest` (docs/reports.md). Inline text (reports/page/page.h), the caller's. */
#ifndef TL_REPORTS_RETEST_H
#define TL_REPORTS_RETEST_H

#include <jansson.h>
#include <stdbool.h>

char *tl_retest_build(const json_t *entry);
char *tl_retest_verdict(const json_t *entry); /* a few words for whoever runs it */
/* To paste into the report of it. os: of all entries, where the entry has none; NULL. */
char *tl_retest_sentence(const json_t *entry, const char *os);

/* Whether it fails still, in whatever way. */
bool tl_retest_fails(const json_t *entry);

#endif
