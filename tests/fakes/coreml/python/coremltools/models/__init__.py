from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Optional

import numpy

from coremltools import ComputeUnit, _framework
from coremltools._made import made
from coremltools.proto.Model_pb2 import Model

from . import compute_device, compute_plan, utils
from .compute_device import MLComputeDevice


class MLState:
    _state: _framework.State


def _predict(loaded: _framework.Loaded, data: Mapping[str, numpy.ndarray], state: Optional[MLState]) -> dict[str, Any]:
    if state is not None and not isinstance(state, MLState):
        raise TypeError("state must be what make_state returned")
    return loaded.predict(dict(data), state._state if state else None)


class MLModel:
    def __init__(self, model: str, is_temp_package: bool = False, mil_program: None = None, skip_model_load: bool = False,
                 compute_units: ComputeUnit = ComputeUnit.ALL, weights_dir: Optional[str] = None, function_name: Optional[str] = None,
                 optimization_hints: Optional[dict[str, Any]] = None) -> None:
        if not isinstance(model, str) or not isinstance(compute_units, ComputeUnit):
            raise TypeError("Expected model to be a path, and compute_units a coremltools.ComputeUnit")
        if is_temp_package or mil_program is not None or weights_dir is not None or optimization_hints is not None:
            raise TypeError("the fake loads packages, without hints")
        self._program, self._blobs = _framework.read_package(model)
        self._load(None if skip_model_load else model, compute_units, function_name)

    def _take(self, program: dict[str, Any], blobs: dict[str, numpy.ndarray], skip_model_load: bool, units: ComputeUnit) -> None:
        if not skip_model_load:
            raise TypeError("the fake loads packages from their path")
        self._program, self._blobs = program, blobs
        self._load(None, units, None)

    def _load(self, path: Optional[str], units: ComputeUnit, function: Optional[str]) -> None:
        self._compiled: Optional[str] = None
        self._loaded: Optional[_framework.Loaded] = None
        self._error = Exception("Unable to load CoreML.framework. Cannot make predictions.")
        if path is None:
            return
        try:
            self._compiled = _framework.compile_package(path)
            self._loaded = _framework.Loaded(self._compiled, units, function)
        except RuntimeError as error:
            self._error = error
            warnings.warn("You will not be able to run predict() on this Core ML model. Underlying exception message was: "
                          + str(error), RuntimeWarning)

    def __del__(self) -> None:
        if getattr(self, "_compiled", None):
            _framework.remove(str(self._compiled))

    def _must(self) -> _framework.Loaded:
        if self._loaded is None:
            raise self._error
        return self._loaded

    @classmethod
    def get_available_compute_devices(cls) -> list[MLComputeDevice]:
        return MLComputeDevice.get_all_compute_devices()

    def get_compiled_model_path(self) -> str:
        self._must()
        return str(self._compiled)

    def get_spec(self) -> Model:
        return made(Model, _program=self._program)

    def make_state(self) -> MLState:
        return made(MLState, _state=_framework.State(self._must().program))

    def predict(self, data: Mapping[str, numpy.ndarray], state: Optional[MLState] = None) -> dict[str, Any]:
        known = [each.name for each in self.get_spec().description.input]
        for name in data:
            if name not in known:
                raise KeyError(f'Provided key "{name}", in the input dict, does not match any of the model input name(s), '
                               f"which are: {known}")
        return _predict(self._must(), data, state)

    def save(self, save_path: str) -> None:
        _framework.write_package(save_path, self._program, self._blobs)


class CompiledMLModel:
    def __init__(self, path: str, compute_units: ComputeUnit = ComputeUnit.ALL, function_name: Optional[str] = None,
                 optimization_hints: Optional[dict[str, Any]] = None, asset: None = None) -> None:
        if not isinstance(path, str):
            raise TypeError('The "path" parameter must be of type "str".')
        if not isinstance(compute_units, ComputeUnit):
            raise TypeError('The "compute_units" parameter must be of type: "coremltools.ComputeUnit".')
        if optimization_hints is not None or asset is not None:
            raise TypeError("the fake loads compiled models, without hints")
        self._loaded = _framework.Loaded(path, compute_units, function_name)

    def make_state(self) -> MLState:
        return made(MLState, _state=_framework.State(self._loaded.program))

    def predict(self, data: Mapping[str, numpy.ndarray], state: Optional[MLState] = None) -> dict[str, Any]:
        return _predict(self._loaded, data, state)
