"""matrix, compare and the care of databases, as a user works with them."""
import json
import os
import signal
import sqlite3
import subprocess
import time
import unittest

from program import MISBEHAVE, TRAPLINE, ProgramTest

ONNXRUNTIME = os.path.join(os.path.dirname(TRAPLINE), "..", "..", "runners", "onnxruntime", "trapline-onnxruntime")
BUILDS = ["1.18.0", "1.22.0", "1.26.0", "1.30.0"]

# What a trial does is a file's to say: the test says "pass" or "crash" between two runs, as a beta of a runtime does.
RUNNER = """
HERE = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(HERE, "ran"), "a") as f:
    f.write("x")
say({"phase": "execute"})
n = request["variant"]["n"]
if request["device"] == "slow":
    time.sleep(0.2)
with open(os.path.join(HERE, "turn")) as f:
    turn = f.read().split()
# One thing for all variants, or for each run of the failing one the next thing of a list.
what = turn[0]
if len(turn) > 1 and n == 3:
    with open(os.path.join(HERE, "count"), "a+") as f:
        f.write("x")
        f.seek(0)
        what = turn[(len(f.read()) - 1) % len(turn)]
if what == "crash" and n >= 3:
    os.kill(os.getpid(), 11)
if what == "error" and n >= 3:
    say({"error": {"domain": "turn", "code": 7, "message": "it is the wrong time"}})
    sys.exit(0)
say({"result": {"outputs": [{"name": "y", "dtype": "float32", "shape": [1], "hash": "%d" % n, "finite": True,
                             "min": 0.0, "max": 0.0, "mean": 0.0, "first": [0.0]}]}})
"""


class TurnTest(ProgramTest):
    def setUp(self):
        super().setUp()
        devices = ["cpu", "slow", {"name": "npu", "usable": False, "why": "there is none here"}]
        self.runner = self.python_runner("turn-runner", {"name": "turn", "devices": devices, "axes": [], "serve": False}, RUNNER)
        self.write("model.bin", "not looked at")
        self.numbers = self.case("numbers", {"file": "model.bin"}, [
            {"name": "n", "range": [1, 4]}, {"name": "mode", "choices": ["a", "b,c", "d"]}],
            forbid=[{"n": 4, "mode": "d"}])
        self.turn("crash")

    def turn(self, *what):
        self.write("turn", " ".join(what))

    def ran(self):
        try:
            with open(self.path("ran"), encoding="utf-8") as f:
                return len(f.read())
        except OSError:
            return 0

    def matrix(self, *arguments, status=None, **more):
        done = self.trapline("matrix", *arguments, "--json", status=status, **more)
        return json.loads(done.stdout)

    def unit(self, device="cpu"):
        return f"{self.runner}:{device}"


