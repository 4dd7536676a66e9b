/* The members of what `--json` prints, and of findings: the table that becomes JSON Schemas, and that tests hold every document to. */
#ifndef TL_CLI_DOCUMENTS_H
#define TL_CLI_DOCUMENTS_H

#include "cases/keys.h"

/* A kind of document, by the name of its schema. */
extern const struct tl_object_rule *const tl_documents[]; /* NULL ends it */
/* What several of them hold; NULL ends it. */
extern const struct tl_object_rule *const tl_document_parts[];

#endif
