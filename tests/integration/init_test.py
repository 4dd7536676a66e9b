"""First cases: from what somebody has to a report that names the trigger, with the commands that are printed on the way."""
import json
import os
import shlex
import shutil
import subprocess
import sys
import unittest
import zipfile

from onnx_bytes import FLOAT, INT32, graph, model, node, npy, value, vector
from program import HERE, ProgramTest

TOOL = f"""#!{sys.executable} -IS
import os, signal, sys
open("tool.conf").read()
words = sys.argv[1:]
if "--version" in words:
    sys.exit(print("tool 1"))
if "--config" not in words or not any(os.path.isfile(w) and w.endswith(".bin") for w in words):
    sys.exit("tool: it takes a file and --config FILE")
open(words[words.index("--config") + 1]).read()
block = next((int(w[8:]) for w in words if w.startswith("--block=")), 1)
if block >= 20 and "--fuse" in words:
    os.kill(os.getpid(), signal.SIGSEGV)
open(words[words.index("-o") + 1], "w").close()
"""
SCRIPT = """
import argparse, os, signal
import helper
p = argparse.ArgumentParser()
p.add_argument("--config", required=True)
p.add_argument("--heads", type=int, default=1)
p.add_argument("--fast", action="store_true")
a = p.parse_args()
open(a.config).read()
if a.fast and a.heads >= 3:
    os.kill(os.getpid(), signal.SIGSEGV)
"""
CONFIGURED = """
import argparse, json, os, signal
p = argparse.ArgumentParser()
p.add_argument("--config", required=True)
c = json.load(open(p.parse_args().config))
if c["rate"] < 8000:
    raise SystemExit("a rate of at least 8000 is needed")
if c["audio"]["window"] > 2048 and {"zeros": 0, "reflect": 1}[c["audio"]["pad"]]:
    os.kill(os.getpid(), signal.SIGSEGV)
"""


