"""Isolation as a user sees it: the published failures of the simulated runtime, what the document holds, what survives
being killed, budgets, and a crash of real builds of ONNX Runtime whose trigger is known.

TRAPLINE_REQUIRE_BUILDS=1 makes it a failure that builds of ONNX Runtime are not here."""
import collections
import contextlib
import json
import os
import re
import signal
import sqlite3
import time
import unittest

from program import HERE, MISBEHAVE, PATIENCE, ProgramTest
from published import PUBLISHED

ROOT = os.path.dirname(os.path.dirname(HERE))
SEEDS = os.path.join(ROOT, "cases", "seeds")
GQA = os.path.join(ROOT, "cases", "onnxruntime", "decoder-gqa-begin.json")
LAYERS = [{"name": "layers", "range": [1, 9]}, {"name": "kv_write", "choices": ["concat", "scatter"]},
          {"name": "begin_index", "choices": ["none", "tensor"]}]


def seed(name):
    return os.path.join(SEEDS, name + ".json")


def answer(d):
    """What a search found, without what names single trials or says when it was."""
    pairs = [{k: v for k, v in p.items() if not k.endswith("_trial")} for p in d["decisive"]]
    keep = ("reproduced", "complete", "outcome", "signal", "phase", "signature", "minimal", "trigger", "reset",
            "independent", "needs", "or", "match", "joint", "generalises", "rate", "flaky", "notes", "trials", "search_trials")
    return {**{k: d[k] for k in keep}, "decisive": pairs,
            "others": [(o["signature"], o["variant"]) for o in d["others"]]}


class IsolateTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env.pop("TRAPLINE_PROFILES", None)

    def isolate(self, *arguments, status=1):
        done = self.trapline("isolate", *arguments, "--json", status=status)
        try:
            return json.loads(done.stdout)
        except ValueError:
            self.fail(f"not one JSON document: {done.stdout!r} {done.stderr!r}")

    def profile(self, *rules):
        self.write("mine.json", json.dumps({"trapline_profile": 1, "name": "mine", "rules": list(rules)}))
        self.env["TRAPLINE_PROFILES"] = self.directory

    def deep(self, **more):
        """A case that fails from five layers on."""
        self.profile({"name": "deep", "phase": "execute", "when": {"axis": "layers", "at_least": 5}, "signal": "SIGSEGV"})
        return self.case("deep", {"family": "decoder"}, LAYERS, **more)

    def finished(self, path=None):
        """How many trials of each variant are in the database, without those that were cut off."""
        path = path or self.db
        if not os.path.exists(path):
            return collections.Counter()
        database = sqlite3.connect(path, timeout=60)
        try:
            rows = database.execute("SELECT variant_hash, count(*) FROM trial WHERE outcome <> 'lost' GROUP BY 1").fetchall()
        except sqlite3.OperationalError:  # it is being made
            rows = []
        finally:
            database.close()
        return collections.Counter(dict(rows))

    def trigger(self, d):
        return {t["axis"]: t["value"] for t in d["trigger"]}

    def begin(self, n, *arguments):
        """An isolation in the background that has stored at least n trials and goes on."""
        child = self.start("isolate", *arguments)
        patience = time.monotonic() + PATIENCE
        while self.finished().total() < n and child.poll() is None and time.monotonic() < patience:
            time.sleep(0.01)
        self.assertIsNone(child.poll(), "it should still be at work")
        return child


