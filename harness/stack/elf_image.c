/* Theory of operation. A struct tl_elf is a file that some process has mapped. Its bytes are read with pread
 * in chunks of 64 KiB as they are needed and kept. They are deliberately not mapped: a runtime that is
 * replaced during a run by a plain copy is truncated first, and touching a mapping of a truncated file is
 * SIGBUS, which would take the supervisor down; pread merely comes up short. A lookup in the unwind table of
 * a 45 MB library touches half a dozen chunks, once.
 *
 * An entry is used again when device and inode in the map of the next process are the same and stat says that
 * size, mtime and ctime are. Files are opened only to read another chunk and closed at the end of a capture,
 * so the cache holds no descriptors; an open that does not find the same file gives nothing.
 *
 * Device and inode in /proc/PID/maps differ from what stat says on some file systems (overlayfs, btrfs). Then
 * the build-id in the memory of the process decides, or the first page of a file without one. What cannot be opened
 * in any way is read from the memory of the process. */
#include "harness/stack/elf_image.h"

#include "harness/base/buffer.h"
#include "harness/stack/registers.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define CHUNK_BITS 16
#define CHUNK ((size_t)1 << CHUNK_BITS)
#define MOST_FILE ((uint64_t)1 << 36)
#define MOST_PHDRS 128
#define MOST_DESCRIPTORS 4096

struct tl_elf_cache {
    struct tl_elf *first;
    size_t n, most_files, most_bytes;
    uint64_t clock;
};

struct tl_elf_cache *tl_elf_cache_new(size_t most_files, size_t most_bytes)
{
    struct tl_elf_cache *c = tl_calloc(1, sizeof *c);
    c->most_files = most_files;
    c->most_bytes = most_bytes;
    return c;
}

static void elf_free(struct tl_elf *elf)
{
    for (size_t i = 0; i < elf->n_chunks && elf->chunks; i++)
        free(elf->chunks[i]);
    free(elf->chunks);
    if (elf->fd >= 0)
        close(elf->fd);
    free(elf->path);
    free(elf);
}

void tl_elf_cache_free(struct tl_elf_cache *c)
{
    if (!c)
        return;
    for (struct tl_elf *elf = c->first, *next; elf; elf = next) {
        next = elf->next;
        elf_free(elf);
    }
    free(c);
}

static bool looks_same(const struct tl_elf *elf, const struct stat *st)
{
    return elf->size == (uint64_t)st->st_size && elf->mtime_s == st->st_mtim.tv_sec &&
           elf->mtime_ns == st->st_mtim.tv_nsec && elf->ctime_s == st->st_ctim.tv_sec &&
           elf->ctime_ns == st->st_ctim.tv_nsec;
}

static void remember_look(struct tl_elf *elf, const struct stat *st)
{
    elf->size = (uint64_t)st->st_size;
    elf->mtime_s = st->st_mtim.tv_sec;
    elf->mtime_ns = st->st_mtim.tv_nsec;
    elf->ctime_s = st->st_ctim.tv_sec;
    elf->ctime_ns = st->st_ctim.tv_nsec;
}

static uint64_t look(uint64_t size, int64_t mtime_s, int64_t mtime_ns)
{
    uint64_t h = (size ^ (uint64_t)mtime_s << 20) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 32 ^ (uint64_t)mtime_ns) * 0x9e3779b97f4a7c15u;
    return (h ^ h >> 29) >> 1 | 1;
}

