#!/usr/bin/env python3
"""Reductions and what is written meanwhile: answers too long for a message, runners that lie about them, disks that are full,
kill -9, hangs, weights beside the model."""
import json
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import time
import unittest

from onnx_bytes import FLOAT, INT32, chain, graph, model, node, npy, outside, value, vector
from program import TRAPLINE, ProgramTest

LINUX = sys.platform.startswith("linux")

# --- answers too long for a message ---

MANY = """
v = request["variant"]
lie, n = v.get("lie", "no"), v["n"]
say({"phase": "execute"})
outputs = [{"name": "layers.%d.attention.output.dense" % i, "dtype": "float32", "shape": [1], "hash": "%x" % i, "finite": True,
            "first": [1.52 if v.get("off") and i == n - 1 else 1.0]} for i in range(n)]
text = json.dumps({"outputs": outputs})
name, path = "answer.json", os.path.join(request["scratch"], "answer.json")
if lie == "line":
    channel.sendall(json.dumps({"result": {"outputs": outputs}}).encode()[:-2])
    sys.exit(0)
if lie == "long line":
    say({"result": {"outputs": outputs}})
    sys.exit(0)
if lie == "short":
    text = text[:-100]
if lie == "text":
    text = "no JSON at all"
if lie == "list":
    text = json.dumps(outputs)
if lie == "huge":
    text = "{"
if lie == "empty":
    text = ""
if lie == "fifo":
    os.mkfifo(path)
elif lie == "directory":
    os.mkdir(path)
elif lie == "link":
    with open(os.path.join(os.path.dirname(request["scratch"]), "elsewhere"), "w") as f:
        f.write(text)
    os.symlink(os.path.join(os.path.dirname(request["scratch"]), "elsewhere"), path)
elif lie != "missing":
    with open(path, "w") as f:
        f.write(text)
        if lie == "huge":
            f.truncate(32 << 20)
if lie == "outside":
    name = "../answer.json"
say({"result": {"file": name}})
if lie == "twice":
    say({"result": {"file": name}})
"""

LIES = {"missing": "No such file", "short": "JSON of a result", "text": "JSON of a result", "list": "an object with \"outputs\"",
        "empty": "JSON of a result", "huge": "it is larger", "fifo": "not a regular file", "directory": "not a regular file",
        "link": "it is a link", "outside": "without a \"/\"", "line": "stops being JSON|cut off|without", "long line": "65536 bytes",
        "twice": "second answer"}


class LongAnswers(ProgramTest):
    def many(self, **more):
        return self.case("many", {"file": self.write("any.bin", "any")},
                         [{"name": "n", "ordered": [1, 401, 672, 5000]}, {"name": "off", "choices": [False, True]},
                          {"name": "lie", "choices": ["no", *LIES]}],
                         **more)

    def setUp(self):
        super().setUp()
        self.unit = self.python_runner("runner", {"name": "many", "axes": ["n", "off", "lie"]}, MANY, bare=True) + ":cpu"

    def test_the_last_of_many_outputs_is_compared(self):
        case = self.many(reference={"unit": "same", "with": {"off": False}, "rtol": 1e-3, "atol": 0})
        for n in (1, 401, 672, 5000):
            right = self.one(case, "-u", self.unit, "-s", f"n={n}", status=0)
            self.assertEqual(right["outcome"], "pass")
            wrong = self.one(case, "-u", self.unit, "-s", f"n={n}", "-s", "off=true", status=1)
            self.assertEqual(wrong["outcome"], "wrong")
            self.assertIn(f"layers.{n - 1}.", wrong["message"])
            self.assertEqual(len(self.show(wrong)["result"]["outputs"]), n)

    def test_a_runner_that_lies_about_its_file_passes_nothing(self):
        case = self.many()
        for lie, words in LIES.items():
            with self.subTest(lie):
                trial = self.one(case, "-u", self.unit, "-s", "n=401" if lie == "line" else "n=672", "-s", f"lie={lie}", status=1)
                self.assertEqual(trial["outcome"], "error")
                self.assertRegex(trial["message"], words)

    def test_an_answer_in_a_line_is_as_it_was(self):
        trial = self.one(self.many(), "-u", self.unit, "-s", "n=1", "-s", "lie=long line", status=0)
        self.assertEqual((trial["outcome"], len(self.show(trial)["result"]["outputs"])), ("pass", 1))


