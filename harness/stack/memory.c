/* Theory of operation. Pages of 4 KiB (the granule here, whatever the page size of the machine) are kept in
 * one anonymous mapping that is reserved once and touched as it fills; a hash table with open addressing
 * finds them by page number. When the mapping is full everything is forgotten and filling begins anew, so
 * that a process with a stack of gigabytes costs time but never more than CACHE_PAGES of memory.
 *
 * process_vm_readv stops at the first page it cannot read and returns what it copied before: whole pages of
 * that are kept, so a range may reach over the end of a mapping without harm. Where the call is not permitted
 * (some containers filter it) /proc/PID/mem does the same, slower. */
#include "harness/stack/memory.h"

#include "harness/base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096u
#define CACHE_PAGES 8192u  /* 32 MiB */
#define CACHE_SLOTS 16384u /* a power of two, at most half full */
#define AHEAD_PAGES 16u
#define KEEP_PAGES 512u /* memory that is kept warm for the next process */

struct slot {
    uint64_t page; /* page number + 1; 0: empty */
    uint32_t index;
};

struct tl_memory {
    pid_t pid;
    int mem_fd; /* /proc/PID/mem, once process_vm_readv was refused; else -1 */
    bool refused;
    char *pages;
    uint32_t used, peak;
    uint64_t last_page; /* the page read last (+ 1), which mostly is the next one too */
    const char *last;
    uint64_t ahead_low, ahead_high;
    uint16_t slot_of[CACHE_PAGES]; /* so that forgetting touches only what was filled */
    struct slot slots[CACHE_SLOTS];
};

struct tl_memory *tl_memory_new(void)
{
    struct tl_memory *m = tl_calloc(1, sizeof *m);
    m->mem_fd = -1;
    m->pages = mmap(NULL, (size_t)CACHE_PAGES * PAGE, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (m->pages == MAP_FAILED) {
        free(m);
        return NULL;
    }
    return m;
}

void tl_memory_free(struct tl_memory *m)
{
    if (!m)
        return;
    if (m->mem_fd >= 0)
        close(m->mem_fd);
    munmap(m->pages, (size_t)CACHE_PAGES * PAGE);
    free(m);
}

static void forget(struct tl_memory *m)
{
    for (uint32_t i = 0; i < m->used; i++)
        m->slots[m->slot_of[i]].page = 0;
    if (m->used > m->peak)
        m->peak = m->used;
    m->used = 0;
    m->last_page = 0;
}

void tl_memory_attach(struct tl_memory *m, pid_t pid)
{
    forget(m);
    if (m->peak > KEEP_PAGES)
        madvise(m->pages + (size_t)KEEP_PAGES * PAGE, (size_t)(CACHE_PAGES - KEEP_PAGES) * PAGE,
                MADV_DONTNEED);
    m->peak = 0;
    if (m->mem_fd >= 0)
        close(m->mem_fd);
    m->mem_fd = -1;
    m->pid = pid;
    m->ahead_low = m->ahead_high = 0;
}

static struct slot *find_slot(struct tl_memory *m, uint64_t page)
{
    uint64_t i = (page * 0x9e3779b97f4a7c15u) >> 50;
    while (m->slots[i].page && m->slots[i].page != page + 1)
        i = (i + 1) & (CACHE_SLOTS - 1);
    return &m->slots[i];
}

static ssize_t fetch(struct tl_memory *m, uint64_t address, void *to, size_t size)
{
    if (!m->refused) {
        struct iovec local = {to, size};
        struct iovec remote = {(void *)(uintptr_t)address, size};
        ssize_t n = process_vm_readv(m->pid, &local, 1, &remote, 1, 0);
        if (n >= 0 || (errno != EPERM && errno != ENOSYS))
            return n;
        m->refused = true;
    }
    if (m->mem_fd < 0) {
        char path[40];
        snprintf(path, sizeof path, "/proc/%d/mem", (int)m->pid);
        m->mem_fd = open(path, O_RDONLY | O_CLOEXEC);
        if (m->mem_fd < 0)
            return -1;
    }
    if (address > INT64_MAX)
        return -1;
    return pread(m->mem_fd, to, size, (off_t)address);
}

/* The page, fetched with those behind it when it lies in the announced range; NULL when it cannot be read. */
static const char *load(struct tl_memory *m, uint64_t page)
{
    uint64_t address = page * PAGE;
    size_t want = 1;
    if (address >= m->ahead_low && address < m->ahead_high) {
        want = (size_t)((m->ahead_high - address + PAGE - 1) / PAGE);
        if (want > AHEAD_PAGES)
            want = AHEAD_PAGES;
        /* Do not fetch again what is there already. */
        for (size_t i = 1; i < want; i++)
            if (find_slot(m, page + i)->page)
                want = i;
    }
    if (m->used + want > CACHE_PAGES)
        forget(m);
    char *to = m->pages + (size_t)m->used * PAGE;
    ssize_t n = fetch(m, address, to, want * PAGE);
    if (n < (ssize_t)PAGE)
        return NULL;
    for (size_t i = 0; i < (size_t)n / PAGE; i++) {
        struct slot *s = find_slot(m, page + i);
        s->page = page + i + 1;
        s->index = m->used;
        m->slot_of[m->used++] = (uint16_t)(s - m->slots);
    }
    return to;
}

static const char *page_at(struct tl_memory *m, uint64_t page)
{
    if (m->last_page == page + 1)
        return m->last;
    const struct slot *s = find_slot(m, page);
    const char *at = s->page ? m->pages + (size_t)s->index * PAGE : load(m, page);
    if (at) {
        m->last_page = page + 1;
        m->last = at;
    }
    return at;
}

size_t tl_memory_read(struct tl_memory *m, uint64_t address, void *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        uint64_t from = address + done;
        if (from < address)
            break;
        const char *page = page_at(m, from / PAGE);
        if (!page)
            break;
        size_t n = PAGE - (size_t)(from % PAGE);
        if (n > size - done)
            n = size - done;
        memcpy((char *)to + done, page + from % PAGE, n);
        done += n;
    }
    return done;
}

bool tl_memory_word(struct tl_memory *m, uint64_t address, uint64_t *word)
{
    if (m->last_page == address / PAGE + 1 && address % PAGE <= PAGE - sizeof *word) {
        memcpy(word, m->last + address % PAGE, sizeof *word);
        return true;
    }
    return tl_memory_read(m, address, word, sizeof *word) == sizeof *word;
}

void tl_memory_ahead(struct tl_memory *m, uint64_t low, uint64_t high)
{
    m->ahead_low = low / PAGE * PAGE;
    m->ahead_high = high;
    if (low < high)
        page_at(m, low / PAGE);
}
