from collections.abc import Mapping
from typing import Any

import numpy

from coremltools import ComputeUnit
from coremltools.proto.Model_pb2 import Model

from . import compute_device as compute_device, compute_plan as compute_plan, utils as utils
from .compute_device import MLComputeDevice

class MLState: ...

class MLModel:
    # A model that Core ML does not compile or load is a RuntimeWarning here, and an exception only in predict.
    def __init__(
        self,
        model: str,
        is_temp_package: bool = False,
        mil_program: None = None,
        skip_model_load: bool = False,
        compute_units: ComputeUnit = ...,
        weights_dir: str | None = None,
        function_name: str | None = None,
        optimization_hints: dict[str, Any] | None = None,
    ) -> None: ...
    @classmethod
    def get_available_compute_devices(cls) -> list[MLComputeDevice]: ...
    def get_compiled_model_path(self) -> str: ...
    def get_spec(self) -> Model: ...
    def make_state(self) -> MLState: ...
    def predict(self, data: Mapping[str, numpy.ndarray[Any, Any]], state: MLState | None = None) -> dict[str, Any]: ...
    def save(self, save_path: str) -> None: ...

class CompiledMLModel:
    def __init__(
        self,
        path: str,
        compute_units: ComputeUnit = ...,
        function_name: str | None = None,
        optimization_hints: dict[str, Any] | None = None,
        asset: None = None,
    ) -> None: ...
    def make_state(self) -> MLState: ...
    def predict(self, data: Mapping[str, numpy.ndarray[Any, Any]], state: MLState | None = None) -> dict[str, Any]: ...
