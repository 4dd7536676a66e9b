#!/usr/bin/env python3
"""Writes a small decoder for Core ML that has one attention mask, or one for each kind of layer.

    export_masks.py MODEL [--inputs FILE] [--OPTION=VALUE …]
    export_masks.py --versions

MODEL is the package, FILE the list of inputs that a runner feeds (docs/case-files.md). Every layer is
attention over a cache of --context positions, of which the first --query are the tokens of this call: a *full* layer sees all
positions up to its own, a *sliding* one the last --window of them. Weights are the same numbers in every variant. An exit
status of 77 says that the variant cannot be made. TRAPLINE_PYTHON names the interpreter that has coremltools."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from typing import Any, Callable, Optional, Sequence

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[1:1] = [os.path.join(os.path.dirname(HERE), "python")]

from trapline_runner import Unsupported, be_run_by_chosen, package_versions, system_versions  # noqa: E402

if __name__ == "__main__":
    be_run_by_chosen([os.path.abspath(__file__), *sys.argv[1:]])  # before the package is loaded, which this interpreter may lack

import coremltools as ct
import coremltools.optimize as cto
import numpy as np
from coremltools.converters.mil.mil import Builder as mb
from coremltools.converters.mil.mil import Program, Var, types

REFUSED = 77
LOW = -1e4  # of a mask: what cannot be seen. It fits 16 bits, and is nothing after a softmax
YES = ("false", "true")
CHOICES = {"masks": ("one", "two"), "attention": ("full", "full+sliding"), "masks_in_graph": YES, "state": YES, "sdpa": ("parts", "op"),
           "precision": ("fp16", "fp32"), "weights": ("plain", "palette4", "int4_block"), "feeds": ("model", "library")}
SIZES = {"layers": 2, "heads": 1, "head_dim": 16, "query": 1, "context": 32, "window": 8, "block_size": 16}
NAMES = ("causalMask", "slidingMask")
# What has to be in the program for the weights to be what they are said to be: small ones are left as they are, silently.
PACKED = {"palette4": "constexpr_lut_to_dense", "int4_block": "constexpr_blockwise_shift_scale"}
STATES = ("keyCache", "valueCache")


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--inputs")
    for name, values in CHOICES.items():
        parser.add_argument("--" + name.replace("_", "-"), choices=values, default=values[0])
    for name, default in SIZES.items():
        parser.add_argument("--" + name.replace("_", "-"), type=int, default=default)
    chosen = parser.parse_args(argv)
    for name in SIZES:
        if getattr(chosen, name) < 1:
            raise Unsupported(f"{name} is {getattr(chosen, name)}, and has to be at least 1")
    if chosen.query > chosen.context:
        raise Unsupported(f"a query of {chosen.query} tokens does not fit a context of {chosen.context}")
    return chosen


class Decoder:
    """The program of a decoder, made layer by layer."""

    def __init__(self, chosen: argparse.Namespace):
        self.chosen = chosen
        self.half = chosen.precision == "fp16"
        self.dtype = np.float16 if self.half else np.float32
        self.width = chosen.heads * chosen.head_dim
        self.random = np.random.RandomState(1)  # the same sequence in every version of NumPy
        kinds = 2 if chosen.attention == "full+sliding" and chosen.masks == "two" else 1
        self.names = NAMES[:kinds]
        self.cache = (chosen.layers, 1, chosen.heads, chosen.context, chosen.head_dim)

    def sliding(self, layer: int) -> bool:
        """Whether the layer is one of those that see a window: every other one, the first being full."""
        return self.chosen.attention == "full+sliding" and layer % 2 == 1

    # --- inputs ---

    def specs(self) -> list[Any]:
        number = types.fp16 if self.half else types.fp32
        specs: list[Any] = [mb.TensorSpec(shape=(1, self.chosen.query, self.width), dtype=number)]
        if self.chosen.masks_in_graph == "true":
            specs.append(mb.TensorSpec(shape=(1, 1, self.chosen.query, 1), dtype=types.int32))
        else:
            specs += [mb.TensorSpec(shape=(1, 1, self.chosen.query, self.chosen.context), dtype=number) for _ in self.names]
        if self.chosen.state == "true":
            specs += [mb.StateTensorSpec(shape=self.cache, dtype=number) for _ in STATES]
        return specs

    def main(self) -> Callable[..., Var]:
        """The function of the program. Its arguments are named as they are here, which is where the builder looks."""
        layers = self.layers
        if self.chosen.masks_in_graph == "true":
            if self.chosen.state == "true":
                return lambda x, positions, keyCache, valueCache: layers(x, self.made(positions), [keyCache, valueCache])
            return lambda x, positions: layers(x, self.made(positions), [])
        if len(self.names) == 2:
            if self.chosen.state == "true":
                return lambda x, causalMask, slidingMask, keyCache, valueCache: layers(
                    x, [causalMask, slidingMask], [keyCache, valueCache])
            return lambda x, causalMask, slidingMask: layers(x, [causalMask, slidingMask], [])
        if self.chosen.state == "true":
            return lambda x, causalMask, keyCache, valueCache: layers(x, [causalMask], [keyCache, valueCache])
        return lambda x, causalMask: layers(x, [causalMask], [])

    def made(self, positions: Var) -> list[Var]:
        """The masks made of the positions of the tokens, each spread over the heads."""
        keys = np.arange(self.chosen.context, dtype=np.int32).reshape(1, 1, 1, -1)
        zero, low = self.dtype(0), self.dtype(LOW)
        seen = mb.less_equal(x=keys, y=positions)
        masks = [mb.select(cond=seen, a=np.array(zero), b=np.array(low))]
        if len(self.names) == 2:
            first = mb.sub(x=positions, y=np.array(self.chosen.window, np.int32))
            near = mb.logical_and(x=seen, y=mb.greater(x=keys, y=first))
            masks.append(mb.select(cond=near, a=np.array(zero), b=np.array(low)))
        return [mb.tile(x=mask, reps=[1, self.chosen.heads, 1, 1]) for mask in masks]

    # --- layers ---

    def weight(self, size: float = 1) -> Any:
        return (self.random.standard_normal((self.width, self.width)) * size / self.width**0.5).astype(self.dtype)

    def by_heads(self, x: Var) -> Var:
        split = mb.reshape(x=x, shape=[1, self.chosen.query, self.chosen.heads, self.chosen.head_dim])
        return mb.transpose(x=split, perm=[0, 2, 1, 3])

    def kept(self, new: Var, layer: int, state: Optional[Var]) -> Var:
        """All positions of the cache of a layer, those of the new tokens being the first."""
        chosen = self.chosen
        if state is None:
            rest = np.zeros((1, chosen.heads, chosen.context - chosen.query, chosen.head_dim), self.dtype)
            return mb.concat(values=[new, rest], axis=2) if rest.size else new
        begin, end = [layer, 0, 0, 0, 0], [layer + 1, 1, chosen.heads, chosen.query, chosen.head_dim]
        update = mb.reshape(x=new, shape=[1, 1, chosen.heads, chosen.query, chosen.head_dim])
        written = mb.slice_update(x=mb.read_state(input=state), update=update, begin=begin, end=end)
        renewed = mb.coreml_update_state(state=state, value=written)
        own = mb.slice_by_index(x=renewed, begin=begin, end=[layer + 1, 1, chosen.heads, chosen.context, chosen.head_dim])
        return mb.reshape(x=own, shape=[1, chosen.heads, chosen.context, chosen.head_dim])

    def attention(self, query: Var, key: Var, value: Var, mask: Var) -> Var:
        if self.chosen.sdpa == "op":
            return mb.scaled_dot_product_attention(query=query, key=key, value=value, attn_mask=mask)
        scaled = mb.mul(x=query, y=np.array(self.chosen.head_dim**-0.5, self.dtype))
        scores = mb.add(x=mb.matmul(x=scaled, y=key, transpose_y=True), y=mask)
        return mb.matmul(x=mb.softmax(x=scores, axis=-1), y=value)

    def layer(self, x: Var, number: int, mask: Var, states: Sequence[Var]) -> Var:
        query, key, value = (self.by_heads(mb.linear(x=x, weight=self.weight())) for _ in range(3))
        key = self.kept(key, number, states[0] if states else None)
        value = self.kept(value, number, states[1] if states else None)
        seen = mb.transpose(x=self.attention(query, key, value, mask), perm=[0, 2, 1, 3])
        joined = mb.reshape(x=seen, shape=[1, self.chosen.query, self.width])
        last = number == self.chosen.layers - 1
        # Small, or the sums of many layers are too large for 16 bits.
        return mb.add(x=x, y=mb.linear(x=joined, weight=self.weight(1 / self.chosen.layers)), name="y" if last else None)

    def layers(self, x: Var, masks: Sequence[Var], states: Sequence[Var]) -> Var:
        for number in range(self.chosen.layers):
            x = self.layer(x, number, masks[-1] if self.sliding(number) else masks[0], states)
        return x

    def program(self) -> Program:
        return mb.program(input_specs=self.specs(), opset_version=ct.target.iOS18)(self.main())


# --- what is written -------------------------------------------------------------------------------------------------


def packed(model: ct.models.MLModel, chosen: argparse.Namespace) -> ct.models.MLModel:
    """The model with its weights in fewer bits, when it really has them."""
    if chosen.weights == "plain":
        return model
    if chosen.weights == "palette4":
        palette = cto.coreml.OpPalettizerConfig(mode="uniform", nbits=4, weight_threshold=0)
        model = cto.coreml.palettize_weights(model, config=cto.coreml.OptimizationConfig(global_config=palette))
    else:
        if chosen.heads * chosen.head_dim % chosen.block_size:
            raise Unsupported(f"rows of {chosen.heads * chosen.head_dim} weights are not made of blocks of {chosen.block_size}")
        linear = cto.coreml.OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int4", granularity="per_block",
                                                    block_size=chosen.block_size, weight_threshold=0)
        model = cto.coreml.linear_quantize_weights(model, config=cto.coreml.OptimizationConfig(global_config=linear))
    if PACKED[chosen.weights] not in str(model.get_spec()):
        raise Unsupported(f"weights={chosen.weights}: there is no {PACKED[chosen.weights]} in the program, so its weights are not that")
    return model


def mask_values(chosen: argparse.Namespace, sliding: bool) -> list[float]:
    """A mask for tokens at the first positions of the cache."""
    return [0.0 if key <= token and not (sliding and key <= token - chosen.window) else LOW
            for token in range(chosen.query) for key in range(chosen.context)]


def inputs(decoder: Decoder) -> list[dict[str, Any]]:
    """What the model is fed. A library that was written for models of one mask passes the one that it knows, whatever the model
    wants: with feeds=library the list is that of such a library."""
    chosen = decoder.chosen
    number = "float16" if decoder.half else "float32"
    listed: list[dict[str, Any]] = [{"name": "x", "dtype": number, "shape": [1, chosen.query, decoder.width], "fill": {"random": 1}}]
    if chosen.masks_in_graph == "true":
        return listed + [{"name": "positions", "dtype": "int32", "shape": [1, 1, chosen.query, 1], "fill": {"range": [0, 1]}}]
    passed = decoder.names[:1] if chosen.feeds == "library" else decoder.names
    return listed + [{"name": name, "dtype": number, "shape": [1, 1, chosen.query, chosen.context],
                      "data": mask_values(chosen, name == NAMES[1])} for name in passed]


def save(model: ct.models.MLModel, path: str) -> None:
    """A package is only saved under a name that ends in .mlpackage."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(path))) as directory:
        made = os.path.join(directory, "model.mlpackage")
        model.save(made)
        shutil.move(made, path)


def main(argv: Sequence[str]) -> int:
    if argv == ["--versions"]:
        for name, version in {**package_versions(("coremltools", "torch", "numpy")), **system_versions()}.items():
            print(f"{name} {version}")
        return 0
    try:
        chosen = arguments(argv)
        decoder = Decoder(chosen)
        precision = ct.precision.FLOAT16 if decoder.half else ct.precision.FLOAT32
        model = ct.convert(decoder.program(), convert_to="mlprogram", minimum_deployment_target=ct.target.iOS18,
                           compute_precision=precision, skip_model_load=True)
        save(packed(model, chosen), chosen.model)
    except Unsupported as why:
        print(json.dumps({"unsupported": str(why)}))
        return REFUSED
    if chosen.inputs:
        with open(chosen.inputs, "w", encoding="utf-8") as file:
            json.dump(inputs(decoder), file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
