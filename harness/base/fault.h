/* What stood at the place of a fatal signal: the bytes of the instruction, what lies at its address, and what is made
 * of that. Addresses differ from run to run: nothing of it is part of a signature. */
#ifndef TL_FAULT_H
#define TL_FAULT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TL_FAULT_CODE 16 /* no instruction is longer */

/* What the process had at an address when it was stopped. */
struct tl_fault_place {
    enum {
        TL_PLACE_UNKNOWN,
        TL_PLACE_MAPPED,
        TL_PLACE_FREE, /* nothing was mapped there */
    } kind;
    char access[4];   /* MAPPED: "rw-" */
    bool under_stack; /* what is mapped next above it is the stack of the thread, whose end it is */
    uint64_t behind;  /* FREE: bytes from the end of the mapping below it; UINT64_MAX: there is none */
    char *name;       /* of the mapping that holds it, or of the one below: a file, "[heap]"; "" for memory */
};

struct tl_fault {
    char arch[12]; /* whose instruction it is, as uname(2) has it: "x86_64", "aarch64" */
    uint64_t pc;   /* where the instruction begins */
    size_t n_code;
    unsigned char code[TL_FAULT_CODE]; /* bytes from pc on; none where nothing can be read */
    struct tl_fault_place at;          /* the address of the fault; not stored */
    char *instruction;                 /* disassembled; NULL: nothing here can, or it is none */
    char *did;                         /* what it did, in words, as far as that is certain; NULL */
};

void tl_fault_free(struct tl_fault *f); /* f itself too; NULL is fine */

/* As it is stored, {"arch","pc","code","instruction","did"}; and back, NULL when it is none. */
json_t *tl_fault_json(const struct tl_fault *f);
struct tl_fault *tl_fault_parse(const json_t *j);
/* The bytes as people read them: "8b 40 10". */
char *tl_fault_code_text(const struct tl_fault *f);

#endif
