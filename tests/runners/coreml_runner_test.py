"""The parts of the Core ML runner and its generator, line by line, over the fake of coremltools (tests/fakes/coreml)."""
import contextlib
import io
import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
import warnings
from unittest import mock

import numpy as np

import coreml_calls
import coreml_errors
import coreml_plan
import coreml_trial
import coremltools as ct
import export_masks
import main as runner_main
import trapline
import trapline_runner
from trapline_runner import Failure, Runner, Unsupported

MAIN = os.path.abspath(runner_main.__file__)


class RunnerTest(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory(prefix="trapline-coreml-")
        self.addCleanup(made.cleanup)
        self.directory = made.name
        state = mock.patch.dict(os.environ, XDG_STATE_HOME=self.directory, TRAPLINE_PYTHON=sys.executable)
        state.start()
        self.addCleanup(state.stop)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def export(self, *options, name="model", status=0):
        with contextlib.redirect_stdout(io.StringIO()) as said:
            self.assertEqual(export_masks.main([self.path(name), "--inputs", self.path("inputs.json"), *options]), status)
        return said.getvalue()

    def request(self, **more):
        found = {"trial": 1, "device": "cpu", "variant": {}, "model": self.path("model"), "inputs": self.path("inputs.json"),
                 "scratch": tempfile.mkdtemp(dir=self.directory)}
        found.update(more)
        return {name: value for name, value in found.items() if value is not None}

    def inner(self, request):
        """The messages of the inner process, which is this one."""
        sent = []
        runner = Runner(request, lambda line: sent.append(json.loads(line)))
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(runner.answer(runner_main.inner), 0)
        return sent

    def trial(self, **more):
        sent = self.inner(self.request(**more))
        self.phases = [message["phase"] for message in sent if "phase" in message]
        return sent[-1]

    def result(self, **more):
        last = self.trial(**more)
        self.assertIn("result", last)
        return last["result"]

    def error(self, **more):
        last = self.trial(**more)
        self.assertIn("error", last)
        return last["error"]

    def unsupported(self, **more):
        last = self.trial(**more)
        self.assertIn("unsupported", last)
        return last["unsupported"]

    # --- a trial ---

    def test_result(self):
        self.export("--masks=two", "--attention=full+sliding", "--state=true")
        os.mkdir(self.path("outputs"))
        result = self.result(device="ane", outputs=self.path("outputs"), variant={"loads": 2})
        self.assertEqual(self.phases, ["load", "compile", "execute", "check"])
        self.assertEqual((result["requested"], result["observed"], set(result["placement"])), ("ane", "ane", {"ane"}))
        self.assertEqual(result["versions"]["coremltools"], "9.0")
        output = result["outputs"][0]
        self.assertEqual((output["name"], output["dtype"], output["shape"], output["npy"]), ("y", "float32", [1, 1, 16], "0.npy"))
        self.assertEqual(np.load(self.path("outputs", "0.npy")).shape, (1, 1, 16))
        self.assertNotIn("observed", self.result(device="all"))
        self.assertEqual(self.result(variant={"function": "main"})["observed"], "cpu")
        self.assertIn("Function other", self.error(variant={"function": "other"})["message"])

    def test_state_goes_through_all_runs(self):
        """It is the same in each run here, since each writes the same; a fresh one is made where that is asked for."""
        self.export("--state=true")
        with mock.patch.object(ct.models.MLModel, "make_state", autospec=True, side_effect=ct.models.MLModel.make_state) as made:
            self.result(variant={"runs": 3})
            self.assertEqual(made.call_count, 1)
            self.result(variant={"runs": 3, "fresh_state": True})
            self.assertEqual(made.call_count, 4)

    def test_derived_inputs(self):
        self.export("--precision=fp32")
        first, again = self.result(inputs=None), self.result(inputs=None)
        self.assertEqual(first["outputs"], again["outputs"])
        strange = mock.Mock()
        strange.name, strange.type.WhichOneof.return_value = "image", "imageType"
        with self.assertRaisesRegex(Unsupported, "input image is no array"):
            list(coreml_trial.derived([strange]))

    def test_inputs_of_64_bits(self):
        self.export("--masks-in-graph=true")
        with open(self.path("inputs.json"), encoding="utf-8") as file:
            inputs = json.load(file)
        inputs[1]["dtype"] = "int64"
        with open(self.path("inputs.json"), "w", encoding="utf-8") as file:
            json.dump(inputs, file)
        self.assertEqual(self.result()["cast"], {"positions": "int64 to int32"})

    def test_compiled_models(self):
        """Ahead of time, and compiled before: the same outputs. A compiled model says nothing of itself."""
        self.export("--state=true")
        plain = self.result()
        self.assertEqual(self.result(variant={"aot": True, "loads": 2})["outputs"], plain["outputs"])
        shutil.copytree(self.path("model"), self.path("m.mlpackage"))
        compiled = ct.utils.compile_model(self.path("m.mlpackage"), self.path("m.mlmodelc"))
        self.assertEqual(self.result(model=compiled, variant={"state": True})["outputs"], plain["outputs"])
        self.assertIn("list the inputs", self.unsupported(model=compiled, inputs=None))
        self.assertIn("states", self.error(model=compiled)["message"])
        os.rename(compiled, self.path("compiled"))
        self.assertEqual(self.result(model=self.path("compiled"), variant={"state": True})["outputs"], plain["outputs"])

    def test_paths_get_a_suffix(self):
        with open(self.path("file"), "w", encoding="utf-8") as file:
            file.write("neural network")
        with mock.patch("os.link", side_effect=OSError("another file system")):
            made = coreml_trial.with_suffix(self.path("file"), self.directory)
        self.assertEqual((os.path.basename(made), os.path.getsize(made)), ("model.mlmodel", 14))
        self.assertEqual(coreml_trial.with_suffix("x.mlmodelc", self.directory), "x.mlmodelc")

    def test_what_is_refused(self):
        self.export()
        self.assertIn("no device npu", self.unsupported(device="npu"))
        self.assertIn("needs a model", self.unsupported(model=None))
        self.assertIn("no build 8.0 here, only 9.0", self.unsupported(build={"version": "8.0"}))
        self.result(build={"version": "9.0"})
        error = self.error(model=self.path("nothing.mlpackage"))
        self.assertEqual((error["domain"], error["code"], self.phases), ("com.apple.CoreML", "3", ["load"]))
        with mock.patch("importlib.util.find_spec", return_value=None):
            self.assertIn("no package coremltools", self.unsupported())

    def test_outputs_that_are_no_tensors(self):
        told = coreml_trial.told_output("classLabel_probs", {"cat": 0.25, "dog": 0.75}, None, 0)
        self.assertEqual((told["kind"], told["finite"], len(told["hash"])), ("dictionary", True, 64))
        self.assertEqual(coreml_trial.told_output("label", "cat", None, 0)["kind"][:5], "NumPy")

    def test_functions(self):
        one, two = mock.Mock(), mock.Mock()
        one.name, two.name = "prefill", "decode"
        description = mock.Mock(functions=[one, two], defaultFunctionName="decode")
        self.assertIs(coreml_trial.of_function(description, "prefill"), one)
        self.assertIs(coreml_trial.of_function(description, None), two)
        self.assertIs(coreml_trial.of_function(description, "other"), description)

    # --- what Core ML says ---

    def told(self, raised):
        found = coreml_errors.told(raised)
        return found.domain, found.code, found.message

    def test_errors(self):
        info = '{\n    NSLocalizedDescription = "%s";\n    NSUnderlyingError = "%s";\n}'
        self.assertEqual(self.told(RuntimeError(info % ("Failed to build it.", r'Error Domain=com.apple.CoreML Code=110 \"(null)\"'))),
                         ("com.apple.CoreML", "110", "Failed to build it."))
        deep = r'Error Domain=com.apple.CoreML Code=0 \"outer\" UserInfo={NSUnderlyingError=0x1 {Error Domain=com.apple.mlassetio Code=1 \"inner\"}}'
        self.assertEqual(self.told(RuntimeError(info % ("Unable.", deep))), ("com.apple.mlassetio", "1", "inner; outer; Unable."))
        self.assertEqual(self.told(RuntimeError("{\n    NSLocalizedDescription = short;\n}")), ("Core ML", "RuntimeError", "short"))
        self.assertEqual(self.told(KeyError("mask")), ("python", "KeyError", "'mask'"))
        self.assertEqual(self.told(Failure("d", "c", "m")), ("d", "c", "m"))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                try:
                    raise RuntimeError(info % ("Within.", "Error Domain=a.b Code=-7"))
                except RuntimeError as error:
                    warnings.warn(coreml_errors.WARNING + str(error), RuntimeWarning)
            except RuntimeWarning as warned:
                self.assertEqual(self.told(warned), ("a.b", "-7", "Within."))

    def test_a_model_that_is_not_loaded_is_no_warning(self):
        self.export("--masks=two", "--attention=full+sliding", "--masks-in-graph=true")
        error = self.error()
        self.assertEqual((error["domain"], error["code"], self.phases), ("com.apple.CoreML", "-14", ["load", "compile"]))
        self.assertTrue(error["message"].startswith("perm tensor length must equal input tensor rank, 4 != 8"))

    # --- where it runs ---

    def test_plan(self):
        self.export("--masks-in-graph=true")
        shutil.copytree(self.path("model"), self.path("m.mlpackage"))
        compiled = ct.utils.compile_model(self.path("m.mlpackage"), self.path("m.mlmodelc"))
        placed = coreml_plan.placement(compiled, "ane")
        self.assertEqual((set(placed), placed["cpu"]), ({"ane", "cpu"}, 2))  # comparison and select are not for the Neural Engine
        with contextlib.redirect_stdout(io.StringIO()) as said:
            self.assertEqual(runner_main.main(["--plan", compiled, "ane"]), 0)
        self.assertEqual(json.loads(said.getvalue()), placed)
        self.assertEqual(coreml_plan.placement_apart(MAIN, compiled, "ane"), placed)
        # Core ML ends the process that asks for the plan of what is not compiled, and only that.
        self.assertIsNone(coreml_plan.placement_apart(MAIN, self.path("m.mlpackage"), "ane"))
        with mock.patch.object(coreml_plan.MLComputePlan, "model_structure", mock.Mock(program=None)):
            self.assertIsNone(coreml_plan.placement(compiled, "ane"))

    def test_observed(self):
        self.assertEqual(coreml_plan.observed("ane", {"ane": 1, "cpu": 9}), "ane")
        self.assertEqual(coreml_plan.observed("ane", {"gpu": 1, "cpu": 9}), "cpu+gpu")
        self.assertIsNone(coreml_plan.observed("all", {"ane": 1}))
        self.assertIsNone(coreml_plan.observed("ane", None))

    def test_devices(self):
        self.assertEqual(coreml_plan.why_unusable(["cpu", "ane", "all"]), {"cpu": "", "ane": "", "all": ""})
        found = [coreml_plan.MLCPUComputeDevice()]
        with mock.patch.object(ct.models.MLModel, "get_available_compute_devices", return_value=found):
            self.assertEqual(coreml_plan.why_unusable(["cpu", "ane"]), {"cpu": "", "ane": "Core ML has no ane here, only cpu"})
        with mock.patch.object(ct.models.MLModel, "get_available_compute_devices", side_effect=AttributeError("None")):
            self.assertIn("finds no Core ML here", coreml_plan.why_unusable(["cpu"])["cpu"])
        self.assertEqual(coreml_plan.device_of(coreml_plan.MLComputeDevice()), "MLComputeDevice")

    # --- the two processes ---

    def outer(self, request, **environment):
        """The messages of a runner that is started as trapline does, how it ended, and what it wrote."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            def third():
                os.dup2(theirs.fileno(), 3)
            child = subprocess.Popen([sys.executable, "-X", "dev", MAIN], preexec_fn=third, close_fds=False, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, env=dict(os.environ, **environment))
            theirs.close()
            ours.sendall(json.dumps(request).encode() + b"\n")
            out, err = child.communicate()
            with ours.makefile("rb") as lines:
                return [json.loads(line) for line in lines], child.returncode, (out + err).decode()

    def test_processes(self):
        self.export("--state=true", "--weights=palette4")
        sent, status, said = self.outer(self.request(device="ane"))
        self.assertEqual((status, sent[-1]["result"]["observed"]), (0, "ane"), said)
        self.assertNotIn("Warning", said)
        sent, status, said = self.outer(self.request(device="ane", variant={"runs": 200}))
        self.assertEqual((status, sent[-1]), (128 + signal.SIGSEGV, {"phase": "execute"}))
        self.assertIn("predict 129", said)

    def by_hand(self, *arguments):
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err, \
                mock.patch.object(trapline, "by_hand", lambda line: print(line.decode(), end="")):
            status = runner_main.main(list(arguments))
        return status, out.getvalue() + err.getvalue()

    def test_by_hand(self):
        status, said = self.by_hand("--describe")
        self.assertEqual((status, [each["usable"] for each in json.loads(said)["devices"]]), (0, [True] * 4))
        self.assertIn("9.0", json.loads(said)["version"])
        self.export("--weights=int4_block")
        status, said = self.by_hand("--trial", json.dumps(self.request(device="ane")))
        self.assertEqual((status, json.loads(said.splitlines()[-1])["result"]["observed"]), (0, "cpu"))
        self.assertEqual(self.by_hand("--help")[0], 0)
        self.assertEqual(self.by_hand("--nonsense")[0], 2)
        self.assertIn("coremltools 9.0", self.by_hand("--versions")[1])
        with mock.patch.object(sys, "argv", [MAIN, "--help"]), self.assertRaises(SystemExit) as ended, \
                contextlib.redirect_stdout(io.StringIO()):
            runpy.run_path(MAIN, run_name="__main__")
        self.assertEqual(ended.exception.code, 0)

    def test_no_interpreter(self):
        with mock.patch.dict(os.environ, TRAPLINE_PYTHON=self.path("none")):
            status, said = self.by_hand("--describe")
            self.assertIn("no Python can be started", json.loads(said)["devices"][0]["why"])
            self.assertIn("no Python can be started", self.by_hand("--trial", json.dumps(self.request()))[1])

    def test_a_state_directory_that_cannot_be_written(self):
        with open(self.path("file"), "w", encoding="utf-8"), mock.patch.dict(os.environ, XDG_STATE_HOME=self.path("file")):
            status, said = self.by_hand("--describe")
        self.assertEqual(status, 0)
        self.assertIn("will not be found", said)

    def test_an_inner_process_that_says_nothing(self):
        python = self.path("python")
        with open(python, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nexit 7\n")
        os.chmod(python, 0o755)
        with mock.patch.dict(os.environ, TRAPLINE_PYTHON=python):
            for arguments in (("--describe",), ("--trial", json.dumps(self.request()))):
                with self.assertRaises(SystemExit) as ended:
                    self.by_hand(*arguments)
                self.assertEqual(ended.exception.code, 7)

    def test_a_refusal_of_the_compiler_without_a_plan(self):
        message = {"result": {"outputs": []}}
        runner_main.tell_where(message, "ane", {runner_main.ANE_REFUSED})
        self.assertIn("refused the model", message["result"]["fallback"])

    def test_inner_describe(self):
        sent = self.inner({"describe": 1})
        self.assertTrue(all(each["usable"] for each in sent[0]["devices"]))
        with mock.patch("importlib.util.find_spec", return_value=None):
            self.assertFalse(any(each["usable"] for each in self.inner({"describe": 1})[0]["devices"]))
        with mock.patch.dict(sys.modules, {"coreml_plan": None}):
            self.assertIn("coremltools cannot be loaded: ModuleNotFoundError", self.inner({"describe": 1})[0]["devices"][0]["why"])
        ours, theirs = socket.socketpair()
        with ours:
            ours.sendall(b'{"describe": 1}\n')
            self.assertEqual(runner_main.main(["--inner", str(theirs.detach())]), 0)
            self.assertEqual(json.loads(ours.recv(65536))["name"], "coreml")

    # --- the calls ---

    def test_self_check(self):
        with mock.patch.object(coreml_calls, "TOOLS", ()):
            status, said = self.by_hand("--self-check")
        self.assertEqual(status, 0, said)
        self.assertNotIn("MISSING", said)
        here = ct.models.CompiledMLModel.make_state
        del ct.models.CompiledMLModel.make_state
        self.addCleanup(setattr, ct.models.CompiledMLModel, "make_state", here)
        with mock.patch.object(coreml_calls, "TOOLS", (("nothing-of-that-name",),)):
            status, said = self.by_hand("--self-check")
        self.assertEqual(status, 1)
        self.assertIn("MISSING coremltools.models.CompiledMLModel.make_state", said)
        self.assertIn("MISSING nothing-of-that-name: nothing-of-that-name is not in PATH", said)

    # --- the generator ---

    def inputs(self):
        with open(self.path("inputs.json"), encoding="utf-8") as file:
            return {each["name"]: each for each in json.load(file)}

    def test_generator(self):
        self.export("--masks=two", "--attention=full+sliding", "--query=2", "--context=4", "--window=1")
        inputs = self.inputs()
        self.assertEqual(list(inputs), ["x", "causalMask", "slidingMask"])
        seen = [[value == 0 for value in inputs[name]["data"]] for name in ("causalMask", "slidingMask")]
        self.assertEqual(seen, [[True, False, False, False, True, True, False, False], [True, False, False, False, False, True, False, False]])
        outputs = []
        for options in ([], ["--state=true"], ["--sdpa=op"], ["--masks-in-graph=true", "--masks=one"],
                        ["--masks-in-graph=true", "--masks=one", "--state=true"]):
            self.export("--query=2", "--context=2", *options, name="m" + str(len(outputs)))
            outputs.append(self.result(model=self.path("m" + str(len(outputs))))["outputs"][0]["first"])
        for each in outputs[1:]:
            np.testing.assert_allclose(each, outputs[0], atol=0.01)
        self.export("--masks=two", "--attention=full+sliding", "--feeds=library", name="library")
        self.assertEqual(list(self.inputs()), ["x", "causalMask"])
        self.export("--masks=two", "--attention=full+sliding", "--state=true", name="state")
        self.assertEqual(export_masks.main([self.path("silent")]), 0)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            self.assertEqual(export_masks.main(["--versions"]), 0)
        self.assertIn("coremltools 9.0", said.getvalue())

    def test_generator_refuses(self):
        self.assertIn("at least 1", self.export("--layers=0", status=77))
        self.assertIn("does not fit a context of 32", self.export("--query=64", status=77))
        self.assertIn("not made of blocks of 32", self.export("--weights=int4_block", "--block-size=32", status=77))
        with mock.patch.object(export_masks.cto.coreml, "palettize_weights", side_effect=lambda model, config: model):
            self.assertIn("no constexpr_lut_to_dense in the program", self.export("--weights=palette4", status=77))
        with mock.patch.object(sys, "argv", ["export_masks.py", self.path("run")]), self.assertRaises(SystemExit) as ended:
            runpy.run_path(export_masks.__file__, run_name="__main__")
        self.assertEqual(ended.exception.code, 0)


if __name__ == "__main__":
    unittest.main()
