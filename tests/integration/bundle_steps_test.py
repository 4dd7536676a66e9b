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
        self.assertRegex(self.read("report.md"), r"With the attached files, with `uv` in `PATH` \(")
        self.assertRegex(script, r"(?m)^    run(_apart)? uv run ")
        self.assertNotIn(self.directory, script)
        held = sorted(os.path.relpath(os.path.join(where, name), self.path("bundle"))
                      for where, _, names in os.walk(self.path("bundle", "files")) for name in names)
        self.assertEqual(held, ["files/case/beside.py", "files/case/run.py", "files/case/words.txt", "files/lib/shared.py"])
        self.assertIn("private.txt", self.said)
        # The case in it finds the same from there.
        again = self.trapline("isolate", self.path("bundle", "case.json"), "--json", status=1)
        self.assertEqual(json.loads(again.stdout)["minimal"], self.finding["minimal"])

    def test_a_script_that_stands_in_a_directory_of_other_work(self):
        """It is not the case's: of what is beside and below it that comes which it names, and what is large is left out in words."""
        self.files("project", used__py="", other__py="", notes__txt="", pyproject__toml="[project]\n")
        self.files("project/old", other__py="", pyproject__toml="[project]\n")
        self.files("project", run__py="import os, sys\nimport used\nos.path.exists('table.bin')\n"
                                      "sys.argv[1] == 'bad' and os.abort()\n")
        with open(self.path("project", "table.bin"), "wb") as f:
            f.truncate(33 << 20)
        self.bundle(self.steps("elsewhere", [{"phase": "execute", "argv": [PYTHON, "{case_dir}/../project/run.py", "{how}"]}]))
        self.assertEqual(self.held(), {"project/pyproject.toml", "project/run.py", "project/used.py"})
        self.assertRegex(self.said, r"table\.bin: it is too large \(32 MiB")
        self.assertRegex(self.said, r"left out: 4 files beside the scripts of the case, which none of them names: notes\.txt, ")

    def test_what_only_stands_beside_a_script_names_nothing(self):
        """Sources beside it are taken, for it may import them; what they read elsewhere, or beside them, is of other work."""
        self.files("other", keys__json="{}", rows__csv="1\n", code__py="", tool__sh="#!/bin/sh\n")
        self.files("case", deploy__sh=f"#!/bin/sh\ncat {self.path('other/keys.json')}\n{self.path('other/tool.sh')}\n",
                   notes__py=f"import sys\nsys.path.insert(0, '../other')\nopen('{self.path('other/rows.csv')}')\nopen('near.txt')\n", near__txt="")
        self.files("case", run__py="import os, sys\nsys.argv[1] == 'bad' and os.abort()\n")
        self.bundle(self.steps("siblings", [{"phase": "execute", "argv": [PYTHON, "{case_dir}/run.py", "{how}"]}]))
        self.assertEqual(self.held(), {"deploy.sh", "notes.py", "run.py"})

    def test_a_directory_elsewhere_with_very_many_files_is_left_out(self):
        """A script that writes to one of a thousand outputs is no reason to publish them all; ten of them are."""
        for name, n in (("few", 10), ("many", 201)):
            self.files(name + "/data", **{"run%d__bin" % i: "" for i in range(n)})
            self.files(name, **{name + "_lib__py": "WHERE = 'data/run'\n"})
        self.files("case", run__py="import os, sys\nhere = os.path.dirname(__file__)\nsys.path += [here + '/../few', here + '/../many']\n"
                                   "import few_lib, many_lib\nsys.argv[1] == 'bad' and os.abort()\n")
        self.bundle(self.steps("broad", [{"phase": "execute", "argv": [PYTHON, "{case_dir}/run.py", "{how}"]}]))
        held = self.held()
        self.assertEqual({os.path.dirname(name) for name in held}, {"case", "few", "few/data", "many"}, held)
        self.assertEqual(len(held), 13)
        self.assertIn("left out: 201 files of ", self.said)

    def test_what_a_shell_script_has_below_it(self):
        """Helpers and data in directories below a script that the case names by its path, and a file that stands elsewhere and has
        blanks in its name."""
        self.files("some where", a__bin="")
        self.files("case/lib", common__sh="fail() { echo \"cannot fold $1\" >&2; exit 4; }\n", sum__awk="{ n += $1 } END { print n }\n")
        self.files("case/data", ref__tsv="1\n2\n")
        self.files("case", go__sh=f"#!/bin/sh\n. '{self.path('some where/a.bin')}'\n" ". \"$(dirname \"$0\")/lib/common.sh\"\ndir=$(cd \"$(dirname \"$0\")\" && pwd)\n"
                   "[ \"$1$(awk -f \"$dir/lib/sum.awk\" \"$dir/data/ref.tsv\")\" != bad3 ] || fail it\n")
        os.chmod(self.path("case", "go.sh"), 0o755)
        self.bundle(self.steps("below", [{"phase": "compile", "argv": ["{case_dir}/go.sh", "{how}"]}]))
        self.check(4, "step 1 of 1 (compile, go.sh) ended with status 4")
        self.assertTrue(os.path.exists(self.path("bundle", "files/some where/a.bin")), self.said)
        self.assertRegex(self.said, r"left out: what makes files/case/go.sh run elsewhere: it names \S+/some where/a.bin by its place")
        self.assertIn("still there", self.proved["failing"]["note"])

    def test_a_bundle_in_the_directory_of_the_case(self):
        """It is no file of the case: neither the next bundle nor what is known of the case holds it."""
        self.files("case", run__sh="cat \"$(dirname \"$0\")\"/*.txt >/dev/null\ntest \"$1\" = bad && kill -SEGV $$\nexit 0\n", a__txt="a")
        case = self.steps("within", [{"phase": "execute", "argv": ["sh", "{case_dir}/run.sh", "{how}", "{case_dir}"]}])
        self.bundle(case)
        before = self.held()
        shutil.move(self.path("bundle"), self.path("case/out"))
        os.makedirs(self.path("case/mine"))
        self.write("case/mine/report.json", "{}")
        self.trapline("report", self.finding["finding"], "--bundle", "bundle", status=0, cwd=self.directory)
        self.assertEqual(self.held(), before | {"mine/report.json"})
        self.assertEqual(self.read("report.json")["bundle"]["changed"], ["files/mine/report.json"])
        known = self.trapline("run", case, "-s", "how=bad", "-u", "command:host", status=1)
        self.assertNotIn("out/", known.stdout + known.stderr)

    def test_what_is_found_on_this_machine_alone(self):
        """A variable of the shell, and a file below the home directory: said beside the proof, in the script and in what is left out."""
        self.env.update(A_FLAG="1", UNREAD="x", HOME=self.path("home"), **{"V%d" % i: "" for i in range(9)})
        self.files("home", rc="fragile")
        self.files("case", run__sh="test \"$1$A_FLAG$(cat \"$HOME/rc\")\" = bad1fragile && kill -SEGV $$\nexit 0\n")
        self.bundle(self.steps("here", [{"phase": "execute", "argv": ["sh", "{case_dir}/run.sh", "{how}"]}]))
        self.assertEqual(self.proved["failing"]["as_reported"], 3, self.proved)
        self.assertEqual(self.proved["control"]["as_reported"], 3, self.proved)
        self.assertIn("it did as reported in 0 of 3", self.proved["failing"]["note"])
        needs = "something below this home directory, and the variable A_FLAG"
        self.assertIn("It needs %s, which" % needs, self.proved["failing"]["note"])
        self.assertIn("\n# It needs sh.\n# Where it was written it did as reported only with %s.\n" % needs, self.read("repro.sh"))
        self.assertIn("what repro.sh needs of the machine where it was written: " + needs, self.read("report.json")["bundle"]["left_out"])
        self.assertNotIn("nothing else", self.read("report.md"))

    def test_modules_that_variables_find(self):
        """Those that are used are in the bundle, whose script sets the variable; others that stand there are not."""
        self.env.update(PYTHONPATH=self.path("py lib"), PERL5LIB=self.path("pm"))
        self.files("py lib/pack", **{"__init__.py": ""}, core__py="import sys, subprocess, single\n"
                   "sys.exit(subprocess.call(['perl', '-MFold::It', '-e', 'Fold::It::fold(shift)', sys.argv[1]]))\n")
        self.files("py lib", single__py="", other__py="")
        self.files("pm/Fold", It__pm="package Fold::It;\nsub fold { die \"cannot fold it\\n\" if shift eq 'bad' }\n1;\n")
        self.files("case", use__py="import pack.core  # runs perl with Fold::It\n")
        self.bundle(self.steps("modules", [{"phase": "compile", "argv": ["python3", "{case_dir}/use.py", "{how}"]},
                                           {"phase": "load", "argv": ["python3", "-m", "pack.core", "{how}"]}]))
        status = self.proved["failing"]["exit_status"]
        self.check(status, "step 1 of 2 (compile, python3) ended with status %d" % status)
        self.assertTrue(os.path.exists(self.path("bundle", "files/pm/Fold/It.pm")), self.said)
        self.assertFalse(os.path.exists(self.path("bundle", "files/py lib/other.py")), self.said)

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
                "if r['variant']['how'] == 'refused':\n    say({'error': {'domain': 'own', 'code': '7', 'message': 'cannot load ' + r['model']}})\n    sys.exit()\n"
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
        # The line is the same wherever the bundle is, also where the runtime names its model.
        shutil.rmtree(self.path("bundle"))
        self.bundle(self.steps("refuses", model, values=("good", "refused")), self.path("case", "own runner") + ":cpu")
        self.check(1, "own 7 in phase execute: cannot load model/model")

    def test_simulated_runtime(self):
        """Runner and profile are in the bundle."""
        case = self.case("blocks", {"family": "decoder"}, [{"name": "weights", "choices": ["int4_codebook", "int4_block"]}],
                         failing={"weights": "int4_block"})
        self.bundle(case, "sim@26A5353q:ane")
        self.check(139, "the runner died of SIGSEGV in phase compile")

    def compiled(self, name, text, *options):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        subprocess.run(["cc", "-x", "c", "-", "-o", self.path(name), *options], input=text, text=True, check=True, timeout=60)

    def held(self):
        return {os.path.relpath(os.path.join(where, name), self.path("bundle", "files"))
                for where, _, names in os.walk(self.path("bundle", "files")) for name in names}

    @unittest.skipUnless(shutil.which("cc"), "no C compiler")
    def test_own_tool_with_its_installation(self):
        """A program that PATH has, a link into ../lib, with libraries by $ORIGIN and data in ../share, behind one that starts it."""
        self.compiled("kit/lib/x/core/libcore.so.1.2", "#include <signal.h>\nvoid fault(void) { raise(SIGSEGV); }\n", "-shared", "-fPIC",
                      "-Wl,-soname,libcore.so.1")
        os.symlink("libcore.so.1.2", self.path("kit/lib/x/core/libcore.so.1"))
        self.compiled("kit/lib/x/bin/mytool-1", r"""
            #include <stdio.h>
            #include <string.h>
            #include <unistd.h>
            void fault(void);
            int main(int n, char **words) {
                char path[4096], text[16] = "";
                ssize_t size = readlink("/proc/self/exe", path, sizeof path - 64);
                path[size] = 0;
                strcpy(strrchr(path, '/'), "/../share/");
                strcat(path, "table.bin");
                FILE *f = fopen(path, "r");
                if (!f || !fgets(text, sizeof text, f)) return 9;
                if (n > 1 && !strcmp(words[1], text)) fault();
                return 0;
            }""", "-x", "none", self.path("kit/lib/x/core/libcore.so.1.2"), "-Wl,-rpath,$ORIGIN/../core")
        self.files("kit/lib/x/share", table__bin="bad")
        self.files("kit/lib/x/bin", notes__txt="not of it")
        os.makedirs(self.path("kit/bin"))
        os.symlink("../lib/x/bin/mytool", self.path("kit/bin/mytool"))
        os.symlink("mytool-1", self.path("kit/lib/x/bin/mytool"))
        self.write("kit/bin/unrelated", "#!/bin/sh\n", 0o755)
        self.env["PATH"] = self.path("kit/bin") + ":" + os.environ["PATH"]
        self.bundle(self.steps("installed", [{"phase": "execute", "argv": ["nice", "mytool", "{how}"]}]))
        os.rename(self.path("kit"), self.path("away"))
        self.check(139, "step 1 of 1 (execute, nice) ended with status 139 (SIGSEGV)")
        self.assertEqual(self.held(), {"kit/bin/mytool", "kit/lib/x/bin/mytool", "kit/lib/x/bin/mytool-1", "kit/lib/x/core/libcore.so.1",
                                       "kit/lib/x/core/libcore.so.1.2", "kit/lib/x/share/table.bin"})
        self.assertEqual(os.readlink(self.path("bundle/files/kit/bin/mytool")), "../lib/x/bin/mytool-1")
        self.assertRegex(self.read("repro.sh"), r"(?m)^# It needs nice\.$")
        # The command for trapline, as the report has it.
        command = [line for line in self.read("report.html").splitlines() if "trapline run case.json" in line]
        self.assertIn("$PWD", command[0])
        env = {**self.env, "PATH": self.path("bundle/files/kit/bin") + ":" + os.environ["PATH"]}
        self.trapline("run", "case.json", "-s", "how=bad", status=1, cwd=self.path("bundle"), env=env)
        # Unpacked by what knows no links.
        for name in ("files/kit/bin/mytool", "files/kit/lib/x/core/libcore.so.1"):
            os.unlink(self.path("bundle", name))
        self.assertEqual(self.reproduce()[0], 139)

    def test_scripts_that_stand_elsewhere(self):
        """A script by its path, far from the case, finds ../lib and ../share; a wrapper finds the program of its installation."""
        self.files("far/lib", helper__py="import os\ndef word():\n    return open(os.path.join(os.path.dirname(__file__), '../share/word.txt')).read()\n")
        self.files("far/share", word__txt="bad", other__txt="")
        self.files("far/tools", run__py="import os, sys\nsys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../lib'))\n"
                                        "import helper\nif sys.argv[1] == helper.word(): os.abort()\n")
        self.tools(wrap='#!/bin/sh\nhere=$(dirname "$(dirname "$0")")\nexec "$here/inner/bin/real" "$@"\n')
        os.makedirs(self.path("inner/bin"))
        self.write("inner/bin/real", '#!/bin/sh\nexec "$@"\n', 0o755)
        self.bundle(self.steps("far", [{"phase": "load", "argv": ["wrap", PYTHON, self.path("far/tools/run.py"), "{how}"]}],
                               directory="a/b/c/d/e/case"))
        for name in ("far", "inner", "tools"):
            os.rename(self.path(name), self.path(name + "-away"))
        self.check(134, "step 1 of 1 (load, wrap) ended with status 134 (SIGABRT)")
        self.assertEqual({name.split("/", 2)[2] for name in self.held()},
                         {"far/lib/helper.py", "far/share/word.txt", "far/tools/run.py", "tools/wrap", "inner/bin/real"})

    def test_what_was_changed(self):
        """A module and a tool that are others than when the failure was found are named; what stayed the same is not."""
        self.tools(check='#!/bin/sh\n"$@"\n', uv='#!/bin/sh\nshift\n"$@"\n')
        self.files("case", run__py="import sys, mod\nmod.judge(sys.argv[1])\n", mod__py="import os\ndef judge(word):\n    if word == 'bad': os.abort()\n")
        self.bundle(self.steps("changed", [{"phase": "load", "argv": ["uv", "run", "check", PYTHON, "{case_dir}/run.py", "{how}"]}]))
        self.assertNotIn("changed after", self.said)
        self.assertNotIn("changed", self.read("report.json")["bundle"])
        self.files("case", mod__py="def judge(word):\n    pass\n")
        self.tools(uv='#!/bin/sh\n# newer\nshift\n"$@"\n')
        done = self.trapline("report", self.finding["finding"], "--bundle", "bundle", "--force", status=0, cwd=self.directory)
        report = self.read("report.json")
        self.assertEqual(report["bundle"]["changed"], ["files/case/mod.py", "uv"])
        self.assertNotIn("contents", report["finding"])
        self.assertEqual({entry["side"]: entry["as_reported"] for entry in report["bundle"]["proved"]}, {"failing": 0, "control": 3})
        self.assertIn("changed after the failure was found: files/case/mod.py", done.stderr)
        self.assertRegex(done.stdout, "files/case/mod.py: of the case; it was changed after the failure was found")
        self.assertRegex(" ".join(self.read("report.md").split()), "Changed after the failure was found, .*: `files/case/mod.py`, `uv`")

    def test_a_failure_that_comes_and_goes(self):
        self.bundle(self.steps("flaky", [{"phase": "load", "argv": [
            "sh", "-c", "test $1 = good && exit; test $(od -An -N1 -tu1 /dev/urandom) -lt 128 || kill -SEGV $$", "sh", "{how}"]}]))
        failing = self.proved["failing"]
        self.assertGreaterEqual(failing["runs"], 12)
        self.assertGreater(failing["as_reported"], 0, failing)
        self.assertEqual(self.proved["control"]["as_reported"], 3)

    def test_no_place_for_scratch(self):
        """Where TMPDIR cannot be used, what is run has a place beside the bundle; nothing is left when there is none."""
        case = self.steps("plain", [{"phase": "load", "argv": ["test", "{how}", "=", "good"]}])
        self.bundle(case)
        before = sorted(os.listdir(self.directory))
        env = {**self.env, "TMPDIR": self.path("missing")}
        finding = self.finding["finding"]
        done = self.trapline("report", finding, "--bundle", "bundle", "--force", status=0, cwd=self.directory, env=env)
        self.assertIn("missing cannot hold scratch files (No such file or directory)", done.stderr)
        self.assertEqual(self.read("report.json")["bundle"]["proved"][0]["as_reported"], 3)
        self.assertEqual(sorted(os.listdir(self.directory)), before)
        done = self.trapline("report", finding, "--bundle", self.path("nowhere", "bundle"), status=3, env=env)
        self.assertIn(self.path("nowhere"), done.stderr)
        self.assertEqual(sorted(os.listdir(self.directory)), before)

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
