/* What is said of values, sizes and versions of a reduced model. */
#include "harness/base/buffer.h"
#include "reports/finding/reduction_values.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *reduction, *sentences;
} rows[] = {
    {"{}", ""},
    {"{\"kept_values\": [{\"name\": \"w\", \"owner\": true, \"elements\": 4096, \"kept\": 3, \"others\": "
     "\"zeros\", \"minimal\": true, "
     "\"places\": [[7, 3], [7, 4], [9, 0]], \"values\": [0, \"nan\", 1.5]}]}",
     "3 of 4,096 elements of w keep their values: [7, 3] = 0, [7, 4] = nan, [9, 0] = 1.5; the others are "
     "zeros\n"},
    {"{\"kept_values\": [{\"name\": \"a\", \"owner\": true, \"elements\": 4, \"kept\": 1, \"left\": 1, "
     "\"others\": \"ones\", "
     "\"minimal\": true, \"places\": [[1]], \"values\": [\"inf\"]}]}",
     "1 of 4 elements of a keeps its value: [1] = inf; no other is left\n"},
    {"{\"in_files\": [{\"name\": \"w\", \"called\": \"v2\"}]}",
     "it hangs on w (v2) lying in a file beside the model: with it in the model's own file it does not fail "
     "in this way\n"},
    {"{\"kept_values\": [{\"name\": \"i\", \"owner\": false, \"elements\": 1234567, \"kept\": 1, \"others\": "
     "\"ones\", \"minimal\": false, "
     "\"places\": [[1234566]], \"values\": [-7]}]}",
     "1 of 1,234,567 elements of i matters, with a value that is not the original's: [1234566] = -7; the "
     "others are ones "
     "(not shown to be the fewest)\n"},
    {"{\"kept_values\": [{\"name\": \"s\", \"owner\": true, \"elements\": 2, \"kept\": 2, \"others\": null, "
     "\"minimal\": false, "
     "\"places\": [[0], [1]], \"values\": []}, {\"name\": \"z\", \"owner\": true, \"elements\": 1, \"kept\": "
     "1, \"places\": [[]], \"values\": [true]}]}",
     "all 2 elements of s keep their values: [0], [1]\n1 element of z keeps its value: true\n"},
    {"{\"kept_values\": [{\"name\": \"w\", \"owner\": true, \"elements\": 4096, \"kept\": 66, \"others\": "
     "\"zeros\", \"minimal\": true, "
     "\"block\": [\"20\", \"0-63,70-71\"], \"places\": [[20, 0]], \"values\": []}]}",
     "66 of 4,096 elements of w keep their values: [20; 0-63,70-71]; the others are zeros\n"},
    {"{\"sizes\": [{\"size\": 64, \"to\": 17, \"below\": \"passes\"}, {\"size\": 9, \"to\": 1, \"below\": "
     "null}, "
     "{\"size\": 8, \"to\": 8, \"below\": \"cannot be tried\"}], \"structural_sizes\": [{\"size\": 5, "
     "\"to\": 4, \"below\": \"passes\"}]}",
     "a size of 64 became 17; with 16 it passes\n"
     "fed with the original's inputs: a size of 5 became 4; with 3 it passes\n"},
    {"{\"versions\": {\"opset\": {\"original\": 13, \"oldest\": 7, \"newest\": 22}, \"ir\": {\"original\": "
     "8, \"oldest\": 8, \"newest\": 8}}}",
     "it fails with opset 7 to 22, and version of the format 8\n"},
    {"{\"versions\": {\"opset\": {\"original\": 13, \"oldest\": 11, \"newest\": null}}}",
     "it fails with opset 11 and later ones up to its own\n"},
    {"{\"original_rate\": [7, 20], \"original_otherwise\": {\"wrong\": 11, \"pass\": 2}, "
     "\"original_processes\": {\"forked\": [0, 3], \"fresh\": [7, 20]}}",
     "the original failed in this way in 7 of 20 runs in processes of their own; the others: 11 wrong, 2 "
     "pass; "
     "and in 0 of 3 children of a fork server\n"},
    {"{\"original_rate\": [19, 20], \"original_otherwise\": {\"pass\": 1}}",
     "the original failed in this way in 19 of 20 runs; the others: 1 pass\n"},
    {"{\"original_rate\": [3, 3], \"original_processes\": {\"forked\": [3, 3], \"fresh\": [3, 3]}}", ""},
    {"{\"memory\": {\"set\": null}}", "it depends on memory that nobody wrote: with another content of it "
                                      "the original does not fail so, so that "
                                      "no size or value of it is a threshold\n"},
};

