"""`last`, and what is printed to be typed next: that it finds what this command found, from wherever it is run."""
import json
import os
import re
import shlex
import shutil
import subprocess
import unittest

from program import CASES, MISBEHAVE, TRAPLINE, ProgramTest

THRESHOLD = os.path.join(CASES, "threshold.json")


class LastTest(ProgramTest):
    def id_of(self, *words):
        """What a word stands for, as show says it."""
        document = json.loads(self.trapline("show", *words, "--json", status=0).stdout)
        return document.get("finding") or document["id"]

    def test_last(self):
        crash = self.one(MISBEHAVE, "-u", "selftest:cpu", status=1)["id"]
        self.assertEqual(self.id_of("last"), crash)
        done = self.trapline("show", "last", status=0)
        self.assertEqual(done.stderr, f"trapline: last is trial {crash}\n")
        self.assertEqual(self.trapline("show", "last", "-q", status=0).stderr, "")
        finding = json.loads(self.trapline("isolate", THRESHOLD, "-u", "selftest:cpu", "--json", status=1).stdout)["finding"]
        self.assertEqual(self.id_of("last"), finding)
        passed = self.one(MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", status=0)["id"]
        for word, found in (("last", passed), ("last:run", passed), ("last:pass", passed), ("last:isolate", finding)):
            self.assertEqual(self.id_of(word), found, word)
        trials = self.listed("trials", "--outcome", "crash")["trials"]
        self.assertEqual(self.id_of("last:crash"), trials[0]["id"])
        self.assertIn(finding, self.trapline("report", "last", status=0, ).stderr)
        self.assertIn(finding, self.trapline("report", "last:crash", "--json", status=0).stdout)
        signature = trials[0]["signature"]["id"]
        only = self.listed("trials", "--signature", "last")["trials"]
        self.assertEqual({t["signature"]["id"] for t in only}, {signature})
        self.assertEqual(len(self.listed("trials", "--after", "last", "--limit", "999")["trials"]),
                         len(self.listed("trials", "--limit", "999")["trials"]) - 1)
        exported = self.trapline("db", "export", "--signature", "last:crash", status=0).stdout.splitlines()
        self.assertEqual(len(exported), len(only))
        again = json.loads(self.trapline("isolate", THRESHOLD, "-u", "selftest:cpu", "--signature", "last:crash", "--json",
                                         status=1).stdout)
        self.assertEqual(again["signature"]["id"], signature)
        for word, says in (("last:isolat", "did you mean last:isolate?"), ("last:", "a command or an outcome was expected"),
                           ("last:hang", self.db + " holds no such trial"), ("lastly", self.db)):
            self.assertIn(says, self.trapline("show", word, status=2).stderr)
        self.assertIn("holds no such finding", self.trapline("report", "last:hang", status=2).stderr)
        # Behind a command that found nothing no report is written of what an earlier one found.
        passes = self.case("passes", {"file": self.write("m.bin", "m")}, [{"name": "n", "choices": [1, 2]}])
        self.trapline("isolate", passes, "-u", "selftest:cpu")
        self.assertIn("the last isolate wrote no finding; of what was started before it the last one is " + again["finding"],
                      self.trapline("report", "last", status=2).stderr)
        again = json.loads(self.trapline("isolate", THRESHOLD, "-u", "selftest:cpu", "--json", status=1).stdout)
        # What a report has run to try it again is nothing that somebody asked for.
        self.trapline("report", again["finding"], "--retest", status=1)
        self.assertEqual(self.id_of("last"), again["finding"])
        self.assertNotEqual(self.id_of("last:report"), again["finding"])

    def test_a_night_is_nobodys(self):
        first = self.one(MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", status=0)["id"]
        suite = self.write("suite.json", json.dumps({"trapline": 1, "suite": "s", "cases": [THRESHOLD], "units": ["selftest:cpu"],
                                                     "repeat": 1}))
        night = self.trapline("nightly", suite)
        self.assertGreater(len(self.listed("trials")["trials"]), 1)
        self.assertEqual(self.id_of("last"), first)
        self.assertIn("holds no such", self.trapline("show", "last:nightly", status=2).stderr)
        # Its own last line names the database.
        command = re.search(r"All of it: `(.*?)`", night.stdout)[1]
        self.follow(command.replace(" --format html", ""), status=0)
        # Merging it elsewhere makes it nobody's there, too.
        other = self.path("other.db")
        mine = json.loads(subprocess.run([TRAPLINE, "run", MISBEHAVE, "-u", "selftest:cpu", "--json", "--db", other], env=self.env,
                                         capture_output=True, timeout=60).stdout)["trials"][0]["id"]
        self.trapline("db", "merge", self.db, "--db", other, db=False, status=0)
        shown = json.loads(self.trapline("show", "last", "--json", "--db", other, db=False, status=0).stdout)
        self.assertEqual(shown["id"], mine)

    def follow(self, command, status):
        """Runs a command that was printed, as a shell takes it, from another directory."""
        words = shlex.split(command)
        self.assertEqual(words[0], "trapline")
        done = subprocess.run([TRAPLINE, *words[1:]], env=self.env, capture_output=True, text=True, timeout=60, cwd=self.path("tmp"))
        self.assertEqual(done.returncode, status, (command, done.stdout, done.stderr))
        return done

    def test_what_is_typed_next(self):
        self.db = self.path("it's a database.db") # quoted where it is printed
        done = self.trapline("isolate", THRESHOLD, "-u", "selftest:cpu", status=1)
        self.assertIn("crash", self.follow(re.search(r"`(trapline report .*)` writes", done.stdout)[1], status=0).stdout)
        for words in (["show", "fff"], ["report", "fff"], ["show", "zz"], ["report", "zz"]):
            done = self.trapline(*words, status=2)
            self.assertIn(self.db, done.stderr)
            self.follow(re.search(r"`(trapline list .*?)`", done.stderr)[1], status=0)
        trial = self.listed("trials")["trials"][0]["id"]
        self.follow(re.search(r"`(trapline show .*?)`", self.trapline("report", trial, status=2).stderr)[1], status=0)
        # Where no option named the database, none is printed: what named it does so the next time.
        env = dict(self.env, TRAPLINE_DB=self.db)
        self.assertNotIn("--db", self.trapline("show", "last:crash", db=False, env=env, status=0).stdout)

    def again(self, trial):
        """The lines of show below "Run it again", without what they are set in by."""
        text = self.trapline("show", trial, status=0).stdout
        return [line[2:] for line in text[text.index("Run it again\n"):].splitlines()[1:] if line.startswith("  ")]

    def test_run_it_again_beside_the_case(self):
        os.mkdir(self.path("my case"))
        self.write("my case/data.txt", "x")
        path = self.write("my case/c.json", json.dumps({
            "trapline": 1, "name": "reader", "axes": [{"name": "end", "choices": [0, 3]}], "failing": {"end": 3},
            "model": {"steps": [{"phase": "execute", "argv": ["sh", "-c", "cat $0; exit $1", "{case_dir}/data.txt", "{end}"]}]}}))
        trial = self.one(path, status=1)["id"]
        lines = self.again(trial)
        self.assertEqual(lines, [f"trapline run '{path}' -u command:host -s end=3 --db {self.db}"])
        self.follow(lines[0], status=1)
        # The file is another one by now, or gone: it is made anew, beside what it names.
        with open(path, "a", encoding="utf-8") as f:
            f.write(" ")
        self.assertEqual(self.again(trial), lines) # blanks make no other case
        for change in (lambda: self.write("my case/c.json", '{"trapline": 1}'), lambda: os.remove(path)):
            change()
            lines = self.again(trial)
            self.assertEqual([line.split(" ")[0] for line in lines], ["cd", "trapline", "trapline"])
            bin_directory = self.path("bin")
            shutil.rmtree(bin_directory, ignore_errors=True)
            os.mkdir(bin_directory)
            os.symlink(TRAPLINE, os.path.join(bin_directory, "trapline"))
            done = subprocess.run(["sh", "-c", "\n".join(lines)], capture_output=True, text=True, timeout=60,
                                  env=dict(self.env, PATH=bin_directory + ":" + os.environ["PATH"]))
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn("1 error", done.stdout)
            os.remove(self.path("my case", "reader-again.json")) # where the case is now
        # One without such files needs no directory.
        plain = self.one(MISBEHAVE, "-u", "selftest:cpu", status=1)["id"]
        self.assertEqual(self.again(plain), [f"trapline run {MISBEHAVE} -u selftest:cpu -s behaviour=null_read -s phase=execute "
                                             f"-s thread=other --db {self.db}"])


if __name__ == "__main__":
    unittest.main()
