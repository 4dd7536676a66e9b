# What is known of coremltools, from its documentation and public programs that call it: only that much, and only what the
# runner and the generator need. Nothing of this was tried on a Mac.
from enum import Enum
from typing import Any

from . import converters as converters, models as models, optimize as optimize, proto as proto
from .converters.mil.mil import Program
from .models import utils as utils
from .models import MLModel

__version__: str

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

def convert(
    model: Program,
    source: str = "auto",
    inputs: None = None,
    outputs: None = None,
    classifier_config: None = None,
    minimum_deployment_target: target | None = None,
    convert_to: str | None = None,
    compute_precision: precision | None = None,
    skip_model_load: bool = False,
    compute_units: ComputeUnit = ...,
) -> MLModel: ...
