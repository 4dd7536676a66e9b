"""Cases of steps: what is expected of a step, and what comes of one that crashes, hangs or is not there."""
import json
import os
import shutil
import subprocess
import sys
import unittest

from program import ProgramTest, SANITIZED, TRAPLINE

RUNNERS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(TRAPLINE))), "runners")
VICTIM = os.path.join(RUNNERS, "selftest", "selftest-victim-static")
AXES = [{"name": "n", "range": [1, 5]}, {"name": "word", "choices": ["plain", "with space", "$(id) `id` ; *"]}]


class StepsTest(ProgramTest):
    def steps(self, *steps, **more):
        return self.case("steps", {"steps": list(steps)}, AXES, **more)

    def step(self, *argv, phase="execute", timeout_s=None, **expect):
        step = {"phase": phase, "argv": list(argv)}
        if expect:
            step["expect"] = expect
        if timeout_s:
            step["timeout_s"] = timeout_s
        return step

    def ends(self, outcome, *steps, arguments=(), **more):
        trial = self.one(self.steps(*steps, **more), *arguments)
        self.assertEqual(trial["outcome"], outcome, trial)
        return trial

    def test_placeholders(self):
        self.ends("pass", self.step("echo", "n is {n}", "{{n}}", text=["n is 1", "{{n}}"]))
        self.ends("pass", self.step("echo", "{word}", text=["$(id) `id` ; *"], no_text=["uid="]),
                  arguments=("-s", "word=$(id) `id` ; *"))
        self.write("data", "found")
        self.ends("pass", self.step("cat", "{case_dir}/data", text=["found"]))
        self.ends("pass", self.step("touch", "{scratch}/a.o", files=["{scratch}/*.o"]))

    def test_expect(self):
        self.assertIn('did not write "hullo"', self.ends("error", self.step("echo", "hello", text=["hullo"]))["message"])
        self.assertIn('wrote "hello"', self.ends("error", self.step("echo", "hello", no_text=["hello"]))["message"])
        self.assertIn("left no file", self.ends("error", self.step("true", files=["{scratch}/*.o"]))["message"])
        self.assertIn("status 4", self.ends("error", self.step("sh", "-c", "exit 4"))["message"])
        self.ends("pass", self.step("sh", "-c", "exit 3", exit_status=3))
        self.ends("error", self.step("true", exit_status=3))
        self.ends("pass", self.step("sh", "-c", "exit 7", exit_status="any"))
        self.ends("pass", self.step("sh", "-c", "echo to stderr >&2", text=["to stderr"]))

    def test_complaint(self):
        """What a tool wrote tells its failures apart, but for what differs from run to run."""
        def title(line):
            return self.ends("error", self.step("sh", "-c", f"echo '{line}' >&2; exit 1"))["signature"]["title"]
        self.assertIn("no such op Foo", title("error: no such op Foo at 0x7f001234, line 17"))
        self.assertEqual(title("error: no such op Foo at 0x7f001234, line 17"), title("error: no such op Foo at 0x55aa0000, line 9"))
        self.assertNotEqual(title("error: no such op Foo"), title("error: bad shape"))

    def test_phases(self):
        trial = self.ends("error", self.step("true", phase="generate"), self.step("true", phase="compile"),
                          self.step("false", phase="load"), self.step("true"))
        self.assertEqual(trial["phase"], "load")
        self.assertTrue({"generate", "compile", "load"} <= set(trial["phases"]))
        self.assertNotIn("execute", trial["phases"])
        self.assertIn("step 3 of 4", trial["message"])

    def test_crash(self):
        for argv in ([VICTIM], ["sh", "-c", VICTIM + "; exit $?"], ["sh", "-c", f"sh -c '{VICTIM}; exit $?'; exit $?"]):
            trial = self.ends("crash", self.step("true", phase="compile"), self.step(*argv))
            self.assertEqual((trial["phase"], trial["signal"]), ("execute", "SIGSEGV"))
            self.assertIn("selftest_victim_crash", trial["signature"]["title"])
            self.assertIn("selftest_victim_crash", self.functions(trial))
        titles = {self.ends("crash", self.step("sh", "-c", "kill -%s $$" % s, exit_status="any"))["signal"]
                  for s in ("SEGV", "ABRT", "BUS")}
        self.assertEqual(titles, {"SIGSEGV", "SIGABRT", "SIGBUS"})

    def test_drivers_that_tell_a_death_in_their_own_way(self):
        """Whatever a driver makes of the death of its child, it is the crash of that child, with its stack."""
        spawn = "import subprocess, sys\nsys.exit(3 if subprocess.run(sys.argv[1:]).returncode else 0)\n"
        python = self.python("driver.py", spawn)
        raises = self.python("raises.py", "import os, subprocess\nos.kill(os.getpid(), -subprocess.run(sys.argv[1:]).returncode)\n")
        drivers = [("sh", "-c", f"{VICTIM}; exit 4"), (python, VICTIM), (python, python, VICTIM), (raises, VICTIM),
                   ("sh", "-c", f"{VICTIM}; rm -f none; echo error: it failed >&2; exit 1")]
        drivers += [("node", "-e", f"process.exit(require('child_process').spawnSync('{VICTIM}').signal ? 1 : 0)")] \
            if shutil.which("node") else []
        drivers += [("make", "-s", f"--eval=all:;{VICTIM}")] if shutil.which("make") else []
        self.write("a.c", "int a;\n")
        drivers += [("gcc", "-wrapper", VICTIM, "-c", "{case_dir}/a.c", "-o", "{scratch}/a.o")] if shutil.which("gcc") else []
        for argv in drivers:
            trial = self.ends("crash", self.step("true", phase="compile"), self.step(*argv))
            self.assertEqual((trial["phase"], trial["signal"]), ("execute", "SIGSEGV"), argv)
            self.assertIn("selftest_victim_crash", trial["signature"]["title"], argv)
            self.assertIn("selftest_victim_crash", self.functions(trial), argv)
        # The runner told of it, and ended well: its status is nothing that failed.
        self.assertNotIn("exit status", self.trapline("show", trial["id"], status=0).stdout)
        trial = self.ends("error", self.step("sh", "-c", "exit 4"))
        self.assertRegex(self.trapline("show", trial["id"], status=0).stdout, r"\n  exit status +4, of the step\n")

    def test_a_compiler_that_crashes(self):
        if not shutil.which("clang"):
            self.skipTest("no clang")
        self.write("crash.c", "#pragma clang __debug crash\n")
        for how in ("-fintegrated-cc1", "-fno-integrated-cc1"):
            trial = self.ends("crash", self.step("clang", how, "-fno-crash-diagnostics", "-c", "{case_dir}/crash.c", "-o", "{scratch}/o"))
            self.assertIn(trial["signal"], ("SIGTRAP", "SIGILL", "SIGSEGV", "SIGABRT"), how)
            self.assertIn("clang", self.show(trial)["captures"][0]["exe"], how)

    def test_a_death_that_was_dealt_with(self):
        """What came of the death of a child is not a crash when somebody between it and the step went on."""
        self.ends("pass", self.step("sh", "-c", f"{VICTIM}; exit 0"))
        trial = self.ends("error", self.step("sh", "-c", f"({VICTIM}; exit 0); echo error: no such op >&2; exit 1"))
        self.assertIn("no such op", trial["signature"]["title"])
        trial = self.ends("error", self.step("sh", "-c", f"{VICTIM}; exit 1", exit_status=1),
                          self.step("sh", "-c", "echo error: of the second >&2; exit 1"))
        self.assertIn("of the second", trial["signature"]["title"])
        self.ends("error", self.step("sh", "-c", "sh -c 'kill -KILL $$'; exit 1"))
        again = self.write("again", f"#!/bin/sh\n[ -e $1 ] && exit 0\ntouch $1\nexec {VICTIM}\n", 0o755)
        trial = self.ends("error", self.step("sh", "-c", f"{again} {{scratch}}/mark; {again} {{scratch}}/mark; echo error: bad input >&2; exit 1"))
        self.assertIn("bad input", trial["signature"]["title"])
        # Another command is no other try, however late its words differ.
        unit = self.write("unit", f"#!/bin/sh\n[ $2 = good ] || exec {VICTIM}\n", 0o755)
        many = "x" * 9000
        self.ends("crash", self.step("sh", "-c", f"{unit} {many} bad; {unit} {many} good; exit 1"))

    def test_words_of_a_driver_are_not_the_reason(self):
        """A driver names the signal of its child: the stack of the child says more. A virtual machine handles faults all along."""
        tool = self.write("tool.py", f"#!{sys.executable}\nimport os\nos.abort()\n", 0o755)
        plain = self.ends("crash", self.step(tool))
        for words in ("driver: error: tool crashed (Aborted)", "error: the compiler exited with signal 6"):
            trial = self.ends("crash", self.step("sh", "-c", f"{tool}; echo '{words}' >&2; exit 1"))
            self.assertEqual((trial["signal"], trial["signature"]["title"]), ("SIGABRT", plain["signature"]["title"]))
        if shutil.which("java"):
            self.write("Run.java", "public class Run { public static void main(String[] a) throws Exception { "
                       f"if (new ProcessBuilder(\"{VICTIM}\").start().waitFor() != 0) throw new RuntimeException(\"failed\"); }} }}\n")
            self.assertEqual(self.ends("crash", self.step("java", self.path("Run.java")))["signal"], "SIGSEGV")

    def test_a_cause_in_the_middle_of_much_output(self):
        """It is found although neither end of the output holds it, of a program that aborts and of one that exits."""
        last = self.python("last.py", "dump = ''.join('tensor %d 0.25\\n' % i for i in range(20000))\n"
                           "sys.stderr.write(dump + 'graph.cc:12: Check failed: lanes are even\\n' + dump)\nsys.stderr.flush()\n"
                           "os.abort() if sys.argv[1] == 'abort' else sys.exit(1)\n")
        for how in ("abort", "exit"):
            trial = self.ends("crash" if how == "abort" else "error", self.step(last, how))
            self.assertIn("lanes are even", trial["signature"]["title"])
        out = self.ends("crash", self.step("sh", "-c", f"echo 'x.c:3: Check failed: rank is odd'; exec {sys.executable} -c 'import os; os.abort()'"))
        self.assertIn("rank is odd", out["signature"]["title"])

    def test_a_death_elsewhere(self):
        """The driver of another device says of which signal its program died."""
        says = "echo 'warning: loc(fused[x])' >&2; echo 'App terminated due to signal %d.'; exit %d"
        for number, name in ((5, "SIGTRAP"), (10, "SIGBUS"), (11, "SIGSEGV")):
            trial = self.ends("crash", self.step("sh", "-c", says % (number, 1)))
            self.assertEqual(trial["signal"], name)
            self.assertIn("signal %d" % number, trial["signature"]["title"])
        self.assertEqual(self.ends("crash", self.step("sh", "-c", says % (5, 0), text=["RESULT OK"]))["signal"], "SIGTRAP")
        self.ends("pass", self.step("sh", "-c", says % (5, 0)))
        wrong = self.ends("error", self.step("sh", "-c", "echo RESULT WRONG", text=["RESULT OK"]))
        self.assertIn("RESULT WRONG", wrong["signature"]["title"])

    @unittest.skipIf(SANITIZED, "a sanitized runner, and what it starts, has no limit of its memory")
    def test_out_of_memory(self):
        """An allocation that is refused for the limit is that, whatever the program makes of it; words alone are not."""
        limits = {"memory_mb": 256, "timeout_s": 60}
        python = self.python("hungry.py", "held = [bytearray(int(n) << 20) for n in sys.argv[1:]]\n")
        hungry = [(python, "9000"), (python, "100", "100", "100"), ("sh", "-c", f"{python} 300; exit 3")]
        hungry += [("node", "-e", "new ArrayBuffer(2 ** 32)")] if shutil.which("node") else []
        if shutil.which("gcc"):
            self.write("hungry.c", "#include <stdio.h>\n#include <stdlib.h>\nint main(int n, char **v) { char *p = malloc((size_t)300 << 20);"
                       " if (!p) { fprintf(stderr, \"error: malloc failed\\n\"); if (n > 1) abort(); } return !p; }\n")
            subprocess.run(["gcc", self.path("hungry.c"), "-o", self.path("hungry")], check=True)
            hungry += [(self.path("hungry"),), (self.path("hungry"), "abort")]
        for argv in hungry:
            trial = self.ends("oom", self.step(*argv), limits=limits)
            self.assertIn("limit of 256 MiB", trial["message"], argv)
            self.assertIn("256 MiB", trial["signature"]["title"], argv)
        for words in ("MemoryError", "error: malloc failed", "RangeError: Array buffer allocation failed"):
            self.ends("error", self.step("sh", "-c", f"echo {words} >&2; exit 1"), limits=limits)
        self.ends("error", self.step(python, "9000000000"), limits={"memory_mb": 0})
        self.ends("error", self.step(python, "9000000000"), limits=limits) # no limit is the reason: a size that is wrong

    @unittest.skipIf(SANITIZED, "a sanitized runner, and what it starts, has no limit of its memory")
    @unittest.skipUnless(sys.platform == "linux", "only there a refusal is seen")
    def test_out_of_memory_without_a_word(self):
        """One that exits without a word was refused what it needs; one that went on with less failed of something else."""
        limits = {"memory_mb": 256, "timeout_s": 60}
        quiet = self.python("quiet.py", "try:\n    held = bytearray(int(sys.argv[1]) << 20)\nexcept MemoryError:\n"
                            "    if sys.argv[2] == 'less':\n        held = bytearray(9 << 20)\n    elif sys.argv[2] != 'quit':\n"
                            "        sys.stderr.write(sys.argv[2])\nsys.exit(9)\n")
        for argv in ((quiet, "300", "quit"), ("sh", "-c", f"{quiet} 300 quit; exit 3"), (quiet, "300", "loading the model\n")):
            trial = self.ends("oom", self.step(*argv), limits=limits)
            self.assertRegex(trial["message"], r"an allocation of 30[01] MiB was refused", argv)  # 301: with its header
        for argv in ((quiet, "300", "less"), (quiet, "100", "quit"), (quiet, "300", "error: bad shape\n"),
                     ("sh", "-c", f"({quiet} 300 quit; exit 0); exit 3"), (quiet, "9000000000", "quit")):
            self.ends("error", self.step(*argv), limits=limits)

    def test_peak_memory_is_its_own(self):
        """What a trial needed does not depend on what this program itself held when it was started."""
        tool = self.write("tool", f"#!/bin/sh\necho x >>{self.path('count')}\ntest $(wc -l <{self.path('count')}) != 2 || "
                          f"exec {sys.executable} -c 'import os; os.abort()'\n", 0o755)
        trials = self.trials(self.steps(self.step(tool)), "-j", "1", "--repeat", "4")
        self.assertEqual([t["outcome"] for t in trials].count("crash"), 1)
        peaks = [t["peak_rss"] for t in trials if t["outcome"] == "pass"]
        self.assertGreaterEqual(len(peaks), 2)
        self.assertLess(max(peaks), min(peaks) * 1.2, peaks)
        held = self.python("held.py", "held = bytearray(200 << 20)\nfor i in range(0, len(held), 4096): held[i] = 1\n")
        self.assertGreater(self.ends("pass", self.step(held))["peak_rss"], 200 << 20)
        self.assertGreater(self.ends("error", self.step("sh", "-c", f"{held}; exit 3"))["peak_rss"], 200 << 20)

    def test_a_missing_stack_is_unknown(self):
        """A crash of which no stack was taken is matched by outcome, phase and signal, and is said to be."""
        tool = self.write("tool", f"#!/bin/sh\ncase $1 in 1|2) exit 0;; 3|5) echo 'App terminated due to signal 11.'; exit 1;; esac\n"
                          f"exec {VICTIM}\n", 0o755)
        case = self.steps(self.step(tool, "{n}"), failing={"n": 4})
        done = self.trapline("isolate", case, "--json", status=1)
        finding = json.loads(done.stdout)
        self.assertEqual((finding["minimal"]["n"], finding["others"]), (3, []))
        self.assertIn("no-stack", [note["code"] for note in finding["notes"]])

    def test_the_same_last_words(self):
        """Two errors that end in the same verdict are two failures, of a program that aborts and of one that exits."""
        last = self.python("last.py", "sys.stderr.write(sys.argv[1] + '\\n/x/Executable.mm:975: failed assertion "
                           "`original module failed verification\\'\\n')\nsys.stderr.flush()\n"
                           "os.abort() if sys.argv[2] == 'abort' else sys.exit(1)\n")
        for how in ("abort", "exit"):
            titles = [self.ends("crash" if how == "abort" else "error", self.step(last, 'loc("x"): error: ' + cause, how))
                      ["signature"]["title"] for cause in ("perm tensor is short", "operand must be quantized")]
            self.assertIn("perm tensor is short", titles[0])
            self.assertIn("operand must be quantized", titles[1])

    def test_status_without_a_signal(self):
        self.assertEqual(self.ends("error", self.step("sh", "-c", "exit 139"))["signal"], None)

    def test_missing_program(self):
        done = self.trapline("run", self.steps(self.step("no-such-program-{n}")), status=2)
        self.assertIn("no-such-program-1: it is not in PATH", done.stderr)
        self.assertEqual(done.stdout, "")
        self.write("plain", "not a program")
        for program in ("./none", "./plain"):
            done = self.trapline("run", self.steps(self.step(program)), status=2)
            self.assertIn("an executable file was expected", done.stderr)

    def test_program_that_a_step_made(self):
        copy = self.step("cp", "/bin/echo", "{scratch}/made", phase="compile", files=["{scratch}/made"])
        self.ends("pass", copy, self.step("{scratch}/made", "hello {n}", text=["hello 1"]))
        self.ends("error", self.step("{scratch}/made"))

    def test_timeout(self):
        trial = self.ends("hang", self.step("true", phase="compile"), self.step("sleep", "600", timeout_s=1))
        self.assertEqual((trial["phase"], trial["message"]), ("execute", "phase execute took longer than 1 s"))
        self.assertTrue(self.show(trial)["captures"][0]["exe"].endswith("sleep"))
        self.assertNotIn("tl_step_run", trial["signature"]["title"])
        wrapped = self.ends("hang", self.step("sh", "-c", "sleep 600; true", timeout_s=1))
        self.assertEqual(wrapped["signature"], trial["signature"])
        self.ends("hang", self.step("sleep", "600"), limits={"timeout_s": 1})
        self.ends("pass", self.step("sleep", "1.2", timeout_s=60), limits={"timeout_s": 1})

    def test_hang_behind_wrappers(self):
        """Real wrappers that wait each in a way of its own: what hangs is named, whatever is younger than it."""
        sleep = self.ends("hang", self.step("sleep", "600", timeout_s=1))["signature"]
        loop = self.python("loop.py", "import selectors, subprocess\nchild = subprocess.Popen(['sleep', '600'], stdout=subprocess.PIPE)\n"
                           "s = selectors.DefaultSelector()\ns.register(child.stdout, selectors.EVENT_READ)\ns.select()\nchild.wait()\n")
        helped = self.python("helped.py", "import subprocess\nsubprocess.Popen(['sleep', '600'])\nwhile True:\n    pass\n")
        spins = self.python("spins.py", "while True:\n    pass\n")
        wrappers = [("sh", "-c", "sh -c 'sleep 600; true'; true"), ("timeout", "300", "sleep", "600"), (loop,),
                    ("sh", "-c", "sleep 600 & sleep 0.1; true & wait")]
        wrappers += [("make", "-s", "--eval=all:;sleep 600; true")] if shutil.which("make") else []
        for argv in wrappers:
            trial = self.ends("hang", self.step(*argv, timeout_s=1))
            self.assertEqual(trial["signature"], sleep, argv)
        for argv in ((spins,), ("sh", "-c", f"{spins}; true"), ("sh", "-c", f"{helped}; true")):
            # On a busy machine one second does not get an interpreter to its loop: it still waits for its child to begin.
            for seconds in (1, 4, 16, 64):
                trial = self.ends("hang", self.step(*argv, timeout_s=seconds))
                if trial["signature"] != sleep:
                    break
            self.assertNotEqual(trial["signature"], sleep, argv)
            self.assertIn("python", os.path.basename(self.show(trial)["captures"][0]["exe"]), argv)

    def test_units(self):
        case = self.steps(self.step("true"))
        self.assertIn("command:host", self.trapline("run", case, "-u", "selftest:cpu", status=2).stderr)
        self.trapline("run", case, "-u", "command:host", status=0)

    def test_cached_by_programs(self):
        program = self.write("tool", "#!/bin/sh\nexit 0\n", 0o755)
        case = self.steps(self.step("./tool"))
        self.assertFalse(self.one(case, "--cached", status=0)["cached"])
        self.assertTrue(self.one(case, "--cached", status=0)["cached"])
        self.write(os.path.basename(program), "#!/bin/sh\nexit 1\n", 0o755)
        self.assertEqual(self.one(case, "--cached", status=1)["cached"], False)


if __name__ == "__main__":
    unittest.main()
