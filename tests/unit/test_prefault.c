/* The pages that children of a fork server record: by processes that are really forked. */
#include "runners/prefault.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES 256
#define WANTED 200   /* the page that a child reads; the kernel brings some neighbours */
#define UNWANTED 100 /* far from it */

static size_t page;

/* A file whose page n is full of n, mapped as a library's code is. */
static unsigned char *map_file(void)
{
    char path[] = "/tmp/trapline-pages-XXXXXX";
    int fd = mkstemp(path);
    cr_assert(fd >= 0);
    page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char *content = malloc(page);
    for (int i = 0; i < PAGES; i++) {
        memset(content, i, page);
        cr_assert_eq(write(fd, content, page), (ssize_t)page);
    }
    free(content);
    unsigned char *at = mmap(NULL, PAGES * page, PROT_READ, MAP_PRIVATE, fd, 0);
    cr_assert(at != MAP_FAILED);
    close(fd);
    unlink(path);
    return at;
}

static bool is_mapped(const unsigned char *at)
{
    uint64_t entry = 0;
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    ssize_t n = pread(fd, &entry, sizeof entry, (off_t)((uintptr_t)at / page * sizeof entry));
    close(fd);
    return n == sizeof entry && entry >> 63;
}

/* The exit status of a child that does `what`. */
static int in_child(int (*what)(unsigned char *at, struct tl_prefault *prefault), unsigned char *at,
                    struct tl_prefault *prefault)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(what(at, prefault));
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int read_and_record(unsigned char *at, struct tl_prefault *prefault)
{
    int read = *(volatile unsigned char *)(at + WANTED * page);
    tl_prefault_record(prefault);
    return read;
}

static int has_wanted(unsigned char *at, struct tl_prefault *prefault)
{
    (void)prefault;
    return is_mapped(at + WANTED * page) && !is_mapped(at + UNWANTED * page);
}

static bool kernel_can(const unsigned char *at)
{
    return !madvise((void *)at, page, MADV_POPULATE_READ);
}

Test(prefault, later_children_inherit_what_one_has_recorded)
{
    unsigned char *at = map_file();
    struct tl_prefault *prefault = tl_prefault_new();
    if (!kernel_can(at))
        cr_skip("Linux 5.14 is needed");
    for (int i = 0; i < PAGES; i++)
        cr_assert_eq(((volatile unsigned char *)at)[(size_t)i * page], i); /* far more than a child wants */
    cr_assert_eq(in_child(has_wanted, at, NULL), 0, "a file's pages are inherited by themselves");
    tl_prefault_apply(&prefault);
    cr_assert(prefault, "nothing was recorded yet");
    cr_assert_eq(in_child(read_and_record, at, prefault), WANTED);
    tl_prefault_apply(&prefault);
    cr_assert_null(prefault);
    cr_assert(is_mapped(at + WANTED * page));
    cr_assert_eq(in_child(has_wanted, at, NULL), 1, "recorded pages are inherited, and not the others");
    for (int i = 0; i < PAGES; i++)
        cr_assert_eq(at[(size_t)i * page], i, "the content stays");
    munmap(at, PAGES * page);
}

Test(prefault, what_was_written_stays)
{
    unsigned char *at = map_file();
    struct tl_prefault *prefault = tl_prefault_new();
    cr_assert_eq(mprotect(at, page, PROT_READ | PROT_WRITE), 0);
    at[1] = 77; /* a relocation */
    cr_assert_eq(mprotect(at, page, PROT_READ), 0);
    cr_assert_eq(in_child(read_and_record, at, prefault), WANTED);
    tl_prefault_apply(&prefault);
    cr_assert_null(prefault);
    cr_assert_eq(at[1], 77);
    munmap(at, PAGES * page);
}

Test(prefault, only_the_first_records)
{
    unsigned char *at = map_file();
    struct tl_prefault *prefault = tl_prefault_new();
    cr_assert_eq(in_child(read_and_record, at, prefault), WANTED);
    cr_assert_eq(in_child(read_and_record, at, prefault), WANTED, "the second one finds that it was done");
    tl_prefault_apply(&prefault);
    cr_assert_null(prefault);
    tl_prefault_apply(&prefault); /* and afterwards there is nothing to do */
    tl_prefault_record(NULL);
    munmap(at, PAGES * page);
}

#ifndef __SANITIZE_ADDRESS__ /* whose heap is another */
/* Overwrites all that malloc has and knows. */
static void damage_heap(void)
{
    char line[512];
    unsigned long start = 0, end = 0;
    FILE *f = fopen("/proc/self/maps", "re");
    while (f && fgets(line, sizeof line, f))
        if (strstr(line, "[heap]") && sscanf(line, "%lx-%lx", &start, &end) == 2)
            break;
    if (f)
        fclose(f);
    if (end == start)
        _exit(254);
    memset((void *)start, 0xff, end - start);
}

static int record_with_a_damaged_heap(unsigned char *at, struct tl_prefault *prefault)
{
    damage_heap();
    return read_and_record(at, prefault);
}

Test(prefault, a_child_that_damaged_its_heap_can_record)
{
    unsigned char *at = map_file();
    struct tl_prefault *prefault = tl_prefault_new();
    cr_assert_eq(in_child(record_with_a_damaged_heap, at, prefault), WANTED);
    tl_prefault_apply(&prefault);
    cr_assert_null(prefault);
    munmap(at, PAGES * page);
}
#endif
