"""Programs of the fake: what mb builds, what a package holds, and what the operators compute.

A program is plain data, so that a package on disk is all that the framework (_framework.py) is given:
  {"function": NAME, "inputs": [TENSOR…], "states": [TENSOR…], "outputs": [TENSOR…], "operations": [OPERATION…]}
  TENSOR     {"name", "dtype", "shape"}
  OPERATION  {"type", "inputs": {PARAMETER: ARGUMENT}, "output": TENSOR}
  ARGUMENT   {"name": of a tensor}, {"blob": key of the weights}, {"value": of JSON}, or {"list": [ARGUMENT…]}
"""
from __future__ import annotations

from typing import Any, Callable

import numpy

Json = dict[str, Any]
Arrays = dict[str, numpy.ndarray]


def tensor(name: str, dtype: str, shape: Any) -> Json:
    return {"name": name, "dtype": dtype, "shape": [int(n) for n in shape]}


def names(argument: Json) -> list[str]:
    """The tensors that an argument refers to."""
    if "list" in argument:
        return [name for each in argument["list"] for name in names(each)]
    return [argument["name"]] if "name" in argument else []


def read(argument: Json, tensors: Arrays, blobs: Arrays) -> Any:
    if "list" in argument:
        return [read(each, tensors, blobs) for each in argument["list"]]
    if "name" in argument:
        return tensors[argument["name"]]
    return blobs[argument["blob"]] if "blob" in argument else argument["value"]


def _pair(x: Any, y: Any) -> tuple[Any, Any]:
    """Two operands of one type; a plain number takes the type of the other."""
    if isinstance(x, numpy.ndarray) and isinstance(y, numpy.ndarray):
        if x.dtype != y.dtype:
            raise ValueError(f"operands of different types: {x.dtype} and {y.dtype}")
        return x, y
    if isinstance(x, numpy.ndarray):
        return x, numpy.asarray(y, x.dtype)
    return numpy.asarray(x, y.dtype), y


def _window(begin: Any, end: Any) -> tuple[slice, ...]:
    return tuple(slice(b, e) for b, e in zip(begin, end))


def _slice_update(x: Any, update: Any, begin: Any, end: Any) -> Any:
    result = x.copy()
    if result[_window(begin, end)].shape != update.shape:
        raise ValueError(f"slice_update: the update has shape {update.shape}, the slice {result[_window(begin, end)].shape}")
    result[_window(begin, end)] = update
    return result


def _softmax(x: Any, axis: int) -> Any:
    powers = numpy.exp(x - x.max(axis, keepdims=True))
    return (powers / powers.sum(axis, keepdims=True)).astype(x.dtype)


def _matmul(x: Any, y: Any, transpose_x: bool, transpose_y: bool) -> Any:
    x, y = _pair(x.swapaxes(-1, -2) if transpose_x else x, y.swapaxes(-1, -2) if transpose_y else y)
    return x @ y


def _attention(query: Any, key: Any, value: Any, attn_mask: Any = None) -> Any:
    scores = (query @ key.swapaxes(-1, -2)) * query.dtype.type(query.shape[-1] ** -0.5)
    return _softmax(scores if attn_mask is None else sum(_pair(scores, attn_mask)), -1) @ value


OPERATORS: dict[str, Callable[..., Any]] = {
    "linear": lambda x, weight: _pair(x, weight)[0] @ weight.T,
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, perm: x.transpose(perm),
    "matmul": _matmul,
    "add": lambda x, y: numpy.add(*_pair(x, y)),
    "sub": lambda x, y: numpy.subtract(*_pair(x, y)),
    "mul": lambda x, y: numpy.multiply(*_pair(x, y)),
    "softmax": _softmax,
    "concat": lambda values, axis: numpy.concatenate(values, axis),
    "slice_by_index": lambda x, begin, end: x[_window(begin, end)].copy(),
    "slice_update": _slice_update,
    "less_equal": lambda x, y: numpy.less_equal(*_pair(x, y)),
    "greater": lambda x, y: numpy.greater(*_pair(x, y)),
    "logical_and": lambda x, y: numpy.logical_and(*_pair(x, y)),
    "select": lambda cond, a, b: numpy.where(cond, *_pair(a, b)),
    "tile": lambda x, reps: numpy.tile(x, reps),
    "scaled_dot_product_attention": _attention,
    "read_state": lambda input: input.copy(),
    "coreml_update_state": lambda state, value: value,
    "constexpr_lut_to_dense": lambda indices, lut: lut[indices],
    "constexpr_blockwise_shift_scale": lambda data, scale: (data * scale).astype(scale.dtype),
}


def compute(operation: Json, tensors: Arrays, blobs: Arrays) -> numpy.ndarray:
    arguments = {name: read(each, tensors, blobs) for name, each in operation["inputs"].items()}
    return numpy.asarray(OPERATORS[operation["type"]](**arguments))


def run(program: Json, blobs: Arrays, inputs: Arrays, states: Arrays) -> Arrays:
    """The outputs; states are renewed in place."""
    tensors = {**states, **inputs}
    for operation in program["operations"]:
        value = compute(operation, tensors, blobs)
        if operation["type"] == "coreml_update_state":
            states[operation["inputs"]["state"]["name"]] = value
        tensors[operation["output"]["name"]] = value
    return {each["name"]: tensors[each["name"]] for each in program["outputs"]}
