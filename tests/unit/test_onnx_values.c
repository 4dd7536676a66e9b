/* Elements, types and sizes of tensors: other ones in their place, and what is beside a model. */
#include "cases/onnx/graph_data.h"
#include "cases/onnx/graph_fill.h"
#include "cases/onnx/graph_query.h"
#include "cases/onnx/tensor_pb.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"
#include "onnx_fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void one_tensor(struct fixture *f, size_t n, const float *values)
{
    const int64_t dims[] = {-1, 4};
    fixture_begin(f, 13);
    fixture_input(f->graph, "x", 2, dims);
    fixture_floats(f->graph, "w", n, values);
    fixture_node(f->graph, "Add", "x w", "y");
    fixture_output(f->graph, "y");
}

Test(onnx_values, zeros_ones_and_some_that_are_kept)
{
    static const float values[] = {1, 2, 3, 4, 5};
    struct fixture f;
    one_tensor(&f, 5, values);
    struct tl_onnx_model *m =
        fixture_apply(&f, "[{\"fill\":{\"tensors\":\"0\",\"with\":\"zeros\",\"keep\":\"1-2,4\"}}]", NULL);
    struct tl_tensor_pb t = tensor_of(m, 0);
    cr_assert(at(&t, 0) == 0 && at(&t, 1) == 2 && at(&t, 2) == 3 && at(&t, 3) == 0 && at(&t, 4) == 5);
    tl_tensor_pb_free(&t);
    tl_onnx_model_free(m);
    m = fixture_apply(&f, "[{\"fill\":{\"tensors\":\"0\",\"with\":\"ones\"}}]", NULL);
    t = tensor_of(m, 0);
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(at(&t, i), 1);
    tl_tensor_pb_free(&t);
    tl_onnx_model_free(m);
    static const char *const wrong[][2] = {
        {"\"tensors\":\"1\",\"with\":\"zeros\"", "only 0 of these 1"},
        {"\"tensors\":\"0\",\"with\":\"sevens\"", "\"random\" is expected"},
        {"\"tensors\":\"2-1\",\"with\":\"ones\"", "a set like"},
        {"\"tensors\":\"0,0\",\"with\":\"ones\"", "a set like"},
        {"\"tensors\":\"0\",\"with\":\"ones\",\"keep\":\"5\"", "has 5 elements"},
        {"\"tensors\":\"0-9223372036854775807\",\"with\":\"ones\"", "only 1 of these"}};
    for (size_t i = 0; i < TL_COUNT(wrong); i++) {
        char *edits = tl_format("[{\"fill\":{%s}}]", wrong[i][0]);
        const char *why = fixture_edited(&f, edits);
        cr_assert(strstr(why, wrong[i][1]), "%s: %s", edits, why);
        free(edits);
    }
}

/* Nothing is left of the values but what they come to. */
Test(onnx_values, random_ones_have_the_statistics_of_what_was_there)
{
    enum { N = 20000 };
    float *values = tl_calloc(N, sizeof *values);
    struct fixture f;
    for (size_t i = 0; i < N; i++)
        values[i] = i % 4 == 0 ? 0 : i % 1000 == 1 ? NAN : (float)(5 + sin((double)i) * 2);
    values[N / 2 + 1] = -30;
    one_tensor(&f, N, values);
    struct tl_onnx_model *m =
        fixture_apply(&f, "[{\"fill\":{\"tensors\":\"0\",\"with\":\"random\",\"seed\":3}}]", NULL);
    struct tl_tensor_pb t = tensor_of(m, 0),
                        old = {.type = t.type, .elements = N, .data = (unsigned char *)values};
    struct tl_onnx_statistics was, is;
    tl_onnx_statistics_of(&old, &was);
    tl_onnx_statistics_of(&t, &is);
    cr_assert_float_eq(is.mean, was.mean, 0.05);
    cr_assert_float_eq(is.deviation, was.deviation, 0.05);
    cr_assert_eq(is.least, was.least);
    cr_assert_eq(is.most, was.most);
    cr_assert_float_eq((double)is.zeros, (double)was.zeros, N / 50);
    cr_assert_eq(was.nans, 19);
    cr_assert(is.nans > 5 && is.nans < 50);
    size_t same = 0;
    for (size_t i = 0; i < N; i++)
        same += values[i] != 0 && !memcmp(&values[i], t.data + i * 4, 4);
    cr_assert_lt(same, N / 100);
    tl_tensor_pb_free(&t);
    tl_onnx_model_free(m);
    m = fixture_apply(&f, "[{\"fill\":{\"tensors\":\"0\",\"with\":\"random\",\"seed\":3}}]", NULL);
    struct tl_tensor_pb again = tensor_of(m, 0);
    tl_onnx_statistics_of(&again, &was);
    cr_assert_eq(was.mean, is.mean);
    tl_tensor_pb_free(&again);
    tl_onnx_model_free(m);
    free(values);
}

