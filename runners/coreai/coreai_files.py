"""What Core AI keeps on disk: the cache of specialised models, and scratch of the GPU's compiler.

The cache is one for each user and not for each program, and a specialisation that failed can spoil it for those that
follow. A trial says by the axis `cache` whether it keeps it or begins with none. Taking it away concerns every program of
the user, so it takes the user's word, which names the directory; and no other trial may be under way.

The scratch bears the number of the process that made it and is not removed when that dies: it grew to hundreds of GB. What
a process of ours left is removed when it is dead, and no other's. The numbers are noted down, since this process may be
killed as well: the next one then removes it."""

from __future__ import annotations

import fcntl
import glob
import os
import shutil
import time
from typing import IO, Callable, Iterator, Optional, Sequence

from trapline_runner import Unsupported, own_directory

CONSENT = "TRAPLINE_COREAI_WIPE"
LOCK_PATIENCE_S = 20.0
SCRATCH = ("/private/var/folders/*/T/com.apple.MetalPerformanceShadersGraph",
           "/private/var/folders/*/*/T/com.apple.MetalPerformanceShadersGraph")


def cache_directory() -> str:
    return os.path.expanduser("~/Library/Caches/coreai-cache")


def state_directory() -> str:
    base = os.environ.get("XDG_STATE_HOME", "")
    if not base.startswith("/"):
        base = os.path.expanduser("~/.local/state")
    return os.path.join(base, "trapline", "coreai")


def lock(exclusive: bool, patience_s: float = LOCK_PATIENCE_S, sleep: Callable[[float], object] = time.sleep) -> IO[str]:
    """Trials that keep the cache share it; one that takes it away is alone. Held until the file is closed."""
    try:
        os.makedirs(state_directory(), exist_ok=True)
        file = open(os.path.join(state_directory(), "cache.lock"), "w", encoding="utf-8")
    except OSError as error:
        raise Unsupported(f"cannot write to {state_directory()}: {error.strerror}; set XDG_STATE_HOME to a directory that can be written") from error
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            if time.monotonic() >= until:
                file.close()
                raise Unsupported("another trial is using Core AI's cache: run those with cache=wipe alone (-j 1)") from None
            sleep(0.05)


def size_of(directory: str) -> tuple[int, int]:
    """Number and bytes of the files in a directory."""
    found = [os.path.join(at, name) for at, _, names in os.walk(directory) for name in names]
    return len(found), sum(os.lstat(path).st_size for path in found)


def wipe(directory: str, consent: Optional[str]) -> None:
    """Empties the cache, if the user said so."""
    if not os.path.lexists(directory):
        return
    if not own_directory(directory):
        raise Unsupported(f"{directory} is a link or somebody else's: it is not emptied")
    if not consent or os.path.abspath(consent) != directory:
        files, size = size_of(directory)
        raise Unsupported(f"cache=wipe would remove all {files} files ({size / 1e6:.1f} MB) in {directory}, which other programs of "
                          f"yours use as well; if they may go, set {CONSENT}={directory}")
    for entry in os.scandir(directory):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


# --- scratch ---------------------------------------------------------------------------------------------------------


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
    os.makedirs(state_directory(), exist_ok=True)
    with open(os.path.join(state_directory(), f"process-{process}"), "w", encoding="utf-8"):
        pass


def forget_process(process: int) -> None:
    try:
        os.unlink(os.path.join(state_directory(), f"process-{process}"))
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
    for path in glob.glob(os.path.join(state_directory(), "process-*")):
        number = os.path.basename(path).partition("-")[2]
        if number.isdecimal():
            yield int(number)


def sweep_noted(roots: Sequence[str] = SCRATCH) -> None:
    """Removes what is left of processes whose outer one was killed."""
    for process in list(noted()):
        if is_dead(process):
            sweep(process, roots)
            forget_process(process)
