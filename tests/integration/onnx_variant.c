/* Makes a variant of a model of ONNX: onnx_variant MODEL EDITS VARIANT, EDITS being the list as JSON. */
#include "cases/onnx/graph_edit.h"
#include "cases/onnx/graph_read.h"
#include "harness/base/buffer.h"
#include "harness/base/files.h"

#include <stdio.h>
#include <stdlib.h>

static int make(char **argv, struct tl_error *e)
{
    struct tl_onnx_model *m = NULL;
    struct tl_onnx_edits edits = {0};
    uint8_t *variant = NULL;
    size_t size, variant_size;
    char *bytes = tl_read_file(argv[1], (size_t)INT32_MAX, &size), *text = NULL;
    int rc = bytes ? tl_onnx_model_read(bytes, size, argv[1], &m, e) : -1;
    if (rc == 0) {
        text = tl_format("{\"original\":\"%s\",\"edits\":%s}", tl_onnx_model_hash(m), argv[2]);
        rc = tl_onnx_edits_parse(text, &edits, e);
    }
    if (rc == 0)
        rc = tl_onnx_variant(bytes, size, argv[1], &edits, NULL, &variant, &variant_size, e);
    if (rc == 0)
        rc = tl_replace_file(argv[3], variant, variant_size, 0644, false);
    tl_onnx_model_free(m);
    tl_onnx_edits_free(&edits);
    free(variant);
    free(bytes);
    free(text);
    return rc;
}

int main(int argc, char **argv)
{
    struct tl_error e = {0};
    if (argc != 4)
        return 2;
    if (!make(argv, &e))
        return 0;
    char *text = tl_error_text(&e);
    fprintf(stderr, "%s\n", text);
    free(text);
    return 1;
}
