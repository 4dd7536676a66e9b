/* Findings: results of isolations, as JSON documents (docs/isolation.md). The document is stored whole, and
 * what lists are narrowed by stands in columns beside it.
 *
 * What is left of a model that was reduced is isolated as any case is, and its document says that it is a reduction: its
 * "kind" is that, while the column says what was searched for, which is the trigger. */
#ifndef TL_FINDING_H
#define TL_FINDING_H

#include "db/query.h"
#include "db/store.h"

#include <jansson.h>

/* Stores a document and makes it durable, with the trials before it. Its fields finding, kind, case,
 * case_hash, unit, complete, created_us and signature are read; storing the same id again replaces it. */
int tl_finding_put(struct tl_store *s, const json_t *document, struct tl_error *e);

/* Whether a document is of the trigger of a failure: of an isolation, or of what is left of a model. */
bool tl_finding_is_of_trigger(const json_t *document);

/* The document of a finding, by its id or the beginning of it; unknown and ambiguous ones fail with kind
 * TL_ERROR_INPUT. The reference is the caller's. */
int tl_finding_load(struct tl_store *s, const char *id, json_t **document, struct tl_error *e);

/* The newest findings first, as a JSON array of documents without "path"; case, unit, signature, since and
 * limit of the filter are heeded. */
int tl_finding_list(struct tl_store *s, const struct tl_filter *f, json_t **list, struct tl_error *e);

/* Whether a step of a document's path tells of another variant, too, by what its trial counted ("counted", and the axis
 * in "inferred"): it differs in that axis only. *fails: that would have failed. */
bool tl_finding_tells(const json_t *document, const json_t *step, const json_t *variant, bool *fails);

#endif
