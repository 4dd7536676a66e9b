#!/usr/bin/env python3
"""Disturbs commands call by call: sweep.py TRAPLINE NOTING-RUNNER [--kill N | --each K] [--seed S] [COMMAND…]

Without --kill each call of a command that can fail does so, in one attempt once and in another one for good; --each K takes every
K-th of them, from a random one on. With --kill a command is killed N times, each time as it begins a call that is drawn. What is
wrong is listed, and in the end a line for each command is printed, as docs/reliability.md has them. The exit status is 1 when
something was wrong."""
import argparse
import os
import random
import sys
import tempfile
import time

options = argparse.ArgumentParser()
options.add_argument("trapline")
options.add_argument("runner")
options.add_argument("--kill", type=int, metavar="N")
options.add_argument("--each", type=int, default=1, metavar="K")
options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
options.add_argument("--only", metavar="CALL", help="these calls alone")
options.add_argument("commands", nargs="*")
asked = options.parse_intermixed_args()
os.environ.update(TRAPLINE_BIN=os.path.abspath(asked.trapline), NOTING_RUNNER=os.path.abspath(asked.runner))

import inject  # noqa: E402
import world  # noqa: E402


def faults(w, randomness):
    every = [p for p in inject.points(w.names, w.first) if not asked.only or p[0] in asked.only.split(",")]
    for name, number in every[randomness.randrange(asked.each)::asked.each]:
        for for_good in (False, True):
            if for_good and name in inject.MOMENTARY:
                continue
            error = randomness.choice(inject.CALLS[name])
            yield name, number, error, for_good


def tell(kinds, what, wrong):
    for kind, text in wrong:
        kinds[kind] = kinds.get(kind, 0) + 1
        print(f"  {what}: {kind}: {text}", flush=True)


def sweep(name, randomness):
    with tempfile.TemporaryDirectory(prefix="faults-") as directory:
        w = world.World(directory, name)
        began, kinds, attempts, trace = time.monotonic(), {}, 0, os.path.join(directory, "trace")
        if asked.kill:
            for _ in range(2 * asked.kill): # some do not come to the call that was drawn
                if attempts == asked.kill:
                    break
                place = randomness.randrange(w.first, len(w.names)) + 1
                w.fresh()
                done = inject.kill(w.argv(), w.env(w.marker), world.PATIENCE, trace, w.names, place, w.here)
                if not inject.was_killed(done):
                    continue
                attempts += 1
                tell(kinds, f"{name} killed at {place}", w.afterwards(done, done.status == w.command.status, killed=True))
        else:
            for call, number, error, for_good in faults(w, randomness):
                w.fresh()
                done = inject.fail(w.argv(), w.env(w.marker), world.PATIENCE, trace, call, number, error, for_good, w.here)
                if not inject.was_injected(trace):
                    continue
                attempts += 1
                tell(kinds, f"{name} {call} {number} {error}{' for good' if for_good else ''} ({done.status})", w.disturbed(done, call, for_good))
        found = ", ".join(f"{n} {k}" for k, n in sorted(kinds.items())) or "nothing wrong"
        print(f"{name}: {len(w.names) - w.first} calls, {attempts} attempts in {time.monotonic() - began:.0f} s: {found}", flush=True)
        return bool(kinds)


print(f"seed {asked.seed}")
# Each command by itself: one that is left out changes nothing for the others.
results = [sweep(name, random.Random(f"{asked.seed} {name}")) for name in asked.commands or world.COMMANDS]
sys.exit(1 if any(results) else 0)
