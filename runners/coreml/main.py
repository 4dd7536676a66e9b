#!/usr/bin/env python3
"""trapline-coreml: runs a model by Core ML, as the Python package coremltools has it. docs/coreml.md says how.

This is the outer process (trapline_runner.py): it knows nothing of Core ML and needs no package. The interpreter of the
inner one, coreml_trial.py, is that which TRAPLINE_PYTHON names, or the environment that stands as build in the unit."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Sequence

import trapline_outer
from trapline_runner import Ended, Json, Runner, Unsupported, be_run_by_chosen, depends, package_versions, print_all, system_versions
from trapline_scratch import sweep_noted

HERE = os.path.dirname(os.path.abspath(__file__))
DEVICES = ("cpu", "gpu", "ane", "all")
AXES = ("aot", "fresh_state", "function", "loads", "runs", "state")
PACKAGES = ("coremltools", "torch", "numpy")
# What is written on stderr when the Neural Engine's compiler would not have a model that then runs elsewhere.
ANE_REFUSED = "ANECCompile"
USAGE = """usage: trapline-coreml --self-check | --describe | --trial JSON | --versions | --help
Runs a model by Core ML. trapline starts it with a request on descriptor 3; docs/coreml.md says more.
  --self-check   which of the calls that are used here the installed packages have; exit status 1 when one is missing
  --describe     the devices that can be used
  --trial JSON   repeats a trial, without trapline
  --versions     of all packages, the system and Xcode
TRAPLINE_PYTHON  the interpreter that has the packages; else the python3 that is first in PATH"""


# --- the outer process -----------------------------------------------------------------------------------------------


def start_apart(runner: Runner) -> Ended:
    return trapline_outer.start(runner, os.path.join(HERE, os.path.basename(__file__)), os.environ, [ANE_REFUSED])


def tell_where(message: Json, device: str, said: set[str]) -> None:
    """Adds to a result that it cannot have run as it was asked for, where the plan of the model did not tell."""
    result = message.get("result")
    if isinstance(result, dict) and device == "ane" and ANE_REFUSED in said and not result.get("observed"):
        result["fallback"] = f"the Neural Engine's compiler refused the model ({ANE_REFUSED}… on stderr), and it ran all the same"


def trial(runner: Runner) -> None:
    sweep_noted()
    ended = start_apart(runner)
    trapline_outer.finish(runner, ended, tell_where)


def describe(runner: Runner) -> None:
    trapline_outer.describe(runner, start_apart, "coreml", DEVICES, AXES)


def outer(runner: Runner) -> None:
    describe(runner) if runner.request.get("describe") else trial(runner)


# --- the inner process -----------------------------------------------------------------------------------------------


def why_unusable(request: Json, versions: dict[str, str]) -> str:
    """Why no device can be used; empty where they can."""
    if importlib.util.find_spec("coremltools") is None:
        return (f"{sys.executable} has no package coremltools: install it in its environment, or let TRAPLINE_PYTHON name an "
                "interpreter that has it")
    wanted = (request.get("build") or {}).get("version")
    here = [versions[name] for name in ("coremltools", "os_build") if name in versions]
    return "" if not wanted or wanted in here else f"there is no build {wanted} here, only {' and '.join(here) or 'one without a version'}"


def describe_inner(runner: Runner) -> None:
    versions = {**package_versions(PACKAGES), **system_versions()}
    why = why_unusable(runner.request, versions)
    whys = {device: why for device in DEVICES}
    if not why:
        try:
            import coreml_plan
            whys = coreml_plan.why_unusable(DEVICES)
        except Exception as raised:  # a package may fail in any way when it is loaded
            whys = {device: f"coremltools cannot be loaded: {type(raised).__name__}: {raised}" for device in DEVICES}
    told = ", ".join(f"{name} {versions[name]}" for name in sorted(versions) if name not in ("memory", "chip", "hw.model"))
    # Where the package is there, what can be used is the system's to say: that is asked each time.
    kept = {"depends": depends()} if why else {}
    runner.describe("coreml", f"{versions.get('coremltools', 'none')} ({told})", list(whys.items()), AXES, **kept)


def inner(runner: Runner) -> None:
    if runner.request.get("describe"):
        describe_inner(runner)
        return
    why = why_unusable(runner.request, {**package_versions(PACKAGES), **system_versions()})
    if why:
        raise Unsupported(why)
    import coreml_trial
    coreml_trial.Trial(runner, os.path.abspath(__file__)).run()


def tell_usage(asked: bool) -> int:
    print(USAGE, file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--inner"]:
        return trapline_outer.answered(Runner.begin([], int(arguments[1])), inner)
    if arguments[:1] == ["--plan"] and len(arguments) == 3:
        import coreml_plan
        return print_all(lambda: coreml_plan.print_placement(arguments[1], arguments[2]))
    if arguments in (["--self-check"], ["--versions"]):
        be_run_by_chosen([os.path.abspath(__file__), *arguments])
        import coreml_calls
        return print_all(coreml_calls.self_check if arguments == ["--self-check"] else coreml_calls.print_versions)
    if arguments and arguments[0] not in ("--describe", "--trial"):
        return print_all(lambda: tell_usage(arguments[0] in ("--help", "-h")))
    return trapline_outer.answered(Runner.begin(arguments), outer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
