/* The debug information of one file: for an address its line, its function, and the calls that were inlined there. */
#ifndef TL_DEBUG_INFO_H
#define TL_DEBUG_INFO_H

#include "harness/base/record.h"

#include <libelf.h>

struct tl_debug_info;

/* Of elf, which must outlive it, the file at path; module: the one that it is about. Parts of it may lie in files beside
 * either. NULL when there is none that can be read. */
struct tl_debug_info *tl_debug_info_open(Elf *elf, const char *path, const char *module);
void tl_debug_info_close(struct tl_debug_info *d);

/* Adds to *symbols what is known of the code at an ELF virtual address, innermost inlined call first. symbol: its
 * function by the symbol table, or NULL. */
void tl_debug_info_find(struct tl_debug_info *d, uint64_t vaddr, const char *symbol,
                        struct tl_frame_symbols *symbols);

/* Adds one; function: as a symbol table has it, or NULL. */
struct tl_symbol *tl_frame_symbols_add(struct tl_frame_symbols *symbols, const char *function);

#endif
