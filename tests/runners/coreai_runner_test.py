"""The Core AI runner and its generator, line by line, on stand-ins for Core AI and PyTorch (tests/fakes/coreai). Nothing here
says that it works with the packages themselves."""
import ast
import asyncio
import contextlib
import io
import json
import logging
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import numpy as np

import coreai_build
import coreai_calls
import coreai_files
import coreai_trial
import decoder_model
import export_decoder
import main as outer
import trapline_calls
import trapline_runner
import trapline_scratch
from coreai.runtime import _AIModelError
from coreai_models.export import macos
from python_runner_test import Directory, made
from trapline_runner import Failure, Unsupported

RUNNER = os.path.dirname(os.path.abspath(outer.__file__))
SPECS = dict(macos._EXTERNALIZE_SPECS)
logging.getLogger("asyncio").setLevel(logging.ERROR)  # it tells of what is slow, which trials may be


class CoreAITest(Directory):
    def setUp(self):
        super().setUp()
        environment = mock.patch.dict(os.environ, {"HOME": self.directory, "XDG_STATE_HOME": self.path("state"),
                                                   "TRAPLINE_PYTHON": sys.executable})
        environment.start()
        self.addCleanup(environment.stop)
        os.environ.pop(coreai_files.CONSENT, None)
        self.addCleanup(setattr, macos, "_EXTERNALIZE_SPECS", dict(SPECS))

    def export(self, name="model", **axes):
        """The status of the generator, and what it printed."""
        macos._EXTERNALIZE_SPECS = dict(SPECS)
        arguments = ["--out", self.path(name)]
        for axis, value in axes.items():
            arguments += ["--" + axis, json.dumps(value) if isinstance(value, bool) else str(value)]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            status = export_decoder.main(arguments)
        return status, out.getvalue()

    def inner(self, device="cpu", model="model", **request):
        """The messages of a trial in this process."""
        runner, said = made({"trial": 1, "device": device, "model": self.path(model) if model else None, "scratch": self.directory,
                             **request})
        with contextlib.redirect_stdout(io.StringIO()) as out:
            runner.answer(coreai_trial.run_trial)
        self.printed = out.getvalue()
        return said

    def outputs(self, axes, **more):
        """The outputs of a decoder, by name."""
        self.assertEqual(self.export(name="o" + str(len(os.listdir(self.directory))), **axes), (0, ""))
        newest = max((self.path(n) for n in os.listdir(self.directory) if n.startswith("o")), key=os.path.getmtime)
        os.makedirs(self.path("values"), exist_ok=True)
        said = self.inner(model=os.path.basename(newest), outputs=self.path("values"), **more)
        self.assertIn("result", said[-1], said)
        return {one["name"]: np.load(self.path("values", one["npy"])).astype(float) for one in said[-1]["result"]["outputs"]
                if one["name"].startswith("y")}

    def apart(self, device, model="model", **request):
        """A trial by two processes: exit status, messages, stderr."""
        request = {"trial": 1, "device": device, "model": self.path(model), "scratch": self.directory, **request}
        done = subprocess.run([sys.executable, os.path.join(RUNNER, "main.py"), "--trial", json.dumps(request)], capture_output=True,
                              timeout=60, check=False)
        return done.returncode, [json.loads(x) for x in done.stdout.splitlines() if x.startswith(b"{")], done.stderr.decode()


