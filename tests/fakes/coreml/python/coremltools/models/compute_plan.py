from __future__ import annotations

from typing import Any, Optional

from coremltools import ComputeUnit, _framework, _native

from .compute_device import MLComputeDevice, MLCPUComputeDevice, MLGPUComputeDevice, MLNeuralEngineComputeDevice

_DEVICES: dict[str, MLComputeDevice] = {_framework.CPU: MLCPUComputeDevice(), _framework.GPU: MLGPUComputeDevice(),
                                        _framework.ANE: MLNeuralEngineComputeDevice()}


class MLModelStructureProgramOperation:
    def __init__(self, name: str, device: Optional[str] = None) -> None:
        self._name, self._device = name, device

    @property
    def operator_name(self) -> str:
        return self._name

    @property
    def blocks(self) -> list[MLModelStructureProgramBlock]:
        return []


class MLModelStructureProgramBlock:
    def __init__(self, operations: list[MLModelStructureProgramOperation]) -> None:
        self._operations = operations

    @property
    def operations(self) -> list[MLModelStructureProgramOperation]:
        return self._operations


class MLModelStructureProgramFunction:
    def __init__(self, block: MLModelStructureProgramBlock) -> None:
        self._block = block

    @property
    def block(self) -> MLModelStructureProgramBlock:
        return self._block


class MLModelStructureProgram:
    def __init__(self, functions: dict[str, MLModelStructureProgramFunction]) -> None:
        self._functions = functions

    @property
    def functions(self) -> dict[str, MLModelStructureProgramFunction]:
        return self._functions


class MLModelStructure:
    def __init__(self, program: MLModelStructureProgram) -> None:
        self._program = program

    @property
    def program(self) -> Optional[MLModelStructureProgram]:
        return self._program


class MLComputePlanDeviceUsage:
    def __init__(self, device: str) -> None:
        self._device = device

    @property
    def preferred_compute_device(self) -> MLComputeDevice:
        return _DEVICES[self._device]

    @property
    def supported_compute_devices(self) -> list[MLComputeDevice]:
        return [_DEVICES[self._device]]


class MLComputePlan:
    def __init__(self, program: dict[str, Any], placed: list[str]) -> None:
        operations = [MLModelStructureProgramOperation("const")]
        operations += [MLModelStructureProgramOperation("ios18." + each["type"], device)
                       for each, device in zip(program["operations"], placed)]
        function = MLModelStructureProgramFunction(MLModelStructureProgramBlock(operations))
        self._structure = MLModelStructure(MLModelStructureProgram({program["function"]: function}))

    @property
    def model_structure(self) -> MLModelStructure:
        return self._structure

    def get_compute_device_usage_for_mlprogram_operation(
            self, operation: MLModelStructureProgramOperation) -> Optional[MLComputePlanDeviceUsage]:
        return MLComputePlanDeviceUsage(operation._device) if operation._device else None

    @classmethod
    def load_from_path(cls, path: str, compute_units: ComputeUnit = ComputeUnit.ALL) -> MLComputePlan:
        if not path.endswith(".mlmodelc"):
            _native.plan_of_no_compiled_model()
        loaded = _framework.Loaded(path, compute_units, None)
        return cls(loaded.program, loaded.placed)
