import enum

from coreai_models.export.macos import AIProgram
from coreai_opt.coreai_utils.common import QScheme as _QScheme

class CompressionGranularity(enum.Enum):
    PER_TENSOR: str
    PER_BLOCK: str

class DType(enum.Enum):
    INT4: str

# Weights with fewer elements than the threshold are left as they are, and nothing is said of it.
def quantize_weights(
    program: AIProgram,
    *,
    dtype: DType,
    granularity: CompressionGranularity = ...,
    block_size: int | None = None,
    weight_num_threshold: int = 32768,
    qscheme: _QScheme | None = None,
    in_place: bool = True,
) -> AIProgram | None: ...
def palettize_weights(
    program: AIProgram, *, lut_dtype: DType | None = None, n_bits: int = 4, weight_num_threshold: int = 32768, in_place: bool = True
) -> AIProgram | None: ...
