/* Built without capstone: instructions stay bytes. */
#include "harness/verdict/instruction.h"

bool tl_instruction_read(const char *arch, const unsigned char *code, size_t n, uint64_t pc,
                         struct tl_instruction *i)
{
    return false;
}

bool tl_instruction_readable(void)
{
    return false;
}