/* Every type: what is stored of it has the size that it should have, and a pattern of at most 8 bits is one that was there. */
Test(onnx_values, of_every_type)
{
    for (int number = 1; tl_element_type_number(number); number++) {
        const struct tl_element_type *type = tl_element_type_number(number);
        if (type->kind == TL_ELEMENT_STRING)
            continue;
        struct tl_tensor_pb t = {.type = type, .elements = 9};
        struct tl_onnx_fill fill = {.kind = TL_ONNX_RANDOM, .seed = 5};
        t.data = tl_calloc(10, type->size);
        memset(t.data, type->bits < 8 ? 1 : 0x3c, 9u * type->size);
        t.data[0] = 0;
        tl_onnx_statistics_of(&t, &fill.statistics);
        unsigned char was = t.data[type->size];
        tl_onnx_fill_tensor(&fill, &t);
        for (size_t i = 0; i < 9 && type->size == 1; i++)
            cr_assert(t.data[i] == 0 || t.data[i] == was, "%s", type->name);
        fill.kind = TL_ONNX_ONES;
        tl_onnx_fill_tensor(&fill, &t);
        struct tl_element one;
        tl_element_read(type, t.data + type->size, &one);
        cr_assert(one.real == 1 || one.magnitude == 1, "%s", type->name);
        fill.kind = TL_ONNX_ZEROS;
        tl_onnx_fill_tensor(&fill, &t);
        cr_assert_eq(t.data[8], 0);
        tl_onnx_statistics_free(&fill.statistics);
        free(t.data);
    }
}

/* A recorded input alone. */
Test(onnx_values, a_tensor_alone)
{
    static const float values[] = {1, 2, 3, 4};
    static const int64_t dims[] = {4};
    struct tl_error e = {0};
    struct tl_tensor_pb t;
    uint8_t *bytes, *filled;
    size_t size, n;
    char why[128];
    cr_assert_eq(tl_onnx_tensor_make(1, 1, dims, values, sizeof values, &bytes, &size, &e), 0);
    cr_assert_eq(tl_onnx_tensor_fill(bytes, size, "ones", 0, (const uint64_t[]){2, 3}, 1, &filled, &n, &e), 0,
                 "%s", e.why);
    cr_assert_eq(tl_tensor_pb_read(filled, n, &t, why, sizeof why), 0);
    cr_assert(at(&t, 0) == 1 && at(&t, 1) == 1 && at(&t, 2) == 3 && at(&t, 3) == 4);
    tl_tensor_pb_free(&t);
    free(filled);
    cr_assert_eq(tl_onnx_tensor_fill(bytes, size, "ones", 0, (const uint64_t[]){2, 4}, 1, &filled, &n, &e),
                 -1);
    cr_assert_eq(tl_onnx_tensor_fill(bytes, size, "twos", 0, NULL, 0, &filled, &n, &e), -1);
    cr_assert_eq(tl_onnx_tensor_fill(bytes, size - 1, "ones", 0, NULL, 0, &filled, &n, &e), -1);
    cr_assert_eq(tl_onnx_tensor_make(1, 1, dims, values, 15, &filled, &n, &e), -1);
    free(bytes);
}