class PublishedTest(IsolateTest):
    def published(self, name):
        trigger, fails = PUBLISHED[name]
        with open(seed(name), encoding="utf-8") as f:
            case = json.load(f)
        ordered = {a["name"] for a in case["axes"] if "choices" not in a}
        baseline = {a["name"]: a["range"][0] if "range" in a else (a.get("ordered") or a["choices"])[0]
                    for a in case["axes"]}
        for device, (outcome, phase, sig) in fails.items():
            with self.subTest(device=device):
                d = self.isolate(seed(name), "-u", f"sim@26A5353q:{device}")
                self.assertEqual((d["outcome"], d["phase"], d["signal"]), (outcome, phase, sig))
                self.assertTrue(d["reproduced"] and d["complete"])
                self.assertFalse(d["flaky"])
                self.assertEqual(self.trigger(d), trigger)
                self.assertEqual(d["minimal"], {**baseline, **trigger})
                self.assertEqual(d["generalises"], {"held": [8, 8], "broken": [0, 8]})
                told = [p["outcome"] for p in d["path"] if p["variant"] == d["minimal"]]
                self.assertEqual(d["rate"], [told.count("match"), len(told)])
                self.assertTrue(d["rate"][0] == d["rate"][1] >= 5, d["rate"])
                self.assertEqual(d["joint"], [])
                moved = {a for a in baseline if case["failing"].get(a, baseline[a]) != baseline[a]}
                free = d["independent"] + d["reset"]
                self.assertEqual(len(free), len(set(free)))
                self.assertLessEqual(moved - set(trigger), set(free))
                self.assertFalse(set(trigger) & set(free))
                self.assertEqual((d["needs"], d["or"]), ([], []))
                for t in d["trigger"]:
                    self.assertIn(t["value"], t["fails_with"])
                    self.assertEqual("threshold" in t, t["axis"] in ordered)
                # Each part of the trigger has its own pair, which differs in nothing else.
                self.assertEqual({p["axis"] for p in d["decisive"]}, set(trigger))
                for p in d["decisive"]:
                    self.assertEqual({a for a in baseline if p["fails"][a] != p["passes"][a]}, {p["axis"]})
                    self.assertEqual(p["fails"], d["minimal"])
        return d

    def test_kv_write(self):
        d = self.published("kv-write")
        self.assertEqual(d["trigger"][0]["passes_with"], ["none", "constant", "shape"])

    def test_int4_ane(self):
        d = self.published("int4-ane")
        self.assertEqual(d["trigger"][0]["passes_with"], ["fp32", "fp16", "int8", "int4_codebook"])
        self.assertIn("block_size", d["independent"] + d["reset"])

    def test_scratch_heap(self):
        d = self.published("scratch-heap")
        self.assertEqual({t["axis"]: t["threshold"] for t in d["trigger"]}, {"layers": 6, "heads": 16, "full_head_dim": 512})
        self.assertLessEqual({"kv_padding", "kv_contiguous", "attention", "weights"}, set(d["independent"]))
        below = {t["axis"]: t["passes_with"] for t in d["trigger"]}
        self.assertTrue(5 in below["layers"] and 8 in below["heads"] and 256 in below["full_head_dim"])

    def test_aot_load(self):
        self.published("aot-load")

    def test_sdpa_export(self):
        self.published("sdpa-export")

    def test_multi_mask(self):
        self.published("multi-mask")

    def test_elsewhere_they_pass(self):
        for name, device in (("kv-write", "cpu"), ("int4-ane", "gpu"), ("aot-load", "iphone-gpu")):
            with self.subTest(case=name):
                d = self.isolate(seed(name), "-u", f"sim@26A5353q:{device}", status=0)
                self.assertFalse(d["reproduced"])
                self.assertEqual(d["trigger"], [])
                self.assertEqual(d["rate"][0], 0)


