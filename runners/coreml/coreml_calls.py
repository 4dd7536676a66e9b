"""The calls of coremltools that the runner and the generator make, and whether the package that is installed has them.

It is the first thing to run on a new machine: none of this has been tried with the package itself."""

from __future__ import annotations

from typing import Sequence

import trapline_calls
from trapline_calls import Call

PACKAGES = ("coremltools", "torch", "numpy")
CALLS: Sequence[Call] = (
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


def print_versions() -> int:
    return trapline_calls.print_versions(PACKAGES)


def self_check() -> int:
    return trapline_calls.self_check(PACKAGES, CALLS, TOOLS)
