"""A fake of coremltools, for where there is none: it holds what tests/fakes/coreml/stubs says, and nothing more.

Programs are built, saved, compiled and computed; what fails, fails by what is in the program, by the compute units that
are asked for and by how often it is run (_framework.py). It was written from documentation and public reports, and says
nothing about what Core ML really does."""
from __future__ import annotations

from enum import Enum
from typing import Optional


class ComputeUnit(Enum):
    ALL = 1
    CPU_AND_GPU = 2
    CPU_ONLY = 3
    CPU_AND_NE = 4


class target(Enum):
    iOS18 = 1
    macOS15 = 1


class precision(Enum):
    FLOAT16 = "float16"
    FLOAT32 = "float32"


__version__ = "9.0"

from . import converters, models, optimize, proto
from .converters.mil.mil import Program
from .models import MLModel, utils


def convert(model: Program, source: str = "auto", inputs: None = None, outputs: None = None, classifier_config: None = None,
            minimum_deployment_target: Optional[target] = None, convert_to: Optional[str] = None,
            compute_precision: Optional[precision] = None, skip_model_load: bool = False,
            compute_units: ComputeUnit = ComputeUnit.ALL) -> MLModel:
    if not isinstance(model, Program) or inputs is not None or outputs is not None or classifier_config is not None:
        raise TypeError("the fake converts programs of the builder only")
    if source not in ("auto", "milinternal") or convert_to not in (None, "mlprogram"):
        raise ValueError("the fake converts programs of the builder to ML programs only")
    if model._program["states"] and minimum_deployment_target is not target.iOS18:
        raise ValueError("a model with states needs minimum_deployment_target iOS18")
    halves = any(each["dtype"] == "float16" for each in model._program["inputs"])
    if halves and compute_precision is precision.FLOAT32:
        raise ValueError("the fake casts no halves")
    made = MLModel.__new__(MLModel)
    made._take(model._program, model._blobs, skip_model_load, compute_units)
    return made
