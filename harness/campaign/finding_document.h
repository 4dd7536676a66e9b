/* The document of a finding: what `isolate --json` prints and what is stored for reports (docs/isolation.md).
 */
#ifndef TL_FINDING_DOCUMENT_H
#define TL_FINDING_DOCUMENT_H

#include "harness/campaign/driver.h"

#include <jansson.h>

/* Builds the document from a driver's result so far. A new reference; NULL with *e when the database cannot be
 * read. */
json_t *tl_finding_document(const struct tl_driver *d, struct tl_error *e);

#endif
