/* The elements of a tensor that stand beside the model: in the original's file, or in the one that an edit has made. */
#include "cases/onnx/graph_external.h"
#include "cases/onnx/graph_fill.h"
#include "cases/onnx/graph_part.h"
#include "cases/onnx/graph_tensor.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

/* What an edit before has made of the elements. */
static int read_part(const struct tl_onnx_model *m, const struct tl_onnx_data_place *place, uint64_t elements,
                     const char *directory, unsigned char *data, struct tl_error *e)
{
    for (size_t i = 0; i < m->n_parts; i++)
        if (m->parts[i].offset == place->offset && m->parts[i].elements >= elements)
            return tl_onnx_fill_piece(&m->parts[i].fill, tl_element_type_number(m->parts[i].type),
                                      &m->parts[i].source, directory, 0, elements, data, e);
    return tl_fail(e, TL_ERROR_INPUT, "cannot change a tensor again", m->name,
                   "it is not known what made it");
}

int tl_onnx_data_read(const struct tl_onnx_model *m, const tl_onnx_tensor_pb *t, const char *directory,
                      unsigned char **data, size_t *size, struct tl_error *e)
{
    struct tl_onnx_data_place p = tl_onnx_data_place_of(t);
    *size = (size_t)p.length;
    *data = NULL;
    *data = malloc(*size + 1);
    if (!*data)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "cannot read the weights beside the model", p.location,
                       "there is not enough memory");
    uint64_t elements = 0;
    tl_onnx_tensor_elements(t, &elements);
    if (tl_onnx_is_made(m, t) ? !read_part(m, &p, elements, directory, *data, e)
                              : !tl_onnx_data_read_at(directory, p.location, p.offset, *data, *size, e))
        return 0;
    free(*data);
    *data = NULL;
    return -1;
}