uint64_t tl_file_look(const struct stat *st)
{
    return look((uint64_t)st->st_size, st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

uint64_t tl_elf_look(const struct tl_elf *elf)
{
    return look(elf->size, elf->mtime_s, elf->mtime_ns);
}

int tl_elf_file(struct tl_elf *elf)
{
    if (elf->fd < 0 && elf->path) {
        struct stat st;
        elf->fd = open(elf->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (elf->fd >= 0 && (fstat(elf->fd, &st) || !looks_same(elf, &st))) {
            close(elf->fd);
            elf->fd = -1;
        }
    }
    return elf->fd;
}

static const char *chunk(struct tl_elf *elf, size_t i)
{
    if (elf->chunks[i])
        return elf->chunks[i];
    if (tl_elf_file(elf) < 0)
        return NULL;
    size_t size = CHUNK, done = 0;
    if (elf->size - ((uint64_t)i << CHUNK_BITS) < size)
        size = (size_t)(elf->size - ((uint64_t)i << CHUNK_BITS));
    char *data = tl_malloc(CHUNK);
    while (done < size) {
        ssize_t n = pread(elf->fd, data + done, size - done, (off_t)(((uint64_t)i << CHUNK_BITS) + done));
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (done < size) {
        free(data);
        return NULL;
    }
    elf->bytes += CHUNK;
    return elf->chunks[i] = data;
}

static bool read_file(struct tl_elf *elf, uint64_t offset, void *to, size_t size)
{
    if (offset > elf->size || size > elf->size - offset)
        return false;
    for (size_t done = 0; done < size;) {
        uint64_t at = offset + done;
        const char *data = chunk(elf, (size_t)(at >> CHUNK_BITS));
        if (!data)
            return false;
        size_t in = (size_t)(at & (CHUNK - 1)), n = CHUNK - in;
        if (n > size - done)
            n = size - done;
        memcpy((char *)to + done, data + in, n);
        done += n;
    }
    return true;
}

static const struct tl_elf_load *load_at(const struct tl_elf *elf, uint64_t vaddr, size_t size)
{
    for (size_t i = 0; i < elf->n_loads; i++) {
        const struct tl_elf_load *l = &elf->loads[i];
        if (vaddr >= l->vaddr && vaddr - l->vaddr < l->file_size)
            return size <= l->file_size - (vaddr - l->vaddr) ? l : NULL;
    }
    return NULL;
}

bool tl_elf_read(struct tl_elf *elf, uint64_t vaddr, void *to, size_t size)
{
    const struct tl_elf_load *l = load_at(elf, vaddr, size);
    if (!l)
        return false;
    if (elf->memory)
        return tl_memory_read(elf->memory, elf->memory_bias + vaddr, to, size) == size;
    return read_file(elf, l->offset + (vaddr - l->vaddr), to, size);
}

bool tl_elf_read_only(const struct tl_elf *elf, uint64_t vaddr)
{
    const struct tl_elf_load *l = load_at(elf, vaddr, 1);
    return l && !l->writable;
}

/* Program headers and what they lead to, by a function that reads at offsets of the file. */
typedef bool (*read_at)(void *arg, uint64_t offset, void *to, size_t size);

static void find_build_id(struct tl_elf *elf, read_at read, void *arg, uint64_t offset, uint64_t size)
{
    char name[4];
    Elf64_Nhdr n;
    for (int i = 0; i < 64 && size >= sizeof n; i++) {
        if (!read(arg, offset, &n, sizeof n))
            return;
        uint64_t name_size = ((uint64_t)n.n_namesz + 3) & ~(uint64_t)3;
        uint64_t whole = sizeof n + name_size + (((uint64_t)n.n_descsz + 3) & ~(uint64_t)3);
        if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 && n.n_descsz >= 1 && n.n_descsz <= 32 &&
            whole <= size && read(arg, offset + sizeof n, name, 4) && !memcmp(name, "GNU", 4)) {
            unsigned char id[32];
            if (!read(arg, offset + sizeof n + 4, id, n.n_descsz))
                return;
            for (size_t k = 0; k < n.n_descsz; k++)
                snprintf(elf->build_id + 2 * k, 3, "%02x", id[k]);
            return;
        }
        if (whole > size)
            return;
        offset += whole;
        size -= whole;
    }
}

static void find_table(struct tl_elf *elf, uint64_t vaddr, uint64_t size)
{
    /* version, encodings of the pointer to .eh_frame, of the count and of the table, then those. Every linker
     * writes the table as pairs of 32-bit offsets from the header (0x3b). */
    unsigned char h[4];
    if (size < 12 || !tl_elf_read(elf, vaddr, h, 4) || h[0] != 1 || h[3] != 0x3b)
        return;
    static const unsigned char sizes[8] = {8, 0, 2, 4, 8, 0, 0, 0};
    uint64_t at = vaddr + 4, count = 0;
    if (h[1] != 0xff) {
        if (!sizes[h[1] & 7])
            return;
        at += sizes[h[1] & 7];
    }
    if (h[2] == 0xff || !sizes[h[2] & 7] || !tl_elf_read(elf, at, &count, sizes[h[2] & 7]))
        return;
    at += sizes[h[2] & 7];
    if (at - vaddr >= size)
        return;
    uint64_t most = (size - (at - vaddr)) / 8;
    if (count > most)
        count = most;
    if (!count || !load_at(elf, at, (size_t)(count * 8)))
        return;
    elf->hdr = vaddr;
    elf->table = at;
    elf->table_end = at + count * 8;
}

static bool parse(struct tl_elf *elf, read_at read, void *arg)
{
    Elf64_Ehdr h;
    Elf64_Phdr p;
    if (!read(arg, 0, &h, sizeof h) || memcmp(h.e_ident, ELFMAG, SELFMAG) ||
        h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB ||
        h.e_machine != TL_ELF_MACHINE || h.e_phentsize != sizeof p || h.e_phnum > MOST_PHDRS ||
        (h.e_type != ET_DYN && h.e_type != ET_EXEC) || h.e_phoff > MOST_FILE)
        return false;
    elf->type = h.e_type;
    elf->low = UINT64_MAX;
    uint64_t eh_vaddr = 0, eh_size = 0;
    for (unsigned i = 0; i < h.e_phnum; i++) {
        if (!read(arg, h.e_phoff + i * sizeof p, &p, sizeof p))
            return false;
        if (p.p_offset > MOST_FILE || p.p_filesz > MOST_FILE || p.p_memsz > MOST_FILE ||
            p.p_vaddr > INT64_MAX)
            continue;
        if (p.p_type == PT_LOAD && elf->n_loads < TL_ELF_LOADS) {
            elf->loads[elf->n_loads++] = (struct tl_elf_load){p.p_vaddr,
                                                              p.p_offset,
                                                              p.p_filesz,
                                                              p.p_memsz,
                                                              (p.p_flags & PF_X) != 0,
                                                              (p.p_flags & PF_W) != 0};
            if (p.p_vaddr < elf->low)
                elf->low = p.p_vaddr;
            if (p.p_vaddr + p.p_memsz > elf->high)
                elf->high = p.p_vaddr + p.p_memsz;
        } else if (p.p_type == PT_NOTE && !elf->build_id[0]) {
            find_build_id(elf, read, arg, p.p_offset, p.p_filesz);
        } else if (p.p_type == PT_DYNAMIC) {
            elf->dynamic = p.p_vaddr;
            elf->dynamic_size = p.p_memsz;
        } else if (p.p_type == PT_GNU_EH_FRAME) {
            eh_vaddr = p.p_vaddr;
            eh_size = p.p_memsz;
        }
    }
    if (!elf->n_loads)
        return false;
    elf->valid = true;
    if (eh_size)
        find_table(elf, eh_vaddr, eh_size);
    return true;
}

static bool read_from_file(void *arg, uint64_t offset, void *to, size_t size)
{
    return read_file(arg, offset, to, size);
}

struct from_memory {
    struct tl_memory *memory;
    uint64_t header;
};

static bool read_from_memory(void *arg, uint64_t offset, void *to, size_t size)
{
    const struct from_memory *f = arg;
    return tl_memory_read(f->memory, f->header + offset, to, size) == size;
}

struct tl_elf *tl_elf_from_memory(struct tl_memory *memory, uint64_t header)
{
    /* What has to be known first is where the first segment is, and with it the load bias; the rest is in
     * reach then. Headers and notes lie in the first segment, where offsets of the file are distances from
     * the header. */
    struct tl_elf *elf = tl_calloc(1, sizeof *elf);
    elf->fd = -1;
    struct from_memory from = {memory, header};
    Elf64_Ehdr h;
    Elf64_Phdr p;
    bool found = false;
    if (!read_from_memory(&from, 0, &h, sizeof h) || memcmp(h.e_ident, ELFMAG, SELFMAG) ||
        h.e_phoff > MOST_FILE)
        h.e_phnum = 0;
    for (unsigned i = 0; i < h.e_phnum && i < MOST_PHDRS && !found; i++) {
        if (!read_from_memory(&from, h.e_phoff + i * sizeof p, &p, sizeof p))
            break;
        if (p.p_type == PT_LOAD && p.p_offset == 0) {
            elf->memory_bias = header - p.p_vaddr;
            found = true;
        }
    }
    elf->memory = memory;
    if (!found || !parse(elf, read_from_memory, &from)) {
        elf_free(elf);
        return NULL;
    }
    elf->users = 1;
    return elf;
}

static void start_file(struct tl_elf *elf, const struct stat *st)
{
    remember_look(elf, st);
    if (!S_ISREG(st->st_mode) || elf->size > MOST_FILE || elf->size < sizeof(Elf64_Ehdr))
        return;
    elf->n_chunks = (size_t)((elf->size + CHUNK - 1) >> CHUNK_BITS);
    elf->chunks = tl_calloc(elf->n_chunks, sizeof *elf->chunks);
    parse(elf, read_from_file, elf);
}

struct tl_elf *tl_elf_from_bytes(const void *data, size_t size)
{
    struct tl_elf *elf = tl_calloc(1, sizeof *elf);
    elf->fd = -1;
    elf->size = size;
    elf->users = 1;
    elf->n_chunks = (size + CHUNK - 1) >> CHUNK_BITS;
    elf->chunks = tl_calloc(elf->n_chunks + 1, sizeof *elf->chunks);
    for (size_t i = 0; i < elf->n_chunks; i++) {
        size_t n = size - (i << CHUNK_BITS);
        elf->chunks[i] = tl_calloc(1, CHUNK);
        memcpy(elf->chunks[i], (const char *)data + (i << CHUNK_BITS), n < CHUNK ? n : CHUNK);
    }
    if (!parse(elf, read_from_file, elf)) {
        elf_free(elf);
        return NULL;
    }
    return elf;
}

static void evict(struct tl_elf_cache *c)
{
    for (;;) {
        size_t bytes = 0;
        struct tl_elf *oldest = NULL;
        for (struct tl_elf *elf = c->first; elf; elf = elf->next) {
            bytes += elf->bytes;
            if (!elf->users && (!oldest || elf->used_at < oldest->used_at))
                oldest = elf;
        }
        if (!oldest || (c->n <= c->most_files && bytes <= c->most_bytes))
            return;
        struct tl_elf **link = &c->first;
        while (*link != oldest)
            link = &(*link)->next;
        *link = oldest->next;
        elf_free(oldest);
        c->n--;
    }
}

/* Whether what is mapped at header came from that file: by its build-id; of one without, by its first page, where the
 * headers say how long everything is. */
static bool memory_agrees(struct tl_elf *elf, struct tl_memory *memory, uint64_t header)
{
    if (!header || !elf->valid)
        return false;
    struct tl_elf *seen = tl_elf_from_memory(memory, header);
    bool same = seen && !strcmp(seen->build_id, elf->build_id);
    tl_elf_release(NULL, seen);
    if (!same || elf->build_id[0])
        return same;
    char there[4096], here[sizeof there];
    size_t n = elf->size < sizeof there ? (size_t)elf->size : sizeof there;
    return read_file(elf, 0, here, n) && tl_memory_read(memory, header, there, n) == n &&
           !memcmp(here, there, n);
}

/* The ways to a file that a process has mapped. */
enum way { BY_PATH, BY_ROOT, BY_MAPPING, AS_EXECUTABLE, AS_DESCRIPTOR, WAYS };

struct mapped {
    pid_t pid;
    uint64_t start, end, ino;
    unsigned dev_major, dev_minor;
    const char *path;
};

static bool is_inode(const struct mapped *m, const struct stat *st)
{
    return st->st_ino == m->ino && major(st->st_dev) == m->dev_major && minor(st->st_dev) == m->dev_minor;
}

/* What is mapped through a descriptor may still be open: code made at run time in a file without a name. */
static bool find_descriptor(const struct mapped *m, char *name, size_t size)
{
    char path[64];
    struct stat st;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)m->pid);
    DIR *d = opendir(path);
    for (int i = 0; d && !found && i < MOST_DESCRIPTORS; i++) {
        const struct dirent *entry = readdir(d);
        if (!entry)
            break;
        snprintf(name, size, "%s/%.20s", path, entry->d_name);
        found = entry->d_name[0] != '.' && !stat(name, &st) && S_ISREG(st.st_mode) && is_inode(m, &st);
    }
    if (d)
        closedir(d);
    return found;
}

static bool is_elf_header(struct tl_memory *memory, uint64_t header)
{
    char magic[SELFMAG];
    return header && tl_memory_read(memory, header, magic, SELFMAG) == SELFMAG &&
           !memcmp(magic, ELFMAG, SELFMAG);
}

/* False when that way does not exist. Files under /proc are links that lead there whatever their text says; those of
 * map_files only a privileged process may follow. */
static bool name_of_way(enum way way, const struct mapped *m, char *name, size_t size)
{
    int n = -1, pid = (int)m->pid;
    if (way == BY_PATH && m->path[0] == '/')
        n = snprintf(name, size, "%s", m->path);
    else if (way == BY_ROOT && m->path[0] == '/')
        n = snprintf(name, size, "/proc/%d/root%s", pid, m->path);
    else if (way == BY_MAPPING)
        n = snprintf(name, size, "/proc/%d/map_files/%llx-%llx", pid, (unsigned long long)m->start,
                     (unsigned long long)m->end);
    else if (way == AS_EXECUTABLE)
        n = snprintf(name, size, "/proc/%d/exe", pid);
    else if (way == AS_DESCRIPTOR)
        return find_descriptor(m, name, size);
    return n >= 0 && (size_t)n < size;
}

struct tl_elf *tl_elf_get(struct tl_elf_cache *c, pid_t pid, uint64_t start, uint64_t end, unsigned dev_major,
                          unsigned dev_minor, uint64_t ino, const char *path, struct tl_memory *memory,
                          uint64_t header, bool *by_path)
{
    struct tl_elf *known = c->first;
    while (known && !(known->ino == ino && known->dev_major == dev_major && known->dev_minor == dev_minor))
        known = known->next;

    const struct mapped m = {pid, start, end, ino, dev_major, dev_minor, path};
    for (enum way way = BY_PATH; way < WAYS; way++) {
        char name[4096 + 64];
        struct stat st;
        if (way == AS_DESCRIPTOR && !is_elf_header(memory, header))
            continue; /* code made at run time: there may be hundreds of such mappings */
        if (!name_of_way(way, &m, name, sizeof name) || stat(name, &st))
            continue;
        *by_path = way == BY_PATH;
        bool same_inode = way == BY_MAPPING || is_inode(&m, &st);
        if (known && looks_same(known, &st) && (same_inode || memory_agrees(known, memory, header))) {
            if (known->fd < 0) {
                free(known->path);
                known->path = tl_strdup(name);
            }
            known->users++;
            known->used_at = ++c->clock;
            return known;
        }
        if (!S_ISREG(st.st_mode))
            continue;
        int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat opened;
        if (fd < 0)
            continue;
        if (fstat(fd, &opened) || opened.st_ino != st.st_ino || opened.st_dev != st.st_dev) {
            close(fd);
            continue;
        }
        struct tl_elf *elf = tl_calloc(1, sizeof *elf);
        elf->fd = fd;
        elf->path = tl_strdup(name);
        elf->dev_major = dev_major;
        elf->dev_minor = dev_minor;
        elf->ino = ino;
        start_file(elf, &opened);
        elf->nameless = opened.st_nlink == 0;
        if (!same_inode && !memory_agrees(elf, memory, header)) {
            elf_free(elf);
            continue;
        }
        elf->users = 1;
        elf->used_at = ++c->clock;
        /* An entry for what this inode held before is of no more use; in front of it this one is found first,
         * and that one ages. */
        elf->next = c->first;
        c->first = elf;
        c->n++;
        return elf;
    }
    *by_path = false;
    return NULL;
}

void tl_elf_release(struct tl_elf_cache *c, struct tl_elf *elf)
{
    if (!elf)
        return;
    if (elf->memory || !c)
        elf_free(elf);
    else
        elf->users--;
}

/* A file that has no name any more is one process's own copy: it will not be met again. */
static void drop_nameless(struct tl_elf_cache *c)
{
    for (struct tl_elf **link = &c->first; *link;) {
        struct tl_elf *elf = *link;
        if (!elf->nameless || elf->users) {
            link = &elf->next;
            continue;
        }
        *link = elf->next;
        elf_free(elf);
        c->n--;
    }
}

void tl_elf_cache_rest(struct tl_elf_cache *c)
{
    drop_nameless(c);
    for (struct tl_elf *elf = c->first; elf; elf = elf->next) {
        if (elf->fd >= 0 && !elf->users) {
            close(elf->fd);
            elf->fd = -1;
        }
    }
    evict(c);
}