class MatrixTest(TurnTest):
    def test_cross_product(self):
        m = self.matrix(self.numbers, "-u", self.unit(), "-s", "n=1,3..4", "-s", "mode=a,d", status=1)
        case = m["matrix"][0]
        self.assertEqual(case["axes"], ["n", "mode"])
        found = {(r["variant"]["n"], r["variant"]["mode"]): r["cells"][0]["outcome"] for r in case["rows"]}
        self.assertEqual(found, {(1, "a"): "pass", (1, "d"): "pass", (3, "a"): "crash", (3, "d"): "crash",
                                 (4, "a"): "crash"})
        self.assertEqual(case["forbidden"], 1)
        self.assertEqual((m["trials"], m["cached"], m["failed"], m["complete"]), (5, 0, 3, True))
        self.assertEqual(len(m["signatures"]), 1)
        self.assertEqual(m["signatures"][0]["letter"], "A")
        # The same again is known, and a larger one runs only what is new; and a failure and a pass are tried again.
        again = self.matrix(self.numbers, "-u", self.unit(), "-s", "n=1,3,4", "-s", "mode=a,d", status=1)
        self.assertEqual((again["trials"], again["cached"], self.ran()), (5, 5, 7))
        more = self.matrix(self.numbers, "-u", self.unit(), "-s", "n=*", "-s", "mode=a,d", status=1)
        self.assertEqual((more["trials"], more["cached"], self.ran()), (7, 5, 11))
        anew = self.matrix(self.numbers, "-u", self.unit(), "-s", "n=1", "--no-cache", status=0)
        self.assertEqual((anew["cached"], self.ran()), (0, 12))

    def test_a_value_may_hold_a_comma(self):
        m = self.matrix(self.numbers, "-u", self.unit(), "-s", "mode=b,c", status=0)
        self.assertEqual([r["variant"]["mode"] for r in m["matrix"][0]["rows"]], ["b,c"])

    def test_table(self):
        text = self.trapline("matrix", self.numbers, "-u", self.unit(), "-u", self.unit("npu"), "-s", "n=2,3",
                             status=1).stdout
        lines = text.splitlines()
        self.assertEqual(lines[0], "numbers")
        self.assertRegex(lines[2], r"^n  :cpu +:npu$")
        self.assertRegex(lines[3], r"^2  pass \S+s +unsupported$")
        self.assertRegex(lines[4], r"^3  crash A \S+s +unsupported$")
        self.assertIn("there is none here", text)
        self.assertIn("SIGSEGV", text)
        self.assertNotIn("\033", text)
        self.assertEqual(self.listed("trials", "--outcome", "unsupported")["trials"], [])

    def test_repeats_that_disagree(self):
        self.turn("crash", "pass", "error")
        m = self.matrix(self.numbers, "-u", self.unit(), "-s", "n=2,3", "-n", "6", "-j", "1", status=1)
        steady, flaky = [r["cells"][0] for r in m["matrix"][0]["rows"]]
        self.assertEqual([(s["outcome"], s["n"]) for s in steady["seen"]], [("pass", 6)])
        self.assertEqual(sorted((s["outcome"], s["n"]) for s in flaky["seen"]),
                         [("crash", 2), ("error", 2), ("pass", 2)])
        text = self.trapline("matrix", self.numbers, "-u", self.unit(), "-s", "n=2,3", "-n", "6", status=1).stdout
        self.assertRegex(text, r"crash [AB] 2 of 6, error [AB] 2 of 6")
        self.assertEqual(self.ran(), 14, "a failure and a pass are tried again")
        # More repeats add to those that are there.
        more = self.matrix(self.numbers, "-u", self.unit(), "-s", "n=2", "-n", "8", status=0)
        self.assertEqual(more["trials"], 8)
        self.assertIn(more["cached"], (6, 7), "the pass that was tried again may have been one of these")

    def test_pairs(self):
        axes = [{"name": f"a{i}", "choices": ["p", "q", "r"]} for i in range(8)]
        case = self.case("wide", {"file": "model.bin"}, [{"name": "n", "range": [1, 1000]}] + axes,
                         forbid=[{"a0": "q", "a1": "r"}])
        m = self.matrix(case, "-u", self.unit(), "--pairs")
        rows = [r["variant"] for r in m["matrix"][0]["rows"]]
        self.assertLess(len(rows), 40)
        for i in range(8):
            for k in range(i):
                pairs = {(r[f"a{k}"], r[f"a{i}"]) for r in rows}
                self.assertEqual(len(pairs), 8 if (k, i) == (0, 1) else 9)
        self.assertFalse([r for r in rows if r["a0"] == "q" and r["a1"] == "r"])
        self.assertEqual({1, 1000} - {r["n"] for r in rows}, set())

    def test_interrupted_and_resumed(self):
        arguments = (self.numbers, "-u", self.unit("slow"), "-s", "n=1..4", "-s", "mode=a,d", "-j", "1")
        child = self.start("matrix", *arguments, "--json")
        while self.ran() < 3:
            self.assertIsNone(child.poll())
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
        self.assertEqual(child.returncode, 130, err)
        part = json.loads(out)
        self.assertFalse(part["complete"])
        self.assertGreaterEqual(part["trials"], 1)
        self.assertLess(part["trials"], 7)
        whole = self.matrix(*arguments, status=1)
        self.assertEqual(whole["trials"], 7)
        self.assertGreaterEqual(whole["cached"], part["trials"])
        self.assertTrue(whole["complete"])

    def test_several_cases(self):
        other = self.case("other", {"file": "model.bin"}, [{"name": "n", "range": [1, 4]}])
        m = self.matrix(self.numbers, other, "-u", self.unit(), "-s", "mode=a,d", "-s", "n=1", status=0)
        self.assertEqual([(c["case"], len(c["rows"])) for c in m["matrix"]], [("numbers", 2), ("other", 1)])

    def test_mistakes(self):
        unit = self.unit()
        for arguments, said in [
            ((), "case file"), ((self.numbers,), "-u UNIT"), ((self.numbers, "-u", unit, "-s", "z=1"), "no such axis"),
            ((self.numbers, "-u", unit, "-s", "n=9"), "1 to 4"), ((self.numbers, "-u", unit, "-s", "n"), "n"),
            ((self.numbers, "-u", "onnxruntime@0.1..0.2:cpu"), "no build in that range"),
            ((self.numbers, "-u", "onnxruntime@1.30..1.29:cpu"), "from the older version"),
            ((self.numbers, "-u", unit, "-n", "1000000", "-s", "n=1..4"), "too many trials"),
            ((self.path("none.json"), "-u", unit), "none.json"),
        ]:
            done = self.trapline("matrix", *arguments, status=2)
            self.assertIn(said, done.stderr)
            self.assertEqual(done.stdout, "")
        self.assertEqual(self.ran(), 0)


