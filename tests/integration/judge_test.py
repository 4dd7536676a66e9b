"""For what failure the answer is minimal: other signatures of the same failure, other causes, sets and bands of values.

A runner in Python plays the runtime, so that the truth is known; its builds are empty files with a manifest."""
import hashlib
import json
import os
import unittest

from program import ProgramTest

# The runtime: what each variant shows on each build. A failure is an error with a code; two codes with the same
# text are two signatures of one kind.
RUNNER = """
up = socket.socket(fileno=3)
request = json.loads(up.makefile("rb").readline())
def send(message):
    up.sendall(json.dumps(message).encode() + b"\\n")
build = (request.get("build") or {}).get("version", "")
if "describe" in request:
    send({"name": "played", "version": build or "1", "protocol": 1, "serve": False, "axes": [],
          "devices": [{"name": "cpu", "usable": True}]})
    sys.exit(0)
v = request["variant"]
def fail(code, text="the shapes do not fit"):
    send({"phase": "compile"})
    send({"error": {"domain": "played", "code": code, "message": text}})
    sys.exit(0)
%s
send({"result": {"outputs": [{"name": "y", "dtype": "float32", "shape": [1], "hash": "1", "finite": True}]}})
"""

SWITCHES = [{"name": "graph", "choices": ["plain", "odd"]}, {"name": "kernel", "choices": ["slow", "fast"]},
            {"name": "size", "range": [1, 6]}]
FAILING = {"graph": "odd", "kernel": "fast", "size": 6}

# One bug: which place it shows at depends on the kernel. Build 3 mends it.
PLACES = """
if v["graph"] == "odd" and build < "3":
    fail("FAST" if v["kernel"] == "fast" else "SLOW")
"""
# Two bugs: with the fast kernel another one comes first, which build 3 mends. Build 4 mends what was behind it.
NESTED = """
if v["graph"] == "odd" and v["kernel"] == "fast" and build < "3":
    fail("FAST")
if v["graph"] == "odd" and build < "4":
    fail("SLOW")
"""


class Played(ProgramTest):
    def play(self, behaviour, builds=()):
        """Installs the runner, with builds of it."""
        runners = self.path("data", "trapline", "runners")
        os.makedirs(runners, exist_ok=True)
        program = self.python("trapline-played", RUNNER % behaviour)
        os.replace(program, os.path.join(runners, "trapline-played"))
        for version in builds:
            directory = self.path("cache", "trapline", "builds", "played", version)
            os.makedirs(directory)
            content = version.encode()
            for name in ("libonnxruntime.so", "libonnxruntime.dylib"):
                with open(os.path.join(directory, name), "wb") as f:
                    f.write(content)
            with open(os.path.join(directory, "build.json"), "w", encoding="utf-8") as f:
                json.dump({"trapline": 1, "runner": "played", "version": version, "size": len(content),
                           "sha256": hashlib.sha256(content).hexdigest(), "source": "a test",
                           "when": "2026-01-01T00:00:00Z", "when_us": 1767225600000000}, f)

    def isolate(self, axes, failing, *arguments, unit="played:cpu", status=1):
        case = self.case("played", {"file": self.write("any.bin", "any")}, axes, failing=failing)
        done = self.trapline("isolate", case, "-u", unit, *arguments, "--json", status=status)
        return json.loads(done.stdout)

    def trigger(self, d):
        return {t["axis"]: t["value"] for t in d["trigger"]}

    def noted(self, d):
        return {n["code"] for n in d["notes"]}


