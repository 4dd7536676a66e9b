/* Axes whose values are sets: in case files, as numbers, in commands. */
#include "cases/case.h"
#include "cases/reading.h"
#include "cases/reference.h"
#include "harness/base/buffer.h"
#include "tests/unit/case_fixture.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

TestSuite(case_sets, .fini = forget);

#define STEPS HEAD "\"model\":{\"steps\":[{\"phase\":\"execute\",\"argv\":[\"true\",\"{q}\",\"{q@}\"]}]},"
#define AXIS "\"axes\":[{\"name\":\"q\",\"subset\":[\"a\",\"b\",\"c\",\"d\"]}]"

static void value_is(uint64_t index, const char *text)
{
    cr_assert_str_eq(tl_axis_value(&loaded->axes[0], index).string, text);
}

Test(case_sets, values_that_stand_for_all)
{
    accept(STEPS AXIS ",\"failing\":{\"q\":[\"c\",\"a\"]}}");
    cr_assert_eq(loaded->axes[0].count, 3);
    value_is(0, "none");
    value_is(1, "a+c");
    value_is(2, "all");
    cr_assert_eq(loaded->failing.index[0], 1);
    accept(STEPS AXIS ",\"failing\":{\"q\":\"all\"}}");
    cr_assert_eq(loaded->axes[0].count, 2);
    value_is(1, "all");
    accept(STEPS AXIS "}");
    cr_assert_eq(loaded->axes[0].count, 2);
    accept(STEPS AXIS ",\"failing\":{\"q\":[\"d\",\"c\",\"b\",\"a\"]}}"); /* that is all */
    cr_assert_eq(loaded->axes[0].count, 2);
    accept(STEPS "\"axes\":[{\"name\":\"q\",\"subset\":1}],\"failing\":{\"q\":[0]}}");
    cr_assert_eq(loaded->axes[0].count, 2);
    accept(STEPS "\"axes\":[{\"name\":\"q\",\"subset\":494}],\"failing\":{\"q\":[3,2,9]}}");
    value_is(1, "2..3+9");
}