class CompareTest(TurnTest):
    def compare(self, *arguments, status=None):
        return json.loads(self.trapline("compare", *arguments, "--json", status=status).stdout)

    def two_sessions(self, first, second):
        for what in (first, second):
            self.turn(what)
            self.trapline("matrix", self.numbers, "-u", self.unit(), "-s", "n=*", "--no-cache")

    def test_sessions(self):
        self.two_sessions("pass", "crash")
        c = self.compare("--by", "session", status=1)
        self.assertEqual((c["compared"], c["differ"], c["regressed"]), (4, 2, 2))
        self.assertEqual([r["regressed"] for r in c["rows"]], [False, False, True, True])
        self.assertEqual([x["outcome"] for x in c["rows"][3]["cells"]], ["pass", "crash"])
        ratio = c["sides"][1]["time_ratio"]
        self.assertEqual(ratio["variants"], 2)
        self.assertLessEqual(ratio["min"], ratio["median"])
        self.assertLessEqual(ratio["median"], ratio["max"])
        self.assertEqual(c["rows"][0]["cells"][0]["outputs"], c["rows"][0]["cells"][1]["outputs"])
        changed = self.compare("--by", "session", "--only", "changed", status=1)
        self.assertEqual([r["variant"]["n"] for r in changed["rows"]], [3, 4])
        # The other way round, by the beginning of their ids: nothing that passed fails.
        ids = [s["id"] for s in c["sides"]]
        turned = self.compare("--by", "session", ids[1], ids[0], status=0)
        self.assertEqual((turned["differ"], turned["regressed"]), (2, 0))
        text = self.trapline("compare", "--by", "session", status=1).stdout
        self.assertRegex(text, r"3  .*pass .* crash A .*fails later")
        self.assertIn("identical", text)
        self.assertIn("2 of them pass on the first side and fail on a later one", text)

    def test_the_same_failure(self):
        self.two_sessions("crash", "crash")
        c = self.compare("--by", "session", status=0)
        self.assertEqual(c["differ"], 0)
        self.assertEqual([r["match"] for r in c["rows"]], [None, None, "signature", "signature"])
        self.assertEqual([f["match"] for f in c["failures"]], ["signature"])

    def test_another_failure_differs(self):
        self.two_sessions("crash", "error")
        c = self.compare("--by", "session", status=0)
        self.assertEqual((c["differ"], c["regressed"]), (2, 0))

    def test_units(self):
        self.trapline("matrix", self.numbers, "-u", self.unit(), "-u", self.unit("slow"), "-s", "n=1,2")
        c = self.compare(self.unit(), self.unit("slow"), status=0)
        self.assertEqual(c["compared"], 2)
        self.assertGreater(c["sides"][1]["time_ratio"]["median"], 1)
        self.assertIn("of it is in the selection", self.trapline("compare", self.unit(), "x:y", status=2).stderr)
        self.assertIn("--by nothing", self.trapline("compare", "--by", "nothing", status=2).stderr)
        self.assertIn("at least two machines", self.trapline("compare", "--by", "machine", status=2).stderr)

    def test_times_of_a_kind(self):
        """What a fork server forks has loaded nothing itself and shares its memory: beside it every process of its own looks
        slow and hungry."""
        kv = self.case("kv", {"family": "decoder"}, [{"name": "layers", "range": [1, 9]}])
        self.trapline("run", kv, "-u", "sim:cpu", "-n", "3", status=0)
        self.trapline("run", kv, "-u", "sim:gpu", "-n", "3", "--fresh", status=0)
        sides = self.compare("sim:cpu", "sim:gpu", status=0)["sides"]
        self.assertEqual([(s["time_ratio"], s["memory_ratio"]) for s in sides if s["id"] == "sim:gpu"], [(None, None)])
        self.trapline("run", kv, "-u", "sim:gpu", "-n", "2", status=0)
        c = self.compare("sim:cpu", "sim:gpu", status=0)
        self.assertEqual([cell["wall_s"]["n"] for cell in c["rows"][0]["cells"]], [3, 2], "those that a server forked")
        self.assertEqual(c["sides"][1]["memory_ratio"]["variants"], 1)
        self.assertRegex(self.trapline("compare", "sim:cpu", "sim:gpu", status=0).stdout, r"×\d")


