"""How much an isolation does: quick and thorough searches, suspects, what it says it will cost, and when its time is used
up. A case whose command names a file that is not there is a mistake and no finding."""
import json
import os
import re
import unittest

from program import CASES, ProgramTest

THRESHOLD = os.path.join(CASES, "threshold.json")


def key(step):
    return json.dumps(step["variant"], sort_keys=True)


class QuickTest(ProgramTest):
    def isolate(self, *arguments, status=1, **more):
        done = self.trapline("isolate", *arguments, "--json", status=status, **more)
        return json.loads(done.stdout)

    def findings(self):
        return json.loads(self.trapline("list", "findings", "--json", status=0).stdout)["findings"]

    def steps(self, name, script, axes, **more):
        return self.case(name, {"steps": [{"phase": "compile", "argv": ["/bin/sh", "-c", script] +
                                           ["{%s}" % a["name"] for a in axes]}]}, axes, **more)

    def changed(self):
        """The same case with another content: nothing that is stored answers for it."""
        with open(THRESHOLD, encoding="utf-8") as f:
            text = f.read()
        self.assertIn("[1, 48]", text)
        return self.write("threshold.json", text.replace("[1, 48]", "[1, 49]"))

    def test_quick_and_what_goes_on_from_it(self):
        quick = self.isolate(THRESHOLD, "-u", "selftest:cpu", "--quick")
        self.assertEqual(quick["effort"], "quick")
        self.assertFalse(quick["complete"])
        self.assertIn("quick", [n["code"] for n in quick["notes"]])
        self.assertLessEqual(5 * quick["trials"], 6 * quick["search_trials"])
        self.assertEqual(quick["minimal"]["layers"], 17)
        self.assertTrue(all(step["fresh"] for step in quick["path"]))
        self.assertGreater(len(quick["decisive"]), 0)
        self.assertEqual(quick["rate"], [2, 2])
        # The same without: what it runs is nothing that was known.
        full = self.isolate(THRESHOLD, "-u", "selftest:cpu")
        self.assertNotIn("effort", full)
        self.assertTrue(full["complete"])
        known, used = {step["trial"] for step in quick["path"]}, {step["trial"] for step in full["path"]}
        left = [step for step in quick["path"] if step["trial"] not in used]
        ran = {key(step) for step in full["path"] if step["trial"] not in known}
        self.assertEqual([step for step in left if key(step) in ran], [])
        self.assertGreaterEqual(full["cached"], len(known) - 1)
        # Each step of the quick search in its order: nothing but trials of the database, but for the two that are tried.
        again = self.isolate(THRESHOLD, "-u", "selftest:cpu", "--quick")
        self.assertEqual([key(s) for s in again["path"]], [key(s) for s in quick["path"]])
        report = self.trapline("report", quick["finding"], status=0).stdout
        self.assertIn("This was a quick search", report)

    def test_thorough(self):
        found = self.isolate(THRESHOLD, "-u", "selftest:cpu", "--thorough")
        self.assertEqual(found["effort"], "thorough")
        self.assertTrue(found["complete"])
        self.assertGreaterEqual(found["rate"][1], 20)
        self.assertEqual(found["minimal"]["layers"], 17)

    def test_what_it_will_cost_is_said_first(self):
        done = self.trapline("isolate", THRESHOLD, "-u", "selftest:cpu", "--quick", status=1)
        said = re.search(r"selftest:cpu: at most (\d+) trials.*; the first took [\d.]+ s, so at most about", done.stderr)
        self.assertIsNotNone(said, done.stderr)
        took = int(re.search(r"^(\d+) trials", done.stdout, re.M)[1])
        self.assertLessEqual(took, int(said[1]))
        self.assertIn("minimal variant so far (a quick search): behaviour=null_read layers=17", done.stdout)
        done = self.trapline("isolate", THRESHOLD, "-u", "selftest:cpu", "--quick", "--max-trials", "5", status=1)
        self.assertIn("at most 5 trials", done.stderr)
        done = self.trapline("isolate", THRESHOLD, "-u", "selftest:cpu", "--frontier", "layers,width", status=1)
        said = re.search(r"selftest:cpu: at most (\d+) trials.*; the first took ", done.stderr)
        self.assertIsNotNone(said, done.stderr)
        self.assertLessEqual(int(re.search(r"^(\d+) trials", done.stdout, re.M)[1]), int(said[1]))

    def test_suspects(self):
        found = self.isolate(THRESHOLD, "-u", "selftest:cpu", "--match", "wide", "--suspect", "layers", "--suspect",
                             "behaviour")
        self.assertEqual(found["suspects"], {"axes": ["layers", "behaviour"], "finding": None})
        self.assertEqual(found["by_purpose"]["suspect"], 2)
        self.assertEqual(found["minimal"]["layers"], 17)
        self.assertEqual(self.trapline("report", found["finding"], status=0).stdout.count("Tried first: `layers`, `behaviour`."), 1)
        done = self.trapline("isolate", THRESHOLD, "-u", "selftest:cpu", "--suspect", "layer", status=2)
        self.assertIn("no such axis; the case has behaviour, layers", done.stderr)
        for more in (["--quick", "--thorough"], ["--quick", "--over", "build"], ["--suspect", "layers", "--frontier", "layers,width"]):
            self.trapline("isolate", THRESHOLD, "-u", "selftest:cpu", *more, status=2)

    def test_what_an_earlier_finding_needed_is_tried_first(self):
        first = self.isolate(THRESHOLD, "-u", "selftest:cpu")
        self.assertNotIn("suspects", first)
        second = self.isolate(self.changed(), "-u", "selftest:cpu")
        self.assertEqual(second["suspects"], {"axes": ["behaviour", "layers"], "finding": first["finding"]})
        self.assertEqual(second["by_purpose"]["suspect"], 2)
        self.assertEqual({t["axis"] for t in second["trigger"]}, {t["axis"] for t in first["trigger"]})
        # Its own finding changes nothing of what is asked: all is known.
        third = self.isolate(self.path("threshold.json"), "-u", "selftest:cpu")
        self.assertEqual(third["suspects"], second["suspects"])
        self.assertEqual(third["cached"], third["trials"])

    def test_a_file_beside_the_case(self):
        self.write("repro.py", "import sys\nsys.exit(3)\n")
        axes = [{"name": "x", "choices": [1, 2]}, {"name": "y", "range": [1, 9]}]
        case = self.case("beside", {"steps": [{"phase": "execute", "argv": ["/bin/sh", "-c", "cat $0; echo the tool ends >&2; exit 1", "repro.py", "{x}{y}"]}]},
                         axes, failing={"x": 2, "y": 9})
        said = "$.model.steps[0]: `repro.py` names a file beside the case"
        self.assertIn("warning: " + case + ": " + said, self.trapline("run", case, status=1).stderr)
        done = self.trapline("isolate", case, status=2)
        self.assertIn(said + ", and commands run in a directory of their own, where it is not: write "
                      '"{case_dir}/repro.py"', done.stderr.split("fails like the failing variant")[1])
        self.assertEqual(done.stdout, "")
        self.assertEqual(self.findings(), [])
        # With that word it is a failure like any other; so is a file that is missed by the failing variant alone.
        document = json.loads(open(case, encoding="utf-8").read())
        document["model"]["steps"][0]["argv"] = ["/bin/sh", "-c", "test $1 = 1 || cat missing.txt", "sh", "{x}", "{y}"]
        case = self.write("alone.json", json.dumps(document))
        found = self.isolate(case, "--quick")
        self.assertEqual([t["axis"] for t in found["trigger"]], ["x"])

    def test_words_that_are_meant(self):
        self.write("out.bin", "")
        case = self.case("meant", {"steps": [{"phase": "execute", "argv": ["/bin/true", "-o", "out.bin", "--out=out.bin",
                                                                         "{case_dir}/out.bin", "{scratch}/out.bin"]}]})
        self.assertNotIn("beside the case", self.trapline("run", case, status=0).stderr)

    def test_time_that_is_used_up(self):
        axes = [{"name": "x", "choices": [0, 1]}, {"name": "y", "range": [1, 50]}]
        case = self.steps("slow", "sleep 0.8; exit $0", axes, failing={"x": 1, "y": 40})
        # What was seen before the search began counts: it fails, and that is the best answer.
        found = self.isolate(case, "--max-time", "2", "-j", "1")
        self.assertTrue(found["reproduced"])
        self.assertFalse(found["complete"])
        self.assertGreater(found["trials"], 0)
        self.assertEqual(found["minimal"], {"x": 1, "y": 40})
        self.assertLess(found["elapsed_s"], 4)
        case = self.steps("sweep", "sleep 0.8", axes)
        done = self.trapline("isolate", case, "--max-time", "1", "-j", "1", status=2)
        self.assertIn("the time was used up before the other", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
