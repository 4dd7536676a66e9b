"""What is right for a case, and what is no answer at all: expected outcomes and fallbacks, builds and tools that are not
here, several units at once, and a time that is used up."""
import hashlib
import json
import os
import shutil
import sqlite3
import sys
import time
import unittest
import xml.etree.ElementTree as ElementTree

from program import CASES, MISBEHAVE, ProgramTest

REFUSES = "echo 'error: index 7 out of range' >&2; exit 3"
HOW = [{"name": "how", "choices": ["well", "refuses", "crashes", "otherwise"]}, {"name": "n", "range": [1, 4]}]
SCRIPT = f"case {{how}} in refuses) {REFUSES};; crashes) kill -SEGV $$;; otherwise) echo 'error: other' >&2; exit 4;; esac"
LIBRARY = "libonnxruntime." + ("dylib" if sys.platform == "darwin" else "so")  # of every runner
RIGHT = {"outcome": "error", "message": "out of range"}


class Answers(ProgramTest):
    def stored(self):
        """How many trials and findings are in the database."""
        if not os.path.exists(self.db):
            return 0, 0
        database = sqlite3.connect(self.db)
        try:
            return tuple(database.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("trial", "finding"))
        finally:
            database.close()

    def steps(self, script=SCRIPT, axes=HOW, name="steps", expect=None, **more):
        step = {"phase": "execute", "argv": ["sh", "-c", script]}
        if expect:
            step["expect"] = expect
        return self.case(name, {"steps": [step]}, axes, **more)

    def suite(self, case, *units, **more):
        document = {"trapline": 1, "suite": "nights", "cases": [os.path.basename(case)], "units": list(units) or ["command:host"]}
        document.update(more)
        return self.write("suite.json", json.dumps(document))

    def night(self, suite, *arguments, status=0):
        return json.loads(self.trapline("nightly", suite, *arguments, "--json", status=status).stdout)


