#!/usr/bin/env python3
"""Weights that lie in a file beside the model: whether the failure hangs on that, and where they lie in what is handed over."""
import json
import os
import struct
import unittest

from onnx_bytes import FLOAT, INT64, graph, model, node, outside, value
from program import ProgramTest


class InFiles(ProgramTest):
    def reduced(self, nodes, tensors, data):
        unit = self.real_unit("1.22.0", "1.21.0")
        path = self.write("model.onnx", model(graph(nodes, [value("x", FLOAT, [2, 4])], [value("y", None, None)], tensors)))
        self.write("w.bin", data)
        done = self.trapline("reduce", path, "-u", unit, "--json", "-o", self.path("out"), status=1)
        found = json.loads(done.stdout)
        self.assertEqual((found["minimal"], found["owner_data"]), (True, []))
        return found

    def test_a_failure_that_hangs_on_where_a_tensor_lies(self):
        """The runtime does not read the shape from another file, whatever it is; in the model's own file it takes it."""
        found = self.reduced([node("Add", "x,w", "a"), node("Reshape", "a,shape", "y")],
                             [outside("w", FLOAT, [2, 4], location="w.bin", offset=0, length=32),
                              outside("shape", INT64, [2], location="w.bin", offset=32, length=16)], struct.pack("<8f2q", *range(8), 8, 1))
        self.assertEqual([n["operator"] for n in found["remaining"]], ["Reshape"])
        self.assertEqual([(w["name"], w["called"]) for w in found["in_files"]], [("shape", "v2")])
        self.assertEqual((found["neighbour"]["differs"], found["neighbour"]["with"]), ("files", "its weights in its own file"))
        weight, = found["graph"]["weights"]
        self.assertEqual(weight["filled"], "zeros")
        self.assertTrue(os.path.isfile(self.path("out", weight["file"])))
        report = self.trapline("report", found["finding"], status=0).stdout.replace("\n", " ")
        self.assertIn("hangs on `shape` (v2) lying in a file beside the model", report)
        with open(self.path("out", "graph.svg"), encoding="utf-8") as f:
            self.assertIn("zeros, in " + weight["file"], f.read())


if __name__ == "__main__":
    unittest.main()
