"""What the tests of the program share: a directory with a database, a cache and a scratch of their own."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import unittest

TRAPLINE = os.environ["TRAPLINE_BIN"]
HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(os.path.dirname(os.path.dirname(HERE)), "cases", "selftest")
MISBEHAVE = os.path.join(CASES, "misbehave.json")
with open(TRAPLINE, "rb") as program:
    SANITIZED = b"__asan_report_load" in program.read() # its runners reserve memory without bound, and have no limit of it
BUILDS = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "trapline", "builds", "onnxruntime")
# How many times as long this machine takes as those for which limits were made.
SLOWER = float(os.environ.get("TRAPLINE_TESTS_SLOWER", "1"))
# What every runner that python_runner() writes begins with.
ANSWERS = """
channel = socket.socket(fileno=3)
request = json.loads(channel.makefile("rb").readline())
def say(message):
    channel.sendall(json.dumps(message).encode() + b"\\n")
if "describe" in request:
    say(ABOUT)
    sys.exit(0)
"""
KEPT = os.environ.get("TRAPLINE_KEEP_DOCUMENTS") # a folder in which all documents are left: schema_test.py says what for
# What is found as python3 is the Python that the tests run in, no script that looks for one at every start.
PATH = os.path.dirname(sys.executable) + os.pathsep + os.environ.get("PATH", os.defpath)
PATIENCE = 600  # seconds; only a program that hangs takes this long, whatever else the machine has to do


class ProgramTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        made = tempfile.TemporaryDirectory(prefix="trapline-test-")
        self.addCleanup(made.cleanup)
        self.directory = made.name
        os.mkdir(self.path("tmp"))
        self.db = self.path("trapline.db")
        self.env = dict(os.environ, XDG_STATE_HOME=self.path("state"), XDG_CACHE_HOME=self.path("cache"),
                        XDG_DATA_HOME=self.path("data"), XDG_CONFIG_HOME=self.path("config"), TMPDIR=self.path("tmp"), NO_COLOR="1",
                        PATH=PATH)
        for name in ("TRAPLINE_RUNNERS", "TRAPLINE_SELFTEST_SERVE", "TRAPLINE_DB", "TRAPLINE_UNITS", "TRAPLINE_JOBS",
                     "TRAPLINE_COLOR", "TRAPLINE_KEEP_PATHS", "TRAPLINE_REDACT"):
            self.env.pop(name, None)

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, name, content, mode=0o644):
        path = self.path(name)
        with open(path, "wb") as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        os.chmod(path, mode)
        return path

    def case(self, name, model, axes=(), **more):
        document = {"trapline": 1, "name": name, "model": model, "axes": list(axes), "limits": {"timeout_s": 60}}
        document.update(more)
        return self.write(name + ".json", json.dumps(document))

    def python(self, name, text):
        """A program in Python that begins as every runner does."""
        return self.write(name, f"#!{sys.executable}\nimport json, os, socket, sys, time\n" + text, 0o755)

    def use_builds(self, *versions):
        """Of ONNX Runtime in the user's cache (all of them, or these alone) become those of the test; none is ever fetched."""
        here = self.path("cache", "trapline", "builds", "onnxruntime")
        os.makedirs(here if versions else os.path.dirname(here))
        for version in versions:
            os.symlink(os.path.join(BUILDS, version), os.path.join(here, version))
        if not versions:
            os.symlink(BUILDS, here)

    def need_builds(self, *versions, required=False):
        """Skips the test where one is not in the user's cache; required: a failure with TRAPLINE_REQUIRE_BUILDS=1."""
        missing = [v for v in versions if not os.path.isdir(os.path.join(BUILDS, v))]
        if missing:
            why = "not in the cache: onnxruntime@" + ",".join(missing)
            (self.fail if required and os.environ.get("TRAPLINE_REQUIRE_BUILDS") else self.skipTest)(why)

    def real_unit(self, *versions):
        """Of the first of these builds that is in the user's cache, all of which the test has then; without one it is skipped."""
        version = next((v for v in versions if os.path.isdir(os.path.join(BUILDS, v))), None)
        if not version:
            self.skipTest("not in the cache: onnxruntime@" + " nor ".join(versions))
        self.use_builds()
        return "onnxruntime@%s:cpu" % version

    def python_runner(self, file, about, text, bare=False):
        """A runner in Python, which says this of itself; devices that can be used are names. The text is a trial: it has the
        request and say(MESSAGE). bare: without what a site adds to Python it starts in a fraction of the time."""
        devices = [{"name": d, "usable": True} if isinstance(d, str) else d for d in about.get("devices", ["cpu"])]
        begin = f"#!{sys.executable}{' -IS' if bare else ''}\nimport json, os, socket, sys, time\n"
        return self.write(file, begin + ANSWERS.replace("ABOUT", repr({"version": "1", **about, "devices": devices})) + text, 0o755)

    def command(self, *arguments, db=True):
        return [TRAPLINE, *arguments] + (["--db", self.db] if db else [])

    def trapline(self, *arguments, status=None, db=True, env=None, **more):
        """Runs the program; status: the exit status that it must have."""
        env = self.env if env is None else env
        done = subprocess.run(self.command(*arguments, db=db), env=env, capture_output=True, timeout=PATIENCE,
                              **more)
        done.stdout, done.stderr = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
        if status is not None:
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertNotIn("Assertion", done.stderr)
        if KEPT and "--json" in arguments and done.stdout:
            self.keep(arguments, done.stdout)
        return done

    @staticmethod
    def keep(arguments, text):
        """Leaves a document for schema_test.py."""
        with tempfile.NamedTemporaryFile("w", dir=KEPT, prefix=arguments[0] + "-", suffix=".part", delete=False) as file:
            json.dump({"arguments": [str(a) for a in arguments], "text": text}, file)
        os.rename(file.name, file.name.removesuffix(".part") + ".json")

    def trials(self, *arguments, status=None, **more):
        """The trials of `run --json`."""
        done = self.trapline("run", *arguments, "--json", status=status, **more)
        try:
            return json.loads(done.stdout)["trials"]
        except ValueError:
            self.fail(f"not one JSON document: {done.stdout!r} {done.stderr!r}")

    def one(self, *arguments, **more):
        trials = self.trials(*arguments, **more)
        self.assertEqual(len(trials), 1, trials)
        return trials[0]

    def show(self, trial):
        return json.loads(self.trapline("show", trial["id"], "--json", status=0).stdout)

    def listed(self, what, *arguments):
        return json.loads(self.trapline("list", what, *arguments, "--json", status=0).stdout)

    def start(self, *arguments, **more):
        """The program in the background; killed with the test."""
        child = subprocess.Popen(self.command(*arguments), env=self.env, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, **more)

        def end():
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
            child.communicate()

        self.addCleanup(end)
        return child

    def functions(self, trial):
        """Names of all functions in the stacks of the first capture."""
        capture = self.show(trial)["captures"][0]
        return [symbol["function"] for thread in capture["threads"] for frame in thread["frames"]
                for symbol in frame.get("symbols") or []]
