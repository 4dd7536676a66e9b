"""Databases that cannot be used, and two programs that want the same one."""
import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import time
import unittest

from program import MISBEHAVE, PATIENCE, ProgramTest

PASS = ("run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass")
HANG = ("run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=hang_spin", "-n", "100", "-j", "1")
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


class StoreTest(ProgramTest):
    def read(self, path):
        with open(path, "rb") as f:
            return f.read()

    def refused(self, path, status, said, unchanged=True):
        before = self.read(path) if unchanged else None
        self.db = path
        for arguments in (PASS, ("list", "trials"), ("db", "check")):
            done = self.trapline(*arguments, status=status)
            self.assertIn(said, done.stderr)
            self.assertEqual(done.stdout, "")
        if unchanged:
            self.assertEqual(self.read(path), before)
            self.assertFalse(os.path.exists(path + "-intent"))

    def test_foreign(self):
        path = self.path("foreign.db")
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE t(x)")
        connection.close()
        self.refused(path, 2, "another program")

    def test_newer(self):
        self.trapline(*PASS, status=0)
        with sqlite3.connect(self.db) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA user_version = 999")
        connection.close()
        path = self.path("newer.db")
        shutil.copy(self.db, path)
        self.refused(path, 2, "a newer trapline made it")

    def test_truncated(self):
        self.trapline(*PASS, status=0)
        short = self.write("short.db", self.read(self.db)[:3000])
        self.refused(short, 2, "damaged or cut short")
        self.assertIn("`trapline db check --db ", self.trapline("list", "trials", "--db", short, db=False, status=2).stderr)
        checked = self.trapline("db", "check", "--db", short, db=False, status=2)
        self.assertIn("changed; `sqlite3 FILE .recover` may save", checked.stderr)
        self.assertNotIn("db check", checked.stderr)
        self.assertEqual(checked.stdout, "")

    def test_garbage(self):
        self.refused(self.write("garbage.db", os.urandom(3000)), 2, "not a database")

    def test_no_file(self):
        self.refused(self.directory, 2, "it is a directory", unchanged=False)
        self.refused("/dev/null", 2, "not a regular file", unchanged=False)
        os.mkfifo(self.path("pipe.db"))
        self.refused(self.path("pipe.db"), 2, "not a regular file", unchanged=False)
        self.db = self.path("no", "such", "directory.db")
        self.assertIn("make its directory first", self.trapline(*PASS, status=2).stderr)

    def test_empty(self):
        self.db = self.write("empty.db", "")
        self.assertIn("no trial was stored yet", self.trapline("list", "trials", status=2).stderr)
        self.trapline(*PASS, status=0)
        self.assertEqual(len(self.listed("trials")["trials"]), 1)

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs root, to be somebody else")
    def test_read_only(self):
        self.trapline(*PASS, status=0)
        os.chmod(self.directory, 0o755)
        os.chmod(self.path("tmp"), 0o777)
        os.mkdir(self.path("closed"), 0o755)

        def nobody(*arguments):
            return subprocess.run(NOBODY + self.command(*arguments), env=self.env, capture_output=True, text=True,
                                  timeout=PATIENCE)
        done = nobody(*PASS)
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        self.assertIn("cannot be written", done.stderr)
        done = nobody("list", "trials", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(json.loads(done.stdout)["trials"]), 1)
        self.db = self.path("closed", "new.db")
        done = nobody(*PASS)
        self.assertEqual(done.returncode, 3)
        self.assertIn(self.db, done.stderr)
        self.assertIn("name another file with --db", done.stderr)

    def test_another_writes_meanwhile(self):
        hanging = self.start(*HANG)
        patience = time.monotonic() + 60
        while not os.path.exists(self.db + "-intent") and time.monotonic() < patience:
            time.sleep(0.05)
        self.trapline(*PASS, status=0)
        self.trapline("db", "check", status=0)
        outcomes = [t["outcome"] for t in self.listed("trials")["trials"]]
        self.assertEqual((outcomes.count("pass"), outcomes.count("lost")), (1, 0), "what runs is not lost")
        self.assertIsNone(hanging.poll())
        hanging.kill()
        hanging.communicate(timeout=60)
        self.trapline(*PASS, status=0)
        outcomes = [t["outcome"] for t in self.listed("trials")["trials"]]
        self.assertEqual((outcomes.count("pass"), outcomes.count("lost")), (2, 1))

    def running(self):
        """One that stores trials for as long as it is let; the first are there."""
        running = self.start("run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", "-n", "100000", "-j", "1")
        self.assertIn(b"pass", running.stdout.readline())
        return running

    def test_a_second_name_is_refused_while_the_first_is_written_to(self):
        """With two names there are two write-ahead logs, of which each would write over what the other one wrote."""
        self.trapline(*PASS, status=0)
        first, second, other = self.db, self.path("second.db"), self.path("link.db")
        os.link(first, second)
        os.symlink(first, other)
        running = self.running()
        for self.db, status in ((second, 3), (first, 0), (second, 3), (other, 0)):
            done = self.trapline(*PASS, status=status)
            self.assertEqual("the file has several names" in done.stderr, status == 3, done.stderr)
        running.kill()
        running.communicate(timeout=60)
        self.db = second # a name is nobody's for ever
        self.trapline("db", "check", status=0)
        self.trapline(*PASS, status=0)

    def test_moved_while_it_is_written_to(self):
        running = self.running()
        os.rename(self.db, self.path("away.db"))
        self.all_is_saved(running)

    def test_moved_under_a_matrix(self):
        """Which prints nothing until its end: what the table is made of is stored."""
        running = self.start("matrix", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", "-n", "100000", "-j", "1")
        stored = 0
        while stored < 10:
            self.assertIsNone(running.poll())
            time.sleep(0.05)
            listed = self.trapline("list", "trials", "--json")
            stored = len(json.loads(listed.stdout)["trials"]) if listed.returncode == 0 else 0 # there is none at first
        os.rename(self.db, self.path("away.db"))
        out, err = self.all_is_saved(running)
        self.assertIn(b"the database was moved or removed", err)
        shown = re.search(rb"^([0-9]+) trials, 0 of them known already, 0 failed$", out, re.M)
        self.assertTrue(shown, out)
        saved = [t["outcome"] for t in self.listed("trials", "--limit", "1000000")["trials"]]
        self.assertGreaterEqual(int(shown[1]), stored)
        self.assertGreaterEqual(saved.count("pass"), int(shown[1]))

    def test_its_log_is_removed_or_cut_while_it_is_written_to(self):
        for disturb, said in ((os.unlink, b"was removed"), (lambda log: os.truncate(log, 0), b"was cut off or written over")):
            self.db = self.path(said.decode().replace(" ", "-"), "t.db")
            os.mkdir(os.path.dirname(self.db))
            self.trapline(*PASS, status=0)
            running = self.running()
            disturb(self.db + "-wal")
            before = self.db
            self.assertIn(b"the write-ahead log of the database " + said, self.all_is_saved(running)[1])
            self.db = before # what the file itself has is no worse for it
            self.trapline("db", "check", status=0)
            self.trapline(*PASS, status=0)

    def all_is_saved(self, running):
        """It ends by itself, and what it stored is in a database beside the old one, which is self.db now. What it printed."""
        directory = os.path.dirname(self.db)
        out, err = running.communicate(timeout=60)
        self.assertEqual(running.returncode, 3, err)
        saved = re.search(rb"([0-9]+) trials, is in (\S+):", err)
        self.assertTrue(saved, err)
        self.db = saved[2].decode()
        self.assertEqual(os.path.dirname(self.db), directory)
        self.trapline("db", "check", status=0)
        stored = self.listed("trials", "--limit", "1000000")["trials"]
        self.assertEqual(len(stored), int(saved[1]))
        self.assertGreaterEqual(len(stored), out.count(b"selftest:cpu") + 1) # a line was read before
        return out, err

    def test_what_another_writes_is_waited_for(self):
        self.trapline(*PASS, status=0)
        other = sqlite3.connect(self.db, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        waiting = self.start(*PASS)
        said = ""
        while "waiting for another program, which writes to" not in said:
            said = waiting.stderr.readline().decode()
            self.assertTrue(said, "it ended without a word")
        waiting.terminate()
        out, err = waiting.communicate(timeout=60)
        self.assertEqual(waiting.returncode, -signal.SIGTERM, (out, err))
        # Behind the first trial, where signals are those of the loop that waits.
        other.execute("ROLLBACK")
        running = self.start("run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", "-n", "100000", "-j", "1")
        while not self.listed("trials")["trials"][1:]:
            time.sleep(0.05)
        other.execute("PRAGMA busy_timeout = 1")
        while not other.in_transaction: # between two of its groups
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                pass
        time.sleep(2.5)
        running.terminate()
        out, err = running.communicate(timeout=60)
        self.assertIn(running.returncode, (3, 130), (out[-200:], err))
        waiting = self.start(*PASS)
        time.sleep(0.5)
        other.execute("ROLLBACK")
        out, err = waiting.communicate(timeout=60)
        self.assertEqual((waiting.returncode, err), (0, b""))

    def test_output_that_cannot_be_written_says_why(self):
        """Of the write that failed, whatever was called since."""
        self.trapline(*PASS, "-n", "20", status=0)

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        for arguments in (("db", "export"), ("db", "export", "--json"), ("list", "trials", "--json"), ("db", "check", "--help")):
            with open(self.path("out"), "wb") as out:
                done = subprocess.run(self.command(*arguments), env=self.env, stdout=out, stderr=subprocess.PIPE, text=True, timeout=PATIENCE,
                                      preexec_fn=limit)
            fits = "--help" in arguments
            self.assertEqual((done.returncode, done.stderr), (0, "") if fits else (3, "trapline: cannot write the output: File too large\n"), arguments)
        with open("/dev/full", "wb") as out:
            done = subprocess.run(self.command("db", "export"), env=self.env, stdout=out, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (3, "trapline: cannot write the output: No space left on device\n"))

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to mount a small file system")
    def test_full_disk(self):
        small = self.path("small")
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", small], capture_output=True).returncode:
            self.skipTest("no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", small])
        self.db = os.path.join(small, "t.db")
        self.trapline(*PASS, status=0)
        done = self.trapline(*PASS, "-n", "1000000", "-j", "2", "--json", status=3)
        said = json.loads(done.stdout)["trials"]
        self.assertRegex(done.stderr, "disk is full|no room to write|No space left")
        self.trapline("db", "check", status=0)
        outcomes = [t["outcome"] for t in self.listed("trials", "--limit", "1000000")["trials"]]
        stored = len(outcomes)
        self.assertGreater(stored, 1)
        self.assertLessEqual(stored - outcomes.count("lost"), len(said) + 1) # the first; what ran as it failed, or was in the same group, is lost
        # A write-ahead log that fills the disk is read all the same, and goes on elsewhere.
        for name in os.listdir(small):
            if not name.endswith("-shm"):
                shutil.copy(os.path.join(small, name), self.directory)
        self.db = self.path("t.db")
        self.trapline(*PASS, status=0)
        self.trapline("db", "check", status=0)
        self.assertGreater(len(self.listed("trials", "--limit", "1000000")["trials"]), stored)


if __name__ == "__main__":
    unittest.main()
