/* Tables that are wider than the terminal: on their side, or in parts. */
#include "harness/base/buffer.h"
#include "harness/cli/table.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of `rows` variants with a name and a number, on `units` units. */
static char *printed(size_t rows, size_t units, size_t width)
{
    struct tl_table t = {.n_columns = units + 2, .n_headers = 1};
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    tl_table_add(&t, tl_strdup("mode"), NULL);
    tl_table_add(&t, tl_strdup("n"), NULL);
    for (size_t u = 0; u < units; u++)
        tl_table_add(&t, tl_format("@1.%zu:cpu", u), NULL);
    for (size_t r = 0; r < rows; r++) {
        tl_table_add(&t, tl_strdup(r % 2 ? "plain" : "other"), NULL);
        tl_table_add(&t, tl_format("%zu", r), NULL);
        for (size_t u = 0; u < units; u++)
            tl_table_add(&t, tl_format("pass %zu.%zu", r, u), NULL);
    }
    tl_table_print_fit(&t, 2, width, f, false);
    tl_table_free(&t);
    fclose(f);
    return text;
}

static size_t widest(const char *text)
{
    size_t most = 0;
    for (const char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n')
        most = strcspn(at, "\n") > most ? strcspn(at, "\n") : most;
    return most;
}

static size_t lines(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* Every cell is there once, whatever the shape. */
static void has_all(const char *text, size_t rows, size_t units)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t u = 0; u < units; u++) {
            char *cell = tl_format("pass %zu.%zu", r, u);
            size_t n = 0, size = strlen(cell);
            for (const char *at = text; (at = strstr(at, cell)); at += size)
                n += at[size] < '0' || at[size] > '9';
            cr_assert_eq(n, 1, "%s in\n%s", cell, text);
            free(cell);
        }
}

Test(table, what_fits_is_printed_as_it_is)
{
    char *text = printed(2, 2, 80), *any = printed(2, 2, 0);
    cr_assert_str_eq(text, "mode   n  @1.0:cpu  @1.1:cpu\n"
                           "other  0  pass 0.0  pass 0.1\n"
                           "plain  1  pass 1.0  pass 1.1\n");
    cr_assert_str_eq(text, any);
    free(text);
    free(any);
}

Test(table, few_variants_on_many_units_lie_on_their_side)
{
    char *text = printed(2, 15, 60);
    cr_assert_leq(widest(text), 60, "%s", text);
    cr_assert_eq(lines(text), 17);
    cr_assert(!strncmp(text, "mode ", 5) && !strncmp(strchr(text, '\n') + 1, "n  ", 3), "%s", text);
    has_all(text, 2, 15);
    free(text);
}

Test(table, many_of_both_come_in_parts)
{
    char *text = printed(40, 15, 80);
    cr_assert_leq(widest(text), 80, "%s", text);
    has_all(text, 40, 15);
    free(text);
}

Test(table, no_width_is_too_small)
{
    for (size_t width = 1; width < 40; width++) {
        char *text = printed(3, 4, width);
        has_all(text, 3, 4);
        free(text);
    }
}
