/* The symbols and the debug information of one module, from its file and a separate debug file where there is
 * one. */
#ifndef TL_SYMBOL_FILE_H
#define TL_SYMBOL_FILE_H

#include "harness/base/record.h"

struct tl_symbol_file;

/* Of a captured module: from what was kept of it, else from its path. A file that has another build-id, or without one
 * looks otherwise than the one that was captured, is not used; a debug file of that build-id may still be found. NULL
 * when there is nothing to look into. */
struct tl_symbol_file *tl_symbol_file_open(const struct tl_module *module);
void tl_symbol_file_free(struct tl_symbol_file *f);

/* What is known of the code at an ELF virtual address, innermost inlined call first; n is 0 when that is
 * nothing. */
void tl_symbol_file_find(struct tl_symbol_file *f, uint64_t vaddr, struct tl_frame_symbols *symbols);

#endif
