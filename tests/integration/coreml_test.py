"""The Core ML runner, its generator and its cases over fakes of coremltools and of Swift (tests/fakes/coreml): nothing here says
anything about Core ML itself. It takes a Python with NumPy."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

from program import HERE, SANITIZED, ProgramTest

ROOT = os.path.dirname(os.path.dirname(HERE))
CASES = os.path.join(ROOT, "cases", "coreml")
CASE = os.path.join(CASES, "multi-mask.json")
SWIFT = os.path.join(CASES, "multi-mask-swift.json")
GENERATOR = os.path.join(ROOT, "runners", "coreml", "export_masks.py")
DEVICES = ("cpu", "gpu", "ane", "all")


def python_with_numpy():
    for python in (sys.executable, "/usr/bin/python3"):
        if os.access(python, os.X_OK) and not subprocess.run([python, "-c", "import numpy"], capture_output=True).returncode:
            return python
    return None


PYTHON = python_with_numpy()


@unittest.skipUnless(PYTHON and os.environ.get("FAKE_COREML"), "needs a Python with NumPy, and Linux")
class CoreMLTest(ProgramTest):
    @classmethod
    def setUpClass(cls):
        # One for all tests: NumPy takes seconds to compile.
        made = tempfile.TemporaryDirectory(prefix="trapline-test-")
        cls.addClassCleanup(made.cleanup)
        cls.bytecode = made.name

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("bin"))
        os.symlink(PYTHON, self.path("bin", "python3"))
        fakes = os.environ["FAKE_COREML"]
        os.symlink(os.path.join(fakes, "bin", "swift"), self.path("bin", "swift"))
        self.env.update(PATH=self.path("bin") + ":" + self.env["PATH"], PYTHONPATH=os.path.join(fakes, "python"),
                        PYTHONPYCACHEPREFIX=self.bytecode)
        for name in ("TRAPLINE_PYTHON", "PYTHONDONTWRITEBYTECODE"):
            self.env.pop(name, None)

    def ends(self, case, *arguments, device="cpu", outcome="pass"):
        trial = self.one(case, "-u", f"coreml:{device}", *arguments)
        self.assertEqual(trial["outcome"], outcome, trial)
        return trial

    @staticmethod
    def but(case, **changes):
        """Arguments for the failing variant of a case with some values changed."""
        with open(case, encoding="utf-8") as file:
            variant = {**json.load(file)["failing"], **changes}
        return [part for axis, value in variant.items() for part in ("-s", f"{axis}={json.dumps(value).strip(chr(34))}")]

    def small(self, *options, axes=(), **more):
        """A case of the generator with a few options fixed."""
        named = [f"--{axis['name'].replace('_', '-')}={{{axis['name']}}}" for axis in axes if axis["name"] != "runs"]
        return self.case("small", {"generate": [GENERATOR, "{model}", "--inputs", "{inputs}", *options, *named]}, axes, **more)

    def test_several_masks(self):
        """What a library passes that knows one mask is refused by each device, and by none when one thing is another."""
        trials = self.trials(CASE, *self.but(CASE, layers=2), *(part for device in DEVICES for part in ("-u", f"coreml:{device}")))
        self.assertEqual({trial["unit"]: (trial["outcome"], trial["phase"], trial["message"]) for trial in trials},
                         {f"coreml:{device}": ("error", "execute", "Feature slidingMask is required but not specified.")
                          for device in DEVICES})
        self.ends(CASE, *self.but(CASE, layers=2, masks="one"), device="ane")
        self.ends(CASE, *self.but(CASE, layers=2, attention="full"), device="gpu")

    def test_several_masks_isolated(self):
        axes = [{"name": "masks", "choices": ["one", "two"]}, {"name": "attention", "choices": ["full", "full+sliding"]},
                {"name": "layers", "ordered": [2, 4]}]
        failing = {"masks": "two", "attention": "full+sliding", "layers": 4}
        case = self.small("--feeds=library", axes=axes, failing=failing)
        found = json.loads(self.trapline("isolate", case, "-u", "coreml:ane", "--json", "-j2", status=1).stdout)
        self.assertTrue(found["complete"], found)
        self.assertEqual({each["axis"]: each["value"] for each in found["trigger"]}, {"masks": "two", "attention": "full+sliding"})
        self.assertEqual((found["outcome"], found["phase"], found["minimal"]["layers"]), ("error", "execute", 2))

    def test_masks_made_in_the_graph(self):
        """Two of them are another failure, before anything is executed; one is not."""
        axes = [{"name": "masks", "choices": ["two", "one"]}, {"name": "attention", "choices": ["full+sliding", "full"]}]
        case = self.small("--masks-in-graph=true", axes=axes)
        trial = self.ends(case, device="gpu", outcome="error")
        self.assertEqual(trial["phase"], "compile")
        self.assertIn("perm tensor length must equal input tensor rank", trial["signature"]["title"])
        for axis in ("masks=one", "attention=full"):
            self.ends(case, "-s", axis, device="gpu")

    def test_a_death_after_many_predictions(self):
        """The palettised model with a state dies in native code on the Neural Engine; the same on a GPU does not."""
        axes = [{"name": "runs", "ordered": [1, 128, 129]}]
        case = self.small("--weights=palette4", "--state=true", axes=axes)
        trial = self.ends(case, "-s", "runs=129", device="ane", outcome="crash")
        self.assertEqual((trial["signal"], trial["phase"]), ("SIGSEGV", "execute"))
        self.assertIn("Espresso::ANERuntimeEngine::kernel_predict", trial["signature"]["title"])
        self.assertIn("predict 129", json.dumps(self.show(trial)))
        self.ends(case, "-s", "runs=128", device="ane")
        self.ends(case, "-s", "runs=129", device="gpu")

    def test_where_it_ran(self):
        """A model that the Neural Engine does not take runs elsewhere without a word, and that is seen."""
        for options in (["--weights=int4_block"], ["--precision=fp32"]):
            case = self.small(*options)
            trial = self.ends(case, device="ane", outcome="fallback")
            self.assertIn("ran on cpu, not on ane", trial["signature"]["title"])
        self.ends(case, device="all")

    def test_outputs_are_compared(self):
        """With the masks that the model wants, both kinds of attention are the same on all devices, and a state changes nothing."""
        axes = [{"name": "sdpa", "choices": ["parts", "op"]}, {"name": "state", "choices": [False, True]}]
        case = self.small("--masks=two", "--attention=full+sliding", "--query=4", "--heads=2", axes=axes,
                          reference={"unit": "coreml:cpu", "with": {"sdpa": "parts", "state": False}, "tolerance": 0.01})
        self.ends(case, "-s", "sdpa=op", "-s", "state=true", device="ane")
        windows = self.small("--masks=two", "--attention=full+sliding", "--query=8", axes=[{"name": "window", "ordered": [1, 8]}],
                             reference={"unit": "coreml:cpu", "with": {"window": 8}, "tolerance": 0.001})
        self.ends(windows, "-s", "window=1", outcome="wrong")

    def test_a_generator_refuses(self):
        trial = self.ends(self.small("--query=64"), outcome="unsupported")
        self.assertIn("does not fit a context of 32", trial["message"])
        self.env["PYTHONPATH"] = ""
        done = self.trapline("run", self.small("--query=2"), "-u", "coreml:cpu", status=2)
        self.assertIn("coremltools", done.stdout + done.stderr)

    def test_units(self):
        listed = json.dumps(self.listed("units"))
        for device in DEVICES:
            self.assertIn(f"coreml:{device}", listed)
        self.env["PYTHONPATH"] = ""
        self.assertIn("has no package coremltools", json.dumps(self.listed("units")))

    def test_swift(self):
        """The program that passes one mask refuses the model after loading it; it dies where Core ML does."""
        def run(outcome, phase, **changes):
            trial = self.one(SWIFT, "-u", "command:host", *self.but(SWIFT, layers=2, **changes))
            self.assertEqual((trial["outcome"], trial["phase"]), (outcome, phase), trial)
            return trial
        self.assertIn("takes 2 attention masks", run("error", "load")["message"])
        self.assertIn("perm tensor length", run("error", "load", masks_in_graph=True)["message"])
        self.assertEqual(run("crash", "execute", masks="one", compute="ane", runs=150)["signal"], "SIGSEGV")
        run("pass", "done", attention="full")


if __name__ == "__main__":
    unittest.main()
