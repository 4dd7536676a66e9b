"""Generated models, alone and for steps: made once for each command line; arguments that hang on axes; phases and counts that are read
from output, of steps and of runners; and what an export that fails is."""
import json
import sys
import unittest

from program import ProgramTest

# A generator: counts that it was run, and dies, refuses or makes a model, as its arguments say.
EXPORT = """#!/usr/bin/env python3
import os, signal, sys
open(%r, "a").write(" ".join(sys.argv[2:]) + "\\n")
words = sys.argv[2:]
if "--refuse" in words:
    print('{"unsupported": "no such layout"}')
    sys.exit(1)
if "--crash" in words:
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGSEGV)
if "--raise" in words:
    raise ValueError("Constraints violated (seq)")
os.makedirs(sys.argv[1])
open(os.path.join(sys.argv[1], "main.mlir"), "w").write(" ".join(words))
"""

# A compiler: reads the model, and leaves parts beside a log. It fails as the model and its own arguments say.
COMPILE = """#!/usr/bin/env python3
import os, signal, sys
model, to, unit, level = sys.argv[1:5]
text = open(os.path.join(model, "main.mlir")).read()
print("reading", os.path.basename(model), flush=True)
os.makedirs(to)
for i in range(0 if unit == "gpu" else 2):
    open(os.path.join(to, "m_ANE_region_%d" % i), "w").close()
print("compiled for", unit, flush=True)
if "int4" in text and unit == "ane" and int(level) >= 3:
    os.kill(os.getpid(), signal.SIGABRT)
"""


class GenerateTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.runs = self.path("runs")
        self.write("export.py", EXPORT.replace("/usr/bin/env python3", sys.executable) % self.runs, 0o755)
        self.write("compile.py", COMPILE.replace("/usr/bin/env python3", sys.executable), 0o755)

    def exports(self):
        try:
            with open(self.runs) as f:
                return f.read().splitlines()
        except FileNotFoundError:
            return []

    def chain(self, *words, axes, **more):
        step = {"phase": "compile", "argv": ["./compile.py", "{model}", "{scratch}/out", "{unit}", "{level}"]}
        return self.case("chain", {"generate": ["./export.py", "{model}", *words], "suffix": ".aimodel", "steps": [step]},
                         axes, **more)

    def test_one_export_for_each_command_line(self):
        """Three axes are the compiler's: a whole isolation over them exports once."""
        axes = [{"name": "unit", "choices": ["cpu", "gpu", "ane"]}, {"name": "level", "range": [0, 9]},
                {"name": "debug", "choices": [False, True]}]
        case = self.chain("int4", axes=axes, failing={"unit": "ane", "level": 9, "debug": True},
                          environment={"COMPILER_DEBUG": "x"})
        found = json.loads(self.trapline("isolate", case, "--json", status=1).stdout)
        self.assertEqual({(t["axis"], t["value"]) for t in found["trigger"]}, {("unit", "ane"), ("level", 3)})
        self.assertEqual((found["outcome"], found["phase"], found["signal"]), ("crash", "compile", "SIGABRT"))
        self.assertGreater(found["trials"], 20)
        self.assertEqual(len(self.exports()), 1)
        report = self.trapline("report", found["finding"], status=0).stdout
        self.assertIn("/model.aimodel", report)
        self.assertIn("export.py", report)

    def test_what_a_command_line_is(self):
        axes = [{"name": "weights", "choices": ["fp16", "int4"]}, {"name": "static", "choices": [False, True]},
                {"name": "unit", "choices": ["cpu", "gpu"]}, {"name": "level", "range": [0, 2]}]
        case = self.chain("{weights}", {"when": {"static": True, "weights": ["int4"]}, "argv": ["--static"]}, axes=axes)
        for words in ((), ("-s", "unit=gpu"), ("-s", "level=2"), ("-s", "static=true"), ("-s", "weights=int4"),
                      ("-s", "weights=int4", "-s", "static=true"), ("-s", "weights=int4", "-s", "unit=gpu")):
            self.one(case, *words)
        self.assertEqual(self.exports(), ["fp16", "int4", "int4 --static"])
        # A script that is edited, and one beside it that it may import, make it another one.
        with open(self.path("export.py"), "a") as f:
            f.write("# edited\n")
        self.one(case)
        self.write("helper.py", "layout = 1\n")
        self.one(case)
        self.one(case, "-s", "unit=gpu")
        self.assertEqual(self.exports()[3:], ["fp16", "fp16"])
        # Six variants of a generator that reads no axis are one model, also for a runner.
        once = self.case("once", {"generate": ["./export.py", "{model}", "once"]}, [{"name": "n", "range": [1, 6]}])
        runner = self.python_runner("runner.py", {"name": "r"}, """
say({"phase": "load"})
say({"result": {"outputs": [{"name": open(request["model"] + "/main.mlir").read(), "dtype": "int8", "shape": [], "hash": "x", "finite": True}]}})
""")
        for n in range(1, 7):
            trial = self.one(once, "-u", f"{runner}:cpu", "-s", f"n={n}", status=0)
            self.assertEqual(self.show(trial)["result"]["outputs"][0]["name"], "once")
        self.assertEqual(self.exports().count("once"), 1)

    def test_the_name_of_a_model(self):
        """Its suffix, of a directory too, and what is said of one that was left elsewhere."""
        case = self.case("left", {"generate": ["sh", "-c", "mkdir {model}.aimodel && touch {model}.aimodel/x"]},
                         [{"name": "n", "choices": [1, 2]}])
        done = self.trapline("run", case, "-u", "selftest:cpu", status=2)
        self.assertIn("model.aimodel", done.stderr)
        self.assertIn('"suffix"', done.stderr)
        step = {"phase": "check", "argv": ["ls", "{model}"], "expect": {"text": ["x.mlir"]}}
        for suffix, make in ((".aimodel", "mkdir {model} && touch {model}/x.mlir"), (".x.mlir", "touch {model}")):
            case = self.case("named", {"generate": ["sh", "-c", make], "suffix": suffix, "steps": [step]})
            self.assertEqual(self.one(case, status=0)["outcome"], "pass")

    def test_an_export_that_fails(self):
        """It is a failure in phase generate, and is isolated as one; a refusal is none."""
        axes = [{"name": "query", "choices": ["dynamic", "static"]}, {"name": "context", "choices": ["static", "dynamic"]},
                {"name": "layers", "range": [1, 8]}, {"name": "unit", "choices": ["cpu", "gpu"]},
                {"name": "level", "range": [0, 3]}]
        words = [{"when": {"query": "static", "context": "dynamic"}, "argv": ["--raise"]}, "{layers}"]
        case = self.chain(*words, axes=axes, failing={"query": "static", "context": "dynamic", "layers": 8, "unit": "gpu", "level": 3})
        found = json.loads(self.trapline("isolate", case, "--json", status=1).stdout)
        self.assertEqual((found["outcome"], found["phase"]), ("error", "generate"))
        self.assertIn("Constraints violated", found["signature"]["title"])
        self.assertEqual({t["axis"] for t in found["trigger"]}, {"query", "context"})
        crash = self.one(self.chain("--crash", axes=axes), status=1)
        self.assertEqual((crash["outcome"], crash["phase"], crash["signal"]), ("crash", "generate", "SIGSEGV"))
        self.assertTrue(self.show(crash)["captures"])
        refused = self.one(self.chain("--refuse", axes=axes))
        self.assertEqual((refused["outcome"], refused["phase"]), ("unsupported", "generate"))
        self.assertIn("no such layout", refused["message"])

    def test_an_export_that_fails_in_some_runs(self):
        """Once it was seen to fail it is run for each trial, whatever was made of it before."""
        words = f"echo x >>{self.runs}; test $(($(wc -l <{self.runs}) % 2)) = 0 && echo x >{{model}}"
        case = self.case("odd", {"generate": ["sh", "-c", words], "steps": [{"phase": "check", "argv": ["cat", "{model}"]}]})
        trials = self.trials(case, "--repeat", "6", "-j", "1", status=1)
        self.assertEqual([t["outcome"] for t in trials].count("error"), 3)
        self.assertEqual(len(self.exports()), 6)

    def test_phases_from_output(self):
        """A line says that loading is over; what dies later did not die loading. Also without an end of the line."""
        for words, killed, phase in (("echo loading; kill -KILL $$", "error", "load"),
                                     ("echo loaded in 140 s; kill -KILL $$", "error", "execute"),
                                     ("printf 'loaded in 3 s'; sleep 30", "hang", "execute"),
                                     ("echo loaded in 3 s >&2; kill -SEGV $$", "crash", "execute")):
            step = {"phase": "load", "argv": ["sh", "-c", words], "timeout_s": 1,
                    "phase_marker": {"execute": ["loaded in [0-9]+ s", "predicting ("]}}
            trial = self.one(self.case("phases", {"steps": [step]}), status=1)
            self.assertEqual((trial["outcome"], trial["phase"]), (killed, phase), words)
        # The step's time is its own, whatever phases it goes through.
        step = {"phase": "load", "argv": ["sh", "-c", "sleep 0.7; echo [go]; sleep 30; echo [go]"], "timeout_s": 1,
                "phase_marker": {"execute": "[go]"}}
        trial = self.one(self.case("slow", {"steps": [step]}), status=1)
        self.assertEqual((trial["outcome"], trial["phase"]), ("hang", "execute"))
        self.assertGreater(trial["phases"]["load"], 0.5)
        self.assertLess(trial["phases"]["execute"], 0.9)

    def test_counts(self):
        """What is counted is kept, of a step that dies or hangs too; bounds make a fallback."""
        def step(words, **more):
            return {"phase": "compile", "argv": ["sh", "-c", words], "timeout_s": 1,
                    "count": [{"name": "steps", "number": "^step ([0-9]+)"}, {"name": "lines", "regex": "step"},
                              {"name": "parts", "glob": "{scratch}/*.o"}], **more}
        for words, outcome, counts in (("echo step 3; echo step 17; touch a.o", "pass", {"steps": 17, "lines": 2, "parts": 1}),
                                       ("echo step 5; kill -ABRT $$", "crash", {"steps": 5, "lines": 1, "parts": 0}),
                                       ("echo step x; exit 3", "error", {"lines": 1, "parts": 0})):
            trial = self.one(self.case("counts", {"steps": [step(words)]}))
            self.assertEqual((trial["outcome"], trial["counts"]), (outcome, counts))
            self.assertIn("lines %d" % counts["lines"], self.trapline("show", trial["id"]).stdout)
        trial = self.one(self.case("hangs", {"steps": [step("echo step 7; sleep 30")]}))
        self.assertEqual((trial["outcome"], trial["counts"]["steps"]), ("hang", 7))
        trial = self.one(self.case("few", {"steps": [step("echo step 1", expect={"count": {"name": "parts", "min": 1}})]}))
        self.assertEqual(trial["outcome"], "fallback")
        self.assertIn("too few parts: 0, where at least 1 was expected", trial["message"])
        trial = self.one(self.case("none", {"steps": [step("true", expect={"count": [{"name": "steps", "max": 3}]})]}))
        self.assertIn("steps was not written", trial["message"])

    def test_a_runner_is_read_like_a_step(self):
        """The same words for a runner: markers, counts, texts."""
        runner = self.python_runner("runner.py", {"name": "r", "devices": ["ane"]}, """
import signal
what = request["variant"]["what"]
say({"phase": "load"})
print("Preparing", flush=True)
print("region 1 on ane\\nregion 2 on gpu", flush=True)
if what == "fallback": print("ANECCompileOffline() failed: falling back", file=sys.stderr, flush=True)
if what == "crash":
    print("Generating...", end="", flush=True)
    time.sleep(0.3)
    os.kill(os.getpid(), signal.SIGSEGV)
if what == "counts": say({"counts": {"tokens": 12}})
say({"result": {"outputs": []}})
""")
        case = self.case("read", {"generate": ["touch", "{model}"]},
                         [{"name": "what", "choices": ["pass", "fallback", "crash", "counts"]}],
                         phase_marker={"execute": "Generating..."}, count={"name": "ane", "regex": "on ane"},
                         expect={"fallback": ["falling back"], "text": ["Preparing"], "count": [{"name": "ane", "min": 1}]})

        def ends(what, *words):
            trial = self.one(case, "-u", f"{runner}:ane", "-s", f"what={what}", *words)
            return trial["outcome"], trial["phase"], trial["counts"]
        self.assertEqual(ends("pass"), ("pass", "done", {"ane": 1}))
        self.assertEqual(ends("fallback"), ("fallback", "done", {"ane": 1}))
        self.assertEqual(ends("crash"), ("crash", "execute", {"ane": 1}))
        self.assertEqual(ends("counts"), ("pass", "done", {"ane": 1, "tokens": 12}))
        trial = self.one(case, "-u", f"{runner}:ane", "-s", "what=fallback")
        self.assertIn("ANECCompileOffline() failed", trial["message"])
        wrong = self.case("wrong", {"generate": ["touch", "{model}"]}, [{"name": "what", "choices": ["pass"]}],
                          expect={"text": ["Loading"], "no_text": ["never"]})
        trial = self.one(wrong, "-u", f"{runner}:ane", status=1)
        self.assertEqual((trial["outcome"], trial["signature"]["title"][:11]), ("error", "expect text"))

    def test_a_counter_tells_of_an_axis(self):
        """What a run counted until it died answers for every number of rounds; what is confirmed is run."""
        for says, more in (("echo round 137", {}), ("echo round 136", {"finished": True})):
            words = f"test {{rounds}} -lt 137 || test {{wide}} = no || {{{{ {says}; kill -SEGV $$; }}}}; echo round {{rounds}}"
            step = {"phase": "execute", "argv": ["sh", "-c", words],
                    "count": {"name": "round", "number": "^round ([0-9]+)", "axis": "rounds", **more}}
            case = self.case("soak", {"steps": [step]}, [{"name": "rounds", "range": [1, 1000]}, {"name": "wide", "choices": ["no", "yes"]}],
                             failing={"rounds": 1000, "wide": "yes"})
            found = json.loads(self.trapline("isolate", case, "--json", status=1).stdout)
            rounds = {t["axis"]: t for t in found["trigger"]}["rounds"]
            self.assertEqual((rounds["value"], rounds["threshold"]), (137, 137))
            run = found["path"]
            counted = [p for p in run if "counted" in p]
            self.assertEqual({p["counted"] for p in counted if p["outcome"] == "match"}, {137})
            self.assertEqual({p["counted"] for p in counted if p["outcome"] == "pass"}, {None})
            told = found["inferred"]
            self.assertEqual((told["axis"], told["count"], told["trials"]), ("rounds", "round", len(counted)))
            self.assertGreater(told["answers"], 5)
            self.assertTrue(all(p["trial"] for p in run))
            self.assertTrue(any(p["variant"]["rounds"] == 136 and p["outcome"] == "pass" for p in run), "its neighbour is run")
            self.assertEqual(found["trials"], len(run))
            self.assertTrue(any(note["code"] == "inferred" for note in found["notes"]))

    def test_a_counter_tells_of_a_band(self):
        """Runs that die somewhere between 100 and 200: the edges are those of the runs, not of the ones that died early."""
        words = ("t=$((100 + $(od -An -N1 -tu1 /dev/urandom) * 100 / 255)); "
                 "test {rounds} -lt $t || {{ echo round $t; kill -SEGV $$; }}; echo round {rounds}")
        step = {"phase": "execute", "argv": ["sh", "-c", words], "count": {"name": "round", "number": "^round ([0-9]+)", "axis": "rounds"}}
        case = self.case("band", {"steps": [step]}, [{"name": "rounds", "range": [1, 1000]}], failing={"rounds": 1000})
        found = json.loads(self.trapline("isolate", case, "--json", status=1).stdout)
        band = found["trigger"][0]["band"]
        self.assertGreaterEqual(band["always"]["value"], 165)
        self.assertLessEqual(band["always"]["value"], 200)
        self.assertLessEqual(band["never"]["value"], 140)
        self.assertGreater(found["inferred"]["answers"], 100)
        self.assertLess(found["trials"], 100)

        def told(value):
            """By all trials of the database, not only those that the search asked for."""
            trials = json.loads(self.trapline("list", "trials", "--json", "--limit", "10000", status=0).stdout)["trials"]
            of = [(t["variant"]["rounds"], self.show(t)["counts"]["round"], t["outcome"] == "pass") for t in trials]
            tells = [not passed and died <= value for own, died, passed in of if not passed or own >= value]
            return {"failed": sum(tells), "runs": len(tells)}
        for said in [band["never"], band["always"], *band["samples"]]:
            self.assertEqual({k: said[k] for k in ("failed", "runs")}, told(said["value"]), said)
        self.assertEqual((band["never"]["failed"], band["always"]["failed"]), (0, band["always"]["runs"]))
        self.assertEqual(found["rate"], [band["always"]["failed"], band["always"]["runs"]])
        report = self.trapline("report", found["finding"], status=0).stdout
        self.assertIn("{} of {}".format(*found["rate"]), report)

    def test_what_is_said_for_people(self):
        axes = [{"name": "n", "choices": [1, 2]}]
        step = {"phase": "compile", "argv": ["sh", "-c", "test {n} = 1 && exit; echo error: no such op >&2; exit 1"],
                "platform": "iOS", "architecture": "h18p", "count": {"name": "ops", "regex": "op"}}
        case = self.case("about", {"steps": [step]}, axes, failing={"n": 2}, notes="First.\n\nSecond.", expected_text="It compiles.",
                         impact="No release.", related=["https://example.org/17"],
                         tried=["another cache\n  \nthat was\nempty\n\n\n", " \n\n", "sleep", "\n\n# One\n\n- two"])
        found = json.loads(self.trapline("isolate", case, "--json", status=1).stdout)
        report = self.trapline("report", found["finding"], status=0).stdout
        for words in ("## Impact", "No release.", "## Notes", "First.", "Second.", "It compiles.", "## Tried, and did not help",
                      "another cache", "## Related", "example.org/17", "step 1 (compile): iOS, h18p", "ops 1"):
            self.assertIn(words, report)
        self.assertIn("- another cache\n\n  that was empty\n- sleep\n- \\# One\n\n  \\- two\n", report)
        page = self.trapline("report", found["finding"], "--format", "html", status=0).stdout
        self.assertIn("<li><p>another cache</p>\n<p>that was empty</p></li>\n<li>sleep</li>\n<li><p># One</p>\n<p>- two</p></li>\n</ul>", page)
        self.assertNotIn("That the model runs, or", report)
        self.assertIn("iOS, h18p", self.trapline("show", found["evidence"]["trial"], status=0).stdout)
        # A remark more asks nothing anew.
        case = self.case("about", {"steps": [step]}, axes, failing={"n": 2}, notes="Another.")
        again = json.loads(self.trapline("isolate", case, "--json", status=1).stdout)
        self.assertGreater(again["cached"], 0)


if __name__ == "__main__":
    unittest.main()
