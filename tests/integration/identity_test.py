"""What an outcome stands for: whatever an outcome depends on is changed behind trapline's back, and every command that
answers from what is stored says what is true now, or was told in a warning what it cannot see.

The table is every way to change a thing (edit, install, replace, downgrade) for every thing that an outcome may depend
on (THINGS), asked by run, isolate, matrix and nightly: 112 cells. A thing says "bad" or "good": with "bad" the failing
variant fails. Each of them has a test of its name, which ends by counting its sixteen cells."""
import hashlib
import json
import os
import shutil
import subprocess
import sys
import unittest

from program import SANITIZED, ProgramTest

SH = "#!/bin/sh\n"
# Fails for x=bad when $verdict is bad, or is not known.
JUDGE = 'if [ "$1" = bad ] && [ "${verdict:-bad}" = bad ]; then echo "error: it is bad" >&2; exit 3; fi\nexit 0\n'
AXES = [{"name": "x", "choices": ["good", "bad"]}]
THINGS = ("script", "imported_module", "tool_behind_wrapper", "runner", "reference", "file_beside_case", "environment_variable")
WAYS = ("edit", "install", "replace", "downgrade")
TRIED = WAYS[:2] if SANITIZED else WAYS  # trapline's own code is the same whichever way a file became another


def said(v):
    """Lines of a script of a shell, as long whatever they say."""
    return f"{SH}verdict={v}\n{'#' * (v == 'bad')}\n" + JUDGE


# A runner that sends x=good as 1, and x=bad as what a file beside it says.
RUNNER = """
channel = socket.socket(fileno=3)
lines = channel.makefile("rw")
request = json.loads(lines.readline())
say = lambda message: (lines.write(json.dumps(message) + "\\n"), lines.flush())
if "describe" in request:
    say({"name": "small", "version": "1", "devices": [{"name": "cpu", "usable": True}], "axes": [], "serve": False})
    sys.exit(0)
say({"phase": "execute"})
value = VALUE
if request["variant"]["x"] == "bad" and value == "crash":
    os.abort()
outputs = [{"name": "y", "dtype": "float32", "shape": [1], "hash": str(value), "finite": True, "min": 0.0, "max": 0.0,
            "mean": 0.0, "first": [0.0]}]
directory = request.get("outputs")
if isinstance(directory, str):
    import struct
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\\n"
    number = 1.0 if request["variant"]["x"] == "good" or value != "other" else 2.0
    with open(os.path.join(directory, "0.npy"), "wb") as f:
        f.write(b"\\x93NUMPY\\x01\\x00" + struct.pack("<H", len(header)) + header + struct.pack("<f", number))
    outputs[0]["npy"] = "0.npy"
say({"result": {"outputs": outputs}})
"""