static const struct {
    const char *proved, *left; /* of a reduction that fails in 8 of 8; NULL: all */
} proofs[] = {
    {"[]", NULL},
    {"[{\"program\": \"repro.py\", \"side\": \"failing\", \"runs\": 0}]", NULL},
    {"[{\"program\": \"repro.c\", \"side\": \"failing\", \"runs\": 3, \"as_reported\": 3}, {\"program\": "
     "\"repro.c\", \"side\": \"control\", \"runs\": 3, \"as_reported\": 0}]",
     NULL},
    {"[{\"program\": \"repro.c\", \"side\": \"failing\", \"runs\": 3, \"as_reported\": 2}]",
     "{\"rate\": [8, 8], \"minimal\": false, \"structural_minimal\": false, \"confirmed\": true, \"sizes\": "
     "[{\"size\": 9, \"to\": 4, \"below\": null}], \"unproved\": {\"program\": \"repro.c\", \"as_reported\": "
     "2, "
     "\"runs\": 3}}"},
    {"[{\"program\": \"repro.c\", \"side\": \"failing\", \"runs\": 3, \"as_reported\": 0}]",
     "{\"rate\": [8, 8], \"minimal\": false, \"structural_minimal\": false, \"confirmed\": false, \"sizes\": "
     "[{\"size\": 9, \"to\": 4, \"below\": null}], \"unproved\": {\"program\": \"repro.c\", \"as_reported\": "
     "0, "
     "\"runs\": 3}}"},
};

Test(reduction_values, what_a_reproducer_takes_back)
{
    static const char whole[] =
        "{\"rate\": [8, 8], \"minimal\": true, \"structural_minimal\": true, \"confirmed\": "
        "true, \"sizes\": [{\"size\": 9, \"to\": 4, \"below\": \"passes\"}]}";
    for (size_t i = 0; i < TL_COUNT(proofs); i++) {
        json_t *reduction = json_loads(whole, 0, NULL), *proved = json_loads(proofs[i].proved, 0, NULL),
               *left = json_loads(proofs[i].left ? proofs[i].left : whole, 0, NULL);
        cr_assert(reduction && proved && left);
        cr_assert_eq(tl_reduction_take_back(reduction, proved), proofs[i].left != NULL);
        cr_assert(json_equal(reduction, left), "row %zu", i);
        json_decref(reduction);
        json_decref(proved);
        json_decref(left);
    }
    cr_assert_not(tl_reduction_take_back(NULL, NULL));
}

Test(reduction_values, sentences)
{
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        json_error_t error;
        json_t *reduction = json_loads(rows[i].reduction, 0, &error), *one;
        cr_assert(reduction, "%s", error.text);
        json_t *sentences = tl_reduction_sentences(reduction, false);
        struct tl_buffer b = TL_BUFFER_INIT;
        size_t k;
        tl_buffer_add_string(&b, "");
        json_array_foreach(sentences, k, one)
            tl_buffer_printf(&b, "%s\n", json_string_value(one));
        char *text = b.data ? tl_buffer_take(&b) : tl_strdup("");
        cr_assert_str_eq(text, rows[i].sentences);
        free(text);
        json_decref(sentences);
        json_decref(reduction);
    }
}
