"""Whether the packages that are installed have the calls that a runner makes.

It is the first thing to run on a new machine, where a runner was written without the packages themselves."""

from __future__ import annotations

import importlib
import inspect
import shutil
import subprocess
from typing import Any, Iterable, Sequence

from trapline_runner import package_versions, system_versions

# Module, what is used of it, and the names of the arguments that are given by name.
Call = tuple[str, str, tuple[str, ...]]


def takes(found: Any, arguments: Sequence[str]) -> str:
    """Which of the arguments it does not take, in words; empty when it takes all, or does not say what it takes."""
    if not arguments:
        return ""
    try:
        parameters = inspect.signature(found).parameters
    except (TypeError, ValueError):
        return ""
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return ""
    lacking = [name for name in arguments if name not in parameters]
    return f"takes no {', '.join(lacking)}" if lacking else ""


def missing(module: str, path: str, arguments: Sequence[str]) -> str:
    """What is missing of one call; empty when it is there."""
    try:
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except Exception as why:  # a package may fail in any way when it is loaded
        return f"{type(why).__name__}: {why}"
    return takes(found, arguments)


def missing_tool(argv: Sequence[str]) -> str:
    if not shutil.which(argv[0]):
        return f"{argv[0]} is not in PATH"
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError as error:
        return f"cannot be started: {error.strerror}"
    return "" if done.returncode == 0 else f"exit status {done.returncode}"


def print_versions(packages: Iterable[str]) -> int:
    for name, version in {**package_versions(packages), **system_versions()}.items():
        print(f"{name} {version}")
    return 0


def self_check(packages: Iterable[str], calls: Sequence[Call], tools: Sequence[Sequence[str]]) -> int:
    """The exit status: 1 when something is missing."""
    print_versions(packages)
    told = [(f"{module}.{path}({', '.join(a + '=' for a in arguments)})" if arguments else f"{module}.{path}",
             missing(module, path, arguments)) for module, path, arguments in calls]
    told += [(" ".join(argv), missing_tool(argv)) for argv in tools]
    for name, why in told:
        print(f"MISSING {name}: {why}" if why else f"has     {name}")
    lacking = sum(bool(why) for _, why in told)
    print(f"{len(told) - lacking} of {len(told)} are here" + (": please send us these lines" if lacking else ""))
    return 1 if lacking else 0