class IdentityBase(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env["HOME"] = self.path("home")
        for name in ("bin", "first"):
            os.mkdir(self.path(name))
        self.env["PATH"] = ":".join((self.path("first"), self.path("bin"), "/usr/bin", "/bin"))
        self.unit = "command:host"
        self.cells = set()

    def steps(self, *argv, **more):
        return self.case("c", {"steps": [{"phase": "execute", "argv": list(argv)}]}, AXES, failing={"x": "bad"}, **more)

    def remove(self, name):
        if os.path.exists(self.path(name)):
            os.remove(self.path(name))

    # --- what the four commands say: "bad" or "good"

    def by_run(self):
        trial = self.one(self.path("c.json"), "-u", self.unit, "--cached")
        self.cached = trial["cached"]
        return "good" if trial["outcome"] == "pass" else "bad"

    def by_isolate(self):
        done = self.trapline("isolate", self.path("c.json"), "-u", self.unit, "--json")
        self.assertNotIn("set aside", done.stderr, "that a trial contradicts what is stored is found out too late")
        document = json.loads(done.stdout)
        if not document["reproduced"]:
            return "good"
        self.assertEqual([(t["axis"], t["value"]) for t in document["trigger"]], [("x", "bad")])
        return "bad"

    def by_matrix(self):
        done = self.trapline("matrix", self.path("c.json"), "-u", self.unit, "-s", "x=*", "--json")
        self.assertNotIn("set aside", done.stderr)
        rows = json.loads(done.stdout)["matrix"][0]["rows"]
        outcomes = {row["variant"]["x"]: row["cells"][0]["outcome"] for row in rows}
        self.assertEqual(outcomes["good"], "pass")
        return "good" if outcomes["bad"] == "pass" else "bad"

    def by_night(self):
        self.write("suite.json", json.dumps({"trapline": 1, "suite": "s", "cases": ["c.json"], "units": [self.unit],
                                             "repeat": 1}))
        done = self.trapline("nightly", self.path("suite.json"), "--json")
        self.assertNotIn("set aside", done.stderr)
        night = json.loads(done.stdout)
        cell = [c for c in night["cells"] if c["which"] == "failing"][0]
        said = "good" if cell["class"] in ("first-passing", "passing", "fixed") else "bad"
        self.assertEqual(cell["passed"] > 0, said == "good", cell)
        for change in night["changes"]:
            self.assertNotIn("did not fail again", json.dumps(change))
        return said

    def expect(self, verdict, way=None):
        """way: in which it came to this, when that is a row of the table."""
        for ask in (self.by_run, self.by_isolate, self.by_matrix, self.by_night):
            with self.subTest(ask=ask.__name__, way=way, verdict=verdict):
                self.assertEqual(ask(), verdict)
                self.cells.add((way, ask.__name__))

    # --- the four ways to change a file

    def edit(self, name, content):
        """In place, with a size and a time of change that say nothing."""
        before = os.stat(self.path(name))
        self.assertEqual(before.st_size, len(content))
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(content)
        os.utime(self.path(name), ns=(before.st_atime_ns, before.st_mtime_ns))

    def replace(self, name, content, mode):
        self.write(name + ".new~", content, mode)
        os.utime(self.path(name + ".new~"), (1000000000, 1000000000))
        os.rename(self.path(name + ".new~"), self.path(name))

    def table(self, name, text, mode=0o644, install=None):
        """install: where another one is found before this one; the same name: where it is not there, that means bad."""
        self.write(name, text("bad"), mode)
        self.expect("bad")
        shutil.copy2(self.path(name), self.path(name + ".old~"))
        self.edit(name, text("good"))
        self.expect("good", "edit")
        if SANITIZED:
            self.edit(name, text("bad"))
        else:
            self.replaced(name, text, mode)
        if not install:
            return
        if install == name:
            self.remove(install)
            self.expect("bad")
        self.write(install, text("good"), mode)
        self.expect("good", "install")
        self.remove(install)
        self.expect("bad")

    def replaced(self, name, text, mode):
        for verdict in ("bad", "good"):
            self.replace(name, text(verdict), mode)
            self.expect(verdict, "replace")
        shutil.copy2(self.path(name + ".old~"), self.path(name + ".back~"))
        os.rename(self.path(name + ".back~"), self.path(name))
        self.expect("bad", "downgrade")

    def whole(self, ways=TRIED):
        """All cells of a thing were asked, and were right."""
        asks = ("by_run", "by_isolate", "by_matrix", "by_night")
        self.assertEqual({c for c in self.cells if c[0]}, {(way, ask) for way in ways for ask in asks})


class IdentityTest(IdentityBase):
    def test_the_table_has_a_test_of_each_thing(self):
        for thing in THINGS:
            self.assertTrue(callable(getattr(self, "test_" + thing)))

    def test_script(self):
        self.steps("s.sh", "{x}")
        self.table("bin/s.sh", said, 0o755, install="first/s.sh")
        self.whole()

    def test_script_of_an_interpreter(self):
        self.steps("/bin/sh", "{case_dir}/s.sh", "{x}")
        self.table("s.sh", said)

    def test_program(self):
        self.steps("./tool", "{x}")
        self.table("tool", said, 0o755)

    def test_imported_module(self):
        self.write("s.py", "import sys\ntry:\n    from pack.inner import verdict\nexcept ImportError:\n"
                           "    verdict = 'bad'\nsys.exit(3 if sys.argv[1] == 'bad' == verdict else 0)\n")
        os.mkdir(self.path("pack"))
        self.steps(sys.executable, "-S", "-B", "{case_dir}/s.py", "{x}")
        self.table("pack/inner.py", lambda v: f"verdict = '{v}'\n#{'x' * (v == 'bad')}\n", install="pack/inner.py")
        self.whole()

    def test_tool_behind_wrapper(self):
        self.steps("env", "A=1", "tool", "{x}")
        self.table("bin/tool", said, 0o755, install="first/tool")
        self.whole()

    def test_tool_out_of_sight(self):
        """It cannot be seen: there is a warning, unless "versions" makes it seen."""
        os.mkdir(self.path("hidden"))
        shutil.copy("/bin/sh", self.path("bin/xcrun"))  # a program, of which nothing can be read
        self.env["HIDDEN"] = self.path("hidden", "tool")
        argv = ["xcrun", "-c", '"$HIDDEN" "$@"', "x", "{x}"]
        tool = lambda v: f'{SH}verdict={v}\n{"#" * (v == "bad")}\nif [ "$1" = --version ]; then echo "tool $verdict"; exit; fi\n' + JUDGE
        self.write("hidden/tool", tool("bad"), 0o755)
        case = self.steps(*argv)
        for command in (["run", case, "-u", "command:host"], ["isolate", case], ["matrix", case, "-u", "command:host"]):
            said = self.trapline(*command).stderr
            self.assertIn('"versions"', said)
            self.assertIn("`xcrun -c` starts programs that trapline cannot see", said)
        self.write("suite.json", json.dumps({"trapline": 1, "suite": "s", "cases": ["c.json"],
                                             "units": ["command:host"], "repeat": 1}))
        self.assertIn("cannot see", self.trapline("nightly", self.path("suite.json")).stderr)
        self.remove("trapline.db")
        case = self.steps(*argv, versions=[{"name": "tool", "argv": ["xcrun", "-c", '"$HIDDEN" --version']}])
        self.assertNotIn("cannot see", self.trapline("run", case, "-u", "command:host").stderr)
        self.table("hidden/tool", tool, 0o755)

    def test_what_is_proposed(self):
        """It tells the version of what is started, and is said once for each wrapper."""
        self.write("s.py", "pass")
        for name in ("uv", "npx", "xcrun", "conda", "swift", "tool"):
            self.write("bin/" + name, "#!/bin/sh\nexit 0\n", 0o755)
        self.write("tool.py", "#!/usr/bin/env -S uv run --script\n", 0o755)

        def warnings(*commands):
            case = self.case("c", {"steps": [{"phase": "compile", "argv": list(argv)} for argv in commands]},
                             [{"name": "x", "choices": ["a", "b"]}])
            said = self.trapline("run", case, "-u", "command:host").stderr.splitlines()
            return [line for line in said if "cannot see" in line]
        packages = '{"name": "packages", "argv": ["uv", "pip", "freeze"]}'
        for argv, wrapper, proposed in [
                (["uv", "run", "s.py"], "uv run", packages),
                (["{case_dir}/tool.py"], "uv run", packages),
                (["env", "A=1", "nice", "-n", "5", "uv", "run", "s.py"], "uv run", packages),
                (["sh", "-c", "true && uv run s.py"], "uv run", packages),
                (["sh", "-c", '"$TOOL" x'], "sh -c", '{"name": "tool", "argv": ["sh", "-c", "\\"$TOOL\\" --version"]}'),
                (["sh", "-c", "hidden-tool x"], "sh -c",
                 '{"name": "hidden-tool", "argv": ["sh", "-c", "hidden-tool --version"]}'),
                (["npx", "-y", "hidden-tool", "x"], "npx -y",
                 '{"name": "hidden-tool", "argv": ["npx", "-y", "hidden-tool", "--version"]}'),
                (["xcrun", "hidden-tool", "x"], "xcrun hidden-tool",
                 '{"name": "hidden-tool", "argv": ["xcrun", "hidden-tool", "--version"]}'),
                (["conda", "run", "-n", "torch", "python", "s.py"], "conda run",
                 '{"name": "packages", "argv": ["conda", "list", "-n", "torch"]}'),
                (["swift", "run"], "swift run", '{"name": "swift", "argv": ["swift", "--version"]}'),
                (["env", "PATH=/nowhere", "tool"], "env PATH=/nowhere",
                 '{"name": "tool", "argv": ["env", "PATH=/nowhere", "tool", "--version"]}')]:
            with self.subTest(argv=argv):
                (said,) = warnings(argv, argv)
                self.assertIn(f"`{wrapper}` starts programs that trapline cannot see: when one is updated", said)
                self.assertTrue(said.endswith("for example " + proposed), said)
        for argv in (["env", "A=1", "tool"], ["nice", "-n", "5", "tool"], ["xcrun", "tool"], ["timeout", "10", "tool"],
                     ["sh", "-c", "if true; then tool x; fi; exec tool"], ["sh", "{case_dir}/s.py"],
                     ["env", "{case_dir}/bin/tool"]):
            with self.subTest(argv=argv):
                self.assertEqual(warnings(argv), [])

    def test_runner(self):
        self.write("m.bin", "a model")
        os.mkdir(self.path("runner"))
        self.case("c", {"file": "m.bin"}, AXES, failing={"x": "bad"})
        self.env["TRAPLINE_RUNNERS"] = self.path("first") + ":" + self.path("runner")
        self.unit = "small:cpu"
        text = lambda v: f"#!{sys.executable}\nimport json, os, socket, sys\n" + \
            RUNNER.replace("VALUE", '"crash"' if v == "bad" else '"fine "')
        self.table("runner/trapline-small", text, 0o755, install="first/trapline-small")
        self.whole()

    def test_module_of_runner(self):
        self.write("m.bin", "a model")
        os.mkdir(self.path("runner"))
        self.case("c", {"file": "m.bin"}, AXES, failing={"x": "bad"})
        self.python("runner/r", "try:\n    from inner import value\nexcept ImportError:\n    value = 'crash'\n" +
                    RUNNER.replace("VALUE", "value"))
        self.env["PYTHONDONTWRITEBYTECODE"] = "1"
        self.unit = self.path("runner", "r") + ":cpu"
        self.table("runner/inner.py", lambda v: f"value = '{'fine ' if v == 'good' else 'crash'}'\n", install="runner/inner.py")

    def test_reference(self):
        """A file from which the reference takes what is right."""
        self.write("m.bin", "a model")
        os.mkdir(self.path("runner"))
        os.mkdir(self.path("reference"))
        self.python("runner/r", RUNNER.replace("VALUE", '"fine"'))
        self.python("reference/r", "try:\n    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "
                                   "'c.expected')) as f:\n        value = f.read()\nexcept OSError:\n"
                                   "    value = 'other'\n" + RUNNER.replace("VALUE", "value"))
        self.case("c", {"file": "m.bin"}, AXES, failing={"x": "bad"},
                  reference={"unit": self.path("reference", "r") + ":cpu"})
        self.unit = self.path("runner", "r") + ":cpu"
        self.table("reference/c.expected", lambda v: "equal" if v == "good" else "other", install="reference/c.expected")
        self.whole()

    def test_file_beside_case(self):
        self.write("s.sh", f'{SH}verdict=$(cat "$(dirname "$0")/verdict.txt" 2>/dev/null)\n' + JUDGE, 0o755)
        self.steps("{case_dir}/s.sh", "{x}")
        self.table("verdict.txt", lambda v: v.ljust(5, "\n"), install="verdict.txt")
        self.whole()

    def test_file_in_a_directory_that_is_named(self):
        os.makedirs(self.path("d", "deep"))
        self.write("s.sh", f'{SH}verdict=$(cat "$3/deep/verdict" 2>/dev/null)\n' + JUDGE, 0o755)
        self.steps("{case_dir}/s.sh", "{x}", "--from={case_dir}/d", "{case_dir}/d")
        self.table("d/deep/verdict", lambda v: v.ljust(5, "\n"), install="d/deep/verdict")

    def test_environment_variable(self):
        self.write("s.sh", SH + 'verdict=${newer:-$verdict}\n' + JUDGE, 0o755)
        self.steps("{case_dir}/s.sh", "{x}")
        before = self.env
        for way, variables, verdict in ((None, {}, "bad"), ("install", {"verdict": "good"}, "good"),
                                        ("edit", {"verdict": "bad"}, "bad"), ("replace", {"newer": "good"}, "good"),
                                        ("downgrade", {"verdict": "bad"}, "bad"), (None, {}, "bad")):
            self.env = dict(before, **variables)
            self.expect(verdict, way)
        self.whole(WAYS)

    def test_why_nothing_is_known_is_said(self):
        """In a line, once, and only where what is stored is an answer no more."""
        self.write("s.sh", SH + JUDGE, 0o755)
        self.steps("{case_dir}/s.sh", "{x}")
        said = []
        for variable, text in ((None, "#"), (None, "#"), ("MINE", "#"), ("MINE", "# "), (None, "#")):
            self.write("s.sh", SH + JUDGE + text, 0o755)
            env = {"MINE": "1"} if variable else {}
            before, self.env = self.env, dict(self.env, **env)
            stderr = self.trapline("matrix", self.path("c.json"), "-u", self.unit, status=None).stderr
            self.env = before
            said.append([line for line in stderr.splitlines() if "not used" in line])
        self.assertEqual((said[0], said[1], said[4]), ([], [], []), "the last is what the first was")
        self.assertRegex(said[2][0], r"^trapline: \d trials? in the database (is|are) not used: the variable MINE is new$")
        self.assertRegex(said[3][0], r"^trapline: \d trials? in the database (is|are) not used: \S*s.sh is another one$")

    def test_who_asks_is_no_matter(self):
        """A login, a terminal of another kind, cron: what they set decides nothing."""
        self.write("s.sh", SH + JUDGE, 0o755)
        self.steps("{case_dir}/s.sh", "{x}")
        self.assertEqual(self.by_run(), "bad")
        for of in ({"SHELL": "/bin/zsh", "TERM": "xterm-256color", "SHLVL": "3", "COLUMNS": "80"},
                   {"SHELL": "/bin/sh", "LOGNAME": "me", "USER": "me", "MAIL": "/var/mail/me"},
                   {"SSH_CONNECTION": "1 2 3 4", "TMUX": "/tmp/tmux", "INVOCATION_ID": "1"},
                   {"BUILD_NUMBER": "7", "JOB_NAME": "nightly", "RUNNER_NAME": "r", "GITHUB_SHA": "1", "CI_COMMIT_SHA": "1"}):
            before = dict(self.env)
            self.env.update(of)
            self.assertEqual((self.by_run(), self.cached), ("bad", True), of)
            self.env = before

    def test_a_name_that_only_begins_as_one_of_a_terminal_or_a_job(self):
        for name in ("BUILD_MODE", "JOB_KIND", "RUNNER_LEVEL", "HISTOGRAM", "LESSER", "CI_LEVEL", "DESKTOP_GPU", "LISTEN_PORT"):
            self.write("s.sh", f"{SH}verdict=${name}\n" + JUDGE, 0o755)
            self.steps("{case_dir}/s.sh", "{x}")
            for verdict in ("bad", "good"):
                self.env[name] = verdict
                self.assertEqual(self.by_run(), verdict, name)

    def test_environment_of_case(self):
        self.write("s.sh", SH + JUDGE, 0o755)
        for verdict in ("bad", "good", "bad"):
            self.steps("{case_dir}/s.sh", "{x}", environment={"verdict": verdict})
            self.expect(verdict)


class ElsewhereTest(IdentityBase):
    """What stands outside the directory of a script or a program, and is named in it."""

    def changes(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        for verdict in ("bad", "good", "bad"):
            self.write(name + ".new~", text(verdict), mode)
            os.rename(self.path(name + ".new~"), self.path(name))
            self.assertEqual(self.by_run(), verdict)
            self.assertEqual((self.by_run(), self.cached), (verdict, True), "nothing changed")

    def script(self, name, text, interpreter=(sys.executable, "-S", "-B"), **more):
        os.makedirs(self.path("case"), exist_ok=True)
        self.write("case/" + name, text, 0o755)
        return self.steps(*interpreter, "{case_dir}/case/" + name, "{x}", **more)

    def test_directory_of_modules(self):
        rest = "from deep import verdict\nsys.exit(3 if sys.argv[1] == 'bad' == verdict else 0)\n"
        for way in ("os.path.join(os.path.dirname(__file__), '..', 'lib')", "os.path.dirname(__file__) + '/../lib'",
                    "str(pathlib.Path(__file__).parent.parent / 'lib')", f"'{self.path('lib')}'",
                    "os.path.join(os.path.dirname(os.path.dirname(__file__)), 'lib')"):
            with self.subTest(way=way):
                self.script("s.py", f"import os, pathlib, sys\nsys.path.insert(0, {way})\n" + rest)
                self.changes("lib/deep.py", lambda v: f"verdict = '{v}'\n")

    def test_directory_behind_a_link(self):
        self.script("s.py", "import sys\nfrom pack.deep import verdict\n"
                            "sys.exit(3 if sys.argv[1] == 'bad' == verdict else 0)\n")
        os.makedirs(self.path("kept", "pack"))
        os.symlink(self.path("kept", "pack"), self.path("case", "pack"))
        os.symlink(self.path("case"), self.path("kept", "pack", "round"))  # which would have no end
        self.changes("kept/pack/deep.py", lambda v: f"verdict = '{v}'\n")

    def test_where_scratch_directories_are(self):
        """A case may be tried in a directory of TMPDIR, beside a database whose name is the beginning of another."""
        self.env["TMPDIR"] = self.directory
        self.db = self.path("inner")
        self.write("s.py", "import sys\nfrom inner import verdict\n"
                           "sys.exit(3 if sys.argv[1] == 'bad' == verdict else 0)\n")
        self.steps(sys.executable, "-S", "-B", "{case_dir}/s.py", "{x}")
        self.changes("inner.py", lambda v: f"verdict = '{v}'\n")

    def test_module_of_a_module(self):
        self.script("s.py", "import sys\nfrom beside import verdict\n"
                            "sys.exit(3 if sys.argv[1] == 'bad' == verdict else 0)\n")
        self.write("case/beside.py", "import os, sys\nsys.path.insert(0, os.path.dirname(__file__) + '/..')\n"
                                     "from above import verdict\n")
        self.changes("above.py", lambda v: f"verdict = '{v}'\n")

    def test_script_that_a_script_runs(self):
        self.script("s.sh", 'exec "$(dirname "$0")/../other/tool" "$@"\n', ["/bin/sh"])
        self.changes("other/tool", lambda v: f"{SH}verdict={v}\n" + JUDGE, 0o755)
        self.script("s.sh", 'HERE=$(cd "$(dirname "$0")/.." && pwd)\n. "$HERE/share/verdict.inc"\n' + JUDGE, ["/bin/sh"])
        self.changes("share/verdict.inc", lambda v: f"verdict={v}\n")

    @unittest.skipUnless(shutil.which("node"), "without node")
    def test_required_module(self):
        node = [os.path.realpath(shutil.which("node"))]
        self.script("s.js", "process.exit(process.argv[2] == 'bad' && require('../lib/b') == 'bad' ? 3 : 0)\n", node)
        self.changes("lib/b.js", lambda v: f"module.exports = '{v}'\n")

    def test_directory_in_a_variable(self):
        self.script("s.sh", 'verdict=$(cat "$DATA/deep/verdict")\n' + JUDGE, ["/bin/sh"],
                    environment={"DATA": "{case_dir}/data"})
        self.changes("data/deep/verdict", lambda v: v)
        self.script("s.py", "import subprocess, sys\nsys.exit(subprocess.call(['hidden', sys.argv[1]]))\n",
                    environment={"PATH": "{case_dir}/tools:" + self.env["PATH"]})
        self.changes("tools/hidden", lambda v: f"{SH}verdict={v}\n" + JUDGE, 0o755)

    def test_made_by_a_trial(self):
        self.script("s.sh", 'mkdir -p "$OUT" && date +%N >"$OUT/last.txt"\n' + JUDGE, ["/bin/sh"],
                    environment={"OUT": "{case_dir}/out"})
        self.assertEqual((self.by_run(), self.cached), ("bad", False))
        self.assertEqual((self.by_run(), self.cached), ("bad", True), "what a trial made is no input of it")

    @unittest.skipUnless(sys.platform == "linux" and shutil.which("cc"), "without ELF, or a compiler")
    def test_shared_library(self):
        def build(output, text, *more):
            self.write("text.c", text)
            subprocess.run(["cc", "-o", self.path(output + ".new~"), self.path("text.c"), *more], check=True)
            os.rename(self.path(output + ".new~"), self.path(output))
        for name in ("bin2", "lib", "lib2"):
            os.mkdir(self.path(name))
        inner = lambda v: build("lib2/libinner.so", f"int inner(void) {{ return {3 * (v == 'bad')}; }}", "-shared", "-fPIC")
        inner("bad")
        build("lib/libouter.so", "int inner(void);\nint outer(void) { return inner(); }", "-shared", "-fPIC",
              "-L" + self.path("lib2"), "-linner", "-Wl,-rpath,$ORIGIN/../lib2")
        main = "int outer(void);\nint main(int n, char **a) { (void)n; return a[1][0] == 'b' ? outer() : 0; }"
        link = ["-L" + self.path("lib"), "-louter", "-Wl,-rpath-link," + self.path("lib2")]
        for way in (["-Wl,-rpath,$ORIGIN/../lib"], ["-Wl,--disable-new-dtags,-rpath," + self.path("lib")], [],
                    [self.path("lib/libouter.so")]):  # by its path
            with self.subTest(way=way):
                build("bin2/tool", main, *(way + link[2:] if way and way[0][0] == "/" else link + way))
                self.env.pop("LD_LIBRARY_PATH", None)
                if not way:
                    self.env["LD_LIBRARY_PATH"] = self.path("lib")
                self.steps("./bin2/tool", "{x}")
                for verdict in ("bad", "good", "bad"):
                    inner(verdict)
                    self.assertEqual(self.by_run(), verdict)
                    self.assertEqual((self.by_run(), self.cached), (verdict, True), "nothing changed")


class KeptTest(IdentityBase):
    def count(self, name):
        try:
            with open(self.path(name), encoding="utf-8") as f:
                return len(f.read())
        except OSError:
            return 0

    def test_what_trials_write_is_no_input(self):
        self.write("s.sh", f'{SH}printf x >>"$(dirname "$0")/ran.txt"\n' + JUDGE, 0o755)
        case = self.steps("{case_dir}/s.sh", "{x}")
        self.expect("bad")
        ran = self.count("ran.txt")
        for name in ("a.json", "b.json"):
            with open(self.path(name), "w", encoding="utf-8") as out:
                done = subprocess.run(self.command("isolate", case, "--json"), env=self.env, stdout=out, check=False)
            self.assertEqual(done.returncode, 1)
        self.assertLessEqual(self.count("ran.txt"), ran + 4, "all was known already; two are run again to see whether it holds")
        self.write("case-of-another.json", json.dumps({"trapline": 1, "name": "other", "model": {"family": "selftest"}}))
        self.assertEqual((self.by_run(), self.cached), ("bad", True), "another case is no input of this one")
        self.write("ran.txt", "somebody else wrote here")
        self.assertEqual((self.by_run(), self.cached), ("bad", False))

    def generator(self):
        """A model that is what a module of its generator says, and a runner that fails for it."""
        self.write("make.py", "import sys\nfrom inner import verdict\nopen(sys.argv[1], 'w').write(verdict)\n"
                              "open(sys.argv[2], 'a').write('x')\n")
        os.mkdir(self.path("runner"))
        self.python("runner/r", RUNNER.replace("VALUE", "'crash' if open(request['model']).read() == 'bad' else 'fine'"))
        self.unit = self.path("runner", "r") + ":cpu"
        return self.case("c", {"generate": [sys.executable, "-S", "-B", "{case_dir}/make.py", "{model}",
                                            "{case_dir}/made"]}, AXES, failing={"x": "bad"})

    def test_model_of_an_imported_module(self):
        self.generator()
        for verdict in ("bad", "good", "bad"):
            self.write("inner.py", f"verdict = '{verdict}'\n")
            self.expect(verdict)
        self.assertEqual(self.count("made"), 2, "for each verdict once: the generator is told nothing of the variant")

    def test_nothing_kept_is_used_without_the_cache(self):
        case = self.generator()
        self.write("inner.py", "verdict = 'good'\n")
        self.assertEqual(self.by_run(), "good")
        models = os.path.join(self.env["XDG_CACHE_HOME"], "trapline", "models")
        kept = os.path.join(models, os.listdir(models)[0], "model")
        with open(kept, "w", encoding="utf-8") as f:
            f.write("bad")
        self.assertEqual(self.one(case, "-u", self.unit)["outcome"], "pass", "what was damaged is made anew")
        self.assertEqual(self.count("made"), 2)
        with open(kept, "w", encoding="utf-8") as f:
            f.write("bad")  # what nothing could tell: a model that was made by other means
        whole = os.path.join(os.path.dirname(kept), ".whole")
        with open(whole, encoding="utf-8") as f:
            known = json.load(f)
        known["files"]["model"] = hashlib.sha256(b"bad").hexdigest()
        with open(whole, "w", encoding="utf-8") as f:
            json.dump(known, f)
        self.assertEqual(self.one(case, "-u", self.unit)["outcome"], "crash", "a kept model is used")
        made = self.count("made")
        self.assertEqual(self.one(case, "-u", self.unit, "--no-cache")["outcome"], "pass")
        self.assertEqual(self.count("made"), made + 1)
        with open(kept, encoding="utf-8") as f:
            self.assertEqual(f.read(), "good", "the new one took its place")
        self.assertEqual((self.by_run(), self.cached), ("good", True))
        self.trapline("isolate", case, "-u", self.unit, "--no-cache", "--json", status=0)
        self.assertEqual(self.count("made"), made + 2, "once, however often it is tried")

    def test_new_truth_stays(self):
        """What nothing shows: the outcome depends on a file that nobody names."""
        self.write("s.sh", f"{SH}verdict=$(cat {self.directory}/f?r/away 2>/dev/null)\n" + JUDGE, 0o755)
        os.mkdir(self.path("far"))
        self.write("far/away", "bad")
        case = self.steps("{case_dir}/tools/s.sh", "{x}")
        os.mkdir(self.path("tools"))
        os.rename(self.path("s.sh"), self.path("tools", "s.sh"))
        self.expect("bad")
        self.write("far/away", "good")
        self.assertEqual((self.by_run(), self.cached), ("bad", True), "nothing can tell")
        document = json.loads(self.trapline("isolate", case, "--no-cache", "--json", status=0).stdout)
        self.assertFalse(document["reproduced"])
        self.assertEqual(document["cached"], 0)
        self.expect("good")

    def test_refusals_are_not_remembered(self):
        self.write("make.sh", f"{SH}test -f {self.path('far')} || {{ echo not here >&2; exit 77; }}\necho good >$1\n", 0o755)
        os.mkdir(self.path("runner"))
        self.python("runner/r", RUNNER.replace("VALUE", "'fine'"))
        os.mkdir(self.path("tools"))
        os.rename(self.path("make.sh"), self.path("tools", "make.sh"))
        self.unit = self.path("runner", "r") + ":cpu"
        case = self.case("c", {"generate": ["{case_dir}/tools/make.sh", "{model}"]}, AXES, failing={"x": "bad"})
        self.assertEqual(self.one(case, "-u", self.unit, "--cached")["outcome"], "unsupported")
        self.write("far", "")
        self.assertEqual(self.by_run(), "good")

    def test_versions_are_shown(self):
        self.write("bin/tool", f"{SH}echo 'tool 1.5'\n", 0o755)
        self.write("s.sh", SH + JUDGE, 0o755)
        case = self.steps("{case_dir}/s.sh", "{x}", versions=[{"name": "tool", "argv": ["tool"]},
                                                              {"name": "none", "argv": ["no-such-tool"]}])
        done = self.trapline("isolate", case, "--json", status=1)
        self.assertIn("the version of none is not known", done.stderr)
        finding = json.loads(done.stdout)["finding"]
        self.assertIn("| Toolchain and packages | none unknown: no-such-tool", self.trapline("report", finding, "--full", status=0).stdout)
        self.assertIn("tool 1.5", self.trapline("report", finding, "--full", status=0).stdout)
        self.write("bin/tool", f"{SH}echo 'tool 2.0'\n", 0o755)
        trial = self.one(case, "-u", self.unit)
        self.assertEqual(self.show(trial)["environment"]["versions"]["tool"], "tool 2.0")
        compared = json.loads(self.trapline("compare", "--by", "versions", "--json").stdout)
        self.assertEqual([s["name"].rsplit(", ", 1)[1] for s in compared["sides"]], ["tool tool 1.5", "tool tool 2.0"])
        self.assertEqual(compared["compared"], 1)

    def test_environment_reaches_all(self):
        os.mkdir(self.path("runner"))
        self.write("make.sh", f'{SH}printf %s "$GREETING" >"$1"\n', 0o755)
        self.python("runner/r", RUNNER.replace(
            "VALUE", "'crash' if open(request['model']).read() != os.environ['GREETING'] else 'fine'"))
        self.unit = self.path("runner", "r") + ":cpu"
        case = self.case("c", {"generate": ["./make.sh", "{model}"]}, AXES, failing={"x": "bad"},
                         environment={"GREETING": "hello {x} from {case_dir}"})
        self.assertEqual(self.one(case, "-u", self.unit)["outcome"], "pass")
        with open(self.show(self.one(case, "-u", self.unit))["request"]["model"], encoding="utf-8") as f:
            self.assertEqual(f.read(), f"hello bad from {self.directory}")
        self.steps("/bin/sh", "-c", 'test "$GREETING" = "hello $0"', "{x}", environment={"GREETING": "hello {x}"},
                   versions=[])
        self.unit = "command:host"
        self.assertEqual(self.by_run(), "good")
        case = self.steps("/bin/sh", "-c", 'test "$0$WHY" != "badit is bad"', "{x}", environment={"WHY": "it is {x}"})
        finding = json.loads(self.trapline("isolate", case, "--json", status=1).stdout)["finding"]
        self.assertIn("env 'WHY=it is bad' /usr/bin/sh -c", self.trapline("report", finding).stdout.replace(
            "/bin/sh", "/usr/bin/sh").replace("/usr/usr", "/usr"))


if __name__ == "__main__":
    unittest.main()
