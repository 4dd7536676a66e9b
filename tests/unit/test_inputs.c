/* Input tensors: the list, the bytes, and .npy files, honest and hostile. */
#include "cases/inputs.h"
#include "cases/npy.h"
#include "harness/base/buffer.h"
#include "harness/base/hash.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct tl_error error;

static struct tl_input *make(const char *list, const char *variant, size_t *n)
{
    json_t *l = json_loads(list, 0, NULL), *v = json_loads(variant, 0, NULL);
    cr_assert_not_null(l);
    struct tl_input *in;
    int status = tl_inputs_parse(l, NULL, v, &in, n, &error);
    cr_assert_eq(status, 0, "%s: %s", list, error.why);
    json_decref(l);
    json_decref(v);
    return in;
}

static void refuse(const char *list, const char *words)
{
    json_t *l = json_loads(list, JSON_DECODE_ANY, NULL);
    cr_assert_not_null(l, "%s", list);
    struct tl_input *in;
    size_t n;
    cr_assert_eq(tl_inputs_parse(l, NULL, NULL, &in, &n, &error), -1, "accepted %s", list);
    cr_assert_null(in);
    cr_assert(strstr(error.why, words) != NULL, "%s: %s", list, error.why);
    json_decref(l);
}

static void *bytes_of(const struct tl_input *in)
{
    void *b = tl_malloc(in->bytes);
    cr_assert_eq(tl_input_fill(in, b, in->bytes, &error), 0, "%s", error.why);
    return b;
}

Test(inputs, shapes_of_a_variant)
{
    size_t n;
    struct tl_input *in =
        make("[{\"name\":\"x\",\"dtype\":\"float16\",\"shape\":[1,\"{seq}\",3],\"fill\":{\"random\":1}},"
             "{\"name\":\"y\",\"dtype\":\"int64\",\"shape\":[],\"fill\":{\"constant\":-5}},"
             "{\"name\":\"z\",\"dtype\":\"bool\",\"shape\":[0,9],\"fill\":{\"random\":1}}]",
             "{\"seq\":7,\"other\":\"s\"}", &n);
    cr_assert_eq(n, 3);
    cr_assert_eq(in[0].rank, 3);
    cr_assert_eq(in[0].dims[1], 7);
    cr_assert_eq(in[0].elements, 21);
    cr_assert_eq(in[0].bytes, 42);
    cr_assert_eq(in[1].elements, 1);
    int64_t *y = bytes_of(&in[1]);
    cr_assert_eq(*y, -5);
    free(y);
    cr_assert_eq(in[2].bytes, 0);
    free(bytes_of(&in[2]));
    tl_inputs_free(in, n);

    refuse("[{\"name\":\"x\",\"dtype\":\"int8\",\"shape\":[\"{seq}\"],\"fill\":{\"random\":1}}]",
           "no axis seq");
    refuse("{}", "list");
    refuse("[1]", "$[0]");
    refuse("[{\"name\":\"x\",\"dtype\":\"int8\",\"shape\":[2],\"data\":[1]}]", "expected 2 elements");
    refuse("[{\"name\":\"x\",\"dtype\":\"uint8\",\"shape\":[1],\"data\":[-1]}]", "$[0].data[0]");
    refuse("[{\"name\":\"x\",\"dtype\":\"float16\",\"shape\":[1],\"data\":[65505]}]", "65504");
    refuse("[{\"name\":\"x\",\"dtype\":\"int8\",\"shape\":[9223372036854775807,2],\"fill\":{\"random\":1}}]",
           "16 GiB");
}

