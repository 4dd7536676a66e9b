"""The outer process of a runner: it has no packages that can die, and outlives the inner one, which has them.

It sweeps what a dead inner process left, completes what that said last, and ends as it ended."""

from __future__ import annotations

import contextlib
import sys
from typing import Callable, Mapping, Sequence

from trapline_runner import Ended, Json, Runner, Unsupported, end_as, interpreter, run_apart
from trapline_scratch import forget_process, note_process, sweep


def note(process: int) -> None:
    try:
        note_process(process)
    except OSError as error:
        print(f"what process {process} leaves of the GPU's scratch will not be found should this one be killed: {error}", file=sys.stderr)


def start(runner: Runner, program: str, environment: Mapping[str, str], signs: Sequence[str]) -> Ended:
    """Runs the inner process; `signs` are what is looked for in its stderr."""
    python = interpreter(runner.request)
    try:
        return run_apart(runner, [python, program], environment, signs, note)
    except OSError as error:
        raise Unsupported(f"no Python can be started as {python}: {error.strerror}") from error


def finish(runner: Runner, ended: Ended, tell_where: Callable[[Json, str, set[str]], None]) -> None:
    """The end of a trial: its answer, to which tell_where adds on which unit it ran."""
    sweep(ended.process)
    forget_process(ended.process)
    if ended.last is not None:
        message = runner.whole(ended.last)
        tell_where(message, runner.request.get("device", ""), ended.said)
        runner.send(message)
    if ended.status or ended.last is None:
        end_as(ended.status)


def describe(runner: Runner, begin: Callable[[Runner], Ended], name: str, devices: Sequence[str], axes: Sequence[str]) -> None:
    """Asked of the inner process: only its interpreter knows which packages it has."""
    try:
        ended = begin(runner)
    except Unsupported as why:
        runner.describe(name, "none", [(device, str(why)) for device in devices], axes)
        return
    forget_process(ended.process)
    if ended.last is None:
        end_as(ended.status or 1)
    runner.send(ended.last)


def answered(runner: Runner, work: Callable[[Runner], None]) -> int:
    with contextlib.closing(runner):
        return runner.answer(work)
