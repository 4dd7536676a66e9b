/* libdw hands out text, and reads it itself, without a look at where a section ends, and in a damaged file a section may
 * end in the middle of a text. So a file is not used whose sections of text do not end with one, and of text that stands
 * among other things the end is looked for. */
#include "harness/stack/debug_string.h"

#include "harness/stack/image.h"

#include <dwarf.h>
#include <stdbool.h>
#include <string.h>

static bool texts_end(Elf *elf)
{
    static const char *const names[] = {".debug_str", ".debug_str.dwo", ".debug_line_str",
                                        ".debug_line_str.dwo"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const Elf_Data *data = tl_image_data(elf, names[i]);
        if (data && ((const char *)data->d_buf)[data->d_size - 1])
            return false;
    }
    return true;
}

Dwarf *tl_debug_begin(Elf *elf)
{
    return tl_image_size_is_sane(elf) && texts_end(elf) ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
}

static bool ends_in(Dwarf *dwarf, const char *text)
{
    Elf *elf = dwarf_getelf(dwarf);
    Elf_Scn *section = NULL;
    while (elf && (section = elf_nextscn(elf, section))) {
        Elf_Data *data = elf_getdata(section, NULL);
        const char *from = data ? data->d_buf : NULL;
        if (from && text >= from && text < from + data->d_size)
            return memchr(text, 0, (size_t)(from + data->d_size - text));
    }
    return false;
}

const char *tl_debug_string(Dwarf_Attribute *attribute)
{
    const char *text = dwarf_formstring(attribute);
    if (!text)
        return NULL;
    Dwarf *dwarf = dwarf_cu_getdwarf(attribute->cu);
    unsigned form = dwarf_whatform(attribute);
    if (form == DW_FORM_GNU_strp_alt || form == DW_FORM_strp_sup) /* where dwz has moved it */
        dwarf = dwarf_getalt(dwarf);
    return ends_in(dwarf, text) ? text : NULL;
}

const char *tl_debug_name(Dwarf_Die *die)
{
    Dwarf_Attribute a;
    return dwarf_attr_integrate(die, DW_AT_name, &a) ? tl_debug_string(&a) : NULL;
}
