#include "harness/base/error.h"

#include "harness/base/buffer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* No name, content or right of a file leads to these: the machine has no more of something, or its disk fails. */
static bool is_of_the_machine(int err)
{
    static const int errors[] = {EIO,    ENOSPC, EDQUOT,  EMFILE, ENFILE, ENOMEM,
                                 EAGAIN, ENOLCK, ENOBUFS, ESTALE, EINTR};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (err == errors[i])
            return true;
    return false;
}

static void set_head(struct tl_error *e, enum tl_error_kind kind, const char *what, const char *where)
{
    e->kind = kind;
    snprintf(e->what, sizeof e->what, "%s", what ? what : "");
    snprintf(e->where, sizeof e->where, "%s", where ? where : "");
}

int tl_fail(struct tl_error *e, enum tl_error_kind kind, const char *what, const char *where, const char *why,
            ...)
{
    if (!e)
        return -1;
    va_list ap;
    va_start(ap, why);
    char text[sizeof e->why];
    vsnprintf(text, sizeof text, why, ap);
    va_end(ap);
    set_head(e, kind, what, where);
    memcpy(e->why, text, sizeof text);
    return -1;
}

int tl_fail_errno(struct tl_error *e, enum tl_error_kind kind, int err, const char *what, const char *where,
                  const char *why, ...)
{
    if (!e)
        return -1;
    va_list ap;
    va_start(ap, why);
    char text[sizeof e->why];
    int n = why ? vsnprintf(text, sizeof text, why, ap) : 0;
    va_end(ap);
    if (n >= 0 && (size_t)n < sizeof text)
        snprintf(text + n, sizeof text - (size_t)n, "%s%s", n ? ": " : "", strerror(err));
    set_head(e, kind == TL_ERROR_INPUT && is_of_the_machine(err) ? TL_ERROR_ENVIRONMENT : kind, what, where);
    memcpy(e->why, text, sizeof text);
    return -1;
}

char *tl_error_text(const struct tl_error *e)
{
    return tl_format("%s%s%s: %s", e->what, *e->where ? ": " : "", e->where, e->why);
}

int tl_error_exit_status(enum tl_error_kind kind)
{
    switch (kind) {
    case TL_ERROR_NONE:
        return 0;
    case TL_ERROR_INPUT:
        return 2;
    case TL_ERROR_ENVIRONMENT:
        return 3;
    case TL_ERROR_INTERRUPTED:
        return 130;
    }
    return 3;
}
