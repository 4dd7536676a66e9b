/* Fuzzes the reader of GGUF headers. The first byte says whether the file goes on behind the bytes that are here. */
#include "cases/gguf/header.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_gguf_header h;
    char why[256];
    if (!size)
        return 0;
    uint64_t whole = size - 1 + (data[0] & 1 ? UINT64_C(1) << 40 : 0);
    int result = tl_gguf_read(data + 1, size - 1, whole, &h, why, sizeof why);
    check(result ? !strncmp(why, "at byte ", 8) : h.version == 2 || h.version == 3 || (data[0] & 1));
    check(strlen(h.architecture) < sizeof h.architecture && strlen(h.name) < sizeof h.name);
    return 0;
}
