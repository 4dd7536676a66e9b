/* Kinds of reports that are no crash of a process: memory that ran out, panics, GPU events, use of resources. Pure. */
#ifndef TL_CRASH_REPORT_KINDS_H
#define TL_CRASH_REPORT_KINDS_H

#include "harness/crash_report/ips.h"

#include <jansson.h>

/* Fills kind and kind_name from bug_type; of a kind that cannot be read in any form, refused too. */
void tl_ips_kind_of(struct tl_ips *ips);
/* Makes it one that is not read further, and says why. */
void tl_ips_refuse(struct tl_ips *ips, const char *why);
/* Fills the rest of a report that is no crash, from its header and its body (NULL: it has none that is JSON). */
void tl_ips_take_other(const json_t *header, const json_t *body, struct tl_ips *ips);

#endif
