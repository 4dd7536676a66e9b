#!/usr/bin/env python3
"""Which optimiser of a real runtime is needed for a failure, and failures of released builds within larger models (docs/known-failures.md,
docs/reduce.md). Each test takes a build from the cache, and is skipped where it is not there: none is fetched."""
import json
import os
import sys
import unittest

import onnx_bytes
from onnx_bytes import BOOL, FLOAT, INT64, STRING, UINT8, Tensor, graph, model, node, npy, tensor, value, vector
from program import ProgramTest

ENTRY = "config:optimization.disable_specified_optimizers"


def chain(x, n, name):
    """Nodes that change nothing, one after the other; what the last one makes."""
    nodes = []
    for i in range(n):
        nodes.append(node("Identity", x, "%s.%d" % (name, i), "around.%s.%d" % (name, i)))
        x = "%s.%d" % (name, i)
    return nodes, x


class Optimiser(ProgramTest):
    def reduce(self, path, unit, *arguments):
        return json.loads(self.trapline("reduce", path, "-u", unit, "--json", *arguments, status=1).stdout)

    def outcome(self, directory, unit, *arguments):
        done = self.trapline("run", os.path.join(directory, "case.json"), "-u", unit, "--json", *arguments)
        return json.loads(done.stdout)["trials"][0]["outcome"]

    def test_a_rule_makes_a_number_infinite(self):
        """A fusion takes the zeros of a Pad for padding of the AveragePool behind it, some of which that does not count: an average of
        80/25 becomes 80/20, and one divided by what it is more than 4 infinite."""
        unit = self.real_unit("1.22.0", "1.24.3")
        before, x = chain("x", 8, "before")
        middle = [node("Pad", "%s,pads,none" % x, "padded", "pad"),
                  node("AveragePool", "padded", "mean", "pool", kernel_shape=[5, 5], count_include_pad=0),
                  node("Sub", "mean,four", "more", "sub"), node("Reciprocal", "more", "y", "reciprocal")]
        behind, y = chain("y", 8, "behind")
        g = graph(before + middle + behind, [value("x", FLOAT, [1, 1, 4, 4])], [value(y, FLOAT, [1, 1, 1, 1])],
                  [vector("pads", INT64, 0, 0, 0, 0, 0, 0, 1, 1), tensor("four", FLOAT, [], [4]), tensor("none", FLOAT, [], [0])])
        inputs, out = self.write("x.npy", npy(FLOAT, [1, 1, 4, 4], [5] * 16)), self.path("out")
        path = self.write("pad.onnx", model(g, opset=19))
        found = self.reduce(path, unit, "--inputs", "x=" + inputs, "-o", out)
        # The Reciprocal alone is infinite as well, as it ought to be: it is not the answer.
        self.assertEqual([n["original"] for n in found["remaining"]], ["pad", "pool", "sub", "reciprocal"])
        self.assertEqual(found["optimiser"]["names"], ["Pad_Fusion"])
        self.assertEqual((found["optimiser"]["passes_at"], found["optimiser"]["level"], found["optimiser"]["minimal"]), (0, 99, True))
        self.assertEqual(found["optimiser"]["original"]["names"], ["Pad_Fusion"])
        self.assertIn("Level1_RuleBasedTransformer", found["optimiser"]["changed"])
        with open(os.path.join(out, "report.md"), encoding="utf-8") as f:
            self.assertIn("at 99 without `Pad_Fusion`. So does the original.", " ".join(f.read().split()))
        self.assertEqual(self.outcome(out, unit), "wrong")
        self.assertEqual(self.outcome(out, unit, "-s", ENTRY + "=Pad_Fusion"), "pass")

    def test_an_error_that_an_optimiser_makes(self):
        """Of a Gather beyond its table a fusion makes a Slice, which cuts silently, so that a later Add is refused: rightly, and in
        each build, when it is alone. Without the fusion the Gather is."""
        unit = self.real_unit("1.22.0")
        nodes = [node("Range", "zero,n,one", "ids"), node("Gather", "table,ids", "rows", "gather"),
                 node("Add", "rows,x", "sum", "add"), node("Relu", "sum", "y", "relu")]
        tensors = [tensor("zero", INT64, [], [0]), tensor("one", INT64, [], [1]),
                   tensor("table", FLOAT, [4, 2], [float(i) for i in range(8)])]
        g = graph(nodes, [value("n", INT64, []), value("x", FLOAT, ["rows", 2])], [value("y", FLOAT, ["rows", 2])], tensors)
        path = self.write("ids.onnx", model(g, opset=17))
        inputs = ["n=" + self.write("n.npy", npy(INT64, [], [6])), "x=" + self.write("x.npy", npy(FLOAT, [6, 2], [1] * 12))]
        found = self.reduce(path, unit, "--inputs", inputs[0], "--inputs", inputs[1])
        self.assertIn("Add", found["signature"]["title"])
        self.assertEqual([n["operator"] for n in found["remaining"]], ["Range", "Gather", "Add"])
        optimiser = found["optimiser"]
        self.assertEqual((optimiser["names"], optimiser["fails_otherwise_at"]), (["GatherToSliceFusion"], 0))
        self.assertNotIn("passes_at", [k for k, v in optimiser.items() if v is not None])

    def test_values_where_other_builds_refuse_the_model(self):
        """Of blocks of 512 a build makes zeros, and later ones say that they take none so large: they cannot tell that with zeros all
        around zero is the right answer, so values stay such that it is not."""
        unit = self.real_unit("1.26.0")
        self.env["MALLOC_PERTURB_"] = "0"  # the zeros are what nobody wrote
        self.need_builds("1.30.0")
        for what in ("Log",):
            with self.subTest(what):
                self.db = self.path(what + ".db")
                product = node("MatMulNBits", "x,b,s", "product", "product", "com.microsoft", K=1024, N=2, bits=4, block_size=512)
                g = graph([product, node("Abs", "product", "size", "abs"), node(what, "size", "y", "shows")],
                          [value("x", FLOAT, [1, 1024])], [value("y", FLOAT, [1, 2])],
                          [tensor("b", UINT8, [2, 2, 256], bytes(range(1, 256)) * 4 + b"1234"), vector("s", FLOAT, 0.5, 0.25, 0.5, 0.75)])
                path = self.write(what + ".onnx", model(g, opset=17, domains={"com.microsoft": 1}))
                found = self.reduce(path, unit, "-o", self.path(what))
                # What nobody wrote may be below zero as well, and the logarithm of that is another kind of wrong.
                left = [n["operator"] for n in found["remaining"] if n["operator"] != "Abs"]
                self.assertEqual(left, ["MatMulNBits", what])
                with open(self.path(what, "model.onnx"), "rb") as f:
                    self.assertGreater(len(set(f.read())), 100)
                try:
                    import onnx
                except ImportError:
                    onnx = None # the checker is not here
                for name in ("model.onnx", "neighbour/model.onnx") if onnx else ():
                    onnx.checker.check_model(onnx.load(self.path(what, name)))
                for name in os.listdir(self.path(what, "inputs")):
                    with open(self.path(what, "inputs", name), "rb") as f:
                        self.assertGreater(len(set(f.read()[128:])), 4)

    def test_the_session_is_refused_within_an_optimiser(self):
        """An attribute that is a tensor of one text, in the branch of an If, between inputs and outputs of texts, which nobody can
        record."""
        unit = self.real_unit("1.25.1", "1.26.0")
        before, x = chain("x", 10, "before")
        encode = node("LabelEncoder", x, "code", "encode", "ai.onnx.ml", keys_tensor=Tensor(vector("k", STRING, "a")),
                      values_tensor=Tensor(vector("v", INT64, 5)), default_tensor=Tensor(vector("d", INT64, (1 << 63) - 1)))
        inside, last = chain("code", 5, "inside")
        other = [node("Identity", "five", "other")]
        choice = node("If", "yes", "chosen", "choice", then_branch=graph([encode] + inside, [], [value(last, INT64, [1])]),
                      else_branch=graph(other, [], [value("other", INT64, [1])]))
        behind, y = chain("chosen", 10, "behind")
        g = graph(before + [choice] + behind, [value("x", STRING, [1])], [value(y, INT64, [1])],
                  [vector("five", INT64, 5), tensor("yes", BOOL, [], [True])])
        found = self.reduce(self.write("texts.onnx", model(g, opset=15, domains={"ai.onnx.ml": 4})), unit, "--over", "build")
        self.assertEqual((found["outcome"], found["phase"]), ("error", "compile"))
        self.assertEqual([n["original"] for n in found["remaining"]], ["encode"])
        self.assertEqual(found["optimiser"]["names"], ["CommonSubexpressionElimination"])
        self.assertLessEqual(found["optimiser"]["trials"], 20)
        last = next((r for r in found["builds"]["ranges"]), None)
        self.assertIsNotNone(last)
        self.assertIn(unit.split("@")[1].split(":")[0], (last["first_bad"], last["last_bad"]))

    def test_what_no_optimiser_does(self):
        unit = self.real_unit("1.22.0", "1.24.3")
        g = graph([node("Div", "x,zero", "y", "div")], [value("x", INT64, [2])], [value("y", INT64, [2])], [vector("zero", INT64, 0)])
        found = self.reduce(self.write("div.onnx", model(g)), unit)["optimiser"]
        self.assertEqual((found["names"], found["passes_at"]), ([], None))
        self.assertIn("does not pass at a lower level", found["why"])


