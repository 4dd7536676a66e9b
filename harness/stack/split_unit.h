/* Debug information that the linker left where the compiler put it: -gsplit-dwarf. */
#ifndef TL_SPLIT_UNIT_H
#define TL_SPLIT_UNIT_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tl_split_unit;
struct tl_package; /* a .dwp, opened when it is first needed */

/* What stands for skeleton, the DIE of a unit that names another file; NULL when that is not to be had or is of
 * another build. elf, path: the file that the skeleton is in, and of which module. *package is kept for the next
 * unit and closed with tl_package_close. */
struct tl_split_unit *tl_split_unit_open(Elf *elf, const char *path, Dwarf_Die *skeleton,
                                         struct tl_package **package);
void tl_split_unit_close(struct tl_split_unit *u);
void tl_package_close(struct tl_package *p);

bool tl_is_skeleton(Dwarf_Die *unit);

/* The DIE of the whole unit, and how much memory it all takes. */
Dwarf_Die *tl_split_unit_die(struct tl_split_unit *u);
size_t tl_split_unit_size(const struct tl_split_unit *u);

/* As dwarf_ranges, of a DIE of this unit. */
ptrdiff_t tl_split_unit_ranges(struct tl_split_unit *u, Dwarf_Die *die, ptrdiff_t at, Dwarf_Addr *start,
                               Dwarf_Addr *end);

#endif
