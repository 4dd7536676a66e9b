#!/usr/bin/env python3
"""Exports a decoder as a Core AI asset: a generator for cases (docs/coreai.md has its axes).

    export_decoder.py --out PATH [--AXIS VALUE]…
    export_decoder.py --versions

PATH ends in .aimodel, or it becomes a directory that holds the asset and calls.json, which says to the runner what to call
with what. Where the exporter refuses, its traceback is on stderr and the exit status 1: a failure in phase generate. A
combination that cannot be made, or that the tools silently did not make, is told as {"unsupported": WHY} on stdout, and the
exit status is 77."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any, Optional, Sequence

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[1:1] = [os.path.join(os.path.dirname(HERE), "python")]

import trapline_runner  # noqa: E402
from trapline_runner import Json, Unsupported  # noqa: E402

CHOICES = {
    "begin_index": ("none", "constant", "shape", "tensor"), "kv_write": ("scatter", "tensor_scatter", "concat"),
    "kv": ("state", "io"), "read_length": ("context", "capacity"), "shapes": ("static", "dynamic"), "query": ("static", "dynamic"),
    "masks": ("none", "one", "two", "in_graph"), "attention": ("sdpa", "torch", "manual"),
}
WEIGHTS = ("fp16", "fp32", "int4_codebook", "int4_block")
# The operator that is in a program whose weights were compressed.
OPERATOR = {"int4_block": "blockwise_shift_scale", "int4_codebook": "lut_to_dense"}
FIRST = "decoder.aimodel"
REFUSED = 77  # the exit status


def boolean(text: str) -> bool:
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError("expected true or false")
    return text == "true"


def parser() -> argparse.ArgumentParser:
    import decoder_model
    made = argparse.ArgumentParser(description="Exports a decoder as a Core AI asset.")
    made.add_argument("--out", required=True, type=Path)
    for field in dataclasses.fields(decoder_model.Shape):
        if field.name != "dtype":
            kind: Any = boolean if isinstance(field.default, bool) else type(field.default)
            made.add_argument("--" + field.name, type=kind, default=field.default, choices=CHOICES.get(field.name))
    made.add_argument("--weights", choices=WEIGHTS, default="fp16")
    made.add_argument("--block_size", type=int, default=32)
    made.add_argument("--scheme", choices=("default", "symmetric"), default="default", help="of int4_block")
    made.add_argument("--threshold", type=int, default=1, help="weights with fewer elements are not compressed")
    made.add_argument("--externalise_sdpa", type=boolean, default=True)
    made.add_argument("--optimize", type=boolean, default=True)
    made.add_argument("--platform", choices=("macOS", "iOS"), default="macOS")
    made.add_argument("--engine", choices=("coreai",), default="coreai")
    made.add_argument("--functions", type=int, default=1)
    return made


# --- sizes -----------------------------------------------------------------------------------------------------------


def traced(shape: Any) -> int:
    """The length of the query in what is traced."""
    return int(max(shape.traced or shape.seq, 2) if shape.query == "dynamic" else shape.seq)


def total_of(shape: Any, query: int) -> int:
    """Rows that are seen by the first call: what was there, and the query; where only the query may vary, as many as were traced."""
    fixed = shape.shapes == "static" and shape.query == "dynamic" and not shape.concat
    return int(shape.context + (max(traced(shape), shape.seq) if fixed else query))


def sizes_of(shape: Any, query: int, total: int) -> dict[str, list[int]]:
    """The shape of every input of the decoder, for a call with `query` tokens that sees `total` rows."""
    past = total - query
    sizes = {"x": [1, query, shape.hidden], "position_ids": [1, total], "in_step": [1]}
    for mask in ("mask", "mask_sliding"):
        sizes[mask] = [1, 1, query, past if shape.concat else total]
        sizes[mask + "_new"] = [1, 1, query, query]
    for group in shape.groups():
        for kind in ("keyCache", "valueCache"):
            sizes[kind + group] = shape.cache_shape(group, past if shape.concat else shape.rows)
    return sizes


def variable_sizes(shape: Any, names: Sequence[str]) -> Optional[dict[str, Any]]:
    """Which sizes may vary, as torch.export has it: an entry for x and one for all that follows."""
    from torch.export import Dim
    most = shape.bound or shape.capacity
    query = Dim("query", min=1, max=most) if shape.query == "dynamic" else None
    context = Dim("context", min=1, max=shape.capacity) if shape.shapes == "dynamic" else None
    if not query and not context:
        return None
    where: dict[str, dict[int, Any]] = {"x": {1: query}, "position_ids": {1: context}, "in_step": {}}
    for mask in ("mask", "mask_sliding"):
        where[mask] = {2: query, 3: context}
        where[mask + "_new"] = {2: query, 3: query}
    cache = {shape.row_dim: context} if shape.concat else {}
    listed = [{dim: bounds for dim, bounds in where.get(name, cache).items() if bounds} for name in names]
    return {"x": listed[0], "rest": tuple(listed[1:])}


def dtype_of(name: str, dtype: str) -> str:
    return "int32" if name in ("position_ids", "in_step") else dtype


# --- exporting -------------------------------------------------------------------------------------------------------


def leave_sdpa_inside(module: Any) -> None:
    """Takes attention out of the operators that the exporter leaves outside of the graph."""
    specs = module._EXTERNALIZE_SPECS
    is_sdpa = [key for key in specs if "sdpa" in repr(key).lower()]
    if not is_sdpa:
        raise Unsupported("externalise_sdpa=false: _EXTERNALIZE_SPECS of coreai_models.export.macos has no entry for SDPA")
    if isinstance(specs, dict):
        module._EXTERNALIZE_SPECS = {key: value for key, value in specs.items() if key not in is_sdpa}
    else:
        module._EXTERNALIZE_SPECS = type(specs)(key for key in specs if key not in is_sdpa)


def export(options: argparse.Namespace, shape: Any, query: int) -> Any:
    """The program for one length of the query; with query=dynamic the length that it is traced with."""
    import numpy as np
    import torch
    from coreai_models.export import macos

    import decoder_model
    model = decoder_model.Decoder(shape).eval()
    inputs, _, states = decoder_model.names_of(shape)
    names = ["x", *inputs, *states]
    sizes = sizes_of(shape, query, total_of(shape, query))
    reference = tuple(torch.from_numpy(np.zeros(sizes[name], dtype_of(name, shape.dtype))) for name in names)
    return macos.export_to_coreai(model, reference, dynamic_shapes=variable_sizes(shape, names),
                                  input_names=["x", *inputs], output_names=decoder_model.outputs_of(shape),
                                  state_names=states or None)


def compressed(program: Any, options: argparse.Namespace) -> Any:
    """The program with its weights compressed as was asked for. What is in it afterwards decides: weights that are too small
    are skipped, and nothing is said of that."""
    if options.weights not in OPERATOR:
        return program
    from coreai_opt import coreai_utils
    if options.weights == "int4_block":
        more: Json = {}
        if options.scheme == "symmetric":
            from coreai_opt.coreai_utils.common import QScheme
            more["qscheme"] = QScheme.SYMMETRIC
        changed = coreai_utils.quantize_weights(
            program, dtype=coreai_utils.DType.INT4, granularity=coreai_utils.CompressionGranularity.PER_BLOCK,
            block_size=options.block_size, weight_num_threshold=options.threshold, **more)
    else:
        changed = coreai_utils.palettize_weights(program, lut_dtype=None, n_bits=4, weight_num_threshold=options.threshold)
    program = program if changed is None else changed
    operator = OPERATOR[options.weights]
    if operator not in str(program):
        raise Unsupported(f"weights={options.weights}: the program has no {operator} after compression; threshold={options.threshold} may "
                          "be larger than its weights")
    return program


def save(program: Any, options: argparse.Namespace, path: Path) -> None:
    program = compressed(program, options)
    if options.optimize:
        program.optimize()
    program.save_asset(path)


# --- what to call it with --------------------------------------------------------------------------------------------


def mask_values(shape: Any, name: str, query: int, total: int) -> list[float]:
    """A mask, or the part of it that concerns what was there (or is new, in those whose name ends so)."""
    import decoder_model
    past = total - query
    first, last = (past, total) if name.endswith("_new") else (0, past if shape.concat else total)
    window = shape.window if name.startswith("mask_sliding") else total
    return [0.0 if at - window < row <= at else decoder_model.HIDDEN_BY_MASK
            for at in range(past, total) for row in range(first, last)]


def call_of(shape: Any, asset: str, query: int, total: int, fed: bool) -> Json:
    """A call as calls.json has it. fed: its caches come from the call before."""
    import decoder_model
    inputs_after_x, caches, states = decoder_model.names_of(shape)
    sizes, inputs, feed = sizes_of(shape, query, total), [], {}
    for name in ["x", *inputs_after_x]:
        one: Json = {"name": name, "dtype": dtype_of(name, shape.dtype), "shape": sizes[name], "fill": {"random": 7}}
        if name == "position_ids":
            one["fill"] = {"range": [0, 1]}
        elif name == "in_step":
            one["fill"] = {"constant": total - query}
        elif name in caches:
            one["fill"] = {"constant": 0}
        elif name.startswith("mask"):
            del one["fill"]
            one["data"] = mask_values(shape, name, query, total)
        if fed and name in caches:
            feed[name] = name + "_out"
        else:
            inputs.append(one)
    state = [{"name": name, "dtype": shape.dtype, "shape": sizes[name]} for name in states]
    return {"asset": asset, "function": "main", "tokens": query, "inputs": inputs, "state": state, "feed": feed}


def calls_of(shape: Any, decode: str) -> list[Json]:
    """The prompt, and then a step of one token; or that step alone where the prompt has no more. decode: the asset of the step."""
    if shape.seq == 1:
        return [call_of(shape, decode, 1, total_of(shape, 1), False)]
    first = total_of(shape, shape.seq)
    varies = shape.shapes == "dynamic" and decode == FIRST  # the step sees one row more than the prompt
    fed = not shape.has_state and (varies or not shape.concat)
    return [call_of(shape, FIRST, shape.seq, first, False),
            call_of(shape, decode, 1, first + 1 if varies else total_of(shape, 1), fed)]


def write(options: argparse.Namespace) -> None:
    import decoder_model
    fields = {f.name: getattr(options, f.name) for f in dataclasses.fields(decoder_model.Shape) if f.name != "dtype"}
    shape = decoder_model.Shape(**fields, dtype="float32" if options.weights == "fp32" else "float16")
    decoder_model.check(shape)
    if options.platform == "iOS":
        raise Unsupported("platform=iOS: what export_ios_model takes is not known here")
    if options.functions != 1:
        raise Unsupported("functions: how several functions get into one program is not known here")
    if not options.externalise_sdpa:
        from coreai_models.export import macos
        leave_sdpa_inside(macos)
    program = export(options, shape, traced(shape))
    if options.out.suffix == ".aimodel":
        save(program, options, options.out)
        return
    options.out.mkdir(parents=True)
    save(program, options, options.out / FIRST)
    decode = FIRST
    if shape.query == "static" and shape.seq > 1:  # a model of its own for the step of one token
        decode = "decode.aimodel"
        save(export(options, shape, 1), options, options.out / decode)
    with open(options.out / "calls.json", "w", encoding="utf-8") as file:
        json.dump({"calls": calls_of(shape, decode)}, file)


def main(arguments: Sequence[str]) -> int:
    trapline_runner.be_run_by_chosen([os.path.abspath(__file__), *arguments])
    if arguments == ["--versions"]:
        import coreai_calls
        return trapline_runner.print_all(coreai_calls.print_versions)
    try:
        write(parser().parse_args(arguments))
    except Unsupported as why:
        print(json.dumps({"unsupported": str(why)}))
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
