/* Values, variants, forbidden combinations and placeholders. */
#include "cases/expected.h"
#include "harness/base/buffer.h"
#include "tests/unit/case_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct tl_case *make(const char *rest)
{
    char *text = tl_format(HEAD "%s}", rest);
    struct tl_case *c = case_of(text);
    free(text);
    return c;
}

#define STEPS "\"model\":{\"steps\":[{\"phase\":\"execute\",\"argv\":[\"true\"]}]},"

Test(variant, ranges_of_64_bits)
{
    struct tl_case *c =
        make(STEPS "\"axes\":[{\"name\":\"up\",\"range\":[-9223372036854775808,9223372036854775807]},"
                   "{\"name\":\"down\",\"range\":[9223372036854775807,-9223372036854775808]},"
                   "{\"name\":\"most\",\"range\":[-9223372036854775807,9223372036854775807]},"
                   "{\"name\":\"one\",\"range\":[5,5]},{\"name\":\"back\",\"range\":[3,-3]}],"
                   "\"failing\":{\"up\":9223372036854775807,\"down\":-9223372036854775808}");
    static const uint64_t counts[] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, 1, 7};
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(c->axes[i].count, counts[i]);
    cr_assert_eq(tl_axis_value(&c->axes[0], 0).integer, INT64_MIN);
    cr_assert_eq(tl_axis_value(&c->axes[0], UINT64_MAX).integer, INT64_MAX);
    cr_assert_eq(tl_axis_value(&c->axes[0], UINT64_C(1) << 63).integer, 0);
    cr_assert_eq(tl_axis_value(&c->axes[1], 0).integer, INT64_MAX);
    cr_assert_eq(tl_axis_value(&c->axes[1], UINT64_MAX).integer, INT64_MIN);
    cr_assert_eq(tl_axis_value(&c->axes[4], 6).integer, -3);
    cr_assert_eq(c->failing.index[0], UINT64_MAX);
    cr_assert_eq(c->failing.index[1], UINT64_MAX);
    uint64_t index;
    cr_assert_eq(tl_axis_parse(&c->axes[0], "-9223372036854775808", &index, &error), 0);
    cr_assert_eq(index, 0);
    cr_assert_eq(tl_axis_parse(&c->axes[1], "0", &index, &error), 0);
    cr_assert_eq(index, INT64_MAX);
    static const char *const wrong[] = {
        "9223372036854775808", "-9223372036854775809", "", "-", "+1", " 1", "1 ", "0x1", "1.0", "01", "-0"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(tl_axis_parse(&c->axes[0], wrong[i], &index, &error), -1, "%s", wrong[i]);
    cr_assert_eq(tl_axis_parse(&c->axes[4], "4", &index, &error), -1);
    cr_assert(strstr(error.why, "from 3 down to -3") != NULL);
    tl_case_free(c);
}

Test(variant, long_lists)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    tl_buffer_add_string(&b, STEPS "\"axes\":[{\"name\":\"n\",\"ordered\":[0");
    for (int i = 1; i < 50000; i++)
        tl_buffer_printf(&b, ",%d", i * 3);
    tl_buffer_add_string(&b, "]}],\"failing\":{\"n\":149997}");
    struct tl_case *c = make(b.data);
    cr_assert_eq(c->axes[0].count, 50000);
    cr_assert_eq(c->failing.index[0], 49999);
    uint64_t index;
    cr_assert_eq(tl_axis_parse(&c->axes[0], "300", &index, &error), 0);
    cr_assert_eq(index, 100);
    cr_assert_eq(tl_axis_parse(&c->axes[0], "301", &index, &error), -1);
    cr_assert(strstr(error.why, "(50000 values)") != NULL);
    tl_case_free(c);
    tl_buffer_free(&b);
}

#define MIXED                                                                                                \
    STEPS "\"axes\":[{\"name\":\"z\",\"range\":[-2,5]},{\"name\":\"flag\",\"choices\":[false,true]},"        \
          "{\"name\":\"s\",\"choices\":[\"plain\",\"a=b\",\"\\u00e4\\\"\",\"\"]}]"

Test(variant, json_and_back)
{
    struct tl_case *c = make(MIXED);
    struct tl_variant v = tl_variant_baseline(c);
    for (v.index[0] = 0; v.index[0] < 8; v.index[0]++)
        for (v.index[1] = 0; v.index[1] < 2; v.index[1]++)
            for (v.index[2] = 0; v.index[2] < 4; v.index[2]++) {
                char *text = tl_variant_json(c, &v);
                json_t *j = json_loads(text, 0, NULL);
                struct tl_variant back;
                cr_assert_eq(tl_variant_from_json(c, j, &back, &error), 0);
                cr_assert_arr_eq(v.index, back.index, 3 * sizeof *v.index);
                char a[TL_ID_SIZE], d[TL_ID_SIZE];
                tl_variant_hash(c, &v, a);
                tl_content_id(text, strlen(text), d);
                cr_assert_str_eq(a, d);
                tl_variant_free(&back);
                json_decref(j);
                free(text);
            }
    tl_variant_free(&v);
    v = tl_variant_baseline(c);
    char *text = tl_variant_json(c, &v);
    cr_assert_str_eq(text, "{\"flag\":false,\"s\":\"plain\",\"z\":-2}");
    free(text);

    static const char *const wrong[] = {"[]",           "{\"y\":1}",   "{\"z\":6}", "{\"z\":\"1\"}",
                                        "{\"flag\":1}", "{\"s\":null}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        json_t *j = json_loads(wrong[i], 0, NULL);
        struct tl_variant none;
        cr_assert_eq(tl_variant_from_json(c, j, &none, &error), -1, "%s", wrong[i]);
        cr_assert_null(none.index);
        json_decref(j);
    }
    tl_variant_free(&v);
    tl_case_free(c);
}

