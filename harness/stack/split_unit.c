/* Theory of operation. With -gsplit-dwarf a program holds skeletons only: units without entries, which say the name of
 * a file (.dwo) and eight bytes by which the unit in it is known. Addresses stay in the program, in a table
 * (.debug_addr) that entries of the other file name by index, beginning where the skeleton says; so do ranges before
 * DWARF 5. libdw would open the file by itself, but maps it, and a rebuild writes such files anew in place (elf_image.c
 * says what comes of that). Here the unit is opened as any file, and only what needs both files, which is addresses,
 * is read here; names, lines of calls and references are libdw's.
 *
 * A package (.dwp) is many such files in one: each section is the sections of all of them one behind another, and an
 * index says for each unit which slice of each section is its own. The slices of one unit are put together to the
 * .dwo that they were, which libdw reads as such; so it need not know packages. */
#include "harness/stack/split_unit.h"

#include "harness/base/buffer.h"
#include "harness/stack/debug_string.h"
#include "harness/stack/image.h"

#include <dwarf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MOST_COLUMNS 8u
#define MOST_PARTS 16

struct bytes {
    const unsigned char *at, *end;
    bool bad;
};

struct tl_split_unit {
    struct tl_image image;
    Dwarf *dwarf;
    Dwarf_Die die;
    size_t size;
    int version;
    uint8_t offset_size;
    Elf_Data *addresses, *ranges; /* of the program, or ranges of the unit */
    uint64_t address_base, ranges_base, base;
    /* While ranges of an entry are read. */
    struct bytes cursor;
    uint64_t cursor_base;
};

struct tl_package {
    struct tl_image image;
};

static uint64_t take(struct bytes *b, size_t n)
{
    uint64_t v = 0;
    if (b->bad || (size_t)(b->end - b->at) < n) {
        b->bad = true;
        return 0;
    }
    memcpy(&v, b->at, n); /* little-endian, as the file is */
    b->at += n;
    return v;
}

static uint64_t leb(struct bytes *b)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint64_t byte = take(b, 1);
        if (shift < 64)
            v |= (byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return v;
    }
    b->bad = true;
    return 0;
}

/* The bytes of a section from an offset on. */
static struct bytes from(const Elf_Data *data, uint64_t offset)
{
    if (!data || offset > data->d_size)
        return (struct bytes){NULL, NULL, true};
    const unsigned char *start = data->d_buf;
    return (struct bytes){start + offset, start + data->d_size, false};
}

static bool attribute(Dwarf_Die *die, unsigned name, unsigned older_name, Dwarf_Attribute *a)
{
    return dwarf_attr(die, name, a) || dwarf_attr(die, older_name, a);
}

static uint64_t base_of(Dwarf_Die *die, unsigned name, unsigned older_name)
{
    Dwarf_Attribute a;
    Dwarf_Word value;
    return attribute(die, name, older_name, &a) && !dwarf_formudata(&a, &value) ? value : 0;
}

bool tl_is_skeleton(Dwarf_Die *unit)
{
    Dwarf_Attribute a;
    return attribute(unit, DW_AT_dwo_name, DW_AT_GNU_dwo_name, &a);
}

static uint64_t address_at(const struct tl_split_unit *u, uint64_t index)
{
    if (index > UINT32_MAX)
        return 0;
    struct bytes b = from(u->addresses, u->address_base + index * 8);
    return take(&b, 8);
}

/* An attribute that is an address, as a value or an index. False when it is something else, a size say. */
static bool address_of(const struct tl_split_unit *u, const Dwarf_Attribute *a, uint64_t *address)
{
    struct bytes b = {a->valp, a->valp + 10, false}; /* libdw has seen to it that the value is whole */
    switch (a->form) {
    case DW_FORM_addr:
        *address = take(&b, 8);
        return true;
    case DW_FORM_addrx:
    case DW_FORM_GNU_addr_index:
        *address = address_at(u, leb(&b));
        return true;
    case DW_FORM_addrx1:
    case DW_FORM_addrx2:
    case DW_FORM_addrx3:
    case DW_FORM_addrx4:
        *address = address_at(u, take(&b, a->form - DW_FORM_addrx1 + 1));
        return true;
    default:
        return false;
    }
}

