/* The model of a finding, listed. */
#ifndef TL_FINDING_MODEL_H
#define TL_FINDING_MODEL_H

#include <jansson.h>

/* Of the model that a trial ran, by the line that its runner was sent: a file of ONNX, or what a family makes for
 * ONNX Runtime. cases/onnx/listing.h has the form. A new reference; NULL when there is none, or none that can be listed. */
json_t *tl_finding_model(const char *runner, const char *request);

#endif
