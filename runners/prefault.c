/* Theory of operation. On a fork the kernel copies the page table of a private file mapping only when the
 * mapping has a page that was written to (such a page is no longer in the file, so the child could not find
 * it again). A library's code is never written, so a child begins with none of it mapped, and each page it
 * comes to is a fault. The server therefore, for every mapping of a file that is only read,
 *
 *   1. drops what it has mapped itself: loading a runtime goes through far more code than a trial does,
 *      and every page costs in each fork and again at each child's end;
 *   2. maps the pages that a child has recorded (MADV_POPULATE_READ, Linux 5.14);
 *   3. writes one byte of the mapping, the byte that is there, in the kernel's way to write where a
 *      program may not (/proc/self/mem, as debuggers do): from then on the mapping has a written page,
 *      and its table is copied.
 *
 * A mapping of which a page is no longer the file's (relocations, for one) is left alone: dropping it would
 * lose what was written, and it is copied anyway. /proc/self/pagemap tells the two kinds of page apart,
 * without privileges.
 *
 * A child records after its trial, which may have left the heap damaged or its lock taken. In a process of
 * its own the trial would not have been troubled by that any more, so nothing here allocates, stdio's streams
 * included. */
#include "runners/prefault.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RANGES_MOST 2048
#define PAGES_AT_A_TIME 512
#define LINE_MOST (4 * PATH_MAX + 128) /* a newline in a path is four characters there */

/* Of an entry of /proc/PID/pagemap */
#define PRESENT (1ull << 63)
#define SWAPPED (1ull << 62)
#define OF_FILE (1ull << 61)

struct range {
    uintptr_t start, end;
};

enum { NOT_RECORDED, BEING_RECORDED, RECORDED };

/* Shared between the server and its children. A child that damages its memory can write anything here: what
 * is read is only ever taken as advice. */
struct tl_prefault {
    atomic_int state;
    size_t n;
    struct range ranges[RANGES_MOST];
};

struct reader {
    int maps, pagemap;
    size_t page; /* bytes */
    size_t start, end;
    char text[LINE_MOST]; /* of maps; what is not used up is from start to end */
};

static bool reader_open(struct reader *r)
{
    r->page = (size_t)sysconf(_SC_PAGESIZE);
    r->start = r->end = 0;
    r->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    r->maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    return r->maps >= 0 && r->pagemap >= 0;
}

static void reader_close(struct reader *r)
{
    if (r->maps >= 0)
        close(r->maps);
    if (r->pagemap >= 0)
        close(r->pagemap);
}

/* The next line of maps, without its newline; NULL at the end. */
static char *next_line(struct reader *r)
{
    for (;;) {
        char *line = r->text + r->start, *newline = memchr(line, '\n', r->end - r->start);
        if (newline) {
            *newline = '\0';
            r->start = (size_t)(newline - r->text) + 1;
            return line;
        }
        memmove(r->text, line, r->end -= r->start);
        r->start = 0;
        ssize_t n = read(r->maps, r->text + r->end, sizeof r->text - r->end);
        if (n <= 0)
            return NULL;
        r->end += (size_t)n;
    }
}

/* The next mapping of a file that may be read, not written, and is not shared. */
static bool next_mapping(struct reader *r, struct range *mapping)
{
    char may[5];
    const char *line;
    unsigned long long start, end, inode;
    while ((line = next_line(r)))
        if (sscanf(line, "%llx-%llx %4s %*s %*s %llu", &start, &end, may, &inode) == 4 && inode &&
            (!strcmp(may, "r-xp") || !strcmp(may, "r--p"))) {
            *mapping = (struct range){(uintptr_t)start, (uintptr_t)end};
            return true;
        }
    return false;
}

/* Calls back with every page of a mapping until the callback wants no more; false then, or when the kernel
 * does not say. */
static bool each_page(const struct reader *r, struct range mapping,
                      bool (*visit)(void *arg, uintptr_t at, uint64_t entry), void *arg)
{
    uint64_t entries[PAGES_AT_A_TIME];
    for (uintptr_t at = mapping.start; at < mapping.end;) {
        size_t n = (mapping.end - at) / r->page;
        if (n > PAGES_AT_A_TIME)
            n = PAGES_AT_A_TIME;
        if (pread(r->pagemap, entries, n * sizeof *entries, (off_t)(at / r->page * sizeof *entries)) !=
            (ssize_t)(n * sizeof *entries))
            return false;
        for (size_t i = 0; i < n; i++, at += r->page)
            if (!visit(arg, at, entries[i]))
                return false;
    }
    return true;
}

struct tl_prefault *tl_prefault_new(void)
{
    void *p =
        mmap(NULL, sizeof(struct tl_prefault), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? NULL : p; /* zero: NOT_RECORDED */
}

struct recording {
    struct tl_prefault *prefault;
    size_t page;
};

static bool record_page(void *arg, uintptr_t at, uint64_t entry)
{
    const struct recording *t = arg;
    struct tl_prefault *p = t->prefault;
    if ((entry & (PRESENT | OF_FILE)) != (PRESENT | OF_FILE))
        return true;
    if (p->n && p->ranges[p->n - 1].end == at) {
        p->ranges[p->n - 1].end += t->page;
        return true;
    }
    if (p->n == RANGES_MOST)
        return false;
    p->ranges[p->n++] = (struct range){at, at + t->page};
    return true;
}

void tl_prefault_record(struct tl_prefault *prefault)
{
    struct reader r;
    struct range mapping;
    int expected = NOT_RECORDED;
    if (!prefault || !atomic_compare_exchange_strong(&prefault->state, &expected, BEING_RECORDED))
        return;
    if (reader_open(&r)) {
        struct recording t = {prefault, r.page};
        while (next_mapping(&r, &mapping) && each_page(&r, mapping, record_page, &t))
            ;
        atomic_store(&prefault->state, RECORDED);
    }
    reader_close(&r);
}

static bool is_untouched(void *arg, uintptr_t at, uint64_t entry)
{
    (void)arg;
    (void)at;
    return !(entry & SWAPPED) && (!(entry & PRESENT) || (entry & OF_FILE));
}

static void map_recorded(const struct tl_prefault *prefault, size_t n, struct range mapping)
{
    for (size_t i = 0; i < n; i++) {
        struct range recorded = prefault->ranges[i];
        uintptr_t start = recorded.start > mapping.start ? recorded.start : mapping.start,
                  end = recorded.end < mapping.end ? recorded.end : mapping.end;
        if (start < end)
            madvise((void *)start, end - start, MADV_POPULATE_READ);
    }
}

static void rewrite_byte(int memory, uintptr_t at)
{
    char byte;
    if (pread(memory, &byte, 1, (off_t)at) != 1 || pwrite(memory, &byte, 1, (off_t)at) != 1)
        return; /* the mapping is not inherited, then */
}

void tl_prefault_apply(struct tl_prefault **prefault)
{
    struct tl_prefault *p = *prefault;
    struct reader r;
    struct range mapping;
    if (!p || atomic_load(&p->state) != RECORDED)
        return;
    size_t n = p->n < RANGES_MOST ? p->n : RANGES_MOST;
    int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    if (reader_open(&r))
        while (next_mapping(&r, &mapping))
            if (each_page(&r, mapping, is_untouched, NULL)) {
                madvise((void *)mapping.start, mapping.end - mapping.start, MADV_DONTNEED);
                map_recorded(p, n, mapping);
                rewrite_byte(memory, mapping.start);
            }
    reader_close(&r);
    if (memory >= 0)
        close(memory);
    munmap(p, sizeof *p);
    *prefault = NULL;
}
