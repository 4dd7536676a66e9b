/* Documents whose texts come from anywhere, fit to be printed by lines. */
#ifndef TL_CLI_WITH_LINES_H
#define TL_CLI_WITH_LINES_H

#include <jansson.h>

/* A copy in which each text is one line, and each name of a member: what is printed of it has no line that a text began. Whoever
 * prints a document with more than tl_cli_line prints such a copy. */
json_t *tl_cli_with_lines(const json_t *document);

#endif
