/* The model of a finding in a few lines: it may be gone when somebody reads the report. */
#include "harness/campaign/finding_model.h"

#include "cases/decoder/decoder.h"
#include "cases/onnx/listing.h"
#include "cases/operators/operators.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUILT_MOST (64u << 20) /* bytes of weights of a model that is built for its listing alone */

static json_t *of_file(const char *path)
{
    struct stat st;
    json_t *listing = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= TL_LISTING_MODEL) {
        void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes != MAP_FAILED) {
            listing = tl_onnx_listing(bytes, (size_t)st.st_size);
            munmap(bytes, (size_t)st.st_size);
        }
    }
    close(fd);
    return listing;
}

static json_t *of_decoder(const json_t *variant)
{
    struct tl_decoder_config c;
    struct tl_error ignored;
    uint8_t *model;
    size_t size;
    if (tl_decoder_config_parse(variant, &c, &ignored) || tl_decoder_weight_bytes(&c) > BUILT_MOST ||
        tl_decoder_build(&c, &model, &size, &ignored))
        return NULL;
    json_t *listing = tl_onnx_listing(model, size);
    free(model);
    return listing;
}

static json_t *of_operator(const char *family, const json_t *variant)
{
    struct tl_operator_model m;
    struct tl_error ignored;
    if (tl_operator_build(family, variant, &m, &ignored))
        return NULL;
    json_t *listing = tl_onnx_listing(m.model, m.size);
    tl_operator_model_free(&m);
    return listing;
}

json_t *tl_finding_model(const char *runner, const char *request)
{
    json_t *j = request ? json_loads(request, 0, NULL) : NULL, *listing = NULL;
    const json_t *variant = json_object_get(j, "variant");
    const char *path = json_string_value(json_object_get(j, "model")),
               *family = json_string_value(json_object_get(j, "family"));
    /* Other runners take the axes of a family and make no model of them. */
    if (family && runner && !strcmp(runner, "onnxruntime"))
        listing = !strcmp(family, "decoder") ? of_decoder(variant) : of_operator(family, variant);
    else if (path && !family)
        listing = of_file(path);
    json_decref(j);
    return listing;
}