Test(onnx_values, float16_becomes_float32)
{
    static const int64_t dims[] = {2};
    static const uint16_t halves[] = {0x3c00, 0xc000};
    struct fixture f;
    fixture_begin(&f, 13);
    fixture_input(f.graph, "x", 1, dims);
    f.graph->input[0]->type->tensor_type->elem_type = 10;
    Onnx__TensorProto *w = fixture_floats(f.graph, "w", 2, (const float[]){0, 0});
    w->n_float_data = 0;
    w->data_type = 10;
    w->has_raw_data = 1;
    w->raw_data = (ProtobufCBinaryData){sizeof halves, (uint8_t *)(uintptr_t)halves};
    fixture_int(fixture_node(f.graph, "Cast", "x", "a"), "to", 10);
    fixture_node(f.graph, "Add", "a w", "y");
    fixture_output(f.graph, "y");
    struct tl_onnx_model *m = fixture_apply(&f, "[{\"float32\":10}]", NULL);
    struct tl_tensor_pb t = tensor_of(m, 0);
    cr_assert_eq(t.type->number, 1);
    cr_assert(at(&t, 0) == 1 && at(&t, 1) == -2);
    tl_tensor_pb_free(&t);
    tl_onnx_model_free(m);
    cr_assert(strstr(fixture_edited(&f, "[{\"float32\":1}]"), "bfloat16"));
}

Test(onnx_values, sizes)
{
    static const float values[] = {1, 2, 3, 4};
    static const int64_t shape[] = {-1, 4, 7};
    struct fixture f;
    one_tensor(&f, 4, values);
    fixture_ints(f.graph, "shape", 3, shape);
    fixture_node(f.graph, "Reshape", "y shape", "z");
    fixture_output(f.graph, "z");
    struct tl_onnx_model *m = fixture_read(&f);
    json_t *places = tl_onnx_places_of_size(m, 4);
    char *text = json_dumps(places, JSON_COMPACT | JSON_SORT_KEYS);
    cr_assert_str_eq(text,
                     "{\"attributes\":[],\"elements\":[[1,1]],\"inputs\":[[\"x\",1]],\"tensors\":[[0,0]]}");
    tl_onnx_model_free(m);
    json_object_set_new(places, "to", json_integer(6));
    char *edits = tl_format("[{\"dimension\":%s}]", (free(text), text = json_dumps(places, 0)));
    m = fixture_apply(&f, edits, NULL);
    struct tl_tensor_pb t = tensor_of(m, 0);
    cr_assert(t.elements == 6 && at(&t, 3) == 4 && at(&t, 5) == 2); /* longer: gone through again */
    tl_tensor_pb_free(&t);
    t = tensor_of(m, 1);
    cr_assert(at(&t, 1) == 6 && at(&t, 2) == 7);
    tl_tensor_pb_free(&t);
    json_decref(places);
    places = tl_onnx_places_of_size(m, 6);
    cr_assert_eq(json_array_size(json_object_get(places, "inputs")), 1);
    json_decref(places);
    tl_onnx_model_free(m);
    m = fixture_apply(&f, "[{\"dimension\":{\"to\":3,\"symbols\":[\"batch\"]}}]", NULL);
    places = tl_onnx_places_of_size(m, 3);
    cr_assert_eq(json_array_size(json_object_get(places, "inputs")), 1);
    json_decref(places);
    tl_onnx_model_free(m);
    free(edits);
    free(text);
    static const char *const wrong[][2] = {{"\"to\":-1", "not negative"},
                                           {"\"to\":2,\"inputs\":[[\"x\",2]]", "has no axis 2"},
                                           {"\"to\":2,\"inputs\":[[\"q\",0]]", "no input with the name q"},
                                           {"\"to\":2,\"tensors\":[[0,1]]", "no axis 1"},
                                           {"\"to\":2,\"tensors\":[[8,0]]", "no tensor with the number 8"},
                                           {"\"to\":2,\"elements\":[[0,0]]", "no whole number"},
                                           {"\"to\":2,\"attributes\":[[0,\"k\",0]]", "no whole number k[0]"},
                                           {"\"to\":9000000000000000000,\"tensors\":[[0,0]]", "too large"}};
    for (size_t i = 0; i < TL_COUNT(wrong); i++) {
        edits = tl_format("[{\"dimension\":{%s}}]", wrong[i][0]);
        const char *why = fixture_edited(&f, edits);
        cr_assert(strstr(why, wrong[i][1]), "%s: %s", edits, why);
        free(edits);
    }
}

static bool says(void *arg)
{
    return *(bool *)arg;
}

