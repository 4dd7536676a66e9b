/* The function that covers an address, by the unwind tables of its file.
 *
 * Theory of operation. .eh_frame is a list of records of two kinds. A CIE (common information entry) holds
 * what many functions share: a version, an augmentation string that says what else is in the record,
 * alignment factors and the column of the return address. An FDE (frame description entry) belongs to one
 * function: how far back its CIE is, where the function starts and how long it is, and the rules by which its
 * frames are left (unwind_walk.c). Of the augmentation two letters matter here: "R" says how the FDE's
 * pointers are encoded (DW_EH_PE_*), "S" that the function is a signal trampoline.
 *
 * .eh_frame_hdr, to which the program header PT_GNU_EH_FRAME points, holds a table for searching: for each
 * function its start and its FDE, both as signed 32-bit distances from the beginning of .eh_frame_hdr, by
 * start. The table gives where a function starts; only the FDE says where it ends, and whether it is a signal
 * trampoline.
 *
 * On arm64 an instruction in the rules of an FDE says that from there on the return address carries a code that authenticates it, or
 * no longer. unwind_walk.c takes such codes off wherever they are, so the instruction tells it nothing; but not every libunwind knows
 * it, and takes the rules for broken, and not every libdw, which takes it for one of SPARC with the same number. So it is blanked
 * before they see it, in a copy.
 *
 * Every length and pointer is bounded by what was copied or by the file. */
#include "harness/stack/elf_image.h"

#include <string.h>

#define ARM64_NEGATE_RA_STATE 0x2d
#define CFA_NOP 0x00

struct cursor {
    const unsigned char *at, *end;
    bool bad;
};

static uint64_t take(struct cursor *c, size_t n)
{
    uint64_t v = 0;
    if (c->bad || (size_t)(c->end - c->at) < n) {
        c->bad = true;
        return 0;
    }
    memcpy(&v, c->at, n); /* little-endian, as the file is */
    c->at += n;
    return v;
}

static uint64_t leb(struct cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint64_t b = take(c, 1);
        if (shift < 64)
            v |= (b & 0x7f) << shift;
        if (!(b & 0x80))
            return v;
    }
    c->bad = true;
    return 0;
}

/* A pointer in one of the encodings of DW_EH_PE_*, as stored, without what it is relative to (the upper four
 * bits). The lower four: 0 absptr, 1 uleb128, 2 udata2, 3 udata4, 4 udata8, and 8 more for the signed
 * ones. */
static uint64_t encoded(struct cursor *c, unsigned encoding)
{
    uint64_t v;
    switch (encoding & 0x0f) {
    case 0x00:
    case 0x04:
    case 0x0c:
        return take(c, 8);
    case 0x02:
        return take(c, 2);
    case 0x0a:
        v = take(c, 2);
        return (uint64_t)(int64_t)(int16_t)v;
    case 0x03:
        return take(c, 4);
    case 0x0b:
        v = take(c, 4);
        return (uint64_t)(int64_t)(int32_t)v;
    case 0x01:
    case 0x09:
        return leb(c);
    default:
        c->bad = true;
        return 0;
    }
}

/* As much as there is, up to size. */
static size_t copy(struct tl_elf *elf, uint64_t vaddr, unsigned char *to, size_t size)
{
    for (; size >= 8; size /= 2)
        if (tl_elf_read(elf, vaddr, to, size))
            return size;
    return 0;
}

