/* Theory of operation. /proc/PID/maps is read once, in one piece. A module is a file with an executable
 * mapping; its load bias follows from that mapping and the program header that covers its file offset. A file
 * that is mapped at two places (dlmopen) is two modules. Executable memory without a file inside the range of
 * a module (text that was moved to huge pages) belongs to that module; other executable memory (a JIT) to
 * none. */
#include "harness/stack/modules.h"

#include "harness/base/buffer.h"
#include "harness/stack/memory_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define MOST_MAPS ((size_t)256 << 20)
#define PAGE_MASK ((uint64_t)4095)

static char *read_maps(pid_t pid, size_t *size, struct tl_error *e)
{
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot read the mappings of a process", path, "open");
        return NULL;
    }
    size_t capacity = 1 << 15, used = 0;
    char *text = tl_malloc(capacity + 1);
    for (;;) {
        if (used == capacity && capacity < MOST_MAPS) {
            capacity *= 2;
            text = tl_realloc(text, capacity + 1, 1);
        }
        ssize_t n = read(fd, text + used, capacity - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && !used) {
            tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot read the mappings of a process", path,
                          "read");
            close(fd);
            free(text);
            return NULL;
        }
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    close(fd);
    text[used] = '\0';
    *size = used;
    return text;
}

static uint64_t number(char **at, unsigned base)
{
    uint64_t v = 0;
    for (;; (*at)++) {
        unsigned c = (unsigned char)**at, digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if (base == 16 && c >= 'a' && c <= 'f')
            digit = c - 'a' + 10;
        else
            return v;
        v = v * base + digit;
    }
}

/* The kernel writes a newline in a name as \012. */
static void unescape(char *s)
{
    char *to = s;
    for (; *s; to++) {
        if (!strncmp(s, "\\012", 4)) {
            *to = '\n';
            s += 4;
        } else {
            *to = *s++;
        }
    }
    *to = '\0';
}

