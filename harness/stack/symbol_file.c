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
#include "harness/stack/demangle.h"
#include "harness/stack/modules.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
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

#define DEBUG_DIRECTORY "/usr/lib/debug"
#define MOST_DEBUG ((uint64_t)2 << 30) /* of debug information that is read */
#define MOST_SYMBOLS 8000000u
#define MOST_RANGES 4000000u
#define MOST_INLINED 64

struct image {
    int fd;
    Elf *elf;
    char *bytes; /* for an image that is no file */
};

struct function {
    uint64_t start, size;
    const char *name; /* of the image's string table */
    int rank;         /* which to prefer of two at one address */
};

struct range {
    uint64_t start, end;
    Dwarf_Off cu;
};

struct tl_symbol_file {
    struct image own, debug, mini;
    Dwarf *dwarf;
    bool ranges_made;
    size_t n_ranges, n_functions;
    struct range *ranges; /* of compilation units, when the file has no table of them */
    struct function *functions;
};

static void image_close(struct image *i)
{
    elf_end(i->elf);
    if (i->fd >= 0)
        close(i->fd);
    free(i->bytes);
    *i = (struct image){-1, NULL, NULL};
}

static bool image_open(struct image *i, const char *path)
{
    struct stat st;
    *i = (struct image){open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), NULL, NULL};
    if (i->fd >= 0 && !fstat(i->fd, &st) && S_ISREG(st.st_mode))
        i->elf = elf_begin(i->fd, ELF_C_READ, NULL);
    if (i->elf && elf_kind(i->elf) == ELF_K_ELF)
        return true;
    image_close(i);
    return false;
}

static void build_id_of(Elf *elf, char text[65])
{
    const void *bytes;
    ssize_t n = dwelf_elf_gnu_build_id(elf, &bytes);
    text[0] = '\0';
    for (ssize_t k = 0; k < n && n <= 32; k++)
        snprintf(text + 2 * k, 3, "%02x", ((const unsigned char *)bytes)[k]);
}

static Elf_Scn *section(Elf *elf, const char *wanted, GElf_Shdr *header)
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

/* Whether this is the debug file of a module with that build-id, or with that checksum when it has none. */
static bool is_debug_file(const struct image *i, const char *build_id, const GElf_Word *crc)
{
    char id[65];
    build_id_of(i->elf, id);
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
    char name[PATH_MAX];
    if (strlen(build_id) > 2) {
        snprintf(name, sizeof name, DEBUG_DIRECTORY "/.build-id/%.2s/%s.debug", build_id, build_id + 2);
        if (image_open(&f->debug, name)) {
            if (is_debug_file(&f->debug, build_id, NULL))
                return;
            image_close(&f->debug);
        }
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
            n = snprintf(name, sizeof name, DEBUG_DIRECTORY "%.*s/%s", length, path, link);
        }
        if (n >= (int)sizeof name || !strcmp(name, path) || !image_open(&f->debug, name))
            continue;
        if (is_debug_file(&f->debug, build_id, &crc))
            return;
        image_close(&f->debug);
    }
}

/* The packed symbol table: xz, which libdw unpacks when it is a file. */
static void find_mini(struct tl_symbol_file *f)
{
    GElf_Shdr h;
    Elf_Scn *scn = section(f->own.elf, ".gnu_debugdata", &h);
    Elf_Data *data = scn && h.sh_size < MOST_DEBUG ? elf_rawdata(scn, NULL) : NULL;
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
        image_close(&f->mini);
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
            if (!name || !*name || *name == '$')
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

static bool debug_size_is_sane(Elf *elf)
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
        if (size > MOST_DEBUG)
            return false;
        sum += size;
    }
    return sum <= MOST_DEBUG;
}

static bool has_debug_info(Elf *elf)
{
    GElf_Shdr h;
    return section(elf, ".debug_info", &h) || section(elf, ".zdebug_info", &h);
}

static bool open_own(struct tl_symbol_file *f, const char *path)
{
    if (strcmp(path, TL_VDSO_NAME))
        return path[0] == '/' && image_open(&f->own, path);
    /* Every process of this machine has the same. */
    struct tl_elf *vdso = tl_modules_own_vdso();
    if (!vdso)
        return false;
    size_t size = vdso->size;
    f->own.bytes = tl_malloc(size);
    memcpy(f->own.bytes, (const void *)getauxval(AT_SYSINFO_EHDR), size);
    tl_elf_release(NULL, vdso);
    f->own.elf = elf_memory(f->own.bytes, size);
    return f->own.elf != NULL;
}

struct tl_symbol_file *tl_symbol_file_open(const char *path, const char *build_id)
{
    elf_version(EV_CURRENT);
    struct tl_symbol_file *f = tl_calloc(1, sizeof *f);
    f->own = f->debug = f->mini = (struct image){-1, NULL, NULL};
    if (open_own(f, path)) {
        char id[65];
        build_id_of(f->own.elf, id);
        if (strcmp(id, build_id))
            image_close(&f->own);
    }
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
    if (info && debug_size_is_sane(info))
        f->dwarf = dwarf_begin_elf(info, DWARF_C_READ, NULL);
    return f;
}

void tl_symbol_file_free(struct tl_symbol_file *f)
{
    if (!f)
        return;
    dwarf_end(f->dwarf);
    image_close(&f->own);
    image_close(&f->debug);
    image_close(&f->mini);
    free(f->functions);
    free(f->ranges);
    free(f);
}