class DocumentTest(IsolateTest):
    FIELDS = {"finding": str, "case": str, "unit": str, "complete": bool, "outcome": str, "signal": str, "phase": str,
              "signature": dict, "minimal": dict, "trigger": list, "independent": list, "reset": list,
              "needs": list, "or": list, "places": list, "match": str, "decisive": list, "generalises": dict,
              "rate": list, "trials": int, "search_trials": int, "cached": int, "elapsed_s": float, "others": list}

    def test_every_field(self):
        d = self.isolate(os.path.join(ROOT, "cases", "selftest", "threshold.json"), "-u", "selftest:cpu")
        for name, kind in self.FIELDS.items():
            self.assertIsInstance(d.get(name), kind, name)
        self.assertRegex(d["finding"], r"^[0-9a-f]{8}-[0-9a-f]{4}-7")
        self.assertEqual((d["case"], d["unit"]), ("threshold", "selftest:cpu"))
        self.assertEqual(set(d["minimal"]), {a["name"] for a in d["axes"]})
        self.assertTrue(d["signature"]["id"] and d["signature"]["title"])
        layers = [t for t in d["trigger"] if t["axis"] == "layers"][0]
        self.assertEqual((layers["value"], layers["threshold"]), (17, 17))
        self.assertTrue(min(layers["fails_with"]) == 17 and max(layers["passes_with"]) == 16)
        for p in d["decisive"]:
            self.assertEqual((set(p["fails"]), set(p["passes"])), (set(d["minimal"]), set(d["minimal"])))
        for other in d["others"]:
            self.assertTrue(other["signature"] and set(other["variant"]) == set(d["minimal"]))
        self.assertEqual([len(d["generalises"][k]) for k in ("held", "broken")], [2, 2])
        self.assertLess(d["search_trials"], d["trials"])
        self.assertEqual(d["cached"], 0)
        self.assertEqual(self.finished().total(), d["trials"])
        # What was printed is what is kept.
        kept = self.listed("findings")["findings"]
        self.assertEqual([f["finding"] for f in kept], [d["finding"]])
        self.assertEqual(answer(kept[0]), answer(d))

    def test_one_failure_at_two_places(self):
        """A null read of the main thread has another stack: the axis that chooses the thread is no trigger."""
        case = os.path.join(ROOT, "cases", "selftest", "threshold.json")
        d = self.isolate(case, "-u", "selftest:cpu")
        self.assertEqual((d["match"], set(self.trigger(d))), ("wide", {"behaviour", "layers"}))
        self.assertEqual({t["axis"] for t in d["strict"]["trigger"]}, {"behaviour", "layers", "thread"})
        self.assertEqual(d["strict"]["minimal"]["thread"], "other")
        self.assertIn("thread", d["independent"])
        self.assertEqual(len({p["signature"] for p in d["places"]}), 2)
        self.assertEqual(d["others"], [])
        for other in d["places"]:
            self.assertTrue(other["title"] and other["trial"] and set(other["variant"]) == set(d["minimal"]))
        # By signature alone it is another failure, and so when one signature is asked for.
        first = next(p for p in d["places"] if p["variant"]["thread"] == "other")["signature"]
        for how in (("--match", "strict"), ("--signature", first)):
            s = self.isolate(case, "-u", "selftest:cpu", *how)
            self.assertEqual((s["match"], set(self.trigger(s))), ("strict", {"behaviour", "layers", "thread"}))
            self.assertTrue(s["others"] and len(s["places"]) == 1 and "strict" not in s)
            for other in s["others"]:
                self.assertTrue(other["signature"] and set(other["variant"]) == set(s["minimal"]))
        w = self.isolate(case, "-u", "selftest:cpu", "--signature", first, "--match", "wide")
        self.assertEqual((w["match"], set(self.trigger(w))), ("wide", {"behaviour", "layers"}))