/* What a CIE, of which n bytes are there, says of its FDEs. augmented: they have a length of more data before their rules. */
static bool parse_cie(const unsigned char *data, size_t n, uint64_t cie_id, unsigned *encoding, bool *signal,
                      bool *augmented)
{
    struct cursor c = {data, data + n, false};
    uint64_t length = take(&c, 4);
    uint64_t id_size = 4;
    if (length == 0xffffffff) {
        length = take(&c, 8);
        id_size = 8;
    }
    if (c.bad || length < id_size + 4 || take(&c, id_size) != cie_id)
        return false;
    if ((uint64_t)(c.end - c.at) > length - id_size)
        c.end = c.at + (length - id_size);
    unsigned version = (unsigned)take(&c, 1);
    if (version != 1 && version != 3 && version != 4)
        return false;
    char augmentation[9];
    size_t k = 0;
    for (;; k++) {
        if (k == sizeof augmentation)
            return false;
        augmentation[k] = (char)take(&c, 1);
        if (!augmentation[k])
            break;
    }
    if (version == 4 && take(&c, 2) != 8)
        return false; /* sizes of an address and of a segment's number */
    leb(&c);          /* code and data alignment */
    leb(&c);
    if (version == 1)
        take(&c, 1); /* return address register */
    else
        leb(&c);
    *encoding = 0;
    *signal = false;
    *augmented = augmentation[0] == 'z';
    if (*augmented) {
        leb(&c);
        for (const char *a = augmentation + 1; *a; a++) {
            unsigned personality;
            switch (*a) {
            case 'R':
                *encoding = (unsigned)take(&c, 1);
                break;
            case 'P':
                personality = (unsigned)take(&c, 1);
                if (personality != 0xff)
                    encoded(&c, personality);
                break;
            case 'L':
                take(&c, 1);
                break;
            case 'S':
                *signal = true;
                break;
            case 'B':
            case 'G':
                break;
            default:
                return false;
            }
        }
    } else if (augmentation[0]) {
        return false;
    }
    return !c.bad;
}

static bool read_cie(struct tl_elf *elf, uint64_t at, unsigned *encoding, bool *signal, bool *augmented)
{
    unsigned char data[128];
    return parse_cie(data, copy(elf, at, data, sizeof data), 0, encoding, signal, augmented);
}

static bool read_fde(struct tl_elf *elf, uint64_t at, struct tl_fde *fde)
{
    unsigned char data[40];
    size_t n = copy(elf, at, data, sizeof data);
    struct cursor c = {data, data + n, false};
    uint64_t length = take(&c, 4);
    uint64_t id_size = 4;
    if (length == 0xffffffff) {
        length = take(&c, 8);
        id_size = 8;
    }
    uint64_t id_at = at + (uint64_t)(c.at - data);
    uint64_t id = take(&c, id_size);
    unsigned encoding;
    bool augmented;
    if (c.bad || length < id_size || !id || id > id_at ||
        !read_cie(elf, id_at - id, &encoding, &fde->signal, &augmented))
        return false;
    if ((encoding & 0x80) || ((encoding & 0x70) != 0 && (encoding & 0x70) != 0x10))
        return false; /* only absolute and relative to the place itself are used in .eh_frame */
    uint64_t start_at = at + (uint64_t)(c.at - data);
    fde->start = encoded(&c, encoding) + ((encoding & 0x70) ? start_at : 0);
    uint64_t size = encoded(&c, encoding & 0x07);
    if (c.bad || size > UINT64_MAX - fde->start)
        return false;
    fde->end = fde->start + size;
    fde->at = at;
    return true;
}

bool tl_elf_find_fde(struct tl_elf *elf, uint64_t vaddr, struct tl_fde *fde)
{
    size_t slot = (size_t)((vaddr * 0x9e3779b97f4a7c15u) >> 56);
    if (elf->fde_keys[slot] == vaddr && elf->fdes[slot].end) {
        *fde = elf->fdes[slot];
        return true;
    }
    uint64_t low = 0, high = (elf->table_end - elf->table) / 8;
    int32_t entry[2];
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (!tl_elf_read(elf, elf->table + middle * 8, entry, sizeof entry))
            return false;
        if (elf->hdr + (uint64_t)(int64_t)entry[0] <= vaddr)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low || !tl_elf_read(elf, elf->table + (low - 1) * 8, entry, sizeof entry) ||
        !read_fde(elf, elf->hdr + (uint64_t)(int64_t)entry[1], fde) || vaddr < fde->start ||
        vaddr >= fde->end)
        return false;
    elf->fde_keys[slot] = vaddr;
    elf->fdes[slot] = *fde;
    return true;
}

