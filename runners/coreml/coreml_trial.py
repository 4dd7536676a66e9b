"""The inner process of a trial: everything that touches Core ML.

A model is an .mlpackage, an .mlmodel, or an .mlmodelc that was compiled before. It is read in phase load; compiled, and made
ready for its device, in phase compile; predict is phase execute."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import time
import warnings
from typing import Any, Iterator, Optional, Sequence, Union

import coremltools as ct
import numpy as np
from coremltools.models import CompiledMLModel, MLModel, MLState
from coremltools.proto.Model_pb2 import FeatureDescription, FunctionDescription, ModelDescription

from coreml_errors import WARNING, told
from coreml_plan import PLAN_SECONDS, UNITS, observed, placement_apart
from trapline_runner import Json, Runner, Unsupported, package_versions, system_versions
from trapline_tensors import DTYPES, Array, described, narrowed, random_elements, read_inputs

PACKAGES = ("coremltools", "torch", "numpy")
SUFFIXES = (".mlpackage", ".mlmodelc", ".mlmodel")
# ArrayFeatureType.ArrayDataType: the kind in the high half, the bits in the low.
DATA_TYPES = {65552: "float16", 65568: "float32", 65600: "float64", 131104: "int32", 131080: "int8"}

Loaded = Union[MLModel, CompiledMLModel]
Description = Union[ModelDescription, FunctionDescription]


def link(source: str, target: str) -> str:
    """The same file at another place, without its bytes twice where the file system can do that."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def with_suffix(model: str, scratch: str) -> str:
    """The path of the model with the suffix that Core ML wants to see: what a generator wrote has none."""
    if model.endswith(SUFFIXES):
        return model
    if not os.path.isdir(model):
        return link(model, os.path.join(scratch, "model.mlmodel"))
    suffix = ".mlpackage" if os.path.exists(os.path.join(model, "Manifest.json")) else ".mlmodelc"
    return str(shutil.copytree(model, os.path.join(scratch, "model" + suffix), copy_function=link))


def of_function(description: ModelDescription, name: Optional[str]) -> Description:
    """What a model of several functions says of one of them; of others, what it says of itself."""
    wanted = name or description.defaultFunctionName
    for function in description.functions:
        if function.name == wanted:
            return function
    return description


def derived(features: Sequence[FeatureDescription]) -> Iterator[tuple[str, Array]]:
    """Inputs from what the model says of them: its default shapes, numbers that are the same everywhere."""
    for seed, feature in enumerate(features):
        kind = feature.type.WhichOneof("Type")
        array = feature.type.multiArrayType
        if kind != "multiArrayType" or array.dataType not in DATA_TYPES:
            raise Unsupported(f"input {feature.name} is no array of a type that can be made here ({kind}): list the inputs in the case")
        dtype, shape = DATA_TYPES[array.dataType], [int(n) for n in array.shape]
        yield feature.name, random_elements(dtype, seed, math.prod(shape)).astype(DTYPES[dtype]).reshape(shape)


def told_output(name: str, value: Any, directory: Optional[str], index: int) -> Json:
    """An output; the probabilities of a classifier are no tensor, and are compared by their hash."""
    if isinstance(value, dict):
        text = json.dumps({str(key): repr(each) for key, each in value.items()}, sort_keys=True)
        return {"name": name, "kind": "dictionary", "hash": hashlib.sha256(text.encode()).hexdigest(),
                "finite": all(math.isfinite(float(each)) for each in value.values())}
    return described(name, np.asarray(value), directory, index)