class DatabaseTest(TurnTest):
    def rows(self, db):
        """Every table but meta, without the local numbers of trials."""
        with sqlite3.connect(db) as connection:
            tables = [r[0] for r in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
            return {t: sorted(map(repr, [r[1:] if t == "trial" else r
                                         for r in connection.execute(f"SELECT * FROM {t}")]))
                    for t in tables if t not in ("meta", "sqlite_stat1", "sqlite_stat4")}

    def named(self, name):
        """Runs as on a machine of another name, where that is allowed."""
        if subprocess.run(["unshare", "--uts", "true"], capture_output=True, check=False).returncode:
            self.skipTest("this user may not name the machine")
        return ["unshare", "--uts", "sh", "-c", f"hostname {name} && exec \"$@\"", "sh"]

    def two_machines(self):
        paths = []
        for name, what in (("alpha", "pass"), ("beta", "crash")):
            self.turn(what)
            paths.append(self.path(name + ".db"))
            done = subprocess.run(self.named(name) + [TRAPLINE, "matrix", self.numbers, "-u", self.unit(), "-s", "n=*",
                                                      "--db", paths[-1]], env=self.env, capture_output=True, check=False)
            self.assertIn(done.returncode, (0, 1), done.stderr)
        return paths

    def merge(self, to, *files, status=0):
        return json.loads(self.trapline("db", "merge", *files, "--json", "--db", to, db=False, status=status).stdout)

    def test_two_machines(self):
        a, b = self.two_machines()
        one, two = self.path("one.db"), self.path("two.db")
        self.merge(one, a, b)
        for file in (b, a):
            self.merge(two, file)
        self.assertEqual(self.rows(one), self.rows(two))
        before = self.rows(one)
        again = self.merge(one, b, a, two)
        self.assertEqual([m["trials"] + m["findings"] for m in again["merged"]], [0, 0, 0])
        self.assertEqual(self.rows(one), before)
        compared = [self.trapline("compare", "--by", "machine", "--json", "--db", db, db=False, status=1).stdout for db in (one, two)]
        self.assertEqual(compared[0].replace(one, ""), compared[1].replace(two, ""), "in which order they are stored tells nothing")
        c = json.loads(compared[0])
        self.assertEqual([s["name"] for s in c["sides"]], ["alpha", "beta"])
        self.assertEqual((c["compared"], c["regressed"]), (4, 2))
        self.trapline("db", "check", "--db", one, db=False, status=0)

    def test_merge_refuses(self):
        self.trapline("run", MISBEHAVE, "-u", "selftest:cpu", status=1)
        before = self.rows(self.db)
        for file, content in (("text", "no database at all"), ("empty", "")):
            self.write(file, content)
            self.trapline("db", "merge", self.path(file), status=2)
        self.trapline("db", "merge", self.path("none"), status=2)
        self.trapline("db", "merge", status=2)
        self.assertEqual(self.rows(self.db), before)

    def test_export(self):
        self.trapline("run", MISBEHAVE, "-u", "selftest:cpu", "-n", "3", status=1)
        self.trapline("run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", "-n", "2", status=0)
        lines = self.trapline("db", "export", status=0).stdout.splitlines()
        trials = [json.loads(line) for line in lines]
        self.assertEqual([t["outcome"] for t in trials], ["pass"] * 2 + ["crash"] * 3)
        self.assertEqual(trials[2], self.show(trials[2]))
        crashes = self.trapline("db", "export", "--outcome", "crash", "--limit", "2", status=0).stdout.splitlines()
        self.assertEqual([json.loads(line)["id"] for line in crashes], [t["id"] for t in trials[2:4]])
        document = json.loads(self.trapline("db", "export", "--json", status=0).stdout)
        self.assertEqual(len(document["trials"]), 5)
        self.assertEqual(self.trapline("db", "export", "findings", status=0).stdout, "")
        self.trapline("db", "export", "nothing", status=2)

    def test_compact(self):
        self.trapline("run", MISBEHAVE, "-u", "selftest:cpu", "-n", "20", status=1)
        before = self.rows(self.db)
        said = json.loads(self.trapline("db", "compact", "--json", status=0).stdout)
        self.assertLessEqual(said["after"], said["before"])
        self.assertEqual(self.rows(self.db), before)
        self.trapline("db", "check", status=0)
        self.trapline("db", "compact", "--db", self.path("none.db"), db=False, status=2)
        self.assertFalse(os.path.exists(self.path("none.db")))


class OnnxRuntimeTest(ProgramTest):
    """A matrix over builds of a real runtime."""

    def setUp(self):
        super().setUp()
        self.need_builds(*BUILDS)
        if not os.path.exists(ONNXRUNTIME):
            self.skipTest("there is no runner for ONNX Runtime")
        self.use_builds()

    def test_decoder_over_builds(self):
        case = self.case("decoders", {"family": "decoder"}, [
            {"name": "attention", "choices": ["sdpa", "gqa"]},
            {"name": "begin_index", "choices": ["none", "constant", "shape", "tensor"]},
            {"name": "begin_error", "ordered": [0, 1000000]},
            {"name": "weights", "choices": ["fp32", "fp16", "int8", "int4_block"]}],
            reference={"unit": "reference", "tolerance": 0.02})
        arguments = ["matrix", case, "-u", f"onnxruntime@{','.join(BUILDS)}:cpu", "-u", "reference", "-s",
                     "attention=*", "-s", "begin_index=*", "-s", "begin_error=*", "-s", "weights=*", "--json"]
        began = time.monotonic()
        m = json.loads(self.trapline(*arguments, status=1).stdout)
        first = time.monotonic() - began
        rows = m["matrix"][0]["rows"]
        self.assertEqual(len(rows), 64)
        self.assertEqual([u["unit"] for u in m["units"]], [f"onnxruntime@{b}:cpu" for b in BUILDS] + ["reference"])
        for row in rows:
            outcomes = [c["outcome"] for c in row["cells"]]
            if row["variant"]["begin_error"] == 0:
                self.assertEqual(outcomes, ["pass"] * 5, row["variant"])
            elif row["variant"]["attention"] == "gqa":
                self.assertEqual(outcomes[:4], ["crash", "crash", "error", "error"], row["variant"])
        numerics = {n["unit"]: n for n in m["matrix"][0]["numerics"]}
        for build in BUILDS:
            n = numerics[f"onnxruntime@{build}:cpu"]
            self.assertEqual(n["compared"], sum(r["cells"][-1]["outcome"] == "pass" for r in rows))
            self.assertLessEqual(n["median_error"], n["max_error"])
            self.assertLess(n["max_error"], 0.02, n)
            self.assertGreater(n["max_error"], 0, "floating point is not that exact")
        self.assertNotIn("reference", numerics, "it is not compared with itself")
        self.assertIn("numerics:", self.trapline(*arguments[:-1], status=1).stdout)
        trials = self.trials(case, "-u", f"onnxruntime@{BUILDS[0]}..{BUILDS[1]}:cpu", status=0)
        here = [b["version"] for b in self.listed("builds")["builds"] if BUILDS[0] <= b["version"] <= BUILDS[1]]
        self.assertEqual(sorted(t["unit"] for t in trials), [f"onnxruntime@{v}:cpu" for v in here])
        began = time.monotonic()
        again = json.loads(self.trapline(*arguments, status=1).stdout)
        second = time.monotonic() - began
        refused = sum(u["trials"] for u in again["unsupported"])  # they are asked anew each time
        self.assertEqual(again["cached"], again["trials"] - refused)
        self.assertLess(second, first)
        print(f"320 cells in {first:.1f} s; known already in {second:.2f} s")
        c = json.loads(self.trapline("compare", "--by", "build", "--json", *BUILDS[:2], status=0).stdout)
        judged = ["unsupported" not in [cell["outcome"] for cell in row["cells"][:2]] for row in rows]
        self.assertEqual(c["compared"], sum(judged), "what has no right answer is not judged, and not compared")
        crash = next(f for f in c["failures"] if len(f["sides"]) == 2 and "libonnxruntime" in f["title"])
        self.assertEqual(crash["match"], "coarse", "a stripped library: its functions move from build to build")


if __name__ == "__main__":
    unittest.main()
