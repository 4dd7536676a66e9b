#include "harness/supervise/sanitized.h"

#include "harness/base/buffer.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <unistd.h>

static bool names_sanitizer(const char *name)
{
    static const char *const libraries[] = {"libasan.so",       "libhwasan.so",       "libtsan.so",
                                            "libclang_rt.asan", "libclang_rt.hwasan", "libclang_rt.tsan",
                                            "libclang_rt.msan"};
    for (size_t i = 0; name && i < TL_COUNT(libraries); i++)
        if (!strncmp(name, libraries[i], strlen(libraries[i])))
            return true;
    return false;
}

/* GCC links the sanitizer's library: it is one of those the program needs. */
static bool needs_sanitizer(Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
    Elf_Data *data = elf_getdata(section, NULL);
    GElf_Dyn entry;
    for (int i = 0; data && gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL; i++)
        if (entry.d_tag == DT_NEEDED && names_sanitizer(elf_strptr(elf, header->sh_link, entry.d_un.d_val)))
            return true;
    return false;
}

/* Clang puts it into the program, and exports its functions. */
static bool has_sanitizer(Elf *elf, Elf_Scn *section, const GElf_Shdr *header)
{
    static const char *const functions[] = {"__asan_init", "__hwasan_init", "__tsan_init", "__msan_init"};
    Elf_Data *data = elf_getdata(section, NULL);
    GElf_Sym symbol;
    for (int i = 0; data && gelf_getsym(data, i, &symbol); i++) {
        const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
        for (size_t k = 0; name && k < TL_COUNT(functions); k++)
            if (!strcmp(name, functions[k]))
                return true;
    }
    return false;
}

bool tl_is_sanitized(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    bool found = false;
    Elf_Scn *section = NULL;
    GElf_Shdr header;
    while (elf && !found && (section = elf_nextscn(elf, section)) && gelf_getshdr(section, &header))
        found = (header.sh_type == SHT_DYNAMIC && needs_sanitizer(elf, section, &header)) ||
                (header.sh_type == SHT_DYNSYM && has_sanitizer(elf, section, &header));
    if (elf)
        elf_end(elf);
    close(fd);
    return found;
}
