/* The minimal case of a finding. */
#ifndef TL_REPORTS_MINIMAL_CASE_H
#define TL_REPORTS_MINIMAL_CASE_H

#include <jansson.h>

/* The case file with the values of the minimal variant and its passing neighbours only. The caller's. */
json_t *tl_minimal_case(const json_t *case_document, const json_t *finding);

#endif
