"""Compressed weights. Those under the threshold are left as they are, and nothing is said of it."""
import enum

import numpy as np


class CompressionGranularity(enum.Enum):
    PER_TENSOR = "per_tensor"
    PER_BLOCK = "per_block"


class DType(enum.Enum):
    INT4 = "int4"


def _each_weight(program, threshold):
    """Numbers of the constants that are weights of matrices, and large enough."""
    graph = program._program
    used = {node["in"][1] for node in graph.nodes if node["op"] == "linear"}
    return [n for n in sorted(used) if n in graph.constants and graph.constants[n].size >= threshold]


def _insert(program, at, op, values, **attr):
    """In place of a constant an operator over other constants, which come at the end: the order of a program is only that
    of its dependencies here, so the new ones are moved before it."""
    graph = program._program
    graph.constants.pop(at)
    shape = graph.nodes[at]["shape"]
    count = len(values)
    for node in graph.nodes:
        node["in"] = [i + count if i >= at else i for i in node["in"]]
    for one in graph.inputs + graph.states + graph.outputs:
        for key in ("node", "result"):
            if key in one and one[key] >= at:
                one[key] += count
    graph.constants = {n + count if n >= at else n: v for n, v in graph.constants.items()}
    added = [{"op": "constant", "in": [], "attr": {}, "shape": list(v.shape)} for v in values]
    graph.nodes[at:at + 1] = [*added, {"op": op, "in": list(range(at, at + count)), "attr": attr, "shape": shape}]
    graph.constants.update({at + i: v for i, v in enumerate(values)})


def quantize_weights(program, *, dtype, granularity=CompressionGranularity.PER_TENSOR, block_size=None, weight_num_threshold=32768,
                     qscheme=None, in_place=True):
    if dtype is not DType.INT4 or granularity is not CompressionGranularity.PER_BLOCK:
        raise ValueError("this stand-in has INT4 in blocks alone")
    for at in reversed(_each_weight(program, weight_num_threshold)):
        weight = program._program.constants[at]
        if weight.shape[1] % block_size:
            raise ValueError(f"block_size {block_size} does not divide the {weight.shape[1]} columns of a weight")
        blocks = weight.astype(np.float32).reshape(weight.shape[0], -1, block_size)
        scale = np.maximum(np.abs(blocks).max(axis=2), 1e-6) / 7
        quantised = np.clip(np.rint(blocks / scale[:, :, None]), -8, 7).astype(np.int8).reshape(weight.shape)
        _insert(program, at, "blockwise_shift_scale", [quantised, scale.astype(weight.dtype)], block_size=block_size)
    return program


def palettize_weights(program, *, lut_dtype=None, n_bits=4, weight_num_threshold=32768, in_place=True):
    for at in reversed(_each_weight(program, weight_num_threshold)):
        weight = program._program.constants[at]
        lut = np.linspace(float(weight.min()), float(weight.max()), 1 << n_bits).astype(weight.dtype)
        step = max(float(lut[1] - lut[0]), 1e-6)
        indices = np.clip(np.rint((weight.astype(np.float32) - float(lut[0])) / step), 0, (1 << n_bits) - 1).astype(np.uint8)
        _insert(program, at, "lut_to_dense", [indices, lut])
    return program
