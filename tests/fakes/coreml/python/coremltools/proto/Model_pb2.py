"""What a model says of itself."""
from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Optional

_DATA_TYPES = {"float32": 65568, "float16": 65552, "int32": 131104}  # of ArrayFeatureType


class ArrayFeatureType:
    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told

    @property
    def shape(self) -> Sequence[int]:
        return list(self._told["shape"])

    @property
    def dataType(self) -> int:
        return _DATA_TYPES[self._told["dtype"]]


class StateFeatureType:
    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told

    @property
    def arrayType(self) -> ArrayFeatureType:
        return ArrayFeatureType(self._told)


class FeatureType:
    def __init__(self, told: dict[str, Any], kind: str) -> None:
        self._told, self._kind = told, kind

    @property
    def multiArrayType(self) -> ArrayFeatureType:
        return ArrayFeatureType(self._told)

    @property
    def stateType(self) -> StateFeatureType:
        return StateFeatureType(self._told)

    def WhichOneof(self, oneof_group: str) -> Optional[str]:
        if oneof_group != "Type":
            raise ValueError(f"no oneof {oneof_group}")
        return self._kind


class FeatureDescription:
    def __init__(self, told: dict[str, Any], kind: str = "multiArrayType") -> None:
        self._told, self._kind = told, kind

    @property
    def name(self) -> str:
        return str(self._told["name"])

    @property
    def type(self) -> FeatureType:
        return FeatureType(self._told, self._kind)


class FunctionDescription:
    def __init__(self, program: dict[str, Any]) -> None:
        self._program = program

    @property
    def name(self) -> str:
        return str(self._program["function"])

    @property
    def input(self) -> Sequence[FeatureDescription]:
        return [FeatureDescription(each) for each in self._program["inputs"]]

    @property
    def output(self) -> Sequence[FeatureDescription]:
        return [FeatureDescription(each) for each in self._program["outputs"]]

    @property
    def state(self) -> Sequence[FeatureDescription]:
        return [FeatureDescription(each, "stateType") for each in self._program["states"]]


class ModelDescription:
    """Of a model of one function the description has the inputs itself, and no functions."""

    def __init__(self, program: dict[str, Any]) -> None:
        self._only = FunctionDescription(program)

    @property
    def functions(self) -> Sequence[FunctionDescription]:
        return []

    @property
    def defaultFunctionName(self) -> str:
        return ""

    @property
    def input(self) -> Sequence[FeatureDescription]:
        return self._only.input

    @property
    def output(self) -> Sequence[FeatureDescription]:
        return self._only.output

    @property
    def state(self) -> Sequence[FeatureDescription]:
        return self._only.state


class Model:
    def __init__(self, program: dict[str, Any]) -> None:
        self._program = program

    @property
    def description(self) -> ModelDescription:
        return ModelDescription(self._program)

    def __str__(self) -> str:
        return json.dumps(self._program)
