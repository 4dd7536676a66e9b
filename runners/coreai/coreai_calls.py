"""The calls of other people's packages that the runner and the generator make, and whether those that are installed have them.

It is the first thing to run on a new machine: none of this has been tried with the packages themselves."""

from __future__ import annotations

from typing import Sequence

import trapline_calls
from trapline_calls import Call

PACKAGES = ("coreai-core", "coreai-torch", "coreai-opt", "coreai-models", "torch", "numpy")
CALLS: Sequence[Call] = (
    ("coreai.authoring", "AIModelAsset.load", ()),
    ("coreai.authoring", "AIModelAsset.executable", ("specialization_options",)),
    ("coreai.runtime", "AIModel.load_function", ()),
    ("coreai.runtime", "NDArray", ("data",)),
    ("coreai.runtime", "NDArray.numpy", ()),
    ("coreai.runtime", "SpecializationOptions.cpu_only", ()),
    ("coreai.runtime", "SpecializationOptions.from_preferred_compute_unit_kind", ("compute_unit_kind",)),
    ("coreai.runtime", "ComputeUnitKind.gpu", ()),
    ("coreai.runtime", "ComputeUnitKind.neural_engine", ()),
    ("coreai_models.export.macos", "export_to_coreai",
     ("dynamic_shapes", "input_names", "output_names", "state_names")),
    ("coreai_models.export.macos", "_EXTERNALIZE_SPECS", ()),
    ("coreai_models.primitives._ops", "mutable_slice_update", ()),
    ("coreai_models.primitives.macos.sdpa", "SDPA", ("scale", "is_causal", "window_size")),
    ("coreai_opt.coreai_utils", "quantize_weights", ("dtype", "granularity", "block_size", "weight_num_threshold")),
    ("coreai_opt.coreai_utils", "palettize_weights", ("lut_dtype", "n_bits", "weight_num_threshold")),
    ("coreai_opt.coreai_utils", "CompressionGranularity.PER_BLOCK", ()),
    ("coreai_opt.coreai_utils", "DType.INT4", ()),
    ("coreai_opt.coreai_utils.common", "QScheme.SYMMETRIC", ()),
    ("torch", "cat", ()),
    ("torch", "nn.Module", ()),
    ("torch.export", "Dim", ("min", "max")),
)
TOOLS = (("xcrun", "--find", "coreai-build"),)


def print_versions() -> int:
    return trapline_calls.print_versions(PACKAGES)


def self_check() -> int:
    return trapline_calls.self_check(PACKAGES, CALLS, TOOLS)
