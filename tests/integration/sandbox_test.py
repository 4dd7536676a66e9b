"""What a sandboxed trial can reach (runners/outside.c tries each way out), as root and as an ordinary user; without a sandbox the same
program finds the ways open. What a sandbox must leave a program is tried as well."""
import json
import os
import pty
import re
import socket
import subprocess
import threading
import unittest

from program import TRAPLINE, ProgramTest

OUTSIDE = os.environ["OUTSIDE"]
NOBODY = 65534
# Of Landlock, for signals and abstract sockets.
SCOPES = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) >= (6, 12)
FUNCTIONS = {"scratch", "shared_memory", "loopback", "itself"}
SHARED = "/dev/shm/trapline-test-of-the-sandbox"


def accept(server):
    while True:
        try:
            server.accept()[0].close()
        except OSError:
            return


def nobody_may_run(program):
    return subprocess.run(["test", "-x", program], user=NOBODY, group=NOBODY, extra_groups=[]).returncode == 0


class SandboxedTest(ProgramTest):
    def sandboxed(self, *arguments, **more):
        """Runs the program; where the system has no sandbox, the test is skipped."""
        done = self.trapline(*arguments, **more)
        if "there can be no sandbox here" in done.stderr:
            self.skipTest(done.stderr)
        return done


class Sandbox(SandboxedTest):
    user = None

    def setUp(self):
        super().setUp()
        self.bus = self.path("bus")
        self.abstract = f"trapline-test-{os.getpid()}-{id(self)}"
        self.port = self.listen(socket.AF_INET, ("127.0.0.1", 0)).getsockname()[1]
        self.listen(socket.AF_UNIX, self.bus)
        self.listen(socket.AF_UNIX, "\0" + self.abstract)
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        self.addCleanup(os.close, slave)
        self.terminal = os.ttyname(slave)
        self.victim = subprocess.Popen(["sleep", "60"], **self.as_user())
        self.addCleanup(self.victim.wait)
        self.addCleanup(self.victim.kill)
        os.mkdir(self.path("db"))
        os.mkdir(self.path("home"))
        self.db = self.path("db", "trapline.db")
        if self.user:
            os.chown(self.terminal, self.user, -1)
            for path, folders, names in os.walk(self.directory):
                for name in [path] + [os.path.join(path, x) for x in names]:
                    os.chown(name, self.user, self.user)
        segment = subprocess.run(["ipcmk", "-M", "16", "-p", "0666"], capture_output=True, text=True, **self.as_user())
        self.segment = re.search(r"\d+", segment.stdout).group() if segment.returncode == 0 else None
        if self.segment:
            self.addCleanup(subprocess.run, ["ipcrm", "-m", self.segment])
        with open("/proc/sysvipc/shm") as segments:
            self.key = next((line.split()[0] for line in segments if line.split()[1:2] == [self.segment]), "0")

    def as_user(self):
        return {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}

    def listen(self, family, address):
        server = socket.socket(family, socket.SOCK_STREAM)
        server.bind(address)
        server.listen(8)
        if family == socket.AF_UNIX and isinstance(address, str) and address[0] == "/":
            os.chmod(address, 0o777)
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        self.addCleanup(server.close)
        self.addCleanup(server.shutdown, socket.SHUT_RDWR)
        return server

    def ways(self, *arguments):
        """What the program finds open."""
        argv = [OUTSIDE, self.victim.pid, self.db, self.bus, self.abstract, self.terminal, self.path("home", ".profile"), self.port,
                int(self.key, 0)]
        case = self.case("outside", {"steps": [{"phase": "execute", "argv": [str(x) for x in argv]}]})
        done = self.sandboxed("run", case, "--json", *arguments, env=dict(self.env, HOME=self.path("home")), **self.as_user())
        if "cannot trace" in done.stderr:
            self.skipTest(done.stderr)
        trial = json.loads(done.stdout)["trials"][0]
        self.assertEqual(trial["outcome"], "pass", trial)
        shown = self.show(trial)["stdout"]
        found = dict(line.split() for line in (shown if isinstance(shown, str) else shown["head"]).splitlines())
        self.assertEqual(len(found), 21, found)
        return {way for way, is_open in found.items() if is_open == "yes"}

    def test_each_way_out(self):
        self.assertEqual(self.ways("--sandbox"), FUNCTIONS)
        self.assertFalse(os.path.exists(SHARED))
        # What is open without one; a scope of signals closes some of the others, where the kernel has it. Where it has none what an
        # ordinary user runs is in a namespace of processes instead.
        self.assertGreaterEqual(self.ways(), FUNCTIONS | {"database", "bus", "abstract", "terminal", "write", "port", "segment"} |
                                ({"see"} if SCOPES or not self.user else set()) |
                                (set() if self.user else {"kernel", "capabilities"}))
        os.unlink(SHARED)

    def test_with_the_network(self):
        self.assertEqual(self.ways("--sandbox", "--network"), FUNCTIONS | {"port"} | (set() if SCOPES else {"abstract"}))


