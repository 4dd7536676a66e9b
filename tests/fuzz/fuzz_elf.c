/* ELF files as the unwinder reads them: headers, notes, .eh_frame_hdr and the FDEs it leads to. The first
 * byte chooses which addresses are looked up. */
#include "harness/stack/elf_image.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size < 2 || size > 1 << 20)
        return 0;
    struct tl_elf *elf = tl_elf_from_bytes(data + 1, size - 1);
    if (!elf)
        return 0;
    uint64_t at = elf->low;
    struct tl_fde fde;
    for (int i = 0; i < 64; i++, at += 1 + data[0]) {
        char word[8];
        if (tl_elf_find_fde(elf, at, &fde) && (at < fde.start || at >= fde.end))
            abort();
        if (tl_elf_read_only(elf, at))
            tl_elf_read(elf, at, word, sizeof word);
    }
    tl_elf_release(NULL, elf);
    return 0;
}
