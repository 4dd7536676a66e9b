"""nightly as a user meets it: what it says when a build changes, what it survives, what it writes. Builds that change are
profiles of the simulated runtime, and builds of ONNX Runtime whose failures are known.

TRAPLINE_REQUIRE_BUILDS=1 makes it a failure that builds of ONNX Runtime are not here."""
import contextlib
import fcntl
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree as ElementTree

import junit_schema
from program import HERE, PATIENCE, ProgramTest

ROOT = os.path.dirname(os.path.dirname(HERE))
CRASH = {"phase": "execute", "devices": ["gpu"], "message": "it breaks", "signal": "SIGSEGV", "in": "attention",
         "when": {"axis": "begin_index", "in": ["tensor"]}, "name": "breaks"}
ERROR = {"phase": "compile", "devices": ["gpu"], "name": "refuses", "when": {"axis": "begin_index", "in": ["tensor"]},
         "error": {"domain": "made", "code": "refused", "message": "it is refused"}}
NIGHTS = int(os.environ.get("TRAPLINE_NIGHTS", "100"))


class NightlyTest(ProgramTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("profiles"))
        self.env["TRAPLINE_PROFILES"] = self.path("profiles")
        for build in ("1.0", "2.0", "3.0"):
            self.profile(build)
        self.kv = self.case("kv", {"family": "decoder"}, [
            {"name": "layers", "range": [1, 9]}, {"name": "kv_write", "choices": ["concat", "scatter"]},
            {"name": "begin_index", "choices": ["none", "tensor"]}],
            failing={"layers": 4, "kv_write": "scatter", "begin_index": "tensor"})

    def profile(self, build, *rules):
        """What a build of the simulated runtime does."""
        self.write(os.path.join("profiles", build + ".json"), json.dumps(
            {"trapline_profile": 1, "name": build, "title": "made by a test", "rules": list(rules)}))

    def text(self, path):
        with open(path, encoding="utf-8") as f:
            return f.read()

    def suite(self, build="1.0", name="suite.json", **more):
        document = {"trapline": 1, "suite": "drops", "cases": ["kv.json"], "units": [f"sim@{build}:gpu"]}
        document.update(more)
        return self.write(name, json.dumps(document))

    def night(self, suite, *arguments, status=0, **more):
        done = self.trapline("nightly", suite, *arguments, "--json", status=status, **more)
        try:
            return json.loads(done.stdout)
        except ValueError:
            self.fail(f"not one JSON document: {done.stdout!r} {done.stderr!r}")

    def classes(self, night):
        return {(c["case"], c["which"]): c["class"] for c in night["cells"]}

    def changes(self, night):
        return [(c["class"], c["case"], c["unit"]) for c in night["changes"]]


