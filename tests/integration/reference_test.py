"""What outputs are compared with, and what comes of it: through the program, with runners that answer what they are told."""
import json
import os
import re
import sys
import unittest

import onnx_bytes as o
from program import HERE, ProgramTest


# Answers with the list of outputs that stands in the model, a JSON file: the one under its device's name, or else the
# one under "cpu". An output with "values" is sent as a .npy file where such are wanted.
ANSWERING = r'''
import struct
FORMATS = {"float32": ("<f4", "f"), "float64": ("<f8", "d"), "int64": ("<i8", "q"), "int32": ("<i4", "i"), "bool": ("|b1", "B"),
           "float8e4m3fn": ("|V1", "B"), "bfloat16": ("<V2", "H"), "uint64": ("<u8", "Q")}
def save(path, dtype, shape, values):
    descr, letter = FORMATS[dtype]
    h = "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }" % (descr, "".join("%d, " % n for n in shape))
    h += " " * (-(len(h) + 11) % 64) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(h)) + h.encode() +
                struct.pack("<%d%s" % (len(values), letter), *map(float if letter in "fd" else int, values)))
model = json.load(open(request["model"]))
said = model.get(request["device"], model["cpu"])
if isinstance(said, dict): # by the value of the axis
    said = said[str(request["variant"].get("optimization"))]
if isinstance(said, str):
    say({"error": {"domain": "answering", "code": "refused", "message": said}})
    sys.exit()
say({"phase": "execute"})
for i, output in enumerate(said):
    output.setdefault("hash", "%032x" % i)
    output.setdefault("finite", True)
    values = output.pop("values", None)
    if values is not None and "outputs" in request:
        output["npy"] = "%d.npy" % i
        save(os.path.join(request["outputs"], output["npy"]), output["dtype"], output["shape"], values)
exec(model.get("then", "say({'result': {'outputs': said}})"))
'''


def tensor(dtype, values, name="y", **more):
    return dict({"name": name, "dtype": dtype, "shape": [len(values)], "values": values}, **more)


class ReferenceTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.runner = self.python_runner("answering.py", {"name": "answering", "devices": ["cpu", "right", "refuses"],
                                                          "axes": ["optimization"]}, ANSWERING)
        self.n = 0

    def answers(self, got, right=None, reference=None, then=None, **more):
        """A case whose runner answers with `got` on cpu, and with `right` on the device of that name."""
        self.n += 1
        model = {"cpu": got, "right": right, "refuses": "it is too large"}
        if then:
            model["then"] = then
        self.write("model-%d.json" % self.n, json.dumps(model))
        more["reference"] = reference or {"unit": self.runner + ":right", "tolerance": 0.001}
        return self.case("c%d" % self.n, {"file": "model-%d.json" % self.n}, **more)

    def judged(self, outcome, *arguments, **more):
        """The trial of a case made of these, which has to have this outcome and the exit status that belongs to it."""
        path = self.answers(*arguments, **more)
        status = {"pass": 0, "wrong": 1, "unsupported": 2, "error": 1}[outcome]
        trial = self.one(path, "-u", self.runner + ":cpu", status=status)
        self.assertEqual(trial["outcome"], outcome, trial)
        if outcome == "unsupported":
            self.assertEqual(trial["phase"], "check")
        return trial

    # --- the comparison decides

    def test_what_is_not_finite_may_be_right(self):
        for values in (["nan", 1], ["inf", 1], ["-inf", "nan"]):
            self.judged("pass", [tensor("float32", values, finite=False)], [tensor("float32", values, finite=False)])
        self.judged("wrong", [tensor("float32", ["nan", 1], finite=False)], [tensor("float32", [0, 1])])
        self.judged("wrong", [tensor("float32", ["inf", 1], finite=False)], [tensor("float32", ["-inf", 1], finite=False)])
        self.judged("wrong", [tensor("float32", [0, 1])], [tensor("float32", ["nan", 1], finite=False)])
        case = self.case("alone", {"file": self.write("alone", json.dumps({"cpu": [tensor("float32", ["nan"], finite=False)]}))})
        trial = self.one(case, "-u", self.runner + ":cpu", status=1)
        self.assertEqual(trial["signature"]["title"], "output y is not finite")

    def test_types_names_and_shapes(self):
        right = [tensor("int64", [1, 2])]
        trial = self.judged("wrong", [tensor("float32", [1, 2])], right)
        self.assertEqual(trial["signature"]["title"], "output y has another type")
        self.assertIn('"float32", expected "int64"', trial["message"])
        self.judged("wrong", [tensor("int32", [1, 2])], right)
        trial = self.judged("wrong", [dict(tensor("int64", [1, 2]), shape=[2, 1])], right)
        self.assertEqual(trial["signature"]["title"], "output y has another shape")
        trial = self.judged("wrong", [tensor("int64", [1, 2], name="z")], right)
        self.assertEqual(trial["signature"]["title"], "output y is missing")
        trial = self.judged("wrong", right + [tensor("int64", [1], name="z")], right)
        self.assertEqual(trial["signature"]["title"], "output z is none that is expected")
        self.judged("wrong", [], right)

    def test_integers_booleans_and_texts_are_exact(self):
        big = 2 ** 53
        self.judged("wrong", [tensor("int64", [big + 1, 0])], [tensor("int64", [big, 0])])
        trial = self.judged("wrong", [tensor("int64", [4, 5000])], [tensor("int64", [0, 5000])])
        self.assertEqual(trial["reference"]["worst"], {"output": "y", "index": [0], "expected": 0, "got": 4, "absolute": 4.0,
                                                       "relative": None, "exact": True})
        self.judged("wrong", [tensor("uint64", [2 ** 64 - 1])], [tensor("uint64", [2 ** 64 - 2])])
        self.judged("pass", [tensor("uint64", [2 ** 64 - 1])], [tensor("uint64", [2 ** 64 - 1])])
        self.judged("wrong", [tensor("bool", [1, 0])], [tensor("bool", [1, 1])])
        texts = {"name": "y", "dtype": "string", "shape": [2]}
        self.judged("wrong", [dict(texts, first=["1", "2"])], [dict(texts, first=["a", "b"])])
        self.judged("pass", [dict(texts, first=["a", "b"])], [dict(texts, first=["a", "b"], hash="other")])
        self.judged("wrong", [dict(texts, hash="a" * 32)], [dict(texts, hash="b" * 32)])
        scalar = {"name": "y", "dtype": "int64", "shape": [], "first": [3]}
        self.judged("pass", [scalar], [scalar])

    def reported(self, got, right, **more):
        """Title and section of the report of a result that is wrong with optimization=1 and right with 0, and its finding."""
        wrong, good = [tensor(*got)], [tensor(*right)]
        path = self.answers({"0": good, "1": wrong}, good, axes=[{"name": "optimization", "choices": [0, 1]}],
                            failing={"optimization": 1}, **more)
        found = json.loads(self.trapline("isolate", path, "-u", self.runner + ":cpu", "--json", status=1).stdout)
        text = self.trapline("report", found["finding"], status=0).stdout
        title, section = text.split("\n", 1)[0], text.split("\n## How it is wrong\n", 1)[1].split("\n## ", 1)[0]
        listed = self.trapline("list", "findings", "--limit", "1", status=0).stdout
        self.assertIn(title.lstrip("# "), listed)
        return title, section, found["comparison"]

    def test_the_report_of_a_wrong_result(self):
        title, section, comparison = self.reported(("float32", [1, 2, 3.5, 8]), ("float32", [1, 2, 4, 5]))
        self.assertEqual(title, "# answering.py CPU: output y 60 % off with optimization 1")
        self.assertEqual(re.findall(r"^\| `y` .*", section, re.M),
                         ["| `y` | `[3]` | `5` | `8` | 0.6 |", "| `y` | `[2]` | `4` | `3.5` | 0.125 |"])
        for words in ("(float32 \\[4\\])", "2 of its 4 elements are wrong", "off by 0.001 of the largest magnitude, and is by 0.6",
                      "The control is equal to its reference"):
            self.assertIn(words, section)
        self.assertEqual((comparison["apart"], comparison["of"], comparison["tolerance"], len(comparison["elements"])), (2, 4, 0.001, 2))
        title, section, comparison = self.reported(("int64", [0, 7]), ("int64", [1, 7]), reference={"unit": self.runner + ":right",
                                                                                                   "rtol": 0.1, "atol": 0})
        self.assertIn(": output y is 0, not 1 with", title)
        self.assertIn("such values have to be equal.", section)
        self.assertEqual((comparison["rtol"], comparison["atol"]), (0.1, 0.0))
        title, section, _ = self.reported(("float32", [1, 2]), ("float64", [1, 2]))
        self.assertIn(": output y is float32, not float64 with", title)
        self.assertIn("| `y` | all of it: dtype | `float64` | `float32` | none |", section)
        title, section, _ = self.reported(("float32", ["nan", 2]), ("float32", [0, 2]))
        self.assertIn(": NaN in output y with", title)
        self.assertIn("| `y` | `[0]` | `0` | `nan` | none |", section)

    def test_nothing_is_expected_where_zero_is(self):
        got, right = [tensor("float32", [1e-12, 0])], [tensor("float32", [0, 0])]
        trial = self.judged("wrong", got, right)
        self.assertNotIn("finite", trial["message"])
        self.assertIn("give atol", trial["message"])
        unit = {"unit": self.runner + ":right"}
        self.judged("pass", got, right, dict(unit, atol=1e-9))
        self.judged("wrong", got, right, dict(unit, atol=1e-13))
        self.judged("wrong", got, right, dict(unit, rtol=0.5))

    def test_bounds(self):
        got, right = [tensor("float32", [1000000, 900])], [tensor("float32", [1000000, 1])]
        unit = {"unit": self.runner + ":right"}
        self.judged("pass", got, right)  # as a whole
        trial = self.judged("wrong", got, right, dict(unit, rtol=0.001))
        self.assertEqual(trial["reference"]["worst"]["index"], [1])
        self.assertIn("rtol is 0.001, atol 0", trial["message"])
        self.judged("pass", got, right, dict(unit, rtol=0.001, outputs=[{"name": "y", "rtol": 1000}]))
        self.judged("wrong", got, right, dict(unit, outputs=[{"name": "y", "rtol": 0.001, "atol": 1}]))
        got, right = [tensor("int64", [1, 7]), tensor("int64", [1], "z")], [tensor("int64", [1, 8]), tensor("int64", [1], "z")]
        self.judged("wrong", got, right, dict(unit, rtol=10))
        self.judged("pass", got, right, dict(unit, outputs=[{"name": "y", "atol": 1}]))

    def test_types_that_python_lacks(self):
        for dtype, values in (("float8e4m3fn", [0x38, 0x7e]), ("bfloat16", [0x3f80, 0x4000])):
            self.judged("pass", [tensor(dtype, values)], [tensor(dtype, values)])
            self.judged("wrong", [tensor(dtype, values)], [tensor(dtype, values[:1] + [values[1] - 1])])

    def test_a_record_says_where(self):
        got = [tensor("float64", [1, 2, 3, 4], shape=[2, 2]), tensor("float32", [1, 1], "z")]
        right = [tensor("float64", [1, 2, 3, 8], shape=[2, 2]), tensor("float32", [1, 1.5], "z")]
        trial = self.judged("wrong", got, right)
        found = trial["reference"]
        self.assertEqual((found["output"], found["how"]), ("y", "differs"))
        self.assertEqual(found["worst"], {"output": "y", "index": [1, 1], "expected": 8.0, "got": 4.0, "absolute": 4.0,
                                          "relative": 0.5})
        self.assertEqual((found["max_error"], found["max_absolute"]), (0.5, 4.0))
        shown = self.show(trial)
        self.assertEqual([o["how"] for o in shown["result"]["reference"]["outputs"]], ["differs"] * 2)
        page = self.trapline("show", trial["id"], status=0).stdout
        for line in ("output y differs at [1,1]: 4.0, expected 8.0 (absolute error 4, relative 0.5)", "absolute", "expected"):
            self.assertIn(line, page)
        other = self.judged("wrong", [tensor("float64", [1, 2, 3, 5], shape=[2, 2]), right[1]], right)
        self.assertEqual(trial["signature"], other["signature"], "the numbers are not part of it")
        zero = self.judged("wrong", [tensor("float64", [0, 0, 0, 0], shape=[2, 2]), right[1]], right)
        self.assertEqual(zero["signature"]["title"], "output y is all zero")

    # --- not judged

    def test_a_reference_that_refuses(self):
        got = [tensor("float32", [1])]
        trial = self.judged("unsupported", got, got, {"unit": self.runner + ":refuses"})
        self.assertIn("the reference " + self.runner + ":refuses gave error: it is too large", trial["message"])
        case = self.answers(got, got, {"unit": self.runner + ":refuses"}, axes=[{"name": "a", "choices": [1, 2]}],
                            failing={"a": 2})
        done = self.trapline("isolate", case, "-u", self.runner + ":cpu", status=2)
        self.assertIn("not judged", done.stdout)
        self.assertIn("gave error: it is too large", done.stdout)
        found = json.loads(self.trapline("isolate", case, "-u", self.runner + ":cpu", "--json", status=2).stdout)
        self.assertEqual((found["finding"], found["reproduced"], found["judged"]), (None, False, False))
        self.assertEqual(self.listed("findings")["findings"], [])
        done = self.trapline("matrix", case, "-u", self.runner + ":cpu", status=2)
        self.assertIn("could not be judged", done.stderr)
        case = self.answers(got, got, {"unit": self.runner + ":refuses"}, axes=[{"name": "a", "choices": [1, 2]}])
        done = self.trapline("isolate", case, "-u", self.runner + ":cpu", status=2) # that looks for a failure by itself
        self.assertIn("could not be judged", done.stdout)

    def test_values_that_were_not_sent(self):
        bare = {"name": "y", "dtype": "float32", "shape": [2]}
        trial = self.judged("unsupported", [dict(bare, hash="a" * 32)], [dict(bare, hash="b" * 32)])
        self.assertIn("no values were sent", trial["message"])
        self.judged("pass", [dict(bare, hash="a" * 32)], [dict(bare, hash="a" * 64)])
        self.judged("unsupported", [dict(bare, first=[1])], [tensor("float32", [1, 2], hash="f")])
        self.judged("pass", [dict(bare, first=[1, 2])], [tensor("float32", [1, 2], hash="f")])
        self.judged("wrong", [dict(bare, first=[1, 3])], [tensor("float32", [1, 2], hash="f")])
        self.judged("wrong", [dict(bare, hash="a" * 32, finite=False)], [dict(bare, hash="b" * 32)])
        self.judged("unsupported", [], [])
        sequence = {"name": "y", "kind": "sequence"}
        self.judged("pass", [dict(sequence, hash="a" * 32)], [dict(sequence, hash="a" * 32)])
        self.judged("unsupported", [dict(sequence, hash="a" * 32)], [dict(sequence, hash="b" * 32)])
        self.judged("wrong", [dict(bare, hash="a" * 32)], [dict(sequence, hash="a" * 32)])
        # One output that cannot be compared hides none that is wrong.
        trial = self.judged("wrong", [dict(bare, hash="a" * 32), tensor("float32", [1], "z")],
                            [dict(bare, hash="b" * 32), tensor("float32", [2], "z")])
        self.assertEqual(trial["reference"]["output"], "z")

    def test_values_are_enough_for_an_isolation(self):
        """A runner that sends `first` and no file, and zeros for one combination."""
        self.python_runner("zeros.py", {"name": "zeros", "devices": ["cpu", "gpu"], "axes": []}, r'''
v = request["variant"]
zero = request["device"] == "gpu" and v["precision"] == "fp16" and v["head"] == "end2end"
first = [0.0 if zero else i * (1.0001 if v["precision"] == "fp16" else 1) for i in range(32)]
say({"result": {"outputs": [{"name": "confidence", "dtype": "float32", "shape": [1, 32], "hash": str(first), "finite": True,
                             "first": first}]}})
''')
        case = self.case("zeros", {"file": self.write("model", "x")}, [
            {"name": "size", "ordered": [320, 640]}, {"name": "precision", "choices": ["fp32", "fp16"]},
            {"name": "head", "choices": ["raw", "end2end"]}], failing={"size": 640, "precision": "fp16", "head": "end2end"},
                         reference={"unit": "./zeros.py:cpu", "tolerance": 0.01})
        found = json.loads(self.trapline("isolate", case, "-u", self.path("zeros.py") + ":gpu", "--json", status=1).stdout)
        self.assertEqual({t["axis"]: t["value"] for t in found["trigger"]}, {"precision": "fp16", "head": "end2end"})
        self.assertEqual(found["signature"]["title"], "output confidence is all zero")

    # --- results that do not fit into a message

    def test_four_hundred_outputs(self):
        right = [tensor("float32", [1, 2, 3], "output_%03d" % i, min=1, max=3, mean=2, hash="%064x" % i) for i in range(401)]
        wrong = [dict(o) for o in right[:-1]] + [tensor("float32", [1, 2, 4.56], "output_400", hash="%064x" % 400)]
        then = "open('all.json', 'w').write(json.dumps({'outputs': said})); say({'result': {'file': 'all.json'}})"
        trial = self.judged("wrong", wrong, right, then=then)
        self.assertEqual(trial["signature"]["title"], "output output_400 differs")
        self.assertEqual(len(self.show(trial)["result"]["outputs"]), 401)
        self.judged("pass", right, right, then=then)

    def test_files_of_a_runner_are_hostile(self):
        got = [tensor("float32", [1])]
        self.write("elsewhere.json", json.dumps({"outputs": []}))
        for then in ("say({'result': {'file': 'none.json'}})",
                     "say({'result': {'file': '../elsewhere.json'}})",
                     "say({'result': {'file': %r}})" % self.path("elsewhere.json"),
                     "os.symlink(%r, 'l'); say({'result': {'file': 'l'}})" % self.path("elsewhere.json"),
                     "os.mkfifo('f'); say({'result': {'file': 'f'}})",
                     "os.mkdir('d'); say({'result': {'file': 'd'}})",
                     "open('big', 'w').truncate(17 << 20); say({'result': {'file': 'big'}})",
                     "open('x', 'w').write('{'); say({'result': {'file': 'x'}})",
                     "open('x', 'w').write('{\"outputs\": [{}]}'); say({'result': {'file': 'x'}})",
                     "open('x', 'w').write('{\"file\": \"x\"}'); say({'result': {'file': 'x'}})",
                     "say({'result': {'file': 7}})", "say({'result': {'file': ''}})"):
            trial = self.judged("error", got, got, then=then)
            self.assertEqual(self.show(trial)["error"]["domain"], "protocol", then)
        put = "os.remove(request['outputs'] + '/0.npy'); "
        for then, why in ((put + "os.symlink(%r, request['outputs'] + '/0.npy')" % self.runner, "it is a link"),
                          (put + "os.mkfifo(request['outputs'] + '/0.npy')", "not a regular file"),
                          (put + "os.mkdir(request['outputs'] + '/0.npy')", "not a regular file"),
                          (put, "No such file"),
                          ("said[0]['npy'] = '../../x.npy'", "is not the name of a file"),
                          ("said[0]['npy'] = '/etc/hostname'", "is not the name of a file"),
                          ("open(request['outputs'] + '/0.npy', 'r+').truncate(1 << 30)", "its shape needs 4 bytes"),
                          ("os.rename(request['outputs'], 'o'); os.symlink('o', request['outputs'])",
                           "is not the name of a file")):
            for digits in ("f", "0" * 32): # another hash; the same, which is not believed beside such a file
                lie = "if request['device'] == 'cpu': said[0]['hash'] = '%s'; %s\nsay({'result': {'outputs': said}})" % (
                    digits, then)
                self.assertIn(why, self.judged("unsupported", got, got, then=lie)["message"])
        for first in ([1, 2], ["1"], [[1, 2]]):
            listed = {"name": "y", "dtype": "float32", "shape": [1], "first": first}
            self.assertIn("no value of its type", self.judged("unsupported", [listed], [dict(listed, first=[1])])["message"])

    # --- what a reference can be

    def test_expected_files(self):
        self.write("y.npy", o.npy(o.FLOAT, [2], [1, 2]))
        reference = {"outputs": [{"name": "y", "npy": "y.npy"}]}
        case = self.answers([tensor("float32", [1, 2])], reference=reference)
        self.one(case, "-u", self.runner + ":cpu", status=0)
        self.write("y.npy", o.npy(o.FLOAT, [2], [1, 3]))
        trial = self.one(case, "-u", self.runner + ":cpu", "--cached", status=1)  # another case, for the file is
        self.assertFalse(trial["cached"])
        self.assertIn("not what the expected outputs say: output y differs at [1]: 2.0, expected 3.0", trial["message"])
        self.judged("unsupported", [{"name": "y", "dtype": "float32", "shape": [2]}], reference=reference)
        self.judged("wrong", [tensor("float64", [1, 3])], reference=reference)
        self.judged("wrong", [tensor("float32", [1, 3], "x")], reference=reference)
        self.judged("pass", [tensor("float32", [1, 3]), tensor("float32", [1], "x")], reference=reference)
        self.write("y.pb", o.vector(None, o.FLOAT, 1, 2))
        self.judged("pass", [tensor("float32", [1, 2])], reference={"outputs": [{"name": "y", "pb": "y.pb"}]})
        self.judged("wrong", [tensor("float32", [1, 3])], reference={"outputs": [{"name": "y", "pb": "y.pb"}]})
        self.write("y.pb", b"nothing of the kind")
        self.judged("unsupported", [tensor("float32", [1, 3])], reference={"outputs": [{"name": "y", "pb": "y.pb"}]})

    def test_expected_files_of_each_variant(self):
        self.write("expected-99.npy", o.npy(o.FLOAT, [2], [1, 2]))
        case = self.answers({"99": [tensor("float32", [1, 2])], "0": [tensor("float32", [1, 9])]},
                            reference={"outputs": [{"name": "y", "npy": "expected-{optimization}.npy"}]},
                            axes=[{"name": "optimization", "choices": [99, 0]}])
        unit = self.runner + ":cpu"
        self.one(case, "-u", unit, status=0)
        trial = self.one(case, "-u", unit, "-s", "optimization=0", status=2)
        self.assertIn("expected-0.npy: No such file", trial["message"])
        self.write("expected-0.npy", o.npy(o.FLOAT, [2], [1, 2]))
        self.one(case, "-u", unit, "-s", "optimization=0", status=1)
        self.one(case, "-u", unit, "--cached", status=0)

    def test_expected_files_from_the_generator(self):
        self.write("make.py", '''import json, os, struct, sys
sys.path.insert(0, %r)
model, outputs, n = sys.argv[1:]
json.dump({"cpu": [{"name": "y", "dtype": "float32", "shape": [2], "first": [1, 2 if n == "1" else 5]}]}, open(model, "w"))
open(os.path.join(outputs, "y.npy"), "wb").write(%r)
''' % (HERE, o.npy(o.FLOAT, [2], [1, 2])))
        case = self.case("made", {"generate": [sys.executable, "{case_dir}/make.py", "{model}", "{outputs}", "{n}"]},
                         [{"name": "n", "range": [1, 2]}], reference={"outputs": [{"name": "y", "npy": "{outputs}/y.npy"}]})
        for _ in range(2):  # also of what was made before
            self.one(case, "-u", self.runner + ":cpu", status=0)
        self.one(case, "-u", self.runner + ":cpu", "-s", "n=2", status=1)

    def test_the_same_unit_with_other_axes(self):
        got = {"99": [tensor("float32", [1, 9])], "0": [tensor("float32", [1, 2])], "1": [tensor("float32", [1, 2])]}
        reference = {"unit": "same", "with": {"optimization": 0}}
        case = self.answers(got, reference=reference, axes=[{"name": "optimization", "choices": [99, 1]}])
        unit = self.runner + ":cpu"
        trial = self.one(case, "-u", unit, status=1)
        self.assertIn("not what the same unit with optimization=0 says", trial["message"])
        self.one(case, "-u", unit, "-s", "optimization=1", status=0)
        case = self.answers(got, reference=reference, axes=[{"name": "optimization", "choices": [99, 0]}])
        self.one(case, "-u", unit, "-s", "optimization=0", status=0)  # the reference itself
        case = self.answers({"None": [tensor("float32", [1, 9])], "0": [tensor("float32", [1, 2])]}, reference=reference)
        self.one(case, "-u", unit, status=1)  # an axis that the case does not have
        case = self.answers(got["99"], {"0": got["0"], "99": got["99"]},
                            {"unit": unit.replace("cpu", "right"), "with": {"optimization": 0}},
                            axes=[{"name": "optimization", "choices": [99, 1]}])
        trial = self.one(case, "-u", unit, status=1)
        self.assertIn(":right with optimization=0 says", trial["message"])

    def test_a_model_that_is_generated_for_the_reference(self):
        self.write("make.py", '''import json, sys
json.dump({"cpu": [{"name": "y", "dtype": "float32", "shape": [1], "first": [{"plain": 1, "fused": 2}[sys.argv[2]]]}]},
          open(sys.argv[1], "w"))
''')
        case = self.case("made", {"generate": [sys.executable, "{case_dir}/make.py", "{model}", "{form}"]},
                         [{"name": "form", "choices": ["plain", "fused"]}],
                         reference={"unit": "same", "with": {"form": "plain"}})
        self.one(case, "-u", self.runner + ":cpu", status=0)
        trial = self.one(case, "-u", self.runner + ":cpu", "-s", "form=fused", status=1)
        self.assertEqual(trial["reference"]["worst"]["expected"], 1.0)


