/* Texts and their numbers: any bytes, in any number, found again and forgotten. */
#include "harness/base/text_index.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define MANY 5000

static size_t name(char text[16], int i)
{
    return (size_t)snprintf(text, 16, "text %d", i);
}

Test(text_index, numbers_in_the_order_of_coming)
{
    struct tl_text_index x = {0};
    char text[16];
    size_t number, bytes = 0;
    bool added;
    cr_assert(!tl_text_index_find(&x, "a", 1, &number), "nothing is there");
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < MANY; i++) {
            size_t size = name(text, i);
            bytes += round ? 0 : size;
            cr_assert_eq(tl_text_index_number(&x, text, size, &added), (size_t)i);
            cr_assert_eq(added, round == 0);
        }
    cr_assert_eq(x.n, MANY);
    cr_assert_eq(x.bytes, bytes);
    cr_assert(tl_text_index_find(&x, "text 4321", 9, &number) && number == 4321);
    cr_assert(!tl_text_index_find(&x, "text 4321", 8, &number) || number == 432, "the size counts");
    tl_text_index_clear(&x);
    cr_assert(!tl_text_index_find(&x, "text 7", 6, &number));
    cr_assert_eq(tl_text_index_number(&x, "text 7", 6, &added), 0);
    cr_assert(added);
    tl_text_index_free(&x);
}

Test(text_index, of_any_bytes)
{
    struct tl_text_index x = {0};
    bool added;
    cr_assert_eq(tl_text_index_number(&x, "a\0b", 3, &added), 0);
    cr_assert_eq(tl_text_index_number(&x, "a\0c", 3, &added), 1);
    cr_assert_eq(tl_text_index_number(&x, "a", 1, &added), 2);
    cr_assert_eq(tl_text_index_number(&x, "", 0, &added), 3);
    cr_assert_eq(tl_text_index_number(&x, "a\0b", 3, &added), 0);
    cr_assert(!added);
    tl_text_index_free(&x);
}