class TrialTest(CoreAITest):
    def test_phases_and_result(self):
        self.export(seq=4, query="dynamic", shapes="dynamic")
        for device in ("default", "cpu", "gpu", "ane", "interpreter"):
            model = "static" if device == "ane" else "model"
            self.export(name="static" + device, seq=4)
            said = self.inner(device, "static" + device if device == "ane" else model, variant={"runs": 2, "loads": 2})
            self.assertEqual([m.get("phase") for m in said], ["load", "compile", "execute"] * 2 + ["check", None])
            result = said[-1]["result"]
            self.assertEqual([o["name"] for o in result["outputs"]], ["y.0", "y.1"])
            self.assertEqual((result["requested"], result["versions"]["coreai-core"]), (device, "1.0.0b2"))
            self.assertNotIn("observed", result, "no API tells")
            self.assertEqual(set(result["metrics"]), {"asset_bytes", "specialise_s", "tok_s"})
            self.assertRegex(self.printed, r"(?m)^specialise_s [\d.e-]+$")

    def test_a_model_without_calls(self):
        self.export(name="plain.aimodel", masks="one", kv="io")
        with open(self.write("inputs", json.dumps([
                {"name": "x", "dtype": "float16", "shape": [1, 1, 32], "fill": {"random": 7}},
                {"name": "position_ids", "dtype": "int64", "shape": [1, 5], "fill": {"range": [0, 1]}},
                {"name": "mask", "dtype": "float16", "shape": [1, 1, 1, 5], "fill": {"constant": 0}},
                {"name": "keyCache", "dtype": "float16", "shape": [1, 1, 1, 32, 16], "fill": {"constant": 0}},
                {"name": "valueCache", "dtype": "float16", "shape": [1, 1, 1, 32, 16], "fill": {"constant": 0}}]))) as file:
            said = self.inner("cpu", "plain.aimodel", inputs=file.name)
        result = said[-1]["result"]
        self.assertEqual([o["name"] for o in result["outputs"]], ["y", "keyCache_out", "valueCache_out"])
        self.assertEqual(result["cast"], {"position_ids": "int64 to int32"})

    def test_refusals(self):
        self.export()
        self.write("file.aimodel", "no asset")
        for device, model, expected in (("tpu", "model", "there is no device tpu"), ("cpu", None, "needs a model")):
            self.assertIn(expected, self.inner(device, model)[-1]["unsupported"])
        self.assertEqual(self.inner("cpu", "file.aimodel")[-1]["error"]["code"], "FileNotFoundError")
        with open(self.path("model", "calls.json"), encoding="utf-8") as file:
            calls = json.load(file)
        calls["calls"][0]["function"] = "decode"
        self.write("model/calls.json", json.dumps(calls))
        self.assertEqual(self.inner("cpu")[-1]["error"], {"domain": "python", "code": "KeyError", "message": "'decode'"})

    def test_mistakes_in_calls(self):
        self.export()
        good = {"asset": "decoder.aimodel"}
        for calls in ([], {}, {"calls": []}, {"calls": 3}, {"calls": [3]}, {"calls": [{}]}, {"calls": [{"asset": "../decoder.aimodel"}]},
                      {"calls": [{"asset": ".."}]}, {"calls": [{**good, "function": 1}]}, {"calls": [{**good, "feed": ["y"]}]},
                      {"calls": [{**good, "feed": {"x": 1}}]}, {"calls": [{**good, "state": {}}]}, {"calls": [{**good, "state": [{"name": "k"}]}]},
                      {"calls": [{**good, "state": [{"name": "k", "dtype": "float16", "shape": [True]}]}]}, {"calls": [{**good, "inputs": [1]}]}):
            self.write("model/calls.json", json.dumps(calls))
            error = self.inner("cpu")[-1]["error"]
            self.assertEqual((error["domain"], error["code"]), ("calls.json", "form"), calls)
            self.assertIn("expected", error["message"])
        self.write("model/calls.json", json.dumps({"calls": [{**good, "feed": {"x": "y"}}]}))
        self.assertEqual(self.inner("cpu")[-1]["error"], {"domain": "calls.json", "code": "feed", "message": mock.ANY})

    def test_ahead_of_time(self):
        self.export()
        said = self.inner("ane", variant={"aot": True, "architecture": "h16s", "frequent_reshapes": True})
        self.assertEqual([m.get("phase") for m in said], ["compile", "load", None])
        self.assertEqual(said[-1]["error"], {"domain": "AIModelError", "code": "3", "message": "AIModelError 3: invalidCompiledModel"})
        self.assertRegex(self.printed, "ane_regions [1-9]")
        self.assertIn("is for a device", self.inner("interpreter", variant={"aot": True}, scratch=self.path("other"))[-1]["unsupported"])

    def test_options(self):
        """None is never given: macOS 27 dies of it."""
        asset = mock.MagicMock()
        asset.executable.return_value.__aenter__.side_effect = RuntimeError("far enough")
        with mock.patch.object(coreai_trial.AIModelAsset, "load", return_value=asset):
            for device in ("default", "interpreter", "cpu", "gpu", "ane"):
                asset.executable.reset_mock()
                self.inner(device)
                _, given = asset.executable.call_args
                self.assertEqual(set(given), set() if device in ("default", "interpreter") else {"specialization_options"})
                self.assertNotIn(None, given.values())


