from __future__ import annotations

from typing import Any, Optional

from coremltools import ComputeUnit, _framework, _native
from coremltools._made import made

from .compute_device import MLComputeDevice, MLCPUComputeDevice, MLGPUComputeDevice, MLNeuralEngineComputeDevice

_DEVICES: dict[str, MLComputeDevice] = {_framework.CPU: MLCPUComputeDevice(), _framework.GPU: MLGPUComputeDevice(),
                                        _framework.ANE: MLNeuralEngineComputeDevice()}


class MLModelStructureProgramOperation:
    _name: str
    _device: Optional[str]

    @property
    def operator_name(self) -> str:
        return self._name

    @property
    def blocks(self) -> list[MLModelStructureProgramBlock]:
        return []


class MLModelStructureProgramBlock:
    _operations: list[MLModelStructureProgramOperation]

    @property
    def operations(self) -> list[MLModelStructureProgramOperation]:
        return self._operations


class MLModelStructureProgramFunction:
    _block: MLModelStructureProgramBlock

    @property
    def block(self) -> MLModelStructureProgramBlock:
        return self._block


class MLModelStructureProgram:
    _functions: dict[str, MLModelStructureProgramFunction]

    @property
    def functions(self) -> dict[str, MLModelStructureProgramFunction]:
        return self._functions


class MLModelStructure:
    _program: MLModelStructureProgram

    @property
    def program(self) -> Optional[MLModelStructureProgram]:
        return self._program


class MLComputePlanDeviceUsage:
    _device: str

    @property
    def preferred_compute_device(self) -> MLComputeDevice:
        return _DEVICES[self._device]

    @property
    def supported_compute_devices(self) -> list[MLComputeDevice]:
        return [_DEVICES[self._device]]


class MLComputePlan:
    _structure: MLModelStructure

    @property
    def model_structure(self) -> MLModelStructure:
        return self._structure

    def get_compute_device_usage_for_mlprogram_operation(
            self, operation: MLModelStructureProgramOperation) -> Optional[MLComputePlanDeviceUsage]:
        return made(MLComputePlanDeviceUsage, _device=operation._device) if operation._device else None

    @classmethod
    def load_from_path(cls, path: str, compute_units: ComputeUnit = ComputeUnit.ALL) -> MLComputePlan:
        if not path.endswith(".mlmodelc"):
            _native.plan_of_no_compiled_model()
        loaded = _framework.Loaded(path, compute_units, None)
        operations = [made(MLModelStructureProgramOperation, _name="const", _device=None)]
        operations += [made(MLModelStructureProgramOperation, _name="ios18." + each["type"], _device=device)
                       for each, device in zip(loaded.program["operations"], loaded.placed)]
        function = made(MLModelStructureProgramFunction, _block=made(MLModelStructureProgramBlock, _operations=operations))
        program = made(MLModelStructureProgram, _functions={loaded.program["function"]: function})
        return made(cls, _structure=made(MLModelStructure, _program=program))
