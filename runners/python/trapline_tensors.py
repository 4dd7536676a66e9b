"""Arrays of runners in Python: the inputs of a trial, what a runtime takes of them, and outputs as results tell them
(trapline.py has these).

The same list of inputs gives the same bytes as in cases/fill.c: a random element is a mix of the seed and its own
position (splitmix64), floats are multiples of their precision in [-1, 1), and integers are small."""

from __future__ import annotations

import json
import math
import os
from typing import Any, Optional

import numpy as np

from trapline import Failure, Json, Unsupported, described

__all__ = ["Array", "DTYPES", "described", "input_array", "narrowed", "random_elements", "read_inputs"]

Array = np.ndarray[Any, Any]

DTYPES = {"float32": np.float32, "float16": np.float16, "float64": np.float64, "int8": np.int8, "int16": np.int16,
          "int32": np.int32, "int64": np.int64, "uint8": np.uint8, "uint16": np.uint16, "uint32": np.uint32,
          "uint64": np.uint64, "bool": np.bool_}
PRECISION = {"float16": 11, "float32": 24, "float64": 53}


def random_bits(seed: int, count: int) -> Array:
    """64 bits for each of the first count elements."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed & 0xffffffffffffffff) * np.uint64(0x9e3779b97f4a7c15) ^ np.uint64(0xd1b54a32d192ed03)
        position = np.arange(1, count + 1, dtype=np.uint64)
        mixed: Array = (z ^ z >> np.uint64(32)) * np.uint64(0xd6e8feb86659fd93) + position * np.uint64(0x9e3779b97f4a7c15)
        mixed = (mixed ^ mixed >> np.uint64(30)) * np.uint64(0xbf58476d1ce4e5b9)
        mixed = (mixed ^ mixed >> np.uint64(27)) * np.uint64(0x94d049bb133111eb)
        mixed ^= mixed >> np.uint64(31)
    return mixed


def random_elements(dtype: str, seed: int, count: int) -> Array:
    bits = random_bits(seed, count)
    if dtype in PRECISION:
        precision = PRECISION[dtype]
        return np.ldexp((bits >> np.uint64(64 - precision)).astype(np.float64), 1 - precision) - 1
    if dtype == "bool":
        return bits >> np.uint64(63)
    if dtype in ("int8", "int16"):
        return (bits >> np.uint64(60)).astype(np.int64) - 8
    return bits >> np.uint64(61)


def element(value: Any) -> Any:
    """A number of a list: floats that JSON has not are written as texts."""
    return float(value) if isinstance(value, str) else value


def elements(one: Json, dtype: str, count: int) -> Any:
    if "data" in one:
        return [element(v) for v in one["data"]]
    fill = one["fill"]
    if "random" in fill:
        return random_elements(dtype, fill["random"], count)
    if "constant" in fill:
        return [element(fill["constant"])] * count
    start, step = fill["range"]
    return [element(start) + i * element(step) for i in range(count)]


def input_array(one: Json, directory: str, variant: Json) -> Array:
    """One input of the list, for one variant."""
    try:
        return unchecked_array(one, directory, variant)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, OSError) as why:
        name = one.get("name") if isinstance(one, dict) else None
        raise Failure("inputs", "form", f"input {name or json.dumps(one)[:80]}: {type(why).__name__}: {why}; expected name, dtype, shape, and "
                      "one of fill, data and npy (docs/case-files.md)") from why


def unchecked_array(one: Json, directory: str, variant: Json) -> Array:
    if "npy" in one:
        loaded: Array = np.load(os.path.join(directory, one["npy"]), allow_pickle=False)
        return loaded
    dtype = one["dtype"]
    if dtype not in DTYPES:
        raise Unsupported(f"input {one['name']}: NumPy has no {dtype}")
    shape = [variant[d[1:-1]] if isinstance(d, str) else d for d in one["shape"]]
    values = elements(one, dtype, math.prod(shape))
    if not isinstance(values, np.ndarray) and np.dtype(DTYPES[dtype]).kind in "iu":
        values = np.array([int(v) & 0xffffffffffffffff for v in values], dtype=np.uint64)  # they wrap around
    return np.array(values).astype(DTYPES[dtype]).reshape(shape)


def read_inputs(path: Optional[str], variant: Json) -> dict[str, Array]:
    """The inputs of a trial, by name, in their order."""
    if not path:
        return {}
    with open(path, encoding="utf-8") as file:
        listed = json.load(file)
    if not isinstance(listed, list) or not all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in listed):
        raise Failure("inputs", "form", f"{path}: expected a list of inputs, each an object with a name")
    return {one["name"]: input_array(one, os.path.dirname(path), variant) for one in listed}


# Types that the runtime does not take, and those that stand for them.
NARROWER = {"int64": np.int32, "float64": np.float32, "uint64": np.uint32}


def narrowed(name: str, array: Array) -> Array:
    """The array as a runtime takes it that has no numbers of 64 bits. A value that would become another one is refused."""
    to = NARROWER.get(array.dtype.name)
    if to is None:
        return array
    with np.errstate(over="ignore"):
        narrow = array.astype(to)
    if array.dtype.kind in "iu":
        lost = bool((narrow != array).any())
    else:
        lost = bool((np.isinf(narrow) & np.isfinite(array)).any())
    if lost:
        raise Unsupported(f"input {name}: {array.dtype.name} values do not fit {np.dtype(to).name}, which is what the runtime takes")
    return narrow
