/* Theory of operation. Debug information (DWARF) is a forest of entries (DIEs), a tree for each compilation unit. A
 * function that has code is a DW_TAG_subprogram with addresses, anywhere below the unit: in C beside the others, in
 * C++ and Rust in namespaces, with some compilers in the class or function that it was written in. What was inlined
 * into it stands below it as DW_TAG_inlined_subroutine, again with addresses and with where the call was. Both may say
 * no more than of which entry they are an instance (DW_AT_abstract_origin), and that one may be in another unit: with
 * link-time optimisation the code is in one unit and what was written in another. libdw follows such references as
 * long as it is asked for attributes; dwarf_getscopes, which would answer the whole question, looks for the origin in
 * the same unit and does not look into namespaces.
 *
 * So each unit that is asked for gets a table of its functions, sorted by address, made of what lies at its top and in
 * namespaces. That does for nearly all; only when an address is not in it a second table is made of everything. From
 * the function downwards every entry that covers the address is followed.
 *
 * A unit may be a skeleton whose entries are in another file (split_unit.c), and entries that several files have in
 * common may have been moved to one that .gnu_debugaltlink names (dwz). Files are opened with ELF_C_READ throughout,
 * never mapped: elf_image.c says why.
 *
 * References in a file that is not what it should be may lead anywhere, in circles too: steps and depth are bounded. */
#include "harness/stack/debug_info.h"

#include "harness/base/buffer.h"
#include "harness/stack/debug_string.h"
#include "harness/stack/demangle.h"
#include "harness/stack/image.h"
#include "harness/stack/split_unit.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MOST_RANGES 4000000u
#define MOST_INLINED 64
#define MOST_DEPTH 64
#define MOST_STEPS 50000000u           /* entries looked at for one table */
#define MOST_UNITS 32                  /* with their tables */
#define MOST_BYTES ((size_t)256 << 20) /* of split units that are kept */

struct range {
    uint64_t start, end;
    Dwarf_Off cu;
};

struct code { /* a function's */
    uint64_t start, end;
    Dwarf_Die die;
};

struct unit {
    Dwarf_Die die; /* in the file itself: it has the lines */
    struct tl_split_unit *split;
    bool made, whole; /* whether the table is, and whether of all entries */
    size_t n;
    struct code *functions;
    uint64_t used_at;
};

struct tl_debug_info {
    Elf *elf;
    char *module; /* its path */
    Dwarf *dwarf, *common;
    struct tl_image common_image;
    struct tl_package *package;
    bool ranges_made;
    size_t n_ranges;
    struct range *ranges; /* of compilation units, when the file has no table of them */
    size_t n_units;
    struct unit units[MOST_UNITS];
    uint64_t clock;
    size_t steps; /* left for the table that is being made */
};

/* What dwz moved out of several files: by the name that the file says, or by its build-id. */
static void find_common(struct tl_debug_info *d, const char *path)
{
    const char *name;
    const void *id;
    ssize_t n = dwelf_dwarf_gnu_debugaltlink(d->dwarf, &name, &id);
    if (n <= 0 || n > 32)
        return;
    char build_id[65];
    tl_image_hex(id, (size_t)n, build_id);
    const char *slash = strrchr(path, '/');
    char *paths[2] = {*name == '/' || !slash ? tl_strdup(name)
                                             : tl_format("%.*s/%s", (int)(slash - path), path, name),
                      tl_image_debug_path(build_id)};
    for (size_t i = 0; i < TL_COUNT(paths); i++) {
        char found[65];
        if (!d->common && paths[i] && tl_image_open(&d->common_image, paths[i])) {
            tl_image_build_id(d->common_image.elf, found);
            if (!strcmp(found, build_id))
                d->common = tl_debug_begin(d->common_image.elf);
            if (!d->common)
                tl_image_close(&d->common_image);
        }
        free(paths[i]);
    }
    if (d->common)
        dwarf_setalt(d->dwarf, d->common);
}

struct tl_debug_info *tl_debug_info_open(Elf *elf, const char *path, const char *module)
{
    Dwarf *dwarf = tl_debug_begin(elf);
    if (!dwarf)
        return NULL;
    struct tl_debug_info *d = tl_calloc(1, sizeof *d);
    d->elf = elf;
    d->module = tl_strdup(module);
    d->dwarf = dwarf;
    d->common_image = TL_IMAGE_NONE;
    find_common(d, path);
    return d;
}

static void unit_close(struct unit *u)
{
    tl_split_unit_close(u->split);
    free(u->functions);
}

void tl_debug_info_close(struct tl_debug_info *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->n_units; i++)
        unit_close(&d->units[i]);
    tl_package_close(d->package);
    dwarf_end(d->dwarf);
    dwarf_end(d->common);
    tl_image_close(&d->common_image);
    free(d->ranges);
    free(d->module);
    free(d);
}

