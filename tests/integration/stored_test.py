"""What stored trials are worth: an answer that rests on them is tried again before it is given, what contradicts them
wins, and a fork server's children that do something else than fresh processes are found out and said."""
import json
import os
import sqlite3
import tempfile
import unittest

from program import ProgramTest

FORKING = os.environ["FORKING_RUNNER"]
AXES = [{"name": "n", "range": [1, 16]}, {"name": "only", "choices": ["none", "fresh", "forked", "both"]},
        {"name": "from", "choices": [5, 1]}, {"name": "chance", "choices": [100, 50, 20]},
        {"name": "colour", "choices": ["red", "green"]}]


class StoredTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.write("model", "m")
        self.unit = FORKING + ":cpu"
        hidden = tempfile.TemporaryDirectory(prefix="trapline-hidden-")
        self.addCleanup(hidden.cleanup)
        self.hidden = hidden.name

    def count(self, what="trial"):
        with sqlite3.connect(self.db) as database:
            return database.execute(f"SELECT count(*) FROM {what}").fetchone()[0]

    def ask(self, *arguments, status=None, said=None):
        """The document of a command, and how many trials it ran."""
        before = self.count() if os.path.exists(self.db) else 0
        done = self.trapline(*arguments, "--json", status=status)
        if said is not None:
            self.assertIn(said, done.stderr)
        else:
            self.assertNotIn("set aside", done.stderr)
        return json.loads(done.stdout), self.count() - before

    def is_fixed(self):
        """As Python. The file is in a directory of its own, and its path is put together, so that it stands nowhere."""
        return f"os.path.exists('/'.join({self.hidden.split('/')!r} + ['fixed']))"

    def fix(self):
        with open(os.path.join(self.hidden, "fixed"), "w", encoding="utf-8"):
            pass

    def unfix(self):
        os.unlink(os.path.join(self.hidden, "fixed"))

    def hidden_case(self, name="hidden"):
        """Steps whose tool reads a file that no key names: as one behind a wrapper that was replaced."""
        tool = self.python("tool.py", f"n, k = int(sys.argv[1]), sys.argv[2]\n"
                                      f"if {self.is_fixed()}:\n    sys.exit(0)\n"
                                      "if n >= 7 and k == 'b':\n    sys.exit('error: it broke')\n")
        return self.case(name, {"steps": [{"phase": "compile", "argv": ["/usr/bin/env", tool, "{n}", "{k}"]}]},
                         [{"name": "n", "range": [1, 16]}, {"name": "k", "choices": ["a", "b", "c"]}],
                         failing={"n": 16, "k": "b"})

    def forking_case(self, **failing):
        return self.case("forks", {"file": "model"}, AXES, failing=failing)