static int by_range(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* Not every compiler writes .debug_aranges; the units say themselves what they cover. */
static void make_ranges(struct tl_symbol_file *f)
{
    f->ranges_made = true;
    Dwarf_CU *cu = NULL;
    Dwarf_Die die, sub;
    uint8_t type;
    while (dwarf_get_units(f->dwarf, cu, &cu, NULL, &type, &die, &sub) == 0) {
        if (type != DW_UT_compile && type != DW_UT_skeleton)
            continue;
        Dwarf_Addr base, start, end;
        for (ptrdiff_t at = 0; (at = dwarf_ranges(&die, at, &base, &start, &end)) > 0;) {
            if (f->n_ranges == MOST_RANGES)
                return;
            if ((f->n_ranges & (f->n_ranges + 1)) == 0)
                f->ranges = tl_realloc(f->ranges, 2 * (f->n_ranges + 1), sizeof *f->ranges);
            f->ranges[f->n_ranges++] = (struct range){start, end, dwarf_dieoffset(&die)};
        }
    }
    if (f->n_ranges)
        qsort(f->ranges, f->n_ranges, sizeof *f->ranges, by_range);
}

static bool unit_at(struct tl_symbol_file *f, uint64_t vaddr, Dwarf_Die *cu)
{
    if (dwarf_addrdie(f->dwarf, vaddr, cu))
        return true;
    if (!f->ranges_made)
        make_ranges(f);
    size_t low = 0, high = f->n_ranges;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->ranges[middle].start <= vaddr)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low, tries = 0; i-- > 0 && tries < 16; tries++)
        if (vaddr < f->ranges[i].end)
            return dwarf_offdie(f->dwarf, f->ranges[i].cu, cu) != NULL;
    return false;
}

static char *readable(const char *name)
{
    char *plain = tl_demangle(name);
    return plain ? plain : tl_strdup(name);
}

static const char *linkage_name(Dwarf_Die *die)
{
    Dwarf_Attribute a;
    if (!dwarf_attr_integrate(die, DW_AT_linkage_name, &a) &&
        !dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &a))
        return NULL;
    return dwarf_formstring(&a);
}

static bool is_mangled(const char *name)
{
    return name && (!strncmp(name, "_Z", 2) || !strncmp(name, "_R", 2));
}

static struct tl_symbol *add(struct tl_frame_symbols *s)
{
    s->symbols = tl_realloc(s->symbols, s->n + 1, sizeof *s->symbols);
    memset(&s->symbols[s->n], 0, sizeof *s->symbols);
    return &s->symbols[s->n++];
}

/* Where the call that was inlined at die stands. */
static void call_site(Dwarf_Die *cu, Dwarf_Die *die, const char **file, int *line)
{
    Dwarf_Attribute a;
    Dwarf_Word n;
    Dwarf_Files *files;
    size_t n_files;
    *file = NULL;
    *line = 0;
    if (dwarf_attr(die, DW_AT_call_line, &a) && !dwarf_formudata(&a, &n) && n <= INT_MAX)
        *line = (int)n;
    if (dwarf_attr(die, DW_AT_call_file, &a) && !dwarf_formudata(&a, &n) &&
        !dwarf_getsrcfiles(cu, &files, &n_files) && n < n_files)
        *file = dwarf_filesrc(files, n, NULL, NULL);
}

static void find_lines(struct tl_symbol_file *f, uint64_t vaddr, const char *symbol,
                       struct tl_frame_symbols *out)
{
    Dwarf_Die cu;
    if (!f->dwarf || !unit_at(f, vaddr, &cu))
        return;
    const char *file = NULL;
    int line = 0;
    Dwarf_Line *at = dwarf_getsrc_die(&cu, vaddr);
    if (at) {
        file = dwarf_linesrc(at, NULL, NULL);
        dwarf_lineno(at, &line);
    }
    Dwarf_Die *innermost = NULL, *scopes = NULL;
    int n = dwarf_getscopes(&cu, vaddr, &innermost) > 0 ? dwarf_getscopes_die(&innermost[0], &scopes) : 0;
    bool done = false;
    for (int i = 0; i < n && !done && out->n < MOST_INLINED; i++) {
        int tag = dwarf_tag(&scopes[i]);
        if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
            continue;
        bool inlined = tag == DW_TAG_inlined_subroutine;
        /* A mangled name says more than the plain one; one that is not mangled is an alias (__GI_abort) and
         * says less. */
        const char *name = linkage_name(&scopes[i]);
        if (!is_mangled(name))
            name = !inlined && is_mangled(symbol) ? symbol : dwarf_diename(&scopes[i]);
        if (!name && !inlined)
            name = symbol;
        struct tl_symbol *s = add(out);
        s->function = name ? readable(name) : NULL;
        s->file = tl_strdup(file);
        s->line = line;
        s->inlined = inlined;
        if (inlined)
            call_site(&cu, &scopes[i], &file, &line);
        done = !inlined;
    }
    if (!done && (file || out->n)) {
        struct tl_symbol *s = add(out);
        s->function = symbol ? readable(symbol) : NULL;
        s->file = tl_strdup(file);
        s->line = line;
    }
    free(innermost);
    free(scopes);
}

void tl_symbol_file_find(struct tl_symbol_file *f, uint64_t vaddr, struct tl_frame_symbols *out)
{
    *out = (struct tl_frame_symbols){0};
    const char *symbol = function_at(f, vaddr);
    find_lines(f, vaddr, symbol, out);
    if (!out->n && symbol)
        add(out)->function = readable(symbol);
}