# --- reductions that are stopped ---

# Left and Right in one model: what the first letters of the model's producer say.
PLAYED = """
import signal
say({"phase": "load"})
text = open(request["model"], "rb").read()
if "REMOVES" in os.environ:
    with open(request["model"], "r+b") as f:
        f.write(b"garbage")
    os.unlink(request["model"])
both, alone = os.environ["PLAYED"].split(",") if b"Right" in text else ("", "")
weights = os.path.join(os.path.dirname(request["model"]), "weights.bin")
if os.path.exists(os.environ.get("LINKED", "")) and os.path.exists(weights):
    with open(os.environ["LINKED"], "a") as f:
        f.write("%d\\n" % os.stat(weights).st_ino)
if both and (b"Left" in text and both == "read" or b"Left" not in text and alone == "read"):
    os.kill(os.getpid(), signal.SIGSEGV)
say({"phase": "execute"})
what = both if b"Left" in text else alone
if what == "seldom": # without a Relu in every other run
    with open(os.environ["COUNTED"], "a+") as f:
        f.write("" if b"Relu" in text else ".")
        what = "both" if b"Relu" in text or f.tell() % 2 == 0 else ""
if what == "mixed": # three crashes follow what is none
    with open(os.environ["COUNTED"], "a+") as f:
        f.write(".")
        what = ("wrong", "error", "wrong", "dies", "dies", "dies")[(f.tell() - 1) % 6]
if what == "dies":
    os.kill(os.getpid(), signal.SIGBUS)
if what == "wrong":
    say({"result": {"outputs": [{"name": "y", "dtype": "float32", "shape": [1], "hash": "0", "finite": False}]}})
elif what == "error":
    say({"error": {"domain": "played", "code": "index", "message": "an index that is no index"}})
elif what == "hang":
    time.sleep(60)
elif what in ("both", "alone"):
    say({"error": {"domain": "played", "code": what, "message": what}})
else:
    say({"result": {"outputs": []}})
"""


