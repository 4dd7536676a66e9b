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


if __name__ == "__main__":
    unittest.main(verbosity=2)