class Trial:
    """One trial: its request, and what is measured on the way."""

    def __init__(self, runner: Runner, program: str):
        self.runner, self.program = runner, program
        self.device: str = runner.request.get("device", "")
        self.variant: Json = runner.request.get("variant") or {}
        self.scratch: str = runner.request.get("scratch") or os.getcwd()
        self.function: Optional[str] = self.variant.get("function") or None
        self.metrics: Json = {}
        self.cast: dict[str, str] = {}

    def describe(self, path: str) -> Optional[Description]:
        """What the model says of itself; a compiled one says nothing that could be read here."""
        if path.endswith(".mlmodelc"):
            return None
        return of_function(MLModel(path, skip_model_load=True).get_spec().description, self.function)

    def feed(self, description: Optional[Description]) -> dict[str, Array]:
        listed = self.runner.request.get("inputs")
        if not listed and description is None:
            raise Unsupported("a compiled model does not say what it takes: list the inputs in the case")
        arrays = read_inputs(listed, self.variant) if listed else dict(derived(description.input if description else ()))
        taken = {name: narrowed(name, array) for name, array in arrays.items()}
        self.cast = {name: f"{arrays[name].dtype.name} to {array.dtype.name}" for name, array in taken.items()
                     if array is not arrays[name]}
        return taken

    def load(self, path: str) -> tuple[Loaded, str]:
        """The model on its device, and where it lies compiled for as long as it lives."""
        units = UNITS[self.device]
        if self.variant.get("aot") and not path.endswith(".mlmodelc"):
            ahead = os.path.join(self.scratch, "ahead.mlmodelc")
            shutil.rmtree(ahead, ignore_errors=True)
            path = ct.utils.compile_model(path, ahead)
        if path.endswith(".mlmodelc"):
            return CompiledMLModel(path, compute_units=units, function_name=self.function), path
        with warnings.catch_warnings():
            # MLModel only warns of what Core ML would not load, and keeps the reason to itself.
            warnings.filterwarnings("error", message=WARNING, category=RuntimeWarning)
            model = MLModel(path, compute_units=units, function_name=self.function)
        return model, model.get_compiled_model_path()

    def predict(self, model: Loaded, feed: dict[str, Array], stateful: bool) -> dict[str, Any]:
        """The outputs of the last run. One state goes through all runs, unless each is to have a fresh one."""
        runs = int(self.variant.get("runs", 1))
        state: Optional[MLState] = None
        outputs: dict[str, Any] = {}
        begun = time.perf_counter()
        for number in range(1, runs + 1):
            if stateful and (state is None or self.variant.get("fresh_state")):
                state = model.make_state()
            if runs > 1:
                print(f"predict {number}", flush=True)  # a trial that dies has said how far it came
            outputs = model.predict(feed, state=state) if stateful else model.predict(feed)
        self.metrics["predict_s"] = (time.perf_counter() - begun) / runs
        return outputs

    def attempt(self, path: str) -> None:
        self.runner.phase("load")
        description = self.describe(path)
        feed = self.feed(description)
        self.runner.phase("compile")
        begun = time.perf_counter()
        for _ in range(int(self.variant.get("loads", 1))):
            model, compiled = self.load(path)
        self.metrics["compile_s"] = time.perf_counter() - begun
        self.runner.phase("execute")
        outputs = self.predict(model, feed, bool(self.variant.get("state") if description is None else description.state))
        self.runner.phase("check", PLAN_SECONDS + 10)
        placed = placement_apart(self.program, compiled, self.device)
        names = [feature.name for feature in description.output if feature.name in outputs] if description else sorted(outputs)
        directory = self.runner.request.get("outputs")
        self.runner.result([told_output(name, outputs[name], directory, index) for index, name in enumerate(names)],
                           requested=self.device, observed=observed(self.device, placed), placement=placed,
                           metrics=self.metrics, cast=self.cast or None,
                           versions={**package_versions(PACKAGES), **system_versions()})

    def run(self) -> None:
        if self.device not in UNITS:
            raise Unsupported(f"there is no device {self.device}, only {', '.join(UNITS)}")
        model = self.runner.request.get("model")
        if not model:
            raise Unsupported("this runner needs a model: a case with a file, or with a generator")
        try:
            self.attempt(with_suffix(model, self.scratch))
        except Unsupported:
            raise
        except Exception as raised:  # whatever the runtime raises is what is looked for
            raise told(raised) from raised