# Fails at any level above 0 as long as enough of its optimisers run: which are needed, the model says by its operators.
RUNNER = """
channel = socket.socket(fileno=3)
lines = channel.makefile("rw")
def say(o):
    lines.write(json.dumps(o) + "\\n")
    lines.flush()
for line in lines:
    request = json.loads(line)
    if "describe" in request:
        say({"name": "played", "version": "1", "devices": [{"name": "cpu", "usable": True}],
             "axes": ["optimization", "tell_optimizers", "config:*"]})
        sys.exit(0)
    text, variant = open(request["model"], "rb").read(), request["variant"]
    level, left_out = variant.get("optimization", 99), variant.get(ENTRY, [])
    if isinstance(left_out, dict):
        left_out = json.load(open(left_out["file"]))
    if b"Deaf" in text:
        left_out = []
    say({"phase": "compile"})
    names = ["Pass%d" % i for i in range(12)] + ["Level1_RuleBasedTransformer"]
    runs = [n for n in names if n not in left_out] if level else ["Always"]
    fails = level and b"Bad" in text
    for n in runs if variant.get("tell_optimizers") else []:
        if fails and b"Dies" in text and n == "Pass6":
            break
        say({"counts": {"optimizer:" + n: int(n in ("Pass3", "Pass9"))}})
    if b"Both" in text:
        fails = fails and ("Pass3" in runs or "Pass9" in runs)
    elif b"Slides" in text:
        fails = fails and ("Pass3" if b"Relu" in text else "Pass9") in runs
    elif b"Rule" in text:
        fails = fails and "Level1_RuleBasedTransformer" in runs and "DivMulFusion" not in left_out
    elif b"Dies" in text:
        fails = fails and "Pass6" in runs
    else:
        fails = fails and "Pass3" in runs and "Pass9" in runs
    if fails:
        say({"error": {"domain": "played", "code": "BAD", "message": "it cannot be optimised"}})
    else:
        say({"phase": "execute"})
        say({"result": {"outputs": []}})
    sys.exit(0)
""".replace("ENTRY", repr(ENTRY))


