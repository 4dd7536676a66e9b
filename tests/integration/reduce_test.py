#!/usr/bin/env python3
"""Models that are reduced: on a runner of the test's own, which dies of what stands in the model, and on a real ONNX Runtime
where a build is in the cache (none is fetched)."""
import json
import os
import signal
import subprocess
import sys
import time
import unittest

from onnx_bytes import FLOAT, INT32, chain, graph, model, node, npy, value, vector
from program import ProgramTest



# Dies where both Left and Right stand in the model, in another way where Right stands there alone.
RUNNER = """
channel = socket.socket(fileno=3)
lines = channel.makefile("rw")
def say(o):
    lines.write(json.dumps(o) + "\\n")
    lines.flush()
for line in lines:
    request = json.loads(line)
    if "describe" in request:
        say({"name": "played", "version": "1", "devices": [{"name": "cpu", "usable": True}], "axes": []})
        sys.exit(0)
    if os.path.exists(os.environ.get("SLOW", "")):
        time.sleep(0.1)
    say({"phase": "load"})
    text = open(request["model"], "rb").read()
    say({"phase": "execute"})
    if b"Left" in text and b"Right" in text:
        say({"error": {"domain": "played", "code": "BOTH", "message": "node %s cannot follow" % ("'n%d'" % text.count(b"Relu"))}})
    elif b"Right" in text:
        say({"error": {"domain": "played", "code": "ALONE", "message": "nothing to follow"}})
    else:
        say({"result": {"outputs": []}})
    sys.exit(0)
"""


