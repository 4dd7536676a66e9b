"""coreai-build, the compiler ahead of time, and what its result shows."""

from __future__ import annotations

import glob
import os
import signal
import subprocess
import sys
from typing import Callable

from trapline_runner import Failure, Json, Unsupported, short

PREFERRED = {"gpu": "gpu", "ane": "neural-engine", "default": "none", "cpu": "none"}


def command(asset: str, to: str, device: str, variant: Json) -> list[str]:
    if device not in PREFERRED:
        raise Unsupported(f"aot=true on {device}: what coreai-build makes is for a device")
    argv = ["xcrun", "coreai-build", "compile", asset, "--output", to, "--platform", str(variant.get("platform", "macOS")),
            "--preferred-compute", PREFERRED[device]]
    if "architecture" in variant:
        argv += ["--architecture", str(variant["architecture"])]
    if variant.get("frequent_reshapes"):
        argv.append("--expect-frequent-reshapes")
    return argv


def said_last(text: bytes) -> str:
    lines = [line for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
    return short(lines[-1].strip(), 2000) if lines else "it said nothing"


def compile_ahead(asset: str, scratch: str, device: str, variant: Json, sweep: Callable[[int], object]) -> str:
    """The compiled asset. Ends this process as the compiler did when that died of a signal."""
    to = os.path.join(scratch, "aot", os.path.basename(asset))
    os.makedirs(to)
    argv = command(asset, to, device, variant)
    try:
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except FileNotFoundError as missing:
        raise Unsupported("aot=true needs Xcode's xcrun, which is not here") from missing
    with child:
        _, said = child.communicate()
    sweep(child.pid)
    os.write(2, said)
    died = -child.returncode if child.returncode < 0 else child.returncode - 128
    if died in set(signal.Signals):
        sys.exit(128 + died)
    if child.returncode:
        raise Failure("coreai-build", f"exit {child.returncode}", said_last(said))
    made = sorted(glob.glob(os.path.join(glob.escape(to), "*.aimodelc")))
    if len(made) != 1:
        raise Failure("coreai-build", "result", f"it ended well and left {len(made)} files *.aimodelc where one was expected")
    return made[0]


def regions(compiled: str) -> int:
    """How many regions of the model the Neural Engine was given."""
    return sum("ANE_region" in name for _, folders, files in os.walk(compiled) for name in folders + files)
