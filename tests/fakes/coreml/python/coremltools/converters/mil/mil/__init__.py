"""The builder of the fake. An operator is evaluated once on zeros when it is built, which is its check of types and shapes."""
from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Optional, Union

import numpy

from coremltools import _program, target
from coremltools._made import made

from . import types

_NAMES = {types.fp16: "float16", types.fp32: "float32", types.int32: "int32"}


class Var:
    _owner: Program
    _told: dict[str, Any]
    _state: bool

    @property
    def name(self) -> str:
        return str(self._told["name"])

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self._told["shape"])


Constant = Union[numpy.ndarray, Sequence[int], Sequence[bool], int, float, bool, str]
Value = Union[Var, Constant]


class Program:
    _program: dict[str, Any]
    _blobs: dict[str, numpy.ndarray]
    _zeros: dict[str, numpy.ndarray]

    def _tensor(self, name: str, dtype: str, shape: Any) -> dict[str, Any]:
        if name in self._zeros:
            raise ValueError(f"two tensors are called {name}")
        self._zeros[name] = numpy.zeros(shape, dtype)
        return _program.tensor(name, dtype, shape)

    def _argument(self, value: Any) -> dict[str, Any]:
        if isinstance(value, Var):
            if value._owner is not self:
                raise ValueError(f"{value.name} is of another program")
            return {"name": value.name}
        if isinstance(value, numpy.ndarray):
            if value.dtype not in (numpy.float16, numpy.float32, numpy.int32, numpy.bool_):
                raise ValueError(f"a constant of type {value.dtype}")
            key = f"blob_{len(self._blobs)}"
            self._blobs[key] = value
            return {"blob": key}
        if isinstance(value, (list, tuple)) and any(isinstance(each, (Var, numpy.ndarray)) for each in value):
            return {"list": [self._argument(each) for each in value]}
        return {"value": list(value) if isinstance(value, tuple) else value}

    def _add(self, kind: str, name: Optional[str], arguments: dict[str, Any]) -> Var:
        operation = {"type": kind, "inputs": {key: self._argument(value) for key, value in arguments.items() if value is not None}}
        result = _program.compute(operation, self._zeros, self._blobs)
        operation["output"] = self._tensor(name or f"{kind}_{len(self._program['operations'])}", str(result.dtype), result.shape)
        self._program["operations"].append(operation)
        return made(Var, _owner=self, _told=operation["output"], _state=False)


class TensorSpec:
    def __init__(self, shape: Sequence[int], dtype: Optional[type] = None) -> None:
        self._shape, self._dtype = tuple(shape), _NAMES[dtype or types.fp32]


class StateTensorSpec:
    def __init__(self, shape: Sequence[int], dtype: Optional[type] = None) -> None:
        self._shape, self._dtype = tuple(shape), _NAMES[dtype or types.fp32]


_building: list[Program] = []


def _op(kind: str, name: Optional[str], **arguments: Any) -> Var:
    if not _building:
        raise ValueError(f"{kind} outside of a program")
    return _building[-1]._add(kind, name, arguments)


