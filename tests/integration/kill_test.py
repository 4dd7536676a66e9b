"""kill -9 of the supervisor at random moments.

Afterwards the database opens and is sound, every trial that had begun (its runner says so) is there, finished or lost,
and nothing that the trials had started is alive.
"""
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

TRAPLINE = os.environ["TRAPLINE_BIN"]
HERE = os.path.dirname(os.path.abspath(__file__))
RUNNER = os.path.join(HERE, "runners", "noting.py")
TIMES = int(os.environ.get("TRAPLINE_KILLS", "80"))


def alive_with(marker):
    """Processes in whose environment the marker is."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                inside = marker in f.read()
            with open(f"/proc/{pid}/stat") as f:
                zombie = f.read().rsplit(")", 1)[1].split()[0] == "Z"
        except OSError:
            continue
        if inside and not zombie:
            found.append(int(pid))
    return found


class KillTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="trapline-kill-")
        self.addCleanup(self.directory.cleanup)
        self.case = self.path("case.json")
        with open(self.case, "w") as f:
            json.dump({"trapline": 1, "name": "kill", "model": {"file": "model.bin"},
                       "axes": [{"name": "n", "range": [1, 9]}], "limits": {"timeout_s": 20}}, f)
        with open(self.path("model.bin"), "w") as f:
            f.write("not looked at")

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def command(self, db, repeat):
        return [TRAPLINE, "run", self.case, "-u", f"{RUNNER}:cpu", "--repeat", str(repeat), "-j", "4", "--db", db]

    def one(self, number, begun, seconds):
        """Kills that many seconds after the start, or after the first trial has begun, which takes as long as the machine is busy."""
        db, notes = self.path(f"{number}.db"), self.path(f"{number}.notes")
        marker = f"trapline-kill-{os.getpid()}-{number}"
        env = dict(os.environ, TRAPLINE_TEST_NOTES=notes, TRAPLINE_TEST_MARKER=marker, XDG_CACHE_HOME=self.path("cache"),
                   TMPDIR=self.directory.name, PATH=os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"])
        child = subprocess.Popen(self.command(db, 1000000), env=env, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        patience = time.monotonic() + 300
        while begun and not (os.path.exists(notes) and os.path.getsize(notes)) and time.monotonic() < patience:
            time.sleep(0.01)
        time.sleep(seconds)
        self.assertIsNone(child.poll(), "it ended before it was killed")
        child.send_signal(signal.SIGKILL)
        child.wait()

        patience = time.monotonic() + 60
        while alive_with(marker.encode()) and time.monotonic() < patience:
            time.sleep(0.01)
        self.assertEqual(alive_with(marker.encode()), [], "processes have outlived their supervisor")

        begun = []
        if os.path.exists(notes):
            with open(notes) as f:
                begun = f.read().split()
        again = subprocess.run(self.command(db, 1), env=env, capture_output=True, text=True, timeout=600)
        self.assertIn(again.returncode, (0, 1), again.stderr)
        with sqlite3.connect(db) as connection:
            self.assertEqual(connection.execute("PRAGMA integrity_check").fetchone()[0], "ok")
            known = dict(connection.execute("SELECT id, outcome FROM trial"))
        missing = [t for t in begun if t not in known]
        self.assertEqual(missing, [], "trials that had begun are not in the database")
        check = subprocess.run([TRAPLINE, "db", "check", "--db", db], capture_output=True, text=True, timeout=600)
        self.assertEqual(check.returncode, 0, check.stdout + check.stderr)
        listed = subprocess.run([TRAPLINE, "list", "trials", "--db", db, "--json", "--limit", "100000"],
                                capture_output=True, text=True, timeout=600)
        outcomes = [t["outcome"] for t in json.loads(listed.stdout)["trials"]]
        for suffix in ("", "-wal", "-shm", "-intent"):
            if os.path.exists(db + suffix):
                os.unlink(db + suffix)
        return len(begun), outcomes.count("lost")

    def test_kill(self):
        seed = random.randrange(1 << 32)
        print(f"seed {seed}")
        randomness = random.Random(seed)
        begun = lost = 0
        for number in range(TIMES):
            waits = number % 4 != 0
            b, l = self.one(number, waits, randomness.uniform(0, 0.6) if waits else randomness.uniform(0.05, 0.9))
            begun += b
            lost += l
        print(f"{TIMES} kills, {begun} trials had begun, {lost} were recorded as lost")
        self.assertGreaterEqual(begun, TIMES * 3 // 4, "too few trials had begun for this to show anything")
        self.assertGreater(lost, 0)


if __name__ == "__main__":
    unittest.main()
