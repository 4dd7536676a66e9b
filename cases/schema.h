/* JSON Schemas (draft 7) of the files that people write, made from the table by which they are checked (keys.h), so that editors
 * complete and check them. What a schema cannot say, such as that an axis exists that is named, only the check knows. */
#ifndef TL_CASE_SCHEMA_H
#define TL_CASE_SCHEMA_H

#include "cases/keys.h"

#include <jansson.h>

/* New references. */
json_t *tl_schema_case(void);
json_t *tl_schema_suite(void);
json_t *tl_schema_configuration(void);

/* The schema of one object: its keys, those that it must have, and what its rule has more. `open`: keys that the rule
 * does not name are allowed, as in documents that later versions add to. */
json_t *tl_schema_of_rule(const struct tl_object_rule *rule, bool open);
/* The head of a schema: $schema, title, and the members of what the document is. Takes the references. */
json_t *tl_schema_document(const char *title, json_t *top, json_t *definitions);
/* A schema out of its text, which is trapline's own. */
json_t *tl_schema_text(const char *text);

#endif
