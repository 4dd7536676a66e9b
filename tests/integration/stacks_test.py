"""Stacks of programs as other tools build them: held against gdb, and titles of what was inlined or has no file any more."""
import os
import shutil
import subprocess
import sys
import unittest

from program import HERE, ProgramTest, SANITIZED, TRAPLINE

STACKS = os.path.join(os.path.dirname(HERE), "stacks")

LOADS = r"""
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    void *library = dlopen(argv[1], RTLD_NOW);
    int (*entry)(int) = library ? (int (*)(int))dlsym(library, "library_entry") : 0;
    if (!entry)
        return 77;
    if (argc > 2 && (unlink(argv[1]) || (argv[2][0] == 'r' && rename(argv[3], argv[1]))))
        return 78;
    return entry(argc);
}
"""


class StacksTest(ProgramTest):
    def build(self, name, *arguments):
        subprocess.run(["cc", *arguments, "-o", self.path(name)], check=True, cwd=self.directory)
        return self.path(name)

    def crash(self, *argv):
        case = self.case("crash", {"steps": [{"phase": "execute", "argv": list(argv)}]})
        trial = self.one(case, "--fresh")
        self.assertEqual((trial["outcome"], trial["signal"]), ("crash", "SIGSEGV"))
        return trial

    def test_as_gdb_has_it(self):
        if SANITIZED:
            self.skipTest("once is enough")
        done = subprocess.run([sys.executable, os.path.join(STACKS, "compare.py"), TRAPLINE, "--quick"], env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode == 77:
            self.skipTest(done.stdout.strip())
        print(done.stdout)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_link_time_optimisation(self):
        sources = [os.path.join(STACKS, n) for n in ("crash.c", "crash_other.c")]
        try:
            program = self.build("lto", "-g", "-O2", "-flto", "-pthread", *sources)
        except subprocess.CalledProcessError:
            self.skipTest("this compiler has no link-time optimisation")
        # As the title of a program that was built without.
        self.assertTrue(self.crash(program, "other")["signature"]["title"].startswith("other_step ← through_other"))
        apart = self.build("apart", "-g", "-O2", "-pthread", *sources)
        self.assertTrue(self.crash(apart, "other")["signature"]["title"].startswith("other_step ← through_other"))

    def test_library_that_is_gone(self):
        self.write("loads.c", LOADS)
        loads = self.build("loads", "-g", "loads.c", "-ldl")
        flags = ["-g", "-O2", "-shared", "-fPIC", os.path.join(STACKS, "crash_library.c")]
        for build_id in ("sha1", "none"):
            library = self.build("library.so", *flags, "-Wl,--build-id=" + build_id)
            kept = self.crash(loads, library)["signature"]["title"]
            self.assertTrue(kept.startswith("library_middle ← library_entry"), kept)
            if os.getuid() == 0:  # others may not ask the kernel for the file behind a mapping
                self.assertEqual(self.crash(loads, library, "unlink")["signature"]["title"], kept)
                library = self.build("library.so", *flags, "-Wl,--build-id=" + build_id)
                other = shutil.copy(loads, self.path("other"))
                self.assertEqual(self.crash(loads, library, "replace", other)["signature"]["title"], kept)


if __name__ == "__main__":
    unittest.main()
