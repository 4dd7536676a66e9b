/* Outputs against those that are expected: by tables of elements of every type, and by files as runners leave
 * them, of whom some are hostile. */
#include "cases/load.h"
#include "cases/npy.h"
#include "cases/reference.h"
#include "harness/base/buffer.h"
#include "harness/executor/closeness.h"
#include "harness/executor/reference.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char reference[64], trial[64];

static void make_places(void)
{
    strcpy(reference, "/tmp/trapline-reference-XXXXXX");
    strcpy(trial, "/tmp/trapline-reference-XXXXXX");
    cr_assert(mkdtemp(reference) && mkdtemp(trial));
}

static void remove_places(void)
{
    char *text = tl_format("rm -r %s %s", reference, trial);
    cr_assert_eq(system(text), 0);
    free(text);
}

TestSuite(reference, .init = make_places, .fini = remove_places);

static json_t *parsed(const char *text)
{
    json_error_t e;
    json_t *j = json_loads(text, JSON_DECODE_ANY, &e);
    cr_assert(j, "%s: %s", text, e.text);
    return j;
}

/* --- elements, as "first" lists them -------------------------------------------------------------------- */

static const char *way(const char *dtype, const char *expected, const char *got,
                       struct tl_tolerance tolerance, struct tl_closeness *c)
{
    struct tl_values a, b;
    struct tl_error e;
    bool broken;
    json_t *x = json_pack("{s:s,s:o}", "dtype", dtype, "first", parsed(expected)),
           *y = json_pack("{s:s,s:o}", "dtype", dtype, "first", parsed(got));
    json_object_set_new(x, "shape", json_pack("[i]", (int)json_array_size(json_object_get(x, "first"))));
    json_object_set_new(y, "shape", json_pack("[i]", (int)json_array_size(json_object_get(y, "first"))));
    cr_assert_eq(tl_values_of_first(&a, x, &broken), 0, "%s %s", dtype, expected);
    cr_assert_eq(tl_values_of_first(&b, y, &broken), 0, "%s %s", dtype, got);
    cr_assert_eq(tl_closeness_find(&a, &b, &tolerance, c, &e), 0);
    tl_values_close(&a);
    tl_values_close(&b);
    json_decref(x);
    json_decref(y);
    return c->how ? c->how : "";
}

