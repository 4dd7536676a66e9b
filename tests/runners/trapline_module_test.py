"""trapline.py: trapline from Python, and functions that are runners."""
import array
import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import types
import unittest
from unittest import mock

import numpy as np

import trapline
from trapline import Failure, Result, Runner, TraplineError, Unsupported

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = os.path.dirname(os.path.abspath(trapline.__file__))
TRAPLINE = os.environ["TRAPLINE_BIN"]

# A function as people have them, in float16: without its maximum taken away the exponentials overflow.
SOFTMAX = f"""#!{sys.executable}
import sys
sys.path.insert(0, {MODULES!r})
import numpy as np
import trapline


def softmax(x, stable):
    x = x - x.max() if stable else x
    powers = np.exp(x)
    return powers / powers.sum()


@trapline.runner(devices={{"cpu": "", "mps": "no such device here"}}, serve=SERVE, about={{"scale": "of the logits"}})
def probe(device, inputs, model, scale=1, stable=True, how="run"):
    trapline.phase("load")
    x = next(iter(inputs.values())) * np.float16(scale)
    trapline.phase("execute")
    trapline.operator("softmax_0", "Softmax")
    trapline.counts(calls=1)
    if how == "die":
        import ctypes
        ctypes.string_at(0)
    if how == "raise":
        raise trapline.Failure("softmax", "E17", f"refused at {{scale}}")
    if how == "refuse":
        raise trapline.Unsupported("not of this size")
    return trapline.Result({{"y": softmax(x, stable)}}, observed=device, metrics={{"scale": scale}})


if __name__ == "__main__":
    sys.exit(probe.main())
"""
CASE = {"trapline": 1, "name": "softmax", "model": {"generate": ["/usr/bin/touch", "{model}"]},
        "inputs": [{"name": "x", "dtype": "float16", "shape": [8], "fill": {"range": [0, 1]}}],
        "axes": [{"name": "scale", "ordered": [1, 2, 4, 8]}, {"name": "stable", "choices": [True, False]},
                 {"name": "how", "choices": ["run", "die", "raise", "refuse"]}],
        "failing": {"scale": 8, "stable": False},
        "reference": {"unit": "same", "with": {"stable": True}, "rtol": 0.02, "atol": 0.001}}