class JudgeTest(Played):
    BUILDS = ("1.0.0", "2.0.0", "3.0.0", "4.0.0")

    def test_one_bug_by_builds(self):
        self.play(PLACES, self.BUILDS)
        d = self.isolate(SWITCHES, FAILING, unit="played@1.0.0:cpu")
        self.assertEqual((d["match"], self.trigger(d)), ("wide", {"graph": "odd"}))
        self.assertEqual({t["axis"] for t in d["strict"]["trigger"]}, {"graph", "kernel"})
        self.assertNotIn("may-be-two", self.noted(d))
        slow = next(p for p in d["places"] if p["variant"]["kernel"] == "slow")
        self.assertEqual((slow["relation"], slow["judged_by"]), ("same", "builds"))
        self.assertEqual((slow["builds"]["fails_on"], slow["builds"]["passes_on"]), ("2.0.0", "3.0.0"))
        shown = [self.show({"id": trial}) for trial in slow["builds"]["trials"]]
        self.assertEqual([(t["unit"], t["outcome"]) for t in shown],
                         [("played@2.0.0:cpu", "error")] * 2 + [("played@3.0.0:cpu", "pass")] * 2)
        self.assertEqual(d["trials"], sum(d["by_purpose"].values()))
        # The same again costs nothing, and says the same.
        again = self.isolate(SWITCHES, FAILING, unit="played@1.0.0:cpu")
        self.assertEqual(again["cached"], again["trials"])
        self.assertEqual(again["places"], d["places"])

    def test_two_bugs_by_builds(self):
        self.play(NESTED, self.BUILDS)
        d = self.isolate(SWITCHES, FAILING, unit="played@1.0.0:cpu")
        self.assertEqual(self.trigger(d), {"graph": "odd", "kernel": "fast"})
        other = next(o for o in d["others"] if o["variant"]["kernel"] == "slow")
        self.assertEqual((other["relation"], other["judged_by"]), ("other", "builds"))
        self.assertNotIn("may-be-two", self.noted(d))
        # The other one is isolated on request.
        s = self.isolate(SWITCHES, {**FAILING, "kernel": "slow"}, "--signature", other["signature"],
                         unit="played@1.0.0:cpu")
        self.assertEqual((s["match"], self.trigger(s)), ("strict", {"graph": "odd"}))

    def test_edge_that_is_known(self):
        """What the database knows of the failing variant on other builds is not run again."""
        self.play(PLACES, self.BUILDS)
        case = self.case("played", {"file": self.write("any.bin", "any")}, SWITCHES, failing=FAILING)
        for build in ("1.0.0", "3.0.0"):
            self.trapline("run", case, "-u", f"played@{build}:cpu", "--fresh")
        d = self.isolate(SWITCHES, FAILING, unit="played@1.0.0:cpu")
        slow = next(p for p in d["places"] if p["variant"]["kernel"] == "slow")
        self.assertEqual((slow["builds"]["fails_on"], slow["builds"]["passes_on"]), ("1.0.0", "3.0.0"))
        self.assertEqual(d["by_purpose"]["judge"], 4)

    def test_no_build_tells(self):
        for builds, unit in (((), "played:cpu"), (("1.0.0", "2.0.0"), "played@1.0.0:cpu")):
            with self.subTest(unit=unit):
                self.play(NESTED, builds)
                d = self.isolate(SWITCHES, FAILING, unit=unit)
                self.assertEqual(self.trigger(d), {"graph": "odd"})
                self.assertIn("may-be-two", self.noted(d))
                slow = next(p for p in d["places"] if p["variant"]["kernel"] == "slow")
                self.assertEqual((slow["relation"], slow["judged_by"]), ("unknown", None))

    def test_older_build_that_refuses(self):
        """That an older build does not know the model is no edge; that a newer one refuses it is."""
        refuse = 'if v["graph"] == "odd" and %s:\n    fail("NO", "such a model is refused")\n'
        self.play(refuse % 'build < "2"' + NESTED.replace('"4"', '"9"').replace('"3"', '"9"'), self.BUILDS)
        d = self.isolate(SWITCHES, FAILING, unit="played@4.0.0:cpu")
        self.assertIn("may-be-two", self.noted(d))

    def test_newer_build_that_refuses(self):
        refuse = 'if v["graph"] == "odd" and build >= "3":\n    fail("NO", "such a model is refused")\n'
        self.play(refuse + PLACES, self.BUILDS)
        d = self.isolate(SWITCHES, FAILING, unit="played@2.0.0:cpu")
        slow = next(p for p in d["places"] if p["variant"]["kernel"] == "slow")
        self.assertEqual((slow["relation"], slow["judged_by"]), ("same", "builds"))
        self.assertEqual(self.trigger(d), {"graph": "odd"})

    def test_over_builds_words_and_codes_change(self):
        """Another code, another number in the text, no text: the same failure in every build."""
        self.play("""
if build >= "2" and build < "5":
    fail("A" if build < "3" else "B", "input 3 of l7_cast does not fit" if build < "4" else "")
""", ("1.0.0", "2.0.0", "3.0.0", "4.0.0", "5.0.0"))
        for unit in ("played:cpu", "played@3.0.0:cpu", "played@4.0.0:cpu"):
            with self.subTest(unit=unit):
                d = self.isolate(SWITCHES, FAILING, "--over", "build", unit=unit)
                found = d["builds"]["ranges"][0]
                self.assertEqual([found[k] for k in ("good_before", "first_bad", "last_bad", "fixed")],
                                 ["1.0.0", "2.0.0", "4.0.0", "5.0.0"])
                self.assertEqual(d["match"], "wide")
        d = self.isolate(SWITCHES, FAILING, "--over", "build", "--match", "strict", unit="played@3.0.0:cpu")
        self.assertEqual((d["match"], d["builds"]["ranges"][0]["first_bad"]), ("strict", "3.0.0"))