class WhatChanged(NightlyTest):
    def test_from_build_to_build(self):
        self.profile("2.0", CRASH)
        self.profile("3.0", ERROR)
        first = self.night(self.suite("1.0"))
        self.assertIsNone(first["previous"])
        self.assertEqual(self.classes(first), {("kv", "failing"): "first-passing", ("kv", "baseline"): "first-passing"})

        broken = self.night(self.suite("2.0"), status=1)
        self.assertEqual(self.changes(broken), [("new-failure", "kv", "sim@2.0:gpu")])
        change = broken["changes"][0]
        self.assertEqual(change["before"]["unit"], "sim@1.0:gpu")
        self.assertEqual((change["failures"][0]["outcome"], change["failures"][0]["signal"]), ("crash", "SIGSEGV"))
        self.assertNotIn("unexplained", change, "the build is another one")
        self.assertEqual([(t["axis"], t["value"]) for t in change["isolation"]["trigger"]], [("begin_index", "tensor")])
        self.assertTrue(change["isolation"]["complete"])
        self.assertEqual(broken["previous"]["night"], first["night"])
        report = self.trapline("report", change["isolation"]["finding"], status=0).stdout
        self.assertIn("begin_index=tensor", report)

        again = self.night(self.suite("2.0"))
        self.assertEqual(again["changes"], [])
        self.assertEqual(again["still_failing"][0]["before"]["since_night"], broken["night"])

        gone = self.night(self.suite("3.0"))
        self.assertEqual(self.changes(gone), [("fixed", "kv", "sim@3.0:gpu")])
        self.assertEqual(gone["changes"][0]["failures"][0]["outcome"], "error", "it has become a clean error")

        back = self.night(self.suite("2.0"), status=1)
        self.assertEqual(self.changes(back), [("new-failure", "kv", "sim@2.0:gpu")])
        self.assertEqual(back["changes"][0]["before"]["unit"], "sim@3.0:gpu", "the last run counts, not the lesser build")

        history = json.loads(self.trapline("nightly", "--history", "kv", "--json", status=0).stdout)
        self.assertEqual([n["n"] for n in history["nights"]], [1, 2, 3, 4, 5])
        lines = self.trapline("nightly", "--history", "kv", status=0).stdout.splitlines()
        self.assertEqual(len(lines), 6)
        self.assertIn("new-failure", lines[2])

    def test_a_build_that_changes_under_its_name(self):
        suite = self.suite("1.0")
        self.night(suite)
        self.profile("1.0", CRASH)
        self.assertEqual(self.changes(self.night(suite, status=1)), [("new-failure", "kv", "sim@1.0:gpu")])
        self.profile("1.0", dict(CRASH, signal="SIGBUS", message="it breaks in another way", **{"in": "compile"}))
        other = self.night(suite, status=1)
        self.assertEqual(self.changes(other), [("changed-signature", "kv", "sim@1.0:gpu")])
        self.profile("1.0", dict(ERROR, phase="load"))
        self.assertEqual(self.changes(self.night(suite)), [("fixed", "kv", "sim@1.0:gpu")])
        self.profile("1.0")
        self.assertEqual(self.changes(self.night(suite)), [("fixed", "kv", "sim@1.0:gpu")])

    def test_what_no_identity_sees(self):
        """Behind a wrapper the tool itself is edited after five nights: what changed is not known, and the isolation does not
        answer with the passes of the tool as it was."""
        os.makedirs(self.path("elsewhere"))
        os.makedirs(self.path("out-of-sight"))
        tool = self.write(os.path.join("out-of-sight", "tool.py"), "import sys\n")
        # Its path is put together when it runs: written backwards, it stands nowhere.
        wrapper = self.write(os.path.join("elsewhere", "wrapper"),
                             f"#!{sys.executable}\nimport os, sys\n"
                             f"tool = {self.path('out-of-sight')[::-1]!r}[::-1] + os.sep + sys.argv[1] + '.py'\n"
                             "os.execv(sys.executable, [sys.executable, tool] + sys.argv[2:])\n", 0o755)
        self.case("tool", {"steps": [{"phase": "execute", "argv": [wrapper, "tool", "{mode}", "{n}"]}]},
                  [{"name": "mode", "choices": ["plain", "fast"]}, {"name": "n", "range": [1, 4]}], failing={"mode": "fast", "n": 3})
        suite = self.suite(cases=["tool.json"], units=["command:host"])
        self.night(suite)
        for _ in range(4):
            self.assertEqual(self.night(suite)["counts"], {"passing": 2})
        with open(tool, "a", encoding="utf-8") as f:
            f.write("import os\nif sys.argv[1] == 'fast': os.abort()\n")
        night = self.night(suite, status=1)
        change, = night["changes"]
        self.assertEqual((change["class"], change["which"], change["failures"][0]["outcome"]), ("new-failure", "failing", "crash"))
        self.assertTrue(change["unexplained"])
        self.assertTrue(change["isolation"]["reproduced"])
        self.assertEqual([(t["axis"], t["value"]) for t in change["isolation"]["trigger"]], [("mode", "fast")])
        summary = self.trapline("report", night["night"], status=0).stdout
        self.assertIn("what changed is not known; trigger `mode=fast`", summary)
        self.assertIn("what changed is not known", self.trapline("report", night["night"], "--format", "html", status=0).stdout)

    def test_repeat_one_is_settled_by_more_trials(self):
        suite = self.suite("1.0", repeat=1, isolate_new=False)
        self.assertEqual(self.night(suite)["trials"], 2)
        self.profile("1.0", CRASH)
        night = self.night(suite, status=1)
        self.assertEqual(self.changes(night), [("new-failure", "kv", "sim@1.0:gpu")])
        self.assertGreater(night["changes"][0]["failed"], 3, "one trial is not enough to say so")
        self.assertIsNone(night["changes"][0]["isolation"]["finding"], "the suite did not ask for it")

    def test_several_builds_each_with_its_own_history(self):
        self.profile("2.0", CRASH)
        suite = self.suite("1.0,2.0")
        self.assertEqual(self.night(suite)["counts"], {"first-failing": 1, "first-passing": 3})
        self.assertEqual(self.night(suite)["counts"], {"still-failing": 1, "passing": 3})
        self.profile("3.0", CRASH)
        third = self.night(self.suite("1.0,2.0,3.0"))
        self.assertEqual(third["counts"], {"still-failing": 2, "passing": 4}, "3.0 goes on from 2.0, the nearest older one")

    def test_unsupported_that_was_not(self):
        suite = self.suite("1.0")
        self.night(suite)
        os.rename(self.path("profiles", "1.0.json"), self.path("aside"))
        night = self.night(suite, status=1)
        self.assertEqual({c["class"] for c in night["cells"]}, {"unsupported"})
        self.assertTrue(all(c["why"] for c in night["changes"]))
        night = self.night(suite, status=2)
        self.assertEqual({c["class"] for c in night["cells"]}, {"not-supported"})
        summary = self.trapline("report", night["night"], status=0).stdout
        self.assertIn("2 not supported; nothing changed", summary, "it is not said that nothing fails where nothing ran")
        self.assertIn("there is no profile", summary)
        os.rename(self.path("aside"), self.path("profiles", "1.0.json"))
        self.assertEqual(self.night(suite)["counts"], {"passing": 2})

    def test_nothing_to_run(self):
        night = self.night(self.suite(units=["command:host"]), status=2)
        self.assertEqual(night["cells"], [])
        summary = self.trapline("report", night["night"], status=0).stdout
        self.assertIn("nothing was run", summary)
        self.assertIn("case kv was not run", summary)

    def test_slower_and_faster(self):
        runner = self.python_runner("slow-runner", {"name": "slow", "axes": [], "serve": False}, """
say({"phase": "execute"})
time.sleep(float(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "pause")).read()))
say({"result": {"outputs": [{"name": "y", "dtype": "float32", "shape": [1], "hash": "0", "finite": True,
                             "min": 0.0, "max": 0.0, "mean": 0.0, "first": [0.0]}]}})
""")
        self.write("model.bin", "not looked at")
        self.case("plain", {"file": "model.bin"})
        suite = self.suite(cases=["plain.json"], units=[f"{runner}:cpu"])
        self.write("pause", "0.03")
        self.night(suite)
        self.night(suite)
        self.write("pause", "0.25")
        self.assertEqual([c["class"] for c in self.night(suite, status=1)["changes"]], ["slower"])
        self.assertEqual(self.night(suite)["changes"], [], "it is said once")
        self.write("pause", "0.03")
        said = [[c["class"] for c in self.night(suite)["changes"]] for _ in range(4)]
        self.assertEqual(said[0], [], "the nights before may have been those of a busy machine")
        self.assertEqual(sum(said, []), ["faster"])

    def test_values_of_axes(self):
        night = self.night(self.suite(variants={"layers": [1, 2], "kv_write": ["scatter"], "begin_index": ["none", "tensor"]}))
        self.assertEqual(sorted((c["variant"]["layers"], c["variant"]["begin_index"]) for c in night["cells"]),
                         [(1, "none"), (1, "tensor"), (2, "none"), (2, "tensor")])
        self.assertEqual(len(self.night(self.suite(variants="failing", suite="f"))["cells"]), 1)
        self.assertEqual(self.night(self.suite(variants="baseline", suite="b"))["cells"][0]["which"], "baseline")