/* Weights beside the model: read where they are small, written anew beside it where they are large, zeros as a hole. */
Test(onnx_values, beside_the_model)
{
    enum { LARGE = 1 << 20, SMALL = 16 };
    char directory[] = "/tmp/tl-onnx-values-XXXXXX";
    struct fixture f;
    struct tl_error e = {0};
    struct tl_onnx_data_file *files;
    struct stat st;
    size_t n;
    float *values = tl_calloc(LARGE + SMALL, sizeof *values);
    cr_assert(mkdtemp(directory));
    char *path = tl_format("%s/w.bin", directory), *made = tl_format("%s/made", directory);
    for (size_t i = 0; i < LARGE + SMALL; i++)
        values[i] = (float)(i % 97) + 1;
    cr_assert_eq(tl_write_new_file(path, values, (LARGE + SMALL) * sizeof *values, 0600, false), 0);
    fixture_begin(&f, 13);
    fixture_external(f.graph, "large", LARGE, "w.bin", NULL);
    fixture_external(f.graph, "small", SMALL, "w.bin", "4194304");
    fixture_external(f.graph, "other", LARGE, "w.bin", NULL);
    fixture_node(f.graph, "Concat", "large small other", "y");
    fixture_output(f.graph, "y");
    const struct tl_onnx_sources sources = {.directory = directory};
    struct tl_onnx_model *m = fixture_apply(
        &f,
        "[{\"fill\":{\"tensors\":\"0\",\"with\":\"zeros\"}},{\"fill\":{\"tensors\":\"1-2\",\"with\":"
        "\"random\",\"seed\":1,\"keep\":\"3,5-6\"}},{\"inside\":\"1\"}]",
        &sources);
    struct tl_onnx_weight *weights;
    tl_onnx_weights(m, &weights, &n);
    cr_assert(n == 3 && weights[0].location && !weights[1].location && weights[2].location);
    free(weights);
    struct tl_tensor_pb t = tensor_of(m, 1);
    cr_assert(at(&t, 3) == values[LARGE + 3] && at(&t, 5) == values[LARGE + 5]);
    tl_tensor_pb_free(&t);
    tl_onnx_data_files(m, &files, &n);
    cr_assert(n == 1 && files[0].made && !strcmp(files[0].location, "values.data"));
    cr_assert_eq(files[0].size, 2u * LARGE * sizeof *values + 4096);
    int fd = open(made, O_RDWR | O_CREAT, 0600);
    bool over = true;
    tl_onnx_data_patience(m, says, &over);
    cr_assert(tl_onnx_data_write(m, directory, fd, made, &e) && e.kind == TL_ERROR_INTERRUPTED);
    over = false;
    cr_assert_eq(tl_onnx_data_write(m, directory, fd, made, &e), 0, "%s", e.why);
    cr_assert_eq(fstat(fd, &st), 0);
    cr_assert_eq((uint64_t)st.st_size, files[0].size);
    cr_assert_lt((uint64_t)st.st_blocks * 512, files[0].size * 3 / 4);
    float kept[8];
    cr_assert_eq(tl_read_at(fd, kept, sizeof kept, LARGE * sizeof *values + 4096), (int64_t)sizeof kept);
    cr_assert(kept[3] == 4 && kept[5] == 6 && kept[6] == 7);
    close(fd);
    tl_onnx_data_files_free(files, n);
    tl_onnx_model_free(m);
    /* A file that is too short, or not there. Nothing is made of what is not there, also not what would take no memory. */
    cr_assert_eq(truncate(path, 100), 0);
    cr_assert(
        strstr(fixture_edited(&f, "[{\"fill\":{\"tensors\":\"1\",\"with\":\"random\"}}]"), "No such file"));
    cr_assert(
        strstr(fixture_edited(&f, "[{\"fill\":{\"tensors\":\"0\",\"with\":\"ones\"}}]"), "No such file"));
    m = fixture_apply(&f, "[]", NULL);
    cr_assert_eq(tl_onnx_data_pack(m, directory, &e), -1);
    cr_assert(strstr(e.why, "it ends before"), "%s", e.why);
    uint8_t *bytes;
    size_t size;
    cr_assert_eq(tl_onnx_weight_read(m, 0, directory, &bytes, &size, &e), -1);
    cr_assert(strstr(e.why, "it ends before"), "%s", e.why);
    tl_onnx_model_free(m);
    cr_assert_eq(tl_remove_tree(directory), 0);
    free(values);
    free(path);
    free(made);
}

