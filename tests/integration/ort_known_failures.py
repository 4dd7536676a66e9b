#!/usr/bin/env python3
"""ONNX Runtime through the trapline program: known failures, hostile models, inputs and axes.

TRAPLINE_BIN is the program. Builds are taken from the cache and never fetched; a test whose build is not there
is skipped. TRAPLINE_REQUIRE_BUILDS=1 makes that a failure."""

import json
import os
import platform
import struct
import subprocess
import tempfile
import unittest

BIN = os.environ.get("TRAPLINE_BIN", "trapline")
CASES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "cases", "onnxruntime")

# y = x + x, float[1]: IR version 5, opset 11.
ADD = bytes.fromhex(
    "0805 3a35 0a0e 0a0178 0a0178 120179 2203416464 120167 5a0f 0a0178 120a 0a08 0801 1204 0a02 0801"
    "620f 0a0179 120a 0a08 0801 1204 0a02 0801 4202 100b".replace(" ", ""))

# s = SequenceConstruct(a, a), a being float[2]: IR version 5, opset 11.
SEQUENCE = bytes.fromhex(
    "0805 3a41 0a1c 0a0161 0a0161 120173 2211 53657175656e6365436f6e737472756374 120167 5a0f 0a0161 120a 0a08 0801"
    "1204 0a02 0802 620d 0a0173 1208 2206 0a04 0a02 0801 4202 100b".replace(" ", ""))

# o = Optional() without a value, of float[2]: IR version 8, opset 16.
NOTHING = bytes.fromhex(
    "0808 3a3e 0a24 12016f 2208 4f7074696f6e616c 2a15 0a0474797065 720a 0a08 0801 1204 0a02 0802 a0010d 120167"
    "6213 0a016f 120e 4a0c 0a0a 0a08 0801 1204 0a02 0802 4202 1010".replace(" ", ""))


