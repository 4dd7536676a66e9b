"""Bundles for ONNX Runtime: what is handed out reproduces, elsewhere too, and what it was seen to do is true.

Every reproducer is compiled and run here once more: from another directory, with another home and nothing of trapline in
PATH. repro.py runs over a stand-in for the package, which decides from the model that it is given.
"""
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import unittest

import onnx_bytes
from program import BUILDS, SANITIZED, ProgramTest

NUMPY = next((p for p in ("python3", "/usr/bin/python3") if shutil.which(p) and not subprocess.run(
    [p, "-c", "import numpy"], capture_output=True).returncode), None)

# What scripts begin with that write a model; they are on their own wherever a bundle goes.
with open(onnx_bytes.__file__, encoding="utf-8") as module:
    WRITER = module.read() + r'''
import sys
axes = dict(a.split("=") for a in sys.argv[2:])
out = open(sys.argv[1], "wb")
'''

# Adds a constant to a vector.
ADDS = WRITER + r'''
out.write(model(graph([node("Add", "x,c", "y")], [value("x", FLOAT, [2, 2])], [value("y", FLOAT, [2, 2])],
                      [vector("c", FLOAT, float(axes["c"]))]), opset=17))
'''

# Writes where the index of a sparse initializer says.
SPARSE = WRITER + r'''
sparse = field(1, vector("s", FLOAT, 1, 2, 3)) + field(2, vector("i", INT64, 0, 1, int(axes["index"]))) + field(3, 4, 4)
out.write(model(graph([node("Add", "x,s", "y")], [value("x", FLOAT, [4, 4])], [value("y", FLOAT, [4, 4])]) + field(15, sparse), opset=17))
'''

# Inputs of every kind; a build refuses an opset that is newer than it.
KINDS = WRITER + r'''
kinds = {"t": tensor_type(STRING, [2]), "s": sequence_type(tensor_type(FLOAT, [3])), "o": optional_type(tensor_type(INT64, [2])),
         "h": tensor_type(FLOAT16, [2]), "c": tensor_type(FLOAT, [1])}
out.write(model(graph([node("Identity", k, "y" + k) for k in kinds], [value(k, t) for k, t in kinds.items()],
                      [value("y" + k, t) for k, t in kinds.items()]), opset=int(axes["opset"])))
'''

# A constant that is folded into so many MiB.
FOLDS = WRITER + r'''
constant = node("Constant", [], "n", value=Tensor(vector(None, INT64, int(axes["mib"]) << 18)))
out.write(model(graph([constant, node("ConstantOfShape", "n", "big"), node("Shape", "big", "y")], [], [value("y", INT64, [1])]), opset=17))
'''

# The part of the package that repro.py uses. What a session does follows from the bytes of its model.
PACKAGE = r'''
import numpy, os
__version__ = "VERSION"
def GraphOptimizationLevel(n): return n
class SessionOptions: pass
class Output:
    def __init__(self, name): self.name = name
class InferenceSession:
    def __init__(self, path, options, providers):
        with open(path, "rb") as f: self.model = f.read()
        self.adds = b"Add" in self.model
        if self.model[-1] > 22:
            raise RuntimeError("Opset 24 is under development and support for this is limited. The operator schemas and or other\n"
                               "functionality may change before next ONNX release and in this case ONNX Runtime will not guarantee "
                               "backward compatibility. Current official support for domain ai.onnx is till opset 22.")
    def get_outputs(self): return [Output("y")]
    def run(self, names, feed):
        if self.adds:
            return [feed["x"] + numpy.frombuffer(self.constant(), "<f4")]
        assert list(feed["t"]) == ["zero", "one"] and feed["t"].dtype == object, feed
        assert isinstance(feed["s"], list) and feed["s"][0].shape == (3,), feed
        assert feed["o"].dtype == numpy.int64 and feed["h"].dtype == numpy.float16, feed
        assert os.environ["MODE"] == "a b", os.environ
        return [feed["c"]]
    def constant(self):
        at = self.model.index(b"\x4a\x04") + 2 # raw_data, 4 bytes
        return self.model[at:at + 4]
'''


def build(*versions):
    return unittest.skipUnless(all(os.path.exists(os.path.join(BUILDS, v, "libonnxruntime.so")) for v in versions) and
                               shutil.which("cc"), f"onnxruntime {' and '.join(versions)} and cc are needed")


class BundleTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.use_builds()
        os.makedirs(self.path("elsewhere"))

    def made(self, name, script, axis, **more):
        """A case whose model a script makes of one axis; the last value fails."""
        generator = self.write(name + ".py", script)
        values = axis.get("ordered") or axis.get("choices") or axis["range"]
        return self.case(name, {"generate": [sys.executable, generator, "{model}", f"{axis['name']}={{{axis['name']}}}"]},
                         [axis], **{"failing": {axis["name"]: values[-1]}, **more})

    def isolated(self, case, build, *more):
        return json.loads(self.trapline("isolate", case, "-u", f"onnxruntime@{build}:cpu", "--json", *more, status=1).stdout)

    def bundle(self, finding, name="bundle", said=None):
        path = self.path(name)
        done = self.trapline("report", finding["finding"], "--bundle", path, status=0)
        if said:
            self.assertRegex(done.stderr, said)
        with open(os.path.join(path, "report.json")) as f:
            return path, json.load(f)["bundle"]

    def ran(self, path, build, *arguments, env=None, cwd=None, name=None):
        """The reproducer as somebody else runs it: exit status, and the line to compare."""
        if not os.path.exists(os.path.join(path, "a.out")):
            subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "repro.c", "-ldl", "-lpthread"], cwd=path, check=True)
        program = os.path.join(path, "a.out")
        done = subprocess.run([name or program, os.path.join(BUILDS, build, "libonnxruntime.so"), *arguments], executable=program,
                              cwd=cwd or self.path("elsewhere"), env=env or {"HOME": "/nowhere", "PATH": "/usr/bin:/bin"},
                              capture_output=True, text=True, errors="replace", timeout=60)
        return done.returncode, [line for line in done.stdout.splitlines() if line.startswith("RESULT: ")][-1]

    def assert_proved(self, bundle, program="repro.c", **failing):
        sides = {p["side"]: p for p in bundle["proved"] if p["program"] == program}
        for side in ("failing", "control"):
            self.assertEqual((sides[side]["runs"], sides[side]["as_reported"]), (3, 3), sides)
        for name, value in failing.items():
            self.assertEqual(sides["failing"][name], value, sides)
        self.assertEqual((sides["control"]["outcome"], sides["control"]["exit_status"]), ("pass", 0), sides)
        return sides["failing"]["line"]

    @build("1.22.0")
    def test_away_from_the_edge(self):
        """Where it is written a little too far the process may live on: a variant that fails every time is looked for."""
        case = self.made("sparse", SPARSE, {"name": "index", "ordered": [3, 100, 1500, 2500, 4000, 10000, 40000, 100000, 100000000]})
        found = self.isolated(case, "1.22.0")
        self.assertEqual((found["outcome"], found["signal"]), ("crash", "SIGSEGV"))
        path, bundle = self.bundle(found)
        self.assertEqual(self.assert_proved(bundle, outcome="crash", signal="SIGSEGV"), "RESULT: died in compile, if no line follows")
        for _ in range(3):
            self.assertEqual(self.ran(path, "1.22.0"), (-11, "RESULT: died in compile, if no line follows"))
            self.assertEqual(self.ran(path, "1.22.0", "--control")[0], 0)
        with open(os.path.join(path, "repro.c")) as f:
            shown = int(re.search(r'\.about = "index=(\d+)"', f.read()).group(1))
        minimal = found["minimal"]["index"]
        if "moved" in bundle:
            self.assertEqual((bundle["moved"]["axis"], bundle["moved"]["from"], bundle["moved"]["to"]), ("index", minimal, shown))
            self.assertGreater(shown, minimal)
        else:
            self.assertEqual(shown, minimal)
        self.assertNotIn("case_path", json.dumps(bundle))
        self.assertEqual([n for n in os.listdir(path) if n.startswith(".")], [])

    @build("1.22.0")
    def test_a_stack_in_any_environment(self):
        """Whatever lies on the stack of the first thread, the reproducer and its control are next to the same edge."""
        before = resource.getrlimit(resource.RLIMIT_STACK)
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 19, before[1])) # a depth that takes no seconds
        self.addCleanup(resource.setrlimit, resource.RLIMIT_STACK, before)
        case = self.case("deep", {"family": "functions"}, [{"name": "depth", "range": [1, 300]}], failing={"depth": 300})
        found = self.isolated(case, "1.22.0")
        path, bundle = self.bundle(found)
        self.assert_proved(bundle, outcome="crash", signal="SIGSEGV", told_by="stack")
        far = self.path("far", *["d" * 200] * 10)
        os.makedirs(far)
        small = {"HOME": "/nowhere"}
        resource.setrlimit(resource.RLIMIT_STACK, before)
        for more in ({"env": small}, {"env": {f"V{i}": "x" * 1000 for i in range(100)}}, {"env": {"V": "x" * 100000}},
                     {"env": small, "name": "n" * 5000}, {"env": small, "cwd": far}):
            self.assertEqual(self.ran(path, "1.22.0", **more)[0], -11, str(more)[:80])
            self.assertEqual(self.ran(path, "1.22.0", "--control", **more)[0], 0, str(more)[:80])

    @build("1.22.0", "1.30.0")
    def test_builds_alone(self):
        """Where no variant is the control, a build is: the report says which, and so does the reproducer."""
        case = self.made("kinds", KINDS, {"name": "opset", "ordered": [17, 24]})
        found = json.loads(self.trapline("isolate", case, "-u", "onnxruntime@1.22.0,1.30.0:cpu", "--over", "build", "--json",
                                         status=1).stdout)
        path, bundle = self.bundle(found, said="repro.c with build 1.30.0 did pass in 3 of 3 runs")
        self.assertIn("refused in compile", self.assert_proved(bundle, outcome="error", exit_status=1))
        self.assertEqual([p.get("build") for p in bundle["proved"] if p["program"] == "repro.c"], [None, "1.30.0"])
        self.assertEqual(self.ran(path, "1.22.0")[0], 1)
        self.assertEqual(self.ran(path, "1.30.0")[0], 0)
        with open(os.path.join(path, "report.md")) as f:
            self.assertIn("with the library of build 1.30.0, which is the control, it exited with 0 in 3 of 3", " ".join(f.read().split()))
        done = self.trapline("report", found["finding"], "--retest", status=0)
        self.assertRegex(done.stdout.splitlines()[0], r"; the control \(build 1\.30\.0\) passed in 3 of 3\.$")

    @build("1.22.0", "1.30.0")
    def test_refused_with_inputs_of_every_kind(self):
        """The session that tells of inputs is what is refused. On a build that takes the model the reproducer passes."""
        axis = {"name": "opset", "ordered": [17, 24]}
        case = self.made("kinds", KINDS, axis, environment={"MODE": "a b"})
        found = self.isolated(case, "1.22.0")
        self.assertEqual((found["outcome"], found["phase"]), ("error", "compile"))
        env = self.package("1.22.0")
        path, bundle = self.bundle(found)
        self.assertIn("refused in compile", self.assert_proved(bundle, outcome="error", exit_status=1))
        self.assertEqual(self.ran(path, "1.22.0")[0], 1)
        self.assertEqual(self.ran(path, "1.22.0", "--control"), (0, "RESULT: passed, 5 outputs"))
        self.assertEqual(self.ran(path, "1.30.0"), (0, "RESULT: passed, 5 outputs"))
        with open(os.path.join(path, "inputs.json")) as f:
            self.assertEqual([i["name"] for i in json.load(f)], ["t", "s", "o", "h", "c"])
        if env:
            line = self.assert_proved(bundle, "repro.py", outcome="error", exit_status=1)
            self.assertRegex(line, "^RESULT: refused in compile: RuntimeError: Opset 24 is .* or other functionality may .* opset 22\\.$")

    def package(self, version):
        """Puts a stand-in for the package where python3 finds it."""
        if not NUMPY:
            return False
        os.makedirs(self.path("site"), exist_ok=True)
        self.write("site/onnxruntime.py", PACKAGE.replace("VERSION", version))
        os.makedirs(self.path("bin"), exist_ok=True)
        os.symlink(shutil.which(NUMPY), self.path("bin", "python3"))
        self.env.update(PYTHONPATH=self.path("site"), PATH=self.path("bin") + ":" + os.environ["PATH"])
        return True

    @build("1.22.0", "1.30.0")
    def test_wrong_beside_a_reference(self):
        """What is expected goes along: files of the case, or what a unit answers; and the case of the bundle runs there."""
        for name in ("x.npy", "y.npy"):
            self.write(name, onnx_bytes.npy(onnx_bytes.FLOAT, [2, 2], [1, 2, 3, 4]))
        more = {"inputs": [{"name": "x", "npy": "x.npy"}], "reference": {"outputs": [{"name": "y", "npy": "y.npy"}], "rtol": 0, "atol": 0.5}}
        case = self.made("adds", ADDS, {"name": "c", "choices": ["0", "7"]}, **more)
        found = self.isolated(case, "1.22.0")
        self.assertEqual(found["outcome"], "wrong")
        python = self.package("1.22.0")
        path, bundle = self.bundle(found)
        line = "RESULT: wrong: output y: at [0, 0] expected 1, got 8, relative error 7 (4 of 4 values are beyond what is allowed: " \
               "allowed is 0.5 + 0 * |expected|)"
        self.assertEqual(self.assert_proved(bundle, outcome="wrong", exit_status=3), line)
        self.assertEqual(self.ran(path, "1.30.0"), (3, line))
        self.assertEqual(self.ran(path, "1.22.0", "--control"), (0, "RESULT: passed, 1 output as expected"))
        if python:
            self.assertIn("at [0, 0] expected 1.0, got 8.0, relative error 7 (4 of 4", self.assert_proved(bundle, "repro.py", exit_status=3))
        with open(os.path.join(path, "case.json")) as f:
            document = json.load(f)
        self.assertEqual(document["inputs"], [{"name": "x", "npy": "inputs/0.npy"}])
        self.assertEqual(document["reference"]["outputs"], [{"name": "y", "npy": "expected/0.npy"}])

        # The model as a file: the case that goes with it needs nothing but the bundle.
        shutil.copy(os.path.join(path, "model.onnx"), self.path("m.onnx"))
        case = self.case("file", {"file": "m.onnx"}, [{"name": "optimization", "choices": [99, 0]}], failing={"optimization": 0}, **more)
        path, _ = self.bundle(self.isolated(case, "1.22.0"), "of-a-file")
        shutil.move(self.path("x.npy"), self.path("gone.npy"))
        self.assertEqual(self.one(os.path.join(path, "case.json"), "-u", "onnxruntime@1.22.0:cpu", status=1)["outcome"], "wrong")

    @unittest.skipIf(SANITIZED, "what is sanitized reserves memory without bound")
    @build("1.22.0")
    def test_a_limit_of_memory(self):
        """What fails for want of memory sets its own limit."""
        case = self.made("folds", FOLDS, {"name": "mib", "ordered": [1, 900]}, limits={"timeout_s": 60, "memory_mb": 700})
        found = self.isolated(case, "1.22.0")
        self.assertEqual(found["outcome"], "oom")
        path, bundle = self.bundle(found)
        self.assert_proved(bundle, outcome="oom")
        self.assertEqual(self.ran(path, "1.22.0")[0], 1)
        self.assertEqual(self.ran(path, "1.22.0", "--control")[0], 0)
        with open(os.path.join(path, "repro.c")) as f:
            text = f.read()
        self.assertIn(".memory_mb = 700,", text)
        self.assertIn("a limit of memory (RLIMIT_DATA, 700 MiB)", text)


