/* The assertion or abort message on stderr: the line in which a dying process says why. Pure. */
#ifndef TL_ABORT_MESSAGE_H
#define TL_ABORT_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>

/* Finds an assertion or abort message in what a process wrote to stderr (glibc, C++ terminate, Rust, Python,
 * Abseil/glog, Metal/MPS assertions, sanitizers, malloc corruption, Swift fatal errors). The last one wins.
 * Returns a new string without trailing newline, or NULL. */
char *tl_find_abort_message(const char *text, size_t size);

/* Whether an abort message only repeats which signal it was ("abort() called", "Aborted"). */
bool tl_message_says_nothing(const char *message);

#endif
