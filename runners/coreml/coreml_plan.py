"""Where Core ML places the operations of a model: which devices are here, and what the plan of a compiled model says.

The plan is what Core ML intends, and the only thing that tells of it. It is asked for in a process of its own, after the
predictions: a model is loaded once more for it, and where that dies it must not be taken for the end of the trial."""

from __future__ import annotations

import collections
import json
import subprocess
import sys
from typing import Iterable, Optional

import coremltools as ct
from coremltools.models.compute_device import MLComputeDevice, MLCPUComputeDevice, MLGPUComputeDevice, MLNeuralEngineComputeDevice
from coremltools.models.compute_plan import MLComputePlan, MLModelStructureProgramBlock

UNITS = {"cpu": ct.ComputeUnit.CPU_ONLY, "gpu": ct.ComputeUnit.CPU_AND_GPU, "ane": ct.ComputeUnit.CPU_AND_NE,
         "all": ct.ComputeUnit.ALL}
PLAN_SECONDS = 120


def device_of(device: MLComputeDevice) -> str:
    for kind, name in ((MLCPUComputeDevice, "cpu"), (MLGPUComputeDevice, "gpu"), (MLNeuralEngineComputeDevice, "ane")):
        if isinstance(device, kind):
            return name
    return type(device).__name__


def why_unusable(devices: Iterable[str]) -> dict[str, str]:
    """For each device why it cannot be used; empty where it can."""
    try:
        here = {device_of(device) for device in ct.models.MLModel.get_available_compute_devices()}
    except Exception as why:  # off macOS there is a package, and no Core ML that it could ask
        return {device: f"coremltools {ct.__version__} finds no Core ML here ({type(why).__name__}: {why})" for device in devices}
    return {device: "" if device == "all" or device in here else f"Core ML has no {device} here, only {', '.join(sorted(here))}"
            for device in devices}


def count(block: MLModelStructureProgramBlock, plan: MLComputePlan, found: collections.Counter[str]) -> None:
    """Counts where operations are preferred, those of blocks within them included. Constants run nowhere."""
    todo = [block]
    while todo:
        for operation in todo.pop().operations:
            todo += operation.blocks
            usage = plan.get_compute_device_usage_for_mlprogram_operation(operation)
            if usage is not None:
                found[device_of(usage.preferred_compute_device)] += 1


def placement(compiled: str, device: str) -> Optional[dict[str, int]]:
    """How many operations each device is to run; None where the plan does not tell. compiled has to be an .mlmodelc: with
    anything else Core ML ends the process."""
    plan = MLComputePlan.load_from_path(compiled, UNITS[device])
    program = plan.model_structure.program
    if program is None:
        return None
    found: collections.Counter[str] = collections.Counter()
    for function in program.functions.values():
        count(function.block, plan, found)
    return dict(found)


def print_placement(compiled: str, device: str) -> int:
    print(json.dumps(placement(compiled, device)))
    return 0


def placement_apart(program: str, compiled: str, device: str) -> Optional[dict[str, int]]:
    """The same, asked of program (main.py) in another process; None where that does not say it, and then it is said why."""
    argv = [sys.executable, program, "--plan", compiled, device]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=PLAN_SECONDS, check=True)
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        found: Optional[dict[str, int]] = json.loads(lines[-1] if lines else "null")
        return found
    except (subprocess.SubprocessError, ValueError) as why:
        print(f"where the model ran is not known: its plan could not be made ({why})", file=sys.stderr, flush=True)
        return None


def observed(device: str, placed: Optional[dict[str, int]]) -> Optional[str]:
    """The device that was asked for where any operation is placed there, since all others may take parts of a model; else those
    that have them. Where any device was allowed there is nothing to compare."""
    if not placed or device == "all":
        return None
    return device if placed.get(device) else "+".join(sorted(placed))
