/* Programs that reserve far more memory than they use. */
#ifndef TL_SANITIZED_H
#define TL_SANITIZED_H

#include <stdbool.h>

/* Whether an ELF executable was built with AddressSanitizer or another sanitizer whose shadow memory
 * (terabytes, hardly touched) no limit on private memory would let it have. False for what cannot be read,
 * and for scripts. */
bool tl_is_sanitized(const char *path);

/* Whether it was built to look for memory that it leaks when it ends, which trapline switches off. */
bool tl_looks_for_leaks(const char *path);

#endif