Test(reference, elements_of_every_kind)
{
    static const struct tl_tolerance whole = {.whole = 0.001},
                                     close = {.elementwise = true, .rtol = 0.1, .atol = 0.01},
                                     near_zero = {.elementwise = true, .atol = 1e-9},
                                     off_by_one = {.elementwise = true, .atol = 1, .of_integers = true};
    const struct {
        const char *dtype, *expected, *got, *how;
        const struct tl_tolerance *tolerance;
    } rows[] = {
        /* what is not finite is right where the same is expected */
        {"float32", "[\"nan\", 1]", "[\"nan\", 1]", "", &whole},
        {"float32", "[\"nan\", 1]", "[\"-nan\", 1.0001]", "", &whole},
        {"float64", "[\"inf\", \"-inf\"]", "[\"inf\", \"-inf\"]", "", &whole},
        {"float16", "[\"inf\", 1]", "[\"-inf\", 1]", "not finite", &whole},
        {"bfloat16", "[1, 1]", "[\"nan\", 1]", "not finite", &whole},
        {"float32", "[\"nan\", 1]", "[2, 1]", "differs", &whole},
        {"float32", "[\"nan\", 1]", "[\"inf\", 1]", "not finite", &close},
        /* the whole output, relative to its largest magnitude */
        {"float32", "[1000, 1]", "[1000, 1.9]", "", &whole},
        {"float32", "[1000, 1]", "[1000, 2.1]", "differs", &whole},
        {"float32", "[1, 2]", "[0, 0]", "all zero", &whole},
        {"float32", "[0, 0]", "[0, -0.0]", "", &whole},
        {"float32", "[0, 0]", "[1e-12, 0]", "differs", &whole},
        {"float32", "[1e-12, 0]", "[0, 0]", "all zero", &whole},
        {"float64", "[-1.7e308]", "[1.7e308]", "differs", &whole},
        {"float32", "[]", "[]", "", &whole},
        /* each element, as numpy.allclose has it: the bound is relative to what is expected */
        {"float32", "[0, 0]", "[1e-12, 0]", "", &near_zero},
        {"float32", "[0, 0]", "[1e-6, 0]", "differs", &near_zero},
        {"float32", "[1000, 1]", "[1000, 1.9]", "differs", &close},
        {"float32", "[10]", "[11]", "", &close},
        {"float32", "[10]", "[11.02]", "differs", &close},
        {"float32", "[11.02]", "[10]", "", &close},
        {"float8e4m3fn", "[448]", "[448]", "", &whole},
        {"float8e5m2", "[\"inf\"]", "[57344]", "differs", &whole},
        {"complex64", "[[1, 2], [3, 4]]", "[[1, 2], [3, 4.001]]", "", &whole},
        {"complex128", "[[1, 2]]", "[[1, -2]]", "differs", &whole},
        {"complex128", "[[\"nan\", 2]]", "[[\"nan\", 2]]", "", &whole},
        {"complex64", "[[1, 2]]", "[[1, \"inf\"]]", "not finite", &whole},
        /* exact, whatever the tolerance */
        {"int64", "[9007199254740992, 0]", "[9007199254740993, 0]", "differs", &whole},
        {"int64", "[0, 5000]", "[4, 5000]", "differs", &whole},
        {"int64", "[0, 5000]", "[4, 5000]", "differs", &close},
        {"int64", "[-9223372036854775807]", "[9223372036854775807]", "differs", &whole},
        {"uint64", "[\"18446744073709551615\"]", "[\"18446744073709551615\"]", "", &whole},
        {"uint64", "[\"18446744073709551615\"]", "[\"18446744073709551614\"]", "differs", &whole},
        {"int8", "[-1, 5]", "[0, 0]", "all zero", &whole},
        {"uint8", "[200, 7]", "[201, 7]", "differs", &whole},
        {"int4", "[-8, 7]", "[-8, 7]", "", &whole},
        {"uint4", "[15]", "[14]", "differs", &whole},
        {"int2", "[-2]", "[1]", "differs", &whole},
        {"bool", "[true, false]", "[1, 0]", "", &whole},
        {"bool", "[true, false]", "[true, true]", "differs", &whole},
        {"bool", "[true]", "[false]", "differs", &whole},
        {"string", "[\"a\", \"\"]", "[\"a\", \"\"]", "", &whole},
        {"string", "[\"a\", \"b\"]", "[\"a\", \"c\"]", "differs", &whole},
        /* but where bounds were given for this very output */
        {"uint8", "[200, 7]", "[201, 6]", "", &off_by_one},
        {"uint8", "[200, 7]", "[202, 7]", "differs", &off_by_one},
        {"bool", "[true]", "[false]", "differs", &off_by_one},
        {"string", "[\"1\"]", "[\"2\"]", "differs", &off_by_one},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        struct tl_closeness c;
        const char *how = way(rows[i].dtype, rows[i].expected, rows[i].got, *rows[i].tolerance, &c);
        cr_expect_str_eq(how, rows[i].how, "row %zu, %s: %s for %s: %s", i, rows[i].dtype, rows[i].got,
                         rows[i].expected, how);
        tl_closeness_free(&c);
    }
}

Test(reference, the_worst_element_is_shown)
{
    static const struct tl_tolerance whole = {.whole = 0.001}, close = {.elementwise = true, .rtol = 0.1};
    struct tl_closeness c;
    way("float32", "[100, 1, 8]", "[103, 2, 8]", whole, &c);
    cr_expect_eq(c.worst[0].at, 0);
    cr_expect_float_eq(c.error, 0.03, 1e-12);
    cr_expect_float_eq(c.worst[0].absolute, 3, 1e-12);
    tl_closeness_free(&c);
    way("float32", "[100, 1, 8]", "[103, 2, 8]", close, &c); /* the one that exceeds its own bound most */
    cr_expect_eq(c.worst[0].at, 1);
    cr_expect_eq(c.apart, 1);
    cr_expect_float_eq(c.worst[0].relative, 1, 1e-12);
    cr_expect_eq(json_number_value(c.worst[0].got), 2);
    tl_closeness_free(&c);
    way("float32", "[100, 1, 8]", "[300, 1, \"nan\"]", whole, &c);
    cr_expect_eq(c.worst[0].at, 2);
    cr_expect(isinf(c.error));
    cr_expect_str_eq(json_string_value(c.worst[0].got), "nan");
    tl_closeness_free(&c);
    way("string", "[\"a\", \"b\", \"c\"]", "[\"a\", \"x\", \"y\"]", whole, &c);
    cr_expect_eq(c.worst[0].at, 1);
    cr_expect_str_eq(json_string_value(c.worst[0].expected), "b");
    tl_closeness_free(&c);
}

/* The worst first, equally bad ones in their order, and no more than a reader looks at; those that are too far are
 * counted, by the bound that holds. */
