/* Edits of Loop and Scan: how often they run, one iteration in their place, and fewer values that they hand on. */
#ifndef TL_ONNX_GRAPH_LOOP_H
#define TL_ONNX_GRAPH_LOOP_H

#include "cases/onnx/graph_editing.h"

int tl_onnx_loop_trips(struct tl_onnx_editing *x, const json_t *list);
int tl_onnx_loop_iteration(struct tl_onnx_editing *x, const json_t *list);
int tl_onnx_loop_narrow(struct tl_onnx_editing *x, const json_t *list);

#endif