/* A large one of so many rows of 2048, of a type; inside of the model, or beside it. */
static void large_tensor(struct fixture *f, int type, int64_t rows, size_t size, const unsigned char *data,
                         const char *beside)
{
    static int64_t dims[2];
    static const int64_t one[] = {1};
    dims[0] = rows;
    dims[1] = 2048;
    fixture_begin(f, 13);
    fixture_input(f->graph, "x", 1, one);
    Onnx__TensorProto *w = beside ? fixture_external(f->graph, "w", 1, beside, NULL)
                                  : fixture_floats(f->graph, "w", 1, (const float[]){0});
    w->data_type = type;
    w->n_dims = 2;
    w->dims = dims;
    if (!beside) {
        w->n_float_data = 0;
        w->has_raw_data = 1;
        w->raw_data = (ProtobufCBinaryData){size, (uint8_t *)(uintptr_t)data};
    }
    fixture_node(f->graph, "Add", "x w", "y");
    fixture_output(f->graph, "y");
}

/* What is large and beside the model is edited a piece at a time: with what comes of the same edits inside of it. */
Test(onnx_values, edits_beside_the_model_are_those_inside)
{
    static const struct {
        int type, size; /* of 8 elements: bytes */
        const char *edits;
    } cases[] = {
        {1, 32, "{\"dimension\":{\"to\":700,\"tensors\":[[0,1]]}}"},
        {1, 32, "{\"dimension\":{\"to\":3,\"tensors\":[[0,1]]}}"},
        {1, 32, "{\"dimension\":{\"to\":300,\"tensors\":[[0,0]]}}"},
        {1, 32, "{\"dimension\":{\"to\":3000,\"tensors\":[[0,1]]}}"},
        {1, 32,
         "{\"dimension\":{\"to\":200,\"tensors\":[[0,0]]}},{\"dimension\":{\"to\":2000,\"tensors\":[[0,1]]}},"
         "{\"element\":[[0,5,8.5],[0,399999,-1]]},{\"fill\":{\"tensors\":\"0\",\"with\":\"ones\",\"keep\":"
         "\"5-9,2005,399999\"}}"},
        {1, 32,
         "{\"dimension\":{\"to\":130,\"tensors\":[[0,0]],\"take\":\"1,3-5,100-225\"}},"
         "{\"dimension\":{\"to\":2047,\"tensors\":[[0,1]],\"take\":\"0-1000,1002-2047\"}}"},
        {1, 32,
         "{\"fill\":{\"tensors\":\"0\",\"with\":\"random\",\"seed\":1}},{\"fill\":{\"tensors\":\"0\","
         "\"with\":"
         "\"zeros\",\"keep\":\"7,300000-300010\"}},{\"dimension\":{\"to\":2046,\"tensors\":[[0,1]]}}"},
        {1, 32,
         "{\"fill\":{\"tensors\":\"0\",\"with\":\"ones\"}},{\"dimension\":{\"to\":2040,\"tensors\":[[0,1]]}"
         "}"},
        {10, 16, "{\"float32\":10},{\"dimension\":{\"to\":255,\"tensors\":[[0,0]]}}"},
        {11, 64, "{\"fill\":{\"tensors\":\"0\",\"with\":\"ones\"}},{\"float32\":11}"},
        {7, 64, "{\"int32\":true},{\"dimension\":{\"to\":77,\"elements\":[[0,500000]]}}"},
        {3, 8,
         "{\"dimension\":{\"to\":9000,\"tensors\":[[0,1]]}},{\"dimension\":{\"to\":8191,\"tensors\":[[0,1]]}"
         "}"},
        {22, 4,
         "{\"dimension\":{\"to\":3001,\"tensors\":[[0,1]]}},{\"dimension\":{\"to\":2999,\"tensors\":[[0,1]]}"
         "}"},
    };
    enum { MOST = 256 * 2048 * 8 };
    char directory[] = "/tmp/tl-onnx-values-XXXXXX";
    cr_assert(mkdtemp(directory));
    char *path = tl_format("%s/w.bin", directory);
    unsigned char *data = tl_calloc(MOST, 1);
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        const int64_t rows = cases[i].size > 8 ? 256 : 1024;
        const size_t size = (size_t)rows * 256 * (size_t)cases[i].size;
        for (size_t k = 0; k < size; k++) /* small numbers of 64 bits, and any bytes of the others */
            data[k] = cases[i].type == 7 && k % 8 > 2 ? 0 : (unsigned char)(k * 2654435761u >> 17) & 0x3f;
        unlink(path);
        cr_assert_eq(tl_write_new_file(path, data, size, 0600, false), 0);
        const struct tl_onnx_sources sources = {.directory = directory};
        struct fixture inside, beside;
        large_tensor(&inside, cases[i].type, rows, size, data, NULL);
        large_tensor(&beside, cases[i].type, rows, size, data, "w.bin");
        char *edits = tl_format("[%s]", cases[i].edits);
        struct tl_onnx_model *a = fixture_apply(&inside, edits, &sources),
                             *b = fixture_apply(&beside, edits, &sources);
        struct tl_error e = {0};
        uint8_t *left, *right;
        size_t n_left, n_right;
        cr_assert_eq(tl_onnx_weight_read(a, 0, directory, &left, &n_left, &e), 0, "%s", e.why);
        cr_assert_eq(tl_onnx_weight_read(b, 0, directory, &right, &n_right, &e), 0, "%s: %s", edits, e.why);
        cr_assert(n_left == n_right && !memcmp(left, right, n_left), "%s", edits);
        free(left);
        free(right);
        tl_onnx_model_free(a);
        tl_onnx_model_free(b);
        free(edits);
    }
    free(data);
    free(path);
    cr_assert_eq(tl_remove_tree(directory), 0);
}

