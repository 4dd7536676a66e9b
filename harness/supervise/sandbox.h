/* What a trial can reach: its work, and as little else as can be had (docs/security.md). Linux only. */
#ifndef TL_SANDBOX_H
#define TL_SANDBOX_H

#include "harness/base/error.h"
#include "harness/supervise/warden.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is asked for. */
struct tl_sandbox_wish {
    bool wanted;
    bool network;         /* trials have it */
    const char *user;     /* as whom they run, for who is root; NULL: as we do */
    const char *database; /* which they do not see; NULL */
};

struct tl_sandbox; /* what is done for it, found out once for a supervisor */

/* NULL with *e: this system does not allow it, or there is no such user. scratch_root: where scratch directories are. */
struct tl_sandbox *tl_sandbox_new(const struct tl_sandbox_wish *wish, const char *scratch_root,
                                  struct tl_error *e);
void tl_sandbox_free(struct tl_sandbox *s);
/* Whether one can be made here, by making it; else *why is what it fails at. Nobody else may wait for children
 * meanwhile. */
bool tl_sandbox_try(const char *scratch_root, char *why, size_t size);

/* Makes w the warden of a sandbox. */
void tl_sandbox_want(const struct tl_sandbox *s, struct tl_warden *w);
/* Gives a directory and all that is below it to the user of the sandbox; what links lead to stays whose it is. -1 with *e, which
 * names what could not be given. */
int tl_sandbox_give(const struct tl_sandbox *s, const char *directory, struct tl_error *e);

/* The sandbox of one child. */
struct tl_sandbox_place {
    const struct tl_sandbox *sandbox;
    const char *scratch, *writable; /* directories that it may write to; writable: NULL, one more */
    uint64_t memory_mb;             /* that it may have; 0: no limit */
};
/* In its warden: makes the places that it sees. -1 with errno and the words of what failed. Async-signal-safe. */
int tl_sandbox_furnish(const struct tl_sandbox_place *place, const char **what);
/* In the child: gives up what it must not have. Async-signal-safe. */
int tl_sandbox_enter(const struct tl_sandbox *s);
int tl_sandbox_scope(
    const struct tl_sandbox *s); /* of its signals and, with a network, abstract sockets; or -1 */

#endif
