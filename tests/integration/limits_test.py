"""What a program does to its surroundings, and what these do to it: signals to everybody, memory, a full disk, a supervisor that
sleeps, and programs that are not to be traced."""
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import unittest

from program import ProgramTest, SANITIZED

LINUX = sys.platform == "linux"


class LimitsTest(ProgramTest):
    def step(self, *argv, phase="execute", **more):
        return {"phase": phase, "argv": [str(word) for word in argv], **more}

    def run_steps(self, *steps, arguments=(), env=None, limits=None):
        case = self.case("limits", {"steps": list(steps)}, limits=limits or {"timeout_s": 30})
        return self.one(case, *arguments, env=env)

    def ends(self, outcome, *steps, **more):
        trial = self.run_steps(*steps, **more)
        self.assertEqual(trial["outcome"], outcome, trial)
        return trial

    def read(self, path):
        with open(path) as f:
            return f.read()

    def c(self, name, text, *options):
        """A program in C."""
        if not shutil.which("gcc"):
            self.skipTest("there is no gcc")
        source = self.write(name + ".c", text)
        subprocess.run(["gcc", "-g", "-O1", "-w", "-pthread", source, "-o", self.path(name), *options], check=True)
        return self.path(name)

    def test_signals_to_a_group_reach_the_step_only(self):
        """A step that signals its process group, or everybody whom it may signal, hits neither the runner nor another step."""
        tool = self.python("group.py", "import signal\nhow, n = sys.argv[1], int(sys.argv[2])\nhelper = os.fork()\n"
                           "if not helper:\n    time.sleep(60)\n    os._exit(0)\n"
                           "time.sleep(0.1)\nif n == signal.SIGTERM:\n    signal.signal(n, signal.SIG_IGN)\n"
                           "os.killpg(os.getpgid(0), n) if how == 'pg' else os.kill(-1 if how == 'all' else 0, n)\n"
                           "time.sleep(0.5 if n != signal.SIGTERM else 0)\n"
                           "sys.exit(os.WTERMSIG(os.waitpid(helper, 0)[1]) != n)\n")
        for how in ["group", "pg"] + (["all"] if LINUX and self.signals_are_held_back() else []):
            self.ends("pass", self.step(tool, how, int(signal.SIGTERM)), self.step("true"))
        for how in ("group", "pg"):
            trial = self.ends("crash", self.step(tool, how, int(signal.SIGABRT)))
            self.assertEqual(trial["signal"], "SIGABRT")
            self.assertNotIn("trapline", trial["signature"]["title"])

    def signals_are_held_back(self):
        """Whether this system can keep kill(-1) from others: asked without sending anything."""
        ask = self.python("ask.py", "try:\n    os.kill(os.getppid(), 0)\n    print('reached')\nexcept PermissionError:\n    print('held')\n")
        return self.run_steps(self.step(ask, expect={"text": ["held"]}))["outcome"] == "pass"

    def test_a_later_step_can_end_what_an_earlier_one_started(self):
        start = "sleep 50 >/dev/null 2>&1 & echo $! >{scratch}/pid"
        self.ends("pass", self.step("sh", "-c", start), self.step("sh", "-c", "kill $(cat {scratch}/pid)"))

    def test_a_supervisor_that_was_stopped_makes_no_hang(self):
        """What was slept through counts for no deadline, whether the trial slept as well or not; a real hang stays one."""
        pid = self.path("pid")
        started = []
        for name, seconds in (("naps", 1), ("sleeps", 1), ("hangs", 50)):
            tool = self.python(name, f"open({pid + name!r} + '+', 'w').write(str(os.getpid()))\n"
                               f"os.rename({pid + name!r} + '+', {pid + name!r})\ntime.sleep({seconds})\n")
            case = self.case(name, {"steps": [self.step(tool)]}, limits={"timeout_s": 1.8})
            self.db = self.path(name + ".db")
            started.append((name, self.start("run", case, "--json")))
        for name, _ in started:
            end = time.monotonic() + 20
            while not os.path.exists(pid + name) and time.monotonic() < end:
                time.sleep(0.01)
        others = {name: [int(self.read(pid + name))] if name == "sleeps" else [] for name, _ in started}
        for name, child in started:
            for one in (child.pid, *others[name]):
                os.kill(one, signal.SIGSTOP)
        time.sleep(4.5)
        for name, child in started:
            for one in (*others[name], child.pid):
                os.kill(one, signal.SIGCONT)
        for (name, child), outcome in zip(started, ("pass", "pass", "hang")):
            trial = json.loads(child.communicate(timeout=60)[0])["trials"][0]
            self.assertEqual(trial["outcome"], outcome, (name, trial))


if __name__ == "__main__":
    unittest.main()