Test(inputs, random_is_the_same_everywhere)
{
    /* The bytes are part of what a finding means: they may not change from version to version. */
    static const struct {
        const char *dtype, *id;
    } known[] = {
        {"float32", "4a1bceadf4cfc32afc8d907d99f9211f"},  {"float16", "583168fcf24f518f285e0bae1b5f6341"},
        {"bfloat16", "4077c4614e7a8aa745ecd446fff2b0bd"}, {"float64", "0a0513145ae4bd5a03f389b5502535b7"},
        {"int8", "31b16eb06295e865be8b49a566b490a3"},     {"int16", "e2a79c9a6bd78cf55172aaf8c5e529c5"},
        {"int32", "35b8b4597d46ac0496c70212db84198d"},    {"int64", "a0ee7a8bedcec8030b7e4567c32502e7"},
        {"uint8", "3b7cbeecbdc66e02cb17736d81577e96"},    {"uint64", "a0ee7a8bedcec8030b7e4567c32502e7"},
        {"bool", "689057c148914e75ff998d22e6cf0d57"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char *list = tl_format("[{\"name\":\"x\",\"dtype\":\"%s\",\"shape\":[1000],\"fill\":{\"random\":7}}]",
                               known[i].dtype);
        size_t n;
        struct tl_input *in = make(list, "{}", &n);
        void *b = bytes_of(in);
        char id[TL_ID_SIZE];
        tl_content_id(b, in->bytes, id);
        cr_expect_str_eq(id, known[i].id, "%s: %s", known[i].dtype, id);
        double least = INFINITY, most = -INFINITY, sum = 0;
        for (uint64_t k = 0; k < in->elements; k++) {
            double v = tl_element_value(in->dtype, b, k);
            least = fmin(least, v);
            most = fmax(most, v);
            sum += v;
        }
        if (tl_dtype_is_float(in->dtype)) {
            cr_assert(least >= -1 && least < -0.95 && most < 1 && most > 0.95, "%s: %g %g", known[i].dtype,
                      least, most);
            cr_assert_lt(fabs(sum), 100);
        } else {
            cr_assert(least >= -8 && most <= 7 && most > least, "%s", known[i].dtype);
        }
        free(b);
        tl_inputs_free(in, n);
        free(list);
    }
}

Test(inputs, seeds_differ)
{
    size_t n;
    struct tl_input *in = make("[{\"name\":\"a\",\"dtype\":\"int64\",\"shape\":[64],\"fill\":{\"random\":1}},"
                               "{\"name\":\"b\",\"dtype\":\"int64\",\"shape\":[64],\"fill\":{\"random\":2}}]",
                               "{}", &n);
    void *a = bytes_of(&in[0]), *b = bytes_of(&in[1]);
    cr_assert(memcmp(a, b, in[0].bytes) != 0);
    cr_assert(memcmp((char *)a + 8, b, in[0].bytes - 8) != 0); /* nor is one the other, shifted */
    free(a);
    free(b);
    tl_inputs_free(in, n);
}

Test(inputs, constants_ranges_and_data)
{
    size_t n;
    struct tl_input *in =
        make("[{\"name\":\"a\",\"dtype\":\"int8\",\"shape\":[4],\"fill\":{\"range\":[126,1]}},"
             "{\"name\":\"b\",\"dtype\":\"float32\",\"shape\":[3],\"fill\":{\"range\":[1,-0.5]}},"
             "{\"name\":\"c\",\"dtype\":\"bool\",\"shape\":[3],\"data\":[true,0,1]},"
             "{\"name\":\"d\",\"dtype\":\"float16\",\"shape\":[4],\"data\":[\"nan\",\"-inf\",65504,-0.1]},"
             "{\"name\":\"e\",\"dtype\":\"bfloat16\",\"shape\":[2],\"fill\":{\"constant\":\"inf\"}},"
             "{\"name\":\"f\",\"dtype\":\"int64\",\"shape\":[2],\"data\":[-9223372036854775808,"
             "9223372036854775807]}]",
             "{}", &n);
    cr_assert_eq(n, 6);
    int8_t *a = bytes_of(&in[0]);
    cr_assert(a[0] == 126 && a[1] == 127 && a[2] == -128 && a[3] == -127);
    float *b = bytes_of(&in[1]);
    cr_assert(b[0] == 1 && b[1] == 0.5f && b[2] == 0);
    char *c = bytes_of(&in[2]);
    cr_assert(c[0] == 1 && c[1] == 0 && c[2] == 1);
    void *d = bytes_of(&in[3]);
    cr_assert(isnan(tl_element_value(TL_DTYPE_FLOAT16, d, 0)));
    cr_assert_eq(tl_element_value(TL_DTYPE_FLOAT16, d, 1), (double)-INFINITY);
    cr_assert_eq(tl_element_value(TL_DTYPE_FLOAT16, d, 2), 65504.0);
    void *e = bytes_of(&in[4]);
    cr_assert_eq(tl_element_value(TL_DTYPE_BFLOAT16, e, 1), (double)INFINITY);
    int64_t *f = bytes_of(&in[5]);
    cr_assert(f[0] == INT64_MIN && f[1] == INT64_MAX);
    cr_assert_eq(tl_input_fill(&in[0], a, 3, &error), -1); /* too small a buffer is refused */
    free(a);
    free(b);
    free(c);
    free(d);
    free(e);
    free(f);
    tl_inputs_free(in, n);
}

Test(inputs, halves)
{
    for (unsigned bits = 0; bits < 65536; bits++) {
        double v = tl_half_to_double((uint16_t)bits), w = tl_bfloat16_to_double((uint16_t)bits);
        if (!isnan(v))
            cr_assert_eq(tl_half_from_double(v), bits, "half %x", bits);
        if (!isnan(w))
            cr_assert_eq(tl_bfloat16_from_double(w), bits, "bfloat16 %x", bits);
    }
    cr_assert_eq(tl_half_from_double(1 + 0x1p-11), 0x3c00); /* ties go to even */
    cr_assert_eq(tl_half_from_double(1 + 0x3p-11), 0x3c02);
    cr_assert_eq(tl_half_from_double(65519.9), 0x7bff);
    cr_assert_eq(tl_half_from_double(65520), 0x7c00);
    cr_assert_eq(tl_half_from_double(0x1p-25), 0);
    cr_assert_eq(tl_half_from_double(0x1.8p-25), 1);
    cr_assert(isnan(tl_half_to_double(tl_half_from_double(NAN))));
}

static char directory[64];

static void make_directory(void)
{
    strcpy(directory, "/tmp/trapline-test-inputs-XXXXXX");
    cr_assert_not_null(mkdtemp(directory));
}

static void remove_directory(void)
{
    char *path = tl_format("%s/x.npy", directory), *list = tl_format("%s/inputs.json", directory);
    unlink(path);
    unlink(list);
    rmdir(directory);
    free(path);
    free(list);
}

TestSuite(npy, .init = make_directory, .fini = remove_directory);

Test(npy, round_trip_of_every_dtype)
{
    static const enum tl_dtype all[] = {
        TL_DTYPE_FLOAT32, TL_DTYPE_FLOAT16, TL_DTYPE_BFLOAT16, TL_DTYPE_FLOAT64, TL_DTYPE_INT8,
        TL_DTYPE_INT16,   TL_DTYPE_INT32,   TL_DTYPE_INT64,    TL_DTYPE_UINT8,   TL_DTYPE_UINT16,
        TL_DTYPE_UINT32,  TL_DTYPE_UINT64,  TL_DTYPE_BOOL};
    char *path = tl_format("%s/x.npy", directory);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        char *list =
            tl_format("[{\"name\":\"x\",\"dtype\":\"%s\",\"shape\":[2,3,5],\"fill\":{\"random\":3}}]",
                      tl_dtype_name(all[i]));
        size_t n;
        struct tl_input *in = make(list, "{}", &n);
        void *b = bytes_of(in);
        for (size_t rank = 0; rank < 4; rank++) { /* (), (2,), (2, 3), (2, 3, 5) */
            cr_assert_eq(tl_npy_write(path, all[i], rank, in->dims, b, &error), 0, "%s", error.why);
            struct tl_npy h;
            cr_assert_eq(tl_npy_open(path, &h, &error), 0, "%s", error.why);
            cr_assert_eq(h.dtype, all[i]);
            cr_assert_eq(h.rank, rank);
            cr_assert_arr_eq(h.dims, in->dims, rank * sizeof *h.dims);
            cr_assert_eq(h.offset % 64, 0);
            void *back = tl_malloc(h.bytes);
            cr_assert_eq(tl_npy_read(path, &h, back, h.bytes, &error), 0);
            cr_assert_arr_eq(back, b, h.bytes);
            free(back);
        }
        free(b);
        tl_inputs_free(in, n);
        free(list);
    }
    free(path);
}

