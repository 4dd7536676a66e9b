#!/usr/bin/env python3
"""Differences that are reduced: on a runner of the test's own, which computes what stands in the model, on one of its devices
rightly and on the other one not; and on a real ONNX Runtime where its builds are in the cache (none is fetched)."""
import inspect
import json
import os
import struct
import sys
import unittest

from onnx_bytes import FLOAT, INT64, chain, fields, graph, model, node, npy, tensor, value, vector
from program import ProgramTest

# What it computes is told by the operators. The device "bad" doubles in Broken, makes NaN in Root and an infinity in Huge, is off
# by a rounding in Rough and by more in Slight; Stale and Rests read what lies in memory on both; and adds one where a Second reads what a First made that nobody else is handed.
RUNNER = inspect.getsource(fields) + '''
import hashlib, math, struct
def load(path):
    data = open(path, "rb").read()
    at = 10 + struct.unpack("<H", data[8:10])[0]
    return list(struct.unpack("<%df" % ((len(data) - at) // 4), data[at:]))
def fed(x):
    if "npy" in x:
        return load(x["npy"])
    n = math.prod(x["shape"])
    if "constant" in x["fill"]:
        return [float(x["fill"]["constant"])] * n
    return [0.25 + ((i * 7 + x["fill"]["random"]) % 5) / 8 for i in range(n)]
def near(v):
    return struct.unpack("<f", struct.pack("<f", v))[0]
def compute(path, inputs, bad, fuse):
    parts = [v for k, v in fields(open(path, "rb").read()) if k == 7][0]
    nodes, outputs, values = [], [], dict(inputs)
    for key, v in fields(parts):
        if key == 1:
            n = {k: [] for k in (1, 2, 4)}
            for k, t in fields(v):
                n.setdefault(k, []).append(t.decode() if k in (1, 2, 4) else t)
            nodes.append((n[4][0], n[1], n[2][0]))
        elif key == 5:
            t = dict(fields(v))
            values[t[8].decode()] = list(struct.unpack("<%df" % (len(t[9]) // 4), t[9]))
        elif key == 12:
            outputs.append(dict(fields(v))[1].decode())
    made = {}
    for op, names, out in nodes:
        x = [values[n] for n in names]
        one = x[0]
        if op == "Add":
            r = [a + b for a, b in zip(one, x[1])]
        elif op == "Scale":
            r = [a * b for a, b in zip(one, x[1])]
        elif op == "Broken":
            r = [a * (2 if bad else 1) for a in one]
        elif op == "Root":
            r = [math.nan if bad else abs(a) for a in one]
        elif op == "Huge":
            r = [math.inf if bad else a for a in one]
        elif op == "Rough":
            r = [a * (1 + 5e-6 if bad else 1) for a in one]
        elif op == "Dies" and bad:
            os.abort()
        elif op in ("Stale", "Rests"):
            sees = (None, "255") if op == "Stale" else (None,)
            r = [math.nan if os.environ.get("MALLOC_PERTURB_") in sees else a for a in one]
        elif op == "Slight":
            r = [a * (1.02 if bad else 1) for a in one]
        elif op == "Steep":
            r = [(a - 0.5) * 1e4 for a in one]
        elif op == "Second":
            fused = bad and fuse and made.get(names[0]) == "First" and names[0] not in outputs
            r = [a + (1 if fused else 0) for a in one]
        elif op == "Large":
            r = [a * (2 if bad and a > 10 else 1) for a in one]
        else:
            r = list(one)
        values[out], made[out] = [near(a) for a in r], op
    return [(n, values[n]) for n in outputs]
channel = socket.socket(fileno=3)
def say(o):
    channel.sendall(json.dumps(o).encode() + b"\\n")
request = json.loads(channel.makefile().readline())
if "describe" in request:
    say({"name": "played", "version": "1", "devices": [{"name": n, "usable": True} for n in ("good", "bad")], "axes": ["optimization"]})
    sys.exit(0)
say({"phase": "load"})
inputs = [(x["name"], fed(x)) for x in json.load(open(request["inputs"]))]
say({"phase": "execute"})
level = request["variant"].get("optimization", 99)
outputs = []
for i, (name, v) in enumerate(compute(request["model"], inputs, request["device"] == "bad", level > 0)):
    data = struct.pack("<%df" % len(v), *v)
    one = {"name": name, "dtype": "float32", "shape": [len(v)], "hash": hashlib.sha256(data).hexdigest(), "finite": all(map(math.isfinite, v))}
    if "outputs" in request:
        one["npy"] = "%d.npy" % i
        head = repr({"descr": "<f4", "fortran_order": False, "shape": (len(v),)}).encode()
        head += b" " * (-(len(head) + 11) % 64) + b"\\n"
        with open(os.path.join(request["outputs"], one["npy"]), "wb") as f:
            f.write(b"\\x93NUMPY\\1\\0" + struct.pack("<H", len(head)) + head + data)
    outputs.append(one)
say({"result": {"outputs": outputs}})
'''