class AnswerTest(Played):
    def test_set_and_pattern(self):
        self.play('if v["graph"] == "odd" and v["size"] >= 4 and v["size"] % 2 == 0:\n    fail("A")\n')
        axes = [SWITCHES[0], {"name": "size", "range": [3, 16]}]
        d = self.isolate(axes, {"graph": "odd", "size": 8})
        size = next(t for t in d["trigger"] if t["axis"] == "size")
        self.assertEqual((size["fails_with"], size["pattern"]),
                         ([4, 6, 8, 10, 12, 14, 16], {"step": 2, "from": 4, "to": None}))
        self.assertEqual(sorted(size["passes_with"]), [3, 5, 7, 9, 11, 13, 15])
        self.assertTrue(size["every"] and size["set"])

    def test_needs_at_the_baseline(self):
        """Values that the failing variant has at the baseline, and one that only the smallest size needs."""
        self.play('if v["pool"] == "avg" and v["pad"] == "constant" and v["opset"] <= 20 and v["size"] >= v["kernel"]:\n'
                  '    fail("A")\n')
        axes = [{"name": "pool", "choices": ["max", "avg"]}, {"name": "pad", "choices": ["constant", "edge", "reflect"]},
                {"name": "opset", "range": [13, 22]}, {"name": "size", "range": [2, 5]}, {"name": "kernel", "range": [2, 4]}]
        d = self.isolate(axes, {"pool": "avg", "opset": 19, "size": 5, "kernel": 2})
        self.assertEqual(self.trigger(d), {"pool": "avg"})
        needs = {n["any_of"][0]["axis"]: n["any_of"][0] for n in d["needs"]}
        self.assertEqual(set(needs), {"pad", "opset"})
        self.assertEqual((needs["pad"]["fails_with"], needs["pad"]["passes_with"]), (["constant"], ["edge", "reflect"]))
        self.assertEqual((needs["opset"]["up_to"], needs["opset"]["value"]), (20, 13))
        self.assertEqual([[x["axis"] for x in n["any_of"]] for n in d["local_needs"]], [["kernel"]])
        self.assertFalse({"pad", "opset", "kernel"} & set(d["independent"] + d["reset"]))

    def test_default_budget(self):
        self.play('if v["graph"] == "odd":\n    fail("A")\n')
        d = self.isolate(SWITCHES, FAILING)
        self.assertEqual(d["budget"], {"trials": 3000, "default": True})
        d = self.isolate(SWITCHES, FAILING, "--max-trials", "400")
        self.assertEqual(d["budget"], {"trials": 400, "default": False})
        self.assertIn("(default: 3000)", self.trapline("isolate", "--help", db=False, status=0).stdout)


if __name__ == "__main__":
    unittest.main()