Test(reference, the_worst_elements_are_in_order)
{
    static const struct tl_tolerance whole = {.whole = 0.01}, close = {.elementwise = true, .rtol = 0.1};
    struct tl_closeness c;
    way("float32", "[100, 1, 8, 5]", "[103, 1.5, 13, 5]", whole, &c);
    cr_assert_eq(c.n_worst, 3);
    cr_expect_eq(c.worst[0].at, 2);
    cr_expect_eq(c.worst[1].at, 0);
    cr_expect_eq(c.worst[2].at, 1);
    cr_expect_eq(c.apart, 2, "0.5 is less than a hundredth of 100: %llu", (unsigned long long)c.apart);
    tl_closeness_free(&c);
    way("float32", "[100, 1, 8, 5]", "[103, 1.5, 13, 5]", close, &c);
    cr_expect_eq(c.worst[0].at, 2);
    cr_expect_eq(c.worst[1].at, 1);
    cr_expect_eq(c.apart, 2);
    tl_closeness_free(&c);
    way("int8", "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,9]", "[1,2,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", whole, &c);
    cr_assert_eq(c.n_worst, TL_CLOSENESS_SHOWN);
    cr_expect_eq(c.worst[0].at, 15);
    cr_expect_eq(c.worst[1].at, 1);
    cr_expect_eq(c.worst[2].at, 0);
    cr_expect_eq(c.worst[11].at, 10);
    cr_expect_eq(c.apart, 16);
    tl_closeness_free(&c);
    way("float32", "[1, 1]", "[1, 1.000001]", whole, &c);
    cr_expect_null(c.how);
    cr_expect_eq(c.apart, 0);
    tl_closeness_free(&c);
}

Test(reference, what_lists_no_values)
{
    static const char *const outputs[] = {
        "{\"dtype\":\"float32\",\"shape\":[3],\"first\":[1,2]}",  /* not all of them */
        "{\"dtype\":\"float32\",\"shape\":[1],\"first\":[null]}", /* not finite, but which of them? */
        "{\"dtype\":\"string\",\"shape\":[1],\"first\":[\"a\"],\"first_cut\":true}",
        "{\"dtype\":\"quaternion\",\"shape\":[1],\"first\":[1]}",
        "{\"kind\":\"sequence\",\"first\":[1]}",
        "{\"dtype\":\"float32\",\"shape\":[4294967296,4294967296],\"first\":[]}",
    };
    static const char *const lies[] = {
        "{\"dtype\":\"float32\",\"shape\":[1],\"first\":[1,2]}", /* more than there are */
        "{\"dtype\":\"float32\",\"shape\":[],\"first\":[1,2]}",
        "{\"dtype\":\"float32\",\"shape\":[0],\"first\":[1]}",
        "{\"dtype\":\"float32\",\"shape\":[100],\"first\":[\"1\"]}",
        "{\"dtype\":\"float32\",\"shape\":[1],\"first\":[\"many\"]}",
        "{\"dtype\":\"int32\",\"shape\":[1],\"first\":[1.5]}",
        "{\"dtype\":\"uint64\",\"shape\":[1],\"first\":[\"18446744073709551616\"]}",
        "{\"dtype\":\"bool\",\"shape\":[1],\"first\":[2]}",
        "{\"dtype\":\"string\",\"shape\":[1],\"first\":[1]}",
    };
    for (size_t i = 0; i < TL_COUNT(outputs) + TL_COUNT(lies); i++) {
        const char *text = i < TL_COUNT(outputs) ? outputs[i] : lies[i - TL_COUNT(outputs)];
        struct tl_values v;
        bool broken;
        json_t *output = parsed(text);
        cr_expect_eq(tl_values_of_first(&v, output, &broken), -1, "%s", text);
        cr_expect_eq(broken, i >= TL_COUNT(outputs), "%s", text);
        json_decref(output);
    }
}

/* --- stored elements ------------------------------------------------------------------------------------ */

