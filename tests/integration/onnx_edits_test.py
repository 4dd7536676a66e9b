#!/usr/bin/env python3
"""Edits of models of ONNX on a real ONNX Runtime: what is left runs, and computes what it should.

ONNX_VARIANT is the program that applies a list of edits. Builds are taken from the cache and never fetched; without one the
tests are skipped."""

import ast
import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

TRAPLINE = os.environ["TRAPLINE_BIN"]
VARIANT = os.environ["ONNX_VARIANT"]
FLOAT, INT64, BOOL = 1, 7, 9


# --- just enough of protobuf and ONNX ---

def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number, *values):
    out = b""
    for v in values:
        if isinstance(v, int):
            out += varint(number << 3) + varint(v)
        else:
            v = v.encode() if isinstance(v, str) else v
            out += varint(number << 3 | 2) + varint(len(v)) + v
    return out


def attribute(name, v):
    if isinstance(v, bytes):  # a graph
        return field(1, name) + field(6, v) + field(20, 5)
    if isinstance(v, str):  # refers to one of the function
        return field(1, name) + field(20, 1) + field(21, v)
    if isinstance(v, float):
        return field(1, name) + varint(2 << 3 | 5) + struct.pack("<f", v) + field(20, 1)
    if isinstance(v, int):
        return field(1, name) + field(3, v) + field(20, 2)
    return field(1, name) + field(8, *v) + field(20, 7)


def node(op, inputs, outputs, domain="", **attributes):
    out = field(1, *inputs.split(",")) if inputs else b""
    out += field(2, *outputs.split(",")) + field(4, op)
    out += b"".join(field(5, attribute(k, v)) for k, v in attributes.items())
    return out + (field(7, domain) if domain else b"")


def value(name, kind, dims=None):
    shape = b"" if dims is None else field(2, b"".join(field(1, field(1, d)) for d in dims))
    return field(1, name) + field(2, field(1, field(1, kind) + shape))


def tensor(*values, name=None):
    return (field(1, len(values)) + field(2, FLOAT) + (field(8, name) if name else b"") +
            field(9, struct.pack("<%df" % len(values), *values)))


def graph(nodes, inputs, outputs, initializers=()):
    return (b"".join(field(1, n) for n in nodes) + field(2, "g") + b"".join(field(5, t) for t in initializers) +
            b"".join(field(11, v) for v in inputs) + b"".join(field(12, v) for v in outputs))


def model(g, functions=(), own=False):
    opsets = field(8, field(1, "") + field(2, 13)) + (field(8, field(1, "own") + field(2, 1)) if own else b"")
    return field(1, 8) + field(7, g) + opsets + b"".join(field(25, f) for f in functions)


X = {"name": "x", "dtype": "float32", "shape": [2], "data": [1, -2]}


def installed():
    done = subprocess.run([TRAPLINE, "builds", "list", "--json"], capture_output=True)
    builds = json.loads(done.stdout)["builds"] if done.returncode == 0 else []
    return [b["version"] for b in builds if b["runner"] == "onnxruntime" and not b["version"].startswith("1.1")]


