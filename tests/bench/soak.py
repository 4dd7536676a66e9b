#!/usr/bin/env python3
"""What a run of a million trials leaves: soak.py TRAPLINE [TRIALS [DIRECTORY]].

One process of trapline runs so many trials that do nothing. Its resident memory and its open descriptors after all of them are
put against those after 10,000, and then the database is checked. Exits with 1 when it holds more than 5 MiB more, or another
number of descriptors, or when the database is not sound or lacks a trial."""
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time

FIRST = 10_000  # trials after which everything that is needed has been needed once
STEP = FIRST // 2
MOST_KIB = 5 * 1024


def state(pid):
    """Resident KiB and descriptors; None of a process that has ended, whose last lines are still being read."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        fields = dict(line.split(":", 1) for line in f)
    return (int(fields["VmRSS"].split()[0]), len(os.listdir(f"/proc/{pid}/fd"))) if "VmRSS" in fields else None


def soak(trapline, trials, directory):
    case, db = os.path.join(directory, "nothing.json"), os.path.join(directory, "soak.db")
    with open(case, "w", encoding="ascii") as f:
        json.dump({"trapline": 1, "name": "nothing", "model": {"family": "selftest"}, "axes": [],
                   "limits": {"timeout_s": 60}}, f)
    began, seen, first, last = time.monotonic(), 0, None, None
    with subprocess.Popen([trapline, "run", case, "-u", "selftest:cpu", "--repeat", str(trials), "--no-cache", "--quiet", "--db", db],
                          stdout=subprocess.PIPE, text=True) as p:
        for line in p.stdout:
            seen += "selftest:cpu" in line
            if "selftest:cpu" not in line or seen < FIRST or seen % STEP:
                continue
            last = state(p.pid) or last
            first = first or last
            if seen == FIRST or seen % (10 * STEP) == 0:
                rate = seen / (time.monotonic() - began)
                print(f"{seen:9d} trials  {last[0] / 1024:7.1f} MiB  {last[1]} descriptors  {rate:6.0f} trials/s", flush=True)
    if not first:
        sys.exit(f"soak.py: it ended with exit status {p.returncode} after {seen} trials")
    check = subprocess.run([trapline, "db", "check", "--json", "--db", db], stdout=subprocess.PIPE, check=False)
    found = json.loads(check.stdout)
    with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as rows:
        stored = rows.execute("SELECT count(*) FROM trial").fetchone()[0]
    more = last[0] - first[0]
    print(f"exit status {p.returncode}; {stored} trials stored; database {'sound' if found['sound'] else found['found']}; "
          f"{more / 1024:+.1f} MiB and {last[1] - first[1]:+d} descriptors since trial {FIRST}")
    return p.returncode == 0 and stored == trials and found["sound"] and more <= MOST_KIB and last[1] == first[1]


def main():
    trapline = os.path.abspath(sys.argv[1])
    trials = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    if trials <= FIRST:
        sys.exit(f"soak.py: more than {FIRST} trials are needed")
    with tempfile.TemporaryDirectory(dir=sys.argv[3] if len(sys.argv) > 3 else None) as directory:
        sys.exit(0 if soak(trapline, trials, directory) else 1)


if __name__ == "__main__":
    main()
