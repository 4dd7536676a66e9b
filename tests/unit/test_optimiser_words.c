/* What a reduction found of optimisers, in words. */
#include "reports/finding/optimiser.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static void says(const char *optimiser, const char *expected)
{
    json_t *found = json_loads(optimiser, JSON_DECODE_ANY, NULL),
           *reduction = json_pack("{s:O}", "optimiser", found);
    cr_assert_not_null(found);
    char *text = tl_optimiser_words(reduction, false);
    if (expected)
        cr_assert_str_eq(text, expected);
    else
        cr_assert_null(text);
    free(text);
    json_decref(reduction);
    json_decref(found);
}

Test(optimiser_words, found)
{
    says("{\"level\":99,\"passes_at\":0,\"names\":[\"Pad_Fusion\"],\"minimal\":true,\"or\":[],"
         "\"original\":{\"level\":99,\"names\":[\"Pad_Fusion\"]}}",
         "It passes with optimization 0, and at 99 without Pad_Fusion. So does the original.");
    says("{\"level\":2,\"passes_at\":1,\"names\":[\"A\",\"B\",\"C\"],\"minimal\":true,\"or\":[[\"D\"],[\"E\","
         "\"F\"]],"
         "\"original\":null}",
         "It passes with optimization 1, and at 2 without A, B and C together, or without D, or without E "
         "and F "
         "together.");
    says("{\"level\":99,\"fails_otherwise_at\":0,\"names\":[\"A\"],\"minimal\":true}",
         "It fails in another way with optimization 0, and at 99 without A.");
    says("{\"level\":99,\"fails_otherwise_at\":0,\"names\":[\"A\"],\"minimal\":true,\"original\":{\"level\":"
         "99,\"passes_at\":0,\"names\":[\"A\"],\"minimal\":true}}",
         "It fails in another way with optimization 0, and at 99 without A. The original passes with "
         "optimization 0, and at 99 without A.");
    says("{\"level\":99,\"passes_at\":0,\"names\":[\"A\"],\"minimal\":false}",
         "It passes with optimization 0, and at 99 without A (not shown to be minimal).");
    says("{\"level\":99,\"passes_at\":0,\"names\":[\"A\"],\"minimal\":true,\"original\":{\"level\":99,"
         "\"passes_at\":1,\"names\":[\"B\"],\"minimal\":true}}",
         "It passes with optimization 0, and at 99 without A. The original passes with optimization 1, and "
         "at 99 "
         "without B. So what is left fails for another reason than the original: it may be another bug.");
    says("{\"level\":99,\"passes_at\":0,\"names\":[\"A\"],\"minimal\":true,\"or\":[[\"B\"]],\"original\":{"
         "\"level\":99,"
         "\"passes_at\":0,\"names\":[\"B\"],\"minimal\":true}}",
         "It passes with optimization 0, and at 99 without A, or without B. The original passes with "
         "optimization 0, and at 99 "
         "without B.");
    says("{\"level\":99,\"passes_at\":0,\"names\":[\"A\"],\"minimal\":true,\"original\":{\"names\":[],"
         "\"passes_at\":null,\"why\":\"it fails\"}}",
         "It passes with optimization 0, and at 99 without A. The original does not: it fails.");
}

Test(optimiser_words, of_the_original)
{
    says("{\"level\":99,\"passes_at\":0,\"names\":[\"A\"],\"minimal\":true,\"of\":\"original\",\"model\":{"
         "\"names\":[]}}",
         "The original passes with optimization 0, and at 99 without A.");
}

Test(optimiser_words, not_found)
{
    says("null", NULL);
    says("[1]", NULL);
    says("{\"level\":99,\"passes_at\":null,\"names\":[],\"why\":\"no\",\"original\":null}", NULL);
    says("{\"level\":99,\"passes_at\":0,\"names\":[],\"why\":\"no name\"}",
         "It passes with optimization 0; which optimiser is needed for the failure was not found: no name.");
    says("{\"level\":99,\"passes_at\":null,\"names\":[],\"original\":{\"level\":99,\"passes_at\":0,\"names\":"
         "[\"A\"],"
         "\"minimal\":true}}",
         "The original passes with optimization 0, and at 99 without A.");
    says("{\"level\":\"x\",\"passes_at\":0,\"names\":[7],\"minimal\":true}",
         "It passes with optimization 0, and at 0 without ?.");
}