class Stopped(ProgramTest):
    def setUp(self):
        super().setUp()
        self.unit = self.python_runner("played", {"name": "played", "axes": []}, PLAYED, bare=True) + ":cpu"
        self.env["PLAYED"] = "both,alone"
        operators = ["Relu"] * 12
        operators[3], operators[9] = "Left", "Right"
        self.content = chain(operators)
        self.model = self.write("m.onnx", self.content)

    def reduce(self, *arguments, status=1, env=None):
        done = self.trapline("reduce", self.model, "-u", self.unit, "--json", *arguments, status=status, env=env)
        with open(self.model, "rb") as f:
            self.assertEqual(f.read(), self.content)
        return json.loads(done.stdout) if status == 1 else done.stderr

    def tried(self):
        """How often each variant was run to its end."""
        counts = {}
        for t in json.loads(self.trapline("list", "trials", "--json", "--limit", "1000", status=0).stdout)["trials"]:
            edits = t["variant"].get("edits")
            if t["outcome"] != "lost" and edits:
                counts[edits] = counts.get(edits, 0) + 1
        return counts

    def test_hangs_and_deaths_while_a_model_is_read(self):
        for played, outcome, others, operators in (("hang,alone", "hang", set(), ["Left", "Right"]),
                                                   ("both,hang", "error", {"hang"}, ["Relu", "Left", "Right"]),
                                                   ("read,alone", "crash", set(), ["Relu", "Left", "Relu", "Right"]),
                                                   ("both,read", "error", {"crash"}, ["Relu", "Left", "Relu", "Right"])):
            with self.subTest(played):
                name = played.replace(",", "-")
                self.db, self.content = self.path(name + ".db"), chain(operators)
                self.model = self.write(name + ".onnx", self.content)
                self.env.update(PLAYED=played)
                case = self.case(name, {"file": name + ".onnx"}, limits={"timeout_s": 0.7})
                found = json.loads(self.trapline("reduce", case, "-u", self.unit, "--max-trials", "30", "--json", status=1).stdout)
                self.assertEqual((found["outcome"], found["nodes"]), (outcome, [len(operators), 2]))
                self.assertGreaterEqual({o["outcome"] for o in found["others"]}, others)

    def test_killed_at_any_moment(self):
        random.seed(7)
        for _ in range(6):
            running = subprocess.Popen(self.command("reduce", self.model, "-u", self.unit, "-o", self.path("out")), env=self.env,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(random.uniform(0.05, 0.5))
            running.kill()
            if running.wait() == 1:
                shutil.rmtree(self.path("out")) # it was through
        found = self.reduce("-o", self.path("out"))
        self.assertEqual((found["nodes"], found["confirmed"]), ([12, 2], True))
        self.assertEqual([n for n in self.tried().values() if n > 1], [])
        self.assertEqual([name for name in os.listdir(self.directory) if "out" in name], ["out"])
        self.assertEqual(os.listdir(self.path("cache", "trapline", "reduce")), [])

    def test_what_is_left_fails_less_often_than_the_original(self):
        self.env.update(PLAYED="seldom,", COUNTED=self.path("counted"))
        self.write("counted", ".")
        done = self.trapline("reduce", self.model, "-u", self.unit, "-o", self.path("out"), status=1)
        with open(self.path("out", "reduce.json"), encoding="utf-8") as f:
            found = json.load(f)
        self.assertEqual((found["nodes"], found["original_rate"]), ([12, 2], [3, 3]))
        failed, runs = found["rate"]
        self.assertTrue(found["confirmed"] and 0 < failed < runs, found["rate"])
        self.assertFalse(found["minimal"])
        self.assertRegex(done.stdout, f"not shown to be minimal(.|\\n)*failed in {failed} of {runs} runs")

    def test_a_crash_is_meant_where_others_come_first(self):
        self.env.update(PLAYED=",mixed", COUNTED=self.path("counted"))
        self.content = chain(["Relu", "Right"])
        self.model = self.write("m.onnx", self.content)
        found = self.reduce()
        self.assertEqual((found["outcome"], found["signal"], found["nodes"]), ("crash", "SIGBUS", [2, 1]))
        self.assertEqual([n["original"] for n in found["remaining"]], ["layers.1.right"])
        failed, runs = found["original_rate"]
        self.assertEqual((failed + sum(found["original_otherwise"].values()), set(found["original_otherwise"])), (runs, {"wrong", "error"}))
        self.assertFalse(found["minimal"] or found["structural_minimal"])
        self.assertEqual({o["outcome"] for o in found["others"]}, {"wrong", "error"})

    def test_the_state_is_beside_the_database(self):
        self.db = self.path("other.db")
        first = self.reduce("--max-trials", "8")
        self.assertTrue(first["directory"].startswith(self.db + "-reductions/"), first["directory"])
        # However the database is named, and whatever the home is.
        self.write("trapline.json", json.dumps({"trapline": 1, "database": "other.db"}))
        env = dict(self.env, XDG_STATE_HOME=self.path("elsewhere"))
        done = subprocess.run([TRAPLINE, "reduce", self.model, "-u", self.unit, "--json"], env=env, cwd=self.directory, capture_output=True,
                              text=True, check=False)
        found = json.loads(done.stdout)
        self.assertGreaterEqual(found["cached"], 6) # the search of the first; what confirms it is of another case
        self.assertEqual([n for n in self.tried().values() if n > 1], [])
        self.assertFalse(os.path.exists(self.path("elsewhere", "trapline")))

    def test_two_at_once(self):
        first = self.start("reduce", self.model, "-u", self.unit, "--json")
        time.sleep(0.2)
        second = self.trapline("reduce", self.model, "-u", self.unit, "--json", "--db", self.path("other.db"), db=False, status=1)
        said, _ = first.communicate(timeout=60)
        for text in (said, second.stdout):
            self.assertEqual((json.loads(text)["nodes"], json.loads(text)["confirmed"]), ([12, 2], True))

    def test_no_scratch(self):
        nowhere = self.path("nowhere")
        self.assertIn(nowhere, self.reduce(status=3, env=dict(self.env, TMPDIR=nowhere)))

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to mount a small file system")
    def test_full_disks(self):
        small = self.path("small")
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", small], capture_output=True, check=False).returncode:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", small], check=False)
        for i, (variable, left) in enumerate((("--db", 8), ("XDG_CACHE_HOME", 8), ("-o", 12), ("-o", 80))):
            with self.subTest(variable=variable, left=left):
                self.db, out = self.path(f"{i}.db"), self.path(f"out{i}")
                env = dict(self.env, XDG_STATE_HOME=self.path(f"state{i}"))
                if variable == "-o":
                    out = os.path.join(small, "out")
                elif variable == "--db": # what stands beside the database
                    os.mkdir(os.path.join(small, "kept"))
                    os.symlink(os.path.join(small, "kept"), self.db + "-reductions")
                else:
                    env[variable] = os.path.join(small, variable)
                free = os.statvfs(small).f_bavail * os.statvfs(small).f_frsize
                ballast = os.path.join(small, "ballast")
                with open(ballast, "wb") as f:
                    f.write(b"\0" * (free - left * 1024))
                said = self.reduce("-o", out, status=3, env=env)
                self.assertRegex(said, "No space left|disk is full")
                self.assertRegex(said, "free some space|disk may be full")
                self.assertEqual([name for name in os.listdir(os.path.dirname(out)) if os.path.basename(out) in name], [])
                os.unlink(ballast)
                before = self.tried()
                found = self.reduce("-o", out, env=env)
                self.assertEqual((found["nodes"], found["confirmed"]), ([12, 2], True))
                self.assertGreaterEqual(found["cached"], len(before))
                self.assertEqual([n for n in self.tried().values() if n > 1], [])
                self.assertTrue(os.path.exists(os.path.join(out, "reduce.json")))
            for name in os.listdir(small): # what failed once says nothing of the others
                path = os.path.join(small, name)
                (shutil.rmtree if os.path.isdir(path) else os.unlink)(path)

    def test_an_older_result_is_replaced_and_nothing_else(self):
        out = self.path("out")
        self.reduce("-o", out)
        self.reduce("-o", out, "--force")
        self.write(os.path.join("out", "mine"), "mine")
        self.assertIn("mine", self.reduce("-o", out, "--force", status=2))
        self.assertTrue(os.path.exists(os.path.join(out, "mine")))

    def test_places_that_nothing_can_be_put_in_the_place_of(self):
        """That is said before anything is run; what a link leads to is where the result is put."""
        os.mkdir(self.path("empty"))
        os.symlink(self.path("nowhere"), self.path("dangling"))
        os.symlink("m.onnx", self.path("file"))
        os.symlink("empty", self.path("link"))
        for place, words, where in (("dangling", "leads to no directory", None), ("file", "leads to no directory", None),
                                    (".", "is the working directory", "empty")):
            done = self.trapline("reduce", self.model, "-u", self.unit, "-o", place if where else self.path(place), status=2,
                                 cwd=self.path(where) if where else None)
            self.assertRegex(done.stderr, r"\Atrapline: [^\n]*%s[^\n]*\n\Z" % words) # and no line of a trial
        for _ in range(2):
            self.reduce("-o", self.path("link"), "--force")
        self.assertTrue(os.path.islink(self.path("link")))
        self.assertTrue(os.path.exists(self.path("empty", "reduce.json")))

    def test_a_runner_that_removes_its_model_has_removed_a_copy(self):
        found = self.reduce(env=dict(self.env, REMOVES="1"))
        self.assertEqual((found["nodes"][1], found["steps"][0]["trials"]), (2, 3))
        self.assertGreaterEqual(found["rate"][0], 3)
        with open(self.path("m.onnx"), "rb") as f:
            self.assertEqual(f.read(), self.content)

    def test_weights_beside_the_model_stay_as_they_are(self):
        tensors = [outside(name, FLOAT, [16], location="weights.bin", offset=at, length=64) for name, at in (("w0", 0), ("w1", 1 << 22))]
        nodes = [node("Left", "x,w0", "a", "one"), node("Relu", "a", "b", "two"), node("Right", "b,w1", "y", "three")]
        self.content = model(graph(nodes, [value("x", FLOAT, [16])], [value("y", FLOAT, [16])], tensors))
        self.write("m.onnx", self.content)
        weights = self.write("weights.bin", struct.pack("<16f", *range(16)))
        os.truncate(weights, (1 << 22) + 64)
        seen, links = self.write("seen", ""), os.stat(weights).st_nlink
        found = self.reduce("-o", self.path("out"), env=dict(self.env, LINKED=seen))
        self.assertEqual(found["nodes"], [3, 2])
        with open(seen, encoding="ascii") as f:
            self.assertNotIn(str(os.stat(weights).st_ino), f.read().split()) # a runner of one's own gets copies
        self.assertEqual(os.stat(weights).st_nlink, links)
        self.assertEqual(os.stat(weights).st_size, (1 << 22) + 64)
        self.assertFalse(os.path.exists(self.path("out", "weights.bin")))

    def test_what_is_beside_the_model_and_is_no_file(self):
        os.mkfifo(self.path("fifo"))
        os.mkdir(self.path("directory"))
        os.symlink("/dev/zero", self.path("endless"))
        for name, words in (("fifo", "no regular file"), ("directory", "no regular file"), ("endless", "no regular file"),
                            ("missing", "has to stand beside it: No such file"), ("n" * 5000, "too long")):
            with self.subTest(name[:20]):
                beside = outside("w", FLOAT, [4], location=name)
                self.content = model(graph([node("Right", "x,w", "y", "n")], [value("x", FLOAT, [4])], [value("y", FLOAT, [4])], [beside]))
                self.write("m.onnx", self.content)
                said = self.reduce(status=2)
                self.assertRegex(said, words)
                self.assertIn(name[:20], said)
                case = self.case("beside", {"file": "m.onnx"})
                self.assertRegex(self.trapline("reduce", case, "-u", self.unit, status=2).stderr, words)