class InitTest(ProgramTest):
    def setUp(self):
        super().setUp()
        for name, text in (("tool.conf", "c"), ("settings.json", "{}"), ("in.bin", "m"), ("helper.py", ""), ("script.py", SCRIPT)):
            self.write(name, text)
        self.write("tool", TOOL, 0o755)

    def init(self, *arguments, status=1):
        done = self.trapline("init", "--json", "--db", self.db, *arguments, status=status, db=False, cwd=self.directory)
        return json.loads(done.stdout)

    def follow(self, command, status):
        """Types a command that was printed."""
        words = shlex.split(command)
        self.assertEqual(words[0], "trapline")
        return self.trapline(*words[1:], "--json", status=status, db=False, cwd=self.directory)

    def triggers(self, finding):
        return {t["axis"]: t["value"] for t in finding["trigger"]}

    def test_a_tool_that_reads_a_file_in_the_working_directory(self):
        said = self.init("--", "./tool", "--block=64", "--fuse", "--quick", "--config", "settings.json", "in.bin", "-o", "out")
        self.assertEqual((said["trial"]["outcome"], said["trial"]["signal"], said["always"]), ("crash", "SIGSEGV", False))
        self.assertTrue(any("without config it refuses" in n for n in said["notes"]), said["notes"])
        self.assertEqual(sorted(os.listdir(self.path("tool-case"))), ["case.json", "in.bin", "settings.json", "tool", "tool.conf"])
        with open(self.path("tool-case", "case.json"), encoding="utf-8") as f:
            self.assertNotIn(self.directory, f.read())
        finding = json.loads(self.follow(said["next"][0], 1).stdout)
        self.assertEqual(self.triggers(finding), {"block": 32, "fuse": True})

    def test_axes_that_are_given_and_what_passes(self):
        said = self.init("--axis", "block=16,20,64", "-o", "mine/", "--", "./tool", "--block={block}", "--fuse", "--config",
                         "settings.json", "in.bin", "-o", "out")
        self.assertEqual([a["ordered"] for a in said["axes"]], [[16, 20, 64]])
        passing = self.init("-o", "passing", "--", "./tool", "--block=8", "--config", "settings.json", "in.bin", "-o", "out", status=0)
        self.assertEqual(passing["trial"]["outcome"], "pass")
        with open(self.path("passing", "case.json"), encoding="utf-8") as f:
            self.assertNotIn("failing", json.load(f))
        self.assertTrue(passing["next"][0].startswith("trapline isolate passing/case.json"))

    def test_a_mistake_is_no_failure(self):
        said = self.init("--", "./tool", "--config", "nothing.json", "in.bin", "-o", "out", status=2)
        self.assertIn("missing", said["means"])
        self.assertNotIn("isolate", said["next"][0])

    def test_a_script_and_a_runner_of_it(self):
        said = self.init("--", sys.executable, "script.py", "--config", "settings.json", "--heads", "4", "--fast")
        self.assertEqual(said["name"], "script")
        self.assertEqual([a["name"] for a in said["axes"]], ["heads", "fast"])
        if not os.path.isfile(os.path.join(HERE, "..", "..", "runners", "python", "trapline.py")):
            self.skipTest("what a runner in Python imports is not here")
        made = self.init("--runner", "python", "script.py", "-o", "r", "--", "--config", "settings.json", "--heads", "4", "--fast")
        self.assertEqual((made["unit"], made["trial"]["outcome"], made["always"]), ("./r/runner.py:cpu", "crash", False))
        self.assertEqual([a["name"] for a in made["axes"]], ["heads", "fast"])
        # In the bundle the script is where its helper is, once.
        self.follow(made["next"][0] + " --quick", 1)
        bundle = self.trapline("report", "last", "--bundle", self.path("r.zip"), cwd=self.directory)
        self.assertIn("repro.sh did as reported in 3 of 3 runs", bundle.stderr)
        self.assertNotIn("model/script.py", bundle.stdout)

    def test_a_script_that_looks_around_itself_stays_where_it_is(self):
        """A copy of it would miss what it reads, and the failure would be another one."""
        for directory in ("src/tool", "src/data"):
            os.makedirs(self.path(directory))
        self.write("src/data/table.txt", "1\n")
        self.write("src/tool/train.py", "import os, sys\nopen(os.path.join(os.path.dirname(__file__), '..', 'data', 'table.txt'))\n"
                                        "if '--fast' in sys.argv: os.abort()\n")
        said = self.init("--", sys.executable, "-IS", "src/tool/train.py", "--fast")
        self.assertEqual((said["trial"]["outcome"], said["trial"]["signal"], said["always"]), ("crash", "SIGABRT", False))
        self.assertTrue(any("train.py stays where it is" in n for n in said["notes"]), said["notes"])
        self.assertNotIn("train.py", os.listdir(self.path("train-case")))
        self.follow(said["next"][0] + " --quick", 1)
        self.assertIn("files/src/data/table.txt", self.trapline("report", "last", "--bundle", self.path("t.zip")).stdout)

    def test_values_of_a_configuration(self):
        """What a file that the command is given says is found as the trigger, in its report, and by who gets the bundle."""
        self.write("features.py", CONFIGURED)
        self.write("config.json", json.dumps({"audio": {"window": 4096, "pad": "reflect"}, "rate": 16000, "log": True}, indent=1))
        said = self.init("--", sys.executable, "-IS", "features.py", "--config", "config.json")
        self.assertEqual([a["name"] for a in said["axes"]], ["audio.window", "audio.pad", "rate", "log"])
        self.assertEqual([a["range"] for a in said["axes"] if a["name"] == "rate"], [[8000, 16000]], "a rate of 1 is refused")
        self.assertTrue(any("config.json: 4 of its values" in n for n in said["notes"]), said["notes"])
        finding = json.loads(self.follow(said["next"][0] + " --quick", 1).stdout)
        self.assertEqual(self.triggers(finding), {"audio.window": 4096, "audio.pad": "reflect"})
        report = self.trapline("report", finding["finding"], "--bundle", self.path("b.zip")).stdout
        self.assertIn("config.json.in", report)
        with zipfile.ZipFile(self.path("b.zip")) as bundle:
            bundle.extractall(self.path("bundle"))
        for side, status in (([], 139), (["--control"], 0)):
            done = subprocess.run(["sh", self.path("bundle", "b", "repro.sh"), *side], capture_output=True, text=True, check=False)
            self.assertIn("139" if status else "every step did what it should", done.stdout + done.stderr)

    def test_a_model(self):
        unit = self.real_unit("1.22.0", "1.21.0")
        nodes = [node("Mul", "x,one", "a", "first"), node("Div", "a,zero", "b", "culprit"), node("Mul", "b,one", "y", "last")]
        g = graph(nodes, [value("x", INT32, ["batch", 4])], [value("y", INT32, ["batch", 4])],
                  [vector("one", INT32, 1), vector("zero", INT32, 0)])
        self.write("always.onnx", model(g, opset=14))
        said = self.init("always.onnx", "-u", unit)
        self.assertTrue(said["always"])
        with open(self.path("always-case", "case.json"), encoding="utf-8") as f:
            axes = [a["name"] for a in json.load(f)["axes"]]
        self.assertEqual(axes, ["optimization", "threads", "arena", "memory_pattern", "batch"])
        found = json.loads(self.follow(said["next"][0], 1).stdout)
        self.assertEqual([n["original"] for n in found["remaining"]], ["culprit"])
        os.mkdir(self.path("data"))
        self.write("data/x.npy", npy(INT32, [2, 4], range(8)))
        self.write("data/f.npy", npy(FLOAT, [2, 4], range(8)))
        self.write("data/long.npy", npy(INT32, [2, 5], range(10)))
        for given in ("data", "x=data/x.npy"):
            said = self.init("always.onnx", "-u", unit, "-o", "fed", "--inputs", given)
            with open(self.path("fed", "case.json"), encoding="utf-8") as f:
                case = json.load(f)
            self.assertEqual([(i["name"], i["npy"]) for i in case["inputs"]], [("x", "x.npy")])
            self.assertNotIn("batch", [a["name"] for a in case["axes"]], "the file says it")
            shutil.rmtree(self.path("fed"))
        for given, says in (("data/f.npy", "int32[batch,4], and the file holds float32[2,4]"), ("data/long.npy", "holds int32[2,5]"),
                            ("y=data/x.npy", "No such file"), (".", "x.npy was expected")):
            done = self.trapline("init", "always.onnx", "-u", unit, "-o", "fed", "--inputs", given, status=2, db=False, cwd=self.directory)
            self.assertIn(says, done.stderr)
            self.assertFalse(os.path.exists(self.path("fed")))

    def test_reports_and_logs(self):
        fixture = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "unit", "fixtures", "fault.ips")
        said = self.init(fixture, status=0)
        with open(self.path(said["case"]), encoding="utf-8") as f:
            step = json.load(f)["model"]["steps"][0]
        self.assertEqual((step["phase"], step["argv"]), ("execute", ["/opt/python/bin/python3"]))
        line = "./tool --block=64 --fuse --config 'settings.json' in.bin -o out"
        self.write("crash.log", f"$ ls\n$ {line}\r\nSegmentation fault\n echo $ touch no\n$ \033[2Jx\n")
        said = self.init("crash.log", "-o", "of log", status=0)
        self.assertNotIn("trial", said)
        self.assertTrue(any(line in n for n in said["notes"]), said["notes"])
        done = json.loads(self.follow(said["next"][0], 1).stdout)
        self.assertEqual([t["signal"] for t in done["trials"]], ["SIGSEGV"])
        self.write("long.log", "$ ./tool" + " x" * 200 + "\n")
        self.assertIn("200 words", self.trapline("init", "long.log", status=2, cwd=self.directory).stderr)

    def test_what_passes_is_run_once_and_nothing_is_run_for_a_log(self):
        self.write("count", f"#!/bin/sh\necho \"$*\" >> {self.path('calls')}\n", 0o755)
        said = self.trapline("init", "--", "./count", "--target", "here", "--fuse", "--dry-run", db=False, cwd=self.directory)
        self.assertIn("run once on", said.stdout)
        with open(self.path("calls"), encoding="utf-8") as f:
            self.assertEqual(f.read(), "--target here --fuse --dry-run\n")
        self.write("fails", f"#!/bin/sh\necho \"$*\" >> {self.path('failed')}\nexit 1\n", 0o755)
        self.assertTrue(self.init("--", "./fails", "now")["always"])
        with open(self.path("failed"), encoding="utf-8") as f:
            self.assertEqual(f.read(), "now\n", "nothing in it can vary")
        said = self.trapline("isolate", self.path("fails-case", "case.json"), "-q", status=1).stdout
        self.assertIn("minimal variant: (the case as it is, which has no axes)", said)
        self.assertIn("`trapline init --axis", said.splitlines()[-1])
        report = self.trapline("report", "last", status=0).stdout
        self.assertIn("The minimal variant:** the case as it is", report)
        self.write("log", "$ ./count again\n")
        self.init("log", "-o", "of-log", status=0)
        with open(self.path("calls"), encoding="utf-8") as f:
            self.assertEqual(len(f.readlines()), 1)

    def test_a_runner_gives_words_as_by_hand(self):
        if not os.path.isfile(os.path.join(HERE, "..", "..", "runners", "python", "trapline.py")):
            self.skipTest("what a runner in Python imports is not here")
        self.write("said.py", f"import sys\nopen({self.path('said')!r}, 'w').write(repr(sys.argv[1:]))\n")
        self.init("--runner", "python", "--axis", "fast=false,true", "--axis", "n=1..5", "said.py", "--", "{fast}", "{n}", "{m}", "{{n}}",
                  status=0)
        self.trapline("run", self.path("said-case", "case.json"), "-u", self.path("said-case", "runner.py") + ":cpu", "-s", "fast=true",
                      "-s", "n=5", status=0)
        with open(self.path("said"), encoding="utf-8") as f:
            self.assertEqual(f.read(), "['true', '5', '{m}', '{5}']")

    def test_what_cannot_be_a_case(self):
        self.write("noise.bin", bytes(range(256)))
        self.write("empty", b"")
        self.write("text", "nothing\n")
        self.assertIn("cannot open the database", self.trapline("init", "--db", self.path("no", "db"), "--", "./tool", "in.bin", status=2,
                                                               db=False, cwd=self.directory).stderr)
        wrong = {("./tool", "--block=64", "in file", "-o", "out"): "behind --: trapline init -- ./tool --block=64 'in file' -o out",
                 ("./tool",): "is a program: trapline init -- ./tool", ("script.py",): "trapline init -- python3 script.py",
                 ("--inputs", "in.bin", "--", "./tool"): "goes with a model",
                 ("noise.bin",): "cannot be read as ONNX", ("empty",): "is empty", ("text",): "trapline init -- COMMAND",
                 ("nowhere",): "No such file", (): "a model, a crash report", ("--", "tool"): "write ./tool", ("--", "script.py"): "write python3 script.py",
                 ("in.bin", "b"): "behind --", ("--axis", "a=1", "--", "./tool"): "{a}", ("--axis", "a=1,1", "--", "./tool", "{a}"): "twice",
                 ("--runner", "ruby", "script.py"): "python was expected"}
        for words, says in wrong.items():
            done = self.trapline("init", *words, status=2, db=False, cwd=self.directory)
            self.assertIn(says, done.stderr, words)
        self.assertFalse([n for n in os.listdir(self.directory) if n.endswith("-case") or n.startswith(".trapline")])
        done = self.trapline("run", self.path("in.bin"), status=2)
        self.assertIn("`trapline init " + self.path("in.bin"), done.stderr)
        for says in ("", "there already"):
            self.assertIn(says, self.trapline("init", "--", "./tool", "in.bin", db=False, cwd=self.directory).stderr)
        self.assertEqual(self.trapline("run", self.path("tool-case"), cwd=self.directory).returncode,
                         self.trapline("run", self.path("tool-case", "case.json"), cwd=self.directory).returncode)
        self.assertNotIn("trapline init", self.trapline("run", self.write("cut.json", "[1,"), status=2).stderr)
        self.assertIn("a case already", self.trapline("init", self.path("tool-case", "case.json"), status=2).stderr)


if __name__ == "__main__":
    unittest.main()