/* Puts the cursor at the list of ranges that an attribute names. */
static bool list_of(struct tl_split_unit *u, Dwarf_Attribute *a)
{
    Dwarf_Word offset;
    if (u->version >= 5 && a->form == DW_FORM_rnglistx) {
        struct bytes value = {a->valp, a->valp + 10, false}, header = from(u->ranges, 0);
        uint64_t index = leb(&value);
        size_t size = 4;
        if (take(&header, 4) == 0xffffffff) {
            take(&header, 8);
            size = 8;
        }
        take(&header, 4); /* version, sizes of an address and a segment */
        if (header.bad || index >= take(&header, 4))
            return false;
        uint64_t table = (uint64_t)(header.at - (const unsigned char *)u->ranges->d_buf);
        struct bytes entry = from(u->ranges, table + index * size);
        offset = table + take(&entry, size);
        if (entry.bad)
            return false;
    } else {
        /* libdw would look whether it is an offset into a section of this file. */
        struct bytes value = {a->valp, a->valp + 8, false};
        size_t size = a->form == DW_FORM_data4 ? 4 : a->form == DW_FORM_data8 ? 8 : u->offset_size;
        offset = take(&value, size);
    }
    u->cursor = from(u->ranges, u->ranges_base + offset);
    u->cursor_base = u->base;
    return !u->cursor.bad;
}

/* Before DWARF 5: pairs, of which one of zeroes ends the list, and one that begins with ones sets the base. */
static bool next_pair(struct tl_split_unit *u, uint64_t *start, uint64_t *end)
{
    for (;;) {
        *start = take(&u->cursor, 8);
        *end = take(&u->cursor, 8);
        if (u->cursor.bad || (!*start && !*end))
            return false;
        if (*start != UINT64_MAX)
            break;
        u->cursor_base = *end;
    }
    *start += u->cursor_base;
    *end += u->cursor_base;
    return true;
}

static bool next_entry(struct tl_split_unit *u, uint64_t *start, uint64_t *end)
{
    struct bytes *b = &u->cursor;
    for (;;) {
        switch (b->bad ? DW_RLE_end_of_list : take(b, 1)) {
        case DW_RLE_base_addressx:
            u->cursor_base = address_at(u, leb(b));
            continue;
        case DW_RLE_base_address:
            u->cursor_base = take(b, 8);
            continue;
        case DW_RLE_startx_endx:
            *start = address_at(u, leb(b));
            *end = address_at(u, leb(b));
            break;
        case DW_RLE_startx_length:
            *start = address_at(u, leb(b));
            *end = *start + leb(b);
            break;
        case DW_RLE_offset_pair:
            *start = u->cursor_base + leb(b);
            *end = u->cursor_base + leb(b);
            break;
        case DW_RLE_start_end:
            *start = take(b, 8);
            *end = take(b, 8);
            break;
        case DW_RLE_start_length:
            *start = take(b, 8);
            *end = *start + leb(b);
            break;
        default:
            return false;
        }
        return !b->bad;
    }
}

ptrdiff_t tl_split_unit_ranges(struct tl_split_unit *u, Dwarf_Die *die, ptrdiff_t at, Dwarf_Addr *start,
                               Dwarf_Addr *end)
{
    Dwarf_Attribute a;
    Dwarf_Word size;
    uint64_t from_address, to_address;
    if (at == 0 && dwarf_attr(die, DW_AT_low_pc, &a) && address_of(u, &a, &from_address)) {
        if (!dwarf_attr(die, DW_AT_high_pc, &a))
            return 0;
        if (!address_of(u, &a, &to_address)) {
            if (dwarf_formudata(&a, &size))
                return 0;
            to_address = from_address + size;
        }
        u->cursor.bad = true;
        *start = from_address;
        *end = to_address;
        return 1;
    }
    if (at == 0 && (!dwarf_attr(die, DW_AT_ranges, &a) || !list_of(u, &a)))
        return 0;
    if (u->cursor.bad || !(u->version >= 5 ? next_entry(u, &from_address, &to_address)
                                           : next_pair(u, &from_address, &to_address)))
        return 0;
    *start = from_address;
    *end = to_address;
    return 1;
}

