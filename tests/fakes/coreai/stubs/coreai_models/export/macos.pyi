from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

_EXTERNALIZE_SPECS: Any  # entries that name the modules which are left outside of the graph

class AIProgram:
    def optimize(self) -> None: ...
    def save_asset(self, path: Path) -> None: ...

def export_to_coreai(
    model: torch.nn.Module,
    reference_inputs: Sequence[torch.Tensor],
    dynamic_shapes: dict[str, Any] | None = None,
    input_names: list[str] | None = None,
    output_names: list[str] | None = None,
    state_names: list[str] | None = None,
) -> AIProgram: ...