static int by_range(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* Not every compiler writes .debug_aranges; the units say themselves what they cover. Functions that the linker threw
 * away are left at 0. */
static void make_ranges(struct tl_debug_info *d)
{
    d->ranges_made = true;
    Dwarf_CU *cu = NULL;
    Dwarf_Die die;
    uint8_t type;
    /* Without a place for it, libdw does not look for what stands for a skeleton. */
    while (dwarf_get_units(d->dwarf, cu, &cu, NULL, &type, &die, NULL) == 0) {
        if (type != DW_UT_compile && type != DW_UT_skeleton && type != DW_UT_split_compile)
            continue;
        Dwarf_Addr base, start, end;
        for (ptrdiff_t at = 0; (at = dwarf_ranges(&die, at, &base, &start, &end)) > 0;) {
            if (!start)
                continue;
            if (d->n_ranges == MOST_RANGES)
                return;
            if ((d->n_ranges & (d->n_ranges + 1)) == 0)
                d->ranges = tl_realloc(d->ranges, 2 * (d->n_ranges + 1), sizeof *d->ranges);
            d->ranges[d->n_ranges++] = (struct range){start, end, dwarf_dieoffset(&die)};
        }
    }
    if (d->n_ranges)
        qsort(d->ranges, d->n_ranges, sizeof *d->ranges, by_range);
}

static bool unit_in_ranges(struct tl_debug_info *d, uint64_t vaddr, Dwarf_Die *unit)
{
    if (!d->ranges_made)
        make_ranges(d);
    size_t low = 0, high = d->n_ranges;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (d->ranges[middle].start <= vaddr)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low, tries = 0; i-- > 0 && tries < 16; tries++)
        if (vaddr < d->ranges[i].end)
            return dwarf_offdie(d->dwarf, d->ranges[i].cu, unit) != NULL;
    return false;
}

static struct unit *unit_of(struct tl_debug_info *d, Dwarf_Die *die)
{
    struct unit *oldest = &d->units[0];
    size_t bytes = 0;
    for (size_t i = 0; i < d->n_units; i++) {
        struct unit *u = &d->units[i];
        if (u->die.addr == die->addr) {
            u->used_at = ++d->clock;
            return u;
        }
        if (u->used_at < oldest->used_at)
            oldest = u;
        bytes += u->split ? tl_split_unit_size(u->split) : 0;
    }
    if (d->n_units < MOST_UNITS && (bytes < MOST_BYTES || !d->n_units))
        oldest = &d->units[d->n_units++];
    else
        unit_close(oldest);
    *oldest = (struct unit){.die = *die, .used_at = ++d->clock};
    if (tl_is_skeleton(die))
        oldest->split = tl_split_unit_open(d->elf, d->module, die, &d->package);
    return oldest;
}

/* As dwarf_ranges: *at begins at 0. */
static bool next_range(struct unit *u, Dwarf_Die *die, ptrdiff_t *at, uint64_t *start, uint64_t *end)
{
    Dwarf_Addr base, from, to;
    *at = u->split ? tl_split_unit_ranges(u->split, die, *at, &from, &to)
                   : dwarf_ranges(die, *at, &base, &from, &to);
    if (*at <= 0)
        return false;
    *start = from;
    *end = to;
    return true;
}

static void add_function(struct unit *u, Dwarf_Die *die)
{
    uint64_t start, end;
    for (ptrdiff_t at = 0; u->n < MOST_RANGES && next_range(u, die, &at, &start, &end);) {
        if (!start || end <= start)
            continue;
        if ((u->n & (u->n + 1)) == 0)
            u->functions = tl_realloc(u->functions, 2 * (u->n + 1), sizeof *u->functions);
        u->functions[u->n++] = (struct code){start, end, *die};
    }
}

static void add_functions(struct tl_debug_info *d, struct unit *u, Dwarf_Die *parent, unsigned depth)
{
    Dwarf_Die die;
    if (depth == MOST_DEPTH || dwarf_child(parent, &die))
        return;
    do {
        if (!d->steps || !d->steps--)
            return;
        bool below = false;
        switch (dwarf_tag(&die)) {
        case DW_TAG_namespace:
        case DW_TAG_module:
            below = true;
            break;
        case DW_TAG_subprogram:
            add_function(u, &die);
            below = u->whole;
            break;
        case DW_TAG_class_type:
        case DW_TAG_structure_type:
        case DW_TAG_union_type:
        case DW_TAG_interface_type:
        case DW_TAG_lexical_block:
        case DW_TAG_inlined_subroutine:
            below = u->whole;
            break;
        default:
            break;
        }
        if (below)
            add_functions(d, u, &die, depth + 1);
    } while (!dwarf_siblingof(&die, &die));
}