/* Finds the unit in what was opened. */
static bool find_unit(struct tl_split_unit *u, uint64_t id)
{
    Dwarf_CU *cu = NULL;
    uint8_t type;
    Dwarf_Half version;
    u->dwarf = tl_debug_begin(u->image.elf);
    while (u->dwarf && dwarf_get_units(u->dwarf, cu, &cu, &version, &type, &u->die, NULL) == 0) {
        uint64_t found;
        if (type == DW_UT_split_compile &&
            !dwarf_cu_info(cu, NULL, NULL, NULL, NULL, &found, NULL, &u->offset_size) && found == id) {
            u->version = version;
            return true;
        }
    }
    return false;
}

static void reset(struct tl_split_unit *u)
{
    dwarf_end(u->dwarf);
    u->dwarf = NULL;
    tl_image_close(&u->image);
}

static bool try_file(struct tl_split_unit *u, char *path, uint64_t id)
{
    struct stat st;
    bool found = path && tl_image_open(&u->image, path) && !fstat(u->image.fd, &st) && find_unit(u, id);
    free(path);
    if (found)
        u->size = (size_t)st.st_size;
    else
        reset(u);
    return found;
}

/* Where the compiler put it; else beside the module, where both may have been moved to. */
static bool from_file(struct tl_split_unit *u, Dwarf_Die *skeleton, const char *module, uint64_t id)
{
    Dwarf_Attribute a;
    const char *name =
        attribute(skeleton, DW_AT_dwo_name, DW_AT_GNU_dwo_name, &a) ? tl_debug_string(&a) : NULL;
    const char *directory = dwarf_attr(skeleton, DW_AT_comp_dir, &a) ? tl_debug_string(&a) : NULL;
    const char *slash = strrchr(module, '/');
    int beside = slash ? (int)(slash - module) : 0;
    if (!name)
        return false;
    const char *base = strrchr(name, '/');
    if (try_file(u,
                 *name == '/' ? tl_strdup(name)
                 : directory  ? tl_format("%s/%s", directory, name)
                              : NULL,
                 id))
        return true;
    return slash && ((*name != '/' && try_file(u, tl_format("%.*s/%s", beside, module, name), id)) ||
                     try_file(u, tl_format("%.*s/%s", beside, module, base ? base + 1 : name), id));
}

/* The row of a unit in an index: its columns say which section, at which offset, how much. */
struct row {
    size_t n;
    uint32_t section[MOST_COLUMNS], offset[MOST_COLUMNS], size[MOST_COLUMNS];
    bool newer; /* as of DWARF 5, which numbers the sections anew */
};

static bool find_row(Elf *elf, uint64_t id, struct row *row)
{
    const Elf_Data *index = tl_image_data(elf, ".debug_cu_index");
    struct bytes b = from(index, 0);
    uint64_t version = take(&b, 4); /* the older one is of four bytes, the newer one of two and a padding */
    uint64_t columns = take(&b, 4), units = take(&b, 4), slots = take(&b, 4);
    row->newer = (version & 0xffff) == 5;
    if (b.bad || (version != 2 && !row->newer) || !columns || columns > MOST_COLUMNS)
        return false;
    uint64_t n = 0;
    struct bytes ids = from(index, 16), rows = from(index, 16 + slots * 8);
    for (uint64_t i = 0; i < slots && !n && !ids.bad && !rows.bad; i++) {
        uint64_t at = take(&ids, 8), number = take(&rows, 4);
        n = at == id ? number : 0;
    }
    if (!n || n > units)
        return false;
    uint64_t table = 16 + slots * 12, width = columns * 4;
    struct bytes sections = from(index, table), offsets = from(index, table + n * width),
                 sizes = from(index, table + (units + n) * width);
    row->n = (size_t)columns;
    for (size_t i = 0; i < row->n; i++) {
        row->section[i] = (uint32_t)take(&sections, 4);
        row->offset[i] = (uint32_t)take(&offsets, 4);
        row->size[i] = (uint32_t)take(&sizes, 4);
    }
    return !sections.bad && !offsets.bad && !sizes.bad;
}

