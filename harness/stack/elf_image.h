/* ELF files as the unwinder needs them: program headers, build-id, .eh_frame_hdr. Kept from capture to
 * capture. Nothing in a file is trusted. */
#ifndef TL_ELF_IMAGE_H
#define TL_ELF_IMAGE_H

#include "harness/stack/memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TL_ELF_LOADS 32

struct tl_fde {
    uint64_t start, end; /* of the function, ELF virtual addresses */
    uint64_t at;         /* of the FDE */
    bool signal;         /* a signal trampoline */
};

struct tl_elf_load {
    uint64_t vaddr, offset, file_size, memory_size;
    bool executable, writable;
};

struct tl_elf {
    /* Which file: what /proc/PID/maps says, and how it looked when it was opened. */
    unsigned dev_major, dev_minor;
    uint64_t ino;
    int64_t mtime_s, mtime_ns, ctime_s, ctime_ns;
    uint64_t size;

    bool valid; /* an ELF file of this machine; everything below is meaningful only then */
    uint16_t type;
    size_t n_loads;
    struct tl_elf_load loads[TL_ELF_LOADS];
    uint64_t low, high; /* virtual addresses it takes in memory */
    char build_id[65];
    uint64_t table,
        table_end; /* binary search table of .eh_frame_hdr, 8 bytes an entry; empty when there is none */
    uint64_t hdr;  /* what the entries are relative to */
    uint64_t dynamic, dynamic_size;

    /* Where its bytes come from: a file, or memory of a process. */
    int fd;     /* -1 when not open */
    char *path; /* by which it can be opened; NULL when the bytes are memory */
    struct tl_memory *memory;
    uint64_t memory_bias;

    char **chunks; /* of the file, read when first needed */
    size_t n_chunks;
    size_t bytes;     /* in chunks */
    bool no_slow_cfi; /* it was looked for and there is none; see cfi.h */

    bool nameless; /* the file is deleted: not kept from capture to capture */
    unsigned users;
    uint64_t used_at; /* for the least recently used */
    struct tl_elf *next;
    struct tl_fde fdes[256]; /* found before, by address */
    uint64_t fde_keys[256];
};

struct tl_elf_cache;
struct tl_elf_cache *tl_elf_cache_new(size_t most_files, size_t most_bytes);
void tl_elf_cache_free(struct tl_elf_cache *c);

/* The file that process pid has mapped at start..end: device and inode as the kernel's map names them, path
 * without " (deleted)". Opened by that path, or by what /proc/PID has of it (root, map_files, exe, fd), whichever is
 * that very inode or has the build-id, or the headers, that memory (at header, where the file's first page is mapped;
 * 0: nowhere) shows. *by_path: whether it was the path. NULL when none is. The caller gives it back with
 * tl_elf_release. */
struct tl_elf *tl_elf_get(struct tl_elf_cache *c, pid_t pid, uint64_t start, uint64_t end, unsigned dev_major,
                          unsigned dev_minor, uint64_t ino, const char *path, struct tl_memory *memory,
                          uint64_t header, bool *by_path);

/* How a file looks: equal when it is the same file and was not written to. Neither 0 nor TL_LOOK_NONE. */
struct stat;
uint64_t tl_file_look(const struct stat *st);
uint64_t tl_elf_look(const struct tl_elf *elf);

/* An ELF image that is mapped at header and exists (for us) nowhere else. Lives as long as memory is attached
 * to that process; release it before. NULL when there is none. */
struct tl_elf *tl_elf_from_memory(struct tl_memory *memory, uint64_t header);

void tl_elf_release(struct tl_elf_cache *c, struct tl_elf *elf);

/* Closes the files that were opened since; what was read of them stays. To be called at the end of a capture.
 */
void tl_elf_cache_rest(struct tl_elf_cache *c);

/* Copies size bytes at a virtual address that lie in one loaded segment's file part. False when they do not.
 */
bool tl_elf_read(struct tl_elf *elf, uint64_t vaddr, void *to, size_t size);

/* Whether a virtual address lies in the file part of a segment that is never written to. */
bool tl_elf_read_only(const struct tl_elf *elf, uint64_t vaddr);

/* The function that covers vaddr by the unwind tables (.eh_frame_hdr). False when none does. */
bool tl_elf_find_fde(struct tl_elf *elf, uint64_t vaddr, struct tl_fde *fde);

/* A copy of an FDE without the instruction that says whether the return address is signed, for a reader that may not know it. Returns
 * its size; 0 when it has no such instruction, or does not fit. */
size_t tl_elf_blank_fde(struct tl_elf *elf, const struct tl_fde *fde, unsigned char *to, size_t size);

/* The same in place, for the FDEs of a whole .eh_frame or .debug_frame. Returns how many instructions there were. */
size_t tl_frames_blank(unsigned char *section, size_t size, bool debug_frame);

/* The file behind an image as an open descriptor that stays the image's; -1 when it has none or it is no
 * longer the same. */
int tl_elf_file(struct tl_elf *elf);

/* An image from bytes, which are copied. NULL when they are no ELF file. Given back with tl_elf_release(NULL,
 * ...). */
struct tl_elf *tl_elf_from_bytes(const void *data, size_t size);

#endif
