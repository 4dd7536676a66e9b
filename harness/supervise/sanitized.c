#include "harness/supervise/sanitized.h"

#include "harness/base/buffer.h"

#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <unistd.h>

/* By the libraries that it needs, as GCC links them, or by the functions that it exports, as Clang does. */
struct marks {
    const char *libraries[8], *functions[8];
};

static const struct marks shadows = {{"libasan.so", "libhwasan.so", "libtsan.so", "libclang_rt.asan",
                                      "libclang_rt.hwasan", "libclang_rt.tsan", "libclang_rt.msan"},
                                     {"__asan_init", "__hwasan_init", "__tsan_init", "__msan_init"}};
static const struct marks leaks = {{"libasan.so", "libhwasan.so", "liblsan.so", "libclang_rt.asan",
                                    "libclang_rt.hwasan", "libclang_rt.lsan"},
                                   {"__asan_init", "__hwasan_init", "__lsan_init", "__lsan_do_leak_check"}};

static bool needs_library(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, const struct marks *m)
{
    Elf_Data *data = elf_getdata(section, NULL);
    GElf_Dyn entry;
    for (int i = 0; data && gelf_getdyn(data, i, &entry) && entry.d_tag != DT_NULL; i++) {
        const char *name =
            entry.d_tag == DT_NEEDED ? elf_strptr(elf, header->sh_link, entry.d_un.d_val) : NULL;
        for (size_t k = 0; name && m->libraries[k]; k++)
            if (!strncmp(name, m->libraries[k], strlen(m->libraries[k])))
                return true;
    }
    return false;
}

static bool has_function(Elf *elf, Elf_Scn *section, const GElf_Shdr *header, const struct marks *m)
{
    Elf_Data *data = elf_getdata(section, NULL);
    GElf_Sym symbol;
    for (int i = 0; data && gelf_getsym(data, i, &symbol); i++) {
        const char *name = elf_strptr(elf, header->sh_link, symbol.st_name);
        for (size_t k = 0; name && m->functions[k]; k++)
            if (!strcmp(name, m->functions[k]))
                return true;
    }
    return false;
}

static bool is_marked(const char *path, const struct marks *m)
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
        found = (header.sh_type == SHT_DYNAMIC && needs_library(elf, section, &header, m)) ||
                (header.sh_type == SHT_DYNSYM && has_function(elf, section, &header, m));
    if (elf)
        elf_end(elf);
    close(fd);
    return found;
}

bool tl_is_sanitized(const char *path)
{
    return is_marked(path, &shadows);
}

bool tl_looks_for_leaks(const char *path)
{
    return is_marked(path, &leaks);
}