class ExpectedTest(Answers):
    def test_run(self):
        case = self.steps(expected=[dict(RIGHT, when={"how": ["refuses", "otherwise"]}),
                                    {"when": {"how": "well", "n": [3]}, "outcome": "error"}])
        for how, n, status, right in (("well", 1, 0, None), ("refuses", 1, 0, True), ("otherwise", 1, 1, False),
                                      ("crashes", 1, 1, None), ("well", 3, 1, False)):
            trial = self.one(case, "-s", "how=" + how, "-s", f"n={n}", status=status)
            self.assertEqual(trial.get("as_expected"), right, trial)
        out = self.trapline("run", case, "-s", "how=refuses", "-n", "2", status=0).stdout
        self.assertIn("(as expected)", out)
        self.assertIn("2 trials: 2 error; 2 as expected", out)
        out = self.trapline("run", case, "-s", "n=3", status=1).stdout
        self.assertIn("(error was expected)", out)
        self.assertEqual(self.listed("trials", "--outcome", "error")["trials"][0]["outcome"], "error", "it stays what it was")

    def test_it_is_no_part_of_the_identity(self):
        case = self.steps()
        self.assertNotIn("as_expected", self.one(case, "-s", "how=refuses", status=1))
        for expected, status in ((RIGHT, 0), (dict(RIGHT, message="elsewhere"), 1), ({"outcome": "crash"}, 1)):
            case = self.steps(expected=expected)
            trial = self.one(case, "-s", "how=refuses", "--cached", status=status)
            self.assertTrue(trial["cached"], "what is right changes nothing about a trial")
            self.assertEqual(trial["as_expected"], status == 0)

    def test_units(self):
        case = self.steps(expected=[dict(RIGHT, unit="command:host")])
        self.assertTrue(self.one(case, "-s", "how=refuses")["as_expected"])
        for unit, right in (("selftest:cpu", True), ("selftest@1.2:cpu", None), ("other:cpu", None), ("selftest:gpu", None)):
            case = self.case("fails", {"family": "selftest"}, [{"name": "behaviour", "choices": ["null_read"]}],
                             expected={"outcome": "crash", "unit": unit})
            self.assertEqual(self.one(case, "-u", "selftest:cpu").get("as_expected"), right, unit)

    def test_a_unit_that_is_misspelt(self):
        """It would never hold. A runner that only another machine has is no mistake."""
        def said(unit):
            case = self.case("fails", {"family": "selftest"}, [{"name": "behaviour", "choices": ["null_read"]}],
                             expected=[{"outcome": "crash"}, {"outcome": "error", "unit": unit}])
            return self.trapline("run", case, "-u", "selftest:cpu", status=0).stderr
        self.assertIn("$.expected[1].unit: there is no runner selftset here; did you mean selftest?", said("selftset:cpu"))
        for unit in ("selftest:cpu", "selftest@1..2:cpu", "coreml:ane", "./selftset:cpu", "reference"):
            self.assertNotIn("there is no runner", said(unit), unit)
        for unit in ("comand:hots", "command:hots", "command@1.2:host", "other:host"):
            case = self.steps(expected=[dict(RIGHT, unit=unit)])
            self.assertIn('$.expected[0].unit: expected "command:host"', self.trapline("run", case, status=2).stderr)

    def test_matrix_and_isolate(self):
        case = self.steps(expected=dict(RIGHT, when={"how": ["refuses"]}))
        self.assertIn("error A, as expected", self.trapline("matrix", case, "-s", "how=well,refuses", status=0).stdout)
        self.trapline("matrix", case, "-s", "how=*", status=1)
        out = self.trapline("isolate", case, "-s", "how=refuses", status=0).stdout
        self.assertIn('nothing is wrong on command:host: error in 3 of 3, and the case expects error "out of range"', out)
        found = json.loads(self.trapline("isolate", case, "-s", "how=refuses", "--json", status=0).stdout)
        self.assertEqual((found["finding"], found["as_expected"], found["reproduced"]), (None, True, False))
        self.assertEqual(self.stored()[1], 0)
        found = json.loads(self.trapline("isolate", case, "-s", "how=crashes", "--json", status=1).stdout)
        self.assertEqual([t["axis"] for t in found["trigger"]], ["how"])
        self.assertEqual([o["title"] for o in found["others"] if "range" in o["title"]], [], "what is right is no failure")
        case = self.steps(expected={"outcome": "crash"})
        self.assertIn("a pass has no trigger", self.trapline("isolate", case, "-s", "how=well", status=1).stdout)

    def test_the_first_that_holds(self):
        case = self.steps(expected=[{"when": {"n": 2}, "outcome": "pass"}, {"outcome": "error"}])
        self.one(case, "-s", "how=refuses", status=0)
        self.one(case, "-s", "how=refuses", "-s", "n=2", status=1)
        self.one(case, "-s", "n=2", status=0)
        self.one(case, status=1)

    def test_nights(self):
        """A crash that becomes the error that is right is fixed, and stays so; one that is let through is new."""
        self.write("state", "crashes")
        case = self.steps("case $(cat {case_dir}/state) in refuses) " + REFUSES + ";; crashes) kill -SEGV $$;; esac", [],
                          expected=RIGHT)
        suite = self.suite(case, repeat=6)
        junit = ("--junit", self.path("junit.xml"))
        self.assertEqual(self.night(suite)["counts"], {"first-failing": 1})
        self.write("state", "refuses")
        night = self.night(suite, *junit)
        self.assertEqual(night["counts"], {"fixed": 1})
        self.assertEqual((night["cells"][0]["passed"], night["cells"][0]["as_expected"]), (6, 6))
        self.assertIn("now fails as expected (6 of 6)", self.trapline("report", night["night"], status=0).stdout)
        self.assertEqual([len(list(t)) for t in ElementTree.parse(self.path("junit.xml")).iter("testcase")], [0])
        self.assertEqual(self.night(suite)["counts"], {"passing": 1})
        self.write("state", "passes")
        night = self.night(suite, *junit, status=1)
        self.assertEqual(night["counts"], {"new-failure": 1})
        page = self.trapline("report", night["night"], status=0).stdout
        self.assertIn('error "out of range" was expected', page)
        self.assertIn("was fails as expected (12 of 12), now pass", page)
        self.assertEqual(len(list(ElementTree.parse(self.path("junit.xml")).iter("failure"))), 1)
        self.assertIn("no trigger", night["changes"][0]["isolation"]["why"])
        self.assertEqual(self.night(suite)["counts"], {"still-failing": 1})

    def test_compare(self):
        self.write("state", "crashes")
        case = self.steps("case $(cat {case_dir}/state) in refuses) " + REFUSES + ";; crashes) kill -SEGV $$;; esac", [],
                          expected=RIGHT)
        self.trapline("run", case, status=1)
        self.write("state", "refuses")
        self.trapline("run", case, status=0)
        found = json.loads(self.trapline("compare", "--by", "session", "--json").stdout)
        row = found["rows"][0]
        self.assertEqual((row["differs"], row["regressed"]), (True, False), row)
        self.assertTrue(row["cells"][1]["seen"][0]["as_expected"])

    def test_site(self):
        """On the pages that count, what is right is a pass, and a pass where a failure is right is none."""
        def overview():
            self.trapline("report", "--site", self.path("site"), status=0)
            with open(self.path("site", "index.html"), encoding="utf-8") as f:
                return f.read()
        case = self.steps(expected=[dict(RIGHT, when={"how": ["refuses"]})])
        self.trapline("run", case, "-s", "how=refuses", "-n", "3", status=0)
        self.assertIn('title="others: 3 pass"', overview())
        self.steps(expected=[{"outcome": "crash"}])
        self.trapline("run", case, "-s", "how=well", status=1)
        self.assertRegex(overview(), 'title="baseline: 1 pass, not as expected[^"]*others: 3 error"')

    def test_mistakes(self):
        for expected, said in (({"outcome": "eror"}, "expected an outcome"), ({"message": "x"}, 'lacks the key "outcome"'),
                               ([], "at least one"), ("error", "or a list of such objects"),
                               ({"outcome": "pass", "message": "x"}, "a pass has no message"),
                               ({"outcome": "error", "when": {"hew": "well"}}, 'did you mean "how"'),
                               ({"outcome": "error", "when": {"how": "wel"}}, "a value of axis how"),
                               ({"outcome": "error", "when": {}}, "at least one axis"),
                               ({"outcome": "error", "unit": "cpu"}, "expected a unit"),
                               ({"outcome": "lost"}, "expected an outcome")):
            self.assertIn(said, self.trapline("run", self.steps(expected=expected), status=2).stderr)


