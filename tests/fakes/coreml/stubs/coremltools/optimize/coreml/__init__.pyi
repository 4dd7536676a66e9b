from coremltools.models import MLModel

class OpPalettizerConfig:
    def __init__(self, mode: str = "kmeans", nbits: int | None = None, *, weight_threshold: int | None = 2048) -> None: ...

class OpLinearQuantizerConfig:
    def __init__(
        self,
        mode: str = "linear_symmetric",
        dtype: str = "int8",
        granularity: str = "per_channel",
        block_size: int = 32,
        weight_threshold: int | None = 2048,
    ) -> None: ...

class OptimizationConfig:
    def __init__(self, global_config: OpPalettizerConfig | OpLinearQuantizerConfig | None = None) -> None: ...

def palettize_weights(mlmodel: MLModel, config: OptimizationConfig) -> MLModel: ...
def linear_quantize_weights(mlmodel: MLModel, config: OptimizationConfig) -> MLModel: ...