Test(case_sets, mistakes)
{
    static const struct {
        const char *text, *path, *words;
    } list[] = {
        {"\"axes\":[{\"name\":\"q\",\"subset\":[]}]}", "$.axes[0].subset", "at least one"},
        {"\"axes\":[{\"name\":\"q\",\"subset\":0}]}", "$.axes[0].subset", "from 1 to 100000"},
        {"\"axes\":[{\"name\":\"q\",\"subset\":100001}]}", "$.axes[0].subset", "found the integer 100001"},
        {"\"axes\":[{\"name\":\"q\",\"subset\":-1}]}", "$.axes[0].subset", "or their number"},
        {"\"axes\":[{\"name\":\"q\",\"subset\":\"all\"}]}", "$.axes[0].subset",
         "expected a list of elements"},
        {"\"axes\":[{\"name\":\"q\",\"subset\":[\"a\",\"b\",\"a\"]}]}", "$.axes[0].subset[2]",
         "not listed before (at [0])"},
        {"\"axes\":[{\"name\":\"q\",\"subset\":[\"a\",3]}]}", "$.axes[0].subset[1]", "string"},
        {"\"axes\":[{\"name\":\"q\",\"subset\":[\"a\",\"\"]}]}", "$.axes[0].subset[1]", ""},
        {"\"axes\":[{\"name\":\"q\",\"subset\":[\"a\",\"none\"]}]}", "$.axes[0].subset[1]",
         "\"none\" none of"},
        {"\"axes\":[{\"name\":\"q\",\"subset\":[\"#3\",\"b\"]}]}", "$.axes[0].subset[0]",
         "a place in the list"},
        {"\"axes\":[{\"name\":\"q\",\"subset\":[\"a\"],\"choices\":[\"a\"]}]}", "$.axes[0]", "found several"},
        {"\"axes\":[{\"name\":\"q\",\"subset\":[\"a\"],\"ordered\":[1,2]}]}", "$.axes[0]", "for a sequence"},
        {"\"axes\":[{\"name\":\"q\",\"subset\":[\"a\"],\"about_values\":{\"a\":\"x\"}}]}",
         "$.axes[0].about_values", "too many values"},
        {"\"axes\":[{\"name\":\"q\",\"subset\":[\"q_proj\",\"o_proj\"]}],\"failing\":{\"q\":[\"o_proj\",\"q_"
         "porj\"]}}",
         "$.failing.q[1]", "did you mean \"q_proj\"?"},
        {AXIS ",\"failing\":{\"q\":[\"a\",\"a\"]}}", "$.failing.q[1]", "each element once"},
        {AXIS ",\"failing\":{\"q\":true}}", "$.failing.q", "expected a list of elements, or \"all\""},
        {AXIS ",\"failing\":{\"q\":\"a+x\"}}", "$.failing.q", "found \"x\""},
        {AXIS ",\"forbid\":[{\"q\":\"b+a\"}]}", "$.forbid[0].q", "as it is kept: \"a+b\""},
        {AXIS ",\"expected\":[{\"when\":{\"q\":[\"none\",\"x\"]},\"outcome\":\"crash\"}]}",
         "$.expected[0].when.q[1]", "expected a value of axis q: none, all, or a set"},
        {"\"axes\":[{\"name\":\"q\",\"subset\":[\"a\",\"b\"],\"ordered\":true}],\"failing\":{\"q\":[\"b\","
         "\"a\"]}}",
         "$.failing.q[1]", "in the order of its list"},
        {"\"axes\":[{\"name\":\"q\",\"subset\":100000}]}", "$.model.steps[0].argv[1]", "expected {q@}"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        char *text = tl_format("%s%s", STEPS, list[i].text);
        refuse(text, list[i].path, list[i].words);
        free(text);
    }
    refuse(HEAD "\"model\":{\"steps\":[{\"phase\":\"execute\",\"argv\":[\"true\"]}]},"
                "\"axes\":[{\"name\":\"q\",\"ordered\":true}]}",
           "$.axes[0].ordered", "expected a list of values");
    refuse(HEAD "\"model\":{\"family\":\"selftest\"},\"axes\":[{\"name\":\"behaviour\",\"subset\":[\"a\"]}]}",
           "$.axes[0].subset", "axis behaviour is no set: it takes");
    refuse(HEAD "\"model\":{\"steps\":[{\"phase\":\"execute\",\"argv\":[\"true\",\"{n@}\"]}]},"
                "\"axes\":[{\"name\":\"n\",\"range\":[1,2]}]}",
           "$.model.steps[0].argv[1]", "unknown placeholder {n@}");
}

static void assign(struct tl_variant *v, const char *text)
{
    cr_assert_eq(tl_variant_assign(loaded, v, text, &error), 0, "%s", error.why);
}

Test(case_sets, a_set_has_one_number)
{
    accept(STEPS AXIS ",\"failing\":{\"q\":\"all\"}}");
    struct tl_variant v = tl_variant_baseline(loaded), other = tl_variant_baseline(loaded);
    char *text[2];
    assign(&v, "q=d+a");
    assign(&other, "q=a+d");
    cr_assert(v.index[0] == other.index[0] && v.index[0] >= loaded->axes[0].count);
    text[0] = tl_variant_json(loaded, &v);
    cr_assert_str_eq(text[0], "{\"q\":\"a+d\"}");
    /* What is stored is read again, and so is a list. */
    static const char *const stored[] = {"{\"q\":\"a+d\"}", "{\"q\":[\"d\",\"a\"]}", "{\"q\":\"#0+3\"}"};
    for (size_t i = 0; i < 3; i++) {
        json_t *object = json_loads(stored[i], 0, NULL);
        tl_variant_free(&other);
        cr_assert_eq(tl_variant_from_json(loaded, object, &other, &error), 0, "%s", error.why);
        cr_assert_eq(other.index[0], v.index[0]);
        json_decref(object);
    }
    assign(&v, "q=");
    cr_assert_eq(v.index[0], 0);
    cr_assert_eq(tl_variant_assign(loaded, &v, "q=a+e", &error), -1);
    cr_assert(strstr(error.why, "expected names of elements: a, b, c, d"));
    free(text[0]);
    tl_variant_free(&v);
    tl_variant_free(&other);
}

/* What is stored of a set of many long names is short. */
Test(case_sets, a_long_set_is_kept_as_places)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b,
                         HEAD "\"model\":{\"steps\":[{\"phase\":\"execute\",\"argv\":[\"true\",\"{q@}\"]}]},"
                              "\"axes\":[{\"name\":\"q\",\"subset\":[");
    for (int i = 0; i < 100000; i++)
        tl_buffer_printf(&b, "%s\"model.layers.%d.weight\"", i ? "," : "", i);
    tl_buffer_add_string(&b, "]}],\"failing\":{\"q\":\"all\"}}");
    accept(b.data);
    tl_buffer_free(&b);
    struct tl_variant v = tl_variant_baseline(loaded);
    struct tl_element_set set = {0};
    tl_element_set_add(&set, 0, 49999);
    tl_element_set_add(&set, 50001, 99999);
    v.index[0] = tl_axis_sets_number(loaded->axes[0].sets, &set);
    char *text = tl_variant_json(loaded, &v);
    cr_assert_str_eq(text, "{\"q\":\"#0..49999+50001..99999\"}");
    free(text);
    tl_variant_free(&v);
}

