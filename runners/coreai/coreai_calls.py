"""The calls of other people's packages that the runner and the generator make, and whether those that are installed have them.

It is the first thing to run on a new machine: none of this has been tried with the packages themselves."""

from __future__ import annotations

import importlib
import inspect
import shutil
import subprocess
from typing import Any, Sequence

from trapline_runner import package_versions, system_versions

PACKAGES = ("coreai-core", "coreai-torch", "coreai-opt", "coreai-models", "torch", "numpy")
# Module, what is used of it, and the names of the arguments that are given by name.
CALLS: Sequence[tuple[str, str, tuple[str, ...]]] = (
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
