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

from onnx_bytes import A_FLOAT, BOOL, FLOAT, INT64, Reference, function, graph, model, node, value, vector

TRAPLINE = os.environ["TRAPLINE_BIN"]
VARIANT = os.environ["ONNX_VARIANT"]

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
        other = graph([node("Exp", "x", "t"), node("Add", "t,w", "u")], [], [value("u", FLOAT, [2])], [vector("w", FLOAT, 5, 6)])
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
            begin = [{"begin": [{"name": "r", "tensor": {"pb": vector(None, FLOAT, *r).hex()}, "constant": constant}]}]
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
        state = {"pb": vector(None, FLOAT, 2, -1).hex()}
        self.assertEqual(self.run_model([{"iteration": [{"node": 0, "index": 2, "state": [state]}, {"node": 1, "index": 1}]}],
                                        rest, original), [[4, 1], [2, 2], [-1, -7], [2, 5]])
        # What is not carried any more is what it began with, in each iteration; what is not handed out is made by nobody.
        less = [{"outputs": ["all", "sum"]}, {"narrow": [{"node": 0, "carried": [0]}, {"node": 1, "stacked": [0]}]}]
        self.assertEqual(self.run_model(less, inputs, original), [[1, 4, 1, 4, 1, 4], [-5, -17]])
        with open(self.path("variant.onnx"), "rb") as f:
            self.assertNotIn(b"Abs", f.read())
        for refused, why in (([{"narrow": [{"node": 0, "carried": [0]}]}], "output 0 of node 0 is read"),
                             ([{"narrow": [{"node": 0, "carried": [1]}]}], "there is no place 1 of 1"),
                             ([{"outputs": ["each"]}, {"narrow": [{"node": 1, "carried": [0], "scanned": [0]}]}], "reads what it goes through")):
            with self.assertRaisesRegex(AssertionError, why):
                self.run_model(refused, inputs, original)

    def test_functions(self):
        leaf = function("F", "a", "c", [node("LeakyRelu", "a", "t", alpha=Reference("k", A_FLOAT)), node("Neg", "t", "c")], ["k"])
        pair = function("G", "a", "c", [node("F", "a", "t", domain="own", k=0.25), node("F", "t", "c", domain="own", k=0.5)])
        g = graph([node("G", "x", "t", domain="own"), node("Add", "t,x", "z")], [value("x", FLOAT, [2])], [value("z", FLOAT)])
        want = self.run_model(model(g, [leaf, pair], domains={"own": 1}), [X])
        self.assertEqual(want, [[1.5, -2.5]])
        original = self.path("model.onnx")
        for edits in ([{"inline": [0]}], [{"inline": [0]}, {"inline": [6, 7]}, {"rename": True}]):
            self.assertEqual(self.run_model(edits, [X], original), want)


if __name__ == "__main__":
    sys.exit(unittest.main())
