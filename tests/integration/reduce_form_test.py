#!/usr/bin/env python3
"""Outputs of another form on the two sides of a reduction: another shape, another number of axes, another type, or another number of
them. On the runner of reduce_against_test.py, one device of which makes them so; of a real ONNX Runtime where its build is in the cache."""
import json
import sys
import unittest

from onnx_bytes import FLOAT, INT32, chain, graph, model, node, npy, tensor, value
import reduce_against_test as against
from program import ProgramTest

# The device "bad" hands on half of what a Short is given, tells of what a Typed makes as whole numbers, of a Flat without axes, and
# leaves out what a Gone makes. Whatever a model does whose file is named half, is of half floats.
RUNNER = against.RUNNER.replace("""        elif op == "Large":""", """        elif op == "Short":
            r = one[:len(one) // 2] if bad else list(one)
        elif op == "Large":""").replace("return [(n, values[n])", "return [(n, values[n], made.get(n))").replace(
    "(name, v) in", "(name, v, op) in").replace("    outputs.append(one)", """    bad = request["device"] == "bad"
    one["dtype"] = "float16" if os.path.basename(request["model"]).startswith("half") else "int32" if bad and op == "Typed" else "float32"
    if bad and op == "Flat":
        one["shape"] = [1, len(v)]
    if not (bad and op == "Gone"):
        outputs.append(one)""")


class Form(ProgramTest):
    reduce = against.Played.reduce

    def setUp(self):
        super().setUp()
        program = "#!%s -IS\nimport json, os, socket, sys\n" % sys.executable + RUNNER
        self.runner = self.write("played", program, 0o755)

    def test_forms_are_kinds_of_their_own(self):
        for op, kind, expected, got in (("Short", "shape", [4], [2]), ("Flat", "number of axes", [4], [1, 4]),
                                        ("Typed", "type", "float32", "int32"), ("Gone", "missing output", None, None)):
            whole = op == "Short"
            found = self.reduce(op + ".onnx", chain(["Relu", op, "Relu"] if whole else ["Relu", op]), *([] if whole else ["--first-difference"]))
            d = found["difference"]
            self.assertEqual((d["kind"], d["expected"], d["got"], d["error"], d["noise"]), (kind, expected, got, None, None))
            self.assertEqual([n["operator"] for n in d["region"]["nodes"]], [op])
            if whole:
                self.assertEqual(([n["operator"] for n in found["remaining"]], found["confirmed"]), ([op], True))
                report = self.trapline("report", found["finding"], status=0).stdout
                self.assertIn("(shape \\[2\\] where \\[4\\] is expected)", " ".join(report.split()))
        text = self.trapline("reduce", self.path("Short.onnx"), "-u", self.runner + ":bad", "--against", self.runner + ":good",
                             "--first-difference", status=1).stdout
        self.assertIn(": shape [2] where [4] is expected\n", text)
        self.assertNotIn("no difference", text)
        self.assertNotIn("noise", text)

    def test_numbers_are_not_reduced_to_a_shape(self):
        """The larger of two differences is meant, and what is left is of its kind."""
        x, y, z = value("x", FLOAT, [4]), value("y", FLOAT, [4]), value("z", FLOAT, [4])
        nodes = [node("Broken", "x", "a", "wrong"), node("Relu", "a", "y", "end"), node("Short", "x", "s", "short"), node("Relu", "s", "z", "other")]
        found = self.reduce("both.onnx", model(graph(nodes, [x], [y, z])), "--first-difference")
        self.assertEqual((found["difference"]["kind"], found["difference"]["output"]), ("shape", "z"))
        self.assertEqual([n["operator"] for n in found["difference"]["region"]["nodes"]], ["Short"])

    def test_types_of_two_models_say_nothing(self):
        path = self.write("half.onnx", chain(["Relu", "Relu", "Relu"]))
        said = self.reduce("full.onnx", chain(["Relu", "Relu"]), device="good", against=path, status=2)
        self.assertIn("the output", said)
        self.assertNotIn("no difference", said)

    def test_an_empty_output_in_the_place_of_three_rows(self):
        """GatherToSliceFusion makes a Slice of negative indices, which is empty. Each build does so up to now."""
        unit = self.real_unit("1.22.0")
        weights = [tensor("s", INT32, [], [-2]), tensor("d", INT32, [], [1])]
        nodes = [node("Relu", "x", "r"), node("Range", "s,e,d", "i"), node("Gather", "r,i", "g", axis=1), node("Tanh", "g", "t")]
        path = self.write("rows.onnx", model(graph(nodes, [value("x", FLOAT, [2, 8]), value("e", INT32, [])], [value("t", FLOAT)], weights)))
        self.write("e.npy", npy(INT32, [], [1]))
        done = self.trapline("reduce", path, "-u", unit, "--inputs", "e=" + self.path("e.npy"), "--json", "--against",
                             "same,optimization=0", status=1)
        found = json.loads(done.stdout)
        d = found["difference"]
        self.assertEqual((d["kind"], d["expected"], d["got"]), ("shape", [2, 3], [2, 0]))
        self.assertEqual([n["operator"] for n in found["remaining"]], ["Range", "Gather"])
        self.assertEqual(found["optimiser"]["names"], ["GatherToSliceFusion"])


if __name__ == "__main__":
    unittest.main()
