/* What a crash report says in words. Pure. */
#ifndef TL_CRASH_REPORT_WORDS_H
#define TL_CRASH_REPORT_WORDS_H

#include "harness/base/record.h"

#include <jansson.h>

/* Fills lines, reason and termination, with what belongs to them, from the body of a report. */
void tl_ips_take_words(const json_t *body, struct tl_crash_report *p);

#endif
