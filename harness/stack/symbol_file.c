/* Theory of operation. Files are opened with ELF_C_READ: sections are read into memory and not mapped, for
 * the reason given in elf_image.c. libdwfl, which would find debug files by itself, maps them and may ask the
 * network; what it would do here is a dozen lines.
 *
 * Up to three files stand behind a module: its own, a separate debug file (by build-id, else by
 * .gnu_debuglink), and the small symbol table that some distributions pack into .gnu_debugdata. Function
 * symbols come from the first of .symtab of either file; without one from .dynsym and .gnu_debugdata
 * together. Lines and inlined calls come from whichever has .debug_info. */
#include "harness/stack/symbol_file.h"

#include "harness/base/buffer.h"
#include "harness/stack/debug_info.h"
#include "harness/stack/image.h"
#include "harness/stack/modules.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <gelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_SYMBOLS 8000000u

struct function {
    uint64_t start, size;
    const char *name; /* of the image's string table */
    int rank;         /* which to prefer of two at one address */
};

struct tl_symbol_file {
    struct tl_image own, debug, mini;
    char *debug_path;
    struct tl_debug_info *info;
    size_t n_functions;
    struct function *functions;
};

/* Whether this is the debug file of a module with that build-id, or with that checksum when it has none. */
static bool is_debug_file(const struct tl_image *i, const char *build_id, const GElf_Word *crc)
{
    char id[65];
    tl_image_build_id(i->elf, id);
    if (build_id[0])
        return !strcmp(id, build_id);
    if (!crc || id[0])
        return false;
    /* CRC-32 as zip has it. */
    uint32_t sum = 0xffffffffu;
    unsigned char data[16384];
    ssize_t n;
    for (off_t at = 0; (n = pread(i->fd, data, sizeof data, at)) > 0; at += n) {
        for (ssize_t k = 0; k < n; k++) {
            sum ^= data[k];
            for (int bit = 0; bit < 8; bit++)
                sum = (sum >> 1) ^ (0xedb88320u & (0u - (sum & 1)));
        }
    }
    return ~sum == *crc;
}

static void find_debug_file(struct tl_symbol_file *f, const char *path, const char *build_id)
{
    char name[PATH_MAX], *by_id = tl_image_debug_path(build_id);
    f->debug_path = by_id;
    if (by_id && tl_image_open(&f->debug, by_id)) {
        if (is_debug_file(&f->debug, build_id, NULL))
            return;
        tl_image_close(&f->debug);
    }
    GElf_Word crc;
    const char *link = f->own.elf ? dwelf_elf_gnu_debuglink(f->own.elf, &crc) : NULL;
    const char *slash = strrchr(path, '/');
    if (!link || !slash || strchr(link, '/'))
        return;
    for (size_t i = 0; i < 3; i++) {
        int length = (int)(slash - path), n;
        switch (i) {
        case 0:
            n = snprintf(name, sizeof name, "%.*s/%s", length, path, link);
            break;
        case 1:
            n = snprintf(name, sizeof name, "%.*s/.debug/%s", length, path, link);
            break;
        default:
            n = snprintf(name, sizeof name, TL_DEBUG_DIRECTORY "%.*s/%s", length, path, link);
        }
        if (n >= (int)sizeof name || !strcmp(name, path) || !tl_image_open(&f->debug, name))
            continue;
        if (is_debug_file(&f->debug, build_id, &crc)) {
            free(f->debug_path);
            f->debug_path = tl_strdup(name);
            return;
        }
        tl_image_close(&f->debug);
    }
}

