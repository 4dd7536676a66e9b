#!/usr/bin/env python3
"""What is left of a model is the least, and the same command comes to it each time: reduced once more it comes to the same nodes,
and what hangs on time goes by what trials took when they ran."""
import json
import sqlite3
import sys
import unittest

from onnx_bytes import FLOAT, INT64, chain, graph, model, node, npy, tensor, value
from program import ProgramTest
from reduce_test import RUNNER


def without_names_of_runs(document):
    """A document without what is another one in each run: ids, paths, and what was known."""
    if isinstance(document, dict):
        own = ("elapsed_s", "trial", "cached", "finding", "speculated", "wasted")
        return {k: without_names_of_runs(v) for k, v in document.items() if k not in own}
    return [without_names_of_runs(v) for v in document] if isinstance(document, list) else document


class TheSameCommand(ProgramTest):
    def test_a_second_time_it_says_the_same(self):
        unit = self.write("played", "#!%s -IS\nimport json, os, socket, sys, time\n" % sys.executable + RUNNER, 0o755) + ":cpu"
        path = self.write("two.onnx", chain(["Relu", "Left", "Relu", "Right"]))
        def reduced():
            return json.loads(self.trapline("reduce", path, "-u", unit, "--json", status=1).stdout)
        first, second = reduced(), reduced()
        self.assertGreater(second["cached"], first["cached"])
        self.assertIsNotNone(first["versions"]["opset"]["newest"])
        self.assertEqual(without_names_of_runs(first), without_names_of_runs(second))
        # Where each of them had taken long, it would have said less, and does so now.
        with sqlite3.connect(self.db) as db:
            db.execute("UPDATE trial SET wall_s = 5.5")
        slow = reduced()
        self.assertEqual({k: v["newest"] for k, v in slow["versions"].items()}, {"opset": None, "ir": None})


class TheLeast(ProgramTest):
    def test_what_is_left_comes_to_the_same_nodes_when_it_is_reduced(self):
        """Behind a table of one row an index needs nothing added to it, and one row has no use for being turned round."""
        unit = self.real_unit("1.22.0", "1.21.0")
        nodes = [node("Add", "i,off", "far"), node("Transpose", "table", "t", perm=[1, 0]), node("Gather", "t,far", "y")]
        path = self.write("model.onnx", model(graph(nodes, [value("i", INT64, [2]), value("table", FLOAT, [4, 9])], [value("y", FLOAT, [2, 4])],
                                                    [tensor("off", INT64, [1], [50])])))
        self.write("i.npy", npy(INT64, [2], [3, 5]))
        def reduced(path, index):
            done = self.trapline("reduce", path, "-u", unit, "--json", "--inputs", index, status=1)
            return json.loads(done.stdout)
        found = reduced(path, "i=" + self.path("i.npy"))
        self.assertEqual(([n["operator"] for n in found["remaining"]], found["minimal"], found["structural_minimal"]), (["Gather"], True, True))
        self.assertEqual(found["structural_nodes"], 1)


if __name__ == "__main__":
    unittest.main()
