/* What /usr/bin/sample of macOS prints about a running process, as a capture of a hang. Pure. Written from
 * outputs that people have published; no Mac has run this. */
#ifndef TL_SAMPLE_H
#define TL_SAMPLE_H

#include "harness/base/error.h"
#include "harness/base/record.h"

#define TL_SAMPLE_MOST (16u << 20) /* bytes of a text that is read */

/* Reads a text into *c (the caller's; tl_capture_free): for every thread the path through the call graph that
 * most samples took, innermost first, with names and with addresses relative to their module. -1 when it has
 * no call graph. */
int tl_sample_parse(const char *text, size_t size, struct tl_capture *c, struct tl_error *e);

#endif
