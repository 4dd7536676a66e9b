"""One failure, one finding: its trigger and its builds, looked for one after the other or at once, and what the report says
of the newest build, of those beside it, of other units, and of what values mean. The runtime is the simulated one, whose
builds are profiles."""
import hashlib
import json
import os
import re
import unittest

from program import ProgramTest

ABORT = {"phase": "execute", "signal": "SIGABRT", "in": "attention"}
REFUSED = {"phase": "load", "error": {"domain": "sim", "code": "opset", "message": "no operator of this version is known"}}
TRIGGER = {"all": [{"axis": "weights", "is": "int8"}, {"axis": "layers", "at_least": 3}]}
# What each build does where the trigger holds; None: it passes.
BUILDS = {"1.0.0": REFUSED,
          "2.0.0": ABORT,
          "3.0.0": ABORT,
          "4.0.0": {**ABORT, "message": "heap.cc:12: Heap::take: Assertion `size < left' failed."},
          "5.0.0": {**ABORT, "message": "heap.cc:14: Heap::take: Assertion `size <= left && left' failed."},
          "6.0.0": None}
AXES = [{"name": "weights", "choices": ["fp32", "fp16", "int8"], "about": "how weights are stored",
         "about_values": {"int8": "a byte each, with a scale for every row"}},
        {"name": "layers", "range": [1, 6]},
        {"name": "seq", "range": [1, 4]}]
FAILING = {"weights": "int8", "layers": 6, "seq": 3}


class FindingTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env["TRAPLINE_PROFILES"] = self.path("profiles")
        os.mkdir(self.path("profiles"))

    def build(self, version, rule, runner="sim"):
        """A build of the simulated runtime: a profile, and a file that stands for the library."""
        rules = [{"name": "it", "when": TRIGGER, **rule}] if rule else []
        self.write(f"profiles/{version}.json", json.dumps({"trapline_profile": 1, "name": version, "rules": rules}))
        directory = self.path("cache", "trapline", "builds", runner, version)
        os.makedirs(directory, exist_ok=True)
        content = json.dumps(rule).encode()
        for name in ("libonnxruntime.so", "libonnxruntime.dylib"):
            with open(os.path.join(directory, name), "wb") as f:
                f.write(content)
        with open(os.path.join(directory, "build.json"), "w", encoding="utf-8") as f:
            json.dump({"trapline": 1, "runner": runner, "version": version, "size": len(content),
                       "sha256": hashlib.sha256(content).hexdigest(), "source": "a test",
                       "when": "2026-01-01T00:00:00Z", "when_us": 1767225600000000}, f)

    def install(self, builds=BUILDS):
        for version, rule in builds.items():
            self.build(version, rule)

    def simulated(self, axes=AXES):
        return self.case("stored-weights", {"family": "decoder"}, axes, failing=FAILING)

    def narrow(self):
        """Few trials, where the trigger does not matter."""
        return self.case("narrow", {"family": "decoder"}, [{"name": "weights", "choices": ["fp32", "int8"]},
                                                           {"name": "layers", "ordered": [3]}], failing={"weights": "int8"})

    def isolate(self, case, *arguments, status=1):
        return json.loads(self.trapline("isolate", case, *arguments, "--json", status=status).stdout)

    def report(self, finding):
        """As JSON, and as Markdown."""
        return (json.loads(self.trapline("report", finding, "--json", status=0).stdout),
                self.whole(self.trapline("report", finding, status=0).stdout))

    def whole(self, text):
        """The same with each paragraph and item on one line, which are broken for who reads the source."""
        lines, plain = [], re.compile(r"[#|<]|```|- |$")
        for line in text.splitlines():
            if lines and lines[-1] and not re.match(r"[#|<]|```", lines[-1]) and not plain.match(line.lstrip()) or \
               lines and lines[-1].startswith("- ") and line.startswith("  "):
                lines[-1] += " " + line.strip()
            else:
                lines.append(line)
        return "\n".join(lines) + "\n"

    def first_line(self, text):
        return [line for line in text.splitlines() if line][1]

    def since(self, text):
        """The list of the section on builds."""
        part = text.split("## Since when\n", 1)[1].split("\n## ", 1)[0]
        return [line[2:] for line in part.splitlines() if line.startswith("- ")]

    def check_since(self, text):
        lines = self.since(text)
        self.assertEqual(lines[0], "`4.0.0`: fails as reported")
        self.assertRegex(lines[1], r"^`1\.0\.0`: refuses the model: `.*no operator of this version is known`$")
        self.assertEqual(lines[2:], ["`2.0.0`, `3.0.0`: SIGABRT as well, without the message",
                                     "`5.0.0`: SIGABRT as well, other wording: `… <= left && left' failed.`",
                                     "`6.0.0`: passes"])

    def test_trigger_then_builds(self):
        self.install()
        case = self.simulated()
        alone = self.isolate(case, "-u", "sim@4.0.0:gpu")
        self.assertEqual({t["axis"]: t["value"] for t in alone["trigger"]}, {"weights": "int8", "layers": 3})
        self.assertNotIn("builds", alone)
        newest = alone["newest"]
        self.assertEqual((newest["build"], newest["variant"], newest["outcome"]), ("6.0.0", "minimal", "pass"))
        tried = self.show({"id": newest["trial"]})
        self.assertEqual((tried["unit"], tried["variant"]), ("sim@6.0.0:gpu", alone["minimal"]))
        document, text = self.report(alone["finding"])
        self.assertEqual(self.first_line(text),
                         "**Does not fail on `6.0.0`, the newest build that is installed here** (one run).")
        for word in ("Builds\n", "not measured", "this search used one build", "Other units"):
            self.assertNotIn(word, text)

        over = self.isolate(case, "-u", "sim:gpu", "--over", "build")
        self.assertEqual((over["kind"], over["isolation"]["finding"]), ("builds", alone["finding"]))
        self.assertEqual((over["trigger"], over["minimal"]), (alone["trigger"], alone["minimal"]))
        self.assertEqual([over["builds"]["ranges"][0][k] for k in ("good_before", "first_bad", "last_bad", "fixed")],
                         ["1.0.0", "2.0.0", "5.0.0", "6.0.0"])
        self.assertEqual([t["outcome"] for t in over["builds"]["tried"]], ["error"] + ["crash"] * 4 + ["pass"])
        said = re.search(r"^sim:gpu: at most (\d+) trials", self.trapline("isolate", case, "-u", "sim:gpu", "--over", "build", status=1).stderr)
        self.assertLessEqual(over["trials"], int(said[1]))
        over = self.isolate(case, "-u", "sim:gpu", "--over", "build")
        reports = [self.report(f["finding"]) for f in (alone, over)]
        self.assertEqual(reports[0], reports[1], "both ids are of one report")
        document, text = reports[0]
        self.assertEqual((document["finding"]["finding"], document["finding"]["builds"]["finding"]),
                         (alone["finding"], over["finding"]))
        self.assertEqual(document["elsewhere"], [], "builds that were tried stand in their own section")
        self.check_since(text)
        self.assertIn("Builds were tried with the failing variant, which has `layers=6`, `seq=3` instead.", text)
        self.assertIn("it fails so from `2.0.0` to `5.0.0`, not in `6.0.0` after; whether it did before `2.0.0` cannot be told, "
                      "because `1.0.0` refuses the model.", text)
        self.assertIn("minimal variant", text)
        # One line of the list, and `show` of either knows both.
        listed = self.trapline("list", "findings", status=0).stdout.splitlines()
        self.assertEqual(len(listed), 1, listed)
        self.assertTrue(listed[0].startswith(alone["finding"]) and listed[0].endswith("(and over builds)"))
        for finding in (alone, over):
            shown = self.trapline("show", finding["finding"], status=0).stdout
            self.assertIn("trigger\n", shown)
            self.assertIn("bad from 2.0.0 to 5.0.0\n", shown)
            self.assertIn("    2.0.0, 3.0.0: SIGABRT as well, without the message\n", shown)

    def test_builds_then_trigger(self):
        self.install()
        case = self.simulated()
        over = self.isolate(case, "-u", "sim:gpu", "--over", "build")
        self.assertEqual((over["trigger"], over["minimal"]), ([], None))
        self.assertEqual((over["newest"]["build"], over["newest"]["variant"], over["newest"]["outcome"]),
                         ("6.0.0", "failing", "pass"))
        # Of another failure, another case or another device it says nothing.
        other = self.case("stored-weights", {"family": "decoder"}, AXES[:2], failing={"weights": "int8", "layers": 6})
        self.assertNotIn("builds", self.isolate(other, "-u", "sim@4.0.0:gpu"))
        self.simulated()
        self.assertNotIn("builds", self.isolate(case, "-u", "sim@4.0.0:ane"))
        self.assertNotIn("builds", self.isolate(case, "-u", "sim@1.0.0:gpu"))
        found = self.isolate(case, "-u", "sim@4.0.0:gpu")
        self.assertEqual(found["builds"]["finding"], over["finding"])
        self.assertEqual(found["kind"], "isolation")
        self.check_since(self.report(over["finding"])[1])

    def test_both_at_once(self):
        self.install()
        found = self.isolate(self.simulated(), "-u", "sim@4.0.0:gpu", "-u", "sim@5.0.0:gpu", "--over", "trigger,build")
        self.assertEqual([f["unit"] for f in found["findings"]], ["sim@4.0.0:gpu", "sim@5.0.0:gpu"])
        self.assertEqual(len({f["builds"]["finding"] for f in found["findings"]}), 1, "builds are searched once")
        text = self.report(found["findings"][1]["finding"])[1]
        self.assertIn("- `5.0.0`: fails as reported\n", text, "words are compared with those of the reported build")
        self.assertIn("- `4.0.0`: SIGABRT as well, other wording: `… < left' failed.`\n", text)

    def test_builds_that_refuse_what_does_not_matter(self):
        """They take the minimal variant, so what they do with that is what is known of them."""
        self.install()
        old = {"trapline_profile": 1, "name": "1.5.0", "rules": [
            {"name": "old", "when": {"axis": "seq", "at_least": 2}, **REFUSED}, {"name": "it", "when": TRIGGER, **ABORT}]}
        self.build("1.5.0", None)
        self.write("profiles/1.5.0.json", json.dumps(old))
        # On another one the edge lies elsewhere.
        later = {"all": [{"axis": "weights", "is": "int8"}, {"axis": "layers", "at_least": 5}]}
        self.build("5.5.0", None)
        self.write("profiles/5.5.0.json", json.dumps({"trapline_profile": 1, "name": "5.5.0",
                                                      "rules": [{"name": "it", "when": later, **ABORT}]}))
        found = self.isolate(self.simulated(), "-u", "sim@4.0.0:gpu", "--over", "trigger,build")
        self.assertEqual([(r["first_bad"], r["last_bad"]) for r in found["builds"]["ranges"]], [("1.5.0", "5.5.0")])
        self.assertEqual(found["builds"]["variant"], {"weights": "int8", "layers": 6, "seq": 1}, "away from the edge of layers")
        text = self.report(found["finding"])[1]
        self.assertIn("Builds were tried with the minimal variant, but away from its edge, with `layers=6`.", text)
        self.assertIn("- `5.5.0`: SIGABRT as well, without the message (the minimal variant: passes)\n", text)
        # An older search with the failing variant is no better an answer than the newest one.
        self.assertEqual(self.show({"id": found["finding"]})["builds"]["finding"], found["builds"]["finding"])

    def test_builds_that_fail_in_children(self):
        """A fresh process passes on each of them: that is no build that is mended."""
        self.env["TRAPLINE_RUNNERS"] = self.path("runners")
        os.mkdir(self.path("runners"))
        os.symlink(os.environ["FORKING_RUNNER"], self.path("runners", "trapline-forking"))
        for version in ("1.0.0", "2.0.0", "3.0.0"):
            self.build(version, None, "forking")
        case = self.case("layout", {"file": self.write("model.bin", "m")},
                         [{"name": "only", "choices": ["none", "forked"]}, {"name": "n", "ordered": [1, 5]}],
                         failing={"only": "forked", "n": 5})
        found = self.isolate(case, "-u", "forking@2.0.0:cpu", "--over", "build")
        self.assertEqual([(r["first_bad"], r["last_bad"]) for r in found["builds"]["ranges"]], [("1.0.0", "3.0.0")])
        self.assertEqual({t.get("in_child") for t in found["builds"]["tried"]}, {True})
        self.assertIn("fails as reported, in a forked child; a fresh process passes", self.report(found["finding"])[1])
        # Each of the two is a trial, also where both are known.
        again = self.isolate(case, "-u", "forking@1.0.0..3.0.0:cpu", "--over", "build")
        self.assertEqual(again["trials"], sum(again["by_purpose"].values()))
        self.assertGreater(again["cached"], 3)
        self.assertLessEqual(again["cached"], again["trials"])
        # Who asks for fresh processes gets those.
        alone = self.isolate(case, "-u", "forking@2.0.0:cpu", "--over", "build", "--fresh", status=0)
        self.assertFalse(alone["reproduced"])

    def test_both_where_there_is_one_build(self):
        self.install({"4.0.0": BUILDS["4.0.0"]})
        done = self.trapline("isolate", self.narrow(), "-u", "sim@4.0.0:gpu", "--over", "trigger,build", "--json", status=2)
        self.assertIn("fewer than two builds", done.stderr)
        found = json.loads(done.stdout)
        self.assertTrue(found["reproduced"], "what was found before is told")
        self.assertTrue(found["newest"]["own"])
        self.assertEqual(self.first_line(self.report(found["finding"])[1]),
                         "**Fails on `4.0.0`, the newest build that is installed here**.")
        self.trapline("isolate", self.narrow(), "-u", "sim@4.0.0:gpu", "--over", "device", status=2)

    def test_newest_build(self):
        """What the first line says, by what the newest build does."""
        where = "`9.0.0`, the newest build that is installed here"
        crash = {"phase": "load", "signal": "SIGSEGV", "in": "attention"}
        for rule, said in ((BUILDS["4.0.0"], rf"^\*\*Still fails on {where}\*\*\.$"),
                           (BUILDS["5.0.0"], rf"^\*\*Still fails on {where}\*\*: SIGABRT as well, other wording: `… <= left && left' failed\.`\.$"),
                           (ABORT, rf"^\*\*Still fails on {where}\*\*: SIGABRT as well, without the message\.$"),
                           (REFUSED, rf"^\*\*Does not fail in this way on {where}\*\*: refuses the model: `.*is known`\.$"),
                           (crash, rf"^\*\*Does not fail in this way on {where}\*\*: SIGSEGV in load: `.*`\.$")):
            with self.subTest(rule=rule):
                self.install({"4.0.0": BUILDS["4.0.0"], "9.0.0": rule})
                found = self.isolate(self.narrow(), "-u", "sim@4.0.0:gpu")
                self.assertRegex(self.first_line(self.report(found["finding"])[1]), said)
                self.assertIn("9.0.0", self.trapline("show", found["finding"], status=0).stdout)
        # Asked again it is not run again; and not where nothing more may be run.
        trials = len(self.listed("trials", "--unit", "sim@9.0.0:gpu")["trials"])
        found = self.isolate(self.narrow(), "-u", "sim@4.0.0:gpu")
        self.assertEqual(len(self.listed("trials", "--unit", "sim@9.0.0:gpu")["trials"]), trials)
        self.db = self.path("small.db")
        found = self.isolate(self.narrow(), "-u", "sim@4.0.0:gpu", "--max-trials", "4")
        self.assertEqual(found["newest"]["not_tried"], "the search ended before it")
        self.assertIn(f"Whether it still fails on {where}, was not tried: the search ended before it.",
                      self.report(found["finding"])[1])

    def test_no_build_is_installed(self):
        self.write("profiles/mine.json", json.dumps({"trapline_profile": 1, "name": "mine",
                                                     "rules": [{"name": "it", "when": TRIGGER, **ABORT}]}))
        found = self.isolate(self.narrow(), "-u", "sim@mine:gpu")
        self.assertIsNone(found["newest"]["build"])
        self.assertIn("was not tried: no other build of it is installed", self.first_line(self.report(found["finding"])[1]))

    def test_tried_since(self):
        """What was run since on other units and builds stands in the report, without another isolation."""
        self.install()
        case = self.simulated()
        found = self.isolate(case, "-u", "sim@4.0.0:gpu")
        self.trapline("matrix", case, "-u", "sim@4.0.0:ane", "-u", "sim@5.0.0,3.0.0:ane", "-s", "weights=int8", "-s",
                      "layers=3", status=1)
        self.trapline("run", case, "-u", "sim@6.0.0:cpu", status=0)
        document, text = self.report(found["finding"])
        rows = {(e["unit"], e["variant"], e["outcome"]) for e in document["elsewhere"]}
        self.assertEqual(rows, {("sim@3.0.0:ane", "minimal", "crash"), ("sim@4.0.0:ane", "minimal", "crash"),
                                ("sim@5.0.0:ane", "minimal", "crash"), ("sim@6.0.0:cpu", "failing", "pass")})
        part = text.split("## Other units and machines\n", 1)[1].split("\n## ", 1)[0]
        self.assertRegex(part, r"\| `sim@4\.0\.0:ane` \| crash: .* \| 2 \|")
        self.assertIn("| `sim@6.0.0:cpu`, the failing variant | pass | 1 |", part)

    def test_what_values_mean(self):
        self.install({"4.0.0": BUILDS["4.0.0"]})
        plain = [{k: v for k, v in a.items() if not k.startswith("about")} for a in AXES]
        first = self.isolate(self.simulated(plain), "-u", "sim@4.0.0:gpu")
        self.assertTrue(next(a["about"] for a in first["axes"] if a["name"] == "layers"), "the family says what it is")
        found = self.isolate(self.simulated(), "-u", "sim@4.0.0:gpu")
        self.assertEqual(found["case_hash"], first["case_hash"], "words change nothing about a trial")
        self.assertEqual(found["cached"], found["trials"])
        weights = next(a for a in found["axes"] if a["name"] == "weights")
        self.assertEqual((weights["about"], weights["about_values"]), (AXES[0]["about"], AXES[0]["about_values"]))
        text = self.report(found["finding"])[1]
        self.assertIn("- `weights=int8`: a byte each, with a scale for every row (`weights`: how weights are stored)\n", text)
        self.assertTrue(re.search(r"^- `layers`: \w", text, re.M), text)
        self.assertNotIn("`seq`: ", text.split("## Environment")[0])
        # A bundle's case has the words of the values that it keeps.
        self.trapline("report", found["finding"], "--bundle", self.path("bundle"), status=0)
        with open(self.path("bundle", "case.json"), encoding="utf-8") as f:
            kept = json.load(f)["axes"][0]
        self.assertEqual((kept["about"], kept["about_values"]), (AXES[0]["about"], AXES[0]["about_values"]))
        self.trapline("isolate", self.path("bundle", "case.json"), "-u", "sim@4.0.0:gpu", status=1)

    def test_what_a_runner_says(self):
        """A runner may be anybody's: what it says that is no line of text is left out."""
        takes = ["n", {"name": "precision", "about": "of weights", "about_values": {"half": "IEEE, 16 bits", "full": 3}},
                 {"name": "loud", "about": "two\nlines", "about_values": ["no"]}]
        self.python_runner("runner", {"name": "own", "protocol": 1, "serve": False, "axes": takes}, """
if request["variant"]["precision"] == "half" and request["variant"]["loud"]:
    os.abort()
say({"result": {"outputs": []}})
""")
        axes = [{"name": "precision", "choices": ["full", "half"]}, {"name": "loud", "choices": [False, True]},
                {"name": "n", "range": [1, 3]}]
        case = self.case("own", {"file": self.write("any.bin", "any")}, axes, failing={"precision": "half", "loud": True})
        found = self.isolate(case, "-u", self.path("runner") + ":cpu")
        self.assertEqual(found["unread"], [], "an axis is read that is named in an object")
        self.assertEqual([{k: v for k, v in a.items() if k.startswith("about")} for a in found["axes"]],
                         [{"about": "of weights", "about_values": {"half": "IEEE, 16 bits"}}, {}, {}])
        self.assertIn("- `precision=half`: IEEE, 16 bits (`precision`: of weights)\n", self.report(found["finding"])[1])

    def test_hostile_words(self):
        """What a case says cannot format the report; what is no line is a mistake, all of them at once."""
        self.install({"4.0.0": BUILDS["4.0.0"]})
        axes = [dict(AXES[0], about="<b>|*x*| @all\u202e `", about_values={"int8": "# [a](http://b) | ```"}), *AXES[1:]]
        found = self.isolate(self.simulated(axes), "-u", "sim@4.0.0:gpu")
        html = self.trapline("report", found["finding"], "--format", "html", status=0).stdout
        self.assertNotIn("<b>", html)
        self.assertNotIn("](http://b)", self.report(found["finding"])[1].replace("\\]", "").replace("&#93;", ""))
        wrong = [{"name": "weights", "choices": ["fp32", "int8"], "about": "two\nlines", "about_values": {"int9": "x"}},
                 {"name": "layers", "range": [1, 6], "about": 3, "about_values": {"7": "x", "2": ""}},
                 {"name": "seq", "range": [1, 4], "about": "y" * 1025, "about_values": []}]
        done = self.trapline("isolate", self.simulated(wrong), "-u", "sim@4.0.0:gpu", status=2)
        for place in ("axes[0].about:", "axes[0].about_values.int9:", "axes[1].about:", "axes[1].about_values.7:",
                      "axes[1].about_values.2:", "axes[2].about:", "axes[2].about_values:"):
            self.assertIn(place, done.stderr)


if __name__ == "__main__":
    unittest.main()
