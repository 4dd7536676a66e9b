from __future__ import annotations


class MLComputeDevice:
    @classmethod
    def get_all_compute_devices(cls) -> list[MLComputeDevice]:
        return [MLCPUComputeDevice(), MLGPUComputeDevice(), MLNeuralEngineComputeDevice()]


class MLCPUComputeDevice(MLComputeDevice):
    pass


class MLGPUComputeDevice(MLComputeDevice):
    pass


class MLNeuralEngineComputeDevice(MLComputeDevice):
    @property
    def total_core_count(self) -> int:
        return 16
