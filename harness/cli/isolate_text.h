/* A finding for people, in a terminal. */
#ifndef TL_ISOLATE_TEXT_H
#define TL_ISOLATE_TEXT_H

#include "harness/base/buffer.h"

#include <jansson.h>
#include <stdbool.h>

/* The result of an isolation in some twenty lines; a new string. */
char *tl_isolate_text(const json_t *document, bool colour);

/* Its parts. */
void tl_isolate_add_value(struct tl_buffer *b, const json_t *value);       /* a string without quotes */
void tl_isolate_add_builds(struct tl_buffer *b, const json_t *document);   /* which builds fail */
void tl_isolate_add_frontier(struct tl_buffer *b, const json_t *document); /* the boundary over two axes */

/* Prints what is typed for the report of a finding. */
void tl_isolate_say_report(const char *finding);

#endif
