#!/usr/bin/env python3
"""trapline-coreai: runs a model by Core AI, as its Python package coreai-core has it. docs/coreai.md says how.

This is the outer process (trapline_runner.py): it knows nothing of Core AI and needs no package. The interpreter of the
inner one, coreai_trial.py, is that which TRAPLINE_PYTHON names, or the environment that stands as build in the unit."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from typing import Sequence

import trapline_outer
from coreai_files import CONSENT, cache_directory, lock, wipe
from trapline_runner import Ended, Json, Runner, Unsupported, be_run_by_chosen, depends, package_versions, print_all, system_versions
from trapline_scratch import sweep_noted

HERE = os.path.dirname(os.path.abspath(__file__))
DEVICES = ("default", "cpu", "gpu", "ane", "interpreter")
AXES = ("cache", "aot", "architecture", "frequent_reshapes", "platform", "function", "loads", "runs")
# What is written on stderr when the Neural Engine's compiler would not have a model that then runs elsewhere.
ANE_REFUSED = "ANECCompile"
INTERPRETER = "USE_LOCAL_COREAI"
USAGE = f"""usage: trapline-coreai --self-check | --describe | --trial JSON | --versions | --help
Runs a model by Core AI. trapline starts it with a request on descriptor 3; docs/coreai.md says more.
  --self-check   which of the calls that are used here the installed packages have; exit status 1 when one is missing
  --describe     the devices that can be used
  --trial JSON   repeats a trial, without trapline
  --versions     of all packages, the system and Xcode
TRAPLINE_PYTHON  the interpreter that has the packages; else the python3 that is first in PATH
{CONSENT}  the cache that a trial with cache=wipe may empty"""


# --- the outer process -----------------------------------------------------------------------------------------------


def environment_for(device: str) -> dict[str, str]:
    """The interpreter that comes with Core AI is chosen by a variable, and only by that."""
    environment = {k: v for k, v in os.environ.items() if k != INTERPRETER}
    if device == "interpreter":
        environment[INTERPRETER] = "1"
    return environment


def start_apart(runner: Runner) -> Ended:
    environment = environment_for(runner.request.get("device", ""))
    return trapline_outer.start(runner, os.path.join(HERE, os.path.basename(__file__)), environment, [ANE_REFUSED])


def tell_where(message: Json, device: str, said: set[str]) -> None:
    """Adds to a result on which unit it ran, as far as there are signs of it. No API tells."""
    result = message.get("result")
    if not isinstance(result, dict) or device != "ane" or ANE_REFUSED not in said:
        return
    layers = result.get("layers") or []
    if "gpu" in layers or "cpu" in layers:
        result["observed"] = "gpu" if "gpu" in layers else "cpu"
    else:
        result["fallback"] = f"the Neural Engine's compiler refused the model ({ANE_REFUSED}… on stderr), and it ran all the same"


def trial(runner: Runner) -> None:
    device, variant = runner.request.get("device", ""), runner.request.get("variant") or {}
    policy = variant.get("cache", "keep")
    if policy not in ("keep", "wipe"):
        raise Unsupported(f"cache={policy}: expected keep or wipe")
    sweep_noted()
    with contextlib.closing(lock(policy == "wipe")):
        if policy == "wipe":
            wipe(cache_directory(), os.environ.get(CONSENT))
        ended = start_apart(runner)
    trapline_outer.finish(runner, ended, tell_where)


def describe(runner: Runner) -> None:
    trapline_outer.describe(runner, start_apart, "coreai", DEVICES, AXES)


def outer(runner: Runner) -> None:
    describe(runner) if runner.request.get("describe") else trial(runner)


# --- the inner process -----------------------------------------------------------------------------------------------


def why_unusable(request: Json, versions: dict[str, str]) -> str:
    """Why no device can be used; empty where they can."""
    if importlib.util.find_spec("coreai") is None:
        return f"no package coreai for {sys.executable}: install coreai-core, or set TRAPLINE_PYTHON to an interpreter that has it"
    wanted = (request.get("build") or {}).get("version")
    here = [versions[name] for name in ("coreai-core", "os_build") if name in versions]
    return "" if not wanted or wanted in here else f"there is no build {wanted} here, only {' and '.join(here) or 'one without a version'}"


def describe_inner(runner: Runner) -> None:
    versions = {**package_versions(("coreai-core", "coreai-torch", "coreai-opt", "coreai-models")), **system_versions()}
    why = why_unusable(runner.request, versions)
    told = ", ".join(f"{name} {versions[name]}" for name in sorted(versions) if name not in ("memory", "chip", "hw.model"))
    # Where the package is there, what can be used is the system's to say: that is asked each time.
    kept = {"depends": depends()} if why else {}
    runner.describe("coreai", f"{versions.get('coreai-core', 'none')} ({told})", [(device, why) for device in DEVICES], AXES, **kept)


def inner(runner: Runner) -> None:
    if runner.request.get("describe"):
        describe_inner(runner)
    else:
        import coreai_trial
        coreai_trial.run_trial(runner)


def tell_usage(asked: bool) -> int:
    print(USAGE, file=sys.stdout if asked else sys.stderr)
    return 0 if asked else 2


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--inner"]:
        return trapline_outer.answered(Runner.begin([], int(arguments[1])), inner)
    if arguments in (["--self-check"], ["--versions"]):
        be_run_by_chosen([os.path.abspath(__file__), *arguments])
        import coreai_calls
        return print_all(coreai_calls.self_check if arguments == ["--self-check"] else coreai_calls.print_versions)
    if arguments and arguments[0] not in ("--describe", "--trial"):
        return print_all(lambda: tell_usage(arguments[0] in ("--help", "-h")))
    return trapline_outer.answered(Runner.begin(arguments), outer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
