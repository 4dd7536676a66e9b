/* When two failures are the same failure: title and signature of a finished trial. Pure: no process, no file. */
#ifndef TL_SIGNATURE_H
#define TL_SIGNATURE_H

#include "db/record.h"

/* Finds an assertion or abort message in what a process wrote to stderr (glibc, C++ terminate, Rust, Python,
 * Abseil/glog, Metal/MPS assertions, sanitizers, malloc corruption, Swift fatal errors). The last one wins.
 * Returns a new string without trailing newline, or NULL. */
char *tl_find_abort_message(const char *text, size_t size);

/* Numbers, addresses, paths, line numbers, uuids and pids replaced by placeholders, white space folded, at most
 * 400 bytes, so that the same message from another build or run is equal. A new string. */
char *tl_normalise_message(const char *message);

/* Fills r->signature from outcome, phase, signal, message, error and the symbolised captures of r. For an outcome
 * that is not a failure it is left empty. */
void tl_signature_make(struct tl_trial_record *r);

#endif
