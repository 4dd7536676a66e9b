/* macOS has sandboxes that are told in a language of their own, which Apple does not document for others: there is none here.
 * Not run on a Mac. */
#include "harness/supervise/sandbox.h"

#include <stdio.h>

struct tl_sandbox *tl_sandbox_new(const struct tl_sandbox_wish *wish, const char *scratch_root,
                                  struct tl_error *e)
{
    (void)wish;
    (void)scratch_root;
    tl_fail(e, TL_ERROR_ENVIRONMENT, "there can be no sandbox here", "",
            "trapline has one on Linux only; without --sandbox trials are run");
    return NULL;
}

void tl_sandbox_free(struct tl_sandbox *s)
{
    (void)s;
}

bool tl_sandbox_try(const char *scratch_root, char *why, size_t size)
{
    (void)scratch_root;
    snprintf(why, size, "macOS");
    return false;
}

void tl_sandbox_want(const struct tl_sandbox *s, struct tl_warden *w)
{
    (void)s;
    (void)w;
}

int tl_sandbox_give(const struct tl_sandbox *s, const char *directory, struct tl_error *e)
{
    (void)s;
    (void)directory;
    (void)e;
    return 0;
}
