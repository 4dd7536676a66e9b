"""The cases of Core AI (cases/coreai) by the Core AI runner, its generator and coreai-build, over stand-ins for Core AI, PyTorch and Xcode
(tests/fakes/coreai): each gives the trigger that was published. It says that the way from a case to an answer holds, and
nothing of Core AI."""
import json
import os
import subprocess
import unittest

from program import HERE, ProgramTest

ROOT = os.path.dirname(os.path.dirname(HERE))
FAKES = os.path.join(ROOT, "tests", "fakes", "coreai")
PYTHON = "/usr/bin/python3"
NUMPY = subprocess.run([PYTHON, "-c", "import numpy"], stderr=subprocess.DEVNULL, check=False).returncode == 0 if os.path.exists(PYTHON) else False
# What is set back to the simplest value before a search begins, where the whole case takes more than a test may.
LESS = {"kv-write": ["layers=2", "full_every=1", "masks=none", "kv_padding=0", "heads=2", "head_dim=16"],
        "scratch-heap": ["kv_padding=0", "seq=1", "query=static", "kv_write=scatter"]}


@unittest.skipUnless(NUMPY, f"needs NumPy for {PYTHON}")
class CoreAITest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env.update(TRAPLINE_PYTHON=PYTHON, PYTHONPATH=os.path.join(FAKES, "python"), PYTHONDONTWRITEBYTECODE="1",
                        HOME=self.directory, PATH=os.path.join(FAKES, "bin") + os.pathsep + self.env["PATH"])

    def real(self, name):
        return os.path.join(ROOT, "cases", "coreai", name + ".json")

    def came_of(self, name, unit, *settings):
        words = [word for s in settings for word in ("-s", s)]
        trial = self.one(self.real(name), "-u", unit, *words)
        return trial["outcome"], trial["phase"], trial.get("signal")

    def failing(self, name):
        with open(self.real(name), encoding="utf-8") as file:
            document = json.load(file)
        return [f"{axis}={json.dumps(v) if isinstance(v, bool) else v}" for axis, v in document["failing"].items()]

    def isolated(self, name, unit, trigger, *, settings=(), outcome, phase, signal=None, title=""):
        """Isolates, and holds the answer to what was published."""
        words = [word for s in settings for word in ("-s", s)]
        done = self.trapline("isolate", self.real(name), "-u", unit, *words, "-j", "2", "--json", status=1)
        d = json.loads(done.stdout)
        found = {t["axis"]: t["value"] for t in d["trigger"]}
        self.assertEqual((found, d["outcome"], d["phase"], d.get("signal"), d["complete"]), (trigger, outcome, phase, signal, True), done.stderr)
        self.assertIn(title, d["signature"]["title"])
        return d

    def test_kv_write(self):
        d = self.isolated("kv-write", "coreai:gpu", {"begin_index": "tensor"}, outcome="crash", phase="execute", signal="SIGTRAP",
                          settings=LESS["kv-write"], title="GPU::SliceUpdateOpHandler::encode")
        self.assertEqual(d["trigger"][0]["passes_with"], ["none", "constant", "shape"])

    def test_kv_write_elsewhere(self):
        """As published, with static shapes too; and on no other unit."""
        failing = self.failing("kv-write")
        self.assertEqual(self.came_of("kv-write", "coreai:gpu", *failing), ("crash", "execute", "SIGTRAP"))
        self.assertEqual(self.came_of("kv-write", "coreai:gpu", *failing, "shapes=static", "query=static"), ("crash", "execute", "SIGTRAP"))
        for device in ("cpu", "interpreter"):
            self.assertEqual(self.came_of("kv-write", "coreai:" + device, *failing), ("pass", "done", None))
        self.assertEqual(self.came_of("kv-write", "coreai:ane", *failing, "shapes=static", "query=static"), ("pass", "done", None))

    def test_another_unit_than_was_asked_for(self):
        """The Neural Engine was asked for, its compiler refused, and it ran on the GPU."""
        trial = self.one(self.real("kv-write"), "-u", "coreai:ane", "-s", "begin_index=shape", "-s", "shapes=dynamic", "-s",
                         "query=dynamic", status=1)
        self.assertEqual((trial["outcome"], trial["phase"]), ("fallback", "done"))
        result = self.show(trial)["result"]
        self.assertEqual((result["requested"], result["observed"]), ("ane", "gpu"))
        self.assertIn("ANECCompileOffline() failed", self.show(trial)["stderr"]["head"])
        # By steps the same shows in what the compiler says, although it ends well.
        self.assertEqual(self.came_of("int4-ane", "command:host", "compute=neural-engine", "shapes=dynamic", "query=dynamic")[0], "fallback")

    def test_scratch_heap(self):
        d = self.isolated("scratch-heap", "coreai:gpu", {"layers": 6, "heads": 16, "full_head_dim": 512}, outcome="crash", phase="execute",
                          signal="SIGABRT", title="Failed to acquire the source buffer for the ViewOp", settings=LESS["scratch-heap"])
        self.assertNotIn("attention", [t["axis"] for t in d["trigger"]])
        self.assertEqual(self.came_of("scratch-heap", "coreai:cpu", *self.failing("scratch-heap"), "layers=6")[0], "pass")

    def test_sdpa_export(self):
        for device in ("cpu", "gpu"):
            self.isolated("sdpa-export", "coreai:" + device, {"query": "static", "shapes": "dynamic", "externalise_sdpa": True},
                          outcome="error", phase="generate", title="Constraints violated", settings=["layers=1", "full_every=1"])
        for device in ("default", "ane", "interpreter"):
            self.assertEqual(self.came_of("sdpa-export", "coreai:" + device, *self.failing("sdpa-export")), ("error", "generate", None))

    def test_aot_load(self):
        for device in ("gpu", "ane", "cpu"):
            self.isolated("aot-load", "coreai:" + device, {"aot": True}, outcome="error", phase="load", title="AIModelError 3",
                          settings=["layers=1", "full_every=1", "heads=2", "shapes=static", "query=static"])
        trial = self.one(self.real("aot-load"), "-u", "coreai:interpreter", "-s", "aot=true")
        self.assertEqual(trial["outcome"], "unsupported")

    def test_int4_ane(self):
        self.isolated("int4-ane", "command:host", {"weights": "int4_block", "compute": "neural-engine"}, outcome="crash", phase="compile",
                      signal="SIGSEGV", title="GPU::anePreCompileBinary", settings=["layers=2", "full_every=1", "heads=2"])
        self.assertEqual(self.came_of("int4-ane", "command:host", "compute=neural-engine",
                                      "weights=int4_codebook"), ("pass", "done", None))

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
        self.assertIn("there is no build 26A0 here", done.stderr)


if __name__ == "__main__":
    unittest.main()
