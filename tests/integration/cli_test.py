"""The commands as a person uses them: what they print, what they leave, and with which status they exit."""
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import unittest

from program import CASES, HERE, MISBEHAVE, PATIENCE, SANITIZED, TRAPLINE, ProgramTest

MISTAKES = """{
  "trapline": 1,
  "name": "KV write",
  "titel": "KV-cache write whose begin index is a runtime tensor",
  "model": { "family": "decoder" },
  "axes": [
    { "name": "layer", "range": [1, 48] },
    { "name": "block_size", "ordered": [32, 64, 64] },
    { "name": "begin_index", "choices": ["none", "constant", "tensro"] },
    { "name": "weights", "choices": ["fp32", 16] },
    { "name": "heads", "range": [1, 2.5] }
  ],
  "failing": { "heads": 512, "begin_idx": "tensor" },
  "forbid": [ { "shapes": "fixed" } ],
  "reference": { "unit": "cpu" },
  "limits": { "timeout_s": 0 }
}
"""


class RunTest(ProgramTest):
    def test_text(self):
        done = self.trapline("run", MISBEHAVE, "-u", "selftest:cpu", "-n", "3", status=1)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 4)
        for line in lines[:3]:
            self.assertRegex(line, r"^[0-9a-f-]{36}  crash +execute +\d+\.\d{3} s  selftest:cpu  SIGSEGV  \S")
        self.assertEqual(lines[3], "3 trials: 3 crash")
        self.assertEqual(done.stderr, "")

    def test_document(self):
        trial = self.one(MISBEHAVE, "-u", "selftest:cpu", "--fresh", status=1)
        self.assertEqual(set(trial), {"id", "unit", "variant", "outcome", "phase", "signal", "signature", "message", "reference",
                                      "exit_status", "phases", "peak_rss", "cached", "counts"})
        self.assertEqual(trial["variant"], {"behaviour": "null_read", "phase": "execute", "thread": "other"})
        self.assertEqual((trial["outcome"], trial["phase"], trial["signal"]), ("crash", "execute", "SIGSEGV"))
        self.assertRegex(trial["signature"]["id"], "^[0-9a-f]{32}$")
        self.assertIn("null_read", trial["signature"]["title"])
        self.assertEqual((trial["exit_status"], trial["cached"]), (None, False))
        self.assertGreater(trial["peak_rss"], 10000)
        self.assertIn("execute", trial["phases"])

    def test_phases_are_durations(self):
        for trial in self.trials(MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", "-n", "20", status=0):
            for name, seconds in trial["phases"].items():
                self.assertTrue(0 <= seconds < 1000, (name, seconds))
        steps = self.case("done", {"steps": [{"phase": "execute", "argv": ["true"]}]})
        for trial in self.trials(steps, "-n", "5", status=0):
            for name, seconds in trial["phases"].items():
                self.assertTrue(0 <= seconds < 1000, (name, seconds))

    def test_several_units_and_variants(self):
        trials = self.trials(MISBEHAVE, "-u", "selftest:cpu", "-u", "selftest:slow", "-s", "behaviour=pass",
                             "-s", "thread=other", "-n", "2", "-j", "3", status=0)
        self.assertEqual(sorted(t["unit"] for t in trials), ["selftest:cpu"] * 2 + ["selftest:slow"] * 2)
        self.assertTrue(all(t["variant"]["thread"] == "other" for t in trials))
        self.assertEqual(len({t["id"] for t in trials}), 4)

    def test_cached(self):
        arguments = (MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", "--cached")
        first, second = self.one(*arguments, status=0), self.one(*arguments, status=0)
        self.assertEqual((first["cached"], second["cached"]), (False, True))
        self.assertEqual(first["id"], second["id"])
        self.assertIn("(known already)", self.trapline("run", *arguments, status=0).stdout)
        self.assertEqual(len(self.listed("trials")["trials"]), 1)
        self.assertEqual([t["cached"] for t in self.trials(*arguments, "-n", "2", "-j", "1", status=0)], [True, False])

    def test_served_and_fresh_agree(self):
        for behaviour in ("null_read", "abort", "assert_failure", "error", "exit_zero_silent"):
            key = lambda t: (t["outcome"], t["phase"], t["signal"], t["signature"])
            served = self.one(MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=" + behaviour, status=1)
            fresh = self.one(MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=" + behaviour, "--fresh", status=1)
            self.assertEqual(key(served), key(fresh), behaviour)
            self.assertEqual((self.show(served)["fresh"], self.show(fresh)["fresh"]), (False, True))

    def test_exit_status(self):
        self.trapline("run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", status=0)
        done = self.trapline("run", MISBEHAVE, "-u", "selftest:broken", "-s", "behaviour=pass", status=2)
        self.assertIn("nothing was tried", done.stderr)
        self.trapline("run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=error", status=1)
        self.trapline("run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=nonsense", status=2)
        self.trapline("run", MISBEHAVE, "-u", "selftest:cpu", status=3, env=dict(self.env, TMPDIR="/nonexistent"))

    def test_usage(self):
        for arguments in (["run"], ["run", MISBEHAVE], ["run", MISBEHAVE, MISBEHAVE], ["run", "--frob"], ["run", "-u"],
                          ["run", "-j", "0", "x"], ["run", "-n", "-1", "x"], ["show"], ["list"], ["list", "frob"],
                          ["db"], ["doctor", "x"], ["frob"], ["list", "trials", "--since", "then"],
                          ["list", "trials", "--outcome", "fine"], ["show", "zz"], ["show", ""]):
            done = self.trapline(*arguments, status=2, db=arguments[0] != "frob")
            self.assertTrue(done.stderr.startswith("trapline: "), done.stderr)
            self.assertEqual(done.stdout, "")

    def test_nothing_but_a_document(self):
        for arguments in ([MISBEHAVE, "-u", "nosuch:cpu"], [MISBEHAVE, "-u", "selftest:nosuch"], [MISBEHAVE],
                          ["/nonexistent.json", "-u", "selftest:cpu"],
                          [os.path.join(CASES, "steps.json"), "-u", "selftest:cpu"],
                          [MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=x"]):
            done = self.trapline("run", *arguments, "--json", status=2)
            if done.stdout:
                json.loads(done.stdout)
            self.assertTrue(done.stderr.startswith("trapline: "))
        done = self.trapline("run", MISBEHAVE, "-u", "selftest:cpu", "-n", "4", "--json", "-v", status=1)
        self.assertEqual(len(json.loads(done.stdout)["trials"]), 4)

    def interrupt(self, number, *arguments):
        """Stops a run when it has stored something; its document, and what it said."""
        child = self.start("run", *arguments, "-u", "selftest:cpu", "-j", "2", "-n", "100000", "--json")
        patience = time.monotonic() + 60
        while time.monotonic() < patience and child.poll() is None:
            listed = self.trapline("list", "trials", "--limit", "1", "--json").stdout
            if listed and json.loads(listed)["trials"]:
                break
            time.sleep(0.05)
        child.send_signal(number)
        out, err = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130, err)
        self.assertIn(b"interrupted", err)
        return json.loads(out)["trials"]

    def test_interrupt(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            self.db = self.path(f"{number}.db")
            trials = self.interrupt(number, MISBEHAVE, "-s", "behaviour=pass")
            self.assertGreater(len(trials), 0)
            known = {t["id"]: t["outcome"] for t in self.listed("trials", "--limit", "1000000")["trials"]}
            self.assertEqual({t["id"]: t["outcome"] for t in trials}, known)
            self.assertTrue(set(known.values()) <= {"pass", "lost"}, set(known.values()))
            self.trapline("db", "check", status=0)

    def test_interrupt_while_all_hang(self):
        case = self.case("hang", {"family": "selftest"}, [{"name": "behaviour", "choices": ["pass", "hang_spin"]}],
                         limits={"timeout_s": 1})
        trials = self.interrupt(signal.SIGINT, case, "-s", "behaviour=hang_spin")
        self.assertTrue(set(t["outcome"] for t in trials) <= {"lost", "hang"})

    def test_interrupt_while_a_runner_describes_itself(self):
        runner = self.python("slow.py", "open(os.environ['STARTED'], 'w')\ntime.sleep(600)\n")
        self.env["STARTED"] = self.path("started")
        child = self.start("run", MISBEHAVE, "-u", runner + ":cpu")
        patience = time.monotonic() + 60
        while not os.path.exists(self.env["STARTED"]) and time.monotonic() < patience:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130, err)


class CaseFileTest(ProgramTest):
    def test_all_mistakes_at_once(self):
        path = self.write("mistakes.json", MISTAKES)
        done = self.trapline("run", path, "-u", "selftest:cpu", status=2)
        lines = done.stderr.splitlines()
        found = [re.match(re.escape(path) + r":(\d+): (\$[^:]*): \S", line) for line in lines[:-1]]
        self.assertTrue(all(found), done.stderr)
        self.assertEqual([int(m[1]) for m in found], [3, 4, 7, 8, 9, 10, 11, 13, 14, 15, 16])
        self.assertEqual(found[1][2], "$.titel")
        self.assertIn("nothing was run", lines[-1])
        self.assertEqual([n for n in os.listdir(self.directory) if n.startswith("trapline.db")], [])

    def test_what_is_not_a_case(self):
        os.mkfifo(self.path("pipe.json"))
        big = self.write("big.json", b" " * ((4 << 20) + 1))
        for path in (self.path("pipe.json"), self.write("empty.json", ""), big, self.directory, "/dev/null", "/dev/zero",
                     self.write("list.json", "[]"), self.write("half.json", '{"trapline": 1,'),
                     self.write("bytes.json", b'{"name": "\xff"}'), self.path("none.json"), "/dev/stdin"):
            done = self.trapline("run", path, "-u", "selftest:cpu", status=2, input=b"")
            self.assertNotEqual(done.stderr, "", path)
        self.assertFalse(os.path.exists(self.db))

    def test_file(self):
        self.write("model.bin", "what is in it")
        runner = self.python_runner("reader.py", {"name": "reader", "axes": [], "serve": False}, """
print(open(request["model"]).read(), flush=True)
say({"phase": "execute"})
say({"result": {"outputs": []}})
""")
        case = self.case("file", {"file": "model.bin"}, [{"name": "n", "range": [1, 3]}])
        trial = self.one(case, "-u", runner + ":cpu", "--cached", status=0)
        self.assertEqual(self.show(trial)["stdout"]["head"], "what is in it\n")
        self.write("model.bin", "something else")
        other = self.one(case, "-u", runner + ":cpu", "--cached", status=0)
        self.assertEqual((other["cached"], self.show(other)["stdout"]["head"]), (False, "something else\n"))

    def test_reference_of_many_layers(self):
        """193 outputs fit in the message that tells of them."""
        case = self.case("many", {"family": "decoder"}, [{"name": "layers", "choices": [96]}])
        trial = self.one(case, "-u", "reference", status=0)
        self.assertEqual(len(self.show(trial)["result"]["outputs"]), 193)

    def test_minimal_runner(self):
        runner = os.path.join(HERE, "runners", "minimal.py")
        case = self.case("minimal", {"file": "minimal.json"}, [{"name": "n", "range": [4, -4]}])
        trial = self.one(case, "-u", runner + ":cpu", "-s", "n=3", status=0)
        output = self.show(trial)["result"]["outputs"][0]
        self.assertEqual((output["name"], output["shape"], output["first"][:2]), ("roots", [3], [0.0, 1.0]))
        trial = self.one(case, "-u", runner + ":cpu", "-s", "n=-1", status=1)
        self.assertEqual((trial["outcome"], trial["phase"], trial["message"]), ("error", "load", "cannot compute -1 roots"))
        self.assertEqual(self.show(trial)["error"], {"domain": "minimal", "code": "empty"})


class GenerateTest(ProgramTest):
    """A generator that does as its axis says, and notes each run; a runner that prints what it was given."""

    def setUp(self):
        super().setUp()
        self.env["RUNS"] = self.path("runs")
        self.python("make.py", """
n, how, model, inputs = sys.argv[1:5]
with open(os.environ["RUNS"], "a") as f:
    f.write(n + "\\n")
if how == "refuses":
    print(f"a line before\\ncannot make {n} of these", file=sys.stderr)
    sys.exit(77)
if how == "says":
    print("a line before")
    print(json.dumps({"unsupported": f"not {n} of these"}))
    sys.exit(1)
if how == "ends well":
    print(json.dumps({"unsupported": "none today"}))
    sys.exit(0)
if how == "fails":
    sys.exit(f"{n} is not even")
if how == "crashes":
    import ctypes
    ctypes.string_at(0)
if how == "hangs":
    time.sleep(600)
if how != "nothing":
    open(model, "w").write("model " + n)
    json.dump([{"name": "x", "dtype": "int32", "shape": [int(n)], "fill": {"constant": 1}}], open(inputs, "w"))
""")
        self.runner = self.python_runner("echo.py", {"name": "echo", "axes": [], "serve": False}, """
print(open(request["model"]).read(), open(request["inputs"]).read(), flush=True)
say({"result": {"outputs": []}})
""") + ":cpu"
        axes = [{"name": "n", "range": [1, 9]},
                {"name": "how", "choices": ["well", "refuses", "crashes", "hangs", "nothing", "says", "ends well", "fails"]}]
        self.made = self.case("made", {"generate": ["./make.py", "{n}", "{how}", "{model}", "{inputs}"]}, axes)
        self.hasty = self.case("hasty", {"generate": ["./make.py", "{n}", "{how}", "{model}", "{inputs}"]}, axes,
                               limits={"timeout_s": 1})

    def runs(self):
        with open(self.path("runs")) as f:
            return f.read().split()

    def made_things(self):
        return os.listdir(self.path("cache", "trapline", "models"))

    def test_once_for_each_variant(self):
        trials = self.trials(self.made, "-u", self.runner, "-n", "6", "-j", "3", status=0)
        self.assertEqual(len(trials), 6)
        self.assertEqual(self.runs(), ["1"])
        self.assertEqual(sum("generate" in t["phases"] for t in trials), 1)
        self.trials(self.made, "-u", self.runner, "-s", "n=2", status=0)
        self.trials(self.made, "-u", self.runner, "-s", "n=1", status=0)
        self.assertEqual(self.runs(), ["1", "2"])
        said = self.show(trials[0])["stdout"]["head"]
        self.assertIn("model 1", said)
        self.assertIn('"shape": [1]', said)
        with open(self.path("make.py"), "a") as f:
            f.write("# another generator\n")
        self.trials(self.made, "-u", self.runner, status=0)
        self.assertEqual(self.runs(), ["1", "2", "1"])

    def test_refuses(self):
        for how, why in (("refuses", "cannot make 1 of these"), ("says", "not 1 of these"), ("ends well", "none today")):
            for trial in self.trials(self.made, "-u", self.runner, "-s", "how=" + how, "-n", "2", status=2):
                self.assertEqual((trial["outcome"], trial["phase"]), ("unsupported", "generate"))
                self.assertEqual(trial["message"], "the generator refused: " + why)
        self.assertEqual(self.made_things(), [])

    def test_fails(self):
        """What is no refusal is an error of the generator, which can be isolated."""
        trial = self.one(self.made, "-u", self.runner, "-s", "how=fails", status=1)
        self.assertEqual((trial["outcome"], trial["phase"], trial["message"]), ("error", "generate", "1 is not even"))
        self.assertEqual(trial["signature"]["title"], "generator exit 1: <n> is not even")
        self.assertEqual(self.made_things(), [])

    def test_crashes(self):
        trial = self.one(self.made, "-u", self.runner, "-s", "how=crashes", status=1)
        self.assertEqual((trial["outcome"], trial["phase"], trial["signal"]), ("crash", "generate", "SIGSEGV"))
        self.assertGreater(len(self.show(trial)["captures"][0]["threads"][0]["frames"]), 5)
        self.assertEqual(self.made_things(), [])

    def test_hangs(self):
        trial = self.one(self.hasty, "-u", self.runner, "-s", "how=hangs", status=1)
        self.assertEqual((trial["outcome"], trial["phase"]), ("hang", "generate"))
        self.assertGreater(len(self.show(trial)["captures"][0]["threads"][0]["frames"]), 3)
        self.assertEqual(self.made_things(), [])

    def test_writes_nothing(self):
        done = self.trapline("run", self.made, "-u", self.runner, "-s", "how=nothing", status=2)
        self.assertIn("wrote no model", done.stderr)
        self.assertEqual(self.made_things(), [])
        self.assertEqual(self.listed("trials")["trials"], [], "that is no outcome")
        self.assertIn(f"in the variant how=nothing n=1 on {self.runner}: it ended well", done.stderr)

    def test_which_of_many_wrote_nothing(self):
        """A search that is ended by one of its variants says by which."""
        case = self.case("some", {"generate": ["sh", "-c", "test {n} -ge 4 && test {n} -lt 6 || touch $0", "{model}"]},
                         [{"name": "n", "range": [1, 9]}, {"name": "kind", "choices": ["it's", "b"]}], failing={"n": 9, "kind": "b"})
        done = self.trapline("matrix", case, "-u", self.runner, "-s", "n=1,5,9", status=2)
        self.assertIn("n=5 on ", done.stderr)
        self.assertIn("wrote no model", done.stderr)


class UnitTest(ProgramTest):
    def said(self, unit, env=None):
        done = self.trapline("run", MISBEHAVE, "-u", unit, "-s", "behaviour=pass", status=2, env=env)
        return done.stderr

    def test_malformed(self):
        for unit in ("", ":", "cpu", "selftest", "selftest:", ":cpu", "selftest@:cpu", "@1:cpu", "a:b/c", b"selftest:c\xff"):
            self.assertIn("not a unit", self.said(unit), unit)

    def test_unknown(self):
        self.assertIn("runners that are here: command", self.said("nosuch:cpu"))
        self.assertIn("has: cpu, slow, broken", self.said("selftest:gpu"))
        self.assertIn("no such build", self.said("onnxruntime@/nonexistent/lib.so:cpu"))
        self.assertIn("no such runner", self.said("/nonexistent:cpu"))
        self.assertIn("not a runner", self.said("/etc/passwd:cpu"))
        self.assertIn("not a runner", self.said("/etc:cpu"))
        self.assertIn("no such device", self.said_anyhow("selftest:" + "x" * 100000))
        self.assertIn("Message too long", self.said_anyhow("selftest@" + "x" * 100000 + ":cpu"))
        self.assertIn("trapline builds fetch", self.said("onnxruntime@0.0.1:cpu"))
        self.assertIn("has no builds", self.said("selftest@1.0:cpu"))

    def said_anyhow(self, unit):
        return self.trapline("run", MISBEHAVE, "-u", unit, "-s", "behaviour=pass").stderr

    @unittest.skipUnless("BUILD_THAT_DIES" in os.environ, "needs a library of the unit tests")
    def test_a_runtime_that_dies_at_once(self):
        """A build that nothing can be done with is one that crashes, not one that has no cpu."""
        case = os.path.join(os.path.dirname(CASES), "onnxruntime", "integer-division.json")
        trial = self.one(case, "-u", f"onnxruntime@{os.environ['BUILD_THAT_DIES']}:cpu", status=1)
        self.assertEqual([trial[k] for k in ("outcome", "phase", "signal")], ["crash", "load", "SIGABRT"])
        self.assertIn("get_api", self.functions(trial))

    def test_liars(self):
        runner = self.python("liar.py", """
c = socket.socket(fileno=3)
r = json.loads(c.makefile("rb").readline())
how = os.environ["LIE"]
if how == "refuse":
    sys.exit("the licence has expired")
if how == "abort":
    os.abort()
c.sendall(how.encode() + b"\\n")
""")
        good = '{"name": "liar", "version": "1", "devices": [{"name": "%s", "usable": true}], "axes": [], "serve": false}'
        for lie, said in (("refuse", "the licence has expired"), ("abort", "SIGABRT"), ("", "describe"),
                          ("hello", "JSON"), ("[1]", "describe"), ("{}", "describe"), ('{"devices": 3}', "describe"),
                          ('{"result": {"outputs": []}}', "describe"), (good % ("x" * 70000), "65536"),
                          ('{"name": "l", "version": "1", "devices": [], "axes": []}', "has: none"),
                          (good % "gpu", "has: gpu")):
            self.assertIn(said, self.said(runner + ":cpu", dict(self.env, LIE=lie)), lie)

    def test_runner_directories(self):
        os.mkdir(self.path("mine"))
        os.symlink(os.path.join(HERE, "runners", "minimal.py"), self.path("mine", "trapline-minimal"))
        env = dict(self.env, TRAPLINE_RUNNERS="/nonexistent:" + self.path("mine"))
        case = self.case("minimal", {"file": "minimal.json"}, [{"name": "n", "range": [4, 9]}])
        self.assertEqual(self.one(case, "-u", "minimal:cpu", status=0, env=env)["outcome"], "pass")
        self.assertIn("minimal:cpu", self.trapline("list", "units", status=0, env=env).stdout)
        self.trapline("run", case, "-u", "minimal:cpu", status=2)


class ListTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.trials(MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", "-n", "3", status=0)
        self.trials(MISBEHAVE, "-u", "selftest:slow", "-s", "behaviour=null_read", "-n", "2", status=1)
        self.trials(os.path.join(CASES, "steps.json"), status=1)

    def counted(self, *arguments):
        return len(self.listed("trials", *arguments)["trials"])

    def test_filters(self):
        self.assertEqual(self.counted(), 6)
        self.assertEqual(self.counted("--outcome", "pass"), 3)
        self.assertEqual(self.counted("--outcome", "pass,crash"), 5)
        self.assertEqual(self.counted("-u", "selftest:slow"), 2)
        self.assertEqual(self.counted("--case", "steps"), 1)
        self.assertEqual(self.counted("--case", "none such"), 0)
        self.assertEqual(self.counted("--since", "1h"), 6)
        self.assertEqual(self.counted("--since", "2100-01-01"), 0)
        self.assertEqual(self.counted("--limit", "2"), 2)
        signatures = self.listed("signatures")["signatures"]
        self.assertEqual(sorted((s["outcome"], s["trials"]) for s in signatures), [("crash", 2), ("error", 1)])
        for s in signatures:
            self.assertEqual(self.counted("--signature", s["id"]), s["trials"])

    def test_pages(self):
        seen, after = [], []
        while len(seen) < 10:
            page = self.listed("trials", "--limit", "2", *after)["trials"]
            if not page:
                break
            seen += [t["id"] for t in page]
            after = ["--after", page[-1]["id"]]
        self.assertEqual(seen, [t["id"] for t in self.listed("trials")["trials"]])
        self.assertEqual(len(set(seen)), 6)

    def test_members(self):
        trial = self.listed("trials", "--case", "misbehave", "--outcome", "crash")["trials"][0]
        self.assertEqual(set(trial), {"id", "started_us", "case", "unit", "variant", "outcome", "phase", "signal",
                                      "signature", "wall_s"})
        self.assertEqual(trial["signal"], "SIGSEGV")
        self.assertEqual(len(self.trapline("list", "trials", status=0).stdout.splitlines()), 6)
        self.assertIn("SIGSEGV", self.trapline("list", "signatures", status=0).stdout)
        sums = {s["name"]: s for s in self.listed("cases", "--since", "1h")["run"]}
        self.assertEqual(sums["misbehave"]["outcomes"], {"pass": 3, "crash": 2})

    def test_cases_and_units(self):
        names = [c["name"] for c in self.listed("cases", CASES)["cases"]]
        self.assertEqual(names, sorted(names))
        self.assertIn("misbehave", names)
        self.trapline("list", "cases", "/nonexistent", status=2)
        units = {u["unit"]: u for u in self.listed("units")["units"]}
        self.assertTrue(units["selftest:cpu"]["usable"])
        self.assertTrue(units["command:host"]["usable"])
        self.assertFalse(units["selftest:broken"]["usable"])
        self.assertTrue(units["selftest:broken"]["why"])
        self.assertEqual(self.listed("builds"), {"builds": []})

    def test_show(self):
        crash = self.listed("trials", "--outcome", "crash")["trials"][0]
        page = self.trapline("show", crash["id"], status=0).stdout
        for text in ("trial " + crash["id"], "outcome        crash", "SIGSEGV", "signature", "took the signal",
                     "tl_selftest_null_read", "Run it again", "-u selftest:slow -s behaviour=null_read"):
            self.assertIn(text, page)
        document = self.show(crash)
        self.assertEqual(document["captures"][0]["signal"], "SIGSEGV")
        self.assertTrue(document["captures"][0]["threads"][0]["frames"])
        passed = self.listed("trials", "--outcome", "pass")["trials"][0]
        self.assertIn("outcome        pass", self.trapline("show", passed["id"], status=0).stdout)
        self.assertIn("several begin so", self.trapline("show", "0", status=2).stderr)
        self.assertIn("list trials", self.trapline("show", "ffffffff", status=2).stderr)
        ids = [t["id"] for t in self.listed("trials")["trials"]]
        unique = next(n for n in range(1, 37) if sum(i.startswith(crash["id"][:n]) for i in ids) == 1)
        begun = self.trapline("show", crash["id"][:unique], "--json", status=0).stdout
        self.assertEqual(json.loads(begun)["id"], crash["id"])

    def test_db_check(self):
        self.assertIn("sound", self.trapline("db", "check", status=0).stdout)
        self.assertEqual(json.loads(self.trapline("db", "check", "--json", status=0).stdout),
                         {"db": os.path.realpath(self.db), "sound": True, "found": []})
        with sqlite3.connect(self.db) as connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute("DELETE FROM signature")
        done = self.trapline("db", "check", "--json", status=2)
        self.assertFalse(json.loads(done.stdout)["sound"])
        self.assertTrue(json.loads(done.stdout)["found"])

    def test_none_yet(self):
        self.db = self.path("none.db")
        for arguments in (["list", "trials"], ["list", "signatures"], ["show", "0"], ["db", "check"]):
            self.assertIn("there is none yet", self.trapline(*arguments, status=2).stderr)
        self.assertFalse(os.path.exists(self.db))


class HangPageTest(ProgramTest):
    def test_page(self):
        case = self.case("hang", {"family": "selftest"}, [{"name": "behaviour", "choices": ["pass", "hang_sleep"]}],
                         limits={"timeout_s": 1})
        trial = self.one(case, "-u", "selftest:cpu", "-s", "behaviour=hang_sleep", status=1)
        self.assertEqual((trial["outcome"], trial["message"]), ("hang", "phase execute took longer than 1 s"))
        page = self.trapline("show", trial["id"], status=0).stdout
        self.assertIn("when its time was over", page)
        self.assertIn("hang_sleep", page)


class DoctorTest(ProgramTest):
    @unittest.skipUnless(hasattr(os, "sched_setaffinity"), "needs programs that share one core")
    def test_doctor_on_a_busy_machine(self):
        """Everything takes longer there, some twenty times, and nothing else is wrong. Under sanitizers it takes longer anyway."""
        core = {min(os.sched_getaffinity(0))}
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"], preexec_fn=lambda: os.sched_setaffinity(0, core))
                for _ in range(1 if SANITIZED else 6)]
        try:
            done = subprocess.run(self.command("doctor", "--json"), env=self.env, capture_output=True, timeout=PATIENCE,
                                  preexec_fn=lambda: (os.sched_setaffinity(0, core), os.nice(8 if SANITIZED else 5)))
        finally:
            for child in busy:
                child.kill()
                child.wait()
        checks = json.loads(done.stdout)["checks"]
        self.assertEqual([c for c in checks if c["verdict"] == "bad"], [])
        self.assertEqual(done.returncode, 0)

    def test_doctor(self):
        case = self.case("tools", {"steps": [{"phase": "compile", "argv": ["sh", "-c", "{n}"]}, {"phase": "execute", "argv": ["{scratch}/made"]},
                                             {"phase": "execute", "argv": ["no-such-tool"]}]},
                         [{"name": "n", "choices": ["true", "false"]}], versions=[{"name": "cc", "argv": ["sh", "--version"]}])
        done = self.trapline("doctor", case, "--json")
        document = json.loads(done.stdout)
        programs = [(c["verdict"], c["what"].split(":")[0]) for c in document["checks"] if c["check"] == "program"]
        self.assertEqual(programs, [("ok", "tools, step 1 (compile)"), ("bad", "tools, step 3 (execute)"), ("ok", "tools, version cc")])
        self.assertEqual(document["sound"], done.returncode == 0)
        self.assertEqual(document["sound"], all(c["verdict"] != "bad" for c in document["checks"]))
        self.assertTrue({"run", "trace", "hang", "memory", "fork server", "cgroup", "scratch", "store"}
                        <= {c["check"] for c in document["checks"]})
        for check in document["checks"]:
            if check["verdict"] == "bad":
                self.assertTrue(check["advice"], check)

    def test_no_cgroup(self):
        done = self.trapline("doctor", "--no-cgroup")
        self.assertRegex(done.stdout, r"(?m)^note +cgroup ")
        self.assertEqual(done.returncode, 3 if re.search("(?m)^bad ", done.stdout) else 0)

    def test_bad(self):
        done = self.trapline("doctor", status=3, env=dict(self.env, TMPDIR="/nonexistent"))
        self.assertRegex(done.stdout, r"(?m)^bad +start +.*TMPDIR")
        self.db = self.directory
        self.assertRegex(self.trapline("doctor", status=3).stdout, r"(?m)^bad +store ")

    def test_without_runners_one_thing_is_bad(self):
        alone = shutil.copy(TRAPLINE, self.path("trapline"))
        done = subprocess.run([alone, "doctor", "--db", self.db], env=self.env, capture_output=True, timeout=PATIENCE, check=False)
        bad = re.findall(r"(?m)^bad +(\w+) +(.*)$", done.stdout.decode())
        self.assertEqual([(name, "no such runner" in why) for name, why in bad], [("run", True)], done.stdout)
        self.assertIn(b"\nnote  trials       not tried", done.stdout)


if __name__ == "__main__":
    unittest.main()