/* Entries of the runtime's configuration are axes, with a family too. */
Test(case_sets, entries_of_the_configuration)
{
    accept(HEAD "\"model\":{\"family\":\"decoder\"},\"axes\":[{\"name\":\"config:optimization.disable_"
                "specified_optimizers\","
                "\"subset\":[\"Pad_Fusion\"]},{\"name\":\"config:a\",\"choices\":[\"0\",\"1\"]}]}");
    refuse(STEPS "\"axes\":[{\"name\":\"config:\",\"choices\":[1]},{\"name\":\"q\",\"subset\":2}]}",
           "$.axes[0].name", "begins with a letter");
    refuse(STEPS "\"axes\":[{\"name\":\"other:a\",\"choices\":[1]},{\"name\":\"q\",\"subset\":2}]}",
           "$.axes[0].name", "begins with a letter");
    refuse(STEPS "\"axes\":[{\"name\":\"config:a b\",\"choices\":[1]},{\"name\":\"q\",\"subset\":2}]}",
           "$.axes[0].name", "begins with a letter");
}

Test(case_sets, commands_get_a_list_or_a_file)
{
    accept(STEPS AXIS ",\"failing\":{\"q\":\"all\"},\"environment\":{\"Q\":\"{q}\",\"F\":\"{q@}\"}}");
    struct tl_variant v = tl_variant_baseline(loaded);
    const struct tl_placeholder_paths paths = {.elements = "/sets"}, inlined = {0};
    assign(&v, "q=b+d");
    char **words = tl_case_command(loaded, &v, &loaded->steps[0].argv, &paths),
         *file = tl_case_elements_file(loaded, &v, 0, "/sets");
    cr_assert_str_eq(words[1], "[\"b\",\"d\"]");
    cr_assert_str_eq(words[2], file);
    cr_assert(strncmp(file, "/sets/", 6) == 0 && strcmp(file + strlen(file) - 5, ".json") == 0);
    tl_strings_free(words);
    words = tl_case_command(loaded, &v, &loaded->steps[0].argv, &inlined);
    cr_assert_str_eq(words[2], "[\"b\",\"d\"]"); /* where the content is what counts */
    tl_strings_free(words);
    words = tl_case_environment_in(loaded, &v, "/sets");
    cr_assert_str_eq(words[0], "Q=[\"b\",\"d\"]");
    cr_assert_str_eq(words[1] + 2, file);
    tl_strings_free(words);
    free(file);
    cr_assert(tl_case_has_elements_file(loaded, 0));
    cr_assert(tl_case_reads_axis(loaded, "q"));
    tl_variant_free(&v);
}

Test(case_sets, a_reference_with_another_set)
{
    accept(HEAD "\"model\":{\"generate\":[\"true\",\"{model}\",\"{q}\"]}," AXIS
                ",\"reference\":{\"unit\":\"same\",\"with\":{\"q\":\"none\"}}}");
    struct tl_variant v = tl_variant_baseline(loaded);
    assign(&v, "q=all");
    struct tl_variant as = tl_reference_variant(loaded, &v);
    char *text = tl_case_elements(loaded->reference.as, &as, 0);
    cr_assert_str_eq(text, "[]");
    free(text);
    tl_variant_free(&as);
    tl_variant_free(&v);
}