Test(npy, no_elements_whatever_the_other_sizes)
{
    static const int64_t shapes[][3] = {
        {INT64_MAX, INT64_MAX, 0}, {0, INT64_MAX, INT64_MAX}, {INT64_MAX, 0, 3}};
    char *path = tl_format("%s/none.npy", directory);
    struct tl_npy h;
    for (size_t i = 0; i < TL_COUNT(shapes); i++) {
        cr_assert_eq(tl_npy_write(path, TL_DTYPE_FLOAT64, 3, shapes[i], NULL, &error), 0, "%s", error.why);
        cr_assert_eq(tl_npy_open(path, &h, &error), 0, "%s", error.why);
        cr_assert_eq(h.elements + h.bytes, 0);
    }
    static const int64_t huge[] = {INT64_MAX, INT64_MAX};
    cr_assert_eq(tl_npy_write(path, TL_DTYPE_FLOAT64, 2, huge, NULL, &error), -1);
    free(path);
}

Test(npy, inputs_from_files)
{
    char *path = tl_format("%s/x.npy", directory), *list = tl_format("%s/inputs.json", directory);
    static const float data[] = {1, 2, 3, 4, 5, 6};
    static const int64_t dims[] = {2, 3};
    cr_assert_eq(tl_npy_write(path, TL_DTYPE_FLOAT32, 2, dims, data, &error), 0);
    FILE *f = fopen(list, "w");
    fputs("[{\"name\":\"x\",\"npy\":\"x.npy\"},{\"name\":\"y\",\"dtype\":\"float32\",\"shape\":[2,3],\"npy\":"
          "\"x.npy\"}]",
          f);
    fclose(f);
    struct tl_input *in;
    size_t n;
    cr_assert_eq(tl_inputs_load(list, NULL, &in, &n, &error), 0, "%s", error.why);
    cr_assert_eq(n, 2);
    cr_assert_eq(in[0].dtype, TL_DTYPE_FLOAT32);
    cr_assert_eq(in[0].dims[1], 3);
    for (size_t i = 0; i < 2; i++) {
        void *b = bytes_of(&in[i]);
        cr_assert_arr_eq(b, data, sizeof data);
        free(b);
    }
    static const int64_t other[] = {3, 2}; /* the file changes after it was checked */
    cr_assert_eq(tl_npy_write(path, TL_DTYPE_FLOAT32, 2, other, data, &error), 0);
    float b[6];
    cr_assert_eq(tl_input_fill(&in[0], b, sizeof b, &error), -1);
    tl_inputs_free(in, n);
    cr_assert_eq(tl_inputs_load(list, NULL, &in, &n, &error), -1); /* y is (2, 3) */
    cr_assert(strstr(error.why, "$[1].npy") != NULL, "%s", error.why);
    cr_assert_eq(tl_inputs_load(directory, NULL, &in, &n, &error), -1);
    free(path);
    free(list);
}