class Played(ProgramTest):
    """What no failure of a released build shows at once."""

    def optimiser(self, *operators):
        program = "#!%s -IS\nimport json, socket, sys\n" % sys.executable + RUNNER
        unit = self.write("played", program, 0o755) + ":cpu"
        path = self.write("m.onnx", chain_of(operators))
        done = self.trapline("reduce", path, "-u", unit, "--json", status=1)
        return json.loads(done.stdout)["optimiser"]

    def test_sets(self):
        found = self.optimiser("BadBoth")
        self.assertEqual((sorted(found["names"]), found["or"], found["minimal"]), (["Pass3", "Pass9"], [], True))
        self.assertEqual(found["changed"], ["Pass3", "Pass9"])
        self.assertIn("without Pass3 and Pass9 together", self.text("BadBoth"))
        found = self.optimiser("Bad")
        self.assertEqual(sorted([found["names"]] + found["or"]), [["Pass3"], ["Pass9"]])
        found = self.optimiser("BadRule")
        self.assertEqual((found["names"], found["or"]), (["DivMulFusion"], []))
        found = self.optimiser("BadDies") # of which the log says nothing any more
        self.assertEqual((found["names"], found["optimisers"]), (["Pass6"], 13))

    def test_what_is_left_fails_for_the_same(self):
        """Alone the node fails in the same words for another optimiser, which is another failure."""
        found = self.optimiser("BadSlides")
        self.assertEqual((found["names"], found["or"], found["original"]["names"], found["followed"]), (["Pass3"], [], ["Pass3"], True))

    def text(self, *operators):
        path = self.write("m.onnx", chain_of(operators))
        return self.trapline("reduce", path, "-u", self.path("played") + ":cpu", status=1).stdout

    def test_what_cannot_be_found(self):
        found = self.optimiser("BadDeaf")
        self.assertEqual((found["names"], found["passes_at"]), ([], 0))
        self.assertIn("1.18.0", found["why"])


def chain_of(operators):
    """With as many nodes again that do nothing."""
    return onnx_bytes.chain(["Relu", *operators, "Relu"])


if __name__ == "__main__":
    unittest.main()
