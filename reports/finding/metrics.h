/* Numbers that trials tell, in words. */
#ifndef TL_REPORTS_FINDING_METRICS_H
#define TL_REPORTS_FINDING_METRICS_H

#include "harness/base/buffer.h"

#include <jansson.h>

/* "12.5 tok/s", "198400". unit: NULL for none. */
void tl_words_metric(struct tl_buffer *b, double number, const char *unit);
/* Of a finding in a terminal: a line for each metric and axis. */
void tl_words_metrics(struct tl_buffer *b, const json_t *finding);

#endif