class Retests(NightlyTest):
    """A failure that is known, on builds that are new: a line for each, and a sentence for the report of it."""
    def setUp(self):
        super().setUp()
        self.profile("1.0", CRASH)
        self.kv = self.case("kv", {"family": "decoder"}, [{"name": "kv_write", "choices": ["concat", "scatter"]},
                                                          {"name": "begin_index", "choices": ["none", "tensor"]}],
                            failing={"kv_write": "scatter", "begin_index": "tensor"}, source="https://example.org/issues/17")

    def retest(self, build, **more):
        """What the night says of it: verdict, and the line of its summary."""
        night = self.night(self.suite(build, isolate_new=False), **more)
        self.newest = night["night"]
        page = self.trapline("report", self.newest, status=0).stdout
        lines = [line for line in page.splitlines() if line.startswith("- retest, ")]
        self.assertEqual(len(lines), len(night["retests"]), page)
        if not lines:
            return None, page
        self.assertEqual(len(lines), 1, "one line a case")
        self.assertNotIn("- still failing: ", page, "which it stands for")
        return night["retests"][0]["retest"]["verdict"], lines[0]

    def test_beta_after_beta(self):
        self.profile("2.0", CRASH)
        self.profile("3.0", dict(CRASH, signal="SIGABRT", message="another thing breaks", **{"in": "slice_update"}))
        self.profile("4.0", ERROR)
        self.profile("5.0", {k: v for k, v in ERROR.items() if k != "name"} | {"name": "refuses"})
        self.profile("6.0")
        self.assertEqual(self.retest("1.0")[0], None, "there is nothing to retest in the first night")
        verdict, line = self.retest("2.0")
        self.assertEqual(verdict, "still-fails")
        self.assertIn("Reported failures on a new build", self.trapline("report", self.newest, "--format", "html", status=0).stdout)
        self.assertRegex(line, r"^- retest, sim `2\.0`: `kv` \(failing variant\) on `sim@2\.0:gpu`: \*\*still fails \(3 of 3\)\*\*; for "
                               r"<https://example\.org/issues/17>: “Fails as before on sim 2\.0, .*: SIGSEGV in 3 of 3 runs, as with 1\.0\.”$")
        self.assertEqual(self.retest("2.0")[0], None, "the second night with a build has nothing to tell")
        verdict, line = self.retest("3.0", status=1)
        self.assertEqual(verdict, "fails-otherwise")
        self.assertRegex(line, r"on `sim@3\.0:gpu`; for <https://example\.org/issues/17>: “Fails in another way on sim 3\.0, .*: SIGABRT.*"
                               r"; with 2\.0 it was SIGSEGV in execute")
        verdict, line = self.retest("4.0")
        self.assertEqual(verdict, "clean-error")
        self.assertRegex(line, r"“No longer fails as reported on sim 4\.0, .*, but is refused: error in compile, ")
        verdict, line = self.retest("5.0")
        self.assertEqual(verdict, "still-refused")
        self.assertRegex(line, r"\*\*still a clean error \(3 of 3\)\*\*.*“Is still refused with an error on sim 5\.0, .*: the same error in 3 of 3 runs, as with 4\.0\.”")
        verdict, line = self.retest("6.0")
        self.assertEqual(verdict, "passes")
        self.assertRegex(line, r"“No longer fails on sim 6\.0, .*: passed in (\d+) of \1 runs; with 5\.0 it was error in compile")
        self.assertEqual(self.retest("1.0", status=1)[0], None, "what passed before is no retest, but a new failure")

    def test_a_version_of_the_case(self):
        """What is new may stand behind the commands of a case."""
        tool = self.python("tool", "print(open(sys.argv[1]).read()) if sys.argv[2] == '--version' else os.abort()\n")
        version = self.write("version", "tool 1")
        source = "https://example.org/issues/18"
        self.case("kv", {"steps": [{"phase": "compile", "argv": [tool, version, "{mode}"]}]},
                  [{"name": "mode", "choices": ["a", "b"]}], failing={"mode": "b"},
                  versions=[{"name": "tool", "argv": [tool, version, "--version"]}], source=source)
        suite = dict(units=["command:host"], variants="failing", isolate_new=False)
        self.assertEqual(self.night(self.suite(**suite))["retests"], [])
        self.write("version", "tool 2 beta")
        night = self.night(self.suite(**suite))
        self.assertEqual([(r["retest"]["what"], r["retest"]["name"], r["retest"]["build"], r["retest"]["was"], r["retest"]["verdict"])
                          for r in night["retests"]], [("version", "tool", "tool 2 beta", "tool 1", "still-fails")])

    def test_what_cannot_be_tried(self):
        self.retest("1.0")
        verdict, line = self.retest("9.9", status=1)
        self.assertEqual(verdict, "not-tried")
        self.assertRegex(line, r"sim `9\.9`: .*“Could not be tried on sim 9\.9, .*: ")
        self.assertEqual(self.retest("2.0")[0], "passes", "it goes on from the last night that said something")


