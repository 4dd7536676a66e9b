#!/usr/bin/env python3
"""What a run of a million trials leaves: soak.py TRAPLINE [TRIALS [DIRECTORY]].

One process of trapline runs so many trials that do nothing. Its resident memory and its open descriptors after all of them are
put against those after 10,000, and then the database is checked. Exits with 1 when it holds more than 5 MiB more, or more
descriptors than the trials that are under way at a moment account for, or when the database is not sound or lacks a trial."""
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time

FIRST = 10_000  # trials after which everything that is needed has been needed once
WINDOW = 2_000  # trials in which a state is taken
MOST_KIB = 5 * 1024
MOST_FDS = 8  # a trial that is being started or has just ended has some more, or fewer; what is left of each would be thousands


def state(pid):
    """Resident KiB and descriptors; None of a process that has ended, whose last lines are still being read."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        fields = dict(line.split(":", 1) for line in f)
    return (int(fields["VmRSS"].split()[0]), len(os.listdir(f"/proc/{pid}/fd"))) if "VmRSS" in fields else None


class Window:
    """The state during some trials: how many of them are under way at a moment says how many descriptors there are then, so the
    least number counts."""

    def __init__(self, begin):
        self.begin, self.samples = begin, []

    def see(self, seen, pid):
        if self.begin <= seen < self.begin + WINDOW and seen % 10 == 0:
            now = state(pid)
            self.samples += [now] if now else []

    def result(self):
        return self.samples[-1][0], min(fds for _, fds in self.samples)


def soak(trapline, trials, directory):
    case, db = os.path.join(directory, "nothing.json"), os.path.join(directory, "soak.db")
    with open(case, "w", encoding="ascii") as f:
        json.dump({"trapline": 1, "name": "nothing", "model": {"family": "selftest"}, "axes": [],
                   "limits": {"timeout_s": 60}}, f)
    # Not the very last ones: then fewer are under way.
    began, seen, first, last = time.monotonic(), 0, Window(FIRST), Window(trials - WINDOW - 500)
    with subprocess.Popen([trapline, "run", case, "-u", "selftest:cpu", "--repeat", str(trials), "--no-cache", "--quiet", "--db", db],
                          stdout=subprocess.PIPE, text=True) as p:
        for line in p.stdout:
            seen += "selftest:cpu" in line
            first.see(seen, p.pid)
            last.see(seen, p.pid)
            if seen % 50_000 == 0:
                print(f"{seen:9d} trials  {seen / (time.monotonic() - began):6.0f} trials/s", flush=True)
    if not first.samples or not last.samples:
        sys.exit(f"soak.py: it ended with exit status {p.returncode} after {seen} trials")
    (first_kib, first_fds), (last_kib, last_fds) = first.result(), last.result()
    check = subprocess.run([trapline, "db", "check", "--json", "--db", db], stdout=subprocess.PIPE, check=False)
    found = json.loads(check.stdout)
    with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as rows:
        stored = rows.execute("SELECT count(*) FROM trial").fetchone()[0]
    print(f"exit status {p.returncode}; {stored} trials stored; database {'sound' if found['sound'] else found['found']}; "
          f"{first_kib / 1024:.1f} MiB and {first_fds} descriptors after trial {FIRST}, {last_kib / 1024:.1f} MiB and {last_fds} at the end")
    return p.returncode == 0 and stored == trials and found["sound"] and last_kib - first_kib <= MOST_KIB and last_fds - first_fds <= MOST_FDS


def main():
    trapline = os.path.abspath(sys.argv[1])
    trials = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    if trials < FIRST + 2 * WINDOW:
        sys.exit(f"soak.py: at least {FIRST + 2 * WINDOW} trials are needed")
    with tempfile.TemporaryDirectory(dir=sys.argv[3] if len(sys.argv) > 3 else None) as directory:
        sys.exit(0 if soak(trapline, trials, directory) else 1)


if __name__ == "__main__":
    main()
