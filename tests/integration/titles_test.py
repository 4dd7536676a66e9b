"""What a failure of a program is called: functions whose names the system has too, sanitizers' reports, the words of a program
that exits, and what hangs. Programs are built here; what no compiler can be found for is skipped."""
import os
import platform
import shutil
import subprocess
import sys
import unittest

from program import SLOWER, ProgramTest

CC = os.environ.get("CC", "cc").split()[0]
# arm64 has neither call of its own. And a call leaves its return address in a register there, which Linux does not tell of a thread that it
# does not stop: the stack of a parent in vfork ends with it.
ARM64 = platform.machine() == "aarch64"
VFORK, POLL = ("in clone", "ppoll") if ARM64 else ("in vfork", "poll")
LEAVES_NO_CALLER = ARM64


@unittest.skipUnless(sys.platform == "linux" and shutil.which(CC), "there is no compiler, or another system's libraries")
class TitlesTest(ProgramTest):
    def build(self, name, source, *flags, compiler=CC):
        """The path of a program built from a source; the test is skipped where it cannot be built with these flags."""
        suffix = ".cc" if "++" in compiler else ".c"
        done = subprocess.run([compiler, "-O1", "-w", self.write(name + suffix, source), "-o", self.path(name), "-pthread", *flags],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            self.skipTest(f"{compiler} {' '.join(flags)}: {done.stderr[-200:]}")
        return self.path(name)

    def ends(self, outcome, *argv, timeout_s=20, environment=None, axes=(), arguments=()):
        more = {"environment": environment} if environment else {}
        case = self.case("program", {"steps": [{"phase": "execute", "argv": list(argv)}]}, axes,
                         limits={"timeout_s": timeout_s * SLOWER, "memory_mb": 0}, **more)
        trial = self.one(case, *arguments)
        self.assertEqual(trial["outcome"], outcome, trial)
        return trial


class NamesTest(TitlesTest):
    NAMES = ["start_thread", "assert", "asanyarray", "start", "int_free_all", "raise", "clone", "tcache_lookup", "_platform_init"]
    SOURCE = """
#define X(name) __attribute__((noinline)) void name(volatile int *p) { *p = 1; }
%s
__attribute__((noinline)) void my_stage(void (*f)(volatile int *)) { f((int *)8); __asm__ volatile(""); }
static int same(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }
int main(int n, char **v) { %s return 0; }
"""

    def test_functions_that_are_called_as_those_of_the_system(self):
        source = self.SOURCE % ("\n".join(f"X({n})" for n in self.NAMES),
                                " ".join(f'if (same(v[1], "{n}")) my_stage({n});' for n in self.NAMES))
        for flags in ([], ["-static", "-Wl,-z,muldefs"]):
            program = self.build("names", source, "-fno-builtin", *flags)
            for name in self.NAMES:
                title = self.ends("crash", program, name)["signature"]["title"]
                self.assertEqual(title, f"{name} ← my_stage ← main")

    def test_those_of_the_system(self):
        source = """
#include <pthread.h>
#include <stdlib.h>
__attribute__((noinline)) void check(void) { abort(); }
void *routine(void *p) { check(); return p; }
int main(void) { pthread_t t; pthread_create(&t, 0, routine, 0); pthread_join(t, 0); return 0; }
"""
        for flags in ([], ["-static"]):
            self.assertEqual(self.ends("crash", self.build("aborts", source, *flags))["signature"]["title"], "check ← routine")


class HangTest(TitlesTest):
    def thread(self, capture):
        thread = capture["threads"][0]
        return thread.get("state", ""), [f["symbols"][0]["function"] for f in thread["frames"] if f["symbols"]]

    def test_a_child_that_never_executes_a_program(self):
        """The parent sleeps in vfork, where nothing stops it: its stack is read all the same."""
        trial = self.ends("hang", self.build("forks", """
#include <unistd.h>
__attribute__((noinline)) static void never_executes(void) { for (;;) pause(); }
__attribute__((noinline)) static void waits_for_it(void) { if (!vfork()) never_executes(); }
int main(void) { waits_for_it(); return 0; }
"""), timeout_s=0.5)
        self.assertIn("waiting in never_executes", trial["signature"]["title"])
        stacks = [self.thread(c) for c in self.show(trial)["captures"]]
        self.assertTrue(any(VFORK in state and ("waits_for_it" in names or LEAVES_NO_CALLER) and "never_executes" not in names
                            for state, names in stacks), stacks)
        text = self.trapline("show", trial["id"], status=0).stdout
        self.assertRegex(text, r"waiting in (pause|ppoll)\n")
        self.assertIn("could not be stopped: D, " + VFORK, text)

    def test_a_child_that_libc_made(self):
        """In a thread; and between vfork and exec in libc, where only the parent's stack has the program's own functions."""
        program = self.build("spawns", """
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>
__attribute__((noinline)) static void never_executes(void) { for (;;) pause(); }
__attribute__((noinline)) static void *forks(void *p) { if (!vfork()) never_executes(); return p; }
__attribute__((noinline)) static void spawns(void) {
    char *argv[] = {"true", 0}; posix_spawn_file_actions_t a; pid_t pid;
    posix_spawn_file_actions_init(&a); mkfifo("fifo", 0600); posix_spawn_file_actions_addopen(&a, 0, "fifo", O_RDONLY, 0);
    posix_spawn(&pid, "/bin/true", &a, 0, argv, 0); }
int main(int n, char **v) { pthread_t t; if (n > 1) spawns(); else pthread_create(&t, 0, forks, 0), pthread_join(t, 0); return 0; }
""")
        self.assertEqual(self.ends("hang", program, timeout_s=0.5)["signature"]["title"], "waiting in never_executes ← forks")
        self.assertEqual(self.ends("hang", program, "1", timeout_s=0.5)["signature"]["title"],
                         "waiting in openat" if LEAVES_NO_CALLER else "waiting in spawns ← main")

    def test_the_call_that_is_awaited(self):
        source = """
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
__attribute__((noinline)) void run(int k) { int p[2], c; pipe(p); if (k == 0) read(p[0], &c, 1); if (k == 1) poll(0, 0, -1);
    if (k == 2) for (;;) __asm__ volatile(""); }
int main(int n, char **v) { run(v[1][0] - '0'); return 0; }
"""
        for flags in ([], ["-static"]):
            program = self.build("awaits", source, *flags)
            for k, call in enumerate(("read", POLL, None)):
                trial = self.ends("hang", program, str(k), timeout_s=0.5)
                self.assertEqual(trial["signature"]["title"], ("waiting" if call else "running") + " in run ← main")
                self.assertEqual(self.thread(self.show(trial)["captures"][0])[0], f"waiting in {call}" if call else "")


class WordsOfAnExitTest(TitlesTest):
    def test_a_status_that_is_no_signal(self):
        """Nothing died: 128 + n is a status like any other, and the program's own line counts."""
        for status, line in ((130, "error: the licence has expired"), (139, "the licence has expired"), (134, "a.c:6: TFAIL: not set")):
            trial = self.ends("error", "/bin/sh", "-c", f"echo '{line}' >&2; echo 'failed 0'; exit {status}")
            self.assertTrue(trial["message"].endswith(": " + line), trial["message"])
            self.assertEqual(trial["exit_status"], status)
            self.assertIsNone(trial["signal"])


class SanitizersTest(TitlesTest):
    SOURCE = """
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
int shared;
__attribute__((noinline)) void *adds(void *p) { for (int i = 0; i < 1000; i++) shared++; return p; }
__attribute__((noinline)) void races(void) { pthread_t t; pthread_create(&t, 0, adds, 0); adds(0); pthread_join(t, 0); }
__attribute__((noinline)) int overflows(volatile int n) { return INT_MAX - 1 + n; }
__attribute__((noinline)) void leaks(void) { void *volatile p = malloc(100); p = 0; }
__attribute__((noinline)) int unset(void) { volatile int *p = malloc(40); return p[3] ? rand() : 0; }
__attribute__((noinline)) void outside(int k) { char *volatile p = malloc(10); ((volatile char *)p)[k] = 1; free(p); }
__attribute__((noinline)) void plain_fault(volatile int *p) { *p = 1; }
int main(int n, char **v) {
    switch (v[1][0]) { case 'r': races(); break; case 'o': overflows(n); break; case 'l': leaks(); break; case 'u': unset(); break;
        case 'a': outside(10); break; case 'f': plain_fault((int *)8); }
    return 0;
}
"""
    KINDS = {"thread": ("r", "ThreadSanitizer: data race"), "undefined": ("o", "runtime error: signed integer overflow"),
             "address": ("a", "AddressSanitizer: heap-buffer-overflow"), "memory": ("u", "MemorySanitizer: use-of-uninitialized-value"),
             "leak": ("l", None)}
    OWN = {"TSAN_OPTIONS": "halt_on_error=0:abort_on_error=0", "UBSAN_OPTIONS": "halt_on_error=0"}

    def kind(self, name, compiler=CC):
        program = self.build(name, self.SOURCE, "-g", f"-fsanitize={name}", compiler=compiler)
        bug, title = self.KINDS[name]
        if title:
            trial = self.ends("crash", program, bug)
            self.assertEqual(trial["signal"], "SIGABRT")
            self.assertIn(title, trial["signature"]["title"])
            # What the user says counts more, and the report is a crash all the same.
            trial = self.ends("crash", program, bug, environment={**self.OWN, "ASAN_OPTIONS": "abort_on_error=0"})
            self.assertIsNone(trial["signal"])
            self.assertIn(title, trial["signature"]["title"])
        else:
            self.ends("pass", program, bug, environment={"LSAN_OPTIONS": "detect_leaks=1"})
            case = self.path("program.json")
            self.assertIn("was built to look for leaks", self.trapline("run", case, status=0).stderr)
        self.assertEqual(self.ends("crash", program, "f")["signature"]["title"], "plain_fault ← main")
        self.ends("pass", program, "nothing")

    def test_thread(self):
        self.kind("thread")

    def test_undefined(self):
        self.kind("undefined")

    def test_address(self):
        self.kind("address")

    def test_leak(self):
        self.kind("leak")

    @unittest.skipUnless(shutil.which("clang"), "there is no clang")
    def test_memory(self):
        self.kind("memory", "clang")

    def test_options(self):
        def told(name, **environment):
            return self.show(self.ends("pass", "/bin/sh", "-c", f"echo ${name}", environment=environment))["stdout"]["head"].strip()
        self.env["ASAN_OPTIONS"] = "quarantine_size_mb=1"
        self.assertRegex(told("ASAN_OPTIONS"), "^abort_on_error=1:.*:quarantine_size_mb=1:detect_leaks=0$")
        self.assertRegex(told("ASAN_OPTIONS", ASAN_OPTIONS="abort_on_error=0"), "^handle_segv=0.*:abort_on_error=0:detect_leaks=0$")
        self.assertNotIn("handle_segv", told("LSAN_OPTIONS", UBSAN_OPTIONS="handle_segv=1"))


class PythonTest(TitlesTest):
    def test_where_in_python(self):
        """The stack of an interpreter is the same wherever it was; it says itself where, and whose call it was."""
        program = self.python("program.py", """
import ctypes
def reads(): ctypes.string_at(0)
def aborts(): os.abort()
def calls(): reads() if sys.argv[1] == "fault" else aborts()
calls()
""")
        title = self.ends("crash", program, "fault")["signature"]["title"]
        self.assertRegex(title, r"^strlen ← .*, in Python string_at \(__init__.py:\d+\) ← reads \(program.py:5\)$")
        self.assertRegex(self.ends("crash", program, "abort")["signature"]["title"], r", in Python aborts \(program.py:6\)$")
        self.assertNotIn("Python", self.ends("crash", program, "fault", environment={"PYTHONFAULTHANDLER": ""})["signature"]["title"])


@unittest.skipUnless(shutil.which("go"), "there is no Go")
class GoTest(TitlesTest):
    SOURCE = """
package main
import ("os"; "time")
type table struct{ rows []int }
//go:noinline
func store(p *int) { *p = 1 }
//go:noinline
func (t *table) put(p *int) { store(p) }
//go:noinline
func resume(n int) { if n > 0 { panic("the table is empty") } }
func main() {
    switch os.Args[1] {
    case "fault": (&table{}).put(nil)
    case "panic": resume(1)
    case "hang": go time.Sleep(time.Hour); <-make(chan int)
    }
}
"""

    def test_panics_and_faults(self):
        """The function that faulted is named, whose first instruction it was, and no frame of the runtime's."""
        self.write("program.go", self.SOURCE)
        env = dict(os.environ, GO111MODULE="off", GOCACHE=self.path("go-cache"), GOFLAGS="")
        subprocess.run(["go", "build", "-o", self.path("program"), self.path("program.go")], env=env, check=True, capture_output=True)
        program = self.path("program")
        fault = "panic: runtime error: invalid memory address or nil pointer dereference in main.store"
        self.assertIn(fault, self.ends("error", program, "fault")["signature"]["title"])
        trial = self.ends("crash", program, "fault", environment={"GOTRACEBACK": "crash"})
        self.assertEqual((trial["signal"], trial["signature"]["title"]), ("SIGABRT", fault))
        frames = [f["symbols"][-1]["function"] for f in self.show(trial)["captures"][0]["threads"][0]["frames"] if f["symbols"]]
        at = frames.index("runtime.sigpanic")
        self.assertEqual(frames[at + 1:at + 4], ["main.store", "main.(*table).put", "main.main"])
        title = self.ends("crash", program, "panic", environment={"GOTRACEBACK": "crash"})["signature"]["title"]
        self.assertEqual(title, "panic: the table is empty in main.resume")
        self.assertEqual(self.ends("hang", program, "hang", timeout_s=0.5)["signature"]["title"],
                         "all threads wait in the runtime of their language or in libc")


if __name__ == "__main__":
    unittest.main(verbosity=2)
