#!/usr/bin/env python3
"""Failures of a real ONNX Runtime that depend on values, on sizes and on what stands beside the nodes (no build is fetched)."""
import json
import os
import struct
import unittest

from program import ProgramTest
from reduce_test import BUILDS, field, graph, node, varint

FLOAT, INT32, INT64, DOUBLE = 1, 6, 7, 11
LETTERS = {FLOAT: ("f", "<f4"), INT32: ("i", "<i4"), INT64: ("q", "<i8"), DOUBLE: ("d", "<f8")}


def attribute(name, value):
    kind = field(3, value) + field(20, 2) if isinstance(value, int) else b"".join(field(8, v) for v in value) + field(20, 7)
    return field(5, field(1, name) + kind)


def tensor(name, kind, shape, values):
    data = struct.pack("<%d%s" % (len(values), LETTERS[kind][0]), *values)
    return b"".join(field(1, d) for d in shape) + field(2, kind) + field(8, name) + field(9, data)


def value(name, kind, shape):
    dims = b"".join(field(1, field(2, d) if isinstance(d, str) else field(1, d)) for d in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))


def model(g, opset=13, ir=8):
    return field(1, ir) + field(7, g) + field(8, field(1, "") + field(2, opset))


def npy(kind, shape, values):
    head = repr({"descr": LETTERS[kind][1], "fortran_order": False, "shape": tuple(shape)}).encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + struct.pack("<%d%s" % (len(values), LETTERS[kind][0]), *values)


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
        version = next((v for v in ("1.22.0", "1.21.0") if os.path.isdir(os.path.join(BUILDS, v))), None)
        if not version:
            self.skipTest("neither onnxruntime@1.22.0 nor 1.21.0 is in the cache")
        os.makedirs(self.path("cache", "trapline", "builds"))
        os.symlink(BUILDS, self.path("cache", "trapline", "builds", "onnxruntime"))
        self.unit = "onnxruntime@%s:cpu" % version

    def reduce(self, nodes, inputs, last, tensors=(), opset=13, ir=8, arguments=(), fed=(), text=False):
        g = graph(nodes, [value(*i[:3]) for i in inputs], [value(*last)], tensors)
        path = self.write("model.onnx", model(g, opset, ir))
        for i in inputs:
            if len(i) > 3:
                shape = [len(i[3])] if len(i[2]) == 1 else i[4] if len(i) > 4 else i[2]
                arguments = [*arguments, "--inputs", "%s=%s" % (i[0], self.write(i[0] + ".npy", npy(i[1], shape, i[3])))]
        done = self.trapline("reduce", path, "-u", self.unit, *arguments, *([] if text else ["--json"]), status=1)
        found = done.stdout if text else json.loads(done.stdout)
        if not text and os.environ.get("SHOW"):
            print(self.trapline("report", found["finding"]).stdout.split("What is left")[1].split("##")[0], self.trapline("reduce", path, "-u", self.unit, *arguments).stdout)
            print(self.id(), {s["step"]: (s["trials"], s["invalid"]) for s in found["steps"]}, {s["step"]: round(s["elapsed_s"], 2) for s in found["steps"]}, found["trials"], found["kept_values"], found.get("structural_kept_values"), found["sizes"], found.get("structural_sizes"), found["versions"],
                  [n["operator"] for n in found["remaining"]], sep="\n  ")
        return found

    def kept(self, found, name):
        return next(v for v in found["kept_values"] if v["name"] == name)

    def data(self, found):
        """All bytes that are handed over."""
        out = b""
        for top, _, files in os.walk(found["directory"]):
            for f in files:
                with open(os.path.join(top, f), "rb") as opened:
                    out += opened.read()
        return out

    def test_one_divisor_of_4096(self):
        divisors = scattered(4096, 5, 3, 1000000)
        divisors[64 * 47 + 9] = 0
        found = self.reduce([node("Div", "x,w", "y")], [("x", INT32, [64, 64])], ("y", INT32, [64, 64]),
                            [tensor("w", INT32, [64, 64], divisors)])
        self.assertEqual(found["nodes"], [1, 1])
        self.assertEqual((found["owner_data"], found["kept_values"]), ([], []))

    def test_an_element_of_4096_that_has_to_be_a_certain_number(self):
        values = scattered(4096, 5, 9, 1000000)
        values[64 * 47 + 9] = 4096
        found = self.reduce([node("Size", "w", "n"), node("Sub", "w,n", "d"), node("Mul", "x,w", "u"), node("Div", "u,d", "y")], [("x", INT64, [64, 64])], ("y", INT64, [64, 64]),
                            [tensor("w", INT64, [64, 64], values)])

    def test_an_index_beyond_the_table(self):
        indices = scattered(4096, 7, 0, 50)
        indices[3011] = 517
        found = self.reduce([node("Gather", "table,i", "y")], [("i", INT64, [4096], indices)], ("y", FLOAT, [4096, 8]),
                            [tensor("table", FLOAT, [50, 8], [0.5 * i for i in range(400)])])

    def test_a_nan_that_one_weight_of_100000_makes(self):
        weights = [1.0 + i % 97 for i in range(100000)]
        weights[77123] = -2.5
        found = self.reduce([node("Sqrt", "w", "r"), node("Add", "r,x", "y")], [("x", FLOAT, [400, 250])], ("y", FLOAT, [400, 250]),
                            [tensor("w", FLOAT, [400, 250], weights)])

    def test_two_elements_of_two_tensors(self):
        a, b = scattered(4096, 11, 9, 1000000), scattered(4096, 13, 9, 1000000)
        a[2222], b[2222] = 1234, 4096 - 1234
        found = self.reduce([node("Size", "a", "n"), node("Add", "a,b", "s"), node("Sub", "s,n", "d"), node("Div", "x,d", "y")], [("x", INT64, [4096])], ("y", INT64, [4096]),
                            [tensor("a", INT64, [4096], a), tensor("b", INT64, [4096], b)])

    def test_a_size_from_which_on_it_fails(self):
        slice_ = node("Slice", "x", "t") + attribute("starts", [0]) + attribute("ends", [17])
        found = self.reduce([slice_, node("NonZero", "x", "i"), node("Gather", "t,i", "y")], [("x", FLOAT, ["batch"])], ("y", FLOAT, [1, "batch"]), opset=9, arguments=["-s", "batch=64"])

    def test_two_sizes_that_have_to_be_equal(self):
        found = self.reduce([node("Transpose", "x", "t"), node("Sub", "x,t", "s"), node("Div", "x,s", "y")], [("x", INT32, [24, 24], scattered(576, 3, 1, 99))], ("y", INT32, [24, 24]))

    def test_heads_of_a_hidden_size(self):
        for heads, size in ((4, 16), (8, 8)):
            shape = tensor("shape", INT64, [4], [1, 20, heads, size])
            found = self.reduce([node("Reshape", "x,shape", "h"), node("Sub", "h,h", "z"), node("Div", "h,z", "y")], [("x", INT32, [1, 20, 64])], ("y", INT32, [1, 20, heads, size]), [shape])


if __name__ == "__main__":
    unittest.main()
