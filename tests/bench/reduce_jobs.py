#!/usr/bin/env python3
"""What slots are worth to a reduction: reduce_jobs.py TRAPLINE [SECONDS]

A model of 300 nodes of which two are needed is reduced with one to four slots in one run, on a runner whose trials take that long (0.3
seconds by default), each with a database of its own. What comes out has to be the same model after the same trials."""

import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "integration"))


def main():
    trapline, seconds = os.path.abspath(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 0.3
    os.environ["TRAPLINE_BIN"] = trapline
    from onnx_bytes import chain
    from reduce_test import RUNNER
    results = []
    with tempfile.TemporaryDirectory(prefix="trapline-bench-") as directory:
        def path(name):
            return os.path.join(directory, name)
        with open(path("played"), "w", encoding="utf-8") as f:
            f.write("#!%s -IS\nimport json, os, socket, sys, time\ntime.sleep(%f)\n" % (sys.executable, seconds) + RUNNER)
        os.chmod(path("played"), 0o755)
        operators = ["Relu"] * 300
        operators[40], operators[222] = "Left", "Right"
        with open(path("model.onnx"), "wb") as f:
            f.write(chain(operators))
        print("slots  seconds  trials  begun ahead  in vain")
        for jobs in range(1, 5):
            env = dict(os.environ, XDG_STATE_HOME=path("state%d" % jobs), XDG_CACHE_HOME=path("cache"))
            began = time.monotonic()
            done = subprocess.run([trapline, "reduce", path("model.onnx"), "-u", path("played") + ":cpu", "--json", "-j", str(jobs),
                                   "--db", path("%d.db" % jobs)], env=env, capture_output=True, text=True, timeout=900)
            elapsed = time.monotonic() - began
            if done.returncode != 1:
                sys.exit(done.stderr)
            found = json.loads(done.stdout)
            with open(found["model"], "rb") as f:
                results.append((f.read(), found["trials"], found["remaining"]))
            print("%5d  %7.1f  %6d  %11d  %7d" % (jobs, elapsed, found["trials"], found["speculated"], found["wasted"]), flush=True)
    if any(r != results[0] for r in results):
        sys.exit("with other slots something else came out")


main()
