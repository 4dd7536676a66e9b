/* Who reads an axis: what a case says of it, and the bytes of a model. */
#include "cases/reading.h"
#include "tests/unit/case_fixture.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define AXES "\"axes\":[{\"name\":\"a\",\"choices\":[1,2]},{\"name\":\"b\",\"choices\":[1,2]}],"
#define TITLED HEAD "\"title\":\"{a} {b}\",\"source\":\"{b}\",\"failing\":{\"b\":2}," AXES

Test(reading, by_the_form_of_a_case)
{
    static const struct {
        const char *rest;
        bool a, b;
    } cases[] = {
        {"\"model\":{\"steps\":[{\"phase\":\"execute\",\"argv\":[\"x\",\"--a={a}\",\"{{b}}\"]}]}}", true,
         false},
        {"\"model\":{\"steps\":[{\"phase\":\"execute\",\"argv\":[\"{a}/"
         "x\"],\"expect\":{\"files\":[\"{b}.o\"]}}]}}",
         true, true},
        {"\"forbid\":[{\"b\":2,\"a\":2}],\"model\":{\"generate\":[\"x\",\"{model}\",\"{a}\"]}}", true, false},
        {"\"inputs\":[{\"name\":\"{a}\",\"dtype\":\"int64\",\"shape\":[1,\"{b}\"],\"fill\":{\"constant\":1}}]"
         ","
         "\"model\":{\"generate\":[\"x\",\"{model}\"]}}",
         true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        snprintf(text, sizeof text, TITLED "%s", cases[i].rest);
        struct tl_case *c = case_of(text);
        cr_expect_eq(tl_case_reads_axis(c, "a"), cases[i].a, "%s", cases[i].rest);
        cr_expect_eq(tl_case_reads_axis(c, "b"), cases[i].b, "%s", cases[i].rest);
        tl_case_free(c);
    }
}

Test(reading, a_family_reads_its_axes)
{
    struct tl_case *c =
        case_of("{\"trapline\":1,\"name\":\"x\",\"model\":{\"family\":\"decoder\"},\"axes\":["
                "{\"name\":\"layers\",\"range\":[1,4]},{\"name\":\"threads\",\"choices\":[1,2]}]}");
    cr_expect(tl_case_reads_axis(c, "layers"));
    cr_expect(!tl_case_reads_axis(c, "threads"), "that is the runner's");
    cr_expect(!tl_case_derives_inputs(c));
    tl_case_free(c);
}

/* A condition names the axes that it reads, wherever it stands. */
Test(reading, a_condition_reads_its_axes)
{
    struct tl_case *c = case_of(TITLED "\"model\":{\"steps\":[{\"phase\":\"execute\",\"argv\":[\"x\"]}]}}");
    cr_expect(!tl_case_reads_axis(c, "b"));
    json_object_set_new(c->document, "expected", json_pack("[{s:{s:[i]}}]", "when", "b", 2));
    cr_expect(tl_case_reads_axis(c, "b") && !tl_case_reads_axis(c, "a"));
    json_object_set_new(c->document, "environment", json_pack("{s:s}", "LEVEL", "x{a}"));
    cr_expect(tl_case_reads_axis(c, "a"));
    tl_case_free(c);
}

Test(reading, inputs_come_from_the_model_or_not)
{
    struct tl_case *c = case_of(TITLED "\"model\":{\"generate\":[\"x\",\"{model}\"]}}");
    cr_expect(tl_case_derives_inputs(c));
    tl_case_free(c);
    c = case_of(TITLED "\"model\":{\"generate\":[\"x\",\"{model}\",\"--inputs={inputs}\"]}}");
    cr_expect(!tl_case_derives_inputs(c));
    tl_case_free(c);
}

static void put(const char *path, const char *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    cr_assert(f && fwrite(bytes, 1, size, f) == size && fclose(f) == 0);
}

Test(reading, dimensions_of_a_model)
{
    char directory[] = "/tmp/trapline-reading-XXXXXX", path[64];
    cr_assert_not_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/model", directory);
    static const struct {
        const char *bytes;
        size_t size;
        bool seq;
    } models[] = {
        {"\x0a\x05\x12\x03seq", 7, true},              /* a dimension */
        {"..\x0a\x09\x12\x03seq\x1a\x02NC", 13, true}, /* that says what it denotes */
        {"..\x0a\x03seq..", 9, false},                 /* a name of something else */
        {"\x12\x03seq", 5, false},
        {"\x0a\x04\x12\x03seq", 7, false}, /* it does not fit what it is said to be in */
        {"\x0a\x06\x12\x04seqs", 8, false},
        {"seq", 3, false},
        {"", 0, false},
    };
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        put(path, models[i].bytes, models[i].size);
        cr_expect_eq(tl_model_has_dimension(path, "seq"), models[i].seq, "model %zu", i);
    }
    put(path, "..seq..", 7);
    cr_expect(tl_model_has_dimension(directory, "seq"), "of a directory nothing is certain");
    cr_expect(!tl_model_has_dimension(directory, "batch"));
    unlink(path);
    rmdir(directory);
    cr_expect(!tl_model_has_dimension(path, "seq"));
}