class OnnxRuntimeTest(ProgramTest):
    """Outputs of a real runtime, of types that only some files can hold."""
    def setUp(self):
        super().setUp()
        self.unit = self.real_unit("1.30.0")

    def cast(self, dtype):
        """A model that casts two numbers to a type."""
        g = o.graph([o.node("Cast", "x", "y", to=dtype)], [o.value("x", o.FLOAT, [2])], [o.value("y", dtype, [2])])
        return self.write("cast-%d.onnx" % dtype, o.model(g, opset=21, ir=10))

    def test_outputs_of_every_type(self):
        for name, dtype, given, right, other in (
                ("string", o.STRING, [1, 2], ["1", "2"], ["1", "3"]),
                ("float8e4m3fn", 17, [1, 448], b"\x38\x7e", b"\x38\x7d"),
                ("int4", 22, [-1, 7], b"\x7f", b"\x6f"),
                ("bfloat16", 16, [1, "inf"], b"\x80\x3f\x80\x7f", b"\x80\x3f\x80\xff"),
                ("bool", o.BOOL, [1, 0], b"\1\0", b"\1\1"),
                ("float64", o.DOUBLE, ["nan", 2], [float("nan"), 2], [1, 2]),
                ("int64", o.INT64, [16777216, 2], [16777216, 2], [16777217, 2])):
            model = self.cast(dtype)
            for n, (elements, status) in enumerate(((right, 0), (other, 1))):
                self.write("%s-%d.pb" % (name, n), o.tensor(None, dtype, [2], elements))
                case = self.case("%s-%d" % (name, n), {"file": model}, inputs=[
                    {"name": "x", "dtype": "float32", "shape": [2], "data": given}],
                                 reference={"outputs": [{"name": "y", "pb": "%s-%d.pb" % (name, n)}]})
                trial = self.one(case, "-u", self.unit, status=status)
                self.assertEqual(trial["outcome"], "wrong" if status else "pass", (name, trial["message"]))


if __name__ == "__main__":
    unittest.main()
