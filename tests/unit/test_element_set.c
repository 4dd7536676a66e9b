/* Parts of a list of elements: as case files, command lines and what is stored have them. */
#include "cases/element_set.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"q_proj", "k_proj", "v_proj", "a", "a+b", "b", "o_proj"};
#define N (sizeof names / sizeof *names)

static struct tl_elements by_names(void)
{
    struct tl_elements all;
    size_t wrong;
    cr_assert_eq(tl_elements_init(&all, names, N, &wrong, NULL), 0);
    return all;
}

/* A text as it is read and written again. */
static void again(const struct tl_elements *all, const char *text, const char *expected, size_t count)
{
    struct tl_element_set set, other;
    struct tl_error e;
    cr_assert_eq(tl_element_set_parse(all, text, &set, &e), 0, "%s", text);
    char *written = tl_element_set_text(all, &set);
    cr_assert_str_eq(written, expected);
    cr_assert_eq(tl_element_set_count(&set), count);
    /* And through both kinds of JSON. */
    size_t wrong;
    json_t *list = tl_element_set_json(all, &set), *ranges = tl_element_set_ranges(&set);
    cr_assert_eq(json_array_size(list), count);
    cr_assert_eq(tl_element_set_of_json(all, list, &other, &wrong, &e), 0);
    cr_assert(tl_element_set_equal(&set, &other));
    tl_element_set_free(&other);
    cr_assert_eq(tl_element_set_of_ranges(all, ranges, &other, &e), 0);
    cr_assert(tl_element_set_equal(&set, &other));
    tl_element_set_free(&other);
    json_decref(list);
    json_decref(ranges);
    free(written);
    tl_element_set_free(&set);
}

Test(element_set, what_is_read_is_written_again)
{
    struct tl_elements all = by_names(), numbers;
    size_t wrong;
    cr_assert_eq(tl_elements_init(&numbers, NULL, 100000, &wrong, NULL), 0);
    again(&all, "", "none", 0);
    again(&all, "none", "none", 0);
    again(&numbers, "none", "none", 0);
    again(&all, "k_proj", "k_proj", 1);
    again(&all, "o_proj+q_proj", "q_proj+o_proj", 2);
    again(&all, "all", "all", N);
    again(&all, "a+b", "a+b", 1);  /* the longest name that fits */
    again(&all, "b+a", "#3+5", 2); /* a+b is another */
    again(&all, "#3+5", "#3+5", 2);
    again(&all, "#0..1", "q_proj+k_proj", 2);
    again(&all, "a+b+b", "a+b+b", 2);
    again(&numbers, "3+7..9", "3+7..9", 4);
    again(&numbers, "9+8+7+3", "3+7..9", 4);
    again(&numbers, "0..99999", "all", 100000);
    again(&numbers, "0..49999+50001..99999", "0..49999+50001..99999", 99999);
    tl_elements_free(&all);
    tl_elements_free(&numbers);
}

Test(element_set, what_is_in_it)
{
    struct tl_element_set set = {0};
    tl_element_set_add(&set, 2, 4);
    tl_element_set_add(&set, 5, 5);
    tl_element_set_add(&set, 8, 9);
    cr_assert_eq(set.n_ranges, 2);
    for (uint32_t i = 0; i < 12; i++)
        cr_assert_eq(tl_element_set_has(&set, i), (i >= 2 && i <= 5) || i == 8 || i == 9);
    tl_element_set_free(&set);
}

static void refuse(const struct tl_elements *all, const char *text, const char *why)
{
    struct tl_element_set set;
    struct tl_error e;
    cr_assert_eq(tl_element_set_parse(all, text, &set, &e), -1, "%s", text);
    char *said = tl_error_text(&e);
    cr_assert(strstr(said, why), "%s: %s", text, said);
    free(said);
}

