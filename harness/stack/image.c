#include "harness/stack/image.h"

#include "harness/base/buffer.h"
#include "harness/stack/registers.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void tl_image_close(struct tl_image *i)
{
    elf_end(i->elf);
    if (i->fd >= 0)
        close(i->fd);
    free(i->bytes);
    *i = TL_IMAGE_NONE;
}

bool tl_image_open_fd(struct tl_image *i, int fd)
{
    struct stat st;
    elf_version(EV_CURRENT);
    *i = (struct tl_image){fd, NULL, NULL};
    if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
        i->elf = elf_begin(fd, ELF_C_READ, NULL);
    if (i->elf && elf_kind(i->elf) == ELF_K_ELF)
        return true;
    tl_image_close(i);
    return false;
}

bool tl_image_open(struct tl_image *i, const char *path)
{
    return tl_image_open_fd(i, open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

bool tl_image_of_bytes(struct tl_image *i, char *bytes, size_t size)
{
    elf_version(EV_CURRENT);
    *i = (struct tl_image){-1, elf_memory(bytes, size), bytes};
    if (i->elf && elf_kind(i->elf) == ELF_K_ELF)
        return true;
    tl_image_close(i);
    return false;
}

Elf_Scn *tl_image_section(Elf *elf, const char *wanted, GElf_Shdr *header)
{
    size_t names;
    if (!elf || elf_getshdrstrndx(elf, &names))
        return NULL;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        const char *name = gelf_getshdr(scn, header) ? elf_strptr(elf, names, header->sh_name) : NULL;
        if (name && header->sh_type != SHT_NOBITS && !strcmp(name, wanted))
            return scn;
    }
    return NULL;
}

Elf_Data *tl_image_data(Elf *elf, const char *name)
{
    GElf_Shdr h;
    Elf_Scn *scn = tl_image_section(elf, name, &h);
    if (!scn || ((h.sh_flags & SHF_COMPRESSED) && elf_compress(scn, 0, 0) < 0))
        return NULL;
    Elf_Data *data = elf_rawdata(scn, NULL);
    return data && data->d_buf && data->d_size ? data : NULL;
}

bool tl_image_size_is_sane(Elf *elf)
{
    uint64_t sum = 0;
    for (Elf_Scn *scn = NULL; (scn = elf_nextscn(elf, scn));) {
        GElf_Shdr h;
        GElf_Chdr compressed;
        if (!gelf_getshdr(scn, &h) || (h.sh_flags & SHF_ALLOC) || h.sh_type == SHT_NOBITS)
            continue;
        uint64_t size = h.sh_size;
        if ((h.sh_flags & SHF_COMPRESSED) && gelf_getchdr(scn, &compressed))
            size = compressed.ch_size;
        if (size > TL_MOST_DEBUG)
            return false;
        sum += size;
    }
    return sum <= TL_MOST_DEBUG;
}

void tl_image_hex(const void *bytes, size_t n, char text[65])
{
    text[0] = '\0';
    for (size_t k = 0; k < n && n <= 32; k++)
        snprintf(text + 2 * k, 3, "%02x", ((const unsigned char *)bytes)[k]);
}

void tl_image_build_id(Elf *elf, char text[65])
{
    const void *bytes;
    ssize_t n = dwelf_elf_gnu_build_id(elf, &bytes);
    tl_image_hex(bytes, n > 0 ? (size_t)n : 0, text);
}

char *tl_image_debug_path(const char *build_id)
{
    return strlen(build_id) > 2
               ? tl_format(TL_DEBUG_DIRECTORY "/.build-id/%.2s/%s.debug", build_id, build_id + 2)
               : NULL;
}

static void put(struct tl_buffer *b, const void *data, size_t size)
{
    while (b->size % 8)
        tl_buffer_add(b, "", 1);
    tl_buffer_add(b, data, size);
}

char *tl_image_bytes(const struct tl_image_part *parts, size_t n, size_t *size)
{
    struct tl_buffer b = TL_BUFFER_INIT, names = TL_BUFFER_INIT;
    Elf64_Ehdr e = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                    .e_type = ET_DYN,
                    .e_machine = TL_ELF_MACHINE,
                    .e_version = EV_CURRENT,
                    .e_ehsize = sizeof e,
                    .e_shentsize = sizeof(Elf64_Shdr),
                    .e_shnum = (Elf64_Half)(n + 2),
                    .e_shstrndx = (Elf64_Half)(n + 1)};
    Elf64_Shdr *headers = tl_calloc(n + 2, sizeof *headers);
    tl_buffer_add(&b, &e, sizeof e);
    tl_buffer_add(&names, "", 1);
    for (size_t k = 0; k <= n; k++) {
        static const char own[] = ".shstrtab";
        const char *name = k < n ? parts[k].name : own;
        headers[k + 1] =
            (Elf64_Shdr){.sh_name = (Elf64_Word)names.size, .sh_type = SHT_STRTAB, .sh_addralign = 1};
        tl_buffer_add(&names, name, strlen(name) + 1);
        if (k < n) {
            headers[k + 1].sh_type = parts[k].type;
            headers[k + 1].sh_entsize = parts[k].entry_size;
            headers[k + 1].sh_link = parts[k].link;
        }
        put(&b, k < n ? parts[k].data : names.data, k < n ? parts[k].size : names.size);
        headers[k + 1].sh_size = k < n ? parts[k].size : names.size;
        headers[k + 1].sh_offset = b.size - headers[k + 1].sh_size;
    }
    put(&b, headers, (n + 2) * sizeof *headers);
    e.e_shoff = b.size - (n + 2) * sizeof *headers;
    memcpy(b.data, &e, sizeof e);
    free(headers);
    tl_buffer_free(&names);
    *size = b.size;
    return tl_buffer_take(&b);
}
