"""Environments that lack something: homes, directories, descriptors, rights. trapline says what, and exits with 3."""
import os
import resource
import shutil
import subprocess
import unittest

from program import CASES, MISBEHAVE, PATIENCE, ProgramTest

PASS = ("run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass")
STEPS = ("run", os.path.join(CASES, "steps.json"), "-s", "lines=3")
NOBODY = ["setpriv", "--reuid=65511", "--regid=65511", "--clear-groups"]


class EnvironmentTest(ProgramTest):
    def without(self, *names, **more):
        return dict({k: v for k, v in self.env.items() if k not in names}, **more)

    def test_no_home(self):
        env = self.without("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
        done = self.trapline(*PASS, db=False, env=env, status=3)
        self.assertIn("--db", done.stderr)
        self.trapline(*PASS, env=env, status=0)
        self.trapline("list", "units", db=False, env=env, status=0)
        done = self.trapline("run", os.path.join(CASES, "generate.json"), "-u", "selftest:cpu", env=env, status=3)
        self.assertIn("XDG_CACHE_HOME", done.stderr)

    def test_default_database(self):
        self.trapline(*PASS, db=False, status=0)
        self.assertTrue(os.path.exists(self.path("state", "trapline", "trapline.db")))
        env = self.without("XDG_STATE_HOME", HOME=self.path("home"))
        self.trapline(*PASS, db=False, status=0, env=env)
        self.assertTrue(os.path.exists(self.path("home", ".local", "state", "trapline", "trapline.db")))

    def test_scratch(self):
        for place in ("/nonexistent", "/dev/null", "/proc"):
            done = self.trapline(*PASS, env=self.without(TMPDIR=place), status=3)
            self.assertIn("TMPDIR", done.stderr)
            self.assertEqual(done.stdout, "")
        self.trapline(*PASS, env=self.without("TMPDIR"), status=0)

    def test_path(self):
        for env in (self.without(PATH=""), self.without(PATH="/nonexistent")):
            self.assertIn("not in PATH", self.trapline(*STEPS, env=env, status=2).stderr)
        self.trapline(*PASS, env=self.without("PATH"), status=0)

    def closed(self, *arguments, fds=(), **more):
        def close():
            for fd in fds:
                os.close(fd)
        return subprocess.run(self.command(*arguments), env=self.env, preexec_fn=close, timeout=PATIENCE, **more)

    def test_closed_streams(self):
        for form in ([], ["--json"]):
            done = self.closed(*PASS, *form, fds=[1], stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 3)
            self.assertIn(b"cannot write the output", done.stderr)
        self.assertEqual(self.closed(*PASS, fds=[0], stdout=subprocess.PIPE).returncode, 0)
        self.assertEqual(self.closed(*PASS, fds=[2], stdout=subprocess.PIPE).returncode, 0)
        self.assertEqual(self.closed(*PASS, fds=[0, 1, 2]).returncode, 3)
        self.trapline("db", "check", status=0)
        self.assertEqual([t["outcome"] for t in self.listed("trials")["trials"]], ["pass"] * 5)

    def test_full_stdout(self):
        self.trapline(*PASS, status=0)
        for arguments in (PASS, (*PASS, "--json"), ("list", "trials"), ("list", "trials", "--json"), ("list", "cases"),
                          ("db", "check"), ("doctor", "--help")):
            with open("/dev/full", "wb") as full:
                done = subprocess.run(self.command(*arguments), env=self.env, stdout=full, stderr=subprocess.PIPE,
                                      timeout=PATIENCE)
            self.assertEqual(done.returncode, 3, arguments)
            self.assertIn(b"No space left on device", done.stderr)

    def test_reader_that_left(self):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(self.command(*PASS, "-n", "20"), env=self.env, stdout=write, stderr=subprocess.PIPE,
                              timeout=PATIENCE)
        os.close(write)
        self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_arguments(self):
        long = "x" * 100000
        for arguments in (["run", MISBEHAVE, "-u", long], ["run", MISBEHAVE, "-u", "selftest:cpu", "-s", "phase=" + long],
                          ["run", MISBEHAVE, "-u", "selftest:cpu", "-s", long], ["run", long], ["show", long],
                          ["list", "trials", "--since", long], [long],
                          ["run", MISBEHAVE, "-u", b"self\xfftest:cpu"], ["run", MISBEHAVE, "-u", b"selftest:\xff"],
                          ["run", MISBEHAVE, "-u", "selftest:cpu", "-s", b"phase=\xff"], ["show", b"\xff"], [b"\xff"]):
            self.trapline(*arguments, status=2)
        self.trapline(*PASS, *(["-s", "thread=other"] * 10000), status=0)
        with open(os.path.join(CASES, "misbehave.json"), "rb") as f:
            text = f.read()
        path = os.fsencode(self.directory) + b"/\xff.json"
        with open(path, "wb") as f:
            f.write(text)
        self.trapline("run", path, "-u", "selftest:cpu", "-s", "behaviour=pass", status=0)
        self.trapline("list", "cases", self.directory, "--json", status=0)

    def test_few_descriptors(self):
        for most in (8, 12, 16, 24, 40, 64, 80, 120):
            def limit():
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
            done = self.trapline(*PASS, "-n", "8", "-j", "4", preexec_fn=limit)
            self.assertIn(done.returncode, (0, 2, 3), done.stderr)
            if done.returncode == 3:
                self.assertRegex(done.stderr, "ulimit -n|Too many open files")
        self.trapline("db", "check", status=0)

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs root, to be somebody else")
    def test_somebody_else(self):
        os.chmod(self.directory, 0o777)
        os.chmod(self.path("tmp"), 0o777)

        def nobody(*arguments, preexec_fn=None):
            return subprocess.run(NOBODY + self.command(*arguments), env=self.env, capture_output=True, text=True,
                                  timeout=PATIENCE, preexec_fn=preexec_fn)
        done = nobody(*PASS)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = nobody("run", MISBEHAVE, "-u", "selftest:cpu", "--json")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("null_read", done.stdout)
        done = nobody(*PASS, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NPROC, (1, 1)))
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("cannot fork", done.stderr)


if __name__ == "__main__":
    unittest.main()