/* One instruction of the rules. False at the end, and at one that is not known. */
static bool skip_rule(struct cursor *c, unsigned encoding)
{
    /* By the upper two bits, or by all: l LEB128, b a block of so many bytes, a digit bytes, e an encoded pointer. */
    static const char *const operands[] = {"",   "e", "1", "2", "4",  "ll", "l",  "l", "l",  "ll", "",  "",
                                           "ll", "l", "l", "b", "lb", "ll", "ll", "l", "ll", "ll", "lb"};
    unsigned code = (unsigned)take(c, 1);
    const char *o = code >> 6 == 2                                    ? "l"
                    : code >> 6 || code == ARM64_NEGATE_RA_STATE      ? ""
                    : code < sizeof operands / sizeof operands[0]     ? operands[code]
                    : code == 0x2e /* DW_CFA_GNU_args_size */         ? "l"
                    : code == 0x2f /* the one of a negative offset */ ? "ll"
                                                                      : NULL;
    if (!o)
        return false;
    for (; *o; o++) {
        uint64_t n = *o == 'b' ? leb(c) : 0;
        if (*o == 'l')
            leb(c);
        else if (*o == 'e')
            encoded(c, encoding);
        else if (*o != 'b')
            take(c, (size_t)(*o - '0'));
        else if (c->bad || n > (size_t)(c->end - c->at))
            c->bad = true;
        else
            c->at += n;
    }
    return !c->bad;
}

/* Blanks the instruction in the FDE that n bytes begin with; what its CIE says is given. Returns how often it was there. */
static size_t blank(unsigned char *data, size_t n, unsigned encoding, bool augmented)
{
    struct cursor c = {data, data + n, false};
    take(&c, 4); /* its length, and where its CIE is */
    take(&c, 4);
    encoded(&c, encoding);
    encoded(&c, encoding & 0x07);
    uint64_t more = augmented ? leb(&c) : 0;
    if (c.bad || more > (size_t)(c.end - c.at))
        return 0;
    size_t times = 0;
    for (c.at += more; c.at < c.end;) {
        unsigned char *at = data + (c.at - data);
        bool is_it = *at == ARM64_NEGATE_RA_STATE;
        if (!skip_rule(&c, encoding))
            break;
        if (is_it) {
            *at = CFA_NOP;
            times++;
        }
    }
    return times;
}

size_t tl_elf_blank_fde(struct tl_elf *elf, const struct tl_fde *fde, unsigned char *to, size_t size)
{
    uint32_t length, id;
    unsigned encoding;
    bool signal, augmented;
    if (!tl_elf_read(elf, fde->at, &length, sizeof length) || length > size - 4 || length < 4 ||
        !tl_elf_read(elf, fde->at, to, 4 + (size_t)length))
        return 0;
    memcpy(&id, to + 4, sizeof id);
    if (!read_cie(elf, fde->at + 4 - id, &encoding, &signal, &augmented) ||
        !blank(to, 4 + (size_t)length, encoding, augmented))
        return 0;
    return 4 + (size_t)length;
}

size_t tl_frames_blank(unsigned char *section, size_t size, bool debug_frame)
{
    size_t times = 0;
    uint32_t length, id;
    for (size_t at = 0; size - at >= 8; at += 4 + (size_t)length) {
        memcpy(&length, section + at, sizeof length);
        memcpy(&id, section + at + 4, sizeof id);
        if (length < 4 || length > size - at - 4) /* the end, or a form of 64 bits, which nobody writes */
            break;
        if (id == (debug_frame ? UINT32_MAX : 0))
            continue;
        size_t cie = debug_frame ? id : at + 4 - id;
        unsigned encoding;
        bool signal, augmented;
        if (cie < size && parse_cie(section + cie, size - cie, debug_frame ? UINT32_MAX : 0, &encoding,
                                    &signal, &augmented))
            times += blank(section + at, 4 + (size_t)length, encoding, augmented);
    }
    return times;
}
