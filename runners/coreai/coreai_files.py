"""What Core AI keeps on disk: the cache of specialised models. Scratch of the GPU's compiler is trapline_scratch.py's.

The cache is one for each user and not for each program, and a specialisation that failed can spoil it for those that
follow. A trial says by the axis `cache` whether it keeps it or begins with none. Taking it away concerns every program of
the user, so it takes the user's word, which names the directory; and no other trial may be under way."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from typing import IO, Callable, Optional

from trapline_runner import Unsupported, own_directory, state_directory

CONSENT = "TRAPLINE_COREAI_WIPE"
LOCK_PATIENCE_S = 20.0


def cache_directory() -> str:
    return os.path.expanduser("~/Library/Caches/coreai-cache")


def lock(exclusive: bool, patience_s: float = LOCK_PATIENCE_S, sleep: Callable[[float], object] = time.sleep) -> IO[str]:
    """Trials that keep the cache share it; one that takes it away is alone. Held until the file is closed."""
    directory = state_directory("coreai")
    try:
        os.makedirs(directory, exist_ok=True)
        file = open(os.path.join(directory, "cache.lock"), "w", encoding="utf-8")
    except OSError as error:
        raise Unsupported(f"cannot write to {directory}: {error.strerror}; set XDG_STATE_HOME to a directory that can be written") from error
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
