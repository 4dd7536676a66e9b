/* Entries of ONNX Runtime's session configuration, out of a variant. */
#include "runners/onnxruntime/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static json_t *entries_of(const char *variant)
{
    struct tl_run run = {.variant = json_loads(variant, 0, NULL)};
    cr_assert_not_null(run.variant);
    json_t *entries = tl_ort_config(&run);
    json_decref((json_t *)run.variant);
    return entries;
}

static void is(const char *variant, const char *expected)
{
    json_t *entries = entries_of(variant), *right = json_loads(expected, 0, NULL);
    char *text = json_dumps(entries, JSON_SORT_KEYS | JSON_COMPACT);
    cr_assert(json_equal(entries, right), "%s: %s, not %s", variant, text, expected);
    free(text);
    json_decref(right);
    json_decref(entries);
}

Test(ort_config, values)
{
    is("{\"threads\":1,\"mode\":\"x\"}", "{}");
    is("{\"config:a.b\":\"x\",\"config:c\":3,\"config:d\":true,\"config:e\":false}",
       "{\"a.b\":\"x\",\"c\":\"3\",\"d\":\"1\",\"e\":\"0\"}");
    is("{\"config:s\":[\"Pad_Fusion\",\"GemmSum\"],\"config:n\":[1,2,7],\"config:none\":[],\"config:empty\":"
       "\"\"}",
       "{\"s\":\"Pad_Fusion;GemmSum\",\"n\":\"1;2;7\"}");
}

Test(ort_config, a_list_in_a_file)
{
    char path[] = "/tmp/trapline-test-XXXXXX", variant[128];
    int fd = mkstemp(path);
    cr_assert(fd >= 0 && write(fd, "[\"a\",\"b\"]", 9) == 9);
    close(fd);
    snprintf(variant, sizeof variant, "{\"config:s\":{\"file\":\"%s\"}}", path);
    is(variant, "{\"s\":\"a;b\"}");
    unlink(path);
    cr_assert_null(entries_of(variant));
}
