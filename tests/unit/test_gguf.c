/* The header of GGUF files: what it says, and what is refused with its place. */
#include "cases/gguf/header.h"
#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct tl_buffer file;
static bool big;

static void number(unsigned bytes, uint64_t v)
{
    for (unsigned i = 0; i < bytes; i++) {
        char c = (char)(v >> 8 * (big ? bytes - 1 - i : i));
        tl_buffer_add(&file, &c, 1);
    }
}

static void text(const char *s)
{
    number(8, strlen(s));
    tl_buffer_add_string(&file, s);
}

static void begin(bool big_endian, uint64_t version, uint64_t tensors, uint64_t entries)
{
    tl_buffer_free(&file);
    big = big_endian;
    tl_buffer_add_string(&file, "GGUF");
    number(4, version);
    number(8, tensors);
    number(8, entries);
}

static void whole(bool big_endian)
{
    begin(big_endian, 3, 2, 3);
    text("general.architecture");
    number(4, 8);
    text("llama");
    text("a.number");
    number(4, 4);
    number(4, 7);
    text("a.list");
    number(4, 9);
    number(4, 8);
    number(8, 2);
    text("x");
    text("y");
    for (int i = 0; i < 2; i++) {
        text(i ? "blk.11.w" : "token_embd.weight");
        number(4, 1);
        number(8, 32);
        number(4, 0);
        number(8, 0);
    }
}

static int parse(uint64_t size, struct tl_gguf_header *h, char why[256])
{
    return tl_gguf_read(file.data, file.size, size, h, why, 256);
}

Test(gguf, says_how_much_is_in_it_in_both_byte_orders)
{
    struct tl_gguf_header h;
    char why[256];
    for (int i = 0; i < 2; i++) {
        whole(i);
        cr_assert_eq(parse(file.size, &h, why), 0, "%s", why);
        cr_assert(h.complete && h.version == 3 && h.tensors == 2 && h.entries == 3 && h.blocks == 12);
        cr_assert_eq(h.big_endian, i);
        cr_assert_str_eq(h.architecture, "llama");
        cr_assert_str_eq(h.name, "");
    }
    /* Where the file goes on behind what is here, what stands here is told. */
    size_t all = file.size;
    file.size = 72;
    cr_assert_eq(parse(all, &h, why), 0);
    cr_assert(!h.complete && h.tensors == 2);
    cr_assert_str_eq(h.architecture, "llama");
    tl_buffer_free(&file);
}

Test(gguf, every_end_within_it_is_refused_with_its_place)
{
    struct tl_gguf_header h;
    char why[256];
    whole(false);
    size_t all = file.size;
    for (file.size = 0; file.size < all; file.size++) {
        cr_assert_eq(parse(file.size, &h, why), -1, "%zu", file.size);
        cr_assert(!strncmp(why, "at byte ", 8), "%s", why);
    }
    tl_buffer_free(&file);
}

Test(gguf, numbers_that_lie)
{
    struct tl_gguf_header h;
    char why[256];
    begin(false, 3, UINT64_MAX, 0);
    cr_assert(parse(file.size, &h, why) && strstr(why, "at byte 8: it says that it has more tensors"), "%s",
              why);
    begin(false, 3, 0, UINT64_MAX);
    cr_assert(parse(file.size, &h, why) && strstr(why, "at byte 16: it says that it has more metadata"), "%s",
              why);
    begin(false, 3, 0, 1);
    number(8, UINT64_MAX);
    number(8, 0);
    cr_assert(parse(file.size, &h, why) && strstr(why, "at byte 24: a key"), "%s", why);
    begin(false, 3, 0, 1);
    text("k");
    number(4, 9);
    number(4, 9);
    number(8, 1);
    cr_assert(parse(file.size, &h, why) && strstr(why, "does not have there"), "%s", why);
    begin(false, 1, 0, 0);
    cr_assert(parse(file.size, &h, why) && strstr(why, "version 1"), "%s", why);
    tl_buffer_free(&file);
}
