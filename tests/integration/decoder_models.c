/* Writes the model of every variant of the decoder family's covering set: decoder_models DIRECTORY [VARIANTS]
 * As 0.onnx, 1.onnx, …, and prints the variants, one on a line. */
#include "cases/decoder/decoder.h"
#include "tests/integration/decoder_reference.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static int write_model(const char *directory, size_t i, const json_t *variant)
{
    struct tl_decoder_config c;
    struct tl_error e;
    uint8_t *model;
    size_t size;
    char path[PATH_MAX];
    if (tl_decoder_config_parse(variant, &c, &e) != 0 || tl_decoder_build(&c, &model, &size, &e) != 0) {
        fprintf(stderr, "%s: %s\n", e.what, e.why);
        return -1;
    }
    snprintf(path, sizeof path, "%s/%zu.onnx", directory, i);
    FILE *f = fopen(path, "wb");
    int status = f && fwrite(model, 1, size, f) == size ? 0 : -1;
    if (f && fclose(f) != 0)
        status = -1;
    free(model);
    return status;
}

int main(int argc, char **argv)
{
    struct tl_decoder_coverage coverage;
    int status = 0;
    if (argc < 2)
        return 2;
    json_t *set = tl_decoder_covering_set(argc > 2 ? strtoul(argv[2], NULL, 10) : 300, &coverage);
    for (size_t i = 0; i < json_array_size(set) && status == 0; i++) {
        char *text = json_dumps(json_array_get(set, i), JSON_COMPACT);
        status = write_model(argv[1], i, json_array_get(set, i));
        puts(text);
        free(text);
    }
    json_decref(set);
    return status == 0 ? 0 : 1;
}
