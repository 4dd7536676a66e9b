/* Inside of the unwinder: what unwind.c (processes, threads, frames) and unwind_walk.c (from a frame to its
 * caller) share. */
#ifndef TL_UNWIND_WALK_H
#define TL_UNWIND_WALK_H

#include "harness/stack/cfi.h"
#include "harness/stack/modules.h"
#include "harness/stack/registers.h"
#include "harness/stack/unwind.h"

#include <libunwind.h>

#define TL_PLACES 1024

/* What is known of a code address. */
struct tl_place {
    uint64_t pc;
    uint64_t start;  /* of the function, in ELF terms; 0: unknown */
    uint32_t round;  /* of the capture it was found in */
    uint32_t module; /* or TL_NO_MODULE */
    bool executable, has_fde, signal;
};

struct tl_unwind {
    struct tl_unwinder *u;
    pid_t pid;
    struct tl_memory *memory;
    struct tl_modules modules;
    struct tl_cfi **cfis; /* one for each module, opened when needed */
    uint32_t round;
    uint64_t authentication; /* bits that are no part of a code address of the process */

    /* For the accessors. */
    const struct tl_regs *regs; /* of the innermost frame of the cursor at work */
    struct tl_elf *elf;         /* of the module whose frame is being left */
    uint64_t bias;
    unsigned budget; /* reads left for this step */
    int32_t entry[2];
    unsigned char
        fde[16384]; /* what is read of the FDE at fde_at in its file, where that is not what the file has */
    uint64_t fde_at;
    size_t fde_size; /* 0: it is what the file has */

    struct tl_place places[TL_PLACES];
    struct tl_unwind *next; /* spare ones */
};

extern unw_accessors_t tl_unwind_accessors;

/* A walk along one stack, innermost frame first. */
struct tl_walk {
    struct tl_unwind *w;
    unw_addr_space_t as;
    struct tl_regs regs; /* of the current frame; while has_cursor, of the frame where the cursor began */
    unw_cursor_t cursor;
    bool has_cursor;
    bool zero; /* its return address is 0 */
    uint64_t pc, sp;
    uint32_t flags; /* of the current frame */
    struct tl_place place;
    unsigned signals; /* frames of signal handlers so far */
};

enum tl_walked {
    TL_WALK_ON,  /* at the caller now */
    TL_WALK_END, /* that was the outermost frame */
    TL_WALK_LOST /* it has a caller that cannot be found */
};

void tl_walk_begin(struct tl_walk *k, struct tl_unwind *w, unw_addr_space_t as, const struct tl_regs *regs);
enum tl_walked tl_walk_next(struct tl_walk *k);

#endif