/* The packed symbol table: xz, which libdw unpacks when it is a file. */
static void find_mini(struct tl_symbol_file *f)
{
    GElf_Shdr h;
    Elf_Scn *scn = tl_image_section(f->own.elf, ".gnu_debugdata", &h);
    Elf_Data *data = scn && h.sh_size < TL_MOST_DEBUG ? elf_rawdata(scn, NULL) : NULL;
    if (!data || !data->d_size)
        return;
    f->mini.fd = memfd_create("debugdata", MFD_CLOEXEC);
    if (f->mini.fd < 0)
        return;
    size_t done = 0;
    while (done < data->d_size) {
        ssize_t n = pwrite(f->mini.fd, (const char *)data->d_buf + done, data->d_size - done, (off_t)done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    f->mini.elf = done == data->d_size ? dwelf_elf_begin(f->mini.fd) : NULL;
    if (!f->mini.elf || elf_kind(f->mini.elf) != ELF_K_ELF)
        tl_image_close(&f->mini);
}

/* $a, $d, $t, $x, with more after a dot: assemblers for ARM mark with them what is code. Swift's names begin so, too. */
static bool marks_code(const char *name)
{
    return name[0] == '$' && name[1] && strchr("adtx", name[1]) && (!name[2] || name[2] == '.');
}

static bool add_functions(struct tl_symbol_file *f, Elf *elf, unsigned type)
{
    size_t before = f->n_functions;
    for (Elf_Scn *scn = elf ? elf_nextscn(elf, NULL) : NULL; scn; scn = elf_nextscn(elf, scn)) {
        GElf_Shdr h;
        if (!gelf_getshdr(scn, &h) || h.sh_type != type || h.sh_entsize != sizeof(Elf64_Sym))
            continue;
        Elf_Data *data = elf_getdata(scn, NULL);
        size_t n = data ? data->d_size / sizeof(Elf64_Sym) : 0;
        if (n > INT_MAX || n + f->n_functions > MOST_SYMBOLS)
            continue;
        f->functions = tl_realloc(f->functions, f->n_functions + n + 1, sizeof *f->functions);
        for (size_t i = 0; i < n; i++) {
            GElf_Sym s;
            if (!gelf_getsym(data, (int)i, &s) || s.st_shndx == SHN_UNDEF || s.st_shndx == SHN_ABS)
                continue;
            unsigned kind = GELF_ST_TYPE(s.st_info), bind = GELF_ST_BIND(s.st_info);
            if (kind != STT_FUNC && kind != STT_GNU_IFUNC && kind != STT_NOTYPE)
                continue;
            const char *name = elf_strptr(elf, h.sh_link, s.st_name);
            if (!name || !*name || marks_code(name))
                continue;
            if (kind == STT_NOTYPE) {
                GElf_Shdr in;
                Elf_Scn *where = elf_getscn(elf, s.st_shndx);
                if (!where || !gelf_getshdr(where, &in) || !(in.sh_flags & SHF_EXECINSTR))
                    continue;
            }
            int rank = (kind != STT_NOTYPE ? 4 : 0) + (bind == STB_GLOBAL ? 2 : bind == STB_WEAK ? 1 : 0);
            f->functions[f->n_functions++] = (struct function){s.st_value, s.st_size, name, rank};
        }
    }
    return f->n_functions > before;
}

/* Of two names of one address the better one is last: public ones, then plain ones, then short ones. */
static int by_start(const void *a, const void *b)
{
    const struct function *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    size_t in_x = strspn(x->name, "_"), in_y = strspn(y->name, "_");
    if (in_x != in_y)
        return in_x > in_y ? -1 : 1;
    size_t n_x = strlen(x->name), n_y = strlen(y->name);
    if (n_x != n_y)
        return n_x > n_y ? -1 : 1;
    return strcmp(y->name, x->name);
}

static const char *function_at(const struct tl_symbol_file *f, uint64_t vaddr)
{
    size_t low = 0, high = f->n_functions;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->functions[middle].start <= vaddr)
            low = middle + 1;
        else
            high = middle;
    }
    /* The last one at or below; a symbol that has ended may lie inside a longer one. One without a size
     * reaches to the next. */
    for (size_t i = low, tries = 0; i-- > 0 && tries < 16; tries++) {
        const struct function *s = &f->functions[i];
        if (s->size ? vaddr - s->start < s->size : i + 1 == low)
            return s->name;
    }
    return NULL;
}

