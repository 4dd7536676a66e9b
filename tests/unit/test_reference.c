/* Outputs against those of a reference, by files as runners leave them. */
#include "cases/npy.h"
#include "harness/base/buffer.h"
#include "harness/executor/reference.h"

#include <criterion/criterion.h>
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

/* {"outputs": [a tensor of one value, and what has no file]} */
static json_t *result_of(const char *place, float value, const char *hash)
{
    static const int64_t dims[] = {1};
    struct tl_error e;
    char *path = tl_format("%s/0.npy", place);
    cr_assert_eq(tl_npy_write(path, TL_DTYPE_FLOAT32, 1, dims, &value, &e), 0);
    free(path);
    return json_pack("{s:[{s:s,s:s},{s:s,s:s}]}", "outputs", "name", "y", "npy", "0.npy", "name", "label",
                     "hash", hash);
}

static json_t *compare(float expected, const char *expected_hash, float got, const char *hash)
{
    struct tl_error e;
    char *list = tl_format("%s/result.json", reference);
    json_t *theirs = result_of(reference, expected, expected_hash), *ours = result_of(trial, got, hash);
    cr_assert_eq(json_dump_file(theirs, list, 0), 0);
    json_t *found = tl_reference_compare(reference, trial, ours, "reference", 0.01, &e);
    cr_assert(found, "%s: %s", e.where, e.why);
    json_decref(theirs);
    json_decref(ours);
    free(list);
    return found;
}

Test(reference, what_has_no_file_is_compared_by_its_hash)
{
    json_t *found = compare(1, "aa", 1, "aa");
    cr_assert(json_is_true(json_object_get(found, "equal")));
    cr_assert_eq(json_array_size(json_object_get(found, "outputs")), 2);
    cr_assert_null(json_object_get(found, "left_out"));
    json_decref(found);
}

Test(reference, what_cannot_be_compared_is_told)
{
    json_t *found = compare(1, "aa", 1, "bb");
    cr_assert(json_is_true(json_object_get(found, "equal")));
    const json_t *left_out = json_object_get(found, "left_out");
    cr_assert_eq(json_array_size(left_out), 1);
    cr_assert_str_eq(json_string_value(json_array_get(left_out, 0)), "label");
    json_decref(found);
}

Test(reference, what_has_no_file_hides_no_other_output)
{
    static const char *const hashes[] = {"aa", "bb"};
    for (size_t i = 0; i < 2; i++) {
        json_t *found = compare(1, "aa", 2, hashes[i]);
        cr_assert(json_is_false(json_object_get(found, "equal")), "%zu", i);
        json_decref(found);
    }
}

Test(reference, nothing_that_can_be_compared)
{
    struct tl_error e;
    char *list = tl_format("%s/result.json", reference);
    json_t *theirs = json_pack("{s:[{s:s,s:s}]}", "outputs", "name", "s", "hash", "aa"),
           *ours = json_pack("{s:[{s:s,s:s}]}", "outputs", "name", "s", "hash", "bb");
    cr_assert_eq(json_dump_file(theirs, list, 0), 0);
    cr_assert_null(tl_reference_compare(reference, trial, ours, "reference", 0.01, &e));
    cr_assert(strstr(e.why, "stored"));
    json_decref(theirs);
    json_decref(ours);
    free(list);
}
