/* The line in which a process says why it failed, in what it wrote to stderr. Pure. */
#ifndef TL_LAST_WORDS_H
#define TL_LAST_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Finds an assertion or abort message in what a process wrote before it died (glibc, C++ terminate, Rust,
 * Python, Abseil/glog, Metal/MPS assertions, sanitizers, malloc corruption, Swift fatal errors, loaders). The
 * last one wins; one that only says that something failed is joined with the line or block that says what.
 * Returns a new string without trailing newline, or NULL. */
char *tl_find_abort_message(const char *text, size_t size);

/* The error that a process wrote last of all, directly before its end, in words that are nobody's assertion:
 * for one that ended itself and left no abort message. A new string, or NULL. */
char *tl_find_closing_error(const char *text, size_t size);

/* Of what a program wrote before it exited with a failure: the last abort message or line that names an
 * error and is no warning, joined with what it belongs to as above. Without one, the last line that says
 * something and is no warning, unless only an error is wanted. A new string, or NULL. */
char *tl_find_complaint(const char *text, size_t size, bool only_error);

/* The same of both streams: the last error on stderr, and where that holds only what says nothing of the reason
 * ("make: *** Error 1"), the last error on stdout. */
char *tl_find_complaint_of(const char *err, size_t err_size, const char *out, size_t out_size);

/* The first line of a text, and what follows it: of a block that it opens the errors that are listed there, or what describes
 * the error, before the line itself; what it is joined with as above; else the next lines up to an empty one, four at most. A new string, or NULL. */
char *tl_find_first_words(const char *text, size_t size);

/* The first report of a sanitizer in what a process wrote, which may have gone on after it or chosen its own exit status:
 * the line that sums it up. A new string, or NULL. */
char *tl_find_sanitizer_report(const char *text, size_t size);

/* Where a program in Python was that a signal ended, as its faulthandler wrote: "f (a.py:3)", or of a function of the standard library
 * that and its caller in the program, "f (os.py:1) ← g (a.py:3)". A new string, or NULL. */
char *tl_find_python_place(const char *text, size_t size);

/* Whether an abort message only repeats which signal it was ("abort() called", "Aborted"). */
bool tl_message_says_nothing(const char *message);
/* The message of a death of which nothing else is known. */
#define TL_NOT_TRACED "without a stack: not traced, as the case asks"
#define TL_NOT_KEPT                                                                                          \
    "without a stack: it died while it was let go from being traced, since it lives on faults, and not so "  \
    "when it was run once more"
#define TL_NOT_READABLE                                                                                      \
    "without a stack: the process lets nobody read its memory (it is not dumpable), and trapline does not "  \
    "run as root"

#endif
