"""A machine that goes down loses what was written and not synced; a cache may be damaged by anything. What is found then is made
anew, and never blamed on the runtime: lost_writes.c says how the first is played."""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from program import HERE, ProgramTest, SANITIZED

GENERATOR = r"""
path, inputs, elements = sys.argv[1:4]
open(os.path.join(os.path.dirname(path), "beside.bin"), "wb").write(b"w" * 5000)
with open(path, "w") as f:
    json.dump({"y": 2.5, "calls": open(elements).read().split()}, f)
"""
# It reads all that it is given, and refuses what it cannot read: that is what a runtime does with half a model.
RUNNER = r"""
import struct
try:
    model = json.load(open(request["model"]))
    beside = open(os.path.join(os.path.dirname(request["model"]), "beside.bin"), "rb").read()
    inputs = json.load(open(request["inputs"]))
    calls = request["variant"]["calls"]
    calls = json.load(open(calls["file"])) if isinstance(calls, dict) else calls
    if beside != b"w" * 5000 or not inputs or len(calls) < 400 or not model["calls"]:
        raise ValueError("not what was written")
except Exception as e:
    say({"error": {"domain": "runtime", "code": "broken", "message": "cannot load: %s" % e}})
    sys.exit()
y = model["y"]
out = {"name": "y", "dtype": "float32", "shape": [1], "hash": "%032x" % 7, "finite": True}
if "outputs" in request:
    out["npy"] = "0.npy"
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }"
    head += " " * (-(len(head) + 11) % 64) + "\n"
    with open(os.path.join(request["outputs"], "0.npy"), "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack("<f", y))
say({"phase": "execute"})
say({"result": {"outputs": [out]}})
"""


def files_below(top):
    return [os.path.join(d, name) for d, _, names in os.walk(top) for name in names]


class LostWritesTest(ProgramTest):
    def setUp(self):
        if os.access("/dev/shm", os.W_OK): # nothing here is to survive anything, and syncing costs nothing there
            self.addCleanup(setattr, tempfile, "tempdir", tempfile.tempdir)
            tempfile.tempdir = "/dev/shm"
        super().setUp()
        self.runner = self.python_runner("runner.py", {"name": "lossy", "devices": ["cpu", "right"], "axes": ["calls"]}, RUNNER, bare=True)
        generator = self.python("generate.py", GENERATOR)
        self.file = self.case(
            "lossy", {"generate": [generator, "{model}", "{inputs}", "{calls@}"], "suffix": ".json"},
            [{"name": "calls", "subset": ["call %d of them" % i for i in range(500)]}],
            failing={"calls": ["call %d of them" % i for i in range(450)]},
            inputs=[{"name": "x", "dtype": "float32", "shape": [2], "fill": {"random": 7}}],
            reference={"unit": self.runner + ":right", "rtol": 0, "atol": 0})
        os.mkdir(self.path("root"))
        self.place(self.path("root"))

    def place(self, root):
        for name in ("cache", "state"):
            os.makedirs(os.path.join(root, name), exist_ok=True)
        self.env.update(XDG_CACHE_HOME=os.path.join(root, "cache"), XDG_STATE_HOME=os.path.join(root, "state"))
        self.db = os.path.join(root, "state", "trapline.db")

    def runs(self, *more, status=0):
        trial = self.one(self.file, "-u", self.runner + ":cpu", *more, status=status)
        self.assertEqual(trial["outcome"], "pass", trial) # and so equal to its reference
        return trial

    def kept(self):
        """What lies in the cache that a trial is given, or that says what is there."""
        return [f for f in files_below(self.env["XDG_CACHE_HOME"]) if "/builds/" not in f]

    def test_what_is_found_damaged_is_made_anew(self):
        self.runs()
        whole = {f: os.path.getsize(f) for f in self.kept()}
        kinds = {os.path.relpath(f, self.env["XDG_CACHE_HOME"]).split(os.sep)[1] for f in whole}
        self.assertLessEqual({"models", "references", "inputs", "elements"}, kinds)
        runs = 0
        def zero(f, size):
            with open(f, "r+b") as file:
                file.write(bytes(size))
        def cut(f, size):
            os.truncate(f, size // 2)
        def gone(f, size):
            os.unlink(f)
        for damage in (lambda f, size: os.truncate(f, 0), zero, cut, gone):
            for f in self.kept():
                if os.path.basename(f) != ".whole": # of a directory that is not there any more, or does not tell
                    damage(f, os.path.getsize(f))
            self.db = self.path("damaged-%d.db" % runs)
            runs += 1
            self.runs()
        for f in glob.glob(os.path.join(self.env["XDG_CACHE_HOME"], "trapline", "*", "*", ".whole")):
            os.truncate(f, 10)
        self.db = self.path("list.db")
        self.runs()

    @unittest.skipUnless(sys.platform == "linux" and shutil.which("gcc") and not SANITIZED, "needs Linux and gcc")
    def test_a_machine_that_goes_down_at_any_moment(self):
        library, root, store = self.path("lost.so"), self.path("root"), self.path("store")
        subprocess.run(["gcc", "-w", "-shared", "-fPIC", os.path.join(HERE, "lost_writes.c"), "-o", library, "-ldl"], check=True)
        self.env["LD_PRELOAD"] = library
        os.mkdir(store)
        self.write("lost.so.on", root + "\n" + store + "\n")
        self.runs()
        self.trapline("report", "--site", os.path.join(root, "site"), status=0)
        self.trapline("report", "--site", os.path.join(root, "site"), status=0) # in the place of the first
        self.trapline("init", "-o", os.path.join(root, "first"), "--", "true", "--n=3")
        os.unlink(library + ".on")
        crashes = sorted(glob.glob(os.path.join(store, "crash-*")))
        self.assertGreater(len(crashes), 8)
        sites = models = 0
        seen = set()
        for crash in crashes:
            site, first = os.path.join(crash, "site"), os.path.join(crash, "first")
            if os.path.isdir(site):
                sites += 1
                self.assertEqual([f for f in files_below(site) if not os.path.getsize(f)], [], crash)
                with open(os.path.join(site, "index.html"), encoding="utf-8") as f:
                    self.assertTrue(f.read().rstrip().endswith("</html>"))
            if os.path.isdir(first):
                with open(os.path.join(first, "case.json"), encoding="utf-8") as f:
                    json.load(f)
            models += len(glob.glob(os.path.join(crash, "cache", "trapline", "models", "*", "model.json")))
            state = tuple(sorted((os.path.relpath(f, crash), os.path.getsize(f)) for f in files_below(os.path.join(crash, "cache"))
                                 if "/hashes/" not in f))
            if state in seen: # as another one, of which the database, or what only saves time, went on
                continue
            seen.add(state)
            self.place(crash)
            self.runs()
        self.trapline("db", "check", status=0)
        self.assertGreater(sites, 1)
        self.assertGreater(models, 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
