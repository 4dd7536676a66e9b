/* Names for captured frames, by libdw, after the process is gone: from the ELF files themselves, separate
 * debug files found by build-id or .gnu_debuglink (/usr/lib/debug), never from the network. Each unique stack
 * is worked on once; results are remembered up to a bound. */
#ifndef TL_SYMBOLISE_H
#define TL_SYMBOLISE_H

#include "harness/base/record.h"

struct tl_symboliser;
struct tl_symboliser *tl_symboliser_new(void);
void tl_symboliser_free(struct tl_symboliser *s);

/* Fills symbols of every thread of c that has frames. A file that is gone or unreadable gives frames without
 * symbols. A file whose build-id no longer is the captured one is not used. */
void tl_symbolise(struct tl_symboliser *s, struct tl_capture *c);

#endif
