/* What can be told of a module that exists in the memory of a process only. */
#ifndef TL_MEMORY_IMAGE_H
#define TL_MEMORY_IMAGE_H

#include "harness/stack/elf_image.h"

/* The symbols of an image that is read from memory (tl_elf_from_memory), as the bytes of an ELF file. NULL when it has
 * none. The caller's to free. */
char *tl_memory_image(struct tl_elf *elf, size_t *size);

#endif