class Edits(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        builds = installed()
        if not builds:
            raise unittest.SkipTest("no build of ONNX Runtime from 1.20 on is in the cache")
        cls.unit = "onnxruntime@%s:cpu" % builds[-1]

    def setUp(self):
        made = tempfile.TemporaryDirectory(prefix="trapline-test-")
        self.addCleanup(made.cleanup)
        self.directory = made.name

    def path(self, name):
        return os.path.join(self.directory, name)

    def run_model(self, bytes_or_edits, inputs, original=None):
        """The outputs of a model, or of one after edits, each as a list of numbers."""
        path = self.path("model.onnx" if original is None else "variant.onnx")
        if original is None:
            with open(path, "wb") as f:
                f.write(bytes_or_edits)
        else:
            done = subprocess.run([VARIANT, original, json.dumps(bytes_or_edits), path], capture_output=True)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
        with open(self.path("case.json"), "w") as f:
            json.dump({"trapline": 1, "name": "m", "model": {"file": path}, "axes": [{"name": "optimization", "choices": [0, 99]}],
                       "inputs": inputs, "limits": {"timeout_s": 60}}, f)
        env = dict(os.environ, XDG_STATE_HOME=self.path("state"))
        done = subprocess.run([TRAPLINE, "run", self.path("case.json"), "-u", self.unit, "--json", "--keep-outputs",
                               self.path("kept"), "--no-cache", "--db", self.path("t.db")], capture_output=True, env=env)
        trial = json.loads(done.stdout)["trials"][0]
        self.assertEqual(trial["outcome"], "pass", "%s: %s" % (bytes_or_edits, trial.get("message")))
        kept = os.path.join(self.path("kept"), trial["id"])
        n = sum(name.endswith(".npy") for name in os.listdir(kept))
        return [self.numbers(os.path.join(kept, "%d.npy" % i)) for i in range(n)]

    @staticmethod
    def numbers(path):
        with open(path, "rb") as f:
            content = f.read()
        n, = struct.unpack_from("<H", content, 8)
        kind = {"<f4": "f", "<i8": "q", "|b1": "?"}[ast.literal_eval(content[10:10 + n].decode())["descr"]]
        data = content[10 + n:]
        return [round(v, 4) for v in struct.unpack("<%d%s" % (len(data) // struct.calcsize(kind), kind), data)]

    def test_branches_and_cuts(self):
        inner = graph([node("Neg", "a", "t")], [], [value("t", FLOAT, [2])])
        other = graph([node("Exp", "x", "t"), node("Add", "t,w", "u")], [], [value("u", FLOAT, [2])], [tensor(5, 6, name="w")])
        then = graph([node("If", "c", "y", then_branch=inner, else_branch=other)], [], [value("y", FLOAT, [2])])
        g = graph([node("Relu", "x", "a"), node("If", "c", "r", then_branch=then, else_branch=inner), node("Mul", "r,a", "z")],
                  [value("x", FLOAT, [2]), value("c", BOOL, [])], [value("z", FLOAT)])
        for condition in (True, False):
            inputs = [X, {"name": "c", "dtype": "bool", "shape": [], "data": [condition]}]
            want = self.run_model(model(g), inputs)
            original = self.path("model.onnx")
            edits = [{"branch": [[1, int(condition)]]}] + ([{"branch": [[3, 1]]}] if condition else [])
            self.assertEqual(self.run_model(edits, inputs[:1], original), want)
        more = [{"fold": False}, {"rename": True}, {"strip": True}]
        self.assertEqual(self.run_model([{"branch": [[1, 0]]}] + more, inputs[:1], original), want)
        # From the value r on, fed as an input, as an initializer and as a node.
        r = self.run_model([{"prefix": {"place": 2, "outputs": ["r"]}}], inputs, original)[0]
        fed = {"name": "r", "dtype": "float32", "shape": [2], "data": r}
        self.assertEqual(self.run_model([{"begin": [{"name": "r", "type": "float32", "shape": [2]}]}], [X, fed], original), want)
        for constant in (False, True):
            begin = [{"begin": [{"name": "r", "tensor": {"pb": tensor(*r).hex()}, "constant": constant}]}]
            self.assertEqual(self.run_model(begin, [X], original), want)
        self.assertEqual(self.run_model([{"bypass": [[2, 0, 0]]}], inputs, original), [r])

    def test_loops(self):
        body = graph([node("Cast", "i", "fi", to=FLOAT), node("Add", "v_in,fi", "v"), node("Mul", "v_in,x", "p"),
                      node("Identity", "go_in", "go")],
                     [value("i", INT64, []), value("go_in", BOOL, []), value("v_in", FLOAT, [2])],
                     [value("go", BOOL, []), value("v", FLOAT, [2]), value("p", FLOAT, [2])])
        scan = graph([node("Sub", "s,e", "s2"), node("Abs", "e", "t")], [value("s", FLOAT, [2]), value("e", FLOAT, [2])],
                     [value("s2", FLOAT, [2]), value("t", FLOAT, [2])])
        g = graph([node("Loop", "n,,x", "last,all", body=body),
                   node("Scan", "x,m", "sum,each", body=scan, num_scan_inputs=1, scan_input_axes=[1], scan_input_directions=[1],
                        scan_output_axes=[1])],
                  [value("x", FLOAT, [2]), value("n", INT64, []), value("m", FLOAT, [2, 3])],
                  [value(name, FLOAT) for name in ("last", "all", "sum", "each")])
        inputs = [X, {"name": "n", "dtype": "int64", "shape": [], "data": [3]},
                  {"name": "m", "dtype": "float32", "shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]}]
        self.assertEqual(self.run_model(model(g), inputs),
                         [[4, 1], [1, 4, 1, 4, 2, 2], [-5, -17], [3, 2, 1, 6, 5, 4]])
        original, rest = self.path("model.onnx"), [X, inputs[2]]
        self.assertEqual(self.run_model([{"trips": [[0, 2], [1, 1]]}], rest, original), [[2, -1], [1, 4, 1, 4], [-2, -8], [3, 6]])
        # The last iteration, from what the ones before it carried.
        state = {"pb": tensor(2, -1).hex()}
        self.assertEqual(self.run_model([{"iteration": [{"node": 0, "index": 2, "state": [state]}, {"node": 1, "index": 1}]}],
                                        rest, original), [[4, 1], [2, 2], [-1, -7], [2, 5]])

    def test_functions(self):
        def function(name, nodes, attributes=(), own=False):
            imports = field(9, field(1, "") + field(2, 13)) + (field(9, field(1, "own") + field(2, 1)) if own else b"")
            return (field(1, name) + field(4, "a") + field(5, "c") + field(6, *attributes) + b"".join(field(7, n) for n in nodes) +
                    imports + field(10, "own"))
        leaf = function("F", [node("LeakyRelu", "a", "t", alpha="k"), node("Neg", "t", "c")], ["k"])
        pair = function("G", [node("F", "a", "t", "own", k=0.25), node("F", "t", "c", "own", k=0.5)], own=True)
        g = graph([node("G", "x", "t", "own"), node("Add", "t,x", "z")], [value("x", FLOAT, [2])], [value("z", FLOAT)])
        want = self.run_model(model(g, [leaf, pair], own=True), [X])
        self.assertEqual(want, [[1.5, -2.5]])
        original = self.path("model.onnx")
        for edits in ([{"inline": [0]}], [{"inline": [0]}, {"inline": [6, 7]}, {"rename": True}]):
            self.assertEqual(self.run_model(edits, [X], original), want)


if __name__ == "__main__":
    sys.exit(unittest.main())
