"""The inner process of a trial: everything that touches Core AI.

A model is an .aimodel; or a directory with calls.json, which a generator writes where one call does not say it all:

    {"calls": [{"asset": "decoder.aimodel", "function": "main", "tokens": 8,
                "inputs": [...],                                  as in docs/case-files.md
                "state": [{"name": "keyCache", "dtype": "float16", "shape": [2, 1, 1, 32, 16]}],
                "feed": {"keys_in": "keys_out"}}]}                input: the output of an earlier call

A state begins with zeros and is the same array in all calls that name it. Without calls.json there is one call of "main"
(or of the function that the axis `function` names) with the inputs of the trial."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any, Optional

import numpy as np
from coreai.authoring import AIModelAsset
from coreai.runtime import AIModel, ComputeUnitKind, NDArray, SpecializationOptions

import coreai_build
from trapline_runner import Failure, Json, Runner, Unsupported, images, loaded_layers, package_versions, system_versions
from trapline_scratch import sweep
from trapline_tensors import DTYPES, Array, described, input_array, narrowed, read_inputs

DEVICES = ("default", "cpu", "gpu", "ane", "interpreter")
PACKAGES = ("coreai-core", "coreai-torch", "coreai-opt", "coreai-models", "torch", "numpy")
MAIN = "main"


def options_for(device: str) -> Optional[SpecializationOptions]:
    """What is asked for; nothing for `default`, and for `interpreter`, which is chosen by the environment of this process.
    Nothing means to leave the argument out: macOS 27 dies of None."""
    if device == "cpu":
        return SpecializationOptions.cpu_only()
    if device == "gpu":
        return SpecializationOptions.from_preferred_compute_unit_kind(compute_unit_kind=ComputeUnitKind.gpu())
    if device == "ane":
        return SpecializationOptions.from_preferred_compute_unit_kind(compute_unit_kind=ComputeUnitKind.neural_engine())
    return None


def calls_of(model: str, inputs: Optional[str], variant: Json) -> list[Json]:
    """The calls of a trial, each with the path of its asset and its inputs as arrays."""
    listed = os.path.join(model, "calls.json")
    if not os.path.exists(listed):
        return [{"asset": model, "function": str(variant.get("function", MAIN)), "arrays": read_inputs(inputs, variant), "state": [],
                 "feed": {}}]
    with open(listed, encoding="utf-8") as file:
        document = json.load(file)
    calls = document.get("calls") if isinstance(document, dict) else None
    if not isinstance(calls, list) or not calls:
        raise Failure("calls.json", "form", f"{listed}: expected an object with a list `calls` that is not empty")
    return [read_call(f"{listed}: call {number}", model, call, variant) for number, call in enumerate(calls)]


def read_call(where: str, model: str, call: Any, variant: Json) -> Json:
    """A call of calls.json, checked, with the path of its asset and its inputs as arrays."""
    def expected(what: str) -> Failure:
        return Failure("calls.json", "form", f"{where}: expected {what}")

    if not isinstance(call, dict):
        raise expected("an object")
    asset, function, state, feed = call.get("asset"), call.get("function", MAIN), call.get("state", []), call.get("feed", {})
    if not isinstance(asset, str) or os.path.basename(asset) != asset or asset in ("", ".", ".."):
        raise expected("`asset`, the name of an asset in that directory")
    if not isinstance(function, str):
        raise expected("`function`, a name")
    if not isinstance(feed, dict) or not all(isinstance(output, str) for output in feed.values()):
        raise expected("`feed`, an object of names of outputs")
    for one in state if isinstance(state, list) else [None]:
        if not isinstance(one, dict) or not isinstance(one.get("name"), str) or one.get("dtype") not in DTYPES or \
                not all(type(size) is int and size >= 0 for size in one.get("shape", [None])):
            raise expected("`state`, a list of objects with name, dtype and shape")
    inputs = call.get("inputs", [])
    if not isinstance(inputs, list) or not all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in inputs):
        raise expected("`inputs`, a list of objects with a name")
    return {"asset": os.path.join(model, asset), "function": function, "state": state, "feed": feed, "tokens": call.get("tokens"),
            "arrays": {one["name"]: input_array(one, model, variant) for one in inputs}}


def bytes_of(path: str) -> int:
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(path) for name in names)


class Trial:
    """One trial: its request, and what is measured on the way."""

    def __init__(self, runner: Runner):
        self.runner = runner
        self.device: str = runner.request["device"]
        self.variant: Json = runner.request.get("variant") or {}
        self.metrics: Json = {}
        self.cast: dict[str, str] = {}

    def measure(self, name: str, value: float) -> None:
        """Noted for the result, and said at once: a trial that dies later has said it."""
        self.metrics[name] = value
        print(f"{name} {value:g}", flush=True)

    def array(self, name: str, array: Array) -> NDArray:
        taken = narrowed(name, array)
        if taken is not array:
            self.cast[name] = f"{array.dtype.name} to {taken.dtype.name}"
        return NDArray(data=taken)

    def ahead_of_time(self, assets: list[str]) -> dict[str, str]:
        """For each asset the one to load."""
        if not self.variant.get("aot"):
            return {path: path for path in assets}
        self.runner.phase("compile")
        scratch = self.runner.request.get("scratch") or os.getcwd()
        made = {path: coreai_build.compile_ahead(path, scratch, self.device, self.variant, sweep) for path in assets}
        self.measure("ane_regions", sum(coreai_build.regions(path) for path in made.values()))
        return made

    async def call(self, functions: dict[str, AIModel], call: Json, state: dict[str, NDArray],
                   before: dict[str, Array]) -> dict[str, Array]:
        function = functions[call["asset"]].load_function(call["function"])
        for name, output in call["feed"].items():
            if output not in before:
                raise Failure("calls.json", "feed", f"input {name} is fed by {output}, which no call before it has: {', '.join(before) or 'none'}")
        arrays = {**call["arrays"], **{name: before[output] for name, output in call["feed"].items()}}
        for one in call["state"]:
            if one["name"] not in state:
                state[one["name"]] = NDArray(data=np.zeros(one["shape"], DTYPES[one["dtype"]]))
        given = {name: self.array(name, array) for name, array in arrays.items()}
        used = {one["name"]: state[one["name"]] for one in call["state"]}
        begun = time.perf_counter()
        out = await (function(given, state=used) if used else function(given))
        values = {name: out[name].numpy() for name in out}
        seconds = time.perf_counter() - begun
        if isinstance(call.get("tokens"), int) and seconds > 0:
            self.measure("tok_s", call["tokens"] / seconds)
        return values

    async def load_once(self, calls: list[Json], paths: dict[str, str]) -> list[dict[str, Array]]:
        """Loads, specialises and calls; the outputs of each call of the last run."""
        self.runner.phase("load")
        assets = {path: AIModelAsset.load(Path(made)) for path, made in paths.items()}
        self.runner.phase("compile")
        begun = time.perf_counter()
        options = options_for(self.device)
        async with contextlib.AsyncExitStack() as stack:
            functions = {path: await stack.enter_async_context(
                asset.executable(specialization_options=options) if options is not None else asset.executable())
                for path, asset in assets.items()}
            self.measure("specialise_s", time.perf_counter() - begun)
            self.runner.phase("execute")
            outputs: list[dict[str, Array]] = []
            for _ in range(int(self.variant.get("runs", 1))):
                state: dict[str, NDArray] = {}
                outputs = []
                before: dict[str, Array] = {}
                for call in calls:
                    outputs.append(await self.call(functions, call, state, before))
                    before.update(outputs[-1])
        return outputs

    async def run(self) -> None:
        if self.device not in DEVICES:
            raise Unsupported(f"there is no device {self.device}, only {', '.join(DEVICES)}")
        model = self.runner.request.get("model")
        if not model:
            raise Unsupported("this runner needs a model: a case with a file, or with a generator")
        calls = calls_of(model, self.runner.request.get("inputs"), self.variant)
        assets = list(dict.fromkeys(call["asset"] for call in calls))
        self.measure("asset_bytes", sum(bytes_of(path) for path in assets))
        paths = self.ahead_of_time(assets)
        outputs: list[dict[str, Array]] = []
        for _ in range(int(self.variant.get("loads", 1))):
            outputs = await self.load_once(calls, paths)
        self.runner.phase("check")
        self.runner.result(self.told(outputs), requested=self.device, metrics=self.metrics, cast=self.cast or None,
                           layers=sorted(loaded_layers(images())), versions=versions())

    def told(self, outputs: list[dict[str, Array]]) -> list[Json]:
        """All outputs of all calls; where there are several calls, the number of its call is in the name of each."""
        directory = self.runner.request.get("outputs")
        told: list[Json] = []
        for number, values in enumerate(outputs):
            for name, array in values.items():
                full = name if len(outputs) == 1 else f"{name}.{number}"
                told.append(described(full, array, directory, len(told)))
        return told


def versions() -> Json:
    found: dict[str, Any] = {**package_versions(PACKAGES), **system_versions()}
    return found


def run_trial(runner: Runner) -> None:
    asyncio.run(Trial(runner).run())
