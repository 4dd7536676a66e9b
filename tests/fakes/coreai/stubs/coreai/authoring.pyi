# What is written of the package coreai-core, and nothing else: the runner is checked against it, and so is the stand-in.
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from coreai.runtime import AIModel, SpecializationOptions

class AIModelAsset:
    @classmethod
    def load(cls, path: Path) -> AIModelAsset: ...  # the b2 takes no str
    # Without the argument the system chooses; None is not to be given.
    def executable(self, *, specialization_options: SpecializationOptions = ...) -> AbstractAsyncContextManager[AIModel]: ...