class Flaky(NightlyTest):
    def test_a_flaky_crash_is_not_news_every_other_night(self):
        self.profile("1.0", dict(CRASH, rate=0.3))
        suite = self.suite(isolate_new=False, variants="failing", repeat=3)
        false = 0
        for _ in range(NIGHTS):
            done = self.trapline("nightly", suite, "--json")
            self.assertIn(done.returncode, (0, 1), done.stderr)
            false += len([c for c in json.loads(done.stdout)["changes"] if c["class"] in ("new-failure", "fixed")])
        print(f"{false} false in {NIGHTS} nights of a crash that shows in 30%")
        self.assertLessEqual(false, 3)
        seen = sum(n["cells"][0]["failed"] for n in json.loads(
            self.trapline("nightly", "--history", "kv", "--json", status=0).stdout)["nights"])
        self.assertGreater(seen, NIGHTS / 4, "it really is flaky")

    def test_a_flaky_crash_that_is_fixed_is_news(self):
        self.profile("1.0", dict(CRASH, rate=0.5))
        suite = self.suite(isolate_new=False, variants="failing", repeat=20)
        self.night(suite)
        self.profile("1.0")
        self.assertEqual([c["class"] for c in self.night(suite)["changes"]], ["fixed"])


class Survives(NightlyTest):
    def report(self, night):
        """What a night says, without when and in which process it was seen."""
        entry = lambda c: (c["class"], c["case"], json.dumps(c["variant"], sort_keys=True), c["unit"],
                           c.get("before") and c["before"]["unit"],
                           [(t["axis"], t["value"]) for t in (c.get("isolation") or {}).get("trigger", [])])
        return {"cells": sorted((c["class"], json.dumps(c["variant"], sort_keys=True), c["unit"]) for c in night["cells"]),
                **{name: sorted(map(entry, night[name])) for name in ("changes", "still_failing", "unclear", "lost")}}

    def wait_for_night(self, n=1):
        """Until the nth night has begun; its first trial does at once."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                with sqlite3.connect(f"file:{self.db}?mode=ro", uri=True) as c:
                    if c.execute("SELECT count(DISTINCT night_id) FROM night_session").fetchone()[0] >= n:
                        return
            except sqlite3.OperationalError:
                pass
            time.sleep(0.05)
        self.fail("no night has begun")

    def test_killed_at_ten_moments(self):
        self.profile("2.0", dict(CRASH, delay_s=0.1))
        more = {"variants": {"layers": [1, 2, 3, 4], "kv_write": ["scatter"], "begin_index": ["none", "tensor"]}, "repeat": 15}
        undisturbed, db = None, self.db
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        chance = random.Random(seed)
        for self.db in (self.path("calm.db"), db):
            self.night(self.suite("1.0", **more))
            suite = self.suite("2.0", **more)
            kills = 0
            while self.db == db and kills < 10:
                child = self.start("nightly", suite, "--json")
                if kills == 9: # a busy machine may not have come so far before
                    self.wait_for_night(2)
                time.sleep(chance.uniform(0.1, 0.3))
                if child.poll() is not None: # it got to its end: the next one is another night
                    self.fail("the night ended before it was killed ten times; make it longer")
                child.send_signal(signal.SIGKILL)
                child.wait()
                kills += 1
            night = self.night(suite, status=1)
            undisturbed = undisturbed or night
        self.assertTrue(night["resumed"])
        self.assertEqual(night["n"], 2)
        self.assertEqual(self.report(night), self.report(undisturbed), night["cells"])
        with sqlite3.connect(self.db) as c:
            lost = c.execute("SELECT count(*) FROM trial WHERE outcome = 'lost'").fetchone()[0]
        self.assertEqual(sum(c["times"] for c in night["cut_short"]) > 0, lost > 0)
        self.trapline("db", "check", status=0)

    def test_killed_before_it_was_told(self):
        """The night is stored and nobody knows: the same command tells it, and the one after that begins another."""
        suite = self.suite()
        self.night(suite)
        self.profile("1.0", CRASH)
        slow = self.python("slow-mail", f"""
parent = os.getppid()
open({self.path("telling")!r}, "w").close()
while os.getppid() == parent:
    time.sleep(0.05)