class ProgramTest(unittest.TestCase):
    """The program itself, on a function."""

    def setUp(self):
        made = tempfile.TemporaryDirectory(prefix="trapline-test-")
        self.addCleanup(made.cleanup)
        self.directory = made.name
        for name in ("state", "cache", "data"):
            self.enterContext(mock.patch.dict(os.environ, {f"XDG_{name.upper()}_HOME": os.path.join(self.directory, name)}))
        self.enterContext(mock.patch.dict(os.environ, {"TRAPLINE": TRAPLINE}))
        self.case = self.write("softmax.json", json.dumps(CASE))

    def enterContext(self, manager):
        self.addCleanup(manager.__exit__, None, None, None)
        return manager.__enter__()

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)
        return path

    def unit(self, serve=False):
        return self.write("probe.py", SOFTMAX.replace("SERVE", str(serve))) + ":cpu"

    def test_run(self):
        unit = self.unit()
        done = trapline.run(self.case, units=[unit])
        trial = done.trials[0]
        self.assertEqual((done.failed, trial["outcome"], trial["phase"], trial["variant"]),
                         (True, "wrong", "done", {"scale": 8, "stable": False, "how": "run"}), done)
        done = trapline.run(self.case, units=[unit], variant={"stable": True, "scale": 8}, repeat=2)
        self.assertEqual((done.failed, [t["outcome"] for t in done.trials], done.trials[0]["metrics"]), (False, ["pass"] * 2, {"scale": 8}))
        trial = trapline.run(self.case, units=[unit], variant={"how": "raise"}).trials[0]
        self.assertEqual((trial["outcome"], trial["signature"]["title"], trial["counts"]), ("error", "softmax E17: refused at <n>", {"calls": 1}))
        done = trapline.run(self.case, units=[unit], variant={"how": "refuse"})
        self.assertEqual((done.status, done.trials[0]["outcome"], done.trials[0]["message"]), (2, "unsupported", "not of this size"))

    def test_forked_and_isolated(self):
        """In children of a fork server, as in processes of their own."""
        unit = self.unit(serve=True)
        small = self.write("small.json", json.dumps({**CASE, "axes": [{"name": "scale", "ordered": [1, 2]}, CASE["axes"][1]],
                                                     "failing": {"scale": 2, "stable": False}}))
        found = trapline.isolate(small, units=[unit], options=["--db", os.path.join(self.directory, "own.db"), "--max-trials", "12"]).one
        self.assertEqual({t["axis"]: t["value"] for t in found["trigger"]}, {"scale": 2, "stable": False}, found)
        self.assertTrue(os.path.exists(os.path.join(self.directory, "own.db")))
        trial = trapline.run(self.case, units=[unit], variant={"how": "die"}).trials[0]
        self.assertEqual((trial["outcome"], trial["signal"], trial["phase"]), ("crash", "SIGSEGV", "execute"))
        self.assertIn("probe.py", trial["signature"]["title"])
        shown = subprocess.run([TRAPLINE, "show", trial["id"]], capture_output=True, check=True, text=True).stdout
        self.assertIn("forked by a fork server", shown)
        self.assertIn("softmax_0", shown)

    def test_matrix(self):
        table = trapline.matrix([self.case], units=[self.unit()], values={"scale": [1, 8], "stable": [True, False], "how": ["run"]})
        self.assertEqual((table.status, table.document["trials"], table.document["failed"]), (1, 4, 1))

    def test_mistakes(self):
        with self.assertRaises(TraplineError) as raised:
            trapline.run(os.path.join(self.directory, "none.json"), units=[self.unit()])
        self.assertEqual(raised.exception.status, 2)
        self.assertIn("none.json", str(raised.exception))
        with self.assertRaisesRegex(TraplineError, "cannot be started"):
            trapline.run(self.case, program=self.directory)
        with self.assertRaisesRegex(ValueError, "there are 2"):
            getattr(trapline.Findings(1, [{}, {}], ""), "one")
        # A device that the runner says it has not.
        self.assertEqual(trapline.run(self.case, units=[self.unit().replace(":cpu", ":mps")]).status, 2)

    def test_interrupted(self):
        child = mock.MagicMock()
        child.communicate.side_effect = [KeyboardInterrupt, (b"", b"")]
        with mock.patch("subprocess.Popen", return_value=child), self.assertRaises(KeyboardInterrupt):
            trapline.run(self.case)
        child.terminate.assert_called_once_with()

    def test_which_program(self):
        self.assertEqual(trapline.find_program(), os.path.normpath(TRAPLINE))
        del os.environ["TRAPLINE"]
        with mock.patch("shutil.which", return_value=None), self.assertRaisesRegex(TraplineError, "PATH"):
            trapline.find_program()

    def test_values(self):
        self.assertEqual([trapline.value_text(v) for v in (True, False, 3, "a", ["a", "b"], [])], ["true", "false", "3", "a", "a+b", "none"])


def told(function, request):
    """What a runner sends, and its exit status."""
    lines = []
    runner = Runner({"trial": 1, "device": "cpu", "variant": {}, **request}, lambda line: lines.append(json.loads(line)))
    with contextlib.redirect_stderr(io.StringIO()):
        status = runner.answer(function.work)
    return [line for line in lines if line != {"phase": "execute"}], status


