#!/usr/bin/env python3
"""Failures of a real ONNX Runtime that depend on values, on sizes and on what stands beside the nodes (no build is fetched)."""
import json
import os
import struct
import unittest

from onnx_bytes import DOUBLE, FLOAT, INT32, INT64, field, graph, model, node, npy, opset_import, real, tensor, value
from program import ProgramTest

def scattered(n, seed, least, most):
    """Whole numbers that look like data."""
    out = []
    for i in range(n):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2 ** 64
        out.append(least + (seed >> 33) % (most - least))
    return out


class Values(ProgramTest):
    def setUp(self):
        super().setUp()
        self.unit = self.real_unit("1.22.0", "1.21.0")

    def reduce(self, nodes, inputs, output, tensors=(), opset=13, more=b"", arguments=()):
        g = graph(nodes, [value(*i[:3]) for i in inputs], [value(*output)], tensors)
        path = self.write("model.onnx", model(g, opset=opset) + more)
        for name, kind, shape, *values in inputs:
            if values:
                file = self.write(name + ".npy", npy(kind, shape, values[0]))
                arguments = [*arguments, "--inputs", "%s=%s" % (name, file)]
        done = self.trapline("reduce", path, "-u", self.unit, "--json", *arguments, status=1)
        found = json.loads(done.stdout)
        self.assertTrue(found["confirmed"])
        return found

    def trials(self, found, *steps):
        return sum(s["trials"] for s in found["steps"] if s["step"] in steps)

    def handed_over(self, found):
        """The models and their inputs, by name."""
        files = {}
        for top, _, names in os.walk(found["directory"]):
            for name in names:
                if name.endswith((".onnx", ".npy", ".data")):
                    with open(os.path.join(top, name), "rb") as opened:
                        files[os.path.relpath(os.path.join(top, name), found["directory"])] = opened.read()
        return files

    def assert_nothing_left(self, found, tensors):
        """Of these tensors no 16 bytes in a row are in what is handed over."""
        files = self.handed_over(found)
        self.assertIn("model.onnx", files)
        for t in tensors:
            data = t[-16 * (len(t) // 32):]
            windows = {data[i:i + 16] for i in range(len(data) - 15)} - {bytes(16)}
            for name, content in files.items():
                held = {content[i:i + 16] for i in range(len(content) - 15)}
                self.assertFalse(held & windows, name)

    def one_kept(self, list_, name):
        kept = [v for v in list_ if v["name"] == name]
        self.assertEqual([(v["kept"], v["minimal"]) for v in kept], [(1, True)])
        return kept[0]

    def test_an_index_beyond_the_table(self):
        indices = scattered(4096, 7, 0, 50)
        indices[3011] = 517
        table = tensor("table", FLOAT, [50, 8], [0.37 * i for i in range(400)])
        found = self.reduce([node("Gather", "table,i", "y")], [("i", INT64, [4096], indices)], ("y", FLOAT, [4096, 8]), [table])
        self.assertEqual((found["outcome"], found["owner_data"], found["recorded_inputs"]), ("error", [], []))
        kept = self.one_kept(found["kept_values"], "i")
        self.assertEqual((kept["elements"], kept["owner"], kept["values"]), (4096, False, [1])) # beyond a table of one row
        self.assertEqual([(s["size"], s["to"]) for s in found["sizes"]], [(4096, 1), (50, 1), (8, 1)])
        self.assertLessEqual(self.trials(found, "values", "elements", "sizes", "small values"), 35)
        self.assert_nothing_left(found, [table, struct.pack("<4096q", *indices)])
        content = self.handed_over(found)["model.onnx"]
        for name in (b"table", b"n1"): # the old one, and the new one although the message says it
            self.assertEqual(name in content, name == b"n1")

    def test_an_index_so_far_outside_that_memory_ends(self):
        # What is far from where the memory of one process ends is so for others, too: no number at that edge is an answer.
        tensors = [tensor("rois", FLOAT, [1, 4], [0, 0, 2.5, 3.25]), tensor("which", INT64, [1], [7654321])]
        roi = node("RoiAlign", "r,rois,which", "y", output_height=2, output_width=2)
        found = self.reduce([node("Relu", "x", "r"), roi], [("x", FLOAT, [1, 2, 8, 8])], ("y", FLOAT, [1, 2, 2, 2]), tensors, opset=16)
        self.assertEqual((found["signal"], found["nodes"], found["rate"][0]), ("SIGSEGV", [2, 1], found["rate"][1]))
        kept = {k["name"]: k for k in found["kept_values"]}
        self.assertIn(kept["which"]["values"], ([10 ** i] for i in range(6, 8)))
        self.assertFalse(any(k["owner"] for k in kept.values() if set(k["values"]) <= {0, 1, 10 ** 6, 10 ** 7}), kept)
        self.assertNotIn("which", found["owner_data"])
        self.assertFalse([s for s in found["sizes"] if s["below"]], found["sizes"])
        report = self.trapline("report", found["finding"], status=0).stdout.replace("\n", " ")
        self.assertRegex(report, r"1 element of `which` \(v\d\) matters, with a value that is not the original's")

    def test_a_nan_that_one_weight_of_100000_makes(self):
        weights = [1.0 + i % 97 for i in range(100000)]
        weights[77123] = -2.5
        w = tensor("w", DOUBLE, [400, 250], weights)
        found = self.reduce([node("Sqrt", "w", "r"), node("Add", "r,x", "y")], [("x", DOUBLE, [400, 250])], ("y", DOUBLE, [400, 250]), [w])
        self.assertEqual((found["outcome"], found["nodes"], found["owner_data"]), ("wrong", [2, 1], []))
        kept = self.one_kept(found["kept_values"], "w")
        self.assertEqual((kept["elements"], kept["values"]), (100000, [-1.0]))
        self.assertLessEqual(self.trials(found, "elements"), 24)
        content = self.handed_over(found)["model.onnx"]
        self.assertIn(field(2, FLOAT), content)
        self.assertLess(len(content), 200)
        self.assertEqual(found["versions"]["opset"]["oldest"], 7)
        self.assertGreater(found["versions"]["opset"]["newest"], 13)
        self.assertLessEqual(found["versions"]["ir"]["oldest"], 4)

    def test_an_element_of_4096_that_has_to_be_a_certain_number(self):
        values = scattered(4096, 5, 9, 1000000)
        values[64 * 47 + 9] = 4096
        nodes = [node("Size", "w", "n"), node("Sub", "w,n", "d"), node("Mul", "x,w", "u"), node("Div", "u,d", "y")]
        w = tensor("w", INT64, [64, 64], values)
        found = self.reduce(nodes, [("x", INT64, [64, 64], scattered(4096, 3, 1, 99))], ("y", INT64, [64, 64]), [w])
        self.assertEqual((found["owner_data"], found["structural_owner_data"]), ([], ["w"]))
        kept = self.one_kept(found["structural_kept_values"], "w")
        self.assertEqual((kept["owner"], kept["places"], kept["values"], kept["others"]), (True, [[47, 9]], [4096], "zeros"))
        self.assertLessEqual(self.trials(found, "elements"), 20)
        self.assert_nothing_left(found, [w])
        report = self.trapline("report", found["finding"], status=0).stdout
        self.assertIn("1 of 4,096 elements of `w` (v2) keeps its value: \\[47, 9\\] = 4096; the others are zeros", " ".join(report.split("\n")).replace("  ", " "))

    def test_what_another_build_says_of_the_model_it_says_of_what_is_left(self):
        """The least number by -1 dies on both builds. By zero it dies here as well, and the newer build refuses that."""
        newer = "onnxruntime@1.30.0:cpu"
        self.need_builds("1.30.0")
        values = scattered(64, 3, 1, 1000)
        values[41] = -2 ** 63
        found = self.reduce([node("Relu", "x", "r"), node("Cast", "r", "c", to=INT64), node("Sub", "i,c", "n"), node("Div", "n,d", "y")],
                            [("x", FLOAT, [64], [-1.0] * 64), ("i", INT64, [64], values)], ("y", INT64, [64]), [tensor("d", INT64, [1], [-1])])
        self.assertEqual((found["signal"], found["nodes"]), ("SIGFPE", [4, 1]))
        self.assertEqual({s["with"] for s in found["steps"] if s["step"] == "newest build"}, {newer})
        self.assertIn([-2 ** 63], [k["values"] for k in found["kept_values"]])
        there = json.loads(self.trapline("run", found["case_file"], "-u", newer, "--json", status=1).stdout)["trials"]
        self.assertEqual({(t["outcome"], t["signal"]) for t in there}, {("crash", "SIGFPE")})

    def test_what_another_build_dies_of_later_is_another_failure(self):
        """The newer build takes nothing to be normalised, and dies of the least number by -1 after it, of the same signal."""
        newer = "onnxruntime@1.30.0:cpu"
        self.need_builds("1.30.0")
        nodes = [node("Slice", "x,first,first,axis", "e"), node("LpNormalization", "e", "l", axis=1), node("ReduceSum", "l", "s", keepdims=0), node("Cast", "s", "c", to=INT64),
                 node("Add", "i,c", "n"), node("Div", "n,d", "y")]
        found = self.reduce(nodes, [("x", FLOAT, [1, 4, 2]), ("i", INT64, [4], [5, -2 ** 63, 7, 9])], ("y", INT64, [4]),
                            [tensor("d", INT64, [1], [-1]), tensor("first", INT64, [1], [0]), tensor("axis", INT64, [1], [1])])
        self.assertEqual(([n["operator"] for n in found["remaining"]], found["signal"], found["minimal"]), (["LpNormalization"], "SIGFPE", True))
        self.assertEqual(found["newest_build"], {"unit": newer, "fails": False, "followed": False})
        self.trapline("run", found["case_file"], "-u", newer, status=0)

    def test_what_passes_with_another_build_is_left_passing_there(self):
        """It takes the least number by -1 there. Zero by zero it refuses, which is no more a pass than to die of it."""
        self.need_builds("1.18.0", "1.30.0")
        self.unit = "onnxruntime@1.18.0:cpu"
        values = [3, -2 ** 31, 5, 7]
        found = self.reduce([node("Relu", "x", "r"), node("Cast", "r", "c", to=INT32), node("Sub", "i,c", "n"), node("Div", "n,d", "y")],
                            [("x", FLOAT, [4], [-1.0] * 4), ("i", INT32, [4], values)], ("y", INT32, [4]), [tensor("d", INT32, [4], [-1] * 4)])
        self.assertEqual((found["signal"], found["nodes"], found["newest_build"]["fails"]), ("SIGFPE", [4, 1], False))
        self.assertIn([-2 ** 31], [k["values"] for k in found["kept_values"]])
        self.trapline("run", found["case_file"], "-u", "onnxruntime@1.30.0:cpu", status=0)

    def test_two_elements_of_two_tensors(self):
        a, b = scattered(4096, 11, 9, 1000000), scattered(4096, 13, 9, 1000000)
        a[2222], b[2222] = 1234, 4096 - 1234
        nodes = [node("Size", "a", "n"), node("Add", "a,b", "s"), node("Sub", "s,n", "d"), node("Div", "x,d", "y")]
        tensors = [tensor("a", INT64, [4096], a), tensor("b", INT64, [4096], b), tensor("spare", INT64, [4096], scattered(4096, 17, 9, 1000000))]
        found = self.reduce(nodes, [("x", INT64, [4096], scattered(4096, 3, 1, 99))], ("y", INT64, [4096]), tensors)
        for name, number in (("a", 1234), ("b", 2862)):
            kept = self.one_kept(found["structural_kept_values"], name)
            self.assertEqual((kept["places"], kept["values"]), ([[2222]], [number]))
        self.assertLessEqual(self.trials(found, "elements"), 32)
        self.assert_nothing_left(found, tensors)

    def test_sizes_from_which_on_it_fails(self):
        nodes = [node("Slice", "x", "t", starts=[0], ends=[17]), node("NonZero", "x", "i"), node("Gather", "t,i", "y")]
        found = self.reduce(nodes, [("x", FLOAT, ["batch"])], ("y", FLOAT, [1, "batch"]), opset=9, arguments=["-s", "batch=64"])
        self.assertEqual(found["structural_sizes"], [{"size": 64, "to": 18, "below": "passes"}])
        self.assertEqual(found["structural_owner_data"], [])
        self.assertIn("a size of 64 became 18; with 17 it passes", self.trapline("report", found["finding"], status=0).stdout.replace("\n", " "))

    def test_sizes_that_belong_together(self):
        # One that is twice an axis, and heads of a hidden size.
        for shape, inputs, between in (
                ([24, 24], [], [node("Transpose", "x", "t"), node("Sub", "x,t", "z"), node("Div", "x,z", "y")]),
                ([1, 20, 64], [1, 20, 4, 16], None), ([1, 20, 64], [1, 20, 8, 8], None)):
            between = between or [node("Reshape", "x,shape", "h"), node("Sub", "h,h", "z"), node("Div", "h,z", "y")]
            count = shape[0] * shape[1] * (shape[2] if inputs else 1)
            found = self.reduce(between, [("x", INT32, shape, scattered(count, 3, 1, 99))], ("y", INT32, inputs or shape), [tensor("shape", INT64, [len(inputs)], inputs)] if inputs else [])
            self.assertTrue(found["structural_sizes"] and all(s["to"] == 1 for s in found["structural_sizes"]), found["structural_sizes"])
            # A shape whose numbers were changed is none of the original's values any more.
            self.assertEqual([w for w in (found["structural_graph"] or found["graph"])["weights"] if w.get("owner")], [])

    def test_types_in_the_picture_are_those_of_what_is_left(self):
        nodes = [node("Mul", "x,zero", "m"), node("Cast", "m", "c", to=INT64), node("Div", "one,c", "y")]
        found = self.reduce(nodes, [("x", FLOAT, [4], [1.0, 2.0, 3.0, 4.0])], ("y", INT64, [4]),
                            [tensor("zero", FLOAT, [1], [0.0]), tensor("one", INT64, [1], [7])])
        made = {n["operator"]: found["structural_graph"]["values"][n["outputs"][0]]["type"] for n in found["structural_graph"]["nodes"]}
        self.assertEqual(made, {"Mul": "float32", "Cast": "int32", "Div": "int32"})

    def test_numbers_of_an_attribute(self):
        numbers = [0.125 * i - 60 for i in range(1000)]
        numbers[333], numbers[777] = 3e38, 2.9e38
        linear = node("LinearRegressor", "x", "y", domain="ai.onnx.ml", coefficients=numbers, targets=1)
        found = self.reduce([linear], [("x", FLOAT, [1, 1000], [2.0] * 1000)], ("y", FLOAT, [1, 1]), more=field(8, opset_import("ai.onnx.ml", 1)))
        self.assertEqual(found["owner_data"], [])
        kept = found["kept_values"]
        self.assertEqual([(k["name"], k["kind"], k["owner"], k["minimal"]) for k in kept], [("coefficients of y", "attribute", False, True)])
        self.assertLess(kept[0]["kept"], 4)
        self.assert_nothing_left(found, [b"".join(real(7, v) for v in numbers)])

    def test_what_stands_beside_a_node(self):
        weights = [0.25 + (i * 37 % 101) / 7 for i in range(4 * 3 * 25)]
        weights[111] = float("nan")
        tensors = [tensor("w", FLOAT, [4, 3, 5, 5], weights), tensor("b", FLOAT, [4], [0.1, 0.2, 0.3, 0.4]), tensor("spare", FLOAT, [9], [1.1] * 9)]
        conv = node("Conv", "x,w,b", "y", "layers.3.conv", strides=[2, 2], pads=[2, 2, 2, 2], dilations=[1, 1], group=1,
                    kernel_shape=[5, 5]) + field(6, "what is written of it")
        more = field(2, "a producer") + field(8, opset_import("com.example.unused", 1)) + field(14, field(1, "author") + field(2, "somebody"))
        found = self.reduce([conv], [("x", FLOAT, [1, 3, 32, 32])], ("y", FLOAT, [1, 4, 16, 16]), tensors, more=more)
        self.assertEqual((found["nodes"], found["owner_data"]), ([1, 1], []))
        content = self.handed_over(found)["model.onnx"]
        for words in (b"strides", b"pads", b"dilations", b"group", b"kernel_shape", b"spare", b"written", b"producer", b"com.example.unused", b"somebody", b"layers"):
            self.assertNotIn(words, content)
        self.assert_nothing_left(found, tensors)
        self.assertTrue(all(s["to"] == 1 for s in found["sizes"]), found["sizes"])
        self.assertLess(len(content), 220)


if __name__ == "__main__":
    unittest.main()