static const char *section_name(const struct row *row, uint32_t number)
{
    static const char *const older[] = {
        NULL, ".debug_info.dwo",       NULL, ".debug_abbrev.dwo", ".debug_line.dwo",
        NULL, ".debug_str_offsets.dwo"};
    static const char *const newer[] = {
        NULL, ".debug_info.dwo",        NULL, ".debug_abbrev.dwo",  ".debug_line.dwo",
        NULL, ".debug_str_offsets.dwo", NULL, ".debug_rnglists.dwo"};
    if (row->newer)
        return number < TL_COUNT(newer) ? newer[number] : NULL;
    return number < TL_COUNT(older) ? older[number] : NULL;
}

static bool from_package(struct tl_split_unit *u, struct tl_package *package, uint64_t id)
{
    struct row row;
    struct tl_image_part parts[MOST_PARTS];
    size_t n = 0;
    Elf *elf = package->image.elf;
    if (!elf || !find_row(elf, id, &row))
        return false;
    for (size_t i = 0; i < row.n; i++) {
        const char *name = section_name(&row, row.section[i]);
        const Elf_Data *data = name ? tl_image_data(elf, name) : NULL;
        if (data && row.offset[i] <= data->d_size && row.size[i] <= data->d_size - row.offset[i])
            parts[n++] = (struct tl_image_part){.name = name,
                                                .type = SHT_PROGBITS,
                                                .data = (const char *)data->d_buf + row.offset[i],
                                                .size = row.size[i]};
    }
    static const char *const whole[] = {".debug_str.dwo", ".debug_line_str.dwo"};
    for (size_t i = 0; i < TL_COUNT(whole); i++) {
        const Elf_Data *data = tl_image_data(elf, whole[i]);
        if (data)
            parts[n++] = (struct tl_image_part){
                .name = whole[i], .type = SHT_PROGBITS, .data = data->d_buf, .size = data->d_size};
    }
    char *bytes = tl_image_bytes(parts, n, &u->size);
    if (tl_image_of_bytes(&u->image, bytes, u->size) && find_unit(u, id))
        return true;
    reset(u);
    return false;
}

static struct tl_package *package_open(const char *module)
{
    struct tl_package *p = tl_calloc(1, sizeof *p);
    char *path = tl_format("%s.dwp", module);
    if (tl_image_open(&p->image, path) && !tl_image_size_is_sane(p->image.elf))
        tl_image_close(&p->image);
    free(path);
    return p;
}

void tl_package_close(struct tl_package *p)
{
    if (p)
        tl_image_close(&p->image);
    free(p);
}

struct tl_split_unit *tl_split_unit_open(Elf *elf, const char *path, Dwarf_Die *skeleton,
                                         struct tl_package **package)
{
    uint64_t id;
    if (dwarf_cu_info(skeleton->cu, NULL, NULL, NULL, NULL, &id, NULL, NULL))
        return NULL;
    struct tl_split_unit *u = tl_calloc(1, sizeof *u);
    u->image = TL_IMAGE_NONE;
    if (!*package)
        *package = package_open(path);
    if (!from_package(u, *package, id) && !from_file(u, skeleton, path, id)) {
        free(u);
        return NULL;
    }
    Dwarf_Addr low;
    u->base = dwarf_lowpc(skeleton, &low) ? 0 : low;
    u->addresses = tl_image_data(elf, ".debug_addr");
    u->address_base = base_of(skeleton, DW_AT_addr_base, DW_AT_GNU_addr_base);
    if (u->version >= 5) {
        u->ranges = tl_image_data(u->image.elf, ".debug_rnglists.dwo");
    } else {
        u->ranges = tl_image_data(elf, ".debug_ranges");
        u->ranges_base = base_of(skeleton, DW_AT_GNU_ranges_base, DW_AT_GNU_ranges_base);
    }
    return u;
}

void tl_split_unit_close(struct tl_split_unit *u)
{
    if (!u)
        return;
    dwarf_end(u->dwarf);
    tl_image_close(&u->image);
    free(u);
}

Dwarf_Die *tl_split_unit_die(struct tl_split_unit *u)
{
    return &u->die;
}

size_t tl_split_unit_size(const struct tl_split_unit *u)
{
    return u->size;
}
