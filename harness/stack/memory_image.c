/* Theory of operation. Sections are not loaded, but the dynamic segment is, and with it what the loader needs: a table
 * of the symbols that the module gives and takes. How many they are only the hash tables say: DT_HASH in a word, and
 * DT_GNU_HASH by the end of its longest chain. Addresses in the dynamic segment are those of the file or, where the
 * loader has relocated them (glibc does), of memory. Nothing of it is trusted. */
#include "harness/stack/memory_image.h"

#include "harness/base/buffer.h"
#include "harness/stack/image.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define MOST_DYNAMIC 512
#define MOST_SYMBOLS 1000000u
#define MOST_STRINGS ((uint64_t)64 << 20)

static bool word_at(struct tl_elf *elf, uint64_t vaddr, uint32_t *word)
{
    return tl_elf_read(elf, vaddr, word, sizeof *word);
}

static uint64_t in_file(const struct tl_elf *elf, uint64_t address)
{
    uint64_t low = elf->memory_bias + elf->low, high = elf->memory_bias + elf->high;
    return address >= low && address < high ? address - elf->memory_bias : address;
}

/* Of DT_GNU_HASH at vaddr: buckets, filter words, then chains, which end where the lowest bit is set. */
static uint64_t count_by_chains(struct tl_elf *elf, uint64_t vaddr)
{
    uint32_t buckets, first, words, highest = 0, hash;
    if (!word_at(elf, vaddr, &buckets) || !word_at(elf, vaddr + 4, &first) ||
        !word_at(elf, vaddr + 8, &words) || buckets > MOST_SYMBOLS || words > MOST_SYMBOLS)
        return 0;
    uint64_t at = vaddr + 16 + (uint64_t)words * 8, chains = at + (uint64_t)buckets * 4;
    for (uint32_t i = 0; i < buckets; i++) {
        uint32_t symbol;
        if (!word_at(elf, at + (uint64_t)i * 4, &symbol))
            return 0;
        highest = symbol > highest ? symbol : highest;
    }
    if (highest < first)
        return first;
    for (; highest < MOST_SYMBOLS && word_at(elf, chains + ((uint64_t)highest - first) * 4, &hash); highest++)
        if (hash & 1)
            return (uint64_t)highest + 1;
    return 0;
}

char *tl_memory_image(struct tl_elf *elf, size_t *size)
{
    uint64_t table = 0, strings = 0, strings_size = 0, hash = 0, gnu_hash = 0, n = 0;
    for (uint64_t i = 0; i < elf->dynamic_size / sizeof(Elf64_Dyn) && i < MOST_DYNAMIC; i++) {
        Elf64_Dyn d;
        if (!tl_elf_read(elf, elf->dynamic + i * sizeof d, &d, sizeof d) || d.d_tag == DT_NULL)
            break;
        if (d.d_tag == DT_SYMTAB)
            table = in_file(elf, d.d_un.d_ptr);
        else if (d.d_tag == DT_STRTAB)
            strings = in_file(elf, d.d_un.d_ptr);
        else if (d.d_tag == DT_STRSZ)
            strings_size = d.d_un.d_val;
        else if (d.d_tag == DT_HASH)
            hash = in_file(elf, d.d_un.d_ptr);
        else if (d.d_tag == DT_GNU_HASH)
            gnu_hash = in_file(elf, d.d_un.d_ptr);
    }
    uint32_t chains;
    if (hash && word_at(elf, hash + 4, &chains))
        n = chains;
    else if (gnu_hash)
        n = count_by_chains(elf, gnu_hash);
    if (!table || !strings || !n || n > MOST_SYMBOLS || !strings_size || strings_size > MOST_STRINGS)
        return NULL;
    Elf64_Sym *symbols = tl_calloc((size_t)n, sizeof *symbols);
    char *names = tl_calloc(1, (size_t)strings_size + 1), *bytes = NULL;
    if (tl_elf_read(elf, table, symbols, (size_t)n * sizeof *symbols) &&
        tl_elf_read(elf, strings, names, (size_t)strings_size)) {
        const struct tl_image_part parts[] = {
            {.name = ".dynstr", .type = SHT_STRTAB, .data = names, .size = (size_t)strings_size},
            {.name = ".dynsym",
             .type = SHT_DYNSYM,
             .entry_size = sizeof *symbols,
             .link = 1,
             .data = symbols,
             .size = (size_t)n * sizeof *symbols}};
        bytes = tl_image_bytes(parts, TL_COUNT(parts), size);
    }
    free(symbols);
    free(names);
    return bytes;
}