/* Of two at one place the smaller one is last. */
static int by_code(const void *a, const void *b)
{
    const struct code *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->end < y->end) - (x->end > y->end);
}

static const struct code *in_table(const struct unit *u, uint64_t vaddr)
{
    size_t low = 0, high = u->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (u->functions[middle].start <= vaddr)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low, tries = 0; i-- > 0 && tries < 16; tries++)
        if (vaddr < u->functions[i].end)
            return &u->functions[i];
    return NULL;
}

static const struct code *function_at(struct tl_debug_info *d, struct unit *u, uint64_t vaddr)
{
    while (!u->made || !u->whole) {
        u->whole = u->made;
        u->made = true;
        u->n = 0;
        d->steps = MOST_STEPS;
        add_functions(d, u, u->split ? tl_split_unit_die(u->split) : &u->die, 0);
        if (u->n)
            qsort(u->functions, u->n, sizeof *u->functions, by_code);
        const struct code *f = in_table(u, vaddr);
        if (f)
            return f;
    }
    return in_table(u, vaddr);
}

/* Whether an entry covers vaddr; one without addresses only holds others. */
static bool covers(struct unit *u, Dwarf_Die *die, uint64_t vaddr)
{
    uint64_t start, end;
    bool any = false;
    for (ptrdiff_t at = 0; next_range(u, die, &at, &start, &end); any = true)
        if (vaddr >= start && vaddr < end)
            return true;
    return !any && dwarf_tag(die) == DW_TAG_lexical_block;
}

/* The calls that were inlined at vaddr below an entry, outermost first. */
static size_t find_inlined(struct tl_debug_info *d, struct unit *u, Dwarf_Die *parent, uint64_t vaddr,
                           unsigned depth, Dwarf_Die *calls)
{
    Dwarf_Die die;
    if (depth == MOST_INLINED || dwarf_child(parent, &die))
        return 0;
    do {
        if (!d->steps || !d->steps--)
            break;
        int tag = dwarf_tag(&die);
        bool call = tag == DW_TAG_inlined_subroutine;
        if ((!call && tag != DW_TAG_lexical_block && tag != DW_TAG_try_block && tag != DW_TAG_catch_block) ||
            !covers(u, &die, vaddr))
            continue;
        if (call)
            *calls = die;
        size_t n = call + find_inlined(d, u, &die, vaddr, depth + 1, calls + call);
        if (n)
            return n;
    } while (!dwarf_siblingof(&die, &die));
    return 0;
}

static const char *linkage_name(Dwarf_Die *die)
{
    Dwarf_Attribute a;
    if (!dwarf_attr_integrate(die, DW_AT_linkage_name, &a) &&
        !dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &a))
        return NULL;
    return tl_debug_string(&a);
}

static bool is_mangled(const char *name)
{
    return name && (!strncmp(name, "_Z", 2) || !strncmp(name, "_R", 2));
}

/* Goes to the entry that an attribute of *die refers to. One that leads nowhere leaves *die as it is, which libdw does
 * not. */
static bool follow(Dwarf_Die *die, unsigned attribute)
{
    Dwarf_Attribute a;
    Dwarf_Die to;
    if (!dwarf_attr(die, attribute, &a) || !dwarf_formref_die(&a, &to))
        return false;
    *die = to;
    return true;
}

/* The name of a function without a mangled one, with the namespaces and classes that it was declared in: a static
 * function in C++, say. NULL when it has none. */
static char *qualified(Dwarf_Die *die)
{
    const char *name = tl_debug_name(die);
    if (!name)
        return NULL;
    Dwarf_Die at = *die, unit, *scopes = NULL;
    for (int i = 0; i < 16; i++)
        if (!follow(&at, DW_AT_abstract_origin) && !follow(&at, DW_AT_specification))
            break;
    switch (dwarf_diecu(&at, &unit, NULL, NULL) ? dwarf_srclang(&unit) : -1) {
    case DW_LANG_C_plus_plus:
    case DW_LANG_C_plus_plus_03:
    case DW_LANG_C_plus_plus_11:
    case DW_LANG_C_plus_plus_14:
    case DW_LANG_Rust:
        break;
    default:
        return tl_strdup(name);
    }
    struct tl_buffer b = TL_BUFFER_INIT;
    for (int i = dwarf_getscopes_die(&at, &scopes); --i > 0;) {
        int tag = dwarf_tag(&scopes[i]);
        if (tag != DW_TAG_namespace && tag != DW_TAG_class_type && tag != DW_TAG_structure_type &&
            tag != DW_TAG_union_type)
            continue;
        const char *part = tl_debug_name(&scopes[i]);
        tl_buffer_printf(&b, "%s::",
                         part                      ? part
                         : tag == DW_TAG_namespace ? "(anonymous namespace)"
                                                   : "{unnamed}");
    }
    free(scopes);
    tl_buffer_add_string(&b, name);
    return tl_buffer_take(&b);
}

