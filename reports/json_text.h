/* What a trial left behind, made fit for documents. */
#ifndef TL_REPORTS_JSON_TEXT_H
#define TL_REPORTS_JSON_TEXT_H

#include "harness/base/buffer.h"
#include "harness/base/record.h"

#include <jansson.h>

/* Text of a child as a JSON string: what is not UTF-8 becomes U+FFFD. */
json_t *tl_text_json(const char *text, size_t size);
json_t *tl_string_json(const char *text); /* the same of a whole string; null for NULL */
json_t *
tl_parsed_json(const char *text); /* of text that is JSON itself; null when it is none, and for NULL */

/* Adds at most so many bytes from the end of a stream, with a mark where bytes of its middle were dropped. */
void tl_output_end(struct tl_buffer *b, const struct tl_output *o, size_t most);

#endif
