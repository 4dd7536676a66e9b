from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

import numpy as np

class ComputeUnitKind:
    @classmethod
    def gpu(cls) -> ComputeUnitKind: ...
    @classmethod
    def neural_engine(cls) -> ComputeUnitKind: ...

class SpecializationOptions:
    @classmethod
    def cpu_only(cls) -> SpecializationOptions: ...
    @classmethod
    def from_preferred_compute_unit_kind(cls, compute_unit_kind: ComputeUnitKind) -> SpecializationOptions: ...

class NDArray:
    def __init__(self, *, data: np.ndarray[Any, Any]) -> None: ...  # not of 64 bits
    def numpy(self) -> np.ndarray[Any, Any]: ...  # inside the block alone

class _InferenceFunction(Protocol):
    def __call__(self, inputs: dict[str, NDArray], *, state: dict[str, NDArray] = ...) -> Awaitable[Mapping[str, NDArray]]: ...

class AIModel:
    def load_function(self, name: str) -> _InferenceFunction: ...  # KeyError where there is none