struct tl_symbol *tl_frame_symbols_add(struct tl_frame_symbols *s, const char *function)
{
    s->symbols = tl_realloc(s->symbols, s->n + 1, sizeof *s->symbols);
    struct tl_symbol *y = &s->symbols[s->n++];
    memset(y, 0, sizeof *y);
    if (function) {
        y->function = tl_demangle(function);
        if (!y->function)
            y->function = tl_strdup(function);
    }
    return y;
}

/* The unit in which an instance of a function was written; NULL when dwz has moved that to where nobody wrote it. */
static Dwarf_CU *written_in(const Dwarf_Die *die)
{
    Dwarf_Die at = *die, unit;
    for (int i = 0; i < 16 && follow(&at, DW_AT_abstract_origin); i++)
        ;
    return dwarf_diecu(&at, &unit, NULL, NULL) && dwarf_tag(&unit) == DW_TAG_compile_unit ? at.cu : NULL;
}

static bool is_apart(const Dwarf_Die *call, const Dwarf_Die *caller)
{
    Dwarf_CU *a = written_in(call), *b = written_in(caller);
    return a && b && a != b;
}

/* symbol: of the symbol table; NULL for what was inlined. A mangled name says more than the plain one; one that is not
 * mangled is an alias (__GI_abort) and says less. */
static void add(Dwarf_Die *die, const char *symbol, const char *file, int line, struct tl_frame_symbols *out)
{
    const char *name = linkage_name(die);
    if (!is_mangled(name))
        name = is_mangled(symbol) ? symbol : NULL;
    struct tl_symbol *s = tl_frame_symbols_add(out, name);
    if (!s->function)
        s->function = qualified(die);
    if (!s->function)
        s->function = tl_strdup(symbol);
    s->file = tl_strdup(file);
    s->line = line;
}

/* Where the call that was inlined at die stands. */
static void call_site(struct unit *u, Dwarf_Die *die, const char **file, int *line)
{
    Dwarf_Attribute a;
    Dwarf_Word n;
    Dwarf_Files *files;
    size_t n_files;
    *file = NULL;
    *line = 0;
    if (dwarf_attr(die, DW_AT_call_line, &a) && !dwarf_formudata(&a, &n) && n <= INT_MAX)
        *line = (int)n;
    /* A split unit may have a table of files of its own; else it is the skeleton's. */
    if (dwarf_attr(die, DW_AT_call_file, &a) && !dwarf_formudata(&a, &n) &&
        ((u->split && !dwarf_getsrcfiles(tl_split_unit_die(u->split), &files, &n_files)) ||
         !dwarf_getsrcfiles(&u->die, &files, &n_files)) &&
        n < n_files)
        *file = dwarf_filesrc(files, n, NULL, NULL);
}

void tl_debug_info_find(struct tl_debug_info *d, uint64_t vaddr, const char *symbol,
                        struct tl_frame_symbols *out)
{
    Dwarf_Die die, other;
    bool in_table = dwarf_addrdie(d->dwarf, vaddr, &die) != NULL;
    if (!in_table && !unit_in_ranges(d, vaddr, &die))
        return;
    struct unit *u = unit_of(d, &die);
    const struct code *f = function_at(d, u, vaddr);
    /* A table of units can be wrong where functions were thrown away. */
    if (!f && in_table && unit_in_ranges(d, vaddr, &other) && other.addr != die.addr) {
        u = unit_of(d, &other);
        f = function_at(d, u, vaddr);
    }
    const char *file = NULL;
    int line = 0;
    Dwarf_Line *at = dwarf_getsrc_die(&u->die, vaddr);
    if (at) {
        file = dwarf_linesrc(at, NULL, NULL);
        dwarf_lineno(at, &line);
    }
    if (f) {
        Dwarf_Die function = f->die, calls[MOST_INLINED];
        d->steps = MOST_STEPS;
        for (size_t n = find_inlined(d, u, &function, vaddr, 0, calls); n-- > 0;) {
            add(&calls[n], NULL, file, line, out);
            out->symbols[out->n - 1].inlined = true;
            out->symbols[out->n - 1].apart = is_apart(&calls[n], n ? &calls[n - 1] : &function);
            call_site(u, &calls[n], &file, &line);
        }
        add(&function, symbol, file, line, out);
    } else if (file) {
        struct tl_symbol *s = tl_frame_symbols_add(out, symbol);
        s->file = tl_strdup(file);
        s->line = line;
    }
}