static bool has_debug_info(Elf *elf)
{
    GElf_Shdr h;
    return tl_image_section(elf, ".debug_info", &h) || tl_image_section(elf, ".zdebug_info", &h);
}

static bool open_vdso(struct tl_symbol_file *f)
{
    /* Every process of this machine has the same. */
    struct tl_elf *vdso = tl_modules_own_vdso();
    if (!vdso)
        return false;
    size_t size = vdso->size;
    char *bytes = tl_malloc(size);
    memcpy(bytes, (const void *)getauxval(AT_SYSINFO_EHDR), size);
    tl_elf_release(NULL, vdso);
    return tl_image_of_bytes(&f->own, bytes, size);
}

static bool open_by_path(struct tl_symbol_file *f, const struct tl_module *m)
{
    char id[65];
    struct stat st;
    bool is_vdso = !strcmp(m->path, TL_VDSO_NAME);
    if (is_vdso ? !open_vdso(f) : m->path[0] != '/' || !tl_image_open(&f->own, m->path))
        return false;
    tl_image_build_id(f->own.elf, id);
    bool same = !strcmp(id, m->build_id);
    if (same && !id[0] && m->look && !is_vdso)
        same = !fstat(f->own.fd, &st) && tl_file_look(&st) == m->look;
    if (!same)
        tl_image_close(&f->own);
    return same;
}

static bool open_kept(struct tl_symbol_file *f, const struct tl_module_file *kept)
{
    if (kept->fd >= 0)
        return tl_image_open_fd(&f->own, fcntl(kept->fd, F_DUPFD_CLOEXEC, 3));
    char *bytes = tl_malloc(kept->size);
    memcpy(bytes, kept->bytes, kept->size);
    return tl_image_of_bytes(&f->own, bytes, kept->size);
}

struct tl_symbol_file *tl_symbol_file_open(const struct tl_module *module)
{
    const char *path = module->path, *build_id = module->build_id;
    elf_version(EV_CURRENT);
    struct tl_symbol_file *f = tl_calloc(1, sizeof *f);
    f->own = f->debug = f->mini = TL_IMAGE_NONE;
    if (module->file)
        open_kept(f, module->file);
    else
        open_by_path(f, module);
    bool own_info = f->own.elf && has_debug_info(f->own.elf);
    if (!own_info)
        find_debug_file(f, path, build_id);
    if (!f->own.elf && !f->debug.elf) {
        tl_symbol_file_free(f);
        return NULL;
    }
    if (!add_functions(f, f->own.elf, SHT_SYMTAB) && !add_functions(f, f->debug.elf, SHT_SYMTAB)) {
        add_functions(f, f->own.elf, SHT_DYNSYM);
        find_mini(f);
        add_functions(f, f->mini.elf, SHT_SYMTAB);
    }
    if (f->n_functions)
        qsort(f->functions, f->n_functions, sizeof *f->functions, by_start);
    Elf *info = own_info ? f->own.elf : f->debug.elf;
    f->info = info ? tl_debug_info_open(info, own_info ? path : f->debug_path, path) : NULL;
    return f;
}

void tl_symbol_file_free(struct tl_symbol_file *f)
{
    if (!f)
        return;
    tl_debug_info_close(f->info);
    tl_image_close(&f->own);
    tl_image_close(&f->debug);
    tl_image_close(&f->mini);
    free(f->debug_path);
    free(f->functions);
    free(f);
}

void tl_symbol_file_find(struct tl_symbol_file *f, uint64_t vaddr, struct tl_frame_symbols *out)
{
    *out = (struct tl_frame_symbols){0};
    const char *symbol = function_at(f, vaddr);
    if (f->info)
        tl_debug_info_find(f->info, vaddr, symbol, out);
    if (!out->n && symbol)
        tl_frame_symbols_add(out, symbol);
}
