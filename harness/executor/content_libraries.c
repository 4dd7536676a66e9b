/* The shared libraries that an ELF program is linked with.
 *
 * Found as the dynamic linker finds them: DT_RPATH (without DT_RUNPATH), LD_LIBRARY_PATH, DT_RUNPATH, with $ORIGIN.
 * What it finds in the system's own directories is left out, and so is what a program opens by itself (dlopen). Files
 * of 64 bits in the byte order of this machine; nothing in them is trusted. On macOS, whose programs are of another
 * format, there is none. */
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "harness/base/paths.h"
#include "harness/base/program.h"
#include "harness/executor/content_named.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef __linux__
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENTS_MOST 64
#define ENTRIES_MOST 4096
#define STRINGS_MOST (4 << 20)
#define LIBRARIES_MOST 256
#define DEPTH_MOST 12

struct image {
    int fd;
    Elf64_Phdr segments[SEGMENTS_MOST];
    size_t n_segments;
    char *strings;
    size_t n_strings;
};

static bool read_at(int fd, void *into, size_t n, uint64_t offset)
{
    return tl_read_at(fd, into, n, offset) == (int64_t)n;
}

static uint64_t offset_of(const struct image *m, uint64_t address)
{
    for (size_t i = 0; i < m->n_segments; i++) {
        const Elf64_Phdr *p = &m->segments[i];
        if (p->p_type == PT_LOAD && address >= p->p_vaddr && address - p->p_vaddr < p->p_filesz)
            return p->p_offset + (address - p->p_vaddr);
    }
    return UINT64_MAX;
}

/* Its dynamic section, *n entries; NULL when there is none. */
static Elf64_Dyn *dynamic_of(struct image *m, size_t *n)
{
    static const unsigned char byte_order =
        __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
    Elf64_Ehdr head;
    if (!read_at(m->fd, &head, sizeof head, 0) || memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
        head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_ident[EI_DATA] != byte_order ||
        head.e_phentsize != sizeof(Elf64_Phdr) || head.e_phnum > SEGMENTS_MOST ||
        !read_at(m->fd, m->segments, head.e_phnum * sizeof *m->segments, head.e_phoff))
        return NULL;
    m->n_segments = head.e_phnum;
    for (size_t i = 0; i < m->n_segments; i++) {
        const Elf64_Phdr *p = &m->segments[i];
        if (p->p_type != PT_DYNAMIC)
            continue;
        *n = p->p_filesz / sizeof(Elf64_Dyn);
        *n = *n < ENTRIES_MOST ? *n : ENTRIES_MOST;
        Elf64_Dyn *entries = tl_calloc(*n + 1, sizeof *entries);
        if (read_at(m->fd, entries, *n * sizeof *entries, p->p_offset))
            return entries;
        free(entries);
        return NULL;
    }
    return NULL;
}

static const char *string_at(const struct image *m, uint64_t at)
{
    return at < m->n_strings ? m->strings + at : ""; /* a zero stands behind the last */
}

static void add_needed(json_t *found, const char *path, const char *library_path, int depth);

/* True when there is a library of this path, which counts unless it is the system's. */
static bool take(json_t *found, const char *path, const char *library_path, int depth)
{
    static const char *const of_system[] = {"/usr/", "/lib/", "/lib32/", "/lib64/", "/libx32/"};
    char *real = realpath(path, NULL);
    bool is = real && !access(real, R_OK), counts = is;
    for (size_t i = 0; counts && i < TL_COUNT(of_system); i++)
        counts = strncmp(real, of_system[i], strlen(of_system[i])) != 0;
    json_t *names = counts ? json_object_get(found, real) : NULL;
    if (names) {
        json_object_set_new_nocheck(names, path, json_true());
    } else if (counts && json_object_size(found) < LIBRARIES_MOST) {
        json_object_set_new_nocheck(found, real, names = json_object());
        json_object_set_new_nocheck(names, path, json_true());
        add_needed(found, real, library_path, depth + 1);
    }
    free(real);
    return is;
}

/* Looks for a library in a list of directories. True when it is there. */
static bool look(json_t *found, const char *name, const char *list, const char *origin,
                 const char *library_path, int depth)
{
    bool is = false;
    for (char *one; list && !is && (one = tl_next_directory(&list)); free(one)) {
        const char *rest = !strncmp(one, "$ORIGIN", 7)     ? one + 7
                           : !strncmp(one, "${ORIGIN}", 9) ? one + 9
                                                           : NULL;
        char *path = tl_format("%s%s/%s", rest ? origin : "", rest ? rest : one, name);
        is = take(found, path, library_path, depth);
        free(path);
    }
    return is;
}

static void look_for_all(json_t *found, const struct image *m, const Elf64_Dyn *entries, size_t n,
                         const char *origin, const char *library_path, int depth)
{
    const char *early = NULL, *late = NULL;
    for (size_t i = 0; i < n && entries[i].d_tag != DT_NULL; i++) {
        if (entries[i].d_tag == DT_RPATH)
            early = string_at(m, entries[i].d_un.d_val);
        if (entries[i].d_tag == DT_RUNPATH)
            late = string_at(m, entries[i].d_un.d_val);
    }
    for (size_t i = 0; i < n && entries[i].d_tag != DT_NULL; i++) {
        const char *name = string_at(m, entries[i].d_un.d_val);
        if (entries[i].d_tag != DT_NEEDED || !*name)
            continue;
        if (strchr(name, '/')) {
            if (*name == '/') /* else it is relative to where the program is run: a scratch directory */
                take(found, name, library_path, depth);
            continue;
        }
        if ((late || !look(found, name, early, origin, library_path, depth)) &&
            !look(found, name, library_path, origin, library_path, depth))
            look(found, name, late, origin, library_path, depth);
    }
}

static void add_needed(json_t *found, const char *path, const char *library_path, int depth)
{
    struct image m = {.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat st;
    size_t n = 0;
    Elf64_Dyn *entries = NULL;
    uint64_t at = UINT64_MAX, size = 0;
    if (m.fd >= 0 && depth <= DEPTH_MOST && !fstat(m.fd, &st) && S_ISREG(st.st_mode))
        entries = dynamic_of(&m, &n);
    for (size_t i = 0; entries && i < n && entries[i].d_tag != DT_NULL; i++) {
        if (entries[i].d_tag == DT_STRTAB)
            at = offset_of(&m, entries[i].d_un.d_ptr);
        if (entries[i].d_tag == DT_STRSZ)
            size = entries[i].d_un.d_val;
    }
    if (at != UINT64_MAX && size && size <= STRINGS_MOST) {
        m.strings = tl_calloc(size + 1, 1);
        m.n_strings = read_at(m.fd, m.strings, size, at) ? size : 0;
        char *real = realpath(path, NULL), *slash = real ? strrchr(real, '/') : NULL;
        if (slash)
            *slash = '\0';
        look_for_all(found, &m, entries, n, real ? real : "", library_path, depth);
        free(real);
    }
    free(m.strings);
    free(entries);
    if (m.fd >= 0)
        close(m.fd);
}
#endif

json_t *tl_libraries_of(const char *program, const char *library_path)
{
    json_t *found = json_object();
#ifdef __linux__
    add_needed(found, program, library_path, 0);
#else
    (void)program;
    (void)library_path;
#endif
    return found;
}