/* Tensors of one value share a part, in whatever order they come; what is kept of the original's files is packed, under a name
 * of the caller's. */
Test(onnx_values, parts_that_are_shared_and_packed)
{
    enum { LARGE = 1 << 18 };
    char directory[] = "/tmp/tl-onnx-values-XXXXXX";
    struct fixture f;
    struct tl_error e = {0};
    struct tl_onnx_data_file *files;
    size_t n;
    float *values = tl_calloc(8 * LARGE, sizeof *values);
    cr_assert(mkdtemp(directory));
    char *path = tl_format("%s/w.bin", directory), *made = tl_format("%s/made", directory);
    for (size_t i = 0; i < 8 * LARGE; i++)
        values[i] = (float)(i % 1009);
    cr_assert_eq(tl_write_new_file(path, values, 8 * LARGE * sizeof *values, 0600, false), 0);
    fixture_begin(&f, 13);
    fixture_external(f.graph, "a", LARGE, "w.bin", "0");
    fixture_external(f.graph, "b", 2 * LARGE, "w.bin", "1048576");
    fixture_external(f.graph, "c", LARGE, "w.bin", "3145728");
    fixture_external(f.graph, "d", LARGE, "w.bin", "4194304");
    fixture_external(f.graph, "e", LARGE, "w.bin", "5242880");
    fixture_node(f.graph, "Concat", "a b c d e", "y");
    fixture_output(f.graph, "y");
    const struct tl_onnx_sources sources = {.directory = directory};
    struct tl_onnx_model *m = fixture_apply(&f,
                                            "[{\"fill\":{\"tensors\":\"1-2\",\"with\":\"ones\"}},{\"fill\":{"
                                            "\"tensors\":\"3\",\"with\":\"zeros\"}}]",
                                            &sources);
    tl_onnx_data_files(m, &files, &n);
    cr_assert_eq(n, 2u); /* b and c share; d has a part of its own; a and e are where they were */
    for (size_t i = 0; i < n; i++)
        cr_assert(!files[i].made || files[i].size == 3u * LARGE * sizeof *values);
    tl_onnx_data_files_free(files, n);
    cr_assert_eq(tl_onnx_data_kept(m), 2u * LARGE * sizeof *values);
    cr_assert_eq(tl_onnx_data_pack(m, directory, &e), 0, "%s", e.why);
    cr_assert_eq(tl_onnx_data_kept(m), 0u);
    tl_onnx_data_name(m, "mine-");
    tl_onnx_data_files(m, &files, &n);
    cr_assert(n == 1 && files[0].made && !strcmp(files[0].location, "mine-values.data"));
    cr_assert_eq(files[0].size, 5u * LARGE * sizeof *values);
    int fd = open(made, O_RDWR | O_CREAT, 0600);
    cr_assert_eq(tl_onnx_data_write(m, directory, fd, made, &e), 0, "%s", e.why);
    float got[4];
    cr_assert_eq(tl_read_at(fd, got, sizeof got, 0), (int64_t)sizeof got); /* b */
    cr_assert(got[0] == 1 && got[3] == 1);
    cr_assert_eq(tl_read_at(fd, got, sizeof got, 3u * LARGE * sizeof *values), (int64_t)sizeof got); /* a */
    cr_assert(got[0] == values[0] && got[3] == values[3]);
    cr_assert_eq(tl_read_at(fd, got, sizeof got, 4u * LARGE * sizeof *values), (int64_t)sizeof got); /* e */
    cr_assert(got[0] == values[5 * LARGE] && got[3] == values[5 * LARGE + 3]);
    close(fd);
    tl_onnx_data_files_free(files, n);
    tl_onnx_model_free(m);
    cr_assert_eq(tl_remove_tree(directory), 0);
    free(values);
    free(path);
    free(made);
}

