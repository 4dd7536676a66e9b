"""What stands for Core ML itself: packages, compiling, where operations are placed, and predictions.

The defects that it has are those of public reports, and each is looked for in what it is given:
- the mask of a layer that is made inside the graph and spread over the heads (`tile` of what is computed) is lowered to
  eight dimensions; with two of them in a program the verification finds a permutation of four;
- the Neural Engine takes no linear weights in blocks (`constexpr_blockwise_shift_scale`): its compiler says that it failed,
  and the model is quietly placed elsewhere, as is one in 32 bits;
- a model with palettised weights and a state loses a little memory in each prediction on the Neural Engine, until it dies.
"""
from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from typing import Any, Optional

import numpy

from coremltools import ComputeUnit, _native, _program

CPU, GPU, ANE = "cpu", "gpu", "ane"
_UNITS = {ComputeUnit.ALL: (ANE, GPU, CPU), ComputeUnit.CPU_AND_GPU: (GPU, CPU), ComputeUnit.CPU_ONLY: (CPU,),
          ComputeUnit.CPU_AND_NE: (ANE, CPU)}
_NOT_ON_ANE = ("less_equal", "greater", "logical_and", "select")


def failure(description: str, underlying: Optional[str] = None) -> RuntimeError:
    """An NSError as coremltools hands it on: what it prints of the user info, without the domain and code around it."""
    lines = [f'    NSLocalizedDescription = "{description}";']
    if underlying:
        quoted = underlying.replace('"', '\\"')
        lines.append(f'    NSUnderlyingError = "{quoted}";')
    return RuntimeError("{\n" + "\n".join(lines) + "\n}")


def _write(folder: str, program: _program.Json, blobs: _program.Arrays, model: str) -> None:
    os.makedirs(os.path.join(folder, "weights"), exist_ok=True)
    with open(os.path.join(folder, model), "w", encoding="utf-8") as file:
        json.dump(program, file)
    numpy.savez(os.path.join(folder, "weights", "weight.bin"), **blobs)


def _read(folder: str, model: str) -> tuple[_program.Json, _program.Arrays]:
    try:
        with open(os.path.join(folder, model), encoding="utf-8") as file:
            program = json.load(file)
        with numpy.load(os.path.join(folder, "weights", "weight.bin.npz")) as file:
            return program, dict(file)
    except (OSError, ValueError) as error:
        raise failure(f"Unable to load model: {folder}", 'Error Domain=com.apple.CoreML Code=3 "(null)"') from error


def write_package(path: str, program: _program.Json, blobs: _program.Arrays) -> None:
    if not path.endswith(".mlpackage"):
        raise ValueError("For an ML Program, extension must be .mlpackage")
    _write(os.path.join(path, "Data", "com.apple.CoreML"), program, blobs, "model.mlmodel")
    with open(os.path.join(path, "Manifest.json"), "w", encoding="utf-8") as file:
        json.dump({"fileFormatVersion": "1.0.0"}, file)


def read_package(path: str) -> tuple[_program.Json, _program.Arrays]:
    return _read(os.path.join(path, "Data", "com.apple.CoreML"), "model.mlmodel")


def _verify(program: _program.Json) -> None:
    given = {each["name"] for each in program["inputs"]}
    spread = {each["inputs"]["x"]["name"] for each in program["operations"] if each["type"] == "tile"} - given
    if len(spread) > 1:
        raise failure("Failed to build the model execution plan using a model architecture file 'model.mil' with error code: -14.",
                      'Error Domain=com.apple.CoreML Code=-14 "perm tensor length must equal input tensor rank, 4 != 8"')


def compile_package(path: str, destination: Optional[str] = None) -> str:
    """The compiled model of a package: MLModel.compileModel(at:)."""
    if not path.endswith(".mlpackage"):
        raise failure(f"Compiling a model needs an .mlpackage or an .mlmodel, not {path}")
    program, blobs = read_package(path)
    destination = destination or os.path.join(tempfile.mkdtemp(prefix="coreml-"), "model.mlmodelc")
    _write(destination, program, blobs, "model.mil")
    return destination


class State:
    def __init__(self, program: _program.Json) -> None:
        self.arrays = {each["name"]: numpy.zeros(each["shape"], each["dtype"]) for each in program["states"]}


class Loaded:
    """A compiled model on compute units."""

    def __init__(self, path: str, units: ComputeUnit, function: Optional[str]) -> None:
        self.program, self._blobs = _read(path, "model.mil")
        if function not in (None, "", self.program["function"]):
            raise failure(f"Function {function} is not in the model.")
        _verify(self.program)
        self.placed = place(self.program, units)
        kinds = {each["type"] for each in self.program["operations"]}
        self._loses = "constexpr_lut_to_dense" in kinds and bool(self.program["states"]) and ANE in self.placed

    def _feature(self, told: _program.Json, data: dict[str, Any]) -> numpy.ndarray:
        if told["name"] not in data:
            raise failure(f"Feature {told['name']} is required but not specified.")
        array = numpy.asarray(data[told["name"]])
        if array.dtype not in (numpy.float16, numpy.float32, numpy.float64, numpy.int32):
            raise RuntimeError("value type not convertible")
        if list(array.shape) != told["shape"]:
            shapes = [" x ".join(map(str, each)) for each in (array.shape, told["shape"])]
            raise failure(f"MultiArray shape ({shapes[0]}) does not match the shape ({shapes[1]}) specified in the model description")
        return array.astype(told["dtype"])

    def predict(self, data: dict[str, Any], state: Optional[State]) -> dict[str, numpy.ndarray]:
        inputs = {each["name"]: self._feature(each, data) for each in self.program["inputs"]}
        if self.program["states"] and state is None:
            raise failure("The model has states, and the prediction was asked for without one.")
        if self._loses:
            _native.predict_on_neural_engine()
        outputs = _program.run(self.program, self._blobs, inputs, state.arrays if state else {})
        return {name: array.astype("float32") if array.dtype == numpy.float16 else array for name, array in outputs.items()}


def place(program: _program.Json, units: ComputeUnit) -> list[str]:
    """The device of each operation."""
    allowed = list(_UNITS[units])
    if ANE in allowed:
        if any(each["type"] == "constexpr_blockwise_shift_scale" for each in program["operations"]):
            print("E5RT encountered an STL exception. msg = MILCompilerForANE error: failed to compile ANE model using ANEF. "
                  "Error=_ANECompiler : ANECCompile() FAILED.", file=sys.stderr, flush=True)
            allowed.remove(ANE)
        elif all(each["dtype"] != "float16" for each in program["inputs"]):
            allowed.remove(ANE)
    rest = [each for each in allowed if each != ANE]
    return [rest[0] if each["type"] in _NOT_ON_ANE else allowed[0] for each in program["operations"]]


def remove(path: str) -> None:
    shutil.rmtree(os.path.dirname(path), ignore_errors=True)