class Asking(SandboxedTest):
    """How one is asked for, and what is known by it."""

    def test_a_suite(self):
        case = self.case("wrote", {"steps": [{"phase": "execute", "argv": ["touch", self.path("here")]}]}, failing={})
        suite = {"trapline": 1, "suite": "s", "cases": [case], "units": ["command:host"], "repeat": 1, "isolate_new": False, "sandbox": True}
        done = self.sandboxed("nightly", self.write("s.json", json.dumps(suite)))
        self.assertFalse(os.path.exists(self.path("here")))
        trial = self.show(self.listed("trials")["trials"][0])
        self.assertIn("Read-only file system", json.dumps(trial))
        self.assertEqual(trial["environment"]["versions"], {"sandbox": "without the network"})
        # What is known of a sandbox is nothing that is known without.
        self.trapline("run", case, status=0)
        self.assertTrue(os.path.exists(self.path("here")))
        suite["sandbox"] = "yes"
        done = self.trapline("nightly", self.write("s.json", json.dumps(suite)), status=2)
        self.assertIn('expected true, false, or "network"', done.stderr)

    def test_options_without_one(self):
        case = self.case("true", {"steps": [{"phase": "execute", "argv": ["true"]}]})
        self.assertIn("add --sandbox", self.trapline("run", case, "--network", status=2).stderr)
        self.assertIn("no such user", self.trapline("run", case, "--sandbox", "--user", "nobody-of-this-name", status=2).stderr)

    def test_what_is_printed_to_type_next(self):
        """Who copies it runs a stranger's model as it was run before."""
        script = self.write("dies.sh", f"echo ran >>{self.path('here')}; kill -SEGV $$\n")
        done = self.trapline("init", "--sandbox", "--network", "-o", self.path("in-one"), "--", "sh", script)
        if "there can be no sandbox here" in done.stderr:
            self.skipTest(done.stderr)
        self.assertFalse(os.path.exists(self.path("here")))
        next_steps = re.findall(r"^  trapline (\w+ .*)$", done.stdout, re.MULTILINE)
        self.assertEqual([line.split()[0] for line in next_steps], ["isolate", "report"], done.stdout)
        for line in next_steps:
            self.assertTrue(line.endswith(" --sandbox --network"), line)
            self.trapline(*line.split())
        self.assertFalse(os.path.exists(self.path("here")))
        self.assertNotIn("--sandbox", self.trapline("init", "-o", self.path("in-none"), "--", "sh", script).stdout)
        self.assertTrue(os.path.exists(self.path("here")))

    def test_a_bundle(self):
        """Its trials are run in the sandbox, and what would run outside of one is not tried, which is said."""
        case = self.case("dies", {"steps": [{"phase": "execute", "argv": ["sh", "-c", f"touch {self.path('here')}; kill -SEGV $$"]}]}, failing={})
        done = self.trapline("isolate", case, "--sandbox")
        if "there can be no sandbox here" in done.stderr:
            self.skipTest(done.stderr)
        done = self.trapline("report", "last", "--bundle", self.path("bundle"), "--sandbox", status=0)
        self.assertIn("they would run outside of the sandbox", done.stderr)
        self.assertIn("Fails as before", self.trapline("report", "last", "--retest", "--sandbox").stdout)
        self.assertFalse(os.path.exists(self.path("here")))
        self.assertIn("--sandbox goes with", self.trapline("report", "last", "--sandbox", status=2).stderr)

    def test_a_database_among_other_files(self):
        """Its directory is needed; its files are hidden one by one."""
        case = self.case("reads", {"steps": [{"phase": "execute", "argv": ["sh", "-c", "cat {case_dir}/reads.json; cat {case_dir}/trapline.db*"]}]})
        done = self.sandboxed("run", case, "--sandbox", "--json")
        shown = self.show(json.loads(done.stdout)["trials"][0])["stdout"]
        text = shown if isinstance(shown, str) else shown["head"]
        self.assertIn('"name": "reads"', text)
        self.assertNotIn("SQLite", text)

    @unittest.skipUnless(os.getuid() == 0, "only root can run trials as others")
    def test_as_another_user(self):
        if not nobody_may_run(TRAPLINE):
            self.skipTest("another user cannot run it from here")
        case = self.case("who", {"steps": [{"phase": "execute", "argv": ["sh", "-c", "id -u; touch mine && echo wrote; wc -c /etc/shadow"]}]})
        os.chmod(self.directory, 0o711)
        os.chmod(self.path("tmp"), 0o711)
        done = self.sandboxed("run", case, "--sandbox", "--user", "nobody", "--json")
        trial = self.show(json.loads(done.stdout)["trials"][0])
        shown = trial["stdout"] if isinstance(trial["stdout"], str) else trial["stdout"]["head"]
        self.assertEqual(shown.split(), ["65534", "wrote"], trial)

    def test_a_generator_and_a_fork_server(self):
        generator = self.write("make.py", "import sys\nopen(sys.argv[1], 'w').write('model')\n")
        case = self.case("made", {"generate": ["python3", generator, "{model}"]}, [{"name": "n", "range": [1, 9]}])
        done = self.sandboxed("run", case, "-u", os.environ["FORKING_RUNNER"] + ":cpu", "--repeat", "8", "--sandbox", "--json")
        trials = json.loads(done.stdout)["trials"]
        self.assertEqual([trial["outcome"] for trial in trials], ["pass"] * 8, done.stdout + done.stderr)
        self.assertFalse(all(self.show(trial)["fresh"] for trial in trials))


class SandboxOfNobody(Sandbox):
    user = NOBODY

    def setUp(self):
        if os.getuid() != 0 or not nobody_may_run(OUTSIDE):
            self.skipTest("an ordinary user cannot be become, or cannot run it from here")
        super().setUp()


if __name__ == "__main__":
    unittest.main()