static bool skip(char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool parse_line(char *at, struct tl_mapping *m)
{
    m->start = number(&at, 16);
    if (!skip(&at, '-'))
        return false;
    m->end = number(&at, 16);
    if (!skip(&at, ' ') || strlen(at) < 5 || m->end <= m->start)
        return false;
    m->readable = at[0] == 'r';
    m->writable = at[1] == 'w';
    m->executable = at[2] == 'x';
    at += 4;
    if (!skip(&at, ' '))
        return false;
    m->offset = number(&at, 16);
    if (!skip(&at, ' '))
        return false;
    m->dev_major = (unsigned)number(&at, 16);
    if (!skip(&at, ':'))
        return false;
    m->dev_minor = (unsigned)number(&at, 16);
    if (!skip(&at, ' '))
        return false;
    m->ino = number(&at, 10);
    while (*at == ' ')
        at++;
    unescape(at);
    static const char gone[] = " (deleted)";
    size_t n = strlen(at);
    m->deleted = n > sizeof gone - 1 && !strcmp(at + n - (sizeof gone - 1), gone);
    if (m->deleted && m->ino)
        at[n - (sizeof gone - 1)] = '\0';
    m->path = at;
    m->module = TL_NO_MODULE;
    return true;
}

static void parse_maps(struct tl_modules *m, size_t size)
{
    size_t lines = 0;
    for (size_t i = 0; i < size; i++)
        lines += m->text[i] == '\n';
    m->mappings = tl_calloc(lines + 1, sizeof *m->mappings);
    for (char *line = m->text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        struct tl_mapping *map = &m->mappings[m->n_mappings];
        /* The search below depends on the order, which the kernel keeps. */
        if (parse_line(line, map) && (!m->n_mappings || map->start >= map[-1].end))
            m->n_mappings++;
    }
}

static bool same_file(const struct tl_mapping *a, const struct tl_mapping *b)
{
    return a->ino == b->ino && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}

/* Where the first page of the file of mapping i is mapped, 0 when it is not. */
static uint64_t header_of(const struct tl_modules *m, size_t i)
{
    const struct tl_mapping *map = &m->mappings[i];
    for (size_t k = i + 1; k-- > 0 && i - k < 64;) {
        if (same_file(&m->mappings[k], map) && m->mappings[k].offset == 0 && m->mappings[k].readable)
            return m->mappings[k].start;
    }
    return 0;
}

static uint64_t bias_of(const struct tl_elf *elf, const struct tl_mapping *map)
{
    for (int executable = 1; executable >= 0; executable--) {
        for (size_t i = 0; i < elf->n_loads; i++) {
            const struct tl_elf_load *l = &elf->loads[i];
            if ((int)l->executable == executable && map->offset >= (l->offset & ~PAGE_MASK) &&
                map->offset < l->offset + l->file_size)
                return map->start - (l->vaddr + (map->offset - l->offset));
        }
    }
    return map->start - map->offset;
}

static void add(struct tl_modules *m, const struct tl_mapping *map, struct tl_elf *elf, bool elsewhere)
{
    if ((m->n & (m->n + 1)) == 0) {
        m->modules = tl_realloc(m->modules, 2 * (m->n + 1), sizeof *m->modules);
        m->elfs = tl_realloc(m->elfs, 2 * (m->n + 1), sizeof(struct tl_elf *));
        m->elsewhere = tl_realloc(m->elsewhere, 2 * (m->n + 1), sizeof *m->elsewhere);
    }
    struct tl_module *module = &m->modules[m->n];
    memset(module, 0, sizeof *module);
    module->path = tl_strdup(map->path);
    module->base = map->start - map->offset;
    module->start = map->start;
    module->end = map->end;
    module->look = elf && !elf->memory && !elsewhere ? tl_elf_look(elf) : 0;
    m->elsewhere[m->n] = elsewhere;
    m->elfs[m->n++] = elf;
    if (!elf)
        return;
    memcpy(module->build_id, elf->build_id, sizeof module->build_id);
    module->base = bias_of(elf, map);
    uint64_t low = (module->base + elf->low) & ~PAGE_MASK;
    uint64_t high = (module->base + elf->high + PAGE_MASK) & ~PAGE_MASK;
    if (low <= map->start && high >= map->end) {
        module->start = low;
        module->end = high;
    }
}

/* The module of executable mapping i when one that is known already has it. */
static bool is_known(struct tl_modules *m, size_t i, const struct tl_mapping *file_of_last)
{
    struct tl_mapping *map = &m->mappings[i];
    if (!m->n || !file_of_last || !same_file(map, file_of_last))
        return false;
    const struct tl_elf *elf = m->elfs[m->n - 1];
    if (elf ? bias_of(elf, map) != m->modules[m->n - 1].base
            : map->start - map->offset != m->modules[m->n - 1].base)
        return false;
    map->module = (uint32_t)m->n - 1;
    if (map->end > m->modules[m->n - 1].end)
        m->modules[m->n - 1].end = map->end;
    return true;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

/* Whether a mapping without a file stands for a part of a module: its text was replaced by pages without one. Between two segments
 * that are far apart, as those of arm64 are by 64 KiB, there may be pages of others, such as the code of a JIT. */
static bool is_segment(const struct tl_elf *elf, uint64_t base, const struct tl_mapping *map)
{
    for (size_t i = 0; i < elf->n_loads; i++) {
        const struct tl_elf_load *l = &elf->loads[i];
        uint64_t start = base + l->vaddr, end = start + l->memory_size;
        if (map->start >= (start & ~PAGE_MASK) && map->end <= ((end + PAGE_MASK) & ~PAGE_MASK))
            return true;
    }
    return false;
}

int tl_modules_read(struct tl_modules *m, struct tl_elf_cache *cache, struct tl_elf *vdso, pid_t pid,
                    struct tl_memory *memory, struct tl_error *e)
{
    memset(m, 0, sizeof *m);
    m->cache = cache;
    m->vdso = vdso;
    size_t size;
    m->text = read_maps(pid, &size, e);
    if (!m->text)
        return -1;
    parse_maps(m, size);

    const struct tl_mapping *last = NULL;
    for (size_t i = 0; i < m->n_mappings; i++) {
        struct tl_mapping *map = &m->mappings[i];
        if (!map->executable)
            continue;
        if (map->ino) {
            if (is_known(m, i, last))
                continue;
            uint64_t header = header_of(m, i);
            bool by_path = false;
            struct tl_elf *elf = tl_elf_get(cache, pid, map->start, map->end, map->dev_major, map->dev_minor,
                                            map->ino, map->path, memory, header, &by_path);
            if (!elf && header)
                elf = tl_elf_from_memory(memory, header);
            if (elf && !elf->valid) {
                tl_elf_release(cache, elf);
                elf = NULL;
            }
            map->module = (uint32_t)m->n;
            add(m, map, elf, !by_path);
            last = map;
        } else if (!strcmp(map->path, TL_VDSO_NAME)) {
            bool ours = vdso && ((vdso->size + PAGE_MASK) & ~PAGE_MASK) == map->end - map->start;
            map->module = (uint32_t)m->n;
            add(m, map, ours ? vdso : tl_elf_from_memory(memory, map->start), !ours);
            last = NULL;
        }
    }
    for (size_t i = 0; i < m->n_mappings; i++) {
        struct tl_mapping *map = &m->mappings[i];
        if (!map->executable)
            continue;
        for (size_t k = 0; map->module == TL_NO_MODULE && !map->path[0] && k < m->n; k++)
            if (m->elfs[k] && is_segment(m->elfs[k], m->modules[k].base, map))
                map->module = (uint32_t)k;
        const struct tl_elf *elf = map->module == TL_NO_MODULE ? NULL : m->elfs[map->module];
        if (!elf)
            continue;
        m->layout = mix(mix(mix(m->layout, map->start), map->end), map->offset);
        m->layout = mix(mix(mix(m->layout, elf->ino), (uint64_t)elf->mtime_ns), elf->size ^ elf->dev_minor);
        m->layout = mix(mix(m->layout, (uint64_t)elf->mtime_s), elf->table);
        for (size_t k = 0; elf->build_id[k]; k++)
            m->layout = mix(m->layout, (unsigned char)elf->build_id[k]);
    }
    return 0;
}

void tl_modules_release(struct tl_modules *m)
{
    for (size_t i = 0; i < m->n; i++) {
        free(m->modules[i].path);
        tl_module_file_free(m->modules[i].file);
        if (m->elfs[i] != m->vdso)
            tl_elf_release(m->cache, m->elfs[i]);
    }
    free(m->modules);
    free(m->elsewhere);
    free(m->elfs);
    free(m->mappings);
    free(m->text);
    memset(m, 0, sizeof *m);
}

void tl_modules_keep(struct tl_modules *m, const bool *wanted)
{
    for (size_t i = 0; i < m->n; i++) {
        if (!m->elsewhere[i] || !wanted[i] || m->modules[i].file)
            continue;
        struct tl_elf *elf = m->elfs[i];
        m->modules[i].look = TL_LOOK_NONE;
        int fd = elf && !elf->memory ? tl_elf_file(elf) : -1;
        if (fd >= 0)
            fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        size_t size = 0;
        char *bytes = elf && elf->memory ? tl_memory_image(elf, &size) : NULL;
        if (fd >= 0 || bytes)
            m->modules[i].file = tl_module_file_new(fd, bytes, size);
    }
}

struct tl_elf *tl_modules_own_vdso(void)
{
    unsigned long at = getauxval(AT_SYSINFO_EHDR);
    struct tl_modules m = {0};
    size_t size;
    m.text = at ? read_maps(getpid(), &size, NULL) : NULL;
    if (!m.text)
        return NULL;
    parse_maps(&m, size);
    const struct tl_mapping *map = tl_modules_find(&m, at);
    struct tl_elf *elf = NULL;
    if (map && map->start == at && map->readable)
        elf = tl_elf_from_bytes((const void *)map->start, (size_t)(map->end - map->start));
    tl_modules_release(&m);
    return elf;
}

const struct tl_mapping *tl_modules_find(struct tl_modules *m, uint64_t address)
{
    if (m->last < m->n_mappings && address >= m->mappings[m->last].start &&
        address < m->mappings[m->last].end)
        return &m->mappings[m->last];
    size_t low = 0, high = m->n_mappings;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->mappings[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == m->n_mappings || address < m->mappings[low].start)
        return NULL;
    m->last = (uint32_t)low;
    return &m->mappings[low];
}