class FunctionTest(unittest.TestCase):
    def test_it_stays_a_function(self):
        @trapline.runner(devices=["cpu"])
        def twice(n):
            """Doubles."""
            trapline.phase("execute")
            trapline.operator("x")
            trapline.counts(n=n)
            return 2 * n

        self.assertEqual((twice(4), twice.__doc__, twice.name), (8, "Doubles.", "twice"))

    def test_what_it_tells(self):
        @trapline.runner(devices=["cpu"])
        def told_of(inputs, n=1):
            trapline.phase("compile", timeout_s=3)
            trapline.operator("conv_0", "Conv")
            trapline.counts(steps=n)
            return {"y": 1, "z": [len(inputs)]}

        lines, status = told(told_of, {})
        self.assertEqual((lines[:3], status), ([{"phase": "compile", "timeout_s": 3}, {"operator": {"name": "conv_0", "type": "Conv"}},
                                                {"counts": {"steps": 1}}], 0))
        self.assertEqual([(o["name"], o["shape"], o["first"]) for o in lines[3]["result"]["outputs"]], [("y", [], [1.0]), ("z", [1], [0.0])])

    def test_description(self):
        @trapline.runner(devices=lambda: {"cpu": "", "gpu": "no driver"}, name="mine", version="2", about={"n": "how many"})
        def named(device, inputs, n=1, m=2):
            pass

        @trapline.runner(devices=["cpu"])
        def all_axes(**axes):
            return [len(axes)]

        (line,), _ = told(named, {"trial": None, "describe": 1})
        self.assertEqual(line, {"name": "mine", "version": "2", "protocol": 1, "serve": False, "builds": False,
                                "axes": [{"name": "n", "about": "how many"}, "m"],
                                "devices": [{"name": "cpu", "usable": True, "why": ""}, {"name": "gpu", "usable": False, "why": "no driver"}]})
        (line,), _ = told(all_axes, {"trial": None, "describe": 1})
        self.assertNotIn("axes", line)
        (line,), _ = told(all_axes, {"variant": {"a.b": 1, "c": 2}})
        self.assertEqual(line["result"]["outputs"][0]["first"], [2.0])

    def test_what_cannot_be_one(self):
        with self.assertRaisesRegex(TypeError, "rest cannot be given by name"):
            trapline.runner(devices=["cpu"])(lambda *rest: None)
        with self.assertRaisesRegex(TypeError, "expected a list"):
            trapline.runner(devices="cpu")

    def test_arguments(self):
        @trapline.runner(devices=["cpu"], begins="")
        def add(a, b=2, *, model=None):
            return a, b, model is None

        (line,), status = told(add, {"variant": {"a": 5, "other": 1}})
        self.assertEqual([(o["name"], o["first"]) for o in line["result"]["outputs"]], [("output0", [5.0]), ("output1", [2.0]), ("output2", [1.0])])
        self.assertEqual(status, 0)
        (line,), _ = told(add, {})
        self.assertEqual((line["error"]["domain"], line["error"]["code"]), ("runner", "axis"))
        self.assertIn("takes a,", line["error"]["message"])
        with tempfile.NamedTemporaryFile("w", suffix=".json") as elements:
            elements.write("[1, 2, 3]")
            elements.flush()
            (line,), _ = told(add, {"variant": {"a": {"file": elements.name}}})
        self.assertEqual(line["result"]["outputs"][0]["shape"], [3])
        with mock.patch.dict(sys.modules, {"trapline_tensors": None}):
            (line,), _ = told(trapline.runner(devices=["cpu"])(lambda inputs: 1), {})
        self.assertEqual(line["error"]["code"], "inputs")

    def test_answers(self):
        def returns(value):
            return told(trapline.runner(devices=["cpu"])(lambda: value), {})[0][0]

        self.assertEqual(returns(None)["result"]["outputs"], [])
        result = returns(Result(3, observed="gpu", fallback="in pieces"))["result"]
        self.assertEqual((result["observed"], result["fallback"], result["outputs"][0]["dtype"]), ("gpu", "in pieces", "int64"))
        for raised, line in ((Unsupported("no"), {"unsupported": "no"}),
                             (Failure("d", "c", "m"), {"error": {"domain": "d", "code": "c", "message": "m"}}),
                             (Failure("d", -3, "m"), {"error": {"domain": "d", "code": "-3", "message": "m"}}),
                             (IndexError("7"), {"error": {"domain": "python", "code": "IndexError", "message": "7"}})):
            function = mock.Mock(side_effect=raised, __name__="f", __signature__=__import__("inspect").Signature())
            self.assertEqual(told(trapline.runner(devices=["cpu"])(function), {})[0], [line])

    def test_main(self):
        @trapline.runner(devices=["cpu"], serve=True)
        def one():
            return 1

        out = io.TextIOWrapper(io.BytesIO())
        with contextlib.redirect_stdout(out):
            self.assertEqual(one.main(["--trial", '{"trial": 1}']), 0)
            self.assertEqual(one.main(["--trial", '{"serve": 1}']), 2)  # there is no socket by hand
        self.assertIn(b'"phase": "execute"', out.buffer.getvalue())


class ServeTest(unittest.TestCase):
    """The server's side of a fork server; its children are those of ProgramTest."""

    def server(self, fork):
        ours, theirs = socket.socketpair()
        with ours, theirs, open(os.devnull, "rb") as nothing, mock.patch("os.fork", fork):
            socket.send_fds(ours, [b'{"fork":1}\n'], [nothing.fileno()] * 3)
            ours.shutdown(socket.SHUT_WR)
            function = trapline.runner(devices=["cpu"], serve=True)(lambda: 1)
            begun = Runner({"serve": 1}, theirs.sendall)
            begun.channel = theirs
            with mock.patch.object(Runner, "begin", return_value=begun):
                self.assertEqual(function.main(), 0)
            return [json.loads(line) for line in ours.recv(4096).splitlines()]

    def test_forks(self):
        self.assertEqual(self.server(lambda: 4711), [{"serving": 1}, {"forked": 4711}])
        def cannot():
            raise OSError(11, "Resource temporarily unavailable")
        serving, answer = self.server(cannot)
        self.assertEqual(answer["error"]["code"], "fork")
        self.assertIn("temporarily", answer["error"]["message"])

    def test_reaps(self):
        child = subprocess.Popen(["true"])
        with mock.patch("os.waitpid", side_effect=[(child.pid, 0), (0, 0)]) as waited:
            trapline.reap()
        self.assertEqual(waited.call_count, 2)
        child.wait()

    def test_a_child(self):
        with mock.patch.object(trapline, "be_child", side_effect=SystemExit) as child, mock.patch("os.fork", return_value=0), \
                self.assertRaises(SystemExit):
            trapline.forked(mock.Mock(), [], lambda runner: None)
        child.assert_called_once()