class DefectTest(CoreAITest):
    """The reported defects, in processes that really die."""

    def test_a_begin_that_is_a_tensor(self):
        self.export("shape", begin_index="shape", shapes="dynamic", query="dynamic", seq=4)
        self.export("tensor", begin_index="tensor")
        status, said, _ = self.apart("gpu", "shape")
        self.assertEqual((status, list(said[-1])), (0, ["result"]))
        status, said, _ = self.apart("gpu", "tensor")
        self.assertEqual((status, said[-1]), (128 + signal.SIGTRAP, {"phase": "execute"}))

    def test_a_heap_that_is_too_small(self):
        self.export(layers=6, full_every=6, head_dim=256, full_head_dim=512, heads=16)
        status, _, err = self.apart("gpu")
        self.assertEqual(status, 128 + signal.SIGABRT)
        self.assertIn("offset 198400 + size 16384 exceeds heap total 212992", err)
        self.assertTrue(err.rstrip().endswith("failed assertion `Failed to acquire the source buffer for the ViewOp'"))

    def test_the_neural_engine(self):
        self.export("linear", weights="int4_block")
        self.assertEqual(self.apart("ane", "linear")[0], 128 + signal.SIGSEGV)
        self.assertEqual(self.apart("ane", "linear", variant={"aot": True})[0], 128 + signal.SIGSEGV)
        self.export("palette", weights="int4_codebook")
        status, said, err = self.apart("ane", "palette")
        self.assertEqual((status, said[-1]["result"].get("observed"), err), (0, None, ""))
        self.export("varies", shapes="dynamic", query="dynamic")
        status, said, err = self.apart("ane", "varies")
        self.assertEqual((status, said[-1]["result"]["requested"], said[-1]["result"]["observed"]), (0, "ane", "gpu"))
        self.assertIn("ANECCompileOffline() failed", err)

    def test_options_of_none(self):
        self.export()
        done = subprocess.run([sys.executable, "-c", "import sys, pathlib; from coreai.authoring import AIModelAsset; "
                               "AIModelAsset.load(pathlib.Path(sys.argv[1])).executable(specialization_options=None)",
                               self.path("model", "decoder.aimodel")], stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, -signal.SIGTRAP)


