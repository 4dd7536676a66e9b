/* One instruction, disassembled: its text, and what it does with memory. By capstone where that was there when trapline
 * was built (instruction_capstone.c), otherwise by nobody. */
#ifndef TL_INSTRUCTION_H
#define TL_INSTRUCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TL_MEMORY_OPERANDS 3

/* base + index * scale + displacement, by the names that registers of captures have; "" for none. */
struct tl_memory_operand {
    char base[12], index[12], segment[12]; /* segment: of which the base is to be added */
    unsigned scale;
    unsigned index_bits; /* of the index that count: 32 or 64; 32 bits may have a sign */
    bool index_signed;
    int64_t displacement;
    unsigned size; /* bytes; 0: unknown */
    bool read, write;
    bool vague; /* an index that is a vector, say: where it leads cannot be told */
};

struct tl_instruction {
    char text[200];
    unsigned size; /* bytes */
    enum {
        TL_INSTRUCTION_OTHER,
        TL_INSTRUCTION_DIVIDE, /* of integers */
        TL_INSTRUCTION_TRAP,   /* written to stop the program: ud2, int3, brk */
    } kind;
    bool aligned;          /* its memory operand has to lie at a multiple of its size */
    char divisor[12];      /* a register; "" when it is in memory */
    unsigned divisor_size; /* bytes */
    unsigned n_memory;
    struct tl_memory_operand memory[TL_MEMORY_OPERANDS];
};

/* Of the bytes at pc. False when nothing here can disassemble them, or when they are none of that processor. */
bool tl_instruction_read(const char *arch, const unsigned char *code, size_t n, uint64_t pc,
                         struct tl_instruction *i);

/* Whether there is something that can. */
bool tl_instruction_readable(void);

#endif