class FallbackTest(Answers):
    REGIONS = "for i in $(seq {n}); do echo region $i on ane; touch part$i.o; done; echo {say}"
    AXES = [{"name": "n", "range": [1, 9]}, {"name": "say", "choices": ["all well", "falling back to cpu"]}]

    def ends(self, outcome, expect, *arguments):
        trial = self.one(self.steps(self.REGIONS, self.AXES, expect=expect), *arguments, status=outcome != "pass")
        self.assertEqual(trial["outcome"], outcome, trial)
        return trial

    def test_text(self):
        expect = {"fallback": ["not at all", "falling back"]}
        self.ends("pass", expect)
        trial = self.ends("fallback", expect, "-s", "say=falling back to cpu")
        self.assertIn('wrote "falling back": falling back to cpu', trial["signature"]["title"])

    def test_count(self):
        regions = {"name": "regions on the ANE", "regex": r"region \d{1,3} on ane$", "min": 3, "max": 5}
        objects = {"name": "objects", "glob": "{scratch}/part*.o", "min": 3, "max": 5}
        for counted in regions, objects:
            for n, outcome in ((2, "fallback"), (3, "pass"), (5, "pass"), (6, "fallback")):
                trial = self.ends(outcome, {"count": [counted]}, "-s", f"n={n}")
            self.assertIn("too many " + counted["name"] + ": 6", trial["message"])
        few = self.ends("fallback", {"count": [regions]}, "-s", "n=2")
        fewer = self.ends("fallback", {"count": [regions]}, "-s", "n=1")
        self.assertEqual(few["signature"], fewer["signature"], "how many there were is no other failure")
        self.assertIn("too few regions on the ANE", few["signature"]["title"])
        self.assertEqual(self.ends("fallback", {"count": [dict(objects, glob="{scratch}/part{n}.o", min=2)]})["outcome"],
                         "fallback")

    def test_a_failure_is_graver(self):
        """What comes after a fallback, and the exit status of the step itself, are failures of their own."""
        case = self.case("graver", {"steps": [
            {"phase": "compile", "argv": ["echo", "falling back"], "expect": {"fallback": ["falling back"]}},
            {"phase": "execute", "argv": ["sh", "-c", "exit {n}"]}]}, [{"name": "n", "range": [0, 3]}])
        self.assertEqual(self.one(case, status=1)["outcome"], "fallback")
        self.assertEqual(self.one(case, "-s", "n=3", status=1)["outcome"], "error")

    def test_isolate(self):
        case = self.steps(self.REGIONS, self.AXES + [{"name": "other", "range": [0, 3]}],
                          expect={"count": [{"name": "regions", "regex": "^region", "max": 4}]},
                          failing={"n": 9, "other": 3})
        found = json.loads(self.trapline("isolate", case, "--json", status=1).stdout)
        self.assertEqual((found["outcome"], [(t["axis"], t["value"]) for t in found["trigger"]]), ("fallback", [("n", 5)]))

    def test_hostile_patterns(self):
        """None of them takes long, and none is taken for a hang of the step or for a count."""
        began = time.monotonic()
        for pattern in (r"(a+)+[bc]d|x", r"^(\w|\w\w)+!$", r"(.*)*\1b$", r"^(a|a|a|b?a)*c"):
            case = self.steps("head -c 60000 /dev/zero | tr '\\0' a", [], expect={
                "count": [{"name": "it", "regex": pattern, "min": 1}]})
            trial = self.one(case, status=1)
            self.assertIn(trial["outcome"], ("error", "fallback"), trial)
            self.assertIn("takes too long" if trial["outcome"] == "error" else "too few it: 0", trial["message"])
        self.assertLess(time.monotonic() - began, 60)

    def test_lines(self):
        """Matches do not overlap, and lines are whole however they arrive; one that is empty matches once."""
        for pattern, script, n in (("aa", "printf 'aaaaa aa'", 3), ("^ab+c$", "printf ab; sleep 0.2; printf 'bc\\nabc\\n'", 2),
                                   ("^$", "echo; echo; echo x", 2), ("x*", "echo axb", 4),
                                   ("one|two", "echo one; echo two >&2", 2), ("(?i)ERR", "printf 'err\\nErr'", 2)):
            case = self.steps(script, [], expect={"count": [{"name": "it", "regex": pattern, "min": n, "max": n}]})
            self.assertEqual(self.one(case, status=0)["outcome"], "pass", pattern)

    def test_mistakes(self):
        for counted, said in (({"name": "x", "regex": "(a", "min": 1}, "at byte 2"), ({"name": "x", "min": 1}, "exactly one of"),
                              ({"name": "x", "glob": "{nix}", "min": 1}, "unknown placeholder"),
                              ({"name": "x", "regex": "a"}, '"min" or "max"'),
                              ({"name": "x", "regex": "a", "min": 3, "max": 2}, "not above"),
                              ({"regex": "a", "min": 3}, 'lacks the key "name"'), ({"name": "x", "regex": "a", "min": -1}, "integer")):
            self.assertIn(said, self.trapline("run", self.steps(expect={"count": [counted]}), status=2).stderr)


