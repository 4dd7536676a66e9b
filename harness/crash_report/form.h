/* Forms of reports that are not read, told by what they begin with. Pure. */
#ifndef TL_CRASH_REPORT_FORM_H
#define TL_CRASH_REPORT_FORM_H

#include <stddef.h>

/* What a text is that is no JSON report, and what to do instead; NULL when it is none of those known. */
const char *tl_report_form(const char *text, size_t size);

#endif