def trapline(*arguments):
    return subprocess.run([BIN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)


def installed():
    done = trapline("builds", "list", "--json")
    if done.returncode != 0:
        raise AssertionError(done.stderr.decode(errors="replace"))
    return {b["version"]: b for b in json.loads(done.stdout)["builds"] if b["runner"] == "onnxruntime"}


class Test(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.builds = installed()

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.db = os.path.join(self.directory.name, "trapline.db")

    def need(self, version, device="cpu"):
        build = self.builds.get(version)
        why = f"onnxruntime@{version} is not in the cache"
        if build:
            found = [d for d in build.get("devices", []) if d["name"] == device]
            if found and found[0]["usable"]:
                return
            why = f"{device} cannot be used: {found[0].get('why') if found else 'unknown'}"
        if os.environ.get("TRAPLINE_REQUIRE_BUILDS"):
            self.fail(why)
        self.skipTest(why)

    def run_case(self, case, version, device="cpu", *more):
        """The trials of one case, and the exit status, which must fit them."""
        self.need(version, device)
        path = case if os.path.isabs(case) else os.path.join(CASES, case + ".json")
        done = trapline("run", path, "-u", f"onnxruntime@{version}:{device}", "--db", self.db, "--json", *more)
        self.assertIn(done.returncode, (0, 1), done.stderr.decode(errors="replace"))
        trials = json.loads(done.stdout)["trials"]
        fine = all(t["outcome"] in ("pass", "unsupported") for t in trials)
        self.assertEqual(done.returncode, 0 if fine else 1)
        return trials

    def one(self, *arguments):
        trials = self.run_case(*arguments)
        self.assertEqual(len(trials), 1)
        return trials[0]

    def vary(self, case, version, device="cpu", **changed):
        """The failing variant of a case with some axes changed."""
        with open(os.path.join(CASES, case + ".json")) as f:
            variant = {**json.load(f)["failing"], **changed}
        return self.one(case, version, device, *(a for k, v in variant.items() for a in ("-s", f"{k}={v}")))

    def write_case(self, name, **case):
        path = os.path.join(self.directory.name, name + ".json")
        with open(path, "w") as f:
            json.dump({"trapline": 1, "name": name, "limits": {"timeout_s": 60}, **case}, f)
        return path

    def write_model(self, name, content):
        path = os.path.join(self.directory.name, name)
        with open(path, "wb") as f:
            f.write(content)
        return path

    def assert_crash(self, trial, phase, signal):
        self.assertEqual((trial["outcome"], trial["phase"], trial["signal"]), ("crash", phase, signal))
        self.assertTrue(trial["signature"]["title"])


class KnownFailures(Test):
    def test_decoder(self):
        for version in ("1.18.0", "1.22.0", "1.25.1"):
            with self.subTest(version):
                self.assert_crash(self.one("decoder-gqa-begin", version), "execute", "SIGSEGV")
        with self.subTest("1.26.0"):
            trial = self.one("decoder-gqa-begin", "1.26.0")
            self.assertEqual((trial["outcome"], trial["phase"]), ("error", "execute"))
            self.assertIn("seqlens_k", trial["message"])
        with self.subTest("1.16.3"):
            trial = self.one("decoder-gqa-begin", "1.16.3")
            self.assertEqual((trial["outcome"], trial["phase"]), ("error", "compile"))

    def test_decoder_within_bounds(self):
        trial = self.vary("decoder-gqa-begin", "1.22.0", begin_error=0)
        self.assertEqual(trial["outcome"], "pass")

    def test_integer_division(self):
        for version in ("1.10.0", "1.16.3", "1.22.0", "1.24.3"):
            for op in ("Div", "Mod"):
                with self.subTest(f"{version} {op}"):
                    trial = self.vary("integer-division", version, op=op)
                    if platform.machine() == "x86_64":
                        self.assert_crash(trial, "execute", "SIGFPE")
                    else:
                        self.assertEqual(trial["outcome"], "pass")
        for version in ("1.25.1", "1.30.0"):
            with self.subTest(version):
                self.assertEqual(self.one("integer-division", version)["outcome"], "error")
        with self.subTest("no zero"):
            self.assertEqual(self.vary("integer-division", "1.22.0", divisor=-1)["outcome"], "pass")

    def test_nested_functions(self):
        self.assert_crash(self.one("nested-functions", "1.22.0"), "compile", "SIGSEGV")
        self.assertEqual(self.vary("nested-functions", "1.22.0", depth=1000)["outcome"], "pass")

    def test_slice_on_webgpu(self):
        self.assert_crash(self.one("slice-axis-webgpu", "1.22.0", "webgpu"), "execute", "SIGABRT")
        self.assertEqual(self.one("slice-axis-webgpu", "1.22.0", "cpu")["outcome"], "error")
        self.assertEqual(self.vary("slice-axis-webgpu", "1.22.0", "webgpu", axis=1)["outcome"], "pass")

    def test_signature_is_stable(self):
        """How far it gets before the fault depends on what lies around the buffer, which is the same in all children of one server."""
        trials = self.run_case("decoder-gqa-begin", "1.22.0", "cpu", "--repeat", "5", "--jobs", "1")
        self.assertEqual(len(trials), 5)
        self.assertEqual(len({t["signature"]["id"] for t in trials}), 1)


class Models(Test):
    def test_a_model_file(self):
        model = self.write_model("add.onnx", ADD)
        for version in ("1.10.0", "1.22.0", "1.30.0"):
            with self.subTest(version):
                trial = self.one(self.write_case("add", model={"file": model}), version)
                self.assertEqual(trial["outcome"], "pass")

    def test_inputs_of_the_case(self):
        model = self.write_model("add.onnx", ADD)
        case = self.write_case("inputs", model={"file": model},
                               inputs=[{"name": "x", "dtype": "float32", "shape": [1], "data": [21]}])
        trial = self.one(case, "1.22.0")
        self.assertEqual(trial["outcome"], "pass")
        shown = trapline("show", trial["id"], "--db", self.db, "--json")
        self.assertEqual(shown.returncode, 0, shown.stderr.decode())
        self.assertIn(b"42", shown.stdout)

    def test_inputs_that_do_not_fit(self):
        model = self.write_model("add.onnx", ADD)
        for name, given in (("name", {"name": "z", "dtype": "float32", "shape": [1], "data": [1]}),
                            ("dtype", {"name": "x", "dtype": "int64", "shape": [1], "data": [1]}),
                            ("shape", {"name": "x", "dtype": "float32", "shape": [2, 2], "fill": {"constant": 1}})):
            with self.subTest(name):
                case = self.write_case("bad-" + name, model={"file": model}, inputs=[given])
                trial = self.one(case, "1.22.0")
                self.assertEqual((trial["outcome"], trial["phase"]), ("error", "execute"))

    def test_not_finite_is_wrong(self):
        model = self.write_model("add.onnx", ADD)
        case = self.write_case("infinite", model={"file": model},
                               inputs=[{"name": "x", "dtype": "float32", "shape": [1], "data": [3e38]}])
        self.assertEqual(self.one(case, "1.22.0")["outcome"], "wrong")

    def output_of(self, name, model, version):
        """What the result tells of the only output of a model that passes."""
        case = self.write_case(name, model={"file": self.write_model(name + ".onnx", model)})
        trial = self.one(case, version)
        self.assertEqual(trial["outcome"], "pass", trial["message"])
        shown = trapline("show", trial["id"], "--db", self.db, "--json")
        self.assertEqual(shown.returncode, 0, shown.stderr.decode())
        (output,) = json.loads(shown.stdout)["result"]["outputs"]
        return output

    def test_outputs_that_are_no_tensors(self):
        for version in ("1.10.0", "1.22.0", "1.30.0"):
            with self.subTest(version):
                output = self.output_of("sequence", SEQUENCE, version)
                self.assertEqual((output["kind"], output["count"], len(output["first"])), ("sequence", 2, 4))
        for version in ("1.22.0", "1.30.0"):
            with self.subTest(version):
                self.assertEqual(self.output_of("nothing", NOTHING, version)["kind"], "none")

    def test_axes_of_the_runtime(self):
        model = self.write_model("add.onnx", ADD)
        axes = [{"name": "optimization", "choices": [99, 0, 1, 2]}, {"name": "threads", "choices": [1, 0, 3]},
                {"name": "runs", "range": [1, 50]}, {"name": "loads", "range": [1, 20]},
                {"name": "memory_pattern", "choices": [True, False]}, {"name": "arena", "choices": [True, False]}]
        case = self.write_case("axes", model={"file": model}, axes=axes, failing={
            "optimization": 0, "threads": 3, "runs": 50, "loads": 20, "memory_pattern": False, "arena": False})
        for version in ("1.10.0", "1.22.0", "1.30.0"):
            with self.subTest(version):
                self.assertEqual(self.one(case, version)["outcome"], "pass")

    def test_hostile_models(self):
        """Whatever is in a model file, a trial ends with an outcome and trapline itself does not fail."""
        models = [b"", b"\0", b"\xff" * 1000, b"this is no model", ADD[:30], ADD[:-1], ADD[:2], ADD * 50,
                  # lengths that lie
                  b"\x08\x05\x3a" + b"\xff" * 9 + b"\x01", b"\x3a\xff\xff\xff\x7f" + ADD,
                  # groups nested in groups
                  b"\x3b" * 5000, bytes(1 << 20),
                  ADD.replace(b"Add", b"Xyz"), ADD.replace(b"\x42\x02\x10\x0b", b"\x42\x02\x10\x7f"),
                  ADD.replace(b"\x0a\x01x\x0a\x01x\x12\x01y", b"\x0a\x01y\x0a\x01y\x12\x01x")]
        for i in range(0, len(ADD), 6):
            models.append(ADD[:i] + struct.pack("B", ADD[i] ^ 0x5a) + ADD[i + 1:])
        for i, content in enumerate(models):
            with self.subTest(i):
                path = self.write_model(f"m{i}.onnx", content)
                trial = self.one(self.write_case(f"hostile-{i}", model={"file": path}), "1.22.0")
                self.assertIn(trial["outcome"], ("error", "pass", "crash", "unsupported", "wrong"))
                if trial["outcome"] == "error":
                    self.assertTrue(trial["message"])


class Devices(Test):
    def test_a_device_that_is_not_here(self):
        self.need("1.22.0")
        model = self.write_model("add.onnx", ADD)
        for device in ("coreml-ane", "no-such-device"):
            with self.subTest(device):
                done = trapline("run", self.write_case("device", model={"file": model}), "-u",
                                f"onnxruntime@1.22.0:{device}", "--db", self.db, "--json")
                if done.returncode == 2:  # refused before it ran: said on stderr
                    self.assertTrue(done.stderr.strip())
                    continue
                self.assertEqual(done.returncode, 0, done.stderr.decode())
                trial = json.loads(done.stdout)["trials"][0]
                self.assertEqual(trial["outcome"], "unsupported")
                self.assertTrue(trial["message"])


class Builds(Test):
    def test_add_registers_by_content(self):
        self.need("1.22.0")
        env = dict(os.environ, XDG_CACHE_HOME=self.directory.name)
        library = self.builds["1.22.0"]["path"]
        for _ in range(2):
            done = subprocess.run([BIN, "builds", "add", library, "--json"], env=env, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=120)
            self.assertEqual(done.returncode, 0, done.stderr.decode())
        listed = subprocess.run([BIN, "builds", "list", "--json"], env=env, stdout=subprocess.PIPE, timeout=300)
        builds = json.loads(listed.stdout)["builds"]
        self.assertEqual([b["version"] for b in builds], ["1.22.0"])
        self.assertEqual(builds[0]["sha256"], self.builds["1.22.0"]["sha256"])

    def test_add_refuses_what_is_no_runtime(self):
        env = dict(os.environ, XDG_CACHE_HOME=self.directory.name)
        for content in (b"", b"\x7fELF", ADD):
            path = self.write_model("libonnxruntime.so", content)
            done = subprocess.run([BIN, "builds", "add", path], env=env, stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=120)
            self.assertIn(done.returncode, (2, 3))
            self.assertTrue(done.stderr.strip())


if __name__ == "__main__":
    unittest.main()
