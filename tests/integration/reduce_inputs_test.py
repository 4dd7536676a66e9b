#!/usr/bin/env python3
"""Inputs that are given to a reduction, and are not what the model declares: whose mistake that is, is said before anything is run. A
command that fails with any model judges here, as nothing of this hangs on a runtime."""
import json
import unittest

from onnx_bytes import FLOAT, INT64, STRING, graph, model, node, npy, value
from program import ProgramTest


class Inputs(ProgramTest):
    def setUp(self):
        super().setUp()
        self.fails = self.write("fails.py", "import sys\nsys.exit('never')\n")
        ids, mask = value("ids", INT64, ["batch", 4]), value("mask", FLOAT, ["batch"])
        cast, add = node("Cast", "ids", "f", to=FLOAT), node("Add", "f,mask", "y")
        self.model = self.write("model.onnx", model(graph([cast, add], [ids, mask], [value("y", FLOAT)])))
        for name, kind, shape in (("right", INT64, [3, 4]), ("float", FLOAT, [3, 4]), ("long", INT64, [3, 5]), ("flat", INT64, [4])):
            self.write(name + ".npy", npy(kind, shape, [1] * (shape[0] * shape[-1] if len(shape) > 1 else 4)))
        self.write("five.npy", npy(FLOAT, [5], [1] * 5))

    def reduce(self, *arguments, status=2, what=None, judge=("{model}",)):
        done = self.trapline("reduce", what or self.model, *arguments, "--", "/usr/bin/env", "python3", self.fails, *judge, status=status)
        self.assertNotIn("original", done.stderr if status == 2 else "")
        return done

    def test_what_the_model_does_not_declare_is_refused(self):
        declared = "the input ids of the model is int64[batch,4], and the file holds "
        for file, holds in (("float", "float32[3,4]"), ("long", "int64[3,5]"), ("flat", "int64[4]")):
            said = self.reduce("--inputs", "ids=" + self.path(file + ".npy")).stderr
            self.assertIn(declared + holds, said)
            self.assertIn(file + ".npy", said)
        twice = self.reduce("--inputs", "ids=" + self.path("right.npy"), "--inputs", self.path("five.npy"), "--inputs", "mask=" + self.path("five.npy"))
        self.assertIn("the input mask of the model is given twice", twice.stderr)
        self.assertIn("its extent batch is 3, and batch=2 is set", self.reduce("--inputs", "ids=" + self.path("right.npy"), "-s", "batch=2").stderr)
        for wrong in ("x", "-1"):
            self.assertIn("batch=N was expected", self.reduce("-s", "batch=" + wrong).stderr)
        texts = self.write("texts.onnx", model(graph([node("Identity", "t", "y")], [value("t", STRING, ["n"])], [value("y", STRING)])))
        self.assertIn("is string[n], and the file holds float32[5]", self.reduce("--inputs", self.path("five.npy"), what=texts).stderr)

    def test_so_is_what_a_case_gives(self):
        for given, says in (({"dtype": "float32", "shape": [2, 4]}, "what is given is float32[2,4]"), ({"dtype": "int64", "shape": ["{n}", 5]}, "what is given is int64[7,5]")):
            case = {"trapline": 1, "name": "fed", "model": {"file": "model.onnx"}, "axes": [{"name": "n", "choices": [7]}],
                    "inputs": [dict(given, name="ids", fill={"constant": 0})]}
            said = self.reduce(what=self.write("case.json", json.dumps(case))).stderr
            self.assertIn("the input ids of the model is int64[batch,4], and " + says, said)

    def test_symbolic_extents_are_those_of_the_file(self):
        """And what is made for the other inputs has them, too. A shape that is not declared may be any."""
        seen = self.path("seen.json")
        self.write("fails.py", "import json, sys\ninputs = json.load(open(sys.argv[1]))\nprint(json.dumps(inputs), file=open(%r, 'w'))\nsys.exit('never')\n" % seen)

        def shapes():
            with open(seen, encoding="utf-8") as f:
                return {x["name"]: x["shape"] for x in json.load(f)}

        inputs = ("{inputs}", "{model}")
        self.reduce("--inputs", "ids=" + self.path("right.npy"), "--max-trials", "1", judge=inputs, status=None)
        self.assertEqual(shapes(), {"ids": [3, 4], "mask": [3]})
        both = self.reduce("--inputs", "ids=" + self.path("right.npy"), "--inputs", "mask=" + self.path("five.npy"), "--max-trials", "1", judge=inputs, status=None)
        self.assertIn("warning: inputs have different extents where the model has one name, batch", both.stderr)
        self.assertEqual(shapes(), {"ids": [3, 4], "mask": [5]})
        untold = self.write("untold.onnx", model(graph([node("Relu", "x", "y")], [value("x", FLOAT)], [value("y", FLOAT)])))
        self.reduce("--inputs", self.path("five.npy"), "--max-trials", "1", what=untold, judge=inputs, status=None)
        self.assertEqual(shapes(), {"x": [5]})


if __name__ == "__main__":
    unittest.main()