class Played(ProgramTest):
    def setUp(self):
        super().setUp()
        # Without what a site adds to Python it starts in a fraction of the time.
        program = "#!%s -IS\nimport json, os, socket, sys, time\n" % sys.executable + RUNNER
        self.unit = self.write("played", program, 0o755) + ":cpu"

    def reduce(self, path, *arguments, status=1):
        done = self.trapline("reduce", path, "-u", self.unit, "--json", *arguments, status=status)
        return json.loads(done.stdout) if status < 2 else done.stderr

    def trials(self):
        done = self.trapline("list", "trials", "--json", "--limit", "1000")
        return json.loads(done.stdout)["trials"] if done.returncode == 0 else [] # the database is being made

    def test_two_nodes_far_apart_are_found_and_stored_as_a_finding(self):
        operators = ["Relu"] * 12
        operators[3], operators[9] = "Left", "Right"
        content = chain(operators)
        path = self.write("two.onnx", content)
        found = self.reduce(path)
        self.assertEqual(found["nodes"], [12, 2])
        self.assertEqual([n["original"] for n in found["remaining"]], ["layers.3.left", "layers.9.right"])
        self.assertTrue(found["minimal"] and found["complete"] and found["confirmed"])
        self.assertEqual(found["owner_data"], [])
        self.assertGreater(sum(s["rejected"] for s in found["steps"]), 0)
        self.assertEqual([o["title"] for o in found["others"]], ["played ALONE: nothing to follow"])
        with open(path, "rb") as f:
            self.assertEqual(f.read(), content)
        with open(found["model"], "rb") as f:
            reduced = f.read()
        self.assertNotIn(b"Relu", reduced)
        self.assertNotIn(b"layers", reduced)
        # The finding is one as any other; its report says where each node stood.
        listed = json.loads(self.trapline("list", "findings", "--json", status=0).stdout)["findings"]
        self.assertEqual([f["finding"] for f in listed], [found["finding"]])
        report = self.trapline("report", found["finding"], status=0).stdout
        self.assertIn("2 of its 12 nodes", report)
        for name in ("layers.3.left", "layers.9.right"):
            self.assertIn("`%s`" % name, report)
        # The same command again runs nothing of the search again; the names may stay.
        again = self.reduce(path)
        self.assertEqual(again["trials"] - again["cached"], 3) # what is recorded is not kept, and recorded once more
        self.assertEqual(again["remaining"], found["remaining"])

    def test_a_search_that_was_killed_goes_on(self):
        operators = ["Relu"] * 30
        operators[5], operators[20] = "Left", "Right"
        path = self.write("long.onnx", chain(operators))
        slow = self.write("slow", "")
        env = dict(self.env, SLOW=slow)
        running = subprocess.Popen(self.command("reduce", path, "-u", self.unit), env=env, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        deadline = time.monotonic() + 60
        while len(self.trials()) < 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        running.send_signal(signal.SIGKILL)
        running.wait()
        os.unlink(slow)
        ended = sum(t["outcome"] != "lost" for t in self.trials())
        self.assertGreater(ended, 2)
        done = self.trapline("reduce", path, "-u", self.unit, "--json", env=env, status=1)
        found = json.loads(done.stdout)
        self.assertEqual(found["nodes"], [30, 2])
        self.assertEqual(found["cached"], ended)
        self.assertEqual(os.listdir(self.path("cache", "trapline", "reduce")), [])

    def test_a_budget_ends_it_with_the_best_so_far(self):
        operators = ["Relu"] * 60
        operators[5], operators[20] = "Left", "Right"
        found = self.reduce(self.write("long.onnx", chain(operators)), "--max-trials", "6", "--keep-names")
        self.assertFalse(found["complete"])
        self.assertFalse(found["minimal"])
        self.assertLess(found["nodes"][1], 60)
        self.assertGreater(found["nodes"][1], 2)
        self.assertIn("not yet minimal", self.trapline("report", found["finding"], status=0).stdout)

    def test_what_does_not_fail_is_not_reduced(self):
        found = self.reduce(self.write("good.onnx", chain(["Relu"] * 5)), status=0)
        self.assertFalse(found["reproduced"])
        self.assertIsNone(found["finding"])

    def test_what_is_wrong_or_not_built_is_said(self):
        path = self.write("some.onnx", chain(["Relu"] * 5))
        self.write("x.npy", npy(FLOAT, [4], [1, 2, 3, 4]))
        os.mkdir(self.path("full"))
        self.write("full/file", "")
        for arguments, words in (
                (["-o", self.path("full")], "it is there already"), (["-o", ""], "-o takes a directory"),
                (["-o", self.path("no", "such", "place")], "a directory cannot be made there"),
                (["--inputs", "x=%s" % self.path("none.npy")], "No such file"),
                (["--inputs", self.path("x.npy"), "--inputs", self.path("x.npy")], "1 input: x"),
                (["--force"], "-o DIR"), (["-s", "axis"], "AXIS=VALUE")):
            self.assertIn(words, self.reduce(path, *arguments, status=2), arguments)
        for content, words in ((b"GGUF\3\0\0\0", "GGUF"), (b"", "empty"), (b"no model at all", "a text file"), (b"\x01no model", "no ONNX model"),
                               (b'{"trapline": 1}', "name")):
            self.assertIn(words, self.reduce(self.write("other", content), status=2), content)
        self.assertIn("-u", self.trapline("reduce", path, status=2).stderr)
        case = self.case("made", {"generate": ["true", "{model}"]})
        self.assertIn("made when it is run", self.reduce(case, status=2))


def dividing(n, at):
    """Nodes of whole numbers one after the other; one of them divides by zero."""
    nodes, last = [], "x"
    for i in range(n):
        nodes.append(node("Div" if i == at else "Mul", "%s,%s" % (last, "zero" if i == at else "one"), "t%d" % i, "layers.%d" % i))
        last = "t%d" % i
    return nodes, last


class Real(ProgramTest):
    def setUp(self):
        super().setUp()
        self.unit = self.real_unit("1.22.0", "1.21.0")
        self.tensors = [vector("one", INT32, 1), vector("zero", INT32, 0), vector("three", INT32, 3)]

    def reduce(self, name, nodes, last, *arguments, inputs=(1, 2, 3, 4)):
        g = graph(nodes, [value("x", INT32, [4])], [value(last, INT32, [4])], self.tensors)
        path, x = self.write(name, model(g)), self.write("x.npy", npy(INT32, [4], inputs))
        return json.loads(self.trapline("reduce", path, "-u", self.unit, "--inputs", "x=" + x, "--json", *arguments,
                                        status=1).stdout)

    def test_one_cause_in_a_long_chain(self):
        nodes, last = dividing(200, 120)
        out = self.path("out")
        found = self.reduce("one.onnx", nodes, last, "-o", out)
        self.assertEqual((found["outcome"], found["signal"]), ("crash", "SIGFPE"))
        self.assertEqual(found["nodes"], [200, 1])
        self.assertEqual(found["remaining"][0]["original"], "layers.120")
        self.assertIsNone(found["structural"])
        self.assertEqual((found["recorded_inputs"], found["owner_data"]), ([], []))
        for name in ("model.onnx", "inputs/0.npy", "neighbour/model.onnx", "reduce.json", "case.json", "report.md", "repro.c", "repro.py",
                     "control/model.onnx"):
            self.assertTrue(os.path.exists(os.path.join(out, name)), name)
        with open(os.path.join(out, "report.md"), encoding="utf-8") as f:
            report = f.read()
        self.assertIn("with `--control` it exited with 0 in 3 of 3", " ".join(report.split()))
        self.assertNotIn("no trial of it is known", report)
        with open(os.path.join(out, "reduce.json"), encoding="utf-8") as f:
            self.assertNotIn(self.directory, f.read())
        trial = json.loads(self.trapline("run", os.path.join(out, "case.json"), "-u", self.unit, "--fresh", "--json", status=1).stdout)
        self.assertEqual(trial["trials"][0]["signal"], "SIGFPE")

    def test_two_causes_that_are_needed_jointly(self):
        nodes, last = dividing(1000, -1)
        nodes[211] = node("Mul", "t210,zero", "t211", "layers.211.zero")
        nodes[800] = node("Div", "three,t799", "t800", "layers.800.div")
        found = self.reduce("two.onnx", nodes, last)
        self.assertEqual(found["nodes"], [1000, 1])
        self.assertEqual(found["remaining"][0]["original"], "layers.800.div")
        self.assertEqual([n["original"] for n in found["structural_remaining"]], ["layers.211.zero", "layers.800.div"])
        self.assertTrue(found["structural_minimal"])
        search = sum(s["trials"] for s in found["steps"] if s["step"] in ("end", "outputs", "begin", "between", "structural"))
        self.assertLessEqual(search, 25)
        self.assertEqual(found["neighbour"]["with"], "ones")

    def test_inside_of_an_if(self):
        body = [node("Mul", "t9,one", "b0", "in.0"), node("Sub", "b0,b0", "b1", "in.sub"), node("Div", "three,b1", "b2", "in.div"),
                node("Mul", "b2,one", "b3", "in.3")]
        nodes, last = dividing(10, -1)
        nodes += [node("ReduceMin", "x", "least"), node("Equal", "least,least", "same"), node("Squeeze", "same", "c"),
                              node("If", "c", "y", "choice", then_branch=graph(body, [], [value("b3", INT32, [4])]),
                                   else_branch=graph([node("Mul", "t9,one", "e0")], [], [value("e0", INT32, [4])]))]
        nodes += [node("Mul", "y,one", "z", "behind")]
        found = self.reduce("if.onnx", nodes, "z")
        self.assertEqual(found["nodes"][1], 1)
        self.assertEqual((found["remaining"][0]["original"], found["remaining"][0]["inside"]), ("in.div", False))


if __name__ == "__main__":
    unittest.main()