Test(variant, assignments)
{
    struct tl_case *c = make(MIXED);
    struct tl_variant v = tl_variant_baseline(c);
    cr_assert_eq(tl_variant_assign(c, &v, "z=5", &error), 0);
    cr_assert_eq(v.index[0], 7);
    cr_assert_eq(tl_variant_assign(c, &v, "s=a=b", &error), 0);
    cr_assert_eq(v.index[2], 1);
    cr_assert_eq(tl_variant_assign(c, &v, "s=", &error), 0);
    cr_assert_eq(v.index[2], 3);
    cr_assert_eq(tl_variant_assign(c, &v, "flag=true", &error), 0);
    cr_assert_eq(v.index[1], 1);
    struct tl_variant copy = tl_variant_copy(c, &v);
    cr_assert_eq(tl_variant_assign(c, &v, "s=plian", &error), -1);
    cr_assert(strstr(error.why, "did you mean \"plain\"?") != NULL, "%s", error.why);
    cr_assert_eq(tl_variant_assign(c, &v, "flga=true", &error), -1);
    cr_assert(strstr(error.why, "did you mean \"flag\"?") != NULL, "%s", error.why);
    cr_assert_eq(tl_variant_assign(c, &v, "flag=yes", &error), -1);
    cr_assert_eq(tl_variant_assign(c, &v, "flag", &error), -1);
    cr_assert_eq(tl_variant_assign(c, &v, "=1", &error), -1);
    cr_assert_arr_eq(copy.index, v.index, 3 * sizeof *v.index); /* a mistake changes nothing */
    tl_variant_free(&copy);
    tl_variant_free(&v);
    tl_case_free(c);
}

static char *forbidden(const struct tl_case *c, const char *a, const char *b)
{
    struct tl_variant v = tl_variant_baseline(c);
    cr_assert_eq(tl_variant_assign(c, &v, a, &error), 0);
    cr_assert_eq(tl_variant_assign(c, &v, b, &error), 0);
    char *why = tl_variant_forbidden(c, &v);
    tl_variant_free(&v);
    return why;
}

Test(variant, forbidden_combinations)
{
    struct tl_case *c =
        make("\"model\":{\"family\":\"selftest\"},\"axes\":[{\"name\":\"behaviour\",\"choices\":"
             "[\"pass\",\"abort\",\"null_read\"]},{\"name\":\"layers\",\"range\":[1,9]}],"
             "\"forbid\":[{\"behaviour\":[\"abort\",\"null_read\"],\"layers\":[2,3],\"phase\":\"execute\"},"
             "{\"layers\":4,\"phase\":\"load\"},{\"layers\":5,\"threads\":1}]");
    char *why = forbidden(c, "behaviour=abort", "layers=3");
    cr_assert_str_eq(why, "the case forbids behaviour=abort,null_read with layers=2,3 with phase=execute");
    free(why);
    cr_assert_null(forbidden(c, "behaviour=pass", "layers=3"));
    cr_assert_null(forbidden(c, "behaviour=abort", "layers=1"));
    cr_assert_null(forbidden(c, "behaviour=abort", "layers=4")); /* phase is at its baseline, execute */
    why = forbidden(c, "behaviour=pass", "layers=5");            /* threads is at its baseline, 1 */
    cr_assert_not_null(why);
    free(why);
    tl_case_free(c);
}

