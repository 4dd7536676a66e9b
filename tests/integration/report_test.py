"""Reports and bundles of real findings, as a user gets them.

A finding of the selftest runner, and one of ONNX Runtime 1.22.0 where that build is here: its repro.c, compiled by a
plain C compiler, has to die of the same signal and to pass with --control.
"""
import getpass
import json
import math
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import junit_schema

TRAPLINE = os.environ["TRAPLINE_BIN"]
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILDS = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "trapline", "builds")
LIBRARY = os.path.join(BUILDS, "onnxruntime", "1.22.0", "libonnxruntime.so")
# In a build tree every runner is in a folder of its own.
RUNNERS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(TRAPLINE))), "runners")
if os.path.isdir(RUNNERS) and "TRAPLINE_RUNNERS" not in os.environ:
    os.environ["TRAPLINE_RUNNERS"] = ":".join(os.path.join(RUNNERS, name) for name in sorted(os.listdir(RUNNERS)))
VOID = {"meta", "circle", "path", "br"}


class Balance(HTMLParser):
    """Every tag is closed, and headings do not skip a level."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.level = [], [], 0

    def handle_starttag(self, tag, attributes):
        if tag in ("h1", "h2", "h3"):
            if int(tag[1]) > self.level + 1:
                self.wrong.append(f"{tag} after h{self.level}")
            self.level = int(tag[1])
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")


class ReportTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="trapline-report-")
        cls.database = os.path.join(cls.directory.name, "t.db")
        cls.selftest = cls.isolate("selftest/threshold.json", "selftest:cpu")
        cls.decoder = cls.isolate("onnxruntime/decoder-gqa-begin.json", "onnxruntime@1.22.0:cpu") \
            if os.path.exists(LIBRARY) else None

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    @classmethod
    def trapline(cls, *arguments, environment=None):
        return subprocess.run([TRAPLINE, *arguments, "--db", cls.database], capture_output=True, text=True, timeout=300,
                              errors="replace", env={**os.environ, **(environment or {})})

    @classmethod
    def isolate(cls, case, unit):
        done = cls.trapline("isolate", os.path.join(SOURCE, "cases", case), "-u", unit, "--json")
        assert done.returncode == 1, done.stderr
        return json.loads(done.stdout)["finding"]

    def report(self, finding, *arguments):
        done = self.trapline("report", finding, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def bundle(self, finding, name, *arguments):
        path = os.path.join(self.directory.name, name)
        self.report(finding, "--bundle", path, *arguments)
        return path

    def assert_private(self, directory):
        """Nobody's home, name or host is in any file that we wrote as text."""
        secrets = [os.path.expanduser("~") + "/", socket.gethostname()]
        if getpass.getuser() != "root":
            secrets.append(getpass.getuser())
        for where, _, files in os.walk(directory):
            for name in files:
                with open(os.path.join(where, name), "rb") as f:
                    text = f.read()
                for secret in filter(lambda s: len(s) > 3, secrets):
                    self.assertNotIn(secret.encode(), text, name)

    def test_formats(self):
        for finding in filter(None, (self.selftest, self.decoder)):
            markdown = self.report(finding, "--full")
            self.assertTrue(markdown.startswith("# "))
            self.assertRegex(markdown, r": (\d+) of \1 runs of the minimal variant(, each in a fresh process,)? did")
            self.assertIn("\n## Independent of\n", markdown)
            # Every row of a table has as many cells as its head.
            cells = 0
            for line in markdown.splitlines():
                bare = line.replace("\\|", "")
                if bare.startswith("|"):
                    cells = cells or bare.count("|")
                    self.assertEqual(bare.count("|"), cells, line)
                else:
                    cells = 0
            html = self.report(finding, "--format", "html")
            balance = Balance()
            balance.feed(html)
            self.assertEqual((balance.wrong, balance.open), ([], []))
            self.assertNotIn("http", html.replace("http://www.w3.org/2000/svg", ""))
            svg = html[html.index("<svg"):html.index("</svg>") + 6]
            self.assertGreater(len(ET.fromstring(svg)), 10)
            suite = junit_schema.check(self, self.report(finding, "--format", "junit")).find("testsuite")
            self.assertGreater(len(suite.findall("testcase/failure")), 0)
            self.assertRegex(suite.find("testcase/failure").text, r"(?m)^#0 ")
            document = json.loads(self.report(finding, "--json"))
            self.assertEqual(document["finding"]["finding"], finding)
            self.assertEqual(document["failing_trial"]["outcome"], "crash")
            self.assertEqual(document["control_trial"]["outcome"], "pass")

    def test_misuse(self):
        for arguments, status in ((("report",), 2), (("report", "ffff"), 2),
                                  (("report", self.selftest, "--format", "pdf"), 2),
                                  (("report", self.selftest, "--bundle", self.directory.name), 2)):
            done = self.trapline(*arguments)
            self.assertEqual(done.returncode, status, arguments)
            self.assertTrue(done.stderr.startswith("trapline: "), done.stderr)

    def reproduce(self, path, *options):
        """repro.sh of a bundle, from another directory: its exit status."""
        return subprocess.run(["sh", os.path.join(path, "repro.sh"), *options], cwd="/", capture_output=True, timeout=60).returncode

    def test_selftest_bundle(self):
        path = self.bundle(self.selftest, "selftest")
        self.assertEqual(set(os.listdir(path)), {"case.json", "environment.json", "report.html", "report.json", "report.md",
                                                 "repro.sh", "runner", "trial.json", "trial.py"})
        with open(os.path.join(path, "report.json"), encoding="utf-8") as f:
            self.assertEqual([entry["as_reported"] for entry in json.load(f)["bundle"]["proved"]], [3, 3])
        # What it says is so.
        self.assertEqual((self.reproduce(path), self.reproduce(path, "--control")), (139, 0))
        shutil.rmtree(os.path.join(path, "runner")) # a program, which is what it is
        self.assert_private(path)
        # The minimal case gives the same finding.
        done = self.trapline("isolate", os.path.join(path, "case.json"), "-u", "selftest:cpu", "--json")
        again, report = json.loads(done.stdout), json.loads(self.report(self.selftest, "--json"))
        self.assertEqual(again["minimal"], report["finding"]["minimal"])

    def test_steps_bundle(self):
        """What fails is a command: the command is what reproduces it, where the scratch directory was."""
        case = os.path.join(self.directory.name, "tool.json")
        script = 'echo "$1" > "$2" && test "$1" != bad || kill -SEGV $$'
        with open(case, "w") as f:
            json.dump({"trapline": 1, "name": "tool", "model": {"steps": [
                {"phase": "generate", "argv": ["touch", "{scratch}/first"]},
                {"phase": "compile", "argv": ["sh", "-c", script, "sh", "{how}", "{scratch}/out put"]}]},
                       "axes": [{"name": "how", "choices": ["good", "bad"]}], "failing": {"how": "bad"}}, f)
        done = self.trapline("isolate", case, "--json")
        self.assertEqual(done.returncode, 1, done.stderr)
        finding = json.loads(done.stdout)["finding"]
        text = self.report(finding)
        self.assertRegex(text, r"nothing of trapline, in an empty directory:\n\n```sh\ntouch ./first\nsh -c ")
        path = self.bundle(finding, "tool")
        self.assertEqual((self.reproduce(path), self.reproduce(path, "--control")), (139, 0))

    def test_steps_of_a_made_model(self):
        """The model is where the commands run, and nothing of it is in trapline's own place."""
        case = os.path.join(self.directory.name, "made.json")
        maker = 'echo "$1" >"$2" && echo "x $2" >"$3/first" && test -z "$4" || echo "[]" >"${{4#--inputs=}}"'
        takes = 'test -f "${{1#--in=}}" && test -f "$2" && test "$(cat "${{1#--in=}}")" != bad || kill -SEGV $$'
        with open(case, "w") as f:
            json.dump({"trapline": 1, "name": "made", "model": {
                "generate": ["sh", "-c", maker, "sh", "{how}", "{model}", "{outputs}", "--inputs={inputs}"], "suffix": ".aimodel",
                "steps": [{"phase": "compile", "argv": ["cp", "{model}", "{scratch}/com piled"]},
                          {"phase": "execute", "argv": ["sh", "-c", takes, "sh", "--in={model}", "{scratch}/com piled"]}]},
                       "axes": [{"name": "how", "choices": ["good", "bad"]}], "failing": {"how": "bad"}}, f)
        done = self.trapline("isolate", case, "--json")
        self.assertEqual(done.returncode, 1, done.stderr)
        finding = json.loads(done.stdout)["finding"]
        commands = self.report(finding).split("With trapline and the case file")[0].split("How to reproduce")[1]
        self.assertIn("./model.aimodel", commands)
        self.assertNotIn("/models/", commands)
        path = self.bundle(finding, "made")
        for options in ([], ["--make"]):
            self.assertEqual((self.reproduce(path, *options), self.reproduce(path, "--control", *options)), (139, 0))
        self.assertEqual(sorted(os.listdir(os.path.join(path, "made"))), ["inputs", "model.aimodel"])

    def test_archive(self):
        if not shutil.which("tar") or not shutil.which("zstd"):
            self.skipTest("tar or zstd is missing")
        path = self.bundle(self.selftest, "packed.tar.zst")
        listed = subprocess.run(["tar", "--zstd", "-tvf", path], capture_output=True, text=True).stdout
        self.assertIn("packed/report.md", listed)
        for line in listed.splitlines():
            self.assertIn(" 0/0 ", line)
        self.assertEqual([name for name in os.listdir(self.directory.name) if name.startswith("packed")],
                         ["packed.tar.zst"])

    def test_onnxruntime_bundle(self):
        if not self.decoder:
            self.skipTest("onnxruntime 1.22.0 is not here: trapline builds fetch onnxruntime@1.22.0")
        path = self.bundle(self.decoder, "decoder")
        for name in ("model.onnx", "inputs/0.npy", "control/model.onnx", "control/inputs/0.npy", "repro.c", "repro.py"):
            self.assertTrue(os.path.exists(os.path.join(path, name)), name)
        self.assert_private(path)
        subprocess.run(["python3", "-m", "py_compile", os.path.join(path, "repro.py")], check=True)
        compiler = shutil.which("cc")
        if not compiler:
            self.skipTest("there is no C compiler")
        subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "repro.c", "-ldl", "-lpthread"], cwd=path, check=True)
        program = os.path.join(path, "a.out")
        for where in (path, "/"):  # found beside the program, wherever it is started
            failing = subprocess.run([program, LIBRARY], cwd=where, capture_output=True, text=True, timeout=60)
            self.assertEqual(failing.returncode, -11, failing.stdout + failing.stderr)
            self.assertTrue(failing.stdout.endswith("RESULT: died in execute, if no line follows\n"), failing.stdout)
            control = subprocess.run([program, LIBRARY, "--control"], cwd=where, capture_output=True, text=True, timeout=60)
            self.assertEqual(control.returncode, 0, control.stdout + control.stderr)
            self.assertIn("RESULT: passed, ", control.stdout)
        self.assertEqual(subprocess.run([program], capture_output=True).returncode, 2)
        self.assertNotIn("not finite", control.stdout)
        with open(os.path.join(path, "control", "inputs.json")) as f:
            inputs = json.load(f)
        for i, one in enumerate(inputs):  # what is not a number goes through to what is made of it
            npy = os.path.join(path, "control", "inputs", f"{i}.npy")
            with open(npy, "rb") as f:
                data = f.read()
            if one["dtype"] == "float32":
                head = 10 + int.from_bytes(data[8:10], "little")
                with open(npy, "wb") as f:
                    f.write(data[:head] + struct.pack("<f", math.nan) * ((len(data) - head) // 4))
        odd = subprocess.run([program, LIBRARY, "--control"], capture_output=True, text=True, timeout=60)
        self.assertEqual(odd.returncode, 3, odd.stdout + odd.stderr)
        self.assertRegex(odd.stdout, r"output \S+: ([1-9]\d*) of \1 values are not finite, the first is number 0\n")

    def test_model_file(self):
        """A model that is a file, with inputs derived from it, as the bundle of another finding left it."""
        if not self.decoder:
            self.skipTest("onnxruntime 1.22.0 is not here")
        path = self.bundle(self.decoder, "source")
        case = os.path.join(path, "mine.json")
        with open(os.path.join(path, "inputs.json")) as f:
            inputs = json.load(f)
        with open(case, "w") as f:
            json.dump({"trapline": 1, "name": "mine", "model": {"file": "model.onnx"}, "inputs": inputs,
                       "axes": [{"name": "threads", "choices": [1, 2]}], "failing": {"threads": 2}}, f)
        done = self.trapline("isolate", case, "-u", "onnxruntime@1.22.0:cpu", "--json")
        self.assertEqual(done.returncode, 1, done.stderr)
        second = self.bundle(json.loads(done.stdout)["finding"], "second")
        with open(os.path.join(second, "model.onnx"), "rb") as a, open(os.path.join(path, "model.onnx"), "rb") as b:
            self.assertEqual(a.read(), b.read())
        with open(os.path.join(second, "inputs/1.npy"), "rb") as a, open(os.path.join(path, "inputs/1.npy"), "rb") as b:
            self.assertEqual(a.read(), b.read())
        with open(os.path.join(second, "case.json")) as f:
            self.assertEqual(json.load(f)["model"], {"file": "model.onnx"})
        with open(os.path.join(second, "repro.c")) as f:
            self.assertIn("static const struct settings control = {0};", f.read())
        self.assertNotIn("workaround", self.report(json.loads(done.stdout)["finding"], "--full"))

    def test_generator_that_dies(self):
        """The runtime is not blamed, and there is a bundle though there is no model."""
        if not self.decoder:
            self.skipTest("onnxruntime 1.22.0 is not here")
        case = os.path.join(self.directory.name, "dies.json")
        with open(case, "w") as f:
            json.dump({"trapline": 1, "name": "dies",
                       "model": {"generate": ["sh", "-c", "cp /dev/null $1; test $0 = yes && kill -ABRT $$; true",
                                              "{dies}", "{model}"]},
                       "axes": [{"name": "dies", "choices": ["no", "yes"]}], "failing": {"dies": "yes"}}, f)
        done = self.trapline("isolate", case, "-u", "onnxruntime@1.22.0:cpu", "--json")
        self.assertEqual(done.returncode, 1, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual((found["outcome"], found["phase"], found["signal"]), ("crash", "generate", "SIGABRT"))
        self.assertIn("making the model of the case `dies` crashes with SIGABRT", self.report(found["finding"]))
        path = self.bundle(found["finding"], "dies")
        self.assertTrue({"report.md", "case.json", "repro.sh"} <= set(os.listdir(path)))
        self.assertEqual((self.reproduce(path), self.reproduce(path, "--control")), (134, 2), "nothing that passes is known")

    def test_over_builds(self):
        """The newest bad build is the one that was named: the search itself has no need to run it."""
        builds = ("1.18.0", "1.22.0", "1.30.0")
        if not all(os.path.exists(os.path.join(BUILDS, "onnxruntime", name)) for name in builds):
            self.skipTest("onnxruntime 1.18.0, 1.22.0 and 1.30.0 are not all here")
        cache = os.path.join(self.directory.name, "cache")
        os.makedirs(os.path.join(cache, "trapline/builds/onnxruntime"))
        for name in builds:
            os.symlink(os.path.join(BUILDS, "onnxruntime", name), os.path.join(cache, "trapline/builds/onnxruntime", name))
        done = self.trapline("isolate", os.path.join(SOURCE, "cases/onnxruntime/decoder-gqa-begin.json"), "-u",
                             "onnxruntime@1.22.0:cpu", "--over", "build", "--json", environment={"XDG_CACHE_HOME": cache})
        self.assertEqual(done.returncode, 1, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual((found["outcome"], found["signal"]), ("crash", "SIGSEGV"))
        self.assertTrue(found["evidence"]["trial"])
        self.assertIn(found["unit"], [step["variant"]["build"] for step in found["path"]])
        text = self.report(found["finding"])
        self.assertIn("# ONNX Runtime 1.22.0 CPU: SIGSEGV while running", text.splitlines()[0])
        self.assertIn("it fails so from `1.18.0` to `1.22.0`", text)
        self.assertIn("**Does not fail in this way on `1.30.0`, the newest build that is installed here**: ends with an error: ", text)
        self.assertIn("\n- `1.18.0`, `1.22.0`: fails as reported\n- `1.30.0`: ends with an error: ", text)

    def test_weights_beside_a_model(self):
        """They are copied with it; a name that leads elsewhere, or to what is there already, is not followed."""
        runner = os.path.join(RUNNERS, "onnxruntime", "trapline-onnxruntime")
        if not os.path.exists(LIBRARY) or not os.path.exists(runner):
            self.skipTest("onnxruntime 1.22.0 is not here")
        here = os.path.join(self.directory.name, "weights")
        out = os.path.join(here, "out")
        os.makedirs(out)
        with open(os.path.join(here, "m.onnx"), "wb") as f:
            for name in (b"w.bin", b"../secret", b"options.json", b".hidden", b"gone.bin", b"w.bin"):
                f.write(b"\x0a\x08location\x12" + bytes([len(name)]) + name)
            f.write(b"\x0a\x08location\x12\x7fcut short")
        for name in ("w.bin", "../secret", "options.json", ".hidden"):
            with open(os.path.join(here, name), "w") as f:
                f.write("theirs")
        subprocess.run([runner, "--trial", json.dumps({
            "trial": 1, "case": "x", "variant": {}, "device": "cpu", "model": os.path.join(here, "m.onnx"), "dump": out,
            "build": {"path": LIBRARY}})], capture_output=True, timeout=60)
        with open(os.path.join(out, "options.json")) as f:
            self.assertEqual(json.load(f)["external"], ["w.bin"])
        self.assertEqual(sorted(os.listdir(out)), ["model.onnx", "options.json", "w.bin"])


if __name__ == "__main__":
    unittest.main()
