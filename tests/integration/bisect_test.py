"""trapline as the judge of git bisect and of cvise."""
import json
import os
import shutil
import stat
import subprocess
import sys
import unittest

from program import MISBEHAVE, TRAPLINE, ProgramTest

# What a revision is: what its tool does when it is asked to compile.
GOOD = "import sys\nsys.stdout.write('compiled')\n"
BAD = "import sys\nsys.exit('internal error: block sizes differ')\n"
OTHER = "import sys\nsys.exit('license server not reached')\n"


class BisectTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env.update(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="a", GIT_AUTHOR_EMAIL="a@b",
                        GIT_COMMITTER_NAME="a", GIT_COMMITTER_EMAIL="a@b")
        self.tree = self.path("tree")

    def git(self, *arguments, **more):
        return subprocess.run(["git", *arguments], cwd=self.tree, env=self.env, capture_output=True, text=True, check=True, **more).stdout

    def steps(self, **more):
        """A case that runs the tool of the working tree."""
        return self.case("tool", {"steps": [{"phase": "compile", "argv": [sys.executable, os.path.join(self.tree, "tool.py")]}]}, **more)

    def history(self, *revisions):
        """A repository with a commit for each revision; a None has no tool. Their names."""
        os.mkdir(self.tree)
        self.git("init", "-q")
        names = []
        for i, text in enumerate(revisions):
            if text is None:
                os.unlink(os.path.join(self.tree, "tool.py"))
            else:
                with open(os.path.join(self.tree, "tool.py"), "w", encoding="utf-8") as file:
                    file.write(text + f"# {i}\n")
            self.git("add", "-A")
            self.git("commit", "-q", "-m", f"revision {i}")
            names.append(self.git("rev-parse", "HEAD").strip())
        return names

    def signature(self, case, unit="command:host"):
        return self.one(case, "-u", unit, status=1)["signature"]["id"]

    def bisect(self, names, *arguments):
        self.git("bisect", "start", names[-1], names[0])
        done = subprocess.run(["git", "bisect", "run", *self.command("run", *arguments, "--for", "git-bisect")], cwd=self.tree, env=self.env,
                              capture_output=True, text=True, check=False)
        self.git("bisect", "reset")
        return done

    def test_the_first_bad_commit(self):
        """Among revisions that cannot be tested: one that lacks the tool, and one that fails in another way."""
        names = self.history(GOOD, GOOD, OTHER, GOOD, None, BAD, BAD, OTHER, BAD)
        case = self.steps()
        id = self.signature(case)
        done = self.bisect(names, case, "--signature", id[:12])
        said = done.stdout + done.stderr
        # The one without the tool is next to the first bad one, so git names both.
        self.assertIn(names[4], said)
        self.assertIn(names[5], said)
        self.assertIn("only 'skip'ped commits left", said)
        # Where any failure counts there is no other one.
        self.git("checkout", "-q", names[0])
        shutil.rmtree(self.tree)
        names = self.history(GOOD, GOOD, GOOD, OTHER, BAD)
        done = self.bisect(names, self.steps())
        self.assertIn(f"{names[3]} is the first bad commit", done.stdout)

    def test_a_mistake_ends_it(self):
        """It is no revision's fault."""
        names = self.history(GOOD, GOOD, GOOD, BAD)
        for mistake in (["none.json"], [self.steps(), "--no-such-option"], [self.steps(), "-s", "layers=3"], [self.steps(), "-u", "nobody:cpu"]):
            done = self.bisect(names, *mistake)
            self.assertNotIn("first bad commit", done.stdout + done.stderr, mistake)
            self.assertIn("exit code 128", done.stdout + done.stderr, mistake)

    def test_statuses(self):
        crash_case = self.case("crash", {"family": "selftest"}, [{"name": "behaviour", "choices": ["pass", "null_read", "error", "unsupported"]}],
                               failing={"behaviour": "null_read"})
        misbehave = [crash_case, "-u", "selftest:cpu", "--for", "git-bisect"]
        crash = self.one(crash_case, "-u", "selftest:cpu", status=1)["signature"]["id"]
        for behaviour, status, more in (("pass", 0, []), ("null_read", 1, []), ("null_read", 1, ["--signature", crash[:8]]),
                                        ("error", 125, ["--signature", crash]), ("unsupported", 125, []), ("error", 1, []),
                                        ("pass", 0, ["-n", "2"])):
            done = self.trapline("run", *misbehave, "-s", f"behaviour={behaviour}", *more)
            self.assertEqual(done.returncode, status, (behaviour, more, done.stderr))
            self.assertIn(f"exit status {status}", done.stderr)
        missing = self.trapline("run", MISBEHAVE, "-u", self.path("no-runner") + ":cpu", "--for", "git-bisect", status=125)
        self.assertIn("no-runner", missing.stderr)
        self.trapline("run", *misbehave, "--signature", "xyz", status=128)
        self.assertIn("another one at each revision", self.trapline("run", *misbehave, "--signature", "last", status=128).stderr)
        self.trapline("run", MISBEHAVE, "-u", "selftest:cpu", "--for=git-bisect", "--signature", "12", status=128)
        # The id across builds is one, too; and a database that cannot be written is nobody's verdict.
        coarse = self.show(self.one(crash_case, "-u", "selftest:cpu", status=1))["signature"]["coarse_id"]
        self.trapline("run", *misbehave, "--signature", coarse, status=1)
        self.trapline("run", *misbehave, "--db", self.directory, db=False, status=128)

    def test_cvise_statuses(self):
        crash = self.one(MISBEHAVE, "-u", "selftest:cpu", status=1)["signature"]["id"]
        judge = [MISBEHAVE, "-u", "selftest:cpu", "--for", "cvise", "--signature", crash]
        for behaviour, status in (("null_read", 0), ("pass", 1), ("error", 1)):
            self.trapline("run", *judge, "-s", f"behaviour={behaviour}", "-s", "phase=execute", "-s", "thread=other", status=status)
        done = self.trapline("run", *judge[:-2], status=2)
        self.assertIn("--signature ID was expected", done.stderr)
        self.trapline("run", *judge[:3], "--for", "creduce", status=2)
        self.trapline("run", *judge[:3], "--signature", crash, status=2)

    @unittest.skipUnless(shutil.which("cvise"), "cvise is not installed")
    def test_cvise(self):
        """It reduces what the tool reads, and does not slip into the other failure."""
        os.mkdir(self.tree)
        tool = ("import os, signal, sys\ntext = open(sys.argv[1]).read()\n"
                "if 'def' not in text: sys.exit('syntax error')\n"
                "if 'gather(' in text and 'int4' in text: os.kill(os.getpid(), signal.SIGSEGV)\n")
        with open(os.path.join(self.tree, "tool.py"), "w", encoding="utf-8") as file:
            file.write(tool)
        work = self.path("work")
        os.mkdir(work)
        model = os.path.join(work, "model.txt")
        with open(model, "w", encoding="utf-8") as file:
            file.write("".join(f"x{i} = add(x{i - 1}, weights_{i})\n" for i in range(1, 8)) + "def main int4\ny = gather(x7, 3)\n"
                       + "".join(f"z{i} = relu(y)\n" for i in range(6)))
        case = os.path.join(work, "case.json")
        with open(case, "w", encoding="utf-8") as file:
            json.dump({"trapline": 1, "name": "cvise", "model": {"steps": [
                {"phase": "compile", "argv": [sys.executable, os.path.join(self.tree, "tool.py"), "{case_dir}/model.txt"]}]}}, file)
        id = self.signature(case)
        # Each test runs in a directory of its own, with what is reduced; the case is brought there, and so is a database.
        judge = self.write("judge.sh", f"#!/bin/sh\ncp {case} . && exec {TRAPLINE} run case.json --db trapline.db --for cvise --signature {id[:12]}\n",
                           0o755)
        self.assertTrue(os.stat(judge).st_mode & stat.S_IXUSR)
        passes = self.write("passes.json", json.dumps({"first": [], "main": [{"pass": "lines", "arg": "None"}], "last": []}))
        done = subprocess.run(["cvise", "--n", "1", "--not-c", "--timeout", "60", "--pass-group-file", passes, judge, "model.txt"], cwd=work, env=self.env, capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(model, encoding="utf-8") as file:
            left = file.read()
        self.assertIn("gather(", left)
        self.assertIn("int4", left)
        self.assertIn("def", left)
        self.assertNotIn("relu", left)
        self.assertNotIn("weights", left)


if __name__ == "__main__":
    unittest.main()
