/* Files that a case names besides its model: inputs, and the outputs that it expects. */
#ifndef TL_REMOTE_NAMED_H
#define TL_REMOTE_NAMED_H

#include "cases/case.h"

#include <jansson.h>

/* --- of who asks: the paths of those that are there, absolute. A NULL-terminated list, for tl_strings_free. */
char **tl_remote_named_files(const struct tl_case *c);

/* --- of who runs it: whether a document that a stranger may have written names nothing outside of the directory of its case, and no program of its
 * own as what computes the right outputs. Before anything that it names is opened; -1 with *e. */
int tl_remote_named_check(const json_t *document, const char *job, struct tl_error *e);

#endif
