"""Assets: models on disk."""
import os
from pathlib import Path

from coreai.runtime import _AIModelError, _Executable
from fakecore.native import die
from fakecore.program import Program

_NOT_GIVEN = object()


class AIModelAsset:
    @classmethod
    def load(cls, path):
        if not isinstance(path, Path):
            raise TypeError(f"path: expected pathlib.Path, got {type(path).__name__}")
        if path.suffix == ".aimodelc":
            raise _AIModelError("AIModelError 3: invalidCompiledModel")
        if not (path / "main.json").is_file():
            raise FileNotFoundError(2, "there is no asset", os.fspath(path))
        asset = cls()
        asset._program = Program.load(os.fspath(path))
        return asset

    def executable(self, *, specialization_options=_NOT_GIVEN):
        if specialization_options is None:
            die("CoreAI", "fake_unwrap_options")
        return _Executable(self._program, None if specialization_options is _NOT_GIVEN else specialization_options)
