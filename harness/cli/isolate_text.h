/* A finding for people, in a terminal. */
#ifndef TL_ISOLATE_TEXT_H
#define TL_ISOLATE_TEXT_H

#include <jansson.h>
#include <stdbool.h>

/* The result of an isolation in some twenty lines; a new string. */
char *tl_isolate_text(const json_t *document, bool colour);

#endif