/* The bits of each type, and the numbers that they are. */
Test(reference, bits_of_every_type)
{
    static const struct {
        const char *type;
        uint64_t bits;
        double value;
    } rows[] = {
        {"float32", 0x3fc00000, 1.5},
        {"float64", 0xbff8000000000000, -1.5},
        {"float16", 0x3e00, 1.5},
        {"float16", 0x0001, 0x1p-24},
        {"bfloat16", 0xbfc0, -1.5},
        {"float8e4m3fn", 0x7e, 448},
        {"float8e4m3fn", 0x7f, NAN},
        {"float8e4m3fn", 0x01, 0x1p-9},
        {"float8e4m3fn", 0xb8, -1},
        {"float8e4m3fnuz", 0x7f, 240},
        {"float8e4m3fnuz", 0x80, NAN},
        {"float8e4m3fnuz", 0x40, 1},
        {"float8e5m2", 0x7b, 57344},
        {"float8e5m2", 0x7c, INFINITY},
        {"float8e5m2", 0xfc, -INFINITY},
        {"float8e5m2", 0x7d, NAN},
        {"float8e5m2", 0x01, 0x1p-16},
        {"float8e5m2fnuz", 0x7f, 57344},
        {"float8e5m2fnuz", 0x80, NAN},
        {"float4e2m1", 0x7, 6},
        {"float4e2m1", 0x9, -0.5},
        {"float8e8m0", 127, 1},
        {"float8e8m0", 0xff, NAN},
        {"int4", 0xf, -1},
        {"int4", 0x7, 7},
        {"int4", 0xf8, -8},
        {"uint4", 0xff, 15},
        {"int2", 2, -2},
        {"uint2", 3, 3},
        {"int8", 0x80, -128},
        {"uint8", 0x80, 128},
        {"int16", 0xffff, -1},
        {"uint16", 0xffff, 65535},
        {"int32", 0x80000000, -2147483648.0},
        {"uint32", 0x80000000, 2147483648.0},
        {"bool", 7, 1},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        struct tl_element x;
        const struct tl_element_type *t = tl_element_type_find(rows[i].type);
        cr_assert(t, "%s", rows[i].type);
        tl_element_read(t, &rows[i].bits, &x);
        double v = t->kind == TL_ELEMENT_FLOAT ? x.real
                   : x.negative                ? -(double)x.magnitude
                                               : (double)x.magnitude;
        cr_expect(v == rows[i].value || (isnan(v) && isnan(rows[i].value)), "%s %llx: %g", rows[i].type,
                  (unsigned long long)rows[i].bits, v);
    }
    struct tl_element x;
    static const uint64_t least = 0x8000000000000000;
    tl_element_read(tl_element_type_find("int64"), &least, &x);
    cr_expect(x.negative && x.magnitude == least);
    tl_element_read(tl_element_type_find("uint64"), &least, &x);
    cr_expect(!x.negative && x.magnitude == least);
    cr_expect_eq(tl_element_type_find("float8_e4m3fn"), tl_element_type_find("float8e4m3fn"));
    cr_expect_eq(tl_element_type_find("Float32"), tl_element_type_number(1));
    cr_expect_null(tl_element_type_find("float32x"));
}

/* --- results and files ---------------------------------------------------------------------------------- */

static const int64_t one[] = {1}, two[] = {2};

static void put(const char *directory, const char *name, const char *descr, size_t item, const int64_t *dims,
                const void *data)
{
    struct tl_error e;
    char *path = tl_format("%s/%s", directory, name);
    cr_assert_eq(tl_npy_write_any(path, descr, item, 1, dims, data, &e), 0);
    free(path);
}

/* What a case with this reference finds of the two results. */
static json_t *compared(const char *of, const char *theirs, const char *ours, bool files)
{
    struct tl_error e;
    struct tl_case *c;
    struct tl_mistakes m = {0};
    char *text = tl_format(
             "{\"trapline\":1,\"name\":\"x\",\"model\":{\"family\":\"decoder\"},\"reference\":{%s}}", of),
         *path = tl_format("%s/case.json", reference), *list = tl_format("%s/result.json", reference);
    cr_assert_eq(tl_case_parse(text, strlen(text), path, &c, &m, &e), 0, "%s: %s %s", text, e.why,
                 m.n ? m.list[0].expected : "");
    if (theirs) {
        json_t *kept = parsed(theirs);
        cr_assert_eq(json_dump_file(kept, list, 0), 0);
        json_decref(kept);
    }
    struct tl_variant v = tl_variant_baseline(c);
    const struct tl_expectation x = {.c = c, .variant = &v, .place = files ? NULL : reference};
    json_t *result = parsed(ours), *found = tl_reference_compare(&x, trial, result, &e);
    if (!found)
        found = json_pack("{s:n,s:s}", "equal", "why", e.why);
    json_decref(result);
    tl_variant_free(&v);
    tl_case_free(c);
    tl_mistakes_free(&m);
    free(text);
    free(path);
    free(list);
    return found;
}

#define UNIT "\"unit\":\"reference\",\"tolerance\":0.01"

