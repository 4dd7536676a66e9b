"""What a failure of a program is called: functions whose names the system has too, sanitizers' reports, the words of a program
that exits, and what hangs. Programs are built here; what no compiler can be found for is skipped."""
import os
import shutil
import subprocess
import unittest

from program import ProgramTest

CC = os.environ.get("CC", "cc").split()[0]


@unittest.skipUnless(shutil.which(CC), "there is no compiler")
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
                         limits={"timeout_s": timeout_s, "memory_mb": 0}, **more)
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
"""), timeout_s=1)
        self.assertIn("waiting in never_executes", trial["signature"]["title"])
        stacks = [self.thread(c) for c in self.show(trial)["captures"]]
        self.assertTrue(any("in vfork" in state and "waits_for_it" in names and "never_executes" not in names
                            for state, names in stacks), stacks)
        text = self.trapline("show", trial["id"], status=0).stdout
        self.assertIn("waiting in pause\n", text)
        self.assertIn("could not be stopped: D, in vfork", text)

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
            for k, call in enumerate(("read", "poll", None)):
                trial = self.ends("hang", program, str(k), timeout_s=1)
                self.assertEqual(trial["signature"]["title"], ("waiting" if call else "running") + " in run ← main")
                self.assertEqual(self.thread(self.show(trial)["captures"][0])[0], f"waiting in {call}" if call else "")


if __name__ == "__main__":
    unittest.main(verbosity=2)
