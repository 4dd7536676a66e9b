"""Specialisation and execution, with the defects that were reported of a macOS 27 beta."""
import os

import numpy as np

from fakecore.native import die, library

HEAP_TOTAL, HEAP_BASE, HEAP_LAYER, HEAP_ALIGNMENT = 212992, 131072, 67200, 256


class _AIModelError(Exception):
    pass


class _OfUnit:
    """Something that names a unit; only its own functions make it."""

    @classmethod
    def _of(cls, unit):
        made = cls()
        made._unit = unit
        return made


class ComputeUnitKind(_OfUnit):
    @classmethod
    def gpu(cls):
        return cls._of("gpu")

    @classmethod
    def neural_engine(cls):
        return cls._of("ane")


class SpecializationOptions(_OfUnit):
    @classmethod
    def cpu_only(cls):
        return cls._of("cpu")

    @classmethod
    def from_preferred_compute_unit_kind(cls, compute_unit_kind):
        if not isinstance(compute_unit_kind, ComputeUnitKind):
            raise TypeError(f"expected a ComputeUnitKind, got {type(compute_unit_kind).__name__}")
        return cls._of(compute_unit_kind._unit)


class NDArray:
    def __init__(self, *, data):
        if not isinstance(data, np.ndarray):
            raise TypeError(f"data: expected an array, got {type(data).__name__}")
        if data.dtype in (np.int64, np.float64, np.uint64):
            raise TypeError(f"data: {data.dtype} is not supported")
        self._data, self._open = data, [True]

    def numpy(self):
        if not self._open[0]:
            raise RuntimeError("the model is no more")
        return self._data


class _Executable:
    """The block in which a model is there. Specialisation is at its beginning."""

    def __init__(self, program, options):
        if options is not None and not isinstance(options, SpecializationOptions):
            raise TypeError(f"specialization_options: got {type(options).__name__}")
        local = os.environ.get("USE_LOCAL_COREAI") == "1"
        self._program, self._unit = program, options._unit if options else "interpreter" if local else "gpu"
        self._open = [True]

    async def __aenter__(self):
        if self._unit == "ane":
            self._unit = _specialise_for_ane(self._program)
        if self._unit == "gpu":
            library("MetalPerformanceShadersGraph")
        model = AIModel()
        model._program, model._unit, model._open = self._program, self._unit, self._open
        return model

    async def __aexit__(self, *raised):
        self._open[0] = False


def _specialise_for_ane(program):
    """The unit that it is for in the end. The engine takes no sizes that vary, and dies of linear weights of 4 bits."""
    if program.is_static() and program.has("blockwise_shift_scale"):
        die("MetalPerformanceShadersGraph", "fake_ane_pre_compile")
    return "gpu" if library("ANECompiler").ANECCompileOffline(program.is_static()) else "ane"


class AIModel:
    def load_function(self, name):
        if name != "main":
            raise KeyError(name)
        return _Function(self._program, self._unit, self._open)


def _check(listed, given, what):
    if {one["name"] for one in listed} != set(given):
        raise ValueError(f"{what}: expected {[one['name'] for one in listed]}, got {list(given)}")
    for one in listed:
        array = given[one["name"]]
        if not isinstance(array, NDArray):
            raise TypeError(f"{one['name']}: expected an NDArray, got {type(array).__name__}")
        if array._data.dtype.name != one["dtype"]:
            raise ValueError(f"{one['name']}: expected {one['dtype']}, got {array._data.dtype.name}")
        sizes = array._data.shape
        if len(sizes) != len(one["shape"]) or any(isinstance(d, int) and d != e for d, e in zip(one["shape"], sizes)):
            raise ValueError(f"{one['name']}: expected {one['shape']}, got {list(sizes)}")


def _before_on_gpu(program):
    def before(number, values):
        node = program.nodes[number]
        if node["op"] == "slice_update" and program.reads_data(node["in"][2]):
            die("MetalPerformanceShadersGraph", "fake_slice_update")
        query = program.query_of(number)
        if query is None or values[query].shape[-2] != 1:
            return  # the heap is that of a step of one token
        offset = -(-(HEAP_BASE + HEAP_LAYER) // HEAP_ALIGNMENT) * HEAP_ALIGNMENT
        if offset + values[query].nbytes > HEAP_TOTAL:
            die("MetalPerformanceShadersGraph", "fake_heap_overrun", offset, values[query].nbytes, HEAP_TOTAL)
    return before


class _Function:
    def __init__(self, program, unit, is_open):
        self._program, self._unit, self._open = program, unit, is_open

    async def __call__(self, inputs, *, state=None):
        _check(self._program.inputs, inputs, "inputs")
        _check(self._program.states, state or {}, "state")
        before = {"before": _before_on_gpu(self._program)} if self._unit == "gpu" else {}
        out = self._program.run({k: v._data for k, v in inputs.items()}, {k: v._data for k, v in (state or {}).items()}, **before)
        made = {name: NDArray(data=value) for name, value in out.items()}
        for one in made.values():
            one._open = self._open
        return made
