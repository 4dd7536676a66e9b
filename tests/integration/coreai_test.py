"""The cases of Core AI (cases/coreai) by the Core AI runner, its generator and coreai-build, over stand-ins for Core AI, PyTorch and Xcode
(tests/fakes/coreai): each gives the trigger that was published. It says that the way from a case to an answer holds, and
nothing of Core AI.

A trial is five processes of Python. So a search begins nearer to its answer than the case does, and ends when the trigger is
found; with COREAI_WHOLE=1 it begins with the case itself and makes sure of its answer, which takes minutes."""
import json
import os
import subprocess
import unittest

from program import HERE, ProgramTest, SANITIZED

ROOT = os.path.dirname(os.path.dirname(HERE))
FAKES = os.path.join(ROOT, "tests", "fakes", "coreai")
PYTHON = "/usr/bin/python3"
NUMPY = subprocess.run([PYTHON, "-c", "import numpy"], stderr=subprocess.DEVNULL, check=False).returncode == 0 if os.path.exists(PYTHON) else False
WHOLE = os.environ.get("COREAI_WHOLE") == "1"
FEWER = ["layers=1", "full_every=1", "heads=2", "seq=1"]


@unittest.skipUnless(NUMPY, f"needs NumPy for {PYTHON}")
@unittest.skipIf(SANITIZED, "the program itself is tried elsewhere")
class CoreAITest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env.update(TRAPLINE_PYTHON=PYTHON, PYTHONPATH=os.path.join(FAKES, "python"), PYTHONDONTWRITEBYTECODE="1",
                        HOME=self.directory, PATH=os.path.join(FAKES, "bin") + os.pathsep + "/usr/bin:/bin")

    def real(self, name):
        return os.path.join(ROOT, "cases", "coreai", name + ".json")

    def came_of(self, name, devices, *settings):
        """Of a variant on each of the devices, by one command: outcome, phase, signal."""
        words = [word for d in devices for word in ("-u", "coreai:" + d)] + [word for s in settings for word in ("-s", s)]
        trials = self.trials(self.real(name), *words, "-j", "2")
        return {t["unit"].split(":")[1]: (t["outcome"], t["phase"], t.get("signal")) for t in trials}

    def failing(self, name, *but):
        """The settings of the failing variant, with some of them changed."""
        with open(self.real(name), encoding="utf-8") as file:
            values = {axis: json.dumps(v) if isinstance(v, bool) else v for axis, v in json.load(file)["failing"].items()}
        values.update(setting.split("=") for setting in but)
        return [f"{axis}={value}" for axis, value in values.items()]

    def isolated(self, name, unit, trigger, *, budget, near, outcome, phase, signal=None, title=""):
        """Isolates, from the failing variant with the settings of near, and holds the answer to what was published."""
        words = [word for s in self.failing(name, *([] if WHOLE else near)) for word in ("-s", s)]
        done = self.trapline("isolate", self.real(name), "-u", unit, *words, "-j", "2", "--json", "--max-trials",
                             "3000" if WHOLE else str(budget), status=1)
        d = json.loads(done.stdout)
        print(f"{name} {unit}: {d['trials']} trials, {d['elapsed_s']} s", flush=True)
        found = {t["axis"]: t["value"] for t in d["trigger"]}
        self.assertEqual((found, d["outcome"], d["phase"], d.get("signal")), (trigger, outcome, phase, signal), done.stderr)
        self.assertEqual(d["complete"], WHOLE)
        self.assertIn(title, d["signature"]["title"])
        return d

    def test_kv_write(self):
        d = self.isolated("kv-write", "coreai:gpu", {"begin_index": "tensor"}, outcome="crash", phase="execute", signal="SIGTRAP",
                          budget=14, near=[*FEWER, "masks=none", "kv_padding=0"], title="GPU::SliceUpdateOpHandler::encode")
        self.assertEqual(d["trigger"][0]["passes_with"], ["none", "constant", "shape"])

    def test_kv_write_elsewhere(self):
        """As published, with static shapes too; and on no other unit."""
        trap, well = ("crash", "execute", "SIGTRAP"), ("pass", "done", None)
        near = [*FEWER, "masks=none", "kv_padding=0"]
        self.assertEqual(self.came_of("kv-write", ["gpu", "cpu", "interpreter"], *self.failing("kv-write", *near)),
                         {"gpu": trap, "cpu": well, "interpreter": well})
        self.assertEqual(self.came_of("kv-write", ["gpu", "ane"], *self.failing("kv-write", *near, "shapes=static", "query=static")),
                         {"gpu": trap, "ane": well})

    def test_another_unit_than_was_asked_for(self):
        """The Neural Engine was asked for, its compiler refused, and it ran on the GPU."""
        trial = self.one(self.real("kv-write"), "-u", "coreai:ane", "-s", "begin_index=shape", "-s", "shapes=dynamic", "-s",
                         "query=dynamic", status=1)
        self.assertEqual((trial["outcome"], trial["phase"]), ("fallback", "done"))
        result = self.show(trial)["result"]
        self.assertEqual((result["requested"], result["observed"]), ("ane", "gpu"))
        self.assertLessEqual({"asset_bytes", "specialise_s"}, set(trial["metrics"]))
        self.assertIn("ANECCompileOffline() failed", self.show(trial)["stderr"]["head"])
        # By steps the same shows in what the compiler says, although it ends well.
        trial = self.one(self.real("int4-ane"), "-u", "command:host", "-s", "compute=neural-engine", "-s", "shapes=dynamic", "-s",
                         "query=dynamic", status=1)
        self.assertEqual((trial["outcome"], trial["counts"]), ("fallback", {"ane_regions": 0}))
        trial = self.one(self.real("int4-ane"), "-u", "command:host", "-s", "compute=neural-engine", "-s", "platform=iOS", status=0)
        self.assertGreater(trial["counts"]["ane_regions"], 0)

    def test_scratch_heap(self):
        d = self.isolated("scratch-heap", "coreai:gpu", {"layers": 6, "heads": 16, "full_head_dim": 512}, outcome="crash", phase="execute",
                          signal="SIGABRT", title="Failed to acquire the source buffer for the ViewOp", budget=18,
                          near=["layers=7", "kv_padding=0", "kv_write=scatter", "seq=1", "shapes=static", "query=static", "weights=fp16"])
        self.assertNotIn("attention", [t["axis"] for t in d["trigger"]])
        failing = self.failing("scratch-heap", "layers=6", "seq=1", "weights=fp16")
        self.assertEqual(self.came_of("scratch-heap", ["cpu"], *failing), {"cpu": ("pass", "done", None)})

    def test_sdpa_export(self):
        """Whatever the device is."""
        self.isolated("sdpa-export", "coreai:cpu", {"query": "static", "shapes": "dynamic", "externalise_sdpa": True}, outcome="error",
                      phase="generate", title="Constraints violated", budget=15, near=[*FEWER, "head_dim=16", "weights=fp16"])
        others = ["default", "gpu", "ane", "interpreter"]
        self.assertEqual(self.came_of("sdpa-export", others, *self.failing("sdpa-export", *FEWER)),
                         {device: ("error", "generate", None) for device in others})

    def test_aot_load(self):
        self.isolated("aot-load", "coreai:gpu", {"aot": True}, outcome="error", phase="load", title="AIModelError 3", budget=8,
                      near=[*FEWER, "shapes=static", "query=static"])
        failing = self.failing("aot-load", *FEWER, "shapes=static", "query=static")
        came = self.came_of("aot-load", ["ane", "cpu", "interpreter"], *failing)
        self.assertEqual(came.pop("interpreter")[0], "unsupported")
        self.assertEqual(came, {device: ("error", "load", None) for device in ("ane", "cpu")})

    def test_int4_ane(self):
        self.isolated("int4-ane", "command:host", {"weights": "int4_block", "compute": "neural-engine"}, outcome="crash", phase="compile",
                      signal="SIGSEGV", title="GPU::anePreCompileBinary", budget=14, near=[*FEWER, "head_dim=16", "block_size=32"])

    def test_refusals(self):
        """What the exporter silently did not do is no variant of that name."""
        case = self.case("small", {"generate": [os.path.join(ROOT, "runners", "coreai", "export_decoder.py"), "--out", "{model}",
                                                "--weights", "{weights}", "--threshold", "{threshold}"]},
                         [{"name": "weights", "choices": ["fp16", "int4_block"]}, {"name": "threshold", "ordered": [1, 32768]},
                          {"name": "cache", "choices": ["keep", "wipe"]}])
        trial = self.one(case, "-u", "coreai:cpu", "-s", "weights=int4_block", "-s", "threshold=32768", status=2)
        self.assertEqual((trial["outcome"], trial["phase"]), ("unsupported", "generate"))
        self.assertIn("no blockwise_shift_scale", trial["message"])
        os.makedirs(self.path("Library", "Caches", "coreai-cache", "x"))
        trial = self.one(case, "-u", "coreai:cpu", "-s", "cache=wipe", status=2)
        self.assertIn("TRAPLINE_COREAI_WIPE=" + self.path("Library", "Caches", "coreai-cache"), trial["message"])
        trial = self.one(case, "-u", "coreai:cpu", "-s", "cache=wipe", status=0,
                         env=dict(self.env, TRAPLINE_COREAI_WIPE=self.path("Library", "Caches", "coreai-cache")))
        self.assertFalse(os.path.exists(self.path("Library", "Caches", "coreai-cache", "x")))

    def test_units(self):
        listed = self.trapline("list", "units", status=0).stdout
        for device in ("default", "cpu", "gpu", "ane", "interpreter"):
            self.assertIn("coreai:" + device, listed)
        done = self.trapline("run", self.real("kv-write"), "-u", "coreai@26A0:gpu", status=2)
        self.assertIn("there is no build 26A0 here", done.stdout)


if __name__ == "__main__":
    unittest.main()