class Played(ProgramTest):
    def setUp(self):
        super().setUp()
        program = "#!%s -IS\nimport json, os, socket, sys\n" % sys.executable + RUNNER
        self.runner = self.write("played", program, 0o755)

    def reduce(self, name, content, *arguments, device="bad", against=None, status=1):
        path = self.write(name, content)
        done = self.trapline("reduce", path, "-u", self.runner + ":" + device, "--json", "--against",
                             against or self.runner + ":good", *arguments, status=status)
        return json.loads(done.stdout) if status < 2 else done.stderr

    def test_where_it_begins_and_what_is_left(self):
        operators = ["Relu"] * 14
        operators[9] = "Broken"
        found = self.reduce("one.onnx", chain(operators))
        d = found["difference"]
        self.assertEqual((found["outcome"], d["kind"], d["output"]), ("wrong", "numbers", "t13"))
        self.assertAlmostEqual(d["error"], 1, places=5)
        self.assertEqual((d["region"]["from"], d["region"]["to"]), (["t8"], "t9"))
        self.assertTrue(d["region"]["accused"])
        self.assertEqual([n["operator"] for n in d["region"]["nodes"]], ["Broken"])
        for row in d["table"]:
            self.assertEqual(row["is"], "differs" if int(row["value"][1:]) >= 9 else "equal")
        self.assertLessEqual(len(d["table"]), 6)
        self.assertEqual(found["nodes"], [14, 1])
        self.assertEqual(found["remaining"][0]["original"], "layers.9.broken")
        self.assertTrue(found["minimal"] and found["confirmed"])
        self.assertEqual(found["owner_data"], [])
        report = self.trapline("report", found["finding"], status=0).stdout
        self.assertIn("It begins between `t8` and `t9`, in `Broken`.", report)
        again = self.reduce("one.onnx", chain(operators))
        self.assertEqual((again["trials"] - again["cached"], again["difference"]), (2, d)) # values are recorded once more

    def test_a_fusion_is_cured_by_looking_at_what_is_inside(self):
        operators = ["Relu"] * 12
        operators[6:8] = ["First", "Second"]
        found = self.reduce("fused.onnx", chain(operators), "--first-difference", against="same,optimization=0")
        region = found["difference"]["region"]
        self.assertEqual((region["from"], region["to"], region["cured_by"]), (["t5"], "t7", ["t6"]))
        self.assertTrue(region["accused"])
        self.assertEqual([n["node"] for n in region["nodes"]], ["layers.6.first", "layers.7.second"])
        text = self.trapline("reduce", self.path("fused.onnx"), "-u", self.runner + ":bad", "--first-difference", status=1).stdout
        self.assertIn("the failure goes away when t6 is looked at", text)

    def test_the_same_fusion_in_two_branches(self):
        """Looking into the one leaves the other one's failure at the end: what is equal was seen in another run than what differs."""
        nodes = []
        for side in "ab":
            for i, op in enumerate(("Relu", "First", "Second")):
                nodes.append(node(op, side + str(i - 1) if i else "x", side + str(i), "%s.%s" % (side, op.lower())))
        nodes.append(node("Add", "a2,b2", "y", "join"))
        found = self.reduce("twice.onnx", model(graph(nodes, [value("x", FLOAT, [4])], [value("y", FLOAT, [4])])))
        region = found["difference"]["region"]
        self.assertEqual((region["from"], region["to"], region["cured_by"]), (["b0"], "b2", ["b1"]))
        self.assertTrue(region["accused"])
        self.assertIn({"value": "b1", "operator": "First", "node": "b.first", "is": "cured"}, found["difference"]["table"])
        self.assertEqual((found["nodes"], found["minimal"]), ([7, 2], True))

    def test_branches_that_join(self):
        """The order has all of one branch before the other: behind the place what is looked at may be equal again."""
        left, right = [], []
        for i in range(8):
            left.append(node("Broken" if i == 3 else "Relu", "x" if not i else "l%d" % (i - 1), "l%d" % i, "left.%d" % i))
            right.append(node("Relu", "x" if not i else "r%d" % (i - 1), "r%d" % i, "right.%d" % i))
        for first, second in ((left, right), (right, left)):
            nodes = first + second + [node("Add", "l7,r7", "y", "join"), node("Relu", "y", "z", "end")]
            found = self.reduce("join.onnx", model(graph(nodes, [value("x", FLOAT, [4])], [value("z", FLOAT, [4])])), "--first-difference")
            region = found["difference"]["region"]
            self.assertEqual((region["from"], region["to"], region["accused"]), (["l2"], "l3", True))

    def test_an_innocent_is_not_accused(self):
        """Roundings add up until they are seen: no node alone makes them, and where the numbers are wrong is behind."""
        operators = ["Relu"] * 12
        operators[1:6], operators[9] = ["Rough"] * 5, "Broken"
        self.write("x.npy", npy(FLOAT, [4], [1, 0.5, 0.25, 2]))
        found = self.reduce("rough.onnx", chain(operators), "--first-difference", "--inputs", self.path("x.npy"))
        region, end = found["difference"]["region"], found["difference"]["from_the_end"]
        self.assertIn(region["to"], ("t2", "t3", "t4"))
        self.assertFalse(region["accused"])
        self.assertEqual((end["node"], end["makes"]), ("layers.9.broken", "t9"))

    def test_what_a_rounding_becomes_is_no_failure(self):
        """A node that makes differences large makes those of roundings large, too. What it is fed with is looked at."""
        operators = ["Relu"] * 8
        operators[2], operators[7] = "Rough", "Steep"
        self.write("x.npy", npy(FLOAT, [4], [0.50001, 0.5, 0.5, 0.5]))
        arguments = ("--first-difference", "--inputs", self.path("x.npy"))
        done = self.reduce("steep.onnx", chain(operators), *arguments, status=0)
        self.assertFalse(done["reproduced"])
        self.assertIn("ten times", done["difference"]["why"])
        operators[7] = "Relu" # what the tolerance allows is no failure, and no equality either
        d = self.reduce("within.onnx", chain(operators), *arguments, status=0)["difference"]
        self.assertEqual((d["kind"], d["output"], d["why"]), ("numbers", "t7", None))
        self.assertAlmostEqual(d["error"], 5e-6, delta=1e-6)
        text = self.trapline("reduce", self.path("within.onnx"), "-u", self.runner + ":bad", "--against", self.runner + ":good",
                             *arguments, status=0).stdout
        self.assertIn("beyond the tolerance of 0.001: at most 5", text)
        operators[2] = "Slight"
        found = self.reduce("slight.onnx", chain(operators), *arguments)
        self.assertEqual(found["difference"]["region"]["to"], "t2")

    def test_kinds_are_not_taken_for_each_other(self):
        for op, kind in (("Root", "NaN"), ("Huge", "infinity")):
            operators = ["Relu"] * 6
            operators[3] = op
            found = self.reduce(op + ".onnx", chain(operators), "--first-difference")
            self.assertEqual(found["difference"]["kind"], kind)
            self.assertEqual([n["operator"] for n in found["difference"]["region"]["nodes"]], [op])

    def test_what_hangs_on_memory_is_made_to_show(self):
        """Where memory is filled with ordinary numbers there is no NaN: it is one of what lay there."""
        self.env.pop("MALLOC_PERTURB_", None) # Meson sets it for each test
        for op, filled in (("Stale", {"MALLOC_PERTURB_": "255"}), ("Rests", None)):
            path = self.write(op + ".onnx", chain(["Relu", op, "Relu"]))
            done = self.trapline("reduce", path, "-u", self.runner + ":good", "--json", status=1)
            found = json.loads(done.stdout)
            self.assertEqual(found["memory"], {"set": filled})
            self.assertEqual([n["operator"] for n in found["remaining"]], [op])
            self.assertEqual((found["minimal"], found["confirmed"]), (filled is not None, True))
            with open(os.path.join(found["directory"], "case.json"), encoding="utf-8") as f:
                self.assertEqual(json.load(f).get("environment"), filled)
        self.assertIsNone(self.reduce("root.onnx", chain(["Relu", "Root"]))["memory"])  # a difference that is none of memory

    def test_every_sample_judges(self):
        operators = ["Relu"] * 8
        operators[4] = "Large"
        for name, x in (("a", 1.0), ("b", 20.0)):
            os.mkdir(self.path(name))
            self.write(name + "/x.npy", npy(FLOAT, [4], [x, 0.5, 0.25, 0.125]))
        path = chain(operators)
        first = ("--first-difference", "--sample", self.path("a"))
        self.assertFalse(self.reduce("large.onnx", path, *first, status=0)["reproduced"])
        found = self.reduce("large.onnx", path, *first, "--sample", self.path("b"))
        self.assertEqual(found["difference"]["samples"], [1, 2])
        self.assertEqual((found["difference"]["region"]["to"], found["difference"]["region"]["accused"]), ("t4", True))

    def test_against_another_model(self):
        operators = ["Scale" if i % 3 == 1 else "Relu" for i in range(6)]
        operands = {i: "w%d" % i for i in range(6) if operators[i] == "Scale"}
        right = [vector(w, FLOAT, 0.5, 1.5, 2.5, 0.75) for w in operands.values()]
        wrong = list(right)
        wrong[1] = vector("w4", FLOAT, 0.5, 1.5, 1.0, 0.75)
        original = self.write("original.onnx", chain(operators, tensors=right, operands=operands))
        found = self.reduce("changed.onnx", chain(operators, tensors=wrong, operands=operands), device="good", against=original)
        self.assertEqual(found["difference"]["model"], "original.onnx")
        self.assertEqual(found["remaining"][0]["original"], "layers.4.scale")
        self.assertTrue(found["confirmed"] and found["minimal"])
        files = os.listdir(found["directory"])
        self.assertIn("reference", files)
        self.assertIn("expected", files)
        with open(found["model"], "rb") as f:
            self.assertNotIn(struct.pack("<4f", 0.5, 1.5, 2.5, 0.75), f.read())
        # Of other nodes: a value is found by its name.
        longer = [node("Relu", "x", "q", "more")] + [
            node("Scale" if op == "Scale" else op, ("q" if not i else "t%d" % (i - 1)) + ("," + operands[i] if i in operands else ""),
                 "t%d" % i, "q.%d" % i) for i, op in enumerate(operators)]
        other = model(graph(longer, [value("x", FLOAT, [4])], [value("t5", FLOAT, [4])], wrong))
        found = self.reduce("longer.onnx", other, "--first-difference", device="good", against=original)
        region = found["difference"]["region"]
        self.assertEqual((region["to"], region["nodes"][0]["node"], region["accused"]), ("t4", "q.4", True))

    def test_what_one_model_alone_has_keeps_its_values(self):
        """A weight of which the other model has no like: to fill it would be to compare values of one model with zeros of the other."""
        def chain_of(weight):
            nodes, last = [], "x"
            for i in range(6):
                name = "w%d" % i
                if weight and i % 2:
                    nodes.append(node("Relu", name + "_q", name + "_dq", name + ".dequantise"))
                    name += "_dq"
                nodes.append(node("Scale" if i % 2 else "Relu", last + ("," + name if i % 2 else ""), "t%d" % i, "layers.%d" % i))
                last = "t%d" % i
            nodes.append(node("Add", last + ",bias", "y", "end"))
            tensors = [vector("bias", FLOAT, 1, 2, 3, 4)]
            for i in (1, 3, 5):
                values = (1, 1, 1.5, 1) if weight == i else (1, 1, 1, 1)
                tensors.append(vector("w%d%s" % (i, "_q" if weight else ""), FLOAT, *values))
            return model(graph(nodes, [value("x", FLOAT, [4])], [value("y", FLOAT, [4])], tensors))

        right = self.write("right.onnx", chain_of(None))
        for at in (3, 5):
            found = self.reduce("quantised.onnx", chain_of(at), device="good", against=right)
            region = found["difference"]["region"]
            self.assertEqual((region["from"], region["to"], region["accused"]), (["t%d" % (at - 1)], "t%d" % at, True))
            self.assertEqual([n["node"] for n in region["nodes"]], ["w%d.dequantise" % at, "layers.%d" % at])
            self.assertEqual([n["original"] for n in found["remaining"]], ["w%d.dequantise" % at, "layers.%d" % at])
            self.assertEqual(found["owner_data"], ["w%d_q" % at, "w%d of right.onnx" % at])
            self.assertEqual([(k["name"], k["kept"] == k["elements"]) for k in found["kept_values"]], [(n, True) for n in found["owner_data"]])
            self.assertTrue(found["confirmed"])
        report = self.trapline("report", found["finding"], status=0).stdout
        self.assertIn("What is right are the outputs of `right.onnx`", report)
        self.assertIn("reference/model.onnx", report)

    def test_what_fails_by_itself_is_no_difference(self):
        """Nor is it none: nothing was compared."""
        content = chain(["Relu", "Dies", "Relu"])
        for arguments, against in (((), None), (("--first-difference",), "same,optimization=0")):
            words = self.reduce("dies.onnx", content, *arguments, against=against, status=2)
            self.assertIn("fails there by itself", words)
            self.assertIn("crash in execute, SIGABRT", words)
        self.assertIn("gave crash", self.reduce("dies.onnx", content, device="good", against=self.runner + ":bad", status=2))
        # A case has its reference for all of its variants; a failure that is no difference is reduced as it is.
        case = self.write("dies.json", json.dumps({"trapline": 1, "name": "dies", "title": "It dies", "model": {"file": "dies.onnx"},
                                             "reference": {"unit": self.runner + ":good"}}))
        found = json.loads(self.trapline("reduce", case, "-u", self.runner + ":bad", "--json", status=1).stdout)
        self.assertEqual((found["outcome"], found["nodes"], found["remaining"][0]["operator"]), ("crash", [3, 1], "Dies"))

    def test_what_is_wrong_is_said(self):
        content = chain(["Relu"] * 3)
        os.mkdir(self.path("empty"))
        os.mkdir(self.path("long"))
        self.write("long/x.npy", npy(FLOAT, [5], [1, 2, 3, 4, 5]))
        os.mkdir(self.path("short"))
        self.write("short/0.npy", npy(FLOAT, [4], [1, 2, 3, 4]))
        self.write("some.onnx", b"no model")
        for against, arguments, words in (
                ("same", (), "itself"), (self.runner + ":good,level", (), "no assignment"), (self.path("some.onnx"), (), "no ONNX model"),
                (self.runner + ":good", ("--tolerance", "x"), "--tolerance"), (self.runner + ":none", (), "none"),
                (self.runner + ":good", ("--sample", self.path("empty")), "neither x.npy nor 0.npy"),
                (self.runner + ":good", ("--sample", self.path("short"), "--sample", self.path("long")), "is float32[4], and the file holds float32[5]"),
                ("same,nonsense=1", (), "nonsense")):
            self.assertIn(words, self.reduce("plain.onnx", content, *arguments, against=against, status=2), (against, arguments))
        done = self.trapline("reduce", self.path("plain.onnx"), "-u", self.runner + ":bad", "--sample", self.path("short"), status=2)
        self.assertIn("--against", done.stderr)
        found = self.reduce("plain.onnx", content, status=0)
        self.assertFalse(found["reproduced"])