# --- real ones ---

class Real(ProgramTest):
    def test_the_last_of_401_outputs(self):
        unit = self.real_unit("1.22.0")
        names = [f"layers.{i}.attention.output.dense.tensor" for i in range(401)]
        nodes = [node("Add", f"{before},one", name) for before, name in zip(["x", *names], names)]
        self.write("m.onnx", model(graph(nodes, [value("x", INT32, [4])], [value(name, INT32, [4]) for name in names], [vector("one", INT32, 1)])))
        self.write("x.npy", npy(INT32, [4], [0, 1, 2, 3]))
        self.write("right.npy", npy(INT32, [4], [401, 402, 403, 404]))
        self.write("wrong.npy", npy(INT32, [4], [401, 402, 403, 612]))
        for name, outcome in (("right", "pass"), ("wrong", "wrong")):
            case = self.case(name, {"file": "m.onnx"}, inputs=[{"name": "x", "dtype": "int32", "shape": [4], "npy": "x.npy"}],
                             reference={"outputs": [{"name": names[-1], "npy": name + ".npy"}], "rtol": 1e-3, "atol": 0})
            trial = self.one(case, "-u", unit, status=int(outcome != "pass"))
            self.assertEqual(trial["outcome"], outcome)


if __name__ == "__main__":
    unittest.main()