class ContinueTest(IsolateTest):
    COMMAND = (seed("int4-ane"), "-u", "sim@26A5353q:ane")

    def undisturbed(self):
        """The answer and the trials of a run that nobody disturbs, in another database."""
        mine, self.db = self.db, self.path("undisturbed.db")
        d = self.isolate(*self.COMMAND)
        trials, self.db = self.finished(), mine
        self.assertEqual(trials.total(), d["trials"])
        return answer(d), trials

    def assert_run_once(self, trials, tried):
        """All that it takes was run, and nothing twice but what tries whether stored trials still hold."""
        now = self.finished()
        self.assertFalse(trials - now)
        self.assertLessEqual((now - trials).total(), tried, "a finished trial was run again")

    def test_killed(self):
        whole, trials = self.undisturbed()
        child = self.begin(12, *self.COMMAND)
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=60)
        before = self.finished()
        self.assertTrue(12 <= before.total() < trials.total(), before.total())
        d = self.isolate(*self.COMMAND)
        self.assertEqual(answer(d), whole)
        self.assert_run_once(trials, 1)
        self.assertEqual(d["cached"], before.total())
        # Asking again costs two trials.
        once = self.finished()
        d = self.isolate(*self.COMMAND)
        self.assertEqual(answer(d), whole)
        self.assertEqual(d["cached"], d["trials"])
        self.assertEqual((self.finished() - once).total(), 2)

    def test_killed_over_and_over(self):
        whole, trials = self.undisturbed()
        for n in (5, 20, 40):
            child = self.begin(n, *self.COMMAND)
            child.send_signal(signal.SIGKILL)
            child.communicate(timeout=60)
        self.assertEqual(answer(self.isolate(*self.COMMAND)), whole)
        self.assert_run_once(trials, 3 + 2)  # each time that it was gone on with, and at the end

    def test_interrupted(self):
        whole, trials = self.undisturbed()
        child = self.begin(12, *self.COMMAND)
        child.send_signal(signal.SIGINT)
        out, err = (text.decode() for text in child.communicate(timeout=60))
        self.assertEqual(child.returncode, 130, out + err)
        self.assertIn("crash in compile, SIGSEGV", out)
        self.assertIn("minimal variant so far:", out)
        self.assertLess(self.finished().total(), trials.total())
        d = self.isolate(*self.COMMAND)
        self.assertEqual(answer(d), whole)
        self.assertGreaterEqual(d["cached"], 12)

    def test_no_cache(self):
        case = self.deep(failing={"layers": 9})
        first = self.isolate(case, "-u", "sim@mine:cpu")
        again = self.isolate(case, "-u", "sim@mine:cpu", "--no-cache")
        self.assertEqual(again["cached"], 0)
        self.assertEqual(answer(again), answer(first))
        # The failure that is to be isolated is looked at beforehand, which the search then cannot use.
        self.assertGreaterEqual(self.finished().total(), first["trials"] + again["trials"])