class EmptyAnswerTest(Answers):
    """What could not be tried is never green, and leaves nothing."""

    def setUp(self):
        super().setUp()
        self.runner = self.python_runner("echo.py", {"name": "echo", "axes": [], "serve": False}, """
say({"result": {"outputs": []}})
""") + ":cpu"

    def commands(self, case, *arguments, said):
        for command in (("run",), ("run", "-n", "3"), ("isolate",), ("matrix",)):
            done = self.trapline(command[0], case, *command[1:], *arguments, "--json", status=2)
            self.assertIn(said, done.stderr)
            self.assertEqual(self.stored(), (0, 0), command)

    def test_builds(self):
        case = os.path.join(os.path.dirname(CASES), "onnxruntime", "integer-division.json")
        for unit in ("onnxruntime@1.22.99:cpu", "onnxruntime@nix:cpu", "onnxruntime@1.98..1.99:cpu"):
            for command in "run", "isolate", "matrix":
                self.trapline(command, case, "-u", unit, status=2)
            self.assertEqual(self.stored(), (0, 0))
        for unit in ("selftest@1.0:cpu", "selftset:cpu", "selftest:cpx"):
            for command in "run", "isolate", "matrix":
                self.trapline(command, MISBEHAVE, "-u", unit, status=2)
            self.assertEqual(self.stored(), (0, 0))

    def test_generators(self):
        node = "echo \"node:internal/modules\nError: Cannot find module './make.js'\n    at x\" >&2; exit 1"
        for argv, said in ((["./nix.py", "{model}"], "nix.py"), (["nosuchprogram", "{model}"], "nosuchprogram"),
                           ([sys.executable, "-c", "import nosuchmodule", "{model}"], "No module named 'nosuchmodule'"),
                           ([sys.executable, "-m", "nosuchmodule", "{model}"], "No module named nosuchmodule"),
                           ([sys.executable, "{case_dir}/nix.py", "{model}"], "can't open file"),
                           (["sh", "-c", "nosuchcommand", "{model}"], "nosuchcommand"),
                           (["env", "nosuchcommand", "{model}"], "nosuchcommand"),
                           (["sh", "-c", node, "{model}"], "Cannot find module './make.js'"),
                           (["sh", "-c", "exit 126", "{model}"], "126"), (["true", "{model}"], "wrote no model")):
            self.commands(self.case("made", {"generate": argv}), "-u", self.runner, said=said)

    def test_what_is_missing_is_brought(self):
        """Nothing of the failure is kept."""
        case = self.case("made", {"generate": [sys.executable, "{case_dir}/make.py", "{model}"]})
        self.write("make.py", "import sys, helper\nopen(sys.argv[1], 'w').write('model')\n")
        self.commands(case, "-u", self.runner, said="No module named 'helper'")
        self.write("helper.py", "")
        self.one(case, "-u", self.runner, status=0)

    def test_a_generator_that_fails_otherwise(self):
        """That is an outcome, and can be isolated."""
        case = self.case("made", {"generate": ["sh", "-c", "test {n} -lt 3 && touch $0 && exit; echo 'error: no such width' >&2; exit 1",
                                               "{model}"]}, [{"name": "n", "range": [1, 9]}], failing={"n": 9})
        found = json.loads(self.trapline("isolate", case, "-u", self.runner, "--json", status=1).stdout)
        self.assertEqual((found["outcome"], found["phase"], found["trigger"][0]["value"]), ("error", "generate", 3))

    def test_a_night(self):
        """The row says so; the others go on."""
        self.case("well", {"generate": ["touch", "{model}"]})
        lacks = self.case("lacks", {"generate": [sys.executable, "-c", "import nosuchmodule", "{model}"]})
        gone = self.case("gone", {"generate": ["./nix.py", "{model}"]})
        suite = self.suite(lacks, self.runner, cases=["lacks.json", "gone.json", "well.json"])
        night = self.night(suite, "--junit", self.path("junit.xml"), status=2)
        self.assertEqual({c["case"]: c["class"] for c in night["cells"]},
                         {"lacks": "could-not-be-tried", "gone": "could-not-be-tried", "well": "first-passing"})
        self.assertIn("nosuchmodule", night["untried"][0]["why"])
        self.assertEqual(len(list(ElementTree.parse(self.path("junit.xml")).iter("error"))), 2)
        self.assertIn("2 could not be tried", self.trapline("report", night["night"], status=0).stdout)
        suite = self.suite(lacks, self.runner, "onnxruntime@1.22.99:cpu", cases=["well.json"])
        night = self.night(suite, status=2)
        self.assertEqual({c["unit"]: c["class"] for c in night["cells"]}["onnxruntime@1.22.99:cpu"], "could-not-be-tried")
        self.night(self.suite(lacks, "onnxruntime@1.98..1.99:cpu", self.runner, cases=["well.json"]), status=2)

    def test_a_night_whose_isolation_lacks_something(self):
        """It is not isolated; the next one is."""
        self.write("state", "true")
        for name in "first", "second":
            lacks = "nosuchcommand" if name == "first" else "true"
            self.case(name, {"generate": ["sh", "-c", f"test {{n}} = 9 || {lacks} || exit 127; $(cat {{case_dir}}/state) || kill -SEGV $$; touch $0",
                                          "{model}"]}, [{"name": "n", "range": [8, 9]}], failing={"n": 9})
        suite = self.suite("first.json", self.runner, cases=["first.json", "second.json"], repeat=8, variants="failing")
        self.night(suite)
        self.write("state", "false")
        for made in os.listdir(self.path("cache", "trapline", "models")):
            shutil.rmtree(self.path("cache", "trapline", "models", made))
        night = self.night(suite, status=1)
        self.assertEqual(night["counts"], {"new-failure": 2})
        first, second = (c["isolation"] for c in night["changes"])
        self.assertIn("nosuchcommand", first["why"])
        self.assertTrue(second["reproduced"], second)

    def test_a_night_with_something_worse(self):
        self.write("state", "0")
        worse = self.steps("exit $(cat {case_dir}/state)", [], name="worse")
        suite = self.suite(worse, repeat=8)
        self.night(suite)
        self.write("state", "3")
        self.case("lacks", {"generate": ["./nix.py", "{model}"]})
        night = self.night(self.suite(worse, "command:host", self.runner, cases=["worse.json", "lacks.json"], repeat=8), status=1)
        self.assertEqual(night["could_not_be_tried"], 1)

    def test_nothing_was_tried(self):
        case = self.steps(forbid=[{"how": "well"}])
        self.trapline("matrix", case, "-s", "how=well", status=2)
        self.assertIn("nothing was tried", self.trapline("run", case, status=2).stderr)
        done = self.trapline("isolate", self.steps(forbid=[{"how": "well"}], axes=HOW[:1]), "-s", "how=well", status=2)
        self.assertIn("nothing was tried", done.stderr)
        self.assertEqual(self.stored()[1], 0)


