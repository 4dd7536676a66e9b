/* The one way a library function of trapline reports a failure.
 *
 * A function returns 0, or -1 (or NULL) after filling a struct tl_error. Libraries never print: only
 * harness/cli does, and only main() exits. */
#ifndef TL_ERROR_H
#define TL_ERROR_H

#include <stdarg.h>

enum tl_error_kind {
    TL_ERROR_NONE = 0,
    TL_ERROR_INPUT,       /* the command line, a case file or data was wrong: exit status 2 */
    TL_ERROR_ENVIRONMENT, /* trapline itself or the machine failed: exit status 3 */
    TL_ERROR_INTERRUPTED, /* the user stopped it: exit status 130 */
};

struct tl_error {
    enum tl_error_kind kind;
    char what[160];  /* what could not be done: "cannot open the database" */
    char where[256]; /* the file, line, JSON path, option or call it concerns; may be empty */
    char why[1024];  /* the reason, and what to do next */
};

/* Fills *e (which may be NULL) and returns -1, so that a caller can `return tl_fail(...)`.
 * what and where are copied; where may be NULL. */
int tl_fail(struct tl_error *e, enum tl_error_kind kind, const char *what, const char *where, const char *why,
            ...) __attribute__((format(printf, 5, 6)));

/* As tl_fail, with strerror(err) appended to why as ": text". A NULL why leaves it at that text. Where err is one that only
 * the machine causes (no descriptors, memory or room left, a disk that fails), the kind is never TL_ERROR_INPUT. */
int tl_fail_errno(struct tl_error *e, enum tl_error_kind kind, int err, const char *what, const char *where,
                  const char *why, ...) __attribute__((format(printf, 6, 7)));

/* "WHAT: WHERE: WHY", without WHERE where it is empty. A new string. */
char *tl_error_text(const struct tl_error *e);

/* The process exit status that a failure of this kind ends with. */
int tl_error_exit_status(enum tl_error_kind kind);

#endif