class EdgesTest(IsolateTest):
    def test_does_not_fail(self):
        case = self.deep(failing={"layers": 4, "kv_write": "scatter"})
        d = self.isolate(case, "-u", "sim@mine:cpu", status=0)
        self.assertFalse(d["reproduced"])
        self.assertEqual(d["rate"][0], 0)
        self.assertIn("not-reproduced", [n["code"] for n in d["notes"]])
        out = self.trapline("isolate", case, "-u", "sim@mine:cpu", status=0).stdout
        self.assertTrue(out.startswith("not reproduced on sim@mine:cpu\n  variant: kv_write=scatter layers=4\n"), out)

    def test_cannot_be_tried(self):
        """That is no run that passed, and nothing is kept of it; why it is so is said."""
        case = self.deep(failing={"layers": 9})
        self.trapline("run", case, "-u", "sim@mine:cpu", status=1)
        done = self.trapline("isolate", case, "-u", "sim@nosuch:cpu", status=2)
        self.assertIn("nosuch", done.stderr)
        lacks = self.python_runner("lacks.py", {"name": "lacks", "axes": [], "serve": False}, """
say({"unsupported": "no such operator"})
""")
        d = self.isolate(case, "-u", lacks + ":cpu", status=2)
        self.assertEqual((d["finding"], d["reproduced"], d["rate"]), (None, False, [0, 0]))
        self.assertEqual([n["code"] for n in d["notes"]], ["failing-unsupported"])
        self.assertEqual(self.listed("findings")["findings"], [])

    def test_baseline_fails_too(self):
        self.profile({"name": "always", "phase": "load", "signal": "SIGBUS"})
        case = self.case("always", {"family": "decoder"}, LAYERS, failing={"layers": 9, "kv_write": "scatter"})
        d = self.isolate(case, "-u", "sim@mine:cpu")
        self.assertTrue(d["reproduced"] and d["complete"])
        self.assertEqual(d["minimal"], {"layers": 1, "kv_write": "concat", "begin_index": "none"})
        self.assertEqual((d["trigger"], d["decisive"]), ([], []))
        self.assertEqual((d["outcome"], d["signal"], d["phase"]), ("crash", "SIGBUS", "load"))
        out = self.trapline("isolate", case, "-u", "sim@mine:cpu", status=1).stdout
        held = d["generalises"]["held"]
        self.assertIn(f"  with every axis at random: fails {held[0]} of {held[1]}\n", out)

    def test_unsupported_neighbours(self):
        runner = self.python_runner("picky.py", {"name": "picky", "axes": [], "serve": False}, """
v = request["variant"]
say({"phase": "execute"})
if v["n"] % 3 == 0 or v["how"] == "never":
    say({"unsupported": "not this one"})
elif v["n"] >= 13 and v["how"] == "bad":
    os.abort()
else:
    say({"result": {"outputs": []}})
""")
        self.write("model.bin", "anything")
        axes = [{"name": "n", "range": [1, 40]}, {"name": "how", "choices": ["good", "never", "bad"]},
                {"name": "other", "choices": [0, 1]}]
        case = self.case("picky", {"file": "model.bin"}, axes, failing={"n": 40, "how": "bad", "other": 1})
        d = self.isolate(case, "-u", runner + ":cpu")
        self.assertTrue(d["complete"])
        self.assertEqual(self.trigger(d), {"n": 13, "how": "bad"})
        self.assertEqual(d["minimal"], {"n": 13, "how": "bad", "other": 0})
        n, how = d["trigger"]
        self.assertFalse([v for v in n["fails_with"] + n["passes_with"] if v % 3 == 0], "these cannot be tried")
        self.assertIn(11, n["passes_with"])
        self.assertEqual((how["fails_with"], how["passes_with"]), (["bad"], ["good"]))

    def test_forbidden_is_not_tried(self):
        case = self.deep(failing={"layers": 9}, forbid=[{"layers": 4}, {"layers": 6}])
        d = self.isolate(case, "-u", "sim@mine:cpu")
        self.assertEqual(d["minimal"]["layers"], 5)
        layers = d["trigger"][0]
        self.assertFalse({4, 6} & set(layers["fails_with"] + layers["passes_with"]))
        self.assertEqual(self.listed("trials", "--outcome", "unsupported")["trials"], [])

    def test_budget(self):
        case = self.deep(failing={"layers": 9, "kv_write": "scatter", "begin_index": "tensor"})
        d = self.isolate(case, "-u", "sim@mine:cpu", "--max-trials", "6")
        self.assertTrue(d["reproduced"])
        self.assertFalse(d["complete"])
        self.assertIn("budget", [n["code"] for n in d["notes"]])
        self.assertLessEqual(self.finished().total(), 6)
        self.assertEqual(d["minimal"]["layers"], 9)
        out = self.trapline("isolate", case, "-u", "sim@mine:cpu", "--max-trials", "3", "--no-cache", status=1).stdout
        self.assertIn("no simpler value of it was tried yet", out)
        self.assertNotIn("could be tried", out)
        out = self.trapline("isolate", case, "-u", "sim@mine:cpu", "--max-trials", "6", status=1).stdout
        self.assertIn("minimal variant so far", out)
        d = self.isolate(case, "-u", "sim@mine:cpu")
        self.assertTrue(d["complete"])
        self.assertEqual(self.trigger(d), {"layers": 5})

    def test_small_budget(self):
        """Also the runs that only find out which failure is meant count; the first of them is made alone."""
        steps = [{"phase": "compile", "argv": ["sh", "-c", "sleep 0.3; kill -SEGV $$"]}]
        case = self.case("slow", {"steps": steps}, [{"name": "n", "range": [1, 9]}], failing={"n": 9})
        for n in 1, 2:
            self.db = os.path.join(self.directory, f"budget-{n}.db")
            d = self.isolate(case, "--max-trials", str(n), "-j", "4")
            self.assertEqual((d["trials"], self.finished().total(), d["complete"]), (n, n, False))
            self.assertGreater(d["elapsed_s"], 0.25 * n)

    def test_time(self):
        d = self.isolate(seed("int4-ane"), "-u", "sim@26A5353q:ane", "--max-time", "1")
        self.assertFalse(d["complete"])
        said = {n["code"]: n["text"] for n in d["notes"]}
        self.assertNotIn("--max-trials", said["budget"], "it was not the number of trials that was used up")
        self.assertLess(d["elapsed_s"], 10)

    def test_boundary_over_axes_that_fall(self):
        """Its corners are said and drawn by their place in the axis; one axis at its simplest has none before it."""
        tool = self.python("tool.py", "a, b = int(sys.argv[1]), int(sys.argv[2])\n"
                                      "if a <= 20 and b >= 5 or a <= 10:\n    os.abort()\n")
        case = self.case("fall", {"steps": [{"phase": "compile", "argv": [tool, "{a}", "{b}"]}]},
                         [{"name": "a", "range": [64, 0]}, {"name": "b", "range": [1, 30]}], failing={"a": 0, "b": 30})
        d = self.isolate(case, "--frontier", "a,b")
        self.assertTrue(d["complete"])
        self.assertIsNone(d["minimal"])
        self.assertEqual([(c["a"], c["b"]) for c in d["frontier"]["corners"]], [(20, 5), (10, 1)])
        self.assertTrue(d["evidence"]["trial"])
        lines = self.trapline("isolate", case, "--frontier", "a,b", status=1).stdout.splitlines()
        self.assertIn("    a=20 b=5 fails; with either one step simpler it does not in this way", lines)
        self.assertIn("    a=10 b=1 fails; with a one step simpler it does not in this way", lines)
        drawn = next(i for i, line in enumerate(lines) if "a to the right from 25 to 0" in line)
        row = {line.split()[0]: line.split()[1] for line in lines[drawn + 1:drawn + 21]}
        self.assertEqual((row["30"].index("#"), row["1"].index("#")), (12, 37))
        report = self.trapline("report", d["finding"], status=0).stdout
        self.assertIn("SIGABRT in tool.py:5 beyond a boundary over a and b", report)
        self.trapline("report", d["finding"], "--bundle", os.path.join(self.directory, "bundle"), status=0)
        with open(os.path.join(self.directory, "bundle", "case.json"), encoding="utf-8") as f:
            minimal = json.load(f)
        self.assertEqual([a["range"] for a in minimal["axes"]], [[64, 0], [1, 30]])
        self.assertEqual(minimal["failing"], {"a": 0, "b": 30})

    def test_several_units(self):
        units = [w for d in ("gpu", "ane", "iphone-gpu") for w in ("-u", f"sim@26A5353q:{d}")]
        found = self.isolate(seed("kv-write"), *units)["findings"]
        self.assertEqual([(d["unit"], d["reproduced"], d["signal"]) for d in found],
                         [("sim@26A5353q:gpu", True, "SIGTRAP"), ("sim@26A5353q:ane", False, None),
                          ("sim@26A5353q:iphone-gpu", True, "SIGSEGV")])
        for d in found[0], found[2]:
            self.assertEqual(self.trigger(d), {"begin_index": "tensor"})
        out = self.trapline("isolate", seed("kv-write"), *units, status=1).stdout
        self.assertEqual(re.findall(r"^  minimal variant: (.*)$", out, re.M), ["begin_index=tensor"] * 2)

    def test_sweep_finds_a_failing_variant(self):
        case = self.deep()
        done = self.trapline("isolate", case, "-u", "sim@mine:cpu", "--json", status=1)
        self.assertIn("no failing variant is given", done.stderr)
        d = json.loads(done.stdout)
        self.assertTrue(d["complete"])
        self.assertEqual(self.trigger(d), {"layers": 5})

    def test_sweep_finds_nothing(self):
        self.profile()
        case = self.case("fine", {"family": "decoder"}, LAYERS)
        d = self.isolate(case, "-u", "sim@mine:cpu", status=0)
        self.assertFalse(d["reproduced"])
        done = self.trapline("isolate", case, "-u", "sim@mine:cpu", status=0)
        rows = int(re.search(r"looking for one among (\d+) variants", done.stderr)[1])
        self.assertRegex(done.stdout, rf"^nothing failed in \d+ of the {rows} variants")
        done = self.trapline("isolate", case, "-u", "sim@mine:cpu", "--max-trials", "2", status=0)
        self.assertIn(f"among the first 2 of {rows} variants", done.stderr)
        self.assertIn(f"nothing failed in 2 of the {rows} variants", done.stdout)

    def test_a_unit_that_can_try_nothing_of_it(self):
        """What is not known of one unit is said, and hides nothing of another one."""
        both = ("isolate", MISBEHAVE, "-u", "selftest:cpu", "-u", "reference:cpu")
        done = self.trapline(*both, "-s", "behaviour=pass", status=2)
        self.assertIn("a part of it could not be tried or judged", done.stderr)
        done = self.trapline(*both, "-s", "behaviour=null_read", status=1)
        self.assertIn("it cannot be tried", done.stdout)
        self.assertNotIn("tried", done.stderr)

    def test_without_axes(self):
        """There is one variant, and nothing to look for."""
        case = self.case("bare", {"steps": [{"phase": "compile", "argv": ["sh", "-c", "kill -SEGV $$"]}]}, [])
        d = self.isolate(case)
        self.assertEqual((d["reproduced"], d["signal"], d["minimal"]), (True, "SIGSEGV", {}))

    def test_set_axes(self):
        case = self.deep(failing={"layers": 9})
        d = self.isolate(case, "-u", "sim@mine:cpu", "-s", "layers=7")
        self.assertEqual(d["failing"]["layers"], 7)
        self.assertEqual(self.trigger(d), {"layers": 5})

    def test_refused(self):
        for words in (("-s", "nosuch=1"), ("-s", "thread=nosuch"), ("--max-trials", "0"), ("--max-time", "soon"),
                      ("--over", "moon"), ("--frontier", "thread")):
            with self.subTest(words=words):
                done = self.trapline("isolate", MISBEHAVE, "-u", "selftest:cpu", *words, status=2)
                self.assertEqual(done.stdout, "")
                self.assertIn("trapline:", done.stderr)


