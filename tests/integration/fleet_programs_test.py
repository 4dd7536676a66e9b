"""Cases that run programs, on machines of a fleet: of those that do not let others have them, none ever begins."""
import json
import os
import signal
import sqlite3
import subprocess
import sys
import unittest

from fleet_test import PATIENCE, Fleet
from program import TRAPLINE

GENERATE = """#!{python}
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "parts"))
import words
open({canary!r}, "a").write(os.environ.get("CACHE", "?") + "\\n")
if sys.argv[2] == "7":
    sys.exit(77)
os.makedirs(sys.argv[1])
open(os.path.join(sys.argv[1], "main"), "w").write(words.TEXT * int(sys.argv[2]))
"""
STEP = """#!{python}
import os, signal, sys
text = open(os.path.join(sys.argv[1], "main")).read()
open({canary!r}, "a").write("step\\n")
print("read", len(text), open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "parts", "größe")).read(), flush=True)
if len(text) > 12:
    os.kill(os.getpid(), signal.SIGABRT)
"""


class Programs(Fleet):
    def setUp(self):
        super().setUp()
        self.canary = self.path("canary")
        os.makedirs(self.path("case", "parts"))
        for name, text in (("generate.py", GENERATE), ("step.py", STEP)):
            self.write("case/" + name, text.format(python=sys.executable, canary=self.canary), 0o755)
        self.write("case/parts/words.py", "TEXT = 'word'\n")
        self.write("case/parts/größe", "5")
        document = {"trapline": 1, "name": "programs",
                    "model": {"generate": ["./generate.py", "{model}", "{n}"], "suffix": ".thing",
                              "steps": [{"phase": "compile", "argv": ["{case_dir}/step.py", "{model}"]}]},
                    "environment": {"CACHE": "{scratch}"}, "versions": [{"name": "words", "argv": ["cat", "{case_dir}/parts/words.py"]}],
                    "axes": [{"name": "n", "range": [1, 9]}], "failing": {"n": 4}, "limits": {"timeout_s": 60}}
        document["environment"]["CACHE"] = "in-{n}"
        self.document = document
        self.case_path = self.write("case/case.json", json.dumps(document))

    def begin_allowing(self, name, allow):
        os.makedirs(self.path(name), exist_ok=True)
        log = open(self.path(name, "log"), "a")
        self.addCleanup(log.close)
        words = [TRAPLINE, "worker", self.url, "--key", self.key(name), "-u", "command:host", "-j", "2", "--allow", allow]
        worker = self.workers[name] = subprocess.Popen(words, env=self.own(name), stdout=log, stderr=log)
        self.addCleanup(self.end_worker, name, signal.SIGKILL)
        self.wait_for(lambda: worker.poll() is not None or name in self.here(), "%s does not come" % name)
        self.assertIsNone(worker.poll(), self.log(name))

    def ran(self):
        try:
            with open(self.canary) as f:
                return f.read().split()
        except FileNotFoundError:
            return []

    def told(self, *more, status, case=None):
        got = self.call("run", case or self.case_path, "-u", "command:host", "--json", *more, status=status)
        return [(t["unit"], t["variant"], t["outcome"], t["phase"], t["signal"], t["signature"], t["exit_status"], t["message"])
                for t in json.loads(got.stdout)["trials"]]

    def test_who_lets_nobody_runs_no_program(self):
        self.invite("one", "two")
        self.begin_allowing("one", "family,file")
        fleet = ["--db", self.path("t.db"), *self.in_fleet()]
        got = self.call("run", self.case_path, "-u", "command:host", *fleet, status=2)
        self.assertIn("it needs generate,steps, and no machine of the fleet that has command:host lets others", got.stderr)
        self.begin_allowing("two", "generate")
        got = self.call("run", self.case_path, "-u", "command:host", *fleet, status=2)
        self.assertIn("`trapline worker --allow family,file,generate,steps`", got.stderr)
        self.assertEqual(self.ran(), [])
        self.assertIn("may have it run generate;", self.log("two"))
        bad = subprocess.run([TRAPLINE, "worker", self.url, "--key", self.key("two"), "--allow", "everything"], env=self.own("two"),
                             capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(bad.returncode, 2)
        self.assertIn("this cannot be allowed: everything", bad.stderr)
        # Of two machines of a kind the one that does not allow it is never given it.
        self.end_worker("two")
        self.begin_allowing("two", "family,file,generate,steps")
        self.told(*fleet, "-n", "8", status=1)
        self.assertIn("ended after 0 jobs", self.ended("one"))
        self.assertIn("ended after 8 jobs", self.ended("two"))

    def ended(self, name):
        self.assertEqual(self.end_worker(name), 0)
        return self.log(name)

    def test_programs_say_there_what_they_say_here(self):
        self.invite("one")
        self.begin_allowing("one", "generate,steps")
        for n in ("1", "3", "4", "7"):
            status = {"4": 1, "7": 2}.get(n, 0)
            here = self.told("-s", "n=" + n, "--db", self.path("here.db"), status=status)
            there = self.told("-s", "n=" + n, "--db", self.path("there.db"), *self.in_fleet(), status=status)
            self.assertEqual(there, here)
        ran = self.ran()
        self.assertEqual(ran[:len(ran) // 2].count("step"), ran.count("step") // 2)
        self.assertEqual(ran.count("in-4"), 2)
        # It ran where the worker keeps such things, and not here.
        c = sqlite3.connect(self.path("there.db"))
        commands = [r[0] for r in c.execute("SELECT command FROM trial WHERE outcome = 'crash'")] + \
            [r[0] for r in c.execute("SELECT request FROM trial WHERE outcome = 'crash'")]
        c.close()
        self.assertTrue(any(self.path("one", "cache") in (text or "") for text in commands), commands)
        self.assertEqual(os.listdir(self.path("cache", "trapline", "fleet", "archives")), [])
        # Another content is another directory; and what was kept is looked at before it is used.
        self.write("case/parts/words.py", "TEXT = 'words and words'\n")
        self.assertEqual(self.told("-s", "n=1", "--db", self.path("there.db"), *self.in_fleet(), status=1)[0][2], "crash")
        for folder, _, files in os.walk(self.path("one", "cache", "trapline", "fleet", "cases")):
            for name in files:
                if name == "words.py":
                    with open(os.path.join(folder, name), "a") as f:
                        f.write("raise ValueError('changed')\n")
        self.assertEqual(self.told("-s", "n=2", "--db", self.path("there.db"), *self.in_fleet(), status=1)[0][2], "crash")
        self.call("db", "check", "--db", self.path("there.db"))

    def test_what_does_not_travel_is_said(self):
        self.invite("one")
        self.begin_allowing("one", "generate,steps")
        fleet = ["--db", self.path("t.db"), *self.in_fleet()]
        os.symlink("/etc/passwd", self.path("case", "link"))
        self.assertIn("links do not travel", self.call("run", self.case_path, "-u", "command:host", *fleet, status=2).stderr)
        os.unlink(self.path("case", "link"))
        with open(self.path("case", "large"), "wb") as f:
            f.truncate(3 << 30)
        self.assertIn("into a directory of its own", self.call("run", self.case_path, "-u", "command:host", *fleet, status=2).stderr)
        os.unlink(self.path("case", "large"))
        self.assertEqual(self.ran(), [])


# Only its own: those that it is made out of are tried elsewhere.
for inherited in [name for name in dir(Fleet) if name.startswith("test_")]:
    setattr(Programs, inherited, None)
del Fleet

if __name__ == "__main__":
    unittest.main()