static int header(const char *dictionary, int version, size_t data, char *why)
{
    unsigned char file[1024] = {0x93, 'N', 'U', 'M', 'P', 'Y', (unsigned char)version, 0};
    size_t start = version == 1 ? 10 : 12, n = strlen(dictionary);
    file[8] = (unsigned char)n;
    file[9] = (unsigned char)(n >> 8);
    memcpy(file + start, dictionary, n);
    struct tl_npy h;
    return tl_npy_header(file, start + n, start + n + data, &h, why, 128);
}

Test(npy, headers)
{
    char why[128];
    for (int version = 1; version <= 3; version++) {
        cr_assert_eq(
            header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  \n", version, 24, why), 0,
            "%s", why);
        cr_assert_eq(
            header("{\"shape\": (3L,), \"fortran_order\": False, \"descr\": \"|u1\"}", version, 3, why), 0,
            "%s", why);
        cr_assert_eq(header("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", version, 8, why), 0,
                     "%s", why);
        cr_assert_eq(header("{'descr': '<f8', 'fortran_order': False, 'shape': (0,), }", version, 0, why), 0,
                     "%s", why);
    }
    static const char *const hostile[] = {
        "",
        "{",
        "{}",
        "{'descr': '<f4'",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6)}",
        "{'descr': '<f4', 'fortran_order': True, 'shape': (6,)}",
        "{'descr': '>f4', 'fortran_order': False, 'shape': (6,)}",
        "{'descr': '|O', 'fortran_order': False, 'shape': (6,)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-6,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,6)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'shape': (6,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6,), 'x': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (6,)} import os",
        "{'descr': '<f4\\', 'fortran_order': False, 'shape': (6,)}",
        "{'descr': '<f4<f4<f4<f4<f4<f4<f4<f4<f4<f4<f4', 'fortran_order': False, 'shape': (6,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (7,)}",
    };
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        why[0] = '\0';
        cr_assert_eq(header(hostile[i], 1, 24, why), -1, "accepted %s", hostile[i]);
        cr_assert(why[0]);
    }
    struct tl_npy h;
    static const char magic[] = "\x93NUMPY\x01\x00\xff\xff";
    for (size_t n = 0; n <= 10; n++)
        cr_assert_eq(tl_npy_header(magic, n, n, &h, why, sizeof why), -1);
    cr_assert_eq(tl_npy_open("/dev/zero", &h, &error), -1);
    cr_assert_eq(tl_npy_open("/", &h, &error), -1);
}
