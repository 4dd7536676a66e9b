/* What a process has mapped, and the ELF files in it. */
#ifndef TL_MODULES_H
#define TL_MODULES_H

#include "harness/base/error.h"
#include "harness/base/record.h"
#include "harness/stack/elf_image.h"

#define TL_VDSO_NAME "[vdso]"

struct tl_mapping {
    uint64_t start, end, offset;
    uint64_t ino;
    unsigned dev_major, dev_minor;
    bool readable, writable, executable, deleted;
    uint32_t module;  /* of an executable mapping; TL_NO_MODULE for anonymous memory */
    const char *path; /* "" for none; in text of the struct tl_modules */
};

struct tl_modules {
    char *text;
    size_t n_mappings;
    struct tl_mapping *mappings; /* by address */
    size_t n;
    struct tl_module *modules;
    struct tl_elf **elfs; /* one for each module; NULL when it is no ELF file */
    bool *elsewhere;      /* the path of a module does not lead to what is mapped */
    uint64_t layout;      /* equal for processes that have the same files executable at the same addresses */
    struct tl_elf_cache *cache;
    const struct tl_elf *vdso; /* not of the cache */
    uint32_t last;             /* mapping found last */
};

/* Reads /proc/PID/maps and finds the files; vdso may be NULL: an image of the vDSO (all processes of a
 * machine have the same). memory must be attached to pid and stay so until the release. */
int tl_modules_read(struct tl_modules *m, struct tl_elf_cache *cache, struct tl_elf *vdso, pid_t pid,
                    struct tl_memory *memory, struct tl_error *e);
void tl_modules_release(struct tl_modules *m);

/* Gives each module that is marked in wanted and whose path leads elsewhere what it can be read from when the process
 * is gone. */
void tl_modules_keep(struct tl_modules *m, const bool *wanted);

/* The vDSO of this process as an image; NULL when there is none. Given back with tl_elf_release(NULL, ...).
 */
struct tl_elf *tl_modules_own_vdso(void);

/* The mapping that holds address, or NULL. */
const struct tl_mapping *tl_modules_find(struct tl_modules *m, uint64_t address);

#endif
