/* Text in debug information. */
#ifndef TL_STACK_DEBUG_STRING_H
#define TL_STACK_DEBUG_STRING_H

#include <elfutils/libdw.h>

/* The debug information of a file; NULL when there is none, when it is too large, or when its texts have no end. The
 * caller's, and ended by dwarf_end before the file is. */
Dwarf *tl_debug_begin(Elf *elf);
/* The text of an attribute; NULL when it has none, or when its end is missing. Belongs to the attribute's Dwarf. */
const char *tl_debug_string(Dwarf_Attribute *attribute);
/* The name of an entry (DW_AT_name), or of the entry that it is an instance of; NULL when it has none. */
const char *tl_debug_name(Dwarf_Die *die);

#endif
