"""What a model says of itself."""
from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Optional

from coremltools._made import made

_DATA_TYPES = {"float32": 65568, "float16": 65552, "int32": 131104}  # of ArrayFeatureType


class ArrayFeatureType:
    _told: dict[str, Any]

    @property
    def shape(self) -> Sequence[int]:
        return list(self._told["shape"])

    @property
    def dataType(self) -> int:
        return _DATA_TYPES[self._told["dtype"]]


class StateFeatureType:
    _told: dict[str, Any]

    @property
    def arrayType(self) -> ArrayFeatureType:
        return made(ArrayFeatureType, _told=self._told)


class FeatureType:
    _told: dict[str, Any]
    _kind: str

    @property
    def multiArrayType(self) -> ArrayFeatureType:
        return made(ArrayFeatureType, _told=self._told)

    @property
    def stateType(self) -> StateFeatureType:
        return made(StateFeatureType, _told=self._told)

    def WhichOneof(self, oneof_group: str) -> Optional[str]:
        if oneof_group != "Type":
            raise ValueError(f"no oneof {oneof_group}")
        return self._kind


class FeatureDescription:
    _told: dict[str, Any]
    _kind: str

    @property
    def name(self) -> str:
        return str(self._told["name"])

    @property
    def type(self) -> FeatureType:
        return made(FeatureType, _told=self._told, _kind=self._kind)


def _features(told: list[dict[str, Any]], kind: str = "multiArrayType") -> list[FeatureDescription]:
    return [made(FeatureDescription, _told=each, _kind=kind) for each in told]


class FunctionDescription:
    _program: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self._program["function"])

    @property
    def input(self) -> Sequence[FeatureDescription]:
        return _features(self._program["inputs"])

    @property
    def output(self) -> Sequence[FeatureDescription]:
        return _features(self._program["outputs"])

    @property
    def state(self) -> Sequence[FeatureDescription]:
        return _features(self._program["states"], "stateType")


class ModelDescription:
    """Of a model of one function the description has the inputs itself, and no functions."""

    _only: FunctionDescription

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
    _program: dict[str, Any]

    @property
    def description(self) -> ModelDescription:
        return made(ModelDescription, _only=made(FunctionDescription, _program=self._program))

    def __str__(self) -> str:
        return json.dumps(self._program)
