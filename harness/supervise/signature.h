/* When two failures are the same failure: title and signature of a finished trial. Pure: no process, no file.
 */
#ifndef TL_SIGNATURE_H
#define TL_SIGNATURE_H

#include "harness/base/record.h"

/* Finds an assertion or abort message in what a process wrote to stderr (glibc, C++ terminate, Rust, Python,
 * Abseil/glog, Metal/MPS assertions, sanitizers, malloc corruption, Swift fatal errors). The last one wins.
 * Returns a new string without trailing newline, or NULL. */
char *tl_find_abort_message(const char *text, size_t size);

/* Numbers, addresses, paths, line numbers, uuids and pids replaced by placeholders, white space folded, at
 * most 400 bytes, so that the same message from another build or run is equal. A new string. */
char *tl_normalise_message(const char *message);

/* Fills r->signature from outcome, phase, signal, message, error and the symbolised captures of r. For an
 * outcome that is not a failure it is left empty. */
void tl_signature_make(struct tl_trial_record *r);

/* Whether two failures of the same files are one failure although their signatures differ: both end of the
 * same signal in the same phase, in code of which only the unwind tables are known, one of them in a function
 * and the other in that function or in something it called, and what led there is the same. A wild address
 * often takes a kernel down a few calls earlier or later. Never true for functions with names, nor for
 * failures that a message tells apart. Or both are hangs in the same phase, caught at different points below
 * the same calls of the runtime. */
bool tl_failure_related(const struct tl_trial_record *a, const struct tl_trial_record *b);

#endif
