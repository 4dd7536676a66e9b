/* What a machine of a fleet says of itself, read by who believes none of it: the announcement of remote_job.h. */
#ifndef TL_REMOTE_ANNOUNCED_H
#define TL_REMOTE_ANNOUNCED_H

#include "harness/base/error.h"

#include <jansson.h>

/* A new reference; NULL with *e where it is none, or of another protocol: *e names the machine, and says what is wrong. What is returned has all
 * members of an announcement, of the right types and within bounds, and no text in it has a character that is none to be read. */
json_t *tl_remote_machine_read(const char *machine, const char *text, struct tl_error *e);

#endif
