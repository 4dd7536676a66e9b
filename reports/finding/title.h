/* The title of a report. */
#ifndef TL_FINDING_TITLE_H
#define TL_FINDING_TITLE_H

#include <jansson.h>

#define TL_TITLE_MOST 90 /* characters */

/* One line that names the failure, plain text of at most TL_TITLE_MOST characters: where, what, and with what. From the
 * document alone, as it is stored or as it is listed. The caller's. */
char *tl_report_title(const json_t *finding);
/* Its first part: "ONNX Runtime 1.22.0 CPU", "coreai-build compile". The caller's. */
char *tl_title_where(const json_t *finding);
/* One entry of a trigger in words: "int4_block weights", "layers ≥ 17", or what the case says of the value. The caller's. */
char *tl_title_condition(const json_t *finding, const json_t *entry);

#endif