class Builder:
    TensorSpec = TensorSpec
    StateTensorSpec = StateTensorSpec

    @staticmethod
    def program(input_specs: Optional[Sequence[Union[TensorSpec, StateTensorSpec]]] = None, opset_version: Optional[target] = None,
                function_name: str = "main") -> Callable[[Callable[..., Var]], Program]:
        specs = list(input_specs or [])

        def make(body: Callable[..., Var]) -> Program:
            code = body.__code__
            named = code.co_varnames[:code.co_argcount]
            if len(named) != len(specs):
                raise ValueError(f"{len(named)} arguments of the function, {len(specs)} input specs")
            empty: dict[str, Any] = {"function": function_name, "inputs": [], "states": [], "operations": [], "outputs": []}
            program = made(Program, _program=empty, _blobs={}, _zeros={})
            arguments = []
            for name, spec in zip(named, specs):
                state = isinstance(spec, StateTensorSpec)
                if state and opset_version is not target.iOS18:
                    raise ValueError("states need opset_version iOS18")
                told = program._tensor(name, spec._dtype, spec._shape)
                program._program["states" if state else "inputs"].append(told)
                arguments.append(made(Var, _owner=program, _told=told, _state=state))
            _building.append(program)
            try:
                result = body(*arguments)
            finally:
                _building.pop()
            program._program["outputs"] = [copy.deepcopy(result._told)]
            return program

        return make

    @staticmethod
    def linear(*, x: Var, weight: numpy.ndarray, name: Optional[str] = None) -> Var:
        return _op("linear", name, x=x, weight=weight)

    @staticmethod
    def reshape(*, x: Value, shape: Sequence[int], name: Optional[str] = None) -> Var:
        return _op("reshape", name, x=x, shape=shape)

    @staticmethod
    def transpose(*, x: Var, perm: Sequence[int], name: Optional[str] = None) -> Var:
        return _op("transpose", name, x=x, perm=perm)

    @staticmethod
    def matmul(*, x: Var, y: Var, transpose_x: bool = False, transpose_y: bool = False, name: Optional[str] = None) -> Var:
        return _op("matmul", name, x=x, y=y, transpose_x=transpose_x, transpose_y=transpose_y)

    @staticmethod
    def add(*, x: Value, y: Value, name: Optional[str] = None) -> Var:
        return _op("add", name, x=x, y=y)

    @staticmethod
    def sub(*, x: Value, y: Value, name: Optional[str] = None) -> Var:
        return _op("sub", name, x=x, y=y)

    @staticmethod
    def mul(*, x: Value, y: Value, name: Optional[str] = None) -> Var:
        return _op("mul", name, x=x, y=y)

    @staticmethod
    def softmax(*, x: Var, axis: int = -1, name: Optional[str] = None) -> Var:
        return _op("softmax", name, x=x, axis=axis)

    @staticmethod
    def concat(*, values: Sequence[Value], axis: int, name: Optional[str] = None) -> Var:
        return _op("concat", name, values=values, axis=axis)

    @staticmethod
    def slice_by_index(*, x: Var, begin: Sequence[int], end: Sequence[int], name: Optional[str] = None) -> Var:
        return _op("slice_by_index", name, x=x, begin=begin, end=end)

    @staticmethod
    def slice_update(*, x: Var, update: Var, begin: Sequence[int], end: Sequence[int], name: Optional[str] = None) -> Var:
        return _op("slice_update", name, x=x, update=update, begin=begin, end=end)

    @staticmethod
    def read_state(*, input: Var, name: Optional[str] = None) -> Var:
        if not input._state:
            raise ValueError(f"{input.name} is no state")
        return _op("read_state", name, input=input)

    @staticmethod
    def coreml_update_state(*, state: Var, value: Var, name: Optional[str] = None) -> Var:
        if not state._state or state.shape != value.shape:
            raise ValueError(f"{state.name} is no state of shape {value.shape}")
        return _op("coreml_update_state", name, state=state, value=value)

    @staticmethod
    def less_equal(*, x: Value, y: Value, name: Optional[str] = None) -> Var:
        return _op("less_equal", name, x=x, y=y)

    @staticmethod
    def greater(*, x: Value, y: Value, name: Optional[str] = None) -> Var:
        return _op("greater", name, x=x, y=y)

    @staticmethod
    def logical_and(*, x: Var, y: Var, name: Optional[str] = None) -> Var:
        return _op("logical_and", name, x=x, y=y)

    @staticmethod
    def select(*, cond: Var, a: Value, b: Value, name: Optional[str] = None) -> Var:
        return _op("select", name, cond=cond, a=a, b=b)

    @staticmethod
    def tile(*, x: Var, reps: Sequence[int], name: Optional[str] = None) -> Var:
        return _op("tile", name, x=x, reps=reps)

    @staticmethod
    def scaled_dot_product_attention(*, query: Var, key: Var, value: Var, attn_mask: Optional[Var] = None,
                                     name: Optional[str] = None) -> Var:
        return _op("scaled_dot_product_attention", name, query=query, key=key, value=value, attn_mask=attn_mask)