class Torch:
    """What is used of a tensor of torch."""

    int16 = np.int16

    def __init__(self, dtype, values):
        self.dtype, self.values, self.shape = f"torch.{dtype}", values, values.shape

    def detach(self):
        return self

    cpu = contiguous = detach

    def view(self, dtype):
        return Torch("int16", self.values.view(dtype))

    def numpy(self):
        return self.values


class OutputsTest(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory(prefix="trapline-test-")
        self.addCleanup(made.cleanup)
        self.directory = made.name

    def file_of(self, value):
        return np.load(os.path.join(self.directory, trapline.described("y", value, self.directory, 0)["npy"]))

    def test_files_are_numpys(self):
        for value in (np.arange(6, dtype=np.float32).reshape(2, 3), np.array(True), np.array([1, 2], ">i4"), np.zeros((0, 3), np.uint8),
                      np.arange(6.0).reshape(2, 3).T, np.array([1, 2], np.float16)):
            loaded = self.file_of(value)
            self.assertEqual((loaded.shape, loaded.dtype.name, loaded.tolist()), (value.shape, value.dtype.name, value.tolist()))
        self.assertEqual(self.file_of([[1, 2.5], [3, True]]).tolist(), [[1, 2.5], [3, 1]])
        self.assertEqual(self.file_of(array.array("I", [1, 2])).dtype, np.uint32)
        self.assertEqual(self.file_of(array.array("d", [1, 2])).dtype, np.float64)
        self.assertEqual(self.file_of(array.array("q", [-1])).tolist(), [-1])
        self.assertEqual(self.file_of(memoryview(b"\1\0").cast("?")).tolist(), [True, False])
        self.assertEqual(self.file_of([True, False]).dtype, np.bool_)

    def test_a_file_is_what_numpy_writes(self):
        """Byte for byte."""
        value = np.arange(4, dtype=np.float32)
        self.file_of(value)
        with open(os.path.join(self.directory, "0.npy"), "rb") as file:
            written = file.read()
        there = io.BytesIO()
        np.save(there, value)
        self.assertEqual(written, there.getvalue())

    def test_summaries(self):
        """Those of numbers are those of arrays."""
        for values in ([1.0, 2.0, 4.5], [float("nan"), 1.0, float("inf"), -float("inf")], [float("inf")], []):
            plain, fast = (trapline.described("y", v, None, 0) for v in (values, np.array(values)))
            self.assertEqual(plain, fast)
        self.assertEqual(trapline.described("y", [float("nan")], None, 0)["not_finite"], {"nan": 1, "inf": 0, "at": 0})

    def test_torch(self):
        told = trapline.described("y", Torch("float32", np.array([1.5], np.float32)), None, 0)
        self.assertEqual((told["dtype"], told["first"]), ("float32", [1.5]))
        half = Torch("bfloat16", np.array([0x3fc0, 0xff80], np.uint16))
        with mock.patch.dict(sys.modules, torch=types.SimpleNamespace(int16=np.int16)):
            told = trapline.described("y", half, self.directory, 0)
        self.assertEqual((told["dtype"], told["first"], told["finite"]), ("bfloat16", [1.5, "-inf"], False))
        self.assertEqual(np.load(os.path.join(self.directory, "0.npy")).dtype, np.dtype("V2"))

    def test_what_is_none(self):
        for value in ("text", b"bytes", {"a": 1}, [[1], [1, 2]], [1, [2]], [1j], [1 << 64], [None], memoryview(b"ab").cast("c"), object()):
            with self.assertRaisesRegex(Failure, "output y: expected an array"):
                trapline.described("y", value, None, 0)
        with mock.patch.object(trapline, "LIST_MOST", 2), self.assertRaisesRegex(Failure, "more than 2 numbers"):
            trapline.described("y", [1, 2, 3], None, 0)


if __name__ == "__main__":
    unittest.main()