""")
        child = self.start("nightly", suite, "--notify", slow)
        end = time.monotonic() + PATIENCE
        while not os.path.exists(self.path("telling")):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.01)
        child.kill()
        child.wait()
        said = self.path("said")
        mail = self.python("mail", f"open({said!r}, 'w').write(sys.stdin.read())\n")
        # Another suite's nights have nothing to do with it.
        self.night(self.suite(suite="other", name="other.json"))
        done = self.trapline("nightly", suite, "--notify", mail, status=1)
        self.assertIn("before anybody was notified", done.stderr)
        self.assertIn("1 new failure", self.text(said))
        self.assertIn("Run 2, ", self.text(said))
        done = self.trapline("nightly", suite, "--notify", mail, status=0)
        self.assertIn("Run 3, ", done.stdout)
        self.assertIn("Run 2, ", self.text(said), "nothing changed: nobody is notified")

    def test_a_machine_that_went_down(self):
        """The trial that ran is lost, is in the report and is not run again; the rest of the night is."""
        self.profile("1.0", {"name": "slow", "phase": "execute", "devices": ["gpu"], "delay_s": 30, "message": "slow",
                             "when": {"axis": "begin_index", "in": ["tensor"]}, "signal": "SIGSEGV", "in": "attention"})
        suite = self.suite(repeat=2)
        child = self.start("nightly", suite, "--json", "-j", "1")
        self.wait_for_night()
        time.sleep(1)
        child.send_signal(signal.SIGKILL)
        child.wait()
        with sqlite3.connect(self.db) as c: # as it is when the machine has been booted since
            c.execute("UPDATE night_session SET boot = '00000000-0000-0000-0000-000000000000'")
        night = self.night(suite)
        self.assertTrue(night["resumed"])
        lost = {c["which"]: c["class"] for c in night["cells"]}
        self.assertEqual(lost["failing"], "lost", night["cells"])
        self.assertEqual(lost["baseline"], "first-passing")
        self.assertEqual([(c["lost"], c["failed"]) for c in night["lost"]], [(1, 0)], "it is not run again")
        text = self.trapline("report", night["night"], status=0).stdout
        self.assertIn("lost", text)

    def test_interrupted_goes_on(self):
        self.profile("1.0", {"name": "slow", "phase": "execute", "devices": ["gpu"], "delay_s": 0.3, "message": "slow",
                             "signal": "SIGSEGV", "in": "attention"})
        suite = self.suite(repeat=6)
        child = self.start("nightly", suite)
        self.wait_for_night()
        time.sleep(1)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=PATIENCE)
        self.assertEqual(child.returncode, 130, err)
        self.assertIn(b"goes on", err)
        night = self.night(suite)
        self.assertTrue(night["resumed"])
        self.assertEqual([c["failed"] for c in night["cells"]], [6, 6])

    def test_a_machine_that_sleeps(self):
        """As far as it can be had here: trapline is stopped. What it slept through is no part of the budget, nor of any
        time that is kept."""
        self.profile("1.0", dict(CRASH, delay_s=0.5))
        suite = self.suite(budget_s=6, repeat=2, isolate_new=False)
        child = self.start("nightly", suite, "--json")
        self.wait_for_night()
        child.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        time.sleep(8)
        child.send_signal(signal.SIGCONT)
        out, err = child.communicate(timeout=PATIENCE)
        night = json.loads(out)
        self.assertGreater(time.monotonic() - began, 8)
        self.assertTrue(night["complete"], err)
        self.assertEqual((night["trials"], night["lost"]), (4, []))
        self.assertLess(night["elapsed_s"], 8)
        with sqlite3.connect(self.db) as c:
            walls = [w for w, in c.execute("SELECT wall_s FROM trial WHERE case_name = 'kv'")]
        self.assertGreaterEqual(len(walls), 4)
        self.assertLess(max(walls), 6)

    def test_two_at_once(self):
        self.profile("1.0", {"name": "slow", "phase": "execute", "devices": ["gpu"], "delay_s": 1, "message": "slow",
                             "signal": "SIGSEGV", "in": "attention"})
        suite = self.suite()
        first = self.start("nightly", suite, "--json")
        self.wait_for_night()
        second = self.trapline("nightly", suite, status=3)
        self.assertIn("another night is running", second.stderr)
        self.assertIn(f"process {first.pid}", second.stderr)
        self.assertEqual(second.stdout, "")
        out, err = first.communicate(timeout=PATIENCE)
        self.assertEqual(first.returncode, 0, err)
        self.assertEqual(json.loads(out)["n"], 1)
        # In the moment between the lock and the name in it: who was killed before does not have it.
        with open(self.db + "-nightly", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write("process 99999999 runs suite old\n")
            lock.flush()
            third = self.start("nightly", suite)
            time.sleep(0.3)
            os.pwrite(lock.fileno(), f"process {os.getpid()} runs suite new\n".encode(), 0)
            os.ftruncate(lock.fileno(), len(f"process {os.getpid()} runs suite new\n"))
            self.assertIn(f"process {os.getpid()} runs suite new;", third.communicate(timeout=PATIENCE)[1].decode())

    def test_the_clock_goes_back(self):
        suite = self.suite()
        self.night(suite)
        with sqlite3.connect(self.db) as c: # as if the night had been tomorrow
            c.execute("UPDATE night SET started_us = started_us + 86400000000, ended_us = ended_us + 86400000000")
        self.profile("1.0", CRASH)
        night = self.night(suite, status=1)
        self.assertEqual((night["n"], self.changes(night)), (2, [("new-failure", "kv", "sim@1.0:gpu")]))
        third = self.night(suite)
        self.assertEqual((third["previous"]["n"], third["previous"]["night"]), (2, night["night"]), "it is the one before")
        history = json.loads(self.trapline("nightly", "--history", "kv", "--json", status=0).stdout)
        self.assertEqual([n["n"] for n in history["nights"]], [1, 2, 3], "by their count")

    def test_a_budget(self):
        self.profile("1.0", {"name": "slow", "phase": "execute", "devices": ["gpu"], "delay_s": 0.5, "message": "slow",
                             "signal": "SIGSEGV", "in": "attention"})
        began = time.monotonic()
        night = self.night(self.suite(budget_s=1, repeat=100))
        self.assertLess(time.monotonic() - began, 30)
        self.assertFalse(night["complete"])
        self.assertLess(night["trials"], 100)
        self.assertIn("budget", self.trapline("report", night["night"], status=0).stdout)
        self.assertEqual(self.night(self.suite(budget_s=600, repeat=1))["n"], 2, "the next run is another night")

    def test_builds_that_cannot_be_had(self):
        self.env["PATH"] = self.path("nothing")
        night = self.night(self.suite(units=["sim@1.0:gpu", "onnxruntime@1.22.0:cpu", "onnxruntime@1.16..1.18:cpu",
                                             "onnxruntime@latest:cpu"]), status=2)
        said = " ".join(night["notes"])
        for build in ("onnxruntime@1.22.0", "onnxruntime@1.16..1.18", "onnxruntime@latest"):
            self.assertIn(f"{build} could not be fetched", said)
        self.assertEqual(night["counts"]["first-passing"], 2, "the rest was run")
        self.assertEqual((night["counts"]["could-not-be-tried"], night["could_not_be_tried"]), (4, 5))
        self.assertTrue(all("why" in u for u in night["units"] if not u["usable"]))

    def test_a_full_disk(self):
        small = self.path("small")
        os.mkdir(small)
        if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", small],
                                          stderr=subprocess.DEVNULL).returncode:
            self.skipTest("this user may not mount")
        self.addCleanup(subprocess.run, ["umount", "-l", small])
        self.db = os.path.join(small, "t.db")
        self.profile("1.0", CRASH)
        suite = self.suite(repeat=1000, isolate_new=False)
        done = self.trapline("nightly", suite, "--json")
        self.assertEqual(done.returncode, 3, done.stdout[-500:] + done.stderr[-500:])
        self.assertEqual(done.stdout, "")
        self.assertIn("trapline: ", done.stderr)
        print(done.stderr.splitlines()[-1])
        subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
        night = self.night(self.suite(repeat=1000, isolate_new=False), status=0)
        self.assertTrue(night["resumed"], "it goes on where it was")
        self.trapline("db", "check", status=0)
        # What is there is read where nothing can be written, not even what readers share.
        for name in os.listdir(small):
            if name.endswith(("-shm", "-wal")):
                os.unlink(os.path.join(small, name))
        with contextlib.suppress(OSError), open(os.path.join(small, "all"), "wb", buffering=0) as f:
            while True:
                f.write(bytes(1 << 12))
        for words in (("known",), ("list", "trials", "--limit", "1"), ("show", self.listed("trials", "--limit", "1")["trials"][0]["id"])):
            self.trapline(*words, status=0)


class Formats(NightlyTest):
    def test_every_format(self):
        self.profile("2.0", CRASH)
        self.night(self.suite("1.0"))
        junit = self.path("junit.xml")
        done = self.trapline("nightly", self.suite("2.0"), "--junit", junit, status=1)
        lines = done.stdout.splitlines()
        self.assertLessEqual(len(lines), 24, "at most a screen")
        self.assertTrue(lines[0].startswith("# nightly drops: 1 new failure"), lines[0])
        self.assertIn("begin_index=tensor", done.stdout)
        suites = junit_schema.check(self, self.text(junit))
        tests = suites.findall("testsuite/testcase")
        self.assertTrue(all(t.get("name").endswith(" on sim:gpu") for t in tests), "a name holds no build")
        told = junit_schema.properties(suites)
        self.assertEqual((told["unit"], told["suite"], told["build"]), ("sim@2.0:gpu", "drops", "2.0"))
        self.assertIn("os_build", told)
        self.assertEqual([s.get("name") for s in suites], ["kv"])
        self.assertEqual(len(tests), 2)
        failed = [t for t in tests if t.find("failure") is not None]
        self.assertEqual([t.find("failure").get("type") for t in failed], ["new-failure"])
        self.assertRegex(failed[0].find("failure").text, r"(?m)^#0 .*attention")
        self.assertGreater(float(failed[0].get("time")), 0)

        night = json.loads(self.trapline("nightly", "--history", "kv", "--json", status=0).stdout)["nights"][-1]["night"]
        self.assertEqual(self.trapline("report", night, status=0).stdout, done.stdout)
        html = self.trapline("report", night, "--format", "html", status=0).stdout
        self.assertIn("<!DOCTYPE html>", html)
        self.assertIn("new failure", html)
        self.assertEqual(self.trapline("report", night, "--format", "junit", status=0).stdout, self.text(junit))
        self.assertEqual(json.loads(self.trapline("report", night, "--format", "json", status=0).stdout)["night"], night)

        again = self.trapline("nightly", self.suite("2.0"), "--format", "junit", status=0).stdout
        root = junit_schema.check(self, again)
        known = [t for t in root.iter("testcase") if t.find("skipped") is not None]
        self.assertRegex(known[0].find("skipped").text, "^still failing: .*SIGSEGV")
        self.assertEqual([t.get("name") for t in known], [t.get("name") for t in failed], "it is the same test")

    def test_the_site(self):
        self.night(self.suite("1.0"))
        self.profile("1.0", CRASH)
        night = self.night(self.suite("1.0"), "--site", self.path("site"), status=1)
        overview = self.text(self.path("site", "index.html"))
        self.assertIn("new failure", overview)
        self.assertLess(overview.index("new failure"), overview.index("Cases by units"), "what changed comes first")
        self.assertTrue(os.path.exists(self.path("site", "finding", night["changes"][0]["isolation"]["finding"] + ".html")))
        os.mkdir(self.path("mine"))
        self.write("mine/precious", "not a site")
        done = self.trapline("nightly", self.suite("1.0"), "--site", self.path("mine"), status=2)
        self.assertIn("mine", done.stderr)
        self.assertEqual(os.listdir(self.path("mine")), ["precious"])

    def test_the_site_of_a_first_night(self):
        """It has nothing to compare with, which is not the same as that nothing changed."""
        self.profile("1.0", CRASH)
        self.night(self.suite(units=["sim@1.0,9.9:gpu"]))
        self.trapline("report", "--site", self.path("site"), status=0)
        overview = self.text(self.path("site", "index.html"))
        self.assertIn(">First run of <code>drops</code></h2>", overview)
        self.assertIn("In all: 1 failing in the first run, 2 not supported.", overview)
        self.assertNotIn("Nothing changed", overview)

    def test_the_site_has_the_newest_night_of_each_suite(self):
        """However many nights of another suite came after it, and whatever the clock said."""
        self.night(self.suite(suite="once"))
        suite = self.suite(suite="often", variants="baseline", repeat=1)
        for _ in range(3):
            self.night(suite)
        with sqlite3.connect(self.db) as c:
            c.execute("UPDATE night SET started_us = started_us + 86400000000 WHERE suite = 'often' AND n = 1")
            # As many more, as if they had been there all the time.
            for n in range(60):
                c.execute("INSERT INTO night(id, suite, machine_id, n, plan, started_us, ended_us, document) SELECT "
                          "printf('%08x', ?1) || substr(id, 9), suite, machine_id, n - 100 - ?1, plan, started_us + 1 + ?1, ended_us, "
                          "document FROM night WHERE suite = 'often' AND n = 2", (n,))
        self.trapline("report", "--site", self.path("site"), status=0)
        overview = self.text(self.path("site", "index.html"))
        self.assertIn("<code>once</code></h2>", overview)
        self.assertIn("<code>often</code></h2>", overview)
        self.assertIn("Run 3, ", overview)

    def test_a_screen_is_enough_for_many_changes(self):
        many = {"variants": {"layers": list(range(1, 10)), "kv_write": ["scatter"], "begin_index": ["tensor", "none"]}}
        self.night(self.suite("1.0", **many))
        self.profile("1.0", CRASH)
        done = self.trapline("nightly", self.suite("1.0", isolate_new=False, repeat=6, **many), status=1)
        self.assertLessEqual(len(done.stdout.splitlines()), 24)
        self.assertIn("9 new failures", done.stdout)

    def test_notify(self):
        said = self.path("said")
        program = self.python("tell", f"open({said!r}, 'w').write(repr(sys.argv[1:]) + sys.stdin.read())\n")
        done = self.trapline("nightly", self.suite(), "--notify", f"{program} --to 'me; touch oops'", status=0)
        text = self.text(said)
        self.assertTrue(text.startswith("['--to', 'me; touch oops']"), text)
        self.assertTrue(text.endswith(done.stdout))
        self.assertFalse(os.path.exists("oops"))
        fails = self.python("fails", "sys.exit(9)\n")
        done = self.trapline("nightly", self.suite(suite="others"), "--notify", fails, status=3)
        self.assertIn("exit", done.stderr)
        self.trapline("nightly", self.suite(suite="others"), "--notify", fails, status=0)  # nothing changed
        self.trapline("nightly", self.suite(), "--notify", "'open", status=2)

    def test_what_could_not_be_written_is_made_up_for_once(self):
        said = self.path("said")
        program = self.python("tell", f"open({said!r}, 'a').write('x')\n")
        junit = self.path("no-such-folder-yet", "j.xml")
        command = ("nightly", self.suite(variants="failing"), "--junit", junit, "--notify", program)
        done = self.trapline(*command, status=3)
        self.assertIn("makes up for what could not be written", done.stderr)
        os.mkdir(os.path.dirname(junit))
        done = self.trapline(*command, status=0)
        self.assertIn("run 1 had ended, and not all could be written", done.stderr)
        self.assertIn("Run 1, ", done.stdout)
        self.assertTrue(os.path.exists(junit))
        self.assertEqual(self.text(said), "x", "who was told is not told again")
        self.assertIn("Run 2, ", self.trapline(*command, status=0).stdout)
        os.unlink(junit)
        os.rmdir(os.path.dirname(junit))
        for run in (3, 3, 4): # made up for by one command and no more: nights go on
            self.assertIn(f"Run {run}, ", self.trapline(*command, status=3).stdout)
        self.assertIn("Run 5, ", self.trapline(*command[:2], status=0).stdout, "which asks for no file")

    def test_what_cannot_be_told_is_refused_before_the_night(self):
        full = self.path("full")
        os.mkdir(full)
        self.write(os.path.join("full", "file"), "somebody's")
        done = self.trapline("nightly", self.suite(), "--site", full, status=2)
        self.assertIn("not a site of trapline", done.stderr)
        self.trapline("nightly", self.suite(), "--site", self.path("no", "such", "place"), status=2)
        self.trapline("nightly", self.suite(), "--site", "", status=2)
        for nobody in ("", "''", "no-such-program-here", self.path("nobody")):
            done = self.trapline("nightly", self.suite(), "--notify", nobody, status=2)
        self.assertIn("no such program", done.stderr)
        self.assertFalse(os.path.exists(self.db))
        for bad in (("--site", full), ("--notify", "sh -c 'open"), ("--notify", "no-such-program-here")):
            self.trapline("nightly", "--install", self.suite(), *bad, status=2)
        self.assertFalse(os.path.exists(self.db), "nothing was run")

    def test_options_are_installed(self):
        self.env["XDG_CONFIG_HOME"] = self.path("config")
        os.mkdir(self.path("bin"))
        for name in ("systemctl", "loginctl"): # nothing is said to the machine's own
            self.write(os.path.join("bin", name), "#!/bin/sh\nexit 0\n", 0o755)
        self.env["PATH"] = self.path("bin") + ":" + self.env["PATH"]
        more = ["--notify", "true", "--junit", self.path("j.xml"), "--site", self.path("site"), "--keep-paths", "--format", "html",
                "--no-cgroup", "--jobs", "2"]
        suite = self.suite()
        self.trapline("nightly", "--install", suite, *more, status=0)
        installed, = json.loads(self.trapline("nightly", "--status", "--json", status=0).stdout)["suites"]
        self.assertEqual(installed["command"][1:], ["nightly", suite, "--db", self.db] + more)

    def test_suites_with_mistakes(self):
        broken = self.write("broken.json", """{
  "trapline": 2, "suite": "Not A Name", "cases": [], "units": ["sim", 7],
  "repeat": 0, "variants": "all", "isolate_new": 1, "budget_s": -1, "colour": true }""")
        done = self.trapline("nightly", broken, status=2)
        for place in ("$.trapline", "$.suite", "$.cases", "$.units[0]", "$.units[1]", "$.repeat", "$.variants",
                      "$.isolate_new", "$.budget_s", "$.colour"):
            self.assertIn(f": {place}: ", done.stderr)
        self.assertIn(f"{broken}:2: ", done.stderr)
        self.assertFalse(os.path.exists(self.db), "nothing was run, nothing made")
        for text in ("", "{", "[]", "null", "\xff", '{"trapline": 1}', '{"trapline":1,"suite":"a","cases":["x"],"units":["u:d"]}'):
            self.trapline("nightly", self.write("broken.json", text.encode("latin-1")), status=2)
        self.trapline("nightly", self.path("no-such.json"), status=2)
        self.trapline("nightly", status=2)
        self.trapline("nightly", self.suite(units=["no-such-runner:cpu"]), status=2)
        backwards = self.trapline("nightly", self.suite(units=["sim@1.0:gpu", "sim@1.3..1.2:gpu"]), status=2)
        self.assertIn("$.units[1]: this names no build: 1.3..1.2: a range goes", backwards.stderr)
        self.trapline("nightly", self.suite(variants={"no-such-axis": [1]}), status=2)
        self.trapline("nightly", self.suite(variants={"layers": [99]}), status=2)
        self.trapline("nightly", self.suite(cases=["kv.json", "kv.json"]), status=2)
        self.trapline("nightly", "--history", "no-such-case", status=2)

    def test_mistakes_that_only_show_with_the_cases(self):
        """A value that is named twice made two cells of one identity, and the night could not be stored."""
        broken = self.write("broken.json", """{ "trapline": 1, "suite": "broken",
  "cases": ["kv.json", "./kv.json"],
  "units": ["sim@1.0:gpu", "no-such-runner:cpu", "./no-such-file:cpu"],
  "variants": { "layers": [1, 2,
      99, 2, "1"],
    "no-such-axis": [1],
    "kv_write": ["concat", "scatter", "zork"] } }""")
        done = self.trapline("nightly", broken, status=2)
        for line, place in ((2, "$.cases[1]"), (3, "$.units[1]"), (3, "$.units[2]"), (5, "$.variants.layers[2]"),
                            (5, "$.variants.layers[3]"), (5, "$.variants.layers[4]"), (6, '$.variants["no-such-axis"]'),
                            (7, "$.variants.kv_write[2]")):
            self.assertIn(f"{broken}:{line}: {place}: ", done.stderr)
        self.assertIn("8 mistakes", done.stderr)
        self.assertFalse(os.path.exists(self.db), "nothing was run, nothing made")
        # A case that cannot be loaded may have the axis; the rest is told all the same.
        broken = self.suite(cases=["kv.json", "gone.json"], variants={"no-such-axis": [1], "layers": [99]})
        done = self.trapline("nightly", broken, status=2)
        self.assertIn("gone.json", done.stderr)
        self.assertIn("$.variants.layers[0]", done.stderr)
        self.assertNotIn("no-such-axis", done.stderr)

    def test_nights_are_merged(self):
        self.profile("2.0", CRASH)
        self.night(self.suite("1.0"))
        self.night(self.suite("2.0"), status=1)
        here, there = self.db, self.path("there.db")
        self.db = there
        self.trapline("db", "merge", here, status=0)
        again = self.night(self.suite("2.0"))
        self.assertEqual((again["n"], again["changes"]), (3, []), "what was merged is history")
        self.trapline("db", "check", status=0)
        history = lambda: self.trapline("nightly", "--history", "kv", status=0).stdout.splitlines()
        self.assertNotIn("machine", history()[0])
        with sqlite3.connect(there) as c: # as if the first night had been another machine's
            row = list(c.execute("SELECT * FROM machine").fetchone())
            c.execute(f"INSERT INTO machine VALUES({','.join('?' * len(row))})", ["0" * 32, "elsewhere"] + row[2:])
            c.execute("UPDATE night SET machine_id = ? WHERE n = 1", ("0" * 32,))
        self.assertEqual([line.split()[2] for line in history()], ["suite", "elsewhere"] + 2 * [row[1]])


class RealBuilds(ProgramTest):
    CASES = [os.path.join(ROOT, "cases", "onnxruntime", name + ".json") for name in ("integer-division", "decoder-gqa-begin")]
    DROPS = ["1.24.3", "1.25.1", "1.26.0", "1.30.0"]

    def setUp(self):
        super().setUp()
        self.need_builds(*self.DROPS, required=True)
        self.use_builds()

    def night(self, build):
        suite = self.write("s.json", json.dumps({"trapline": 1, "suite": "beta", "cases": self.CASES, "fetch": False,
                                                 "units": [f"onnxruntime@{build}:cpu"]}))
        done = self.trapline("nightly", suite, "--json")
        self.assertIn(done.returncode, (0, 1), done.stderr)
        d = json.loads(done.stdout)
        said = {(c["class"], c["case"], c["failures"][0]["outcome"]) for c in d["changes"]}
        return said, {c["case"]: [(t["axis"], t["value"]) for t in c["isolation"]["trigger"]] for c in d["changes"]
                      if c["class"] == "new-failure"}, done.returncode

    def test_as_if_they_were_beta_drops(self):
        forth = [self.night(build) for build in self.DROPS]
        self.assertEqual(forth, [(set(), {}, 0), ({("fixed", "integer-division", "error")}, {}, 0),
                                 ({("fixed", "decoder-gqa-begin", "error")}, {}, 0), (set(), {}, 0)])
        back = [self.night(build) for build in self.DROPS[2::-1]]
        self.assertEqual(back[0], (set(), {}, 0))
        said, triggers, status = back[1]
        self.assertEqual((said, status), ({("new-failure", "decoder-gqa-begin", "crash")}, 1))
        self.assertEqual(dict(triggers["decoder-gqa-begin"]), {"attention": "gqa", "begin_error": 1000000})
        said, triggers, status = back[2]
        self.assertEqual((said, status), ({("new-failure", "integer-division", "crash")}, 1))
        self.assertIn(("divisor", 0), triggers["integer-division"])


if __name__ == "__main__":
    unittest.main()
