"""From a module to a program.

The module is run twice, with the sizes that may vary at two values: what has another size in both varies with them."""
import inspect
import os
from pathlib import Path

import torch
from coreai_models.primitives.macos.sdpa import SDPA
from fakecore.program import Program

_EXTERNALIZE_SPECS = {SDPA: "coreai.sdpa"}


class AIProgram:
    """What is saved as an asset."""

    def __str__(self):
        return str(self._program)

    def optimize(self):
        pass

    def save_asset(self, path):
        if not isinstance(path, Path):
            raise TypeError(f"path: expected pathlib.Path, got {type(path).__name__}")
        if path.suffix != ".aimodel":
            raise ValueError(f"{path}: expected a path that ends in .aimodel")
        self._program.save(os.fspath(path))


def _specifications(model, inputs, dynamic_shapes):
    """For each input its sizes that vary: dimension -> Dim."""
    if dynamic_shapes is None:
        return [{} for _ in inputs]
    listed = []
    parameters = inspect.signature(model.forward).parameters
    if list(dynamic_shapes) != list(parameters):
        raise ValueError(f"dynamic_shapes: expected the arguments {list(parameters)}, got {list(dynamic_shapes)}")
    for name, parameter in parameters.items():
        one = dynamic_shapes[name]
        listed += list(one) if parameter.kind is inspect.Parameter.VAR_POSITIONAL else [one]
    if len(listed) != len(inputs):
        raise ValueError(f"dynamic_shapes: expected {len(inputs)} entries, got {len(listed)}")
    for one, tensor in zip(listed, inputs):
        for dim, bounds in (one or {}).items():
            size = tensor._value.shape[dim]
            if size < 2:
                raise ValueError(f"Constraints violated ({bounds.__name__})! it was traced with {size}, which is taken for a constant")
            if size < bounds.min or (bounds.max is not None and size > bounds.max):
                raise ValueError(f"Constraints violated ({bounds.__name__})! it was traced with {size}, outside {bounds.min}..{bounds.max}")
    return [one or {} for one in listed]


def _larger(array, specification):
    import numpy as np
    for dim in specification:
        array = np.concatenate([array, np.take(array, [-1], axis=dim)], axis=dim)
    return array.copy()


def _trace(model, inputs, specifications, grow):
    program = Program()
    recorder = torch.Recorder(program)
    tensors = []
    for index, (tensor, specification) in enumerate(zip(inputs, specifications)):
        one = recorder.add("input", _larger(tensor._value, specification) if grow else tensor._value.copy())
        one._symbolic = {dim: torch.SymInt(one._value.shape[dim], ["size", index, dim]) for dim in specification}
        tensors.append(one)
    torch._recorder = recorder
    try:
        out = model(*tensors)
    finally:
        torch._recorder = None
    outputs = list(out) if isinstance(out, tuple) else [out]
    return program, recorder, tensors, outputs


def _check_attention(program, specifications):
    """The length of the keys loses its upper bound in an attention that is left outside."""
    for node in program.nodes:
        if node["op"] != "sdpa":
            continue
        query, key = program.nodes[node["in"][0]]["shape"], program.nodes[node["in"][1]]["shape"]
        if isinstance(query[-2], int) and not isinstance(key[-2], int):
            names = ", ".join(sorted({bounds.__name__ for one in specifications for bounds in one.values()}))
            raise RuntimeError(f"Constraints violated ({names})! For more information, run with TORCH_LOGS=\"+dynamic\".\n"
                               f"  - Not all values of {names} in the specified range satisfy the generated guard.")


def export_to_coreai(model, reference_inputs, dynamic_shapes=None, input_names=None, output_names=None, state_names=None):
    inputs = list(reference_inputs)
    names = list(input_names or []) + list(state_names or [])
    if len(names) != len(inputs):
        raise ValueError(f"{len(inputs)} reference inputs, {len(names)} names of inputs and states")
    specifications = _specifications(model, inputs, dynamic_shapes)
    program, recorder, tensors, outputs = _trace(model, inputs, specifications, False)
    _, other, _, _ = _trace(model, inputs, specifications, True)
    for node, shape, larger in zip(program.nodes, recorder.shapes, other.shapes):
        node["shape"] = [d if d == e else f"s{d}" for d, e in zip(shape, larger)]
    _check_attention(program, specifications)
    states = len(state_names or [])
    for index, (name, tensor) in enumerate(zip(names, tensors)):
        one = {"name": name, "node": index, "dtype": tensor._value.dtype.name, "shape": program.nodes[index]["shape"]}
        if index < len(inputs) - states:
            program.inputs.append(one)
        else:
            program.states.append({**one, "result": tensor._node})
    if len(output_names or []) != len(outputs):
        raise ValueError(f"{len(outputs)} outputs, {len(output_names or [])} names of outputs")
    program.outputs = [{"name": name, "node": recorder.number(one)} for name, one in zip(output_names or [], outputs)]
    made = AIProgram()
    made._program = program
    return made
