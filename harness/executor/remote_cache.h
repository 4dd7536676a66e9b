/* What a worker keeps of others below its cache: files by their content, and directories of cases in which they stand under their names. There is
 * an end to it, and what was used longest ago goes first; what a job has that is not answered never goes.
 *
 * When something was used is told by a file beside it, used/KIND-NAME: what is kept itself is known by its times (known_hash.h), and to read
 * a model of gigabytes again for each trial would take longer than the trial. Each worker holds a lock that others may hold as well, and
 * removes something only where it can have it alone: another one's jobs are not known here. */
#ifndef TL_REMOTE_CACHE_H
#define TL_REMOTE_CACHE_H

#include "harness/base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct tl_remote_cache {
    char *top; /* NULL: it is not open */
    int lock;
    uint64_t most; /* bytes */
};

#define TL_REMOTE_CACHE_FILES "files"
#define TL_REMOTE_CACHE_CASES "cases"

int tl_remote_cache_open(struct tl_remote_cache *c, uint64_t most, struct tl_error *e);
void tl_remote_cache_close(struct tl_remote_cache *c);
/* That it is used now. */
void tl_remote_cache_used(const struct tl_remote_cache *c, const char *kind, const char *name);
/* Whether something must stay; a name may have more behind it, while it is being made. */
typedef bool (*tl_remote_cache_busy)(void *arg, const char *kind, const char *name);
/* Has room for so many bytes more, as far as there is something that may go. -1 with *e, of kind TL_ERROR_INPUT, where there is none for so
 * many. */
int tl_remote_cache_make_room(const struct tl_remote_cache *c, uint64_t bytes, tl_remote_cache_busy busy,
                              void *arg, struct tl_error *e);

#endif
