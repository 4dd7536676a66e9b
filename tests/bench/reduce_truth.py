#!/usr/bin/env python3
"""Reduces models whose answer is known (tests/integration/ground_truth.py), and says where another one came out.

    TRAPLINE_BIN=build/harness/cli/trapline tests/bench/reduce_truth.py [-n COUNT] [-u VERSION] [--seed FIRST] [--kind KIND]
"""
import argparse
import collections
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import ground_truth

TRAPLINE = os.environ.get("TRAPLINE_BIN", "trapline")
BUILDS = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "trapline", "builds")
SEARCH = ("constants", "end", "outputs", "begin", "inside", "between", "structural")


def reduce(p, unit, keep=None):
    """The document of a reduction, and what is wrong with it."""
    with tempfile.TemporaryDirectory(prefix="trapline-truth-") as directory:
        path = lambda name: os.path.join(directory, name)
        os.makedirs(path("cache/trapline"))
        os.symlink(BUILDS, path("cache/trapline/builds"))
        with open(path("model.onnx"), "wb") as f:
            f.write(p.model)
        arguments = []
        for name, content in p.inputs.items():
            with open(path(name + ".npy"), "wb") as f:
                f.write(content)
            arguments += ["--inputs", "%s=%s" % (name, path(name + ".npy"))]
        if keep:
            os.makedirs(keep, exist_ok=True)
            subprocess.run(["cp", path("model.onnx")] + [path(n + ".npy") for n in p.inputs] + [keep], check=True)
        env = dict(os.environ, XDG_STATE_HOME=path("state"), XDG_CACHE_HOME=path("cache"), TMPDIR=directory)
        done = subprocess.run([TRAPLINE, "reduce", path("model.onnx"), "-u", unit, "--json", "--db", path("t.db"), *arguments],
                              env=env, capture_output=True)
        if done.returncode != 1:
            return None, "exit status %d: %s" % (done.returncode, done.stderr.decode("utf-8", "replace")[-300:])
        found = json.loads(done.stdout)
    return found, judge(p, found)


def judge(p, found):
    names = [n["original"] for n in found["remaining"]]
    structural = [n["original"] for n in found.get("structural_remaining") or found["remaining"]]
    wrong = []
    if found["outcome"] != p.outcome:
        wrong.append("outcome %s" % found["outcome"])
    if found["nodes"][1] != 1 or names not in p.causes:
        wrong.append("model %s" % names)
    if len(structural) > p.structural or not any(set(c) <= set(structural) for c in p.causes):
        wrong.append("structural %s" % structural)
    if not (found["minimal"] and found["complete"] and found["confirmed"]):
        wrong.append("minimal %s complete %s confirmed %s" % (found["minimal"], found["complete"], found["confirmed"]))
    if len(structural) > 1 and not (found.get("structural_minimal") or found.get("structural_open_since_values")):
        wrong.append("structural not shown to be minimal")
    return "; ".join(wrong)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-n", type=int, default=40)
    parser.add_argument("-u", default="1.22.0")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind")
    parser.add_argument("--length", type=int)
    parser.add_argument("--keep", help="a directory for the models whose answer is wrong")
    parser.add_argument("-j", type=int, default=2)
    a = parser.parse_args()
    seeds = range(a.seed, a.seed + a.n)
    kinds = {s: a.kind or ground_truth.KINDS[s % len(ground_truth.KINDS)] for s in seeds}
    unit = "onnxruntime@%s:cpu" % a.u
    wrong = collections.Counter()

    def one(seed):
        p = ground_truth.problem(seed, kinds[seed], a.length)
        began = time.monotonic()
        found, why = reduce(p, unit, os.path.join(a.keep, str(seed)) if a.keep else None)
        return seed, p, found, why, time.monotonic() - began

    with concurrent.futures.ThreadPoolExecutor(a.j) as pool:
        for seed, p, found, why, seconds in pool.map(one, seeds):
            steps = found["steps"] if found else []
            search = sum(s["trials"] for s in steps if s["step"] in SEARCH)
            print("%4d %-13s %4d nodes  search %3d  all %3d  %5.1f s  %s" %
                  (seed, p.kind, p.nodes, search, sum(s["trials"] for s in steps), seconds, why or "right"), flush=True)
            wrong[p.kind] += bool(why)
    print("%d of %d are not right: %s" % (sum(wrong.values()), a.n, dict(+wrong)))
    return sum(wrong.values()) > 0


if __name__ == "__main__":
    sys.exit(main())
