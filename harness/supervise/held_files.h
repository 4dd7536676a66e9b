/* Files that have no name any more and take room all the same. */
#ifndef TL_HELD_FILES_H
#define TL_HELD_FILES_H

#include <stdint.h>

struct tl_trial;

/* Bytes that are allocated to files that were removed from the scratch directory of a trial while its processes hold them open
 * or mapped. Counting stops at `enough`. In held_files_linux.c and darwin/held_files.c. */
uint64_t tl_held_files_bytes(const struct tl_trial *t, uint64_t enough);

#endif