class GuardTest(StoredTest):
    def test_isolate(self):
        case = self.hidden_case()
        first, ran = self.ask("isolate", case, status=1)
        self.assertEqual((ran, first["cached"]), (first["trials"], 0))
        self.assertNotIn("cached_from", first)
        again, ran = self.ask("isolate", case, status=1)
        self.assertEqual((ran, again["cached"]), (2, again["trials"]), "asking again costs two trials")
        self.assertEqual(again["trigger"], first["trigger"])
        oldest, newest = again["cached_from"]
        self.assertLessEqual(oldest, newest)
        self.assertRegex(oldest, r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.fix()
        stored = self.count()
        d, ran = self.ask("isolate", case, status=0, said="set aside")
        self.assertFalse(d["reproduced"])
        self.assertEqual((d["cached"], d["set_aside"]["trials"]), (0, stored))
        self.assertEqual(self.show({"id": d["set_aside"]["because"]})["outcome"], "pass")
        # They are in lists and say so, and a command that asks again is told what is true now.
        marked = [t for t in self.listed("trials", "--limit", "1000")["trials"] if "set_aside" in t]
        self.assertEqual(len(marked), stored)
        self.assertEqual(self.show(marked[0])["set_aside"], d["set_aside"]["because"])
        self.assertIn("set aside", self.trapline("show", marked[0]["id"], status=0).stdout)
        self.assertIn("(set aside)", self.trapline("list", "trials", status=0).stdout +
                      self.trapline("list", "trials", "--outcome", "error", status=0).stdout)
        d, ran = self.ask("isolate", case, status=0)
        self.assertFalse(d["reproduced"])
        self.assertEqual((ran, d["cached"]), (1, 21))
        # And back.
        self.unfix()
        d, ran = self.ask("isolate", case, status=1, said="set aside")
        self.assertEqual(d["trigger"], first["trigger"])
        self.trapline("db", "check", status=0)

    def test_sweep(self):
        """What a sweep found, or that it found nothing, may be of last month."""
        tool = self.python("tool.py", f"if not {self.is_fixed()}:\n    sys.exit('error: it broke')\n")
        case = self.case("hidden", {"steps": [{"phase": "compile", "argv": ["/usr/bin/env", tool, "{n}", "{k}"]}]},
                         [{"name": "n", "range": [1, 16]}, {"name": "k", "choices": ["a", "b", "c"]}])
        self.fix()
        self.assertFalse(self.ask("isolate", case, status=0)[0]["reproduced"])
        self.assertEqual(self.ask("isolate", case, status=0)[1], 1)
        self.unfix()
        d, _ = self.ask("isolate", case, status=1, said="set aside")
        self.assertEqual(d["minimal"], {"n": 1, "k": "a"})
        self.fix()
        self.assertFalse(self.ask("isolate", case, status=0, said="set aside")[0]["reproduced"])

    def test_what_never_failed(self):
        case = self.hidden_case()
        self.fix()
        arguments = ("isolate", case, "-s", "n=16", "-s", "k=b")
        self.assertFalse(self.ask(*arguments, status=0)[0]["reproduced"])
        self.unfix()
        d, _ = self.ask(*arguments, status=1, said="set aside")
        self.assertEqual(d["minimal"]["n"], 7)

    def test_matrix(self):
        case = self.hidden_case()
        arguments = ("matrix", case, "-s", "n=1,7,16", "-s", "k=a,b")

        def outcomes(m):
            return [c["outcome"] for r in m["matrix"][0]["rows"] for c in r["cells"]]
        first, ran = self.ask(*arguments, "--repeat", "2", status=1)
        self.assertEqual(ran, 12)
        again, ran = self.ask(*arguments, "--repeat", "2", status=1)
        self.assertEqual((ran, again["cached"], outcomes(again)), (2, 12, outcomes(first)))
        self.assertEqual(len(again["cached_from"]), 2)
        text = self.trapline(*arguments, status=1).stdout
        self.assertIn("6 of them known already", text)
        self.assertRegex(text, r"what was known already was run (on|from) .*; --no-cache runs it anew")
        self.fix()
        now, _ = self.ask(*arguments, "--repeat", "2", status=0, said="set aside")
        self.assertEqual(set(outcomes(now)), {"pass"})
        self.assertGreaterEqual(now["set_aside"]["trials"], 12)
        # What was run anew is told from what is known, and the guard keeps quiet.
        again, ran = self.ask(*arguments, "--repeat", "2", status=0)
        self.assertEqual((ran, again["cached"]), (1, 12))

    def test_new_trials_that_nobody_heeded(self):
        """`run` has shown the truth; a matrix must not go on with what was before, nor after --no-cache."""
        case = self.hidden_case()
        self.trials(case, "-s", "n=16", "-s", "k=b", "-n", "6", status=1)
        self.fix()
        self.trials(case, "-s", "n=16", "-s", "k=b", "-n", "3", status=0)
        m, _ = self.ask("matrix", case, "-s", "n=16", "-s", "k=b", status=0, said="set aside")
        self.assertEqual(m["failed"], 0)
        self.unfix()
        self.ask("matrix", case, "-s", "n=16", "-s", "k=b", "--no-cache", "--repeat", "6", status=1)
        m, ran = self.ask("matrix", case, "-s", "n=16", "-s", "k=b", status=1)
        self.assertEqual((ran, m["cached"], m["failed"]), (1, 1, 1))

    def test_stopped_and_changed(self):
        """Half of an isolation is from before the change."""
        case = self.hidden_case()
        self.trapline("isolate", case, "--max-trials", "20")
        self.fix()
        d, _ = self.ask("isolate", case, status=0, said="set aside")
        self.assertFalse(d["reproduced"])

    def test_unsupported_is_asked_anew(self):
        tool = self.python("maybe.py", f"if not os.path.exists({self.path('there')!r}):\n    sys.exit(77)\n"
                                       "open(sys.argv[1], 'w')\n")
        case = self.case("maybe", {"generate": [tool, "{model}"]}, [{"name": "n", "range": [1, 2]}])
        self.assertEqual(self.one(case, "-u", "selftest:cpu", "--cached")["outcome"], "unsupported")
        self.write("there", "")
        t = self.one(case, "-u", "selftest:cpu", "--cached")
        self.assertEqual((t["outcome"], t["cached"]), ("pass", False))

    def test_a_flaky_failure_contradicts_nothing(self):
        case = self.case("flaky", {"file": "model"}, AXES)
        arguments = ("matrix", case, "-u", self.unit, "-s", "n=9", "-s", "only=both", "-s", "chance=20")
        self.ask(*arguments, "--repeat", "16", "--fresh")
        for _ in range(20):
            self.ask(*arguments, "--repeat", "16", "--fresh")
        self.assertEqual(self.count("set_aside"), 0)

    def test_what_cannot_be_judged_is_counted_once(self):
        """Also where the matrix is done anew."""
        runner = self.python_runner("played.py", {"name": "played", "protocol": 1, "serve": False, "axes": []}, f"""
v = request["variant"]
say({{"phase": "execute"}})
if v["n"] == 2 if v["mode"] == "plain" else v["n"] == 1 and not {self.is_fixed()}:
    say({{"error": {{"domain": "played", "code": "no", "message": "it broke"}}}})
    sys.exit(0)
y = {{"name": "y", "dtype": "float32", "shape": [1], "hash": "1", "finite": True, "min": 1, "max": 1, "mean": 1, "first": [1]}}
say({{"result": {{"outputs": [y]}}}})
""")
        # The reference of n = 2 refuses, and n = 1 fails until it is fixed.
        case = self.case("played", {"file": "model"},
                         [{"name": "n", "range": [1, 2]}, {"name": "mode", "choices": ["plain", "other"]}],
                         reference={"unit": "same", "with": {"mode": "plain"}})
        arguments = ("matrix", case, "-u", runner + ":cpu", "-s", "mode=other", "-s", "n=1,2", "--repeat", "3")
        first, _ = self.ask(*arguments)
        self.assertEqual((first["failed"], first["not_judged"]), (3, 3))
        self.fix()
        again, _ = self.ask(*arguments, said="set aside")
        self.assertEqual((again["failed"], again["not_judged"]), (0, 3))

    def test_two_at_once(self):
        case = self.hidden_case()
        self.ask("isolate", case, status=1)
        self.fix()
        children = [self.start("isolate", case, "--json") for _ in range(2)]
        for child in children:
            out, err = child.communicate(timeout=120)
            self.assertEqual(child.returncode, 0, err)
            self.assertFalse(json.loads(out)["reproduced"])
        self.trapline("db", "check", status=0)


class ProcessesTest(StoredTest):
    def test_matrix(self):
        case = self.case("forks", {"file": "model"}, AXES)
        arguments = ("matrix", case, "-u", self.unit, "-s", "n=1,9", "-s", "only=fresh,none", "--repeat", "2")
        m, _ = self.ask(*arguments, status=1)
        seen = {(r["variant"]["n"], r["variant"]["only"]): r["cells"][0] for r in m["matrix"][0]["rows"]}
        self.assertEqual(seen[9, "fresh"]["outcome"], "crash")
        self.assertEqual([c["outcome"] for k, c in seen.items() if k != (9, "fresh")], ["pass"] * 3)
        (p,) = m["processes"]
        self.assertEqual((p["case"], p["unit"], p["forked"][0], p["fresh"][0]), ("forks", self.unit, 0, p["fresh"][1]))
        for cell in seen.values():
            self.assertEqual({self.show({"id": i})["fresh"] for i in cell["ids"]}, {True})
        # Remembered, for this case and build.
        m, ran = self.ask(*arguments, status=1)
        self.assertEqual((ran, m["cached"], len(m["processes"])), (2, 8, 1))
        self.assertIn("it is run in fresh processes here", self.trapline(*arguments, status=1).stdout)

    def test_once_for_each_environment(self):
        case = self.case("forks", {"file": "model"}, AXES)
        arguments = ("matrix", case, "-u", self.unit, "-s", "only=both", "-s", "n=1,9")
        m, ran = self.ask(*arguments, status=1)
        self.assertEqual((m["trials"], ran, m["processes"]), (2, 3, []))
        m, ran = self.ask(*arguments, "-s", "colour=red,green", status=1)
        self.assertEqual((m["trials"], m["cached"], ran), (4, 2, 4))

    def test_isolate_of_what_fails_in_fresh_processes(self):
        d, _ = self.ask("isolate", self.forking_case(n=16, only="fresh", colour="green"), "-u", self.unit, status=1)
        self.assertEqual((d["minimal"]["n"], d["minimal"]["only"], d["minimal"]["colour"]), (5, "fresh", "red"))
        self.assertFalse(d["flaky"])
        self.assertNotIn("flaky", [n["code"] for n in d["notes"]])
        self.assertEqual((d["processes"]["forked"][0], d["processes"]["fresh"][0]), (0, d["processes"]["fresh"][1]))
        self.assertEqual({s["fresh"] for s in d["path"]}, {True})
        done = self.trapline("isolate", self.path("forks.json"), "-u", self.unit, status=1)
        self.assertEqual((done.stdout + done.stderr).count("never in a forked child"), 1, "it is said once")
        self.assertRegex(done.stdout, r"It fails in every fresh process \((\d+) of \1\), never in a forked child \(0 of ")
        self.assertIn("It fails in every fresh process (", self.trapline("report", d["finding"], "--full", status=0).stdout)
        # A matrix knows it from there.
        m, _ = self.ask("matrix", self.path("forks.json"), "-u", self.unit, "-s", "n=9", "-s", "only=fresh", status=1)
        self.assertEqual(m["failed"], 1)

    def test_isolate_of_what_fails_in_children_only(self):
        d, _ = self.ask("isolate", self.forking_case(n=16, only="forked"), "-u", self.unit, status=1)
        self.assertEqual([(t["axis"], t["value"]) for t in d["trigger"]], [("n", 5), ("only", "forked")])
        self.assertEqual(d["processes"]["isolated"], "forked")
        self.assertEqual((d["processes"]["forked"][0], d["processes"]["fresh"][0]), (d["processes"]["forked"][1], 0))
        self.assertEqual({s["fresh"] for s in d["path"]}, {False})
        report = self.trapline("report", d["finding"], "--full", status=0).stdout
        self.assertRegex(report, r"It fails in every forked child \((\d+) of \1\), never in a fresh process \(0 of ")
        self.assertIn("All of this is about such children", report)
        again, ran = self.ask("isolate", self.path("forks.json"), "-u", self.unit, status=1)
        self.assertEqual(again["trigger"], d["trigger"])
        self.assertLess(ran, 8, "what is known of children answers")
        fresh, _ = self.ask("isolate", self.path("forks.json"), "-u", self.unit, "--fresh", status=0)
        self.assertFalse(fresh["reproduced"])

    def test_no_difference(self):
        axes = [AXES[0], {"name": "only", "choices": ["none", "both"]}, AXES[4]]
        case = self.case("forks", {"file": "model"}, axes, failing={"n": 16, "only": "both", "colour": "green"})
        d, ran = self.ask("isolate", case, "-u", self.unit, status=1)
        self.assertNotIn("processes", d)
        self.assertEqual(ran, d["trials"])

    def test_nights(self):
        self.forking_case(n=16, only="fresh")
        suite = self.write("suite.json", json.dumps({"trapline": 1, "suite": "s", "cases": ["forks.json"],
                                                     "units": [self.unit], "isolate_new": False}))
        d, _ = self.ask("nightly", suite)
        cells = {c["which"]: c for c in d["cells"]}
        self.assertEqual((cells["failing"]["failed"], cells["failing"]["passed"]), (3, 0), cells)
        self.assertEqual(len(d["processes"]), 1)
        self.assertTrue(any("forked children" in n for n in d["notes"]), d["notes"])
        d, ran = self.ask("nightly", suite)
        self.assertEqual((ran, len(d["processes"])), (6, 1))

    def test_a_night_that_is_done_anew(self):
        """What children did counts no more, neither what passed nor what is as expected."""
        self.case("forks", {"file": "model"}, AXES, failing={"n": 16, "only": "fresh"},
                  expected=[{"when": {"only": ["both"]}, "outcome": "crash"}])
        suite = self.write("suite.json", json.dumps({"trapline": 1, "suite": "s", "cases": ["forks.json"], "units": [self.unit],
                                                     "variants": {"only": ["fresh", "both"], "n": [16]}, "isolate_new": False}))
        d, _ = self.ask("nightly", suite)
        cells = {c["variant"]["only"]: c for c in d["cells"]}
        self.assertEqual((cells["fresh"]["failed"], cells["fresh"]["passed"]), (3, 0), cells)
        self.assertEqual((cells["both"]["passed"], cells["both"]["as_expected"]), (3, 3), cells)

    def test_a_night_is_not_told_that_it_passes(self):
        """What is new in a night is isolated by trials of that night, not of the days before."""
        case = self.hidden_case()
        suite = self.write("suite.json", json.dumps({"trapline": 1, "suite": "s", "cases": ["hidden.json"],
                                                     "units": ["command:host"]}))
        self.fix()
        self.ask("isolate", case, status=0)
        for _ in range(2):
            self.ask("nightly", suite, status=0)
        self.unfix()
        d, _ = self.ask("nightly", suite, status=1, said="set aside")
        (change,) = d["changes"]
        self.assertEqual(change["class"], "new-failure")
        self.assertEqual({t["axis"] for t in change["isolation"]["trigger"]}, {"n", "k"}, change)


if __name__ == "__main__":
    unittest.main()
