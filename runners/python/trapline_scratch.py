"""What the GPU's compiler of a Mac leaves on disk, whichever runtime it worked for.

Its scratch bears the number of the process that made it and is not removed when that dies: it grew to hundreds of GB. What
a process of ours left is removed when it is dead, and no other's. The numbers are noted down, since this process may be
killed as well: the next one then removes it."""

from __future__ import annotations

import glob
import os
import shutil
from typing import Iterator, Sequence

from trapline_runner import own_directory, state_directory

SCRATCH = ("/private/var/folders/*/T/com.apple.MetalPerformanceShadersGraph",
           "/private/var/folders/*/*/T/com.apple.MetalPerformanceShadersGraph")


def notes() -> str:
    return state_directory("scratch")


def sweep(process: int, roots: Sequence[str] = SCRATCH) -> list[str]:
    """Removes what a process left that is dead; what was removed."""
    removed = []
    for root in roots:
        for path in glob.glob(os.path.join(root, f"mpsgraph-{process}-*")):
            if own_directory(path):
                shutil.rmtree(path, ignore_errors=True)
                removed.append(path)
    return removed


def note_process(process: int) -> None:
    os.makedirs(notes(), exist_ok=True)
    with open(os.path.join(notes(), f"process-{process}"), "w", encoding="utf-8"):
        pass


def forget_process(process: int) -> None:
    try:
        os.unlink(os.path.join(notes(), f"process-{process}"))
    except FileNotFoundError:
        pass  # another one has swept


def is_dead(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return True  # the number is another user's by now
    return False


def noted() -> Iterator[int]:
    for path in glob.glob(os.path.join(notes(), "process-*")):
        number = os.path.basename(path).partition("-")[2]
        if number.isdecimal():
            yield int(number)


def sweep_noted(roots: Sequence[str] = SCRATCH) -> None:
    """Removes what is left of processes whose outer one was killed."""
    for process in list(noted()):
        if is_dead(process):
            sweep(process, roots)
            forget_process(process)
