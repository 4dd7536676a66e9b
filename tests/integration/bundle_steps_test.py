"""repro.sh: bundles of cases of steps, of generators and of runners: what they hold runs without trapline, somewhere else."""
import json
import os
import shutil
import subprocess
import tempfile
import zipfile

from program import ProgramTest, unittest

PYTHON = "python3"


class BundleTest(ProgramTest):
    def tools(self, **scripts):
        """A directory of programs that PATH has."""
        os.makedirs(self.path("tools"), exist_ok=True)
        for name, text in scripts.items():
            self.write(os.path.join("tools", name), text, 0o755)
        self.env["PATH"] = self.path("tools") + ":" + os.environ["PATH"]

    def files(self, directory, **files):
        os.makedirs(self.path(directory), exist_ok=True)
        for name, text in files.items():
            self.write(os.path.join(directory, name.replace("__", ".")), text)

    def steps(self, name, steps, values=("good", "bad"), directory="case", **more):
        os.makedirs(self.path(directory), exist_ok=True)
        model = steps if isinstance(steps, dict) else {"steps": steps}
        document = {"trapline": 1, "name": name, "model": model, "axes": [{"name": "how", "choices": list(values)}],
                    "failing": {"how": values[-1]}, "limits": {"timeout_s": 20}, **more}
        return self.write(os.path.join(directory, name + ".json"), json.dumps(document))

    def bundle(self, case, unit=None, *options):
        done = self.trapline("isolate", case, *(["-u", unit] if unit else []), "--json", status=1)
        self.finding = json.loads(done.stdout)
        self.assertTrue(self.finding["reproduced"], done.stdout)
        target = self.path("bundle")
        done = self.trapline("report", self.finding["finding"], "--bundle", "bundle", *options, status=0, cwd=self.directory)
        self.said = done.stdout + done.stderr
        self.proved = {entry["side"]: entry for entry in self.read("report.json")["bundle"]["proved"]}
        return target

    def read(self, name):
        with open(self.path("bundle", name), encoding="utf-8") as f:
            return json.load(f) if name.endswith(".json") else f.read()

    def reproduce(self, *options):
        """Somewhere else, by somebody else: the exit status, and the line that can be compared."""
        moved = tempfile.mkdtemp(dir=self.directory)
        shutil.copytree(self.path("bundle"), os.path.join(moved, "b"), symlinks=True)
        os.makedirs(self.path("home"), exist_ok=True)
        env = {"HOME": self.path("home"), "PATH": ":".join(filter(None, (self.path("tools"), "/usr/bin:/bin")))}
        done = subprocess.run(["sh", os.path.join(moved, "b", "repro.sh"), *options], env=env, cwd="/", capture_output=True,
                              text=True, timeout=60)
        last = done.stdout.splitlines()[-1] if done.stdout else done.stderr
        return done.returncode, last

    def check(self, status, line):
        """repro.sh does it three times of three, and passes as the control; it is a script as it should be."""
        self.assertEqual(self.proved["failing"]["as_reported"], 3, self.proved)
        self.assertEqual(self.proved["control"]["as_reported"], 3, self.proved)
        self.assertEqual(self.proved["failing"]["line"], "RESULT: " + line)
        self.assertEqual(self.reproduce(), (status, "RESULT: " + line))
        self.assertEqual(self.reproduce("--control")[0], 0)
        if shutil.which("shellcheck"):
            found = subprocess.run(["shellcheck", self.path("bundle", "repro.sh")], capture_output=True, text=True)
            self.assertEqual(found.returncode, 0, found.stdout)

    def test_scripts_and_what_they_use(self):
        """Modules beside a script, one above, data that it names; nothing else that stands there. A program as the case names it."""
        self.tools(uv='#!/bin/sh\nshift\n"$@"\nstatus=$?\nexit $status\n')
        self.files("lib", shared__py="def fault():\n    import os, signal\n    os.kill(os.getpid(), signal.SIGSEGV)\n")
        self.files("case", beside__py="import os\ndef right():\n    return open(os.path.join(os.path.dirname(__file__), 'words.txt')).read()\n",
                   words__txt="bad", private__txt="mine", __env="KEY=1")
        run = ("import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), '..', 'lib'))\n"
               "import beside, shared\nif sys.argv[1] == '--how=' + beside.right(): shared.fault()\n")
        self.files("case", run__py=run)
        self.bundle(self.steps("modules", [{"phase": "execute", "argv": ["uv", "run", PYTHON, "{case_dir}/run.py", "--how={how}"]}]))
        self.check(139, "step 1 of 1 (execute, uv) ended with status 139 (SIGSEGV)")
        script = self.read("repro.sh")
        self.assertRegex(script, r"(?m)^    run(_apart)? uv run ")
        self.assertNotIn(self.directory, script)
        held = sorted(os.path.relpath(os.path.join(where, name), self.path("bundle"))
                      for where, _, names in os.walk(self.path("bundle", "files")) for name in names)
        self.assertEqual(held, ["files/case/beside.py", "files/case/run.py", "files/case/words.txt", "files/lib/shared.py"])
        self.assertIn("private.txt", self.said)
        # The case in it finds the same from there.
        again = self.trapline("isolate", self.path("bundle", "case.json"), "--json", status=1)
        self.assertEqual(json.loads(again.stdout)["minimal"], self.finding["minimal"])

    def test_directories_of_people(self):
        """A path of the case has spaces, commas and quotes; what a command names and is not there is said."""
        place = "it's a case, (1) & \"more\""
        self.files(place, run__sh="#!/bin/sh\ntest \"$1\" = \"$(cat \"$LIST\")\" || exit 0\nkill -SEGV $$\n", list__txt="bad")
        os.chmod(self.path(place, "run.sh"), 0o755)
        self.bundle(self.steps("spaces", [{"phase": "load", "argv": ["{case_dir}/run.sh", "{how}", "--log={case_dir}/log/of it"]}],
                               directory=place, environment={"LIST": "{case_dir}/list.txt"}))
        self.check(139, "step 1 of 1 (load, run.sh) ended with status 139 (SIGSEGV)")
        self.assertNotIn(self.directory, self.read("repro.sh"))
        self.assertNotIn("list.txt, which", self.said)
        os.unlink(self.path(place, "list.txt"))
        shutil.rmtree(self.path("bundle"))
        done = self.trapline("report", self.finding["finding"], "--bundle", "bundle", status=0, cwd=self.directory)
        self.assertIn("list.txt, which a command of the case names: it is not there", done.stderr)

    def test_expectations(self):
        """A text that is missing after exit status 0, with words that a shell would take for its own."""
        say = "echo \"it's $1\"; test \"$1\" = good && echo '*DONE* \"$HOME\"'; touch \"$2/a b\""
        self.bundle(self.steps("words", [
            {"phase": "compile", "argv": ["sh", "-c", say, "sh", "{how}", "{scratch}"],
             "expect": {"text": ["*DONE* \"$HOME\""], "no_text": ["never\nwritten"], "files": ["{scratch}/a *"]}}]))
        self.check(1, 'step 1 of 1 (compile, sh) did not write "*DONE* "$HOME""')

    def test_status_fallback_and_hang(self):
        tools = [("exit 3", 3, "ended with status 3", {}),
                 ("echo gone to the CPU", 3, 'fell back: it wrote "gone to the CPU"', {"fallback": ["gone to the CPU"]}),
                 ("echo regions: 0", 3, "fell back: regions is 0",
                  {"count": [{"name": "regions", "number": "regions: (\\d+)", "min": 1}]})]
        for command, status, line, expect in tools:
            with self.subTest(command):
                shutil.rmtree(self.path("bundle"), ignore_errors=True)
                self.bundle(self.steps("tool", [
                    {"phase": "compile", "expect": expect,
                     "argv": ["sh", "-c", f"if [ {{how}} = bad ]; then {command}; else echo regions: 4; fi"]}]))
                self.check(status, f"step 1 of 1 (compile, sh) {line}")

    def test_hang(self):
        self.bundle(self.steps("sleeps", [{"phase": "load", "timeout_s": 1,
                                           "argv": ["sh", "-c", "test {how} = good || sleep 1000 & wait"]}]))
        self.assertEqual(self.proved["failing"]["outcome"], "hang")
        self.check(124, "step 1 of 1 (load, sh) still ran after 1 s")

    def test_made_model_and_environment(self):
        """What the generator made is in it, and can be made anew; the variables of the case are set."""
        self.files("case", make__py="import sys\nopen(sys.argv[2], 'w').write(sys.argv[1])\n")
        self.bundle(self.steps("made", {"generate": ["python3", "{case_dir}/make.py", "{how}", "{model}"], "suffix": ".aimodel", "steps": [
            {"phase": "load", "argv": ["sh", "-c", "grep -q \"$WORD\" \"$1\" && kill -ABRT $$; exit 0", "sh", "{model}"]}]},
            environment={"WORD": "ba[d]", "PLACE": "{case_dir}"}))
        self.check(134, "step 1 of 1 (load, sh) ended with status 134 (SIGABRT)")
        self.assertEqual(self.read("made/model.aimodel"), "bad")
        self.assertEqual(self.reproduce("--make")[0], 134)
        os.unlink(self.path("bundle", "made", "model.aimodel"))
        self.assertEqual(self.reproduce()[0], 134)

    def test_generator_that_fails(self):
        self.files("case", make__py="import os, sys\nif sys.argv[1] == 'bad':\n    print('RuntimeError: no such preset', file=sys.stderr)\n"
                                    "    sys.exit(5)\nopen(sys.argv[2], 'w').close()\n")
        self.bundle(self.steps("export", {"generate": [PYTHON, "{case_dir}/make.py", "{how}", "{model}"]}), "selftest:cpu")
        self.check(5, "the generator (python3) ended with status 5")

    def test_runners(self):
        """One of somebody else is in the bundle, and is sent what it was sent; a reference beside the case is found there."""
        os.mkdir(self.path("case"))
        text = ("c = socket.socket(fileno=3)\nr = json.loads(c.makefile().readline())\n"
                "say = lambda m: c.sendall(json.dumps(m).encode() + b'\\n')\n"
                "if 'describe' in r:\n    say({'name': 'own', 'version': '1', 'protocol': 1, 'serve': False, 'axes': ['how'],\n"
                "         'devices': [{'name': 'cpu', 'usable': True, 'why': ''}]})\n    sys.exit()\nsay({'phase': 'execute'})\n"
                "if r['variant']['how'] == 'worse': os.abort()\n"
                "value = 2.0 if r['variant']['how'] == 'bad' and PLAIN else 1.0\n"
                "say({'result': {'outputs': [{'name': 'y', 'dtype': 'float32', 'shape': [1], 'hash': str(value), 'finite': True,\n"
                "     'first': [value]}]}})\n")
        self.python("case/own runner", "PLAIN = True\n" + text)
        self.python("case/plain", "PLAIN = False\n" + text)
        model = {"generate": ["sh", "-c", "echo x >\"$1\"", "sh", "{model}"]}
        case = self.steps("differs", model, reference={"unit": "./plain:cpu", "tolerance": 0.01})
        self.bundle(case, self.path("case", "own runner") + ":cpu")
        self.check(3, "output y[0] is wrong")
        self.assertEqual(self.read("case.json")["reference"]["unit"], "./files/plain:cpu")
        again = self.trapline("isolate", "case.json", "-u", "./files/own runner:cpu", "--json", status=1, cwd=self.path("bundle"))
        self.assertEqual(json.loads(again.stdout)["outcome"], "wrong")
        shutil.rmtree(self.path("bundle"))
        self.bundle(self.steps("dies", model, values=("good", "worse")), self.path("case", "own runner") + ":cpu")
        self.check(134, "the runner died of SIGABRT in phase execute")

    def test_simulated_runtime(self):
        """Runner and profile are in the bundle."""
        case = self.case("blocks", {"family": "decoder"}, [{"name": "weights", "choices": ["int4_codebook", "int4_block"]}],
                         failing={"weights": "int4_block"})
        self.bundle(case, "sim@26A5353q:ane")
        self.check(139, "the runner died of SIGSEGV in phase compile")

    def test_places_and_archives(self):
        """An older bundle is replaced when it is asked for, and nothing else is. What is in it is told with sizes."""
        case = self.steps("plain", [{"phase": "load", "argv": ["test", "{how}", "=", "good"]}])
        target = self.bundle(case)
        self.assertRegex(self.said, r"(?m)^ +[0-9.]+ (B|KiB)  repro.sh: ")
        self.assertRegex(self.read("report.md"), r"`repro.sh`\s\([0-9.]+\sKiB\)")
        finding = self.finding["finding"]
        self.trapline("report", finding, "--bundle", target, status=2)
        self.write("bundle/mine", "")
        refused = self.trapline("report", finding, "--bundle", target, "--force", status=2)
        self.assertIn("bundle/mine: it is in the bundle that --force would replace", refused.stderr)
        os.unlink(self.path("bundle", "mine"))
        os.unlink(self.path("bundle", "repro.sh"))
        os.mkdir(self.path("bundle", "__pycache__"))
        self.write("bundle/__pycache__/run.pyc", "")
        self.trapline("report", finding, "--bundle", target, "--force", status=0)
        self.assertTrue(os.path.exists(self.path("bundle", "repro.sh")))
        os.mkdir(self.path("other"))
        self.write("other/mine", "")
        refused = self.trapline("report", finding, "--bundle", self.path("other"), "--force", status=2)
        self.assertIn("no bundle of trapline", refused.stderr)
        self.assertEqual(os.listdir(self.path("other")), ["mine"])
        self.trapline("report", finding, "--bundle", target, "--zip", status=0)
        self.trapline("report", finding, "--bundle", target + ".zip", status=2)
        self.trapline("report", finding, "--bundle", target + ".zip", "--force", status=0)
        with zipfile.ZipFile(target + ".zip") as packed:
            self.assertEqual(packed.testzip(), None)
            self.assertIn("bundle/repro.sh", packed.namelist())
        self.write("bundle.zip", "mine")
        self.trapline("report", finding, "--bundle", target + ".zip", "--force", status=2)
        self.assertEqual([name for name in os.listdir(self.directory) if name.startswith(".")], [])
        self.trapline("report", finding, "--force", status=2)
        # A case that is gone is still what it was in the database; where it is not whole, what was sent is left.
        shutil.rmtree(self.path("case"))
        self.trapline("report", finding, "--bundle", self.path("gone"), status=0)
        self.assertTrue({"repro.sh", "commands.sh"} & set(os.listdir(self.path("gone"))))

    def test_nothing_private(self):
        """Neither a home in an odd place, nor where case, tools, cache and scratch are; a script that tells it is named."""
        self.env.update(HOME=self.path("odd", "somebody"), USER="quentinperson")
        os.makedirs(self.env["HOME"])
        self.tools(tool='#!/bin/sh\ntest "$1" = good || { echo "error: cannot open $2" >&2; exit 4; }\n')
        self.files("case", told__py=f"# kept in {self.path('odd', 'somebody')}/notes\n")
        data = self.write("odd/weights.bin", "1")
        self.bundle(self.steps("odd", [{"phase": "load", "argv": ["tool", "{how}", data, "{case_dir}/told.py"]}]))
        self.check(4, "step 1 of 1 (load, tool) ended with status 4")
        for where, _, names in os.walk(self.path("bundle")):
            for name in set(names) - {"told.py"}:
                with open(os.path.join(where, name), "rb") as f:
                    text = f.read()
                for secret in (self.directory, "quentinperson"):
                    self.assertNotIn(secret.encode(), text, name)
        self.assertRegex(self.read("report.md"), r"Names\sof\sthis\smachine\sor\sits\suser\sstand\sin\s`files/case/told.py`")


if __name__ == "__main__":
    unittest.main()