class UnitsTest(Answers):
    """A runner with builds of its own, as they lie in the cache."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("runners"))
        self.python_runner("runners/trapline-fake", {"name": "fake", "axes": [], "serve": False}, """
if request["build"]["version"] >= "1.3" and request["variant"]["n"] >= 4:
    say({"error": {"domain": "fake", "code": "1", "message": "too large"}})
else:
    say({"result": {"outputs": []}})
""")
        self.env["TRAPLINE_RUNNERS"] = self.path("runners")
        for version in ("1.2.0", "1.3.0", "1.4.0"):
            library = version.encode()
            directory = self.path("cache", "trapline", "builds", "fake", version)
            os.makedirs(directory)
            self.write(os.path.join(directory, LIBRARY), library)
            self.write(os.path.join(directory, "build.json"), json.dumps(
                {"trapline": 1, "runner": "fake", "version": version, "sha256": hashlib.sha256(library).hexdigest(),
                 "size": len(library), "source": "a test", "when_us": 1}))
        self.made = self.case("made", {"generate": ["touch", "{model}"]}, [{"name": "n", "range": [1, 9]}], failing={"n": 9})

    def test_lists_and_ranges(self):
        units = lambda *versions: [f"fake@{v}:cpu" for v in versions]
        for text, versions in (("1.2..1.4", ("1.2.0", "1.3.0", "1.4.0")), ("1.2.0,1.4.0", ("1.2.0", "1.4.0")),
                               ("1.3..", ("1.3.0", "1.4.0"))):
            trials = self.trials(self.made, "-u", f"fake@{text}:cpu", status=1)
            self.assertEqual(sorted(t["unit"] for t in trials), units(*versions))
            found = json.loads(self.trapline("isolate", self.made, "-u", f"fake@{text}:cpu", "--json", status=1).stdout)
            self.assertEqual([d["unit"] for d in found["findings"]], units(*versions))
            self.assertEqual([d["reproduced"] for d in found["findings"]], [v >= "1.3" for v in versions])
        found = json.loads(self.trapline("isolate", self.made, "-u", "fake@1.3.0:cpu", "--json", status=1).stdout)
        self.assertEqual((found["unit"], found["trigger"][0]["value"]), ("fake@1.3.0:cpu", 4), "one is a document of its own")

    def test_over_build(self):
        over = ("--over", "build", "--json")
        found = json.loads(self.trapline("isolate", self.made, "-u", "fake@1.4:cpu", *over, status=1).stdout)
        self.assertEqual(found["builds"]["ranges"][0]["first_bad"], "1.3.0")
        for version in ("1.9.9", "2", "nix"):
            done = self.trapline("isolate", self.made, "-u", f"fake@{version}:cpu", *over, status=2)
            self.assertIn("no such build here", done.stderr)


class TimeTest(Answers):
    """Within two seconds of what was said, trials under way are stopped, and are lost."""

    def timed(self, seconds, *arguments, status=None):
        began = time.monotonic()
        self.trapline("run", self.steps("exit 0", [], name="quick"), status=0)
        busy = 3 * (time.monotonic() - began)  # what else the machine does is not trapline's
        began = time.monotonic()
        done = self.trapline(*arguments, status=status)
        took = time.monotonic() - began
        self.assertGreater(took, seconds - 0.5, done.stderr)
        self.assertLess(took, seconds + 2 + busy, done.stderr)
        return done

    def lost(self):
        return len(self.listed("trials", "--outcome", "lost")["trials"])

    def test_isolate(self):
        case = self.steps("sleep 30; exit 3", failing={"how": "crashes", "n": 4})
        done = self.timed(3, "isolate", case, "--max-time", "3", "--json", status=2)
        found = json.loads(done.stdout)
        self.assertEqual((found["complete"], found["finding"], found["judged"]), (False, None, False), "nobody saw it")
        self.assertIn("came to its end", found["message"])
        self.assertIn("nothing was tried", done.stderr)
        self.assertNotIn("not reproduced", self.timed(2, "isolate", case, "--max-time", "2", status=2).stdout)
        self.assertEqual(self.listed("findings")["findings"], [])
        self.assertGreater(self.lost(), 0)

    def test_isolate_while_it_searches(self):
        case = self.steps("test {n} -lt 3 || sleep 0.4; test {n} -lt 3 || exit 3; sleep 30", failing={"how": "crashes", "n": 4})
        found = json.loads(self.timed(5, "isolate", case, "--max-time", "5", "--json", status=1).stdout)
        self.assertEqual((found["reproduced"], found["complete"]), (True, False))
        self.assertGreater(self.lost(), 0)

    def test_a_runner_that_says_nothing(self):
        """It is stopped, and what it was asked by is there until it has ended."""
        self.python("runner.py", "time.sleep(60)\n")
        case = self.case("made", {"generate": ["touch", "{model}"]}, HOW, failing={"n": 4})
        for command in ("isolate", "matrix"):
            done = self.timed(2, command, case, "-u", self.path("runner.py") + ":cpu", "--max-time", "2", status=3)
            self.assertIn("no time is left", done.stderr)

    def test_generator(self):
        case = self.case("made", {"generate": ["sh", "-c", "sleep 30; touch $0", "{model}"]}, HOW, failing={"n": 4})
        self.timed(2, "isolate", case, "-u", "selftest:cpu", "--max-time", "2", status=2)
        self.timed(2, "matrix", case, "-u", "selftest:cpu", "-s", "n=*", "--max-time", "2")

    def test_sweep(self):
        case = self.steps("sleep 30")
        self.timed(2, "isolate", case, "--max-time", "2")

    def test_matrix(self):
        case = self.steps("test {n} = 1 || sleep 30")
        done = self.timed(3, "matrix", case, "-s", "n=*", "--max-time", "3", status=0)
        self.assertIn("the time was used up; 1 of 4", done.stderr)
        stored = self.listed("trials")["trials"]
        self.assertEqual(sorted(t["outcome"] for t in stored)[-1], "pass")
        self.steps("test {n} = 1 || sleep 0")
        done = self.trapline("matrix", case, "-s", "n=*", "--json", status=0)
        self.assertEqual(json.loads(done.stdout)["cached"], 0)

    def test_lost_is_no_answer(self):
        self.write("state", "30")
        case = self.steps("sleep $(cat {case_dir}/state)", [{"name": "n", "range": [1, 2]}], failing={"n": 2})
        self.timed(2, "isolate", case, "--max-time", "2", status=2)
        self.assertGreater(self.lost(), 0)
        self.write("state", "0")
        self.assertEqual(json.loads(self.trapline("matrix", case, "-s", "n=2", "--json", status=0).stdout)["cached"], 0)
        self.assertTrue(self.one(case, "--cached", "-s", "n=2", status=0)["cached"], "what the matrix ran is one")
        found = json.loads(self.trapline("isolate", case, "--json", status=0).stdout)
        self.assertEqual([n["code"] for n in found["notes"]], ["not-reproduced"])

    def test_night(self):
        case = self.steps("sleep 30", [])
        night = json.loads(self.timed(3, "nightly", self.suite(case, budget_s=3), "--json", status=2).stdout)
        self.assertFalse(night["complete"])
        self.assertEqual([c["class"] for c in night["cells"]], ["not-run"])


if __name__ == "__main__":
    unittest.main()
