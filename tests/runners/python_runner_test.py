"""What runners in Python share: the protocol, the trial in a process of its own, inputs and outputs."""
import contextlib
import hashlib
import importlib.metadata
import io
import json
import os
import plistlib
import signal
import socket
import sys
import tempfile
import unittest
from unittest import mock

import numpy as np

import trapline_outer
import trapline_runner
import trapline_tensors
from trapline_runner import Failure, Runner, Unsupported


def made(request):
    """A runner, and the messages that it sends."""
    lines = []
    return Runner(request, lambda line: lines.append(json.loads(line))), lines


class Directory(unittest.TestCase):
    def setUp(self):
        there = tempfile.TemporaryDirectory(prefix="trapline-test-")
        self.addCleanup(there.cleanup)
        self.directory = there.name

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, name, content, mode=0o644):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)
        return path


class ProtocolTest(Directory):
    def test_socket(self):
        ours, theirs = socket.socketpair()
        with ours:
            ours.sendall(b'{"trial": 1, "device": "cpu"}\n')
            runner = Runner.begin([], theirs.detach())
            runner.phase("load")
            runner.operator("conv_3", "Conv")
            runner.operator()
            runner.phase("compile", timeout_s=9)
            runner.result([], observed=None, versions={"a": "1"})
            self.assertEqual(runner.request["device"], "cpu")
            with ours.makefile("rb") as lines:
                self.assertEqual([json.loads(lines.readline()) for _ in range(5)], [
                    {"phase": "load"}, {"operator": {"name": "conv_3", "type": "Conv"}}, {"operator": None}, {"phase": "compile", "timeout_s": 9}, {"result": {"outputs": [], "versions": {"a": "1"}}}])
            runner.write.__self__.close()

    def test_by_hand(self):
        out = io.TextIOWrapper(io.BytesIO())
        with mock.patch("sys.stdout", out):
            self.assertEqual(Runner.begin(["--describe"]).request, {"describe": 1})
            runner = Runner.begin(["--trial", '{"trial": 1}'])
            runner.error("d" * 300, "code", "m" * 20000)
        said = json.loads(out.buffer.getvalue())["error"]
        self.assertEqual((len(said["domain"]), len(said["message"]), said["message"][-1]), (200, 16384, "…"))

    def test_what_is_no_request(self):
        for line in (b"", b"[1]", b"{", b'{"other": 1}'):
            runner, said = made(trapline_runner.request_of(line))
            self.assertEqual(runner.answer(lambda _: self.fail("nothing is to be done")), 2)
            self.assertEqual(said[0]["error"]["domain"], "protocol")

    def test_a_long_result(self):
        runner, said = made({"trial": 1, "scratch": self.directory})
        outputs = [{"name": "y" * 1000} for _ in range(100)]
        runner.result(outputs)
        self.assertEqual(said, [{"result": {"file": "result.json"}}])
        with open(self.path("result.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file), {"outputs": outputs})

    def test_answer(self):
        def refuse(_):
            raise Unsupported("not here")

        def fail(_):
            raise Failure("mine", "7", "it refused")

        def refuse_without_words(_):
            raise Unsupported()

        def fail_without_words(_):
            raise Failure("", "", "")

        for work, expected in ((refuse, {"unsupported": "not here"}),
                               (fail, {"error": {"domain": "mine", "code": "7", "message": "it refused"}}),
                               (lambda r: r.result([], observed=""), {"result": {"outputs": []}}),
                               (refuse_without_words, {"unsupported": "no reason was given"}),
                               (fail_without_words, {"error": {"domain": "unknown", "code": "", "message": ""}}),
                               (lambda r: r.describe("n", "1", [("cpu", ""), ("gpu", "none")], ["a"], builds=False),
                                {"name": "n", "version": "1", "protocol": 1, "serve": False, "axes": ["a"], "builds": False,
                                 "devices": [{"name": "cpu", "usable": True, "why": ""},
                                             {"name": "gpu", "usable": False, "why": "none"}]})):
            runner, said = made({"describe": 1})
            self.assertEqual((runner.answer(work), said), (0, [expected]))

    def test_what_an_exception_says(self):
        class CodedError(Exception):
            code = 17

        for raised, domain, code in (
                (RuntimeError("AIModelError 3: invalidCompiledModel"), "AIModelError", "3"),
                (RuntimeError("The operation couldn’t be completed. (CoreAI.AIModelError error 3.)"), "CoreAI.AIModelError", "3"),
                (RuntimeError('Error Domain=com.apple.CoreML Code=-14 "no"'), "com.apple.CoreML", "-14"),
                (RuntimeError("SomeError(rawValue: 5)"), "SomeError", "5"),
                (CodedError("no"), "CodedError", "17"),
                (KeyError("main"), "python", "KeyError"),
                (json.JSONDecodeError("at 4096 of 9000", "", 0), "json", "JSONDecodeError"),
                (ValueError(), "python", "ValueError")):
            found = trapline_runner.failure(raised)
            self.assertEqual(found[:2], (domain, code), raised)
            self.assertTrue(found[2])


class InterpreterTest(unittest.TestCase):
    def test_which(self):
        with mock.patch.dict(os.environ, {"TRAPLINE_PYTHON": "/v/bin/python3"}):
            self.assertEqual(trapline_runner.interpreter({"build": {"path": "/e/.venv/pyvenv.cfg"}}), "/e/.venv/bin/python")
            self.assertEqual(trapline_runner.interpreter({"build": {"version": "26A5353q"}}), "/v/bin/python3")
            with mock.patch("os.execv") as execv:
                trapline_runner.be_run_by_chosen(["x.py", "a"])
                execv.assert_called_once_with("/v/bin/python3", ["/v/bin/python3", "x.py", "a"])
        with mock.patch.dict(os.environ, {"TRAPLINE_PYTHON": sys.executable}), mock.patch("os.execv") as execv:
            trapline_runner.be_run_by_chosen(["x.py"])
            execv.assert_not_called()
        for python, why in (("/nonexistent", "No such file"), ("/", "Permission denied"), (__file__ + "/x", "Not a directory")):
            with mock.patch.dict(os.environ, {"TRAPLINE_PYTHON": python}), contextlib.redirect_stderr(io.StringIO()) as said:
                with self.assertRaises(SystemExit) as ended:
                    trapline_runner.be_run_by_chosen(["x.py"])
            self.assertEqual(ended.exception.code, 2)
            self.assertRegex(said.getvalue(), f"^no Python can be started as {python}: {why}.*TRAPLINE_PYTHON.*\n$")
        with mock.patch.dict(os.environ):
            os.environ.pop("TRAPLINE_PYTHON", None)
            self.assertEqual(trapline_runner.interpreter({}), sys.executable)


class PrintTest(unittest.TestCase):
    def printed(self, file, lines):
        """The status of work that prints so much to a file, and what it says of it."""
        with file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(io.StringIO()) as said:
            status = trapline_runner.print_all(lambda: print("x" * 99 * lines) or 1)
        return status, said.getvalue()

    def test_readers(self):
        for lines in (1, 10000):  # the whole at the end; and while it prints
            reader, writer = os.pipe()
            os.close(reader)
            self.assertEqual(self.printed(os.fdopen(writer, "w"), lines), (128 + signal.SIGPIPE, ""))
            self.assertEqual(self.printed(open("/dev/full", "w", encoding="utf-8"), lines),
                             (2, "stdout cannot be written: No space left on device\n"))
            self.assertEqual(self.printed(open(os.devnull, "w", encoding="utf-8"), lines), (1, ""))
        with mock.patch.object(sys, "stdout", None):
            self.assertEqual(trapline_runner.print_all(lambda: 3), 3)


INNER = """
import json, os, socket, sys
channel = socket.socket(fileno=int(sys.argv[-1]))
request = json.loads(channel.makefile("rb").readline())
"""


class ApartTest(Directory):
    def run_inner(self, text, request, hints=()):
        runner, said = made(request)
        # What the inner process writes goes to this one's descriptor 2: it is kept aside meanwhile.
        with open(self.path("stderr"), "wb") as file:
            kept = os.dup(2)
            os.dup2(file.fileno(), 2)
            try:
                ended = trapline_runner.run_apart(runner, [sys.executable, self.write("inner.py", text)], os.environ, hints)
            finally:
                os.dup2(kept, 2)
                os.close(kept)
        with open(self.path("stderr"), "rb") as file:
            return ended, said, file.read()

    def test_its_messages(self):
        ended, said, _ = self.run_inner(INNER + """
channel.sendall(b'{"phase": "load"}\\n{"result": {"outputs": []}}\\n')
""", {"trial": 1})
        self.assertEqual((ended.status, ended.last, said), (0, {"result": {"outputs": []}}, [{"phase": "load"}]))

    def test_its_words(self):
        """All of stderr is handed on, and a hint is found also where it comes in two pieces."""
        ended, _, err = self.run_inner(INNER + """
os.write(2, b"x" * 65533 + b"ANEC")
os.write(2, b"Compile failed" + b"y" * 100000)
""", {}, ["ANECCompile", "never"])
        self.assertEqual((len(err), ended.said), (65533 + 4 + 14 + 100000, {"ANECCompile"}))

    def test_its_death(self):
        ended, said, err = self.run_inner(INNER + """
channel.sendall(b'{"phase": "execute"}\\n')
os.write(2, b"the last words\\n")
os.abort()
""", {})
        self.assertEqual((ended.status, ended.last, said, err), (-6, None, [{"phase": "execute"}], b"the last words\n"))
        for status, expected in ((-6, 134), (139, 139), (0, 0)):
            with self.assertRaises(SystemExit) as ends:
                trapline_runner.end_as(status)
            self.assertEqual(ends.exception.code, expected)

    def test_its_death_before_it_reads(self):
        ended, said, _ = self.run_inner("import os\nos._exit(5)\n", {"filler": "x" * 5000000})
        self.assertEqual((ended.status, ended.last, said), (5, None, []))


class SystemTest(Directory):
    def test_versions(self):
        sysctl = self.write("sysctl", "#!/bin/sh\necho 'kern.osversion: 26A5353q'; echo 'hw.model: Mac16,1'; echo nonsense; echo 'a: b'\n", 0o755)
        self.write("Xcode/version.plist", plistlib.dumps({"CFBundleShortVersionString": "27.0", "ProductBuildVersion": "18A5"}))
        os.mkdir(self.path("Xcode", "Developer"))
        os.symlink(self.path("Xcode", "Developer"), self.path("link"))
        found = trapline_runner.system_versions(sysctl, self.path("link"))
        self.assertEqual((found["os_build"], found["hw.model"], found["xcode"]), ("26A5353q", "Mac16,1", "27.0 (18A5)"))
        self.write("Xcode/version.plist", plistlib.dumps({}))
        self.assertEqual(list(trapline_runner.system_versions(self.path("none"), self.path("link"))), ["python"])
        self.assertEqual(list(trapline_runner.system_versions(self.path("none"), self.path("none"))), ["python"])
        with mock.patch("importlib.metadata.version", side_effect=[importlib.metadata.PackageNotFoundError, "2"]):
            self.assertEqual(trapline_runner.package_versions(["a", "b"]), {"b": "2"})

    def test_images(self):
        self.assertTrue(any("libc" in path for path in trapline_runner.images("linux")))
        library = mock.Mock()
        library._dyld_image_count.return_value = 2
        library._dyld_get_image_name.side_effect = [b"/System/AGXMetalG16X", b"/System/AppleNeuralEngine"]
        with mock.patch("ctypes.CDLL", return_value=library):
            images = trapline_runner.images("darwin")
        self.assertEqual(trapline_runner.loaded_layers(images), {"gpu", "ane"})

    def test_own_directory(self):
        os.symlink(self.directory, self.path("link"))
        self.assertEqual([trapline_runner.own_directory(p) for p in (self.directory, self.path("link"), self.path("none"))],
                         [True, False, False])


class InputsTest(Directory):
    # tests/unit/test_inputs.c has the same: the beginnings of the SHA-256 of 1000 elements of seed 7.
    KNOWN = {"float32": "4a1bceadf4cfc32afc8d907d99f9211f", "float16": "583168fcf24f518f285e0bae1b5f6341",
             "float64": "0a0513145ae4bd5a03f389b5502535b7", "int8": "31b16eb06295e865be8b49a566b490a3",
             "int16": "e2a79c9a6bd78cf55172aaf8c5e529c5", "int32": "35b8b4597d46ac0496c70212db84198d",
             "int64": "a0ee7a8bedcec8030b7e4567c32502e7", "uint8": "3b7cbeecbdc66e02cb17736d81577e96",
             "uint64": "a0ee7a8bedcec8030b7e4567c32502e7", "bool": "689057c148914e75ff998d22e6cf0d57"}

    def read(self, listed, variant=None):
        return trapline_tensors.read_inputs(self.write("inputs", json.dumps(listed)), variant or {})

    def test_random_is_the_same_everywhere(self):
        for dtype, known in self.KNOWN.items():
            x = self.read([{"name": "x", "dtype": dtype, "shape": [1000], "fill": {"random": 7}}])["x"]
            self.assertEqual((x.dtype.name, hashlib.sha256(x.tobytes()).hexdigest()[:32]), (dtype, known))

    def test_fills(self):
        np.save(self.path("x.npy"), np.array([[1.5]]))
        found = self.read([
            {"name": "a", "dtype": "float16", "shape": ["{n}", 2], "fill": {"range": [1, 0.5]}},
            {"name": "b", "dtype": "uint8", "shape": [3], "fill": {"range": [254, 1]}},
            {"name": "c", "dtype": "float32", "shape": [2], "data": ["-inf", 1]},
            {"name": "d", "dtype": "bool", "shape": [2], "data": [True, 0]},
            {"name": "e", "dtype": "int32", "shape": [0, 2], "fill": {"constant": 3}},
            {"name": "f", "dtype": "int64", "shape": [1], "data": [-5]},
            {"name": "g", "npy": "x.npy"}], {"n": 2})
        self.assertEqual({k: v.tolist() for k, v in found.items()}, {
            "a": [[1, 1.5], [2, 2.5]], "b": [254, 255, 0], "c": [-np.inf, 1], "d": [True, False], "e": [], "f": [-5], "g": [[1.5]]})
        self.assertEqual((found["e"].shape, trapline_tensors.read_inputs(None, {})), ((0, 2), {}))
        with self.assertRaisesRegex(Unsupported, "no bfloat16"):
            self.read([{"name": "x", "dtype": "bfloat16", "shape": [1], "fill": {"random": 7}}])

    def test_mistakes(self):
        for listed in ({}, [1], [{"dtype": "int8"}], [{"name": 3}], [{"name": "x"}], [{"name": "x", "npy": "none.npy"}],
                       [{"name": "x", "dtype": "int8", "shape": ["{n}"], "fill": {"random": 1}}],
                       [{"name": "x", "dtype": "int8", "shape": [2], "data": [1]}], [{"name": "x", "dtype": "int8", "shape": 2, "data": [1]}],
                       [{"name": "x", "dtype": "float32", "shape": [1], "data": ["one"]}],
                       [{"name": "x", "dtype": "float32", "shape": [1], "fill": {"range": [1]}}],
                       [{"name": "x", "dtype": "int8", "shape": [1], "data": ["inf"]}]):
            with self.assertRaises(Failure, msg=listed) as failed:
                self.read(listed)
            self.assertEqual((failed.exception.domain, failed.exception.code), ("inputs", "form"))
        with self.assertRaises(Failure):
            trapline_tensors.input_array([], "", {})

    def test_narrowed(self):
        for array, to in ((np.array([2**31 - 1]), "int32"), (np.array([1.5, np.inf]), "float32"), (np.array([3], np.uint64), "uint32"),
                          (np.array([3], np.int8), "int8")):
            self.assertEqual(trapline_tensors.narrowed("x", array).dtype.name, to)
        for array in (np.array([2**31]), np.array([1e300]), np.array([2**32], np.uint64)):
            with self.assertRaisesRegex(Unsupported, "do not fit"):
                trapline_tensors.narrowed("x", array)


class OuterTest(Directory):
    def test_a_note_that_cannot_be_left(self):
        """A trial is run all the same, and says what will not be swept."""
        said = io.StringIO()
        with mock.patch.object(trapline_outer, "note_process", side_effect=OSError("the disk is full")), contextlib.redirect_stderr(said):
            trapline_outer.note(4711)
        self.assertIn("process 4711 leaves", said.getvalue())
        self.assertIn("the disk is full", said.getvalue())


class OutputsTest(Directory):
    def test_described(self):
        told = trapline_tensors.described("y", np.array([[1, np.nan], [np.inf, -np.inf]], np.float16).T, self.directory, 3)
        self.assertEqual([told[k] for k in ("dtype", "shape", "finite", "first", "min", "max", "npy")],
                         ["float16", [2, 2], False, [1.0, "inf", "nan", "-inf"], 1.0, 1.0, "3.npy"])
        self.assertEqual(np.load(self.path("3.npy")).shape, (2, 2))
        self.assertFalse(np.isfortran(np.load(self.path("3.npy"))))
        told = trapline_tensors.described("y", np.zeros((0,), np.int32), None, 0)
        self.assertEqual([told[k] for k in ("min", "finite", "first")], [None, True, []])
        self.assertEqual(trapline_tensors.described("y", np.float32(2), None, 0)["shape"], [])
        told = trapline_tensors.described("y", np.array([1j]), None, 0)
        self.assertEqual((told["kind"], "dtype" in told), ("NumPy's complex128", False))


if __name__ == "__main__":
    unittest.main()
