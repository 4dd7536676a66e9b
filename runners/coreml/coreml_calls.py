"""The calls of coremltools that the runner and the generator make, and whether the package that is installed has them.

It is the first thing to run on a new machine: none of this has been tried with the package itself."""

from __future__ import annotations

import importlib
import inspect
import shutil
import subprocess
from typing import Any, Sequence

from trapline_runner import package_versions, system_versions

PACKAGES = ("coremltools", "torch", "numpy")
# Module, what is used of it, and the names of the arguments that are given by name.
CALLS: Sequence[tuple[str, str, tuple[str, ...]]] = (
    ("coremltools", "ComputeUnit.CPU_ONLY", ()),
    ("coremltools", "ComputeUnit.CPU_AND_GPU", ()),
    ("coremltools", "ComputeUnit.CPU_AND_NE", ()),
    ("coremltools", "ComputeUnit.ALL", ()),
    ("coremltools.models", "MLModel", ("skip_model_load", "compute_units", "function_name")),
    ("coremltools.models", "MLModel.get_available_compute_devices", ()),
    ("coremltools.models", "MLModel.get_compiled_model_path", ()),
    ("coremltools.models", "MLModel.get_spec", ()),
    ("coremltools.models", "MLModel.make_state", ()),
    ("coremltools.models", "MLModel.predict", ("state",)),
    ("coremltools.models", "MLModel.save", ()),
    ("coremltools.models", "CompiledMLModel", ("compute_units", "function_name")),
    ("coremltools.models", "CompiledMLModel.make_state", ()),
    ("coremltools.models", "CompiledMLModel.predict", ("state",)),
    ("coremltools.models", "MLState", ()),
    ("coremltools.models.utils", "compile_model", ()),
    ("coremltools.models.compute_device", "MLCPUComputeDevice", ()),
    ("coremltools.models.compute_device", "MLGPUComputeDevice", ()),
    ("coremltools.models.compute_device", "MLNeuralEngineComputeDevice", ()),
    ("coremltools.models.compute_plan", "MLComputePlan.load_from_path", ()),
    ("coremltools.models.compute_plan", "MLComputePlan.get_compute_device_usage_for_mlprogram_operation", ()),
    ("coremltools.proto.Model_pb2", "ModelDescription", ()),
    ("coremltools.proto.Model_pb2", "FunctionDescription", ()),
    ("coremltools.proto.Model_pb2", "FeatureDescription", ()),
    ("coremltools", "convert", ("convert_to", "minimum_deployment_target", "compute_precision", "skip_model_load")),
    ("coremltools", "target.iOS18", ()),
    ("coremltools", "precision.FLOAT16", ()),
    ("coremltools", "precision.FLOAT32", ()),
    ("coremltools.converters.mil.mil", "Builder.program", ("input_specs", "opset_version")),
    ("coremltools.converters.mil.mil", "Builder.TensorSpec", ("shape", "dtype")),
    ("coremltools.converters.mil.mil", "Builder.StateTensorSpec", ("shape", "dtype")),
    *(("coremltools.converters.mil.mil", f"Builder.{name}", ()) for name in (
        "linear", "reshape", "transpose", "matmul", "add", "sub", "mul", "softmax", "concat", "slice_by_index", "slice_update",
        "read_state", "coreml_update_state", "less_equal", "greater", "logical_and", "select", "tile",
        "scaled_dot_product_attention")),
    *(("coremltools.converters.mil.mil", f"types.{name}", ()) for name in ("fp16", "fp32", "int32")),
    ("coremltools.optimize.coreml", "OptimizationConfig", ("global_config",)),
    ("coremltools.optimize.coreml", "OpPalettizerConfig", ("mode", "nbits", "weight_threshold")),
    ("coremltools.optimize.coreml", "OpLinearQuantizerConfig", ("mode", "dtype", "granularity", "block_size", "weight_threshold")),
    ("coremltools.optimize.coreml", "palettize_weights", ("config",)),
    ("coremltools.optimize.coreml", "linear_quantize_weights", ("config",)),
)
TOOLS = (("xcrun", "--find", "coremlcompiler"), ("swift", "--version"))


def takes(found: Any, arguments: Sequence[str]) -> str:
    """Which of the arguments it does not take, in words; empty when it takes all, or does not say what it takes."""
    if not arguments:
        return ""
    try:
        parameters = inspect.signature(found).parameters
    except (TypeError, ValueError):
        return ""
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return ""
    lacking = [name for name in arguments if name not in parameters]
    return f"takes no {', '.join(lacking)}" if lacking else ""


def missing(module: str, path: str, arguments: Sequence[str]) -> str:
    """What is missing of one call; empty when it is there."""
    try:
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except Exception as why:  # a package may fail in any way when it is loaded
        return f"{type(why).__name__}: {why}"
    return takes(found, arguments)


def missing_tool(argv: Sequence[str]) -> str:
    if not shutil.which(argv[0]):
        return f"{argv[0]} is not in PATH"
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return "" if done.returncode == 0 else f"exit status {done.returncode}"


def print_versions() -> int:
    for name, version in {**package_versions(PACKAGES), **system_versions()}.items():
        print(f"{name} {version}")
    return 0


def self_check() -> int:
    print_versions()
    told = [(f"{module}.{path}({', '.join(a + '=' for a in arguments)})" if arguments else f"{module}.{path}",
             missing(module, path, arguments)) for module, path, arguments in CALLS]
    told += [(" ".join(argv), missing_tool(argv)) for argv in TOOLS]
    for name, why in told:
        print(f"MISSING {name}: {why}" if why else f"has     {name}")
    lacking = sum(bool(why) for _, why in told)
    print(f"{len(told) - lacking} of {len(told)} are here" + (": please send us these lines" if lacking else ""))
    return 1 if lacking else 0