/* equal: 1, 0, or -1 for what cannot be said; part: of what is said about it. */
static void finds(const char *theirs, const char *ours, int equal, const char *part)
{
    json_t *found = compared(UNIT, theirs, ours, false);
    char *text = json_dumps(found, JSON_COMPACT | JSON_SORT_KEYS);
    const json_t *e = json_object_get(found, "equal");
    cr_expect_eq(json_is_null(e) ? -1 : json_is_true(e), equal, "%s\n%s\n%s", theirs, ours, text);
    cr_expect(strstr(text, part), "%s in %s", part, text);
    free(text);
    json_decref(found);
}

#define OUTPUTS(list) "{\"outputs\":[" list "]}"
#define Y(more)                                                                                              \
    "{\"name\":\"y\",\"dtype\":\"float32\",\"shape\":[2],\"finite\":true,\"hash\":\"0000000000000000\"" more \
    "}"
#define S(hash) "{\"name\":\"s\",\"dtype\":\"string\",\"shape\":[2],\"finite\":true,\"hash\":\"" hash "\"}"

Test(reference, names_types_and_shapes)
{
    finds(OUTPUTS(Y(",\"first\":[1,2]")), OUTPUTS(Y(",\"first\":[1,2]")), 1, "\"max_error\":0.0");
    finds(OUTPUTS(Y(",\"first\":[1,2]")), OUTPUTS(), 0, "\"how\":\"missing\"");
    finds(OUTPUTS(Y("")), OUTPUTS("{\"name\":\"z\",\"dtype\":\"float32\",\"shape\":[2],\"hash\":\"0\"}"), 0,
          "\"how\":\"missing\"");
    finds(OUTPUTS(Y("")),
          OUTPUTS(Y("") ",{\"name\":\"z\",\"dtype\":\"float32\",\"shape\":[2],\"hash\":\"0\"}"), 0,
          "\"how\":\"unexpected\",\"max_absolute\":null,\"max_error\":null,\"output\":\"z\"");
    finds(OUTPUTS("{\"name\":\"y\",\"dtype\":\"int64\",\"shape\":[2],\"hash\":\"0\"}"), OUTPUTS(Y("")), 0,
          "\"how\":\"type\"");
    finds(OUTPUTS("{\"name\":\"y\",\"dtype\":\"float32\",\"shape\":[1,2],\"hash\":\"0\"}"), OUTPUTS(Y("")), 0,
          "\"how\":\"shape\"");
    finds(OUTPUTS("{\"name\":\"y\",\"kind\":\"sequence\",\"hash\":\"0\"}"), OUTPUTS(Y("")), 0,
          "\"how\":\"type\"");
    finds(OUTPUTS("{\"name\":\"y\",\"dtype\":\"float8_e5m2\",\"shape\":[2],\"hash\":\"0\"}"),
          OUTPUTS("{\"name\":\"y\",\"dtype\":\"float8e5m2\",\"shape\":[2],\"hash\":\"0\"}"), 1, "");
    finds(OUTPUTS(), OUTPUTS(), -1, "no output to compare");
    finds(OUTPUTS(Y(",\"first\":[1,2]") "," Y(",\"first\":[3,4]")),
          OUTPUTS(Y(",\"first\":[1,2]") "," Y(",\"first\":[3,5]")), 0,
          "\"index\":[1]"); /* names need not be unique */
}

Test(reference, what_sent_no_values_is_not_judged)
{
    char *longer = tl_format(
             OUTPUTS("{\"name\":\"y\",\"dtype\":\"float32\",\"shape\":[2],\"finite\":true,\"hash\":\"%s\"}"),
             "0000000000000000ffff"),
         *another = tl_format(
             OUTPUTS("{\"name\":\"y\",\"dtype\":\"float32\",\"shape\":[2],\"finite\":true,\"hash\":\"%s\"}"),
             "1111111111111111");
    finds(OUTPUTS(Y("")), OUTPUTS(Y("")), 1, ""); /* the same hash */
    finds(OUTPUTS(Y("")), longer, 1, "");         /* of which one was cut */
    finds(OUTPUTS(Y("")), another, -1, "output y cannot be compared: the reference: no values were sent");
    finds(OUTPUTS(Y(",\"first\":[1,2]")), another, -1, "the trial: no values were sent");
    finds(OUTPUTS(Y(",\"first\":[1,2]")), OUTPUTS(Y(",\"first\":[1]")), 1,
          ""); /* not all of them, but the hash */
    finds(OUTPUTS(S("00000000000000000000")), OUTPUTS(S("11111111111111111111")), 0, "\"how\":\"differs\"");
    finds(OUTPUTS(S("00000000000000000000")), OUTPUTS(S("1111111111111111111111")), -1, "cannot be compared");
    finds(OUTPUTS(Y("")),
          OUTPUTS("{\"name\":\"y\",\"dtype\":\"float32\",\"shape\":[2],\"finite\":false,\"hash\":\"1\"}"), 0,
          "\"how\":\"not finite\"");
    /* One that cannot be compared hides none that is wrong, and is hidden by none that is right. */
    finds(OUTPUTS(Y("") "," S("00000000000000000000")),
          OUTPUTS("{\"name\":\"y\",\"dtype\":\"float32\",\"shape\":[2],\"finite\":true,\"hash\":\"1\"}," S(
              "11111111111111111111")),
          0, "\"output\":\"s\"");
    finds(OUTPUTS(Y("") "," S("00000000000000000000")),
          OUTPUTS("{\"name\":\"y\",\"dtype\":\"float32\",\"shape\":[2],\"finite\":true,\"hash\":\"1\"}," S(
              "00000000000000000000")),
          -1, "output y cannot");
    free(longer);
    free(another);
}