class RealTest(IsolateTest):
    """Truth that was measured without trapline; see docs/known-failures.md."""

    def setUp(self):
        super().setUp()
        self.need_builds("1.22.0", required=True)
        self.use_builds()
        self.builds = [b["version"] for b in self.listed("builds")["builds"] if b["runner"] == "onnxruntime"]

    def test_gqa_begin(self):
        d = self.isolate(GQA, "-u", "onnxruntime@1.22.0:cpu")
        self.assertTrue(d["complete"])
        self.assertEqual((d["outcome"], d["signal"], d["phase"]), ("crash", "SIGSEGV", "execute"))
        self.assertEqual(self.trigger(d), {"attention": "gqa", "begin_error": 1000000})
        self.assertEqual(d["generalises"], {"held": [8, 8], "broken": [0, 8]})
        self.assertLessEqual(d["search_trials"], 20)
        self.assertLessEqual(d["trials"], 60)

    def test_gqa_begin_in_some_runs(self):
        """It crashes in 50 to 70 % of the runs: the axes are right all the same, and the rate is told."""
        d = self.isolate(os.path.join(os.path.dirname(GQA), "decoder-gqa-begin-rate.json"), "-u", "onnxruntime@1.22.0:cpu")
        self.assertTrue(d["complete"] and d["flaky"])
        self.assertEqual((d["outcome"], d["signal"]), ("crash", "SIGSEGV"))
        self.assertEqual(self.trigger(d), {"attention": "gqa", "begin_error": 10000})
        low, high = d["rate_interval"]
        self.assertTrue(0.05 < low < d["rate"][0] / d["rate"][1] < high < 1, d["rate"])

    def test_gqa_begin_band(self):
        """Over all lengths the threshold is a band, and no number is given for it."""
        d = self.isolate(os.path.join(os.path.dirname(GQA), "decoder-gqa-begin-flaky.json"), "-u",
                         "onnxruntime@1.22.0:cpu")
        self.assertTrue(d["complete"])
        self.assertEqual(set(self.trigger(d)), {"attention", "begin_error"})
        found = next(t for t in d["trigger"] if t["axis"] == "begin_error")
        self.assertNotIn("threshold", found)
        never, always = found["band"]["never"], found["band"]["always"]
        self.assertEqual(never["failed"], 0)
        self.assertLess(never["value"], always["value"])
        for edge in never, always:
            self.assertGreaterEqual(edge["runs"], 16)
            low, high = edge["interval"]
            self.assertTrue(low <= edge["failed"] / edge["runs"] <= high and high - low < 0.5, edge)
        self.assertIn("band", [n["code"] for n in d["notes"]])

    def test_over_build(self):
        d = self.isolate(GQA, "-u", "onnxruntime@1.22.0:cpu", "--over", "build")
        order = sorted((v for v in self.builds if "-" not in v), key=lambda v: [int(n) for n in v.split(".")])
        bad = [v for v in order if [1, 18] <= [int(n) for n in v.split(".")] < [1, 26]]
        after = [v for v in order if [int(n) for n in v.split(".")] >= [1, 26]]
        self.assertEqual(d["kind"], "builds")
        self.assertEqual(len(d["builds"]["ranges"]), 1, d["builds"])
        found = d["builds"]["ranges"][0]
        self.assertEqual((found["first_bad"], found["last_bad"]), (bad[0], bad[-1]))
        self.assertEqual(found.get("fixed"), after[0] if after else None)
        self.assertGreater(min(found["confidence_before"], found["confidence_after"]), 0.99)
        # The same range as everywhere else: both ends, and what begins with them.
        if len(bad) > 1 and after:
            low, high = bad[-1].rsplit(".", 1)[0], after[0].rsplit(".", 1)[0]
            d = self.isolate(GQA, "-u", f"onnxruntime@{low}..{high}:cpu", "--over", "build")
            within = [v for v in order if low.split(".") <= v.split(".")[:2] <= high.split(".")]
            self.assertEqual(d["builds"]["list"], within)
            self.assertEqual(d["builds"]["ranges"][0]["fixed"], after[0])
            d = self.isolate(GQA, "-u", f"onnxruntime@{after[0]},{bad[-1]}:cpu", "--over", "build")
            self.assertEqual(d["builds"]["list"], [bad[-1], after[0]])
        done = self.trapline("isolate", GQA, "-u", "onnxruntime@1.22.99:cpu", "--over", "build", status=2)
        self.assertIn("builds fetch onnxruntime@1.22.99", done.stderr)
        for range, said in (("1.30..1.29", "from the older"), ("0.1..0.2", "builds fetch onnxruntime@0.1..0.2"),
                            ("..", "on one side"), ("1.22.0..1.22.0", "only 1.22.0")):
            done = self.trapline("isolate", GQA, "-u", f"onnxruntime@{range}:cpu", "--over", "build", status=2)
            self.assertIn(said, done.stderr)
        # Older builds refuse the model in words: another failure, and no bad build.
        if order[0] != bad[0]:
            self.assertEqual({o["outcome"] for o in d["others"]}, {"error"})
        # What is said of a build is confirmed as a finding is: by processes of their own.
        with contextlib.closing(sqlite3.connect(self.db)) as database:
            self.assertEqual(database.execute("SELECT count(*) FROM trial WHERE fresh = 0").fetchone(), (0,))


if __name__ == "__main__":
    unittest.main()