class OuterTest(CoreAITest):
    def trial(self, device="cpu", **request):
        runner, said = made({"trial": 1, "device": device, "model": self.path("model"), "scratch": self.directory, **request})
        return runner.answer(outer.outer), said

    def test_trial(self):
        self.export()
        status, said = self.trial("interpreter")
        self.assertEqual((status, list(said[-1])), (0, ["result"]))
        self.assertEqual(os.listdir(self.path("state", "trapline", "coreai")), ["cache.lock"])
        with self.assertRaises(SystemExit) as ends:
            self.export(begin_index="tensor", name="dies")
            runner, _ = made({"trial": 1, "device": "gpu", "model": self.path("dies")})
            outer.trial(runner)
        self.assertEqual(ends.exception.code, 128 + signal.SIGTRAP)

    def test_where_it_ran(self):
        for device, layers, said, expected in (
                ("ane", ["ane", "gpu"], {"ANECCompile"}, {"observed": "gpu"}), ("ane", ["cpu"], {"ANECCompile"}, {"observed": "cpu"}),
                ("ane", [], {"ANECCompile"}, {"fallback": mock.ANY}), ("ane", ["gpu"], set(), {}), ("gpu", ["gpu"], {"ANECCompile"}, {})):
            message = {"result": {"layers": layers}}
            outer.tell_where(message, device, said)
            self.assertEqual(message["result"], {"layers": layers, **expected})
        outer.tell_where({"error": {}}, "ane", {"ANECCompile"})
        # A result that is too long for a message is in a file, and is so again.
        self.write("result.json", json.dumps({"layers": ["gpu"], "outputs": [{"name": "y" * 70000}]}))
        runner, said = made({"trial": 1, "device": "ane", "scratch": self.directory})
        with mock.patch.object(outer, "start_apart", return_value=outer.Ended(1, 0, {"ANECCompile"}, {"result": {"file": "result.json"}})):
            outer.trial(runner)
        self.assertEqual(said, [{"result": {"file": "result.json"}}])
        with open(self.path("result.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["observed"], "gpu")

    def test_no_python(self):
        with mock.patch.dict(os.environ, {"TRAPLINE_PYTHON": "/nonexistent/python"}):
            self.assertIn("no Python can be started as /nonexistent/python", self.trial()[1][0]["unsupported"])
            runner, said = made({"describe": 1})
            runner.answer(outer.outer)
            self.assertFalse(any(d["usable"] for d in said[0]["devices"]))

    def test_describe(self):
        for build, usable in (({}, True), ({"version": "1.0.0b2"}, True), ({"version": "26A0"}, False)):
            runner, said = made({"describe": 1, "build": build})
            self.assertEqual(runner.answer(outer.outer), 0)
            self.assertEqual({d["usable"] for d in said[0]["devices"]}, {usable})
            runner, said = made({"describe": 1, "build": build})
            runner.answer(outer.inner)
            self.assertEqual({d["usable"] for d in said[0]["devices"]}, {usable})
        self.assertRegex(said[0]["version"], r"^1\.0\.0b2 \(coreai-core 1\.0\.0b2, .*coreai-torch 0\.4\.2")
        self.assertIn("no build 26A0 here, only 1.0.0b2", said[0]["devices"][0]["why"])
        with mock.patch("importlib.util.find_spec", return_value=None):
            self.assertIn("no package coreai for", outer.why_unusable({}, {}))
        with mock.patch.object(outer, "start_apart", return_value=outer.Ended(1, -11, set(), None)), self.assertRaises(SystemExit):
            outer.describe(made({"describe": 1})[0])

    def test_inner(self):
        self.export()
        runner, said = made({"trial": 1, "device": "cpu", "model": self.path("model")})
        with contextlib.redirect_stdout(io.StringIO()):
            outer.inner(runner)
        self.assertIn("result", said[-1])

    def test_command_line(self):
        def run(*arguments):
            with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
                return outer.main(list(arguments)), out.getvalue(), err.getvalue()

        self.assertEqual(run("--help")[0], 0)
        self.assertEqual((run("--nonsense")[0], run("--nonsense")[1]), (2, ""))
        self.assertIn("coreai-core 1.0.0b2\n", run("--versions")[1])
        status, out, _ = run("--self-check")
        self.assertEqual((status, "MISSING" in out), (0, False), out)
        with mock.patch.object(outer.Runner, "begin") as begin:
            begin.return_value.answer.return_value = 7
            self.assertEqual((run("--inner", "5")[0], run("--describe")[0]), (7, 7))
        with mock.patch.object(sys, "argv", ["main.py", "--help"]), contextlib.redirect_stdout(io.StringIO()), self.assertRaises(SystemExit):
            runpy.run_path(os.path.join(RUNNER, "main.py"), run_name="__main__")


class SelfCheckTest(CoreAITest):
    def test_what_is_missing(self):
        self.assertIn("ModuleNotFoundError", trapline_calls.missing("coreai.nothing", "x", ()))
        self.assertIn("AttributeError", trapline_calls.missing("coreai.runtime", "AIModel.nothing", ()))
        self.assertEqual(trapline_calls.missing("coreai.runtime", "NDArray", ("data", "copy")), "takes no copy")
        self.assertEqual(trapline_calls.takes(lambda **any: None, ("data",)), "")
        self.assertEqual(trapline_calls.takes(3, ("data",)), "")
        self.assertEqual(trapline_calls.missing_tool(["/nonexistent/xcrun"]), "/nonexistent/xcrun is not in PATH")
        self.assertEqual(trapline_calls.missing_tool(["false"]), "exit status 1")
        with tempfile.TemporaryDirectory() as there:
            tool = os.path.join(there, "tool")
            with open(tool, "wb") as file:
                file.write(b"\x7fELF")
            os.chmod(tool, 0o755)
            self.assertEqual(trapline_calls.missing_tool([tool]), "cannot be started: Exec format error")
        with mock.patch.object(trapline_calls, "missing_tool", return_value="no"), contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertEqual(coreai_calls.self_check(), 1)
        self.assertIn("MISSING xcrun --find coreai-build: no", out.getvalue())

    def test_it_names_all_that_is_described(self):
        """What the stubs of Core AI's own packages hold, and what is looked for, is the same."""
        stubs = os.path.join(os.environ["FAKE_COREAI"], "stubs")
        held = set()
        for at, _, names in os.walk(stubs):
            for name in names:
                package = os.path.relpath(os.path.join(at, name), stubs).removesuffix(".pyi").removesuffix("/__init__").replace("/", ".")
                if package.startswith("torch"):
                    continue
                with open(os.path.join(at, name), encoding="utf-8") as file:
                    for node in ast.parse(file.read()).body:
                        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
                            held.add((package, node.name))
                        elif isinstance(node, ast.AnnAssign):
                            held.add((package, node.target.id))
        wanted = {(module, path.split(".")[0]) for module, path, _ in coreai_calls.CALLS if module.startswith("coreai")}
        # What calls return is not looked for by name.
        returned = {("coreai.runtime", "_InferenceFunction"), ("coreai_models.export.macos", "AIProgram")}
        self.assertEqual(wanted, held - returned)

    def test_nothing_is_left_open(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.sendall(b'{"describe": 1}\n')
            done = subprocess.run([sys.executable, "-X", "dev", os.path.join(RUNNER, "main.py"), "--inner", str(theirs.fileno())],
                                  pass_fds=[theirs.fileno()], capture_output=True, text=True, check=True,
                                  env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
            self.assertEqual(json.loads(ours.recv(65536))["name"], "coreai")
        self.assertNotIn("ResourceWarning", done.stderr)


class FilesTest(CoreAITest):
    def test_wipe(self):
        cache = coreai_files.cache_directory()
        self.assertEqual(cache, self.path("Library", "Caches", "coreai-cache"))
        coreai_files.wipe(cache, None)  # there is none
        self.write("Library/Caches/coreai-cache/a/b", "12345")
        self.write("Library/Caches/coreai-cache/c", "6")
        for consent in (None, "yes", self.directory):
            with self.assertRaisesRegex(Unsupported, r"all 2 files .*TRAPLINE_COREAI_WIPE=" + cache):
                coreai_files.wipe(cache, consent)
        os.symlink(cache, self.path("link"))
        with self.assertRaisesRegex(Unsupported, "a link or somebody else's"):
            coreai_files.wipe(self.path("link"), self.path("link"))
        self.export()
        trial = OuterTest.trial
        self.assertIn("would remove", trial(self, variant={"cache": "wipe"})[1][0]["unsupported"])
        self.assertIn("expected keep or wipe", trial(self, variant={"cache": "cold"})[1][0]["unsupported"])
        self.assertTrue(os.path.exists(os.path.join(cache, "a", "b")))
        with mock.patch.dict(os.environ, {coreai_files.CONSENT: cache}):
            self.assertIn("result", trial(self, variant={"cache": "wipe"})[1][-1])
        self.assertEqual(os.listdir(cache), [])

    def test_lock(self):
        with contextlib.closing(coreai_files.lock(False)), contextlib.closing(coreai_files.lock(False)):
            slept = []
            with self.assertRaisesRegex(Unsupported, "another trial is using"):
                coreai_files.lock(True, patience_s=0.02, sleep=lambda s: slept.append(s) or __import__("time").sleep(0.01))
            self.assertTrue(slept)
        coreai_files.lock(True).close()
        with mock.patch.dict(os.environ, {"XDG_STATE_HOME": "/dev/null"}), self.assertRaisesRegex(Unsupported, "cannot write to /dev/null"):
            coreai_files.lock(False)
        with mock.patch.dict(os.environ, {"XDG_STATE_HOME": "relative"}):
            self.assertEqual(trapline_runner.state_directory("coreai"), self.path(".local", "state", "trapline", "coreai"))

    def test_scratch(self):
        roots = [self.path("folders")]
        mine = self.path("folders", "mpsgraph-41-7")
        for name in ("mpsgraph-41-7/x", "mpsgraph-410-7/x", "mpsgraph-42-7/x"):
            self.write("folders/" + name, "1")
        os.symlink(self.path("folders", "mpsgraph-410-7"), self.path("folders", "mpsgraph-41-link"))
        self.assertEqual(trapline_scratch.sweep(41, roots), [mine])
        self.assertEqual(sorted(os.listdir(self.path("folders"))), ["mpsgraph-41-link", "mpsgraph-410-7", "mpsgraph-42-7"])
        dead = subprocess.Popen(["true"])
        dead.wait()
        self.write(f"folders/mpsgraph-{dead.pid}-1/x", "1")
        for process in (dead.pid, os.getpid()):
            trapline_scratch.note_process(process)
        self.write("state/trapline/scratch/process-nonsense", "")
        trapline_scratch.sweep_noted(roots)
        self.assertFalse(os.path.exists(self.path("folders", f"mpsgraph-{dead.pid}-1")))
        self.assertEqual(list(trapline_scratch.noted()), [os.getpid()])
        trapline_scratch.forget_process(os.getpid())
        trapline_scratch.forget_process(os.getpid())
        with mock.patch("os.kill", side_effect=PermissionError):
            self.assertTrue(trapline_scratch.is_dead(1))


class BuildTest(CoreAITest):
    def compile(self, script):
        """By a coreai-build that is this script."""
        self.write("bin/xcrun", '#!/bin/sh\nexec "$@"\n', 0o755)
        self.write("bin/coreai-build", script, 0o755)
        with mock.patch.dict(os.environ, {"PATH": self.path("bin") + ":/usr/bin:/bin"}):
            scratch = self.path("scratch" + str(len(os.listdir(self.directory))))
            return coreai_build.compile_ahead(self.path("m.aimodel"), scratch, "gpu", {}, lambda process: None)

    def test_ends(self):
        with self.assertRaises(Failure) as failed:
            self.compile("#!/bin/sh\necho 'error: no such platform' >&2; exit 64\n")
        self.assertEqual((failed.exception.code, failed.exception.message), ("exit 64", "error: no such platform"))
        with self.assertRaisesRegex(Failure, "it said nothing"):
            self.compile("#!/bin/sh\nexit 1\n")
        with self.assertRaisesRegex(Failure, "left 0 files"):
            self.compile("#!/bin/sh\nexit 0\n")
        for script in ("#!/bin/sh\nkill -SEGV $$\n", "#!/bin/sh\nexit 139\n"):
            with self.assertRaises(SystemExit) as ends:
                self.compile(script)
            self.assertEqual(ends.exception.code, 139)
        with mock.patch.dict(os.environ, {"PATH": "/nonexistent"}), self.assertRaisesRegex(Unsupported, "xcrun, which is not here"):
            coreai_build.compile_ahead("m.aimodel", self.path("s"), "gpu", {}, lambda process: None)


class ExportTest(CoreAITest):
    def test_all_forms_compute_the_same(self):
        """How a cache is written, laid out and handed over, and how attention is written, changes no number."""
        base = {"layers": 2, "seq": 4, "context": 4, "begin_index": "constant", "masks": "one", "heads": 4, "kv_heads": 2, "weights": "fp32"}
        expected = self.outputs(base)["y.0"]
        for change in ({"kv": "io"}, {"kv_write": "tensor_scatter"}, {"kv_write": "tensor_scatter", "kv": "io"}, {"kv_padding": 8},
                       {"kv_contiguous": False}, {"kv_contiguous": False, "kv_write": "tensor_scatter"}, {"attention": "manual"},
                       {"attention": "torch"}, {"externalise_sdpa": False}, {"begin_index": "shape"}, {"begin_index": "tensor"},
                       {"masks": "in_graph"}, {"kv_write": "concat", "begin_index": "none"},
                       {"kv_write": "concat", "begin_index": "none", "masks": "in_graph", "kv_contiguous": False},
                       {"query": "dynamic", "traced": 4}, {"query": "dynamic", "shapes": "dynamic", "bound": 16},
                       {"optimize": False}, {"query": "dynamic", "shapes": "dynamic", "kv_write": "concat", "begin_index": "none"}):
            np.testing.assert_allclose(self.outputs({**base, **change})["y.0"], expected, rtol=1e-5, atol=1e-6, err_msg=str(change))

    def test_a_step_after_a_prompt(self):
        """A step sees what the prompt wrote, whoever keeps the cache."""
        base = {"seq": 4, "shapes": "dynamic", "query": "dynamic", "begin_index": "shape", "weights": "fp32"}
        expected = self.outputs(base)["y.1"]
        np.testing.assert_allclose(self.outputs({**base, "kv": "io"})["y.1"], expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(self.outputs({**base, "kv_write": "concat", "begin_index": "none"})["y.1"], expected, rtol=1e-5, atol=1e-6)

    def test_other_axes(self):
        """What changes numbers changes them."""
        base = {"layers": 2, "seq": 4, "masks": "two", "begin_index": "constant"}
        seen = [self.outputs(base)["y.0"]]
        for change in ({"full_every": 2, "window": 2}, {"full_every": 2, "full_head_dim": 32}, {"attention_k_eq_v": True}, {"weight_seed": 2},
                       {"masks": "none", "read_length": "capacity"}, {"weights": "int4_block", "scheme": "symmetric"},
                       {"weights": "int4_codebook"}, {"masks": "one", "window": 2}):
            seen.append(self.outputs({**base, **change})["y.0"])
        self.assertEqual(len({x.tobytes() for x in seen}), len(seen) - 1, "one window is another mask only where two are asked for")

    def test_refusals(self):
        for axes, why in (({"kv_write": "concat", "begin_index": "tensor"}, "no index"), ({"heads": 3, "kv_heads": 2}, "multiple"),
                          ({"context": 40}, "capacity"), ({"read_length": "capacity", "masks": "one"}, "masks=none"),
                          ({"context": 1}, "at least 2"), ({"seq": 8, "bound": 4}, "bound"), ({"platform": "iOS"}, "export_ios_model"),
                          ({"functions": 2}, "several functions"),
                          ({"weights": "int4_block", "threshold": 32768}, "has no blockwise_shift_scale after compression"),
                          ({"weights": "int4_codebook", "threshold": 32768}, "has no lut_to_dense after compression")):
            status, out = self.export(name=str(axes), **axes)
            self.assertEqual(status, 77)
            self.assertIn(why, json.loads(out)["unsupported"])
        with mock.patch("sys.stderr", io.StringIO()), self.assertRaises(SystemExit):
            self.export(optimize="perhaps")

    def test_the_exporter_fails(self):
        for query in ("static", "dynamic"):
            for shapes in ("static", "dynamic"):
                for outside in (False, True):
                    axes = {"query": query, "shapes": shapes, "externalise_sdpa": outside, "name": f"{query}{shapes}{outside}"}
                    if (query, shapes, outside) == ("static", "dynamic", True):
                        with self.assertRaisesRegex(RuntimeError, "Constraints violated"):
                            self.export(**axes)
                    else:
                        self.assertEqual(self.export(**axes), (0, ""))

    def test_attention_inside(self):
        class Module:
            _EXTERNALIZE_SPECS = ["<SDPA>", "<RMSNorm>"]

        export_decoder.leave_sdpa_inside(Module)
        self.assertEqual(Module._EXTERNALIZE_SPECS, ["<RMSNorm>"])
        with self.assertRaisesRegex(Unsupported, "no entry for SDPA"):
            export_decoder.leave_sdpa_inside(Module)

    def test_command_line(self):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            self.assertEqual(export_decoder.main(["--versions"]), 0)
        self.assertIn("torch 2.9.0", out.getvalue())
        arguments = ["export_decoder.py", "--out", self.path("x.aimodel")]
        with mock.patch.object(sys, "argv", arguments), self.assertRaises(SystemExit) as ends:
            runpy.run_path(os.path.join(RUNNER, "export_decoder.py"), run_name="__main__")
        self.assertEqual((ends.exception.code, os.path.isdir(self.path("x.aimodel"))), (0, True))


class FakeTest(CoreAITest):
    """The stand-ins refuse what is not written of the packages."""

    def test_refusals(self):
        import pathlib
        import coreai.authoring
        import coreai.runtime
        with self.assertRaises(TypeError):
            coreai.authoring.AIModelAsset.load("a str")
        with self.assertRaises(TypeError):
            coreai.runtime.NDArray(data=np.zeros(3))
        with self.assertRaises(TypeError):
            coreai.runtime.NDArray(np.zeros(3, np.float32))
        with self.assertRaises(_AIModelError):
            coreai.authoring.AIModelAsset.load(pathlib.Path("x.aimodelc"))
        with self.assertRaises(TypeError):
            coreai.runtime.SpecializationOptions.from_preferred_compute_unit_kind(compute_unit_kind="gpu")
        self.export("m.aimodel")

        async def outside():
            async with coreai.authoring.AIModelAsset.load(pathlib.Path(self.path("m.aimodel"))).executable() as model:
                for given in ({}, {"x": np.zeros(3), "position_ids": None}):
                    with self.assertRaises((ValueError, TypeError)):
                        await model.load_function("main")(given)
                array = coreai.runtime.NDArray(data=np.zeros((1, 1, 1, 32, 16), np.float16))
                out = await model.load_function("main")(
                    {"x": coreai.runtime.NDArray(data=np.zeros((1, 1, 32), np.float16)),
                     "position_ids": coreai.runtime.NDArray(data=np.zeros((1, 5), np.int32))},
                    state={"keyCache": array, "valueCache": coreai.runtime.NDArray(data=array.numpy().copy())})
            with self.assertRaisesRegex(RuntimeError, "no more"):
                out["y"].numpy()

        asyncio.run(outside())


if __name__ == "__main__":
    unittest.main()
