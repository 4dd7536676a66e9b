from coremltools import ComputeUnit

from .compute_device import MLComputeDevice

class MLModelStructureProgramOperation:
    @property
    def operator_name(self) -> str: ...
    @property
    def blocks(self) -> list[MLModelStructureProgramBlock]: ...

class MLModelStructureProgramBlock:
    @property
    def operations(self) -> list[MLModelStructureProgramOperation]: ...

class MLModelStructureProgramFunction:
    @property
    def block(self) -> MLModelStructureProgramBlock: ...

class MLModelStructureProgram:
    @property
    def functions(self) -> dict[str, MLModelStructureProgramFunction]: ...

class MLModelStructure:
    @property
    def program(self) -> MLModelStructureProgram | None: ...

class MLComputePlanDeviceUsage:
    @property
    def preferred_compute_device(self) -> MLComputeDevice: ...
    @property
    def supported_compute_devices(self) -> list[MLComputeDevice]: ...

class MLComputePlan:
    @property
    def model_structure(self) -> MLModelStructure: ...
    def get_compute_device_usage_for_mlprogram_operation(
        self, operation: MLModelStructureProgramOperation
    ) -> MLComputePlanDeviceUsage | None: ...
    # Takes the path of a compiled model. Given a package it ends the process: an exception of C++ that nobody catches.
    @classmethod
    def load_from_path(cls, path: str, compute_units: ComputeUnit = ...) -> MLComputePlan: ...
