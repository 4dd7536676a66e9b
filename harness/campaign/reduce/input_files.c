/* Inputs as files: what a list's entry stands for is made once, and whoever is handed the file needs to know nothing of that. */
#include "harness/campaign/reduce/judge.h"
#include "harness/campaign/reduce/parts.h"

#include "cases/inputs.h"
#include "cases/npy.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <errno.h>
#include <stdlib.h>

int tl_reduce_write_input(const struct tl_input *input, const char *path, struct tl_error *e)
{
    void *data = tl_malloc((size_t)input->bytes + 1);
    int result = (input->bytes && tl_input_fill(input, data, (size_t)input->bytes, e)) ||
                         tl_npy_write(path, input->dtype, input->rank, input->dims, data, e)
                     ? -1
                     : 0;
    free(data);
    return result;
}

int tl_reduce_write_inputs(const struct tl_reduce_state *s, const json_t *list, const char *directory,
                           const char *prefix, json_t **named, struct tl_error *e)
{
    struct tl_input *inputs = NULL;
    size_t n = 0;
    char *below = tl_format("%s/inputs", directory);
    json_t *variant = tl_variant_object(s->r->c, s->r->failing);
    *named = json_array();
    int result = tl_make_directories(below, 0700)
                     ? tl_fail_errno(e, TL_ERROR_ENVIRONMENT, errno, "cannot make a directory", below,
                                     TL_REDUCE_NO_DISK)
                     : tl_inputs_parse(list, s->directory, variant, &inputs, &n, e);
    for (size_t i = 0; i < n && !result; i++) {
        char *name = tl_format("inputs/%s%zu.npy", prefix, i), *path = tl_format("%s/%s", directory, name);
        json_t *shape = json_array();
        for (size_t d = 0; d < inputs[i].rank; d++)
            json_array_append_new(shape, json_integer(inputs[i].dims[d]));
        result = tl_reduce_write_input(&inputs[i], path, e);
        json_array_append_new(*named, json_pack("{s:s,s:s,s:o,s:s}", "name", inputs[i].name, "dtype",
                                                tl_dtype_name(inputs[i].dtype), "shape", shape, "npy", name));
        free(path);
        free(name);
    }
    tl_inputs_free(inputs, n);
    json_decref(variant);
    free(below);
    return result;
}
