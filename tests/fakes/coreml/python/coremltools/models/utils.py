from __future__ import annotations

from typing import Optional

from coremltools import _framework


def compile_model(model: str, destination_path: Optional[str] = None) -> str:
    if destination_path is not None and not destination_path.endswith(".mlmodelc"):
        raise Exception('"destination_path" parameter must have ".mlmodelc" file extension.')
    return _framework.compile_package(model, destination_path)