#define FILE_OF(name, dtype)                                                                                 \
    "{\"name\":\"y\",\"dtype\":\"" dtype "\",\"shape\":[2],\"finite\":true,\"hash\":\"0\",\"npy\":\"" name   \
    "\"}"

Test(reference, files_of_every_type)
{
    static const float f[] = {1, 2}, g[] = {1, 2.5}, z[] = {0, 0};
    static const uint8_t small[] = {0x38, 0x7e}, other[] = {0x38, 0x7d};
    static const float complexes[] = {1, 2, 3, 4};
    static const uint32_t texts[] = {'a', 0xe9, 'b', 0};
    put(reference, "0.npy", "<f4", 4, two, f);
    put(trial, "0.npy", "<f4", 4, two, f);
    finds(OUTPUTS(FILE_OF("0.npy", "float32")), OUTPUTS(FILE_OF("0.npy", "float32")), 1, "\"max_error\":0.0");
    put(trial, "0.npy", "<f4", 4, two, g);
    finds(OUTPUTS(FILE_OF("0.npy", "float32")), OUTPUTS(FILE_OF("0.npy", "float32")), 0, "\"index\":[1]");
    put(trial, "0.npy", "<f4", 4, two, z);
    finds(OUTPUTS(FILE_OF("0.npy", "float32")), OUTPUTS(FILE_OF("0.npy", "float32")), 0,
          "\"how\":\"all zero\"");
    put(reference, "0.npy", "|V1", 1, two, small);
    put(trial, "0.npy", "|u1", 1, two, small);
    finds(OUTPUTS(FILE_OF("0.npy", "float8e4m3fn")), OUTPUTS(FILE_OF("0.npy", "float8_e4m3fn")), 1, "");
    put(trial, "0.npy", "|u1", 1, two, other);
    finds(OUTPUTS(FILE_OF("0.npy", "float8e4m3fn")), OUTPUTS(FILE_OF("0.npy", "float8e4m3fn")), 0, "416");
    put(reference, "0.npy", "<c8", 8, two, complexes);
    put(trial, "0.npy", "<c8", 8, two, complexes);
    finds(OUTPUTS(FILE_OF("0.npy", "complex64")), OUTPUTS(FILE_OF("0.npy", "complex64")), 1, "");
    put(reference, "0.npy", "<U2", 8, two, texts);
    put(trial, "0.npy", "|S3", 3, two,
        "a\xc3\xa9"
        "b\0\0");
    finds(OUTPUTS(FILE_OF("0.npy", "string")), OUTPUTS(FILE_OF("0.npy", "string")), 1, "");
    put(trial, "0.npy", "|S3", 3, two,
        "ae\0"
        "b\0\0");
    finds(OUTPUTS(FILE_OF("0.npy", "string")), OUTPUTS(FILE_OF("0.npy", "string")), 0, "\"got\":\"ae\"");
}

