/* What nothing needs any more leaves a model. */
#ifndef TL_ONNX_GRAPH_SWEEP_H
#define TL_ONNX_GRAPH_SWEEP_H

#include "cases/onnx/graph_model.h"

/* In every graph and function the nodes and initializers that lead to no output; in the main graph the inputs, too; and
 * functions that nothing calls. */
void tl_onnx_sweep(struct tl_onnx_model *m);

#endif