class OfARunner(ProgramTest):
    def test_what_a_runner_leaves_behind(self):
        """A process that it leaves holds everything of it open: the reproducer ends when the runner has."""
        runner = self.python_runner("leaving.py", {"name": "leaving", "serve": False}, f"""
say({{"phase": "execute"}})
if not os.fork():
    until = time.monotonic() + 300
    while os.path.exists({self.path("holding")!r}) and time.monotonic() < until:
        time.sleep(0.05)
    os._exit(0)
if request["variant"]["n"] == 9:
    os.kill(os.getpid(), 11)
say({{"result": {{"outputs": []}}}})
""", bare=True)
        case = self.case("leaves", {"file": self.write("model.bin", "not looked at")}, [{"name": "n", "range": [1, 9]}], failing={"n": 9})
        found = json.loads(self.trapline("isolate", case, "-u", f"{runner}:cpu", "--json", status=1).stdout)
        self.addCleanup(lambda: os.path.exists(self.path("holding")) and os.unlink(self.path("holding")))
        self.trapline("report", found["finding"], "--bundle", self.path("bundle"), status=0)
        self.write("holding", "")
        for options, status in ((), 139), (("--control",), 0):
            with open(self.path("said"), "wb") as said:
                done = subprocess.run(["sh", self.path("bundle", "repro.sh"), *options], cwd="/", stdout=said, stderr=said, timeout=60, check=False)
            with open(self.path("said"), "rb") as said:
                self.assertEqual(done.returncode, status, said.read())


if __name__ == "__main__":
    unittest.main()