Test(element_set, what_is_none_is_refused_with_what_was_expected)
{
    struct tl_elements all = by_names(), numbers;
    size_t wrong;
    cr_assert_eq(tl_elements_init(&numbers, NULL, 10, &wrong, NULL), 0);
    refuse(&all, "q_porj", "did you mean \"q_proj\"?");
    refuse(&all, "q_proj+", "found \"\"");
    refuse(&all, "+q_proj", "found \"\"");
    refuse(&all, "q_proj+x+k_proj", "found \"x\"");
    refuse(&all, "q_proj+q_proj", "found \"q_proj\" again");
    refuse(&all, "q_proj+all", "found \"all\"");
    refuse(&all, "0", "expected names of elements: q_proj, k_proj");
    refuse(&all, "#99", "expected places in the list, from #0 to #");
    refuse(&numbers, "10", "from 0 to 9, found \"10\"");
    refuse(&numbers, "99999999999999999999999999", "from 0 to 9");
    refuse(&numbers, "-1", "from 0 to 9");
    refuse(&numbers, "01", "from 0 to 9");
    refuse(&numbers, "1 ", "from 0 to 9");
    refuse(&numbers, "3..1", "found \"3..1\"");
    refuse(&numbers, "3..", "found \"3..\"");
    refuse(&numbers, "3...5", "from 0 to 9");
    refuse(&numbers, "1..3+2", "found \"2\" again");
    tl_elements_free(&all);
    tl_elements_free(&numbers);
}

static size_t refuse_json(const struct tl_elements *all, const char *text, const char *why)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    struct tl_element_set set;
    struct tl_error e;
    size_t wrong;
    cr_assert_eq(tl_element_set_of_json(all, value, &set, &wrong, &e), -1, "%s", text);
    char *said = tl_error_text(&e);
    cr_assert(strstr(said, why), "%s: %s", text, said);
    free(said);
    json_decref(value);
    return wrong;
}

Test(element_set, json_that_is_none_is_refused_with_its_place)
{
    struct tl_elements all = by_names(), numbers;
    size_t wrong;
    cr_assert_eq(tl_elements_init(&numbers, NULL, 10, &wrong, NULL), 0);
    cr_assert_eq(refuse_json(&all, "\"some\"", "or \"all\""), SIZE_MAX);
    cr_assert_eq(refuse_json(&all, "{}", "or \"all\""), SIZE_MAX);
    cr_assert_eq(refuse_json(&all, "[\"q_proj\", 1]", "found \"1\""), 1);
    cr_assert_eq(refuse_json(&all, "[\"q_proj\", \"b\", \"q_proj\"]", "again"), 2);
    cr_assert_eq(refuse_json(&all, "[null]", "found \"null\""), 0);
    cr_assert_eq(refuse_json(&numbers, "[1, -1]", "found \"-1\""), 1);
    cr_assert_eq(refuse_json(&numbers, "[1, 10]", "found \"10\""), 1);
    cr_assert_eq(refuse_json(&numbers, "[1, 2.0]", "from 0 to 9"), 1);
    cr_assert_eq(refuse_json(&numbers, "[\"1\"]", "found \"1\""), 0);
    static const char *const ranges[] = {"{}",
                                         "[1]",
                                         "[[1]]",
                                         "[[1, 2, 3]]",
                                         "[[2, 1]]",
                                         "[[0, 10]]",
                                         "[[-1, 2]]",
                                         "[[1, 2], [2, 3]]",
                                         "[[5, 6], [1, 2]]",
                                         "[[\"1\", 2]]",
                                         "[[1, 9223372036854775807]]",
                                         "null"};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        json_t *value = json_loads(ranges[i], JSON_DECODE_ANY, NULL);
        struct tl_element_set set;
        struct tl_error e;
        cr_assert_eq(tl_element_set_of_ranges(&numbers, value, &set, &e), -1, "%s", ranges[i]);
        json_decref(value);
    }
    tl_elements_free(&all);
    tl_elements_free(&numbers);
}

Test(element_set, lists_that_are_none)
{
    static const char *const twice[] = {"x", "y", "z", "y"}, *const all_of_it[] = {"x", "all"},
                             *const empty[] = {"x", ""};
    struct tl_elements all;
    struct tl_error e;
    size_t wrong;
    cr_assert_eq(tl_elements_init(&all, twice, 4, &wrong, &e), -1);
    cr_assert_eq(wrong, 3);
    cr_assert_eq(tl_elements_init(&all, all_of_it, 2, &wrong, &e), -1);
    cr_assert_eq(wrong, 1);
    cr_assert_eq(tl_elements_init(&all, empty, 2, &wrong, &e), -1);
    cr_assert_eq(wrong, 1);
    cr_assert_eq(tl_elements_init(&all, NULL, 0, &wrong, &e), -1);
    cr_assert_eq(tl_elements_init(&all, NULL, TL_ELEMENTS_MAX + 1, &wrong, &e), -1);
    cr_assert_eq(wrong, SIZE_MAX);
}