Test(reference, files_that_are_not_what_they_should_be)
{
    static const float f[] = {1, 2};
    put(reference, "0.npy", "<f4", 4, two, f);
    char *outside = tl_format("%s/0.npy", reference), *link = tl_format("%s/link.npy", trial),
         *pipe = tl_format("%s/pipe.npy", trial), *directory = tl_format("%s/directory.npy", trial),
         *cut = tl_format("%s/cut.npy", trial);
    cr_assert(!symlink(outside, link) && !mkfifo(pipe, 0600) && !mkdir(directory, 0700));
    put(trial, "cut.npy", "<f4", 4, two, f);
    put(trial, "one.npy", "<f4", 4, one, f);
    put(trial, "int.npy", "<i4", 4, two, f);
    cr_assert_eq(truncate(cut, 130), 0);
    static const struct {
        const char *name, *why;
    } rows[] = {
        {"link.npy", "it is a link"},
        {"pipe.npy", "not a regular file"},
        {"directory.npy", "not a regular file"},
        {"cut.npy", "its shape needs 8 bytes"},
        {"one.npy", "another shape than it is said"},
        {"int.npy", "does not hold float32"},
        {"none.npy", "No such file"},
        {"../0.npy", "is not the name of a file in the directory"},
        {"/etc/passwd", "is not the name of a file in the directory"},
        {".", "is not the name of a file in the directory"},
        {"", "is not the name of a file in the directory"},
    };
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        char *ours = tl_format(OUTPUTS(FILE_OF("%s", "float32")), rows[i].name);
        finds(OUTPUTS("{\"name\":\"y\",\"dtype\":\"float32\",\"shape\":[2],\"finite\":true,\"hash\":\"1\","
                      "\"npy\":\"0.npy\"}"),
              ours, -1, rows[i].why);
        free(ours);
    }
    /* Such a file is not copied, either. */
    struct tl_error e;
    char *copy = tl_format("%s/copy", reference), *copied = tl_format("%s/link.npy", copy);
    json_t *result = parsed(OUTPUTS(FILE_OF("link.npy", "float32")));
    cr_expect_eq(tl_outputs_copy(trial, copy, result, &e), 0);
    cr_expect_eq(access(copied, F_OK), -1);
    json_decref(result);
    free(copy);
    free(copied);
    free(outside);
    free(link);
    free(pipe);
    free(directory);
    free(cut);
}

/* --- expected files ------------------------------------------------------------------------------------- */

static void finds_beside_file(const char *of, const char *ours, int equal, const char *part)
{
    json_t *found = compared(of, NULL, ours, true);
    char *text = json_dumps(found, JSON_COMPACT | JSON_SORT_KEYS);
    const json_t *e = json_object_get(found, "equal");
    cr_expect_eq(json_is_null(e) ? -1 : json_is_true(e), equal, "%s\n%s\n%s", of, ours, text);
    cr_expect(strstr(text, part), "%s in %s", part, text);
    free(text);
    json_decref(found);
}

#define NPY "\"outputs\":[{\"name\":\"y\",\"npy\":\"y.npy\"}]"

Test(reference, expected_files)
{
    static const float f[] = {1, 2};
    put(reference, "y.npy", "<f4", 4, two, f);
    finds_beside_file(NPY, OUTPUTS(Y(",\"first\":[1,2]")), 1, "the expected outputs");
    finds_beside_file(NPY, OUTPUTS(Y(",\"first\":[1,3]")), 0, "\"expected\":2.0,\"got\":3.0");
    finds_beside_file(NPY, OUTPUTS(), 0, "\"how\":\"missing\"");
    finds_beside_file(NPY, OUTPUTS(Y("")), -1, "the trial: no values were sent");
    finds_beside_file(NPY, OUTPUTS("{\"name\":\"y\",\"dtype\":\"float64\",\"shape\":[2],\"first\":[1,2]}"), 0,
                      "\"how\":\"type\"");
    finds_beside_file(NPY, OUTPUTS("{\"name\":\"y\",\"dtype\":\"float32\",\"shape\":[2,1],\"first\":[1,2]}"),
                      0, "\"how\":\"shape\"");
    /* Outputs that are not named are not looked at: whoever has some of the right numbers has some. */
    finds_beside_file(NPY, OUTPUTS(Y(",\"first\":[1,2]") "," S("00")), 1, "");
    finds_beside_file("\"outputs\":[{\"name\":\"y\",\"npy\":\"y.npy\",\"rtol\":0.6}]",
                      OUTPUTS(Y(",\"first\":[1,3]")), 1, "");
    finds_beside_file("\"outputs\":[{\"name\":\"y\",\"npy\":\"y.npy\",\"atol\":0.25}],\"rtol\":1",
                      OUTPUTS(Y(",\"first\":[1,3]")), 0, "\"atol\":0.25");
}

/* A TensorProto: dims 1, data_type 2, raw_data 9; the other fields as they come. */
static void put_pb(const char *bytes, size_t size)
{
    char *path = tl_format("%s/y.pb", reference);
    FILE *f = fopen(path, "wb");
    cr_assert(f && fwrite(bytes, 1, size, f) == size);
    fclose(f);
    free(path);
}
#define PB(bytes) put_pb(bytes, sizeof bytes - 1)

