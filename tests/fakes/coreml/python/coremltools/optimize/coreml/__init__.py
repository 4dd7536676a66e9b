"""Weights in fewer bits: each constant of a linear layer that is large enough becomes an operation that unpacks it."""
from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Optional, Union

import numpy

from coremltools import ComputeUnit, _program
from coremltools.models import MLModel


class OpPalettizerConfig:
    def __init__(self, mode: str = "kmeans", nbits: Optional[int] = None, *, weight_threshold: Optional[int] = 2048) -> None:
        if mode != "uniform" or nbits not in (1, 2, 3, 4, 6, 8):
            raise ValueError("the fake palettises uniformly, to 1, 2, 3, 4, 6 or 8 bits")
        self._bits, self._threshold = nbits, weight_threshold or 0


class OpLinearQuantizerConfig:
    def __init__(self, mode: str = "linear_symmetric", dtype: str = "int8", granularity: str = "per_channel", block_size: int = 32,
                 weight_threshold: Optional[int] = 2048) -> None:
        if (mode, dtype, granularity) != ("linear_symmetric", "int4", "per_block"):
            raise ValueError("the fake quantises to int4, symmetrically, in blocks")
        self._block, self._threshold = block_size, weight_threshold or 0


class OptimizationConfig:
    def __init__(self, global_config: Optional[Union[OpPalettizerConfig, OpLinearQuantizerConfig]] = None) -> None:
        self._config = global_config


def _rewritten(mlmodel: MLModel, threshold: int, kind: str, split: Callable[[numpy.ndarray], dict[str, numpy.ndarray]]) -> MLModel:
    program, blobs = copy.deepcopy(mlmodel._program), dict(mlmodel._blobs)
    operations: list[dict[str, Any]] = []
    for operation in program["operations"]:
        blob = operation["inputs"].get("weight", {}).get("blob")
        if blob and blobs[blob].size > threshold:
            weight = blobs.pop(blob)
            parts = split(weight)
            blobs.update({f"{blob}_{name}": part for name, part in parts.items()})
            told = _program.tensor(blob, str(weight.dtype), weight.shape)
            operations.append({"type": kind, "inputs": {name: {"blob": f"{blob}_{name}"} for name in parts}, "output": told})
            operation["inputs"]["weight"] = {"name": blob}
        operations.append(operation)
    program["operations"] = operations
    made = MLModel.__new__(MLModel)
    made._take(program, blobs, True, ComputeUnit.ALL)
    return made


def palettize_weights(mlmodel: MLModel, config: OptimizationConfig) -> MLModel:
    wanted = config._config
    if not isinstance(wanted, OpPalettizerConfig) or wanted._bits is None:
        raise TypeError("palettize_weights takes an OpPalettizerConfig")
    steps = 2**wanted._bits

    def split(weight: numpy.ndarray) -> dict[str, numpy.ndarray]:
        table = numpy.linspace(weight.min(), weight.max(), steps).astype(weight.dtype)
        nearest = numpy.abs(weight[..., None] - table).argmin(-1)
        return {"indices": nearest.astype("uint8"), "lut": table}

    return _rewritten(mlmodel, wanted._threshold, "constexpr_lut_to_dense", split)


def linear_quantize_weights(mlmodel: MLModel, config: OptimizationConfig) -> MLModel:
    wanted = config._config
    if not isinstance(wanted, OpLinearQuantizerConfig):
        raise TypeError("linear_quantize_weights takes an OpLinearQuantizerConfig")
    block = wanted._block

    def split(weight: numpy.ndarray) -> dict[str, numpy.ndarray]:
        if weight.shape[-1] % block:
            raise ValueError(f"rows of {weight.shape[-1]} are not made of blocks of {block}")
        blocks = weight.reshape(*weight.shape[:-1], -1, block)
        scale = (numpy.abs(blocks).max(-1, keepdims=True) / 7 + numpy.finfo(weight.dtype).tiny).astype(weight.dtype)
        scales = numpy.broadcast_to(scale, blocks.shape).reshape(weight.shape).copy()
        return {"data": numpy.rint(weight / scales).clip(-8, 7).astype("int8"), "scale": scales}

    return _rewritten(mlmodel, wanted._threshold, "constexpr_blockwise_shift_scale", split)