class Real(ProgramTest):
    def need(self, *versions):
        self.need_builds(*versions)
        self.use_builds(*versions)

    def reduce(self, name, content, unit, *arguments, status=1):
        return json.loads(self.trapline("reduce", self.write(name, content), "-u", unit, "--json", *arguments, status=status).stdout)

    def test_padding_that_is_fused_away(self):
        self.need("1.22.0", "1.30.0")
        nodes = [node("Abs", "X", "a"), node("Pad", "a,pads", "p"),
                 node("AveragePool", "p", "Q", kernel_shape=[2, 2]), node("Abs", "Q", "Y")]
        g = graph(nodes, [value("X", FLOAT, [1, 1, 4, 4])], [value("Y")], [vector("pads", INT64, 0, 0, 0, 0, 0, 0, 1, 1)])
        content = model(g, opset=19)
        found = self.reduce("pad.onnx", content, "onnxruntime@1.22.0:cpu", "--against", "same,optimization=0")
        region = found["difference"]["region"]
        self.assertEqual((region["from"], region["to"], region["cured_by"]), (["a"], "Q", ["p"]))
        self.assertEqual([n["operator"] for n in found["remaining"]], ["Pad", "AveragePool"])
        self.assertTrue(found["confirmed"])

    def test_another_build_is_asked_where_the_unit_agrees_with_itself(self):
        self.need("1.22.0", "1.30.0")
        pool = node("AveragePool", "a", "Y", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1, count_include_pad=1)
        g = graph([node("Abs", "X", "a"), pool], [value("X", FLOAT, [1, 1, 4, 4])], [value("Y")])
        content = model(g, opset=18)
        found = self.reduce("pool.onnx", content, "onnxruntime@1.22.0:cpu", "--first-difference")
        d = found["difference"]
        self.assertEqual([n["unit"] for n in d["nothing"]], ["onnxruntime@1.22.0:cpu"])
        self.assertEqual(d["unit"], "onnxruntime@1.30.0:cpu")
        self.assertEqual((d["region"]["from"], d["region"]["to"]), (["a"], "Y"))
        self.assertIsNone(found["finding"])

    def test_no_older_build_is_asked_where_a_newer_one_agrees(self):
        """The oldest of three alone divides by another count: a bug that was mended, and no word against those that came later."""
        self.need("1.20.1", "1.22.0", "1.30.0")
        pool = node("AveragePool", "X", "Y", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 0, 0], ceil_mode=1, count_include_pad=1)
        content = model(graph([pool], [value("X", FLOAT, [1, 1, 4, 4])], [value("Y")]), opset=19)
        found = self.reduce("pool.onnx", content, "onnxruntime@1.22.0:cpu", "--first-difference", status=0)
        d = found["difference"]
        self.assertEqual((found["reproduced"], d["unit"]), (False, "onnxruntime@1.30.0:cpu"))
        self.assertEqual(d["unasked"], ["onnxruntime@1.20.1:cpu"])
        self.reduce("pool.onnx", content, "onnxruntime@1.22.0:cpu", "--first-difference", "--against", "onnxruntime@1.20.1:cpu")

    def test_a_changed_constant_hangs_on_no_optimiser(self):
        """What comes of the difference at the end is far less than it was where it begins, and no pass all the same."""
        self.need("1.22.0")
        for name, values in (("zeros", (0, 0, 0, 0)), ("ones", (1, 1, 1, 1))):  # with the first of them the models agree
            os.mkdir(self.path(name))
            self.write(name + "/X.npy", npy(FLOAT, [4], values))

        def content(*weights):
            tensors = [vector("w", FLOAT, *weights), vector("far", FLOAT, 100, 100, 100, 100)]
            nodes = [node("Abs", "X", "a"), node("Mul", "a,w", "m"), node("Abs", "m", "b"), node("Add", "b,far", "Y")]
            g = graph(nodes, [value("X", FLOAT, [4])], [value("Y", FLOAT, [4])], tensors)
            return model(g, opset=17)

        right = self.write("right.onnx", content(1, 1, 1, 1))
        found = self.reduce("changed.onnx", content(1, 1, 2, 1), "onnxruntime@1.22.0:cpu", "--against", right,
                            "--sample", self.path("zeros"), "--sample", self.path("ones"), "-o", self.path("out"))
        for name in ("repro.c", "report.md", "reference/model.onnx", "neighbour/model.onnx"):
            self.assertTrue(os.path.exists(self.path("out", name)), name)
        self.assertEqual(found["difference"]["region"]["to"], "m")
        self.assertEqual([n["operator"] for n in found["remaining"]], ["Mul"])
        optimiser = found["optimiser"]
        self.assertIsNone(optimiser["passes_at"])
        self.assertIsNone(optimiser["original"]["passes_at"])
        report = self.trapline("report", found["finding"], status=0).stdout
        self.assertIn("Differs from `right.onnx` on `1.22.0`", report)

    def test_what_is_left_is_a_model_without_optimisation_too(self):
        """A Conv whose kernel does not look at its channels once it is optimised: the input of the model has more of them."""
        self.need("1.22.0")

        def content(bias):
            def weight(name, *dims):
                return tensor(name, FLOAT, dims, [0.125] * (dims[0] * dims[1]))
            tensors = [weight("w", 16, 20, 1, 1), weight("v", 16, 16, 1, 1), vector("b", FLOAT, bias, *[0.5] * 15)]
            nodes = [node("Conv", "X,w", "c"), node("Relu", "c", "r"), node("Conv", "r,v,b", "Y", "second")]
            g = graph(nodes, [value("X", FLOAT, [1, 20, 2, 2])], [value("Y", FLOAT, [1, 16, 2, 2])], tensors)
            return model(g, opset=13)

        right = self.write("right.onnx", content(0.5))
        found = self.reduce("nan.onnx", content(float("nan")), "onnxruntime@1.22.0:cpu", "--against", right)
        self.assertEqual([n["original"] for n in found["remaining"]], ["second"])
        case = os.path.join(found["directory"], "case.json")
        for level in ("0", "99"):
            text = self.trapline("run", case, "-u", "onnxruntime@1.22.0:cpu", "-s", "optimization=" + level, status=1).stdout
            self.assertIn("NaN", text.replace("nan", "NaN"))

    def test_a_build_that_nobody_named_is_left_out_where_it_refuses(self):
        self.need("1.18.0", "1.22.0")
        g = graph([node("Abs", "X", "Y")], [value("X", FLOAT, [4])], [value("Y")])
        content = model(g, opset=22)  # 1.18.0 knows no such opset
        arguments = ("--first-difference", "--against")
        found = self.reduce("new.onnx", content, "onnxruntime@1.22.0:cpu", *arguments, "same,optimization=0", status=0)
        d = found["difference"]
        self.assertEqual((found["reproduced"], d["unit"], d["nothing"]), (False, "onnxruntime@1.22.0:cpu", []))
        self.assertEqual([n["unit"] for n in d["left_out"]], ["onnxruntime@1.18.0:cpu"])
        self.trapline("reduce", self.path("new.onnx"), "-u", "onnxruntime@1.22.0:cpu", *arguments, "onnxruntime@1.18.0:cpu", status=2)


if __name__ == "__main__":
    unittest.main()