Test(reference, expected_tensors_of_onnx)
{
    static const char of[] = "\"outputs\":[{\"name\":\"y\",\"pb\":\"y.pb\"}]";
    PB("\x08\x02\x10\x01\x4a\x08\0\0\x80\x3f\0\0\0\x40"); /* float32 [1, 2], raw */
    finds_beside_file(of, OUTPUTS(Y(",\"first\":[1,2]")), 1, "");
    finds_beside_file(of, OUTPUTS(Y(",\"first\":[1,2.5]")), 0, "\"got\":2.5");
    PB("\x08\x02\x10\x01\x22\x08\0\0\x80\x3f\0\0\0\x40"); /* as float_data, packed */
    finds_beside_file(of, OUTPUTS(Y(",\"first\":[1,2]")), 1, "");
    PB("\x08\x02\x10\x07\x38\x01\x38\x02"); /* int64 as int64_data */
    finds_beside_file(of, OUTPUTS("{\"name\":\"y\",\"dtype\":\"int64\",\"shape\":[2],\"first\":[1,2]}"), 1,
                      "");
    PB("\x08\x02\x10\x0a\x28\x80\x78\x28\x80\x7c"); /* float16 as int32_data: their bits */
    finds_beside_file(of, OUTPUTS("{\"name\":\"y\",\"dtype\":\"float16\",\"shape\":[2],\"first\":[1,2]}"), 0,
                      "");
    PB("\x08\x02\x10\x08\x32\x01\x61\x32\x00"); /* string */
    finds_beside_file(
        of, OUTPUTS("{\"name\":\"y\",\"dtype\":\"string\",\"shape\":[2],\"first\":[\"a\",\"\"]}"), 1, "");
    PB("\x08\x03\x10\x16\x4a\x02\x71\x0f"); /* int4, two in a byte, the first in the lower half */
    finds_beside_file(of, OUTPUTS("{\"name\":\"y\",\"dtype\":\"int4\",\"shape\":[3],\"first\":[1,7,-1]}"), 1,
                      "");
    PB("\x10\x01\x4a\x04\0\0\x80\x3f"); /* a scalar */
    finds_beside_file(of, OUTPUTS("{\"name\":\"y\",\"dtype\":\"float32\",\"shape\":[],\"first\":[1]}"), 1,
                      "");
    PB("\x08\x02\x10\x01\x4a\x04\0\0\x80\x3f"); /* an element is missing */
    finds_beside_file(of, OUTPUTS(Y(",\"first\":[1,2]")), -1, "as many elements");
    PB("\x08\x80\x80\x80\x80\x10\x10\x01\x4a\x04\0\0\x80\x3f"); /* a shape without end */
    finds_beside_file(of, OUTPUTS(Y(",\"first\":[1,2]")), -1, "");
    PB("\x08\x02\x10\x63");
    finds_beside_file(of, OUTPUTS(Y(",\"first\":[1,2]")), -1, "number 99");
    PB("\x08\x02\x10\x01\x70\x01\x6a\x00"); /* elsewhere */
    finds_beside_file(of, OUTPUTS(Y(",\"first\":[1,2]")), -1, "in another file");
    PB("no tensor at all");
    finds_beside_file(of, OUTPUTS(Y(",\"first\":[1,2]")), -1, "no TensorProto");
}

/* Files with a few bytes changed, cut, or grown: whatever comes of them, nothing else does. */
Test(reference, damaged_files)
{
    static const char
        tensor[] = "\x08\x02\x08\x01\x10\x16\x2a\x02\x71\x0f\x4a\x04\x01\x02\x03\x04\x32\x01"
                   "a",
        header[] = "\x93NUMPY\x01\x00\x46\x00{'descr': '<U3', 'fortran_order': False, 'shape': (2, 3), }   "
                   "            \n";
    uint32_t random = 1;
    for (int i = 0; i < 200000; i++) {
        unsigned char bytes[128];
        bool pb = i & 1;
        size_t size = pb ? sizeof tensor - 1 : sizeof header - 1;
        memcpy(bytes, pb ? tensor : header, size);
        for (int k = 0; k < 3; k++) {
            random = random * 1664525 + 1013904223;
            bytes[(random >> 8) % size] = (unsigned char)(random >> 24);
        }
        size -= (random >> 5) % (size / 4);
        char why[160] = "";
        struct tl_tensor_pb t;
        struct tl_npy h;
        if (pb && !tl_tensor_pb_read(bytes, size, &t, why, sizeof why)) {
            cr_assert_leq(t.elements, 64);
            tl_tensor_pb_free(&t);
        } else if (pb || tl_npy_header_any(bytes, size, 152, &h, why, sizeof why)) {
            cr_assert(*why);
        } else {
            cr_assert_eq(h.offset + h.bytes, 152);
        }
    }
}