Test(variant, placeholders)
{
    struct tl_case *c = make(MIXED);
    struct tl_variant v = tl_variant_baseline(c);
    static const struct {
        const char *text, *result;
    } texts[] = {
        {"", ""},
        {"plain", "plain"},
        {"-z{z},{flag}", "-z-2,false"},
        {"{model}|{inputs}|{scratch}|{case_dir}", "M|I|S|/nowhere"},
        {"{{z}} {{{z}}}", "{z} {-2}"},
        {"{s}{s}", "plainplain"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *s = tl_case_substitute(c, &v, texts[i].text, "M", "I", "S");
        cr_assert_str_eq(s, texts[i].result);
        free(s);
    }
    tl_variant_free(&v);
    tl_case_free(c);
}

/* --- what is right -------------------------------------------------------------------------------------- */

static enum tl_standing standing(const char *expected, const char *variant, const char *unit,
                                 enum tl_outcome outcome, const char *message)
{
    json_t *e = json_loads(expected, 0, NULL), *v = json_loads(variant, 0, NULL);
    cr_assert(e && v);
    const char *const texts[2] = {message, NULL};
    enum tl_standing s = tl_expected_standing(e, v, unit, outcome, texts, NULL);
    json_decref(e);
    json_decref(v);
    return s;
}

Test(expected, units_and_their_builds)
{
    static const struct {
        const char *text, *unit;
        bool holds;
    } all[] = {
        {"ort:cpu", "ort:cpu", true},
        {"ort:cpu", "ort@1.22.0:cpu", true},
        {"ort:cpu", "ort:gpu", false},
        {"ort:cpu", "ort2@1.22.0:cpu", false},
        {"ort@1.22.0:cpu", "ort@1.22.0:cpu", true},
        {"ort@1.22.0:cpu", "ort@1.22.1:cpu", false},
        {"ort@1.22:cpu", "ort@1.22.1:cpu", true},
        {"ort@1.2:cpu", "ort@1.22.1:cpu", false},
        {"ort@1.22..1.24:cpu", "ort@1.24.3:cpu", true},
        {"ort@1.22..1.24:cpu", "ort@1.25.0:cpu", false},
        {"ort@1.22..:cpu", "ort@1.30.0:cpu", true},
        {"ort@..1.22:cpu", "ort@1.23.0:cpu", false},
        {"ort@1.18.0,1.22..1.24:cpu", "ort@1.18.0:cpu", true},
        {"ort@1.18.0,1.22..1.24:cpu", "ort@1.19.0:cpu", false},
        {"ort@1.22.0:cpu", "ort:cpu", false},
        {"sim@26A5353q:ane", "sim@26A5353q:ane", true},
        {"reference", "reference", true},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char *expected = tl_format("{\"outcome\":\"error\",\"unit\":\"%s\"}", all[i].text);
        enum tl_standing s = standing(expected, "{}", all[i].unit, TL_OUTCOME_ERROR, NULL);
        cr_expect_eq(s, all[i].holds ? TL_STANDING_EXPECTED : TL_STANDING_NONE, "%s %s", all[i].text,
                     all[i].unit);
        free(expected);
    }
}

Test(expected, the_first_that_holds_decides)
{
    static const char list[] = "[{\"outcome\":\"crash\",\"when\":{\"a\":[1,2],\"b\":true}},"
                               "{\"outcome\":\"error\",\"message\":\"out of range\",\"when\":{\"a\":1}}]";
    cr_expect_eq(standing(list, "{\"a\":1,\"b\":true}", "x:cpu", TL_OUTCOME_CRASH, NULL),
                 TL_STANDING_EXPECTED);
    cr_expect_eq(standing(list, "{\"a\":1,\"b\":true}", "x:cpu", TL_OUTCOME_PASS, NULL), TL_STANDING_OTHER);
    cr_expect_eq(standing(list, "{\"a\":1,\"b\":false}", "x:cpu", TL_OUTCOME_ERROR, "is out of range!"),
                 TL_STANDING_EXPECTED);
    cr_expect_eq(standing(list, "{\"a\":1,\"b\":false}", "x:cpu", TL_OUTCOME_ERROR, "other"),
                 TL_STANDING_OTHER);
    cr_expect_eq(standing(list, "{\"a\":1,\"b\":false}", "x:cpu", TL_OUTCOME_ERROR, NULL), TL_STANDING_OTHER);
    cr_expect_eq(standing(list, "{\"a\":2,\"b\":false}", "x:cpu", TL_OUTCOME_ERROR, NULL), TL_STANDING_NONE);
    cr_expect_eq(tl_expected_standing(NULL, NULL, "x:cpu", TL_OUTCOME_PASS, (const char *[2]){0}, NULL),
                 TL_STANDING_NONE);
}

Test(expected, what_counts_as_a_failure)
{
    cr_expect(!tl_standing_is_failure(TL_STANDING_EXPECTED, TL_OUTCOME_CRASH));
    cr_expect(!tl_standing_is_failure(TL_STANDING_NONE, TL_OUTCOME_PASS));
    cr_expect(tl_standing_is_failure(TL_STANDING_NONE, TL_OUTCOME_ERROR));
    cr_expect(tl_standing_is_failure(TL_STANDING_OTHER, TL_OUTCOME_PASS));
    cr_expect(tl_standing_is_failure(TL_STANDING_OTHER, TL_OUTCOME_ERROR));
    cr_expect(!tl_standing_is_failure(TL_STANDING_OTHER, TL_OUTCOME_UNSUPPORTED), "it could not be tried");
}

/* The hash of a case is not that of what is right for it. */
Test(expected, is_no_part_of_the_identity)
{
    struct tl_case *plain = make(STEPS "\"axes\":[]"),
                   *right = make(STEPS "\"axes\":[],\"expected\":{\"outcome\":\"error\"}"),
                   *other = make(STEPS "\"axes\":[],\"title\":\"x\"");
    cr_expect_str_eq(plain->hash, right->hash);
    cr_expect_str_neq(plain->hash, other->hash);
    tl_case_free(plain);
    tl_case_free(right);
    tl_case_free(other);
}
