/* Head and tail of a stream. */
#include "harness/supervise/output_ends.h"

#include "harness/base/buffer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void release(struct tl_output *o)
{
    free(o->head);
    free(o->tail);
}

Test(output_ends, empty)
{
    struct tl_output_ends d = {0};
    struct tl_output o;
    tl_output_ends_feed(&d, "", 0);
    tl_output_ends_take(&d, &o);
    cr_assert_str_eq(o.head, "");
    cr_assert_null(o.tail);
    cr_assert_eq(o.total, 0);
    release(&o);
}

Test(output_ends, small_output_is_whole)
{
    struct tl_output_ends d = {0};
    struct tl_output o;
    tl_output_ends_feed(&d, "one\0two\n", 8);
    tl_output_ends_feed(&d, "three", 5);
    tl_output_ends_take(&d, &o);
    cr_assert_eq(o.head_size, 13);
    cr_assert_arr_eq(o.head, "one\0two\nthree", 14);
    cr_assert_eq(o.tail_size, 0);
    cr_assert_eq(o.total, 13);
    release(&o);
}

/* Line number i of a stream of known text. */
static size_t make_line(char line[32], unsigned i)
{
    return (size_t)snprintf(line, 32, "line %u of the output\n", i);
}

/* Feeds lines until `bytes` are written, in pieces of `piece` bytes; returns the whole. */
static char *flood(struct tl_output_ends *d, size_t bytes, size_t piece, size_t *size)
{
    struct tl_buffer all = TL_BUFFER_INIT;
    char line[32];
    for (unsigned i = 0; all.size < bytes; i++)
        tl_buffer_add(&all, line, make_line(line, i));
    for (size_t at = 0; at < all.size; at += piece)
        tl_output_ends_feed(d, all.data + at, all.size - at < piece ? all.size - at : piece);
    *size = all.size;
    return tl_buffer_take(&all);
}

Test(output_ends, exactly_head_and_tail_lose_nothing)
{
    static char bytes[TL_OUTPUT_HEAD + TL_OUTPUT_TAIL];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    for (size_t piece = 1; piece <= sizeof bytes; piece = piece * 5 + 3) {
        struct tl_output_ends d = {0};
        struct tl_output o;
        for (size_t at = 0; at < sizeof bytes; at += piece)
            tl_output_ends_feed(&d, bytes + at, sizeof bytes - at < piece ? sizeof bytes - at : piece);
        tl_output_ends_take(&d, &o);
        cr_assert_eq(o.head_size, TL_OUTPUT_HEAD);
        cr_assert_eq(o.tail_size, TL_OUTPUT_TAIL, "piece %zu: %zu", piece, o.tail_size);
        cr_assert_eq(memcmp(o.head, bytes, TL_OUTPUT_HEAD), 0);
        cr_assert_eq(memcmp(o.tail, bytes + TL_OUTPUT_HEAD, TL_OUTPUT_TAIL), 0);
        release(&o);
    }
}

Test(output_ends, flood_keeps_both_ends_in_bounded_memory)
{
    static const size_t pieces[] = {1, 13, 4096, 65536, 65537, 200000, 1u << 20};
    for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++) {
        struct tl_output_ends d = {0};
        struct tl_output o;
        size_t size;
        char *all = flood(&d, 700001, pieces[k], &size);
        cr_assert_leq(d.head_capacity, TL_OUTPUT_HEAD);
        cr_assert_leq(d.tail_capacity, TL_OUTPUT_TAIL);
        tl_output_ends_take(&d, &o);
        cr_assert_eq(o.total, size);
        cr_assert_eq(o.head_size, TL_OUTPUT_HEAD);
        cr_assert_eq(memcmp(o.head, all, o.head_size), 0);
        cr_assert_eq(memcmp(o.tail, all + size - o.tail_size, o.tail_size), 0);
        cr_assert_eq(strncmp(o.tail, "line ", 5), 0, "the tail starts with a whole line");
        cr_assert_gt(o.tail_size, TL_OUTPUT_TAIL - 32);
        cr_assert_eq(o.tail[o.tail_size], '\0');
        free(all);
        release(&o);
    }
}

Test(output_ends, tail_without_lines_starts_with_a_whole_character)
{
    struct tl_output_ends d = {0};
    struct tl_output o;
    tl_output_ends_feed(&d, "x", 1); /* makes the cuts fall inside characters */
    for (int i = 0; i < 100000; i++)
        tl_output_ends_feed(&d, "€", 3);
    tl_output_ends_take(&d, &o);
    cr_assert_eq((unsigned char)o.tail[0], 0xE2);
    cr_assert_geq(o.tail_size, TL_OUTPUT_TAIL - 2);
    release(&o);
}

Test(output_ends, free_without_take)
{
    struct tl_output_ends d = {0};
    size_t size;
    free(flood(&d, 300000, 1000, &size));
    tl_output_ends_free(&d);
    cr_assert_eq(d.total, 0);
}
