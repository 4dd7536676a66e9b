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

    MEMORY = r"""
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#define IS(word) !strcmp(what, word)
static pthread_barrier_t all;
static void *wait_for_all(void *unused) { pthread_barrier_wait(&all); return unused; }
static char *reserve(size_t size, int protection, int flags) {
    char *p = mmap(0, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    if (p == MAP_FAILED) exit(9);
    return p;
}
static void *threads(int n) {
    pthread_t t;
    pthread_barrier_init(&all, 0, n + 1);
    for (int i = 0; i < n; i++) if (pthread_create(&t, 0, wait_for_all, 0)) exit(9);
    return wait_for_all(0);
}
int main(int n, char **v) {
    const char *what = v[1];
    size_t big = 300 << 20;
    if (IS("reserve")) { char *p = reserve(9ul << 30, 3, MAP_NORESERVE); p[5ul << 30] = 1; }
    if (IS("commit")) { if (mprotect(reserve(9ul << 30, 0, MAP_NORESERVE), 9ul << 30, 3)) return 9; }
    if (IS("threads")) threads(60);
    if (IS("touch")) memset(reserve(1ul << 30, 3, MAP_NORESERVE), 1, 1ul << 30);
    if (IS("released")) { munmap(reserve(9ul << 30, 3, MAP_NORESERVE), 9ul << 30); return malloc(big) ? 0 : 3; }
    if (IS("assert") && !malloc(big)) { fputs("prog: x.c:1: f: Assertion `buffer' failed.\n", stderr); abort(); }
    if (IS("write")) ((char *)malloc(big))[100 << 20] = 1;
    if (IS("wild")) { malloc(big); *(volatile char *)(1ul << 40) = 1; }
    if (IS("less")) { if (!malloc(big)) memset(malloc(10 << 20), 1, 10 << 20); abort(); }
    if (IS("small")) for (;;) { char *p = malloc(1 << 20); if (!p) { puts("giving up"); return 3; } memset(p, 1, 1 << 20); }
    if (IS("tiny")) for (;;) { char *p = malloc(10000); if (!p) abort(); memset(p, 1, 10000); }
    if (IS("words")) { fputs("prog: x.c:1: f: Assertion `out of memory' failed.\n", stderr); abort(); }
    if (IS("worker")) {
        int died = 0, status;
        for (int i = 0; i < 4; i++)
            if (!fork()) { memset(mmap(0, 60 << 20, 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0), 1, 60 << 20); usleep(700000); _exit(0); }
        while (wait(&status) > 0) died |= WIFSIGNALED(status);
        return died ? atoi(v[2]) : 0;
    }
    if (IS("shared")) { /* by fork: it is there once */
        memset(malloc(200 << 20), 1, 200 << 20);
        for (int i = 0; i < 4; i++) if (!fork()) { usleep(700000); _exit(0); }
        while (wait(0) > 0);
    }
    return 0;
}
"""

    @unittest.skipIf(SANITIZED, "a sanitized runner, and what it starts, has no limit of its memory")
    @unittest.skipUnless(LINUX, "only there the kernel refuses memory")
    def test_memory(self):
        """What is only reserved is not used; at the limit it is oom, whatever is said, and below it is not."""
        tool, limits = self.c("memory", self.MEMORY), {"memory_mb": 256, "timeout_s": 30}
        for what, outcome in (("reserve", "pass"), ("commit", "pass"), ("threads", "pass"), ("touch", "oom"), ("released", "oom"),
                              ("assert", "oom"), ("write", "oom"), ("small", "oom"), ("tiny", "oom"), ("shared", "pass"),
                              ("wild", "crash"), ("less", "crash"), ("words", "crash")):
            for arguments in ((), ("--no-cgroup",)) if what in ("touch", "shared", "reserve") else ((),):
                trial = self.run_steps(self.step(tool, what), limits=limits, arguments=arguments)
                self.assertEqual(trial["outcome"], outcome, (what, arguments, trial))
                if outcome == "oom":
                    self.assertIn("limit of 256 MiB", trial["message"], what)

    @unittest.skipUnless(LINUX, "only there are cgroups")
    def test_a_worker_that_the_kernel_killed(self):
        """Whatever its parent makes of it."""
        tool, limits = self.c("memory", self.MEMORY), {"memory_mb": 64, "timeout_s": 30}
        for status in (0, 1, 137):
            trial = self.ends("oom", self.step(tool, "worker", status), limits=limits)
            self.assertRegex(trial["message"], "killed memory|seen by trapline") # the latter without a cgroup
        self.ends("oom", self.step(tool, "worker", 0), limits=limits, arguments=("--no-cgroup",))

    def test_a_full_disk(self):
        """It is the limit that is named, and never memory."""
        large = self.python("large.py", "open('x', 'wb').write(bytes(int(sys.argv[1]) << 20))\n")
        limits = {"disk_mb": 20, "memory_mb": 256, "timeout_s": 30}
        trial = self.ends("error", self.step(large, 30), limits=limits)
        self.assertIn("limits.disk_mb (20 MiB)", trial["message"])
        self.ends("pass", self.step(large, 10), limits=limits)
        mount = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=8m none "$TMPDIR" && head -c "$0" /dev/zero >"$TMPDIR/other"; shift 0; exec "$@"']
        if not LINUX or not shutil.which("unshare") or subprocess.run(mount[:4] + ["mount -t tmpfs none /mnt"],
                                                                      capture_output=True).returncode:
            return # no file system can be made here
        case = self.case("full", {"steps": [self.step(large, 15)]}, limits=limits)
        command = self.command("run", case, "--json", "--fresh")
        for others, status in ((0, 1), (1 << 30, 3)):
            done = subprocess.run(mount + [str(others)] + command, env=self.env, capture_output=True, text=True)
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            self.assertIn("file system of", done.stdout + done.stderr)

    def test_whose_limit_and_whose_doing_it_was(self):
        """A limit of files that a program has set itself is not the case's, and who ends its own worker says why it failed."""
        tool = self.python("file.py", "import resource\nif len(sys.argv) > 1:\n"
                           "    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
                           "signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"
                           "open('x', 'wb').write(bytes(30 << 20))\n".replace("import resource", "import resource, signal"))
        own = self.ends("error", self.step(tool, "own"), limits={"timeout_s": 30, "disk_mb": 20})
        self.assertIn("4096 bytes", own["message"])
        self.assertNotIn("limits.disk_mb", own["message"])
        self.assertIn("limits.disk_mb (20 MiB)",
                      self.ends("error", self.step(tool), limits={"timeout_s": 30, "disk_mb": 20})["message"])
        tool = self.write("worker", "#!/bin/sh\nsleep 60 & kill -9 $!\nwait $!\n"
                          "echo 'error: the worker did not answer' >&2\nexit 137\n", 0o755)
        self.assertIn("the worker did not answer", self.ends("error", self.step(tool))["message"])

    def alive(self, words):
        """The processes whose command line holds these words."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    line = f.read().decode("utf-8", "replace").replace("\0", " ")
            except OSError:
                continue
            if words in line:
                found.append(pid)
        return found

    def wait_for(self, what):
        end = time.monotonic() + 20
        while not what() and time.monotonic() < end:
            time.sleep(0.05)
        self.assertTrue(what())

    @unittest.skipUnless(LINUX, "nothing is traced elsewhere")
    def test_a_step_that_is_not_traced(self):
        """Its signals come from its wait status, without a stack, and nothing of it outlives the trial."""
        alone = self.python("alone.py", "with open('/proc/self/status') as f:\n    sys.exit('TracerPid:\\t0\\n' not in f.read())\n")
        self.ends("error", self.step(alone))
        self.ends("pass", self.step("true"), self.step(alone, trace=False))
        trial = self.ends("crash", self.step("sh", "-c", "kill -SEGV $$", trace=False))
        self.assertEqual((trial["signal"], trial["message"]), ("SIGSEGV", "without a stack: not traced, as the case asks"))
        self.assertEqual(trial["signature"]["title"], "SIGSEGV without a stack")
        self.assertIn("not traced, as the case asks", self.trapline("show", trial["id"], status=0).stdout)
        says = self.step("sh", "-c", "echo 'prog: x.c:3: f: Assertion `a > 0` failed.' >&2; kill -ABRT $$", trace=False)
        self.assertIn("Assertion", self.ends("crash", says)["signature"]["title"])
        trial = self.ends("error", self.step("sh", "-c", "kill -TERM $$", trace=False))
        self.assertEqual(trial["signal"], "SIGTERM")
        self.ends("crash", self.step("sh", "-c", "kill -SEGV $$"), self.step("true", trace=False))
        for arguments in ((), ("--no-cgroup",)):
            nap = f"53.{os.getpid()}{len(arguments)}"
            leaves = f"sleep {nap} & setsid sleep {nap} & (setsid sh -c 'sleep {nap} & sleep {nap}' &); sleep 0.1"
            quiet = " >/dev/null 2>&1"
            self.ends("pass", self.step("sh", "-c", leaves + quiet, trace=False), arguments=arguments)
            self.assertEqual(self.alive("sleep " + nap), [])
            trial = self.ends("hang", self.step("sh", "-c", f"(setsid sleep {nap} &); sleep {nap}", trace=False, timeout_s=0.5), arguments=arguments)
            self.assertIn("not traced, as the case asks", trial["message"])
            self.assertEqual(trial["signature"]["title"], "hang without a stack")
            self.assertEqual(self.alive("sleep " + nap), [])
        nap = f"54.{os.getpid()}"
        child = self.start("run", self.case("killed", {"steps": [self.step("sleep", nap, trace=False)]}, limits={"timeout_s": 60}))
        self.wait_for(lambda: self.alive("sleep " + nap))
        child.kill()
        child.wait()
        self.wait_for(lambda: not self.alive("sleep " + nap))

    @unittest.skipUnless(LINUX, "nothing is traced elsewhere")
    def test_a_program_that_hides_its_child(self):
        name = f"hides-{os.getpid()}"
        tool = self.c(name, "#define _GNU_SOURCE\n#include <sched.h>\n#include <signal.h>\n#include <sys/syscall.h>\n#include <unistd.h>\n"
                      "int main(int n, char **v) {\n    if (!syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0)) {\n"
                      "        if (n > 1) fork();\n        setsid(); close(0); close(1); close(2); sleep(25); _exit(0); }\n    return 0; }\n")
        for arguments in ((), ("--no-cgroup",)):
            self.ends("pass", self.step(tool), arguments=arguments)
            self.assertEqual(self.alive(tool), [])
            self.ends("pass", self.step(tool, "two"), arguments=arguments)
            self.assertEqual(self.alive(tool), [])
        tool = self.c("dies", "#define _GNU_SOURCE\n#include <sched.h>\n#include <signal.h>\n#include <stdlib.h>\n#include <sys/syscall.h>\n"
                      "#include <sys/wait.h>\n#include <unistd.h>\nvoid hidden_fault(int n) { if (n) *(volatile int *)8 = 1; }\n"
                      "int main(int n, char **v) {\n    int status = 0;\n"
                      "    if (!syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, 0, 0, 0, 0)) { hidden_fault(n > 1); free(malloc(4 << 20)); _exit(0); }\n"
                      "    wait(&status);\n    return status ? 128 + WTERMSIG(status) : 0; }\n")
        self.ends("pass", self.step(tool))
        self.assertIn("hidden_fault", self.ends("crash", self.step(tool, "x"))["signature"]["title"])

    @unittest.skipUnless(LINUX, "nothing is traced elsewhere")
    def test_what_a_traced_program_can_notice(self):
        """What docs/tracing.md says of calls that end early and of programs that trace, and that an untraced step notices none of it."""
        tool = self.c("notices", "#include <errno.h>\n#include <poll.h>\n#include <signal.h>\n#include <stdio.h>\n#include <string.h>\n"
                      "#include <sys/epoll.h>\n#include <sys/ptrace.h>\n#include <sys/wait.h>\n#include <unistd.h>\n"
                      "static void child(void) { if (!fork()) { usleep(50000); _exit(0); } }\n"
                      "static const char *end(int r) { return r < 0 ? strerrorname_np(errno) : \"0\"; }\n"
                      "int main(void) {\n    struct epoll_event e; int ep = epoll_create1(0), status;\n"
                      "    child(); printf(\"epoll_wait %s\\n\", end(epoll_wait(ep, &e, 1, 200))); while (wait(0) > 0);\n"
                      "    child(); printf(\"poll %s\\n\", end(poll(0, 0, 200))); while (wait(0) > 0);\n    fflush(stdout);\n"
                      "    if (!fork()) { int r = ptrace(PTRACE_TRACEME, 0, 0, 0); printf(\"traceme %s\\n\", end(r)); fflush(stdout);\n"
                      "        if (r) _exit(0); raise(SIGUSR1); _exit(0); }\n"
                      "    wait(&status); if (WIFSTOPPED(status)) { ptrace(PTRACE_CONT, 0, 0, 0); }\n    return 0; }\n", "-D_GNU_SOURCE")
        self.ends("pass", self.step(tool, expect={"text": ["epoll_wait EINTR", "poll 0", "traceme EPERM"]}))
        self.ends("pass", self.step(tool, trace=False, expect={"text": ["epoll_wait 0", "poll 0", "traceme 0"]}))

    @unittest.skipUnless(LINUX and os.getuid() == 0, "an ordinary user has to be made")
    def test_a_process_that_lets_nobody_read_it(self):
        tool = self.c("closed", "#include <sys/prctl.h>\nint main(void) { prctl(PR_SET_DUMPABLE, 0); *(volatile int *)8 = 1; }\n")
        for path, folders, names in os.walk(self.directory):
            os.chown(path, 65534, 65534)
        case = self.case("closed", {"steps": [self.step(tool)]})
        done = subprocess.run(self.command("run", case, "--json"), env=self.env, capture_output=True, text=True, user=65534, group=65534, extra_groups=[])
        if "cannot trace" in done.stderr or not done.stdout.startswith("{"):
            self.skipTest("an ordinary user cannot run it from here: " + done.stderr)
        trial = json.loads(done.stdout)["trials"][0]
        self.assertEqual((trial["outcome"], trial["signature"]["title"]), ("crash", "SIGSEGV without a stack"))
        self.assertIn("not dumpable", trial["message"])

    def test_too_few_open_files(self):
        case = self.case("files", {"steps": [self.step("true")]})
        for most in (8, 16, 40):
            done = subprocess.run(["sh", "-c", f'ulimit -n {most}; exec "$@"', "sh"] + self.command("run", case), env=self.env,
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn("open files", done.stderr)

    @unittest.skipUnless(LINUX, "nothing is traced elsewhere")
    def test_the_key_of_a_step(self):
        case = self.case("key", {"steps": [self.step("true", trace="no")]})
        done = self.trapline("run", case, status=2)
        self.assertIn("expected true or false", done.stderr)


if __name__ == "__main__":
    unittest.main()