/* A file with a hole may have as many bytes as a number can say: a part of it in another type, or a second one, would not. */
Test(onnx_values, parts_end_where_files_do)
{
    const int64_t eighth = INT64_MAX / 8; /* floats of 2 bytes: a quarter of the longest file */
    static const char *const names[] = {"a", "b", "c"};
    char directory[] = "/dev/shm/tl-onnx-values-XXXXXX";
    struct fixture f;
    if (!mkdtemp(directory))
        cr_skip_test("there is no file system in memory");
    char *path = tl_format("%s/w.bin", directory);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    bool large = ftruncate(fd, INT64_MAX / 4096 * 4096) == 0;
    close(fd);
    fixture_begin(&f, 13);
    for (int i = 0; i < 3; i++) {
        fixture_external(f.graph, names[i], eighth, "w.bin", NULL)->data_type = 10;
    }
    fixture_node(f.graph, "Concat", "a b c", "y");
    fixture_output(f.graph, "y");
    const struct tl_onnx_sources sources = {.directory = directory};
    static const struct {
        const char *edits;
        bool fits;
    } cases[] = {
        {"[{\"fill\":{\"tensors\":\"0\",\"with\":\"zeros\"}}]", true},
        {"[{\"fill\":{\"tensors\":\"0\",\"with\":\"zeros\"}},{\"fill\":{\"tensors\":\"1\",\"with\":\"ones\"}}"
         "]",
         true},
        {"[{\"float32\":10}]", false},
        {"[{\"fill\":{\"tensors\":\"0-2\",\"with\":\"zeros\",\"keep\":\"0\"}},"
         "{\"fill\":{\"tensors\":\"0-2\",\"with\":\"zeros\",\"keep\":\"0\"}}]",
         false},
    };
    for (size_t i = 0; large && i < TL_COUNT(cases); i++) {
        struct tl_error e = {0};
        uint8_t *bytes;
        size_t size;
        struct tl_onnx_model *m = fixture_read(&f), *again;
        struct tl_onnx_edits edits;
        tl_onnx_edits_begin(&edits, m);
        json_decref(edits.list);
        edits.list = json_loads(cases[i].edits, 0, NULL);
        cr_assert_eq(tl_onnx_edits_apply(&edits, m, &sources, &e), cases[i].fits ? 0 : -1, "%zu: %s", i,
                     e.why);
        if (cases[i].fits) {
            cr_assert_eq(tl_onnx_model_write(m, &bytes, &size, &e), 0);
            cr_assert_eq(tl_onnx_model_read(bytes, size, "again", &again, &e), 0, "%s", e.why);
            tl_onnx_model_free(again);
            free(bytes);
        } else
            cr_assert(strstr(e.why, "beyond what any file can have"), "%zu: %s", i, e.why);
        tl_onnx_edits_free(&edits);
        tl_onnx_model_free(m);
    }
    struct tl_onnx_model *m = fixture_read(&f);
    cr_assert_eq(tl_onnx_data_kept(m), 3 * 2 * (uint64_t)eighth);
    tl_onnx_model_free(m);
    fixture_begin(&f, 13);
    for (int i = 0; i < 3; i++)
        fixture_external(f.graph, names[i], INT64_MAX / 4, "w.bin", NULL);
    fixture_node(f.graph, "Concat", "a b c", "y");
    fixture_output(f.graph, "y");
    m = fixture_read(&f);
    cr_assert_eq(tl_onnx_data_kept(m), UINT64_MAX, "more than can be counted");
    tl_onnx_model_free(m);
    cr_assert_eq(tl_remove_tree(directory), 0);
    free(path);
}
