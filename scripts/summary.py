#!/usr/bin/env python3
"""What the tests came to, from what meson and the tests themselves wrote down.

summary.py [LOG…]: prints which tests failed, and as its last line "N passed, N failed" (and ", N skipped" when some were).
A LOG is a log of meson test (.json), the output of tests/fuzz/run.sh, or broken:DIRECTORY for what could not be built.
Of a test made of several, each counts: Criterion and Python's unittest say how many there were. Exits with 1 when
something failed or nothing was run at all. A check that is no test is passed:NAME, failed:NAME or skipped:NAME; the last of
these is named in the last line."""

import json
import re
import sys

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CRITERION = re.compile(r"Synthesis: Tested: (\d+) \| Passing: (\d+) \| Failing: (\d+) \| Crashing: (\d+)")
UNITTEST = re.compile(r"^Ran (\d+) tests? in .*\n\n?(OK|FAILED)(?: \((.*)\))?", re.M)
FUZZ = re.compile(r"^([a-z0-9_-]+): (nothing found|found something|could not be built)", re.M)


def parts(text):
    """(passed, failed, skipped) as a test tells them, or None."""
    found = CRITERION.findall(text)
    if found:
        tested, passing, failing, crashing = (int(n) for n in found[-1])
        return passing, failing + crashing, tested - passing - failing - crashing
    found = UNITTEST.findall(text)
    if found:
        total, _, details = found[-1]
        number = {name: int(n) for name, n in re.findall(r"([a-z ]+)=(\d+)", details)}
        failed = number.get("failures", 0) + number.get("errors", 0)
        skipped = number.get("skipped", 0)
        return int(total) - failed - skipped, failed, skipped
    return None


def judge(test):
    result = test["result"]
    if result in ("SKIP", "IGNORED"):
        return 0, 0, 1
    good = result in ("OK", "EXPECTEDFAIL")
    told = parts(COLOUR.sub("", test.get("stdout", "") + "\n" + test.get("stderr", "")))
    if told is None:
        return (1, 0, 0) if good else (0, 1, 0)
    passed, failed, skipped = told
    # What a test says of itself never outweighs how it ended: a leak found at its exit fails it, too.
    if good != (failed == 0):
        failed = max(failed, 1)
    return passed, failed, skipped


def main():
    total = [0, 0, 0]
    bad, not_tried = [], []
    for path in sys.argv[1:]:
        if path.startswith("broken:"):
            total[1] += 1
            bad.append("the build in " + path.partition(":")[2])
            continue
        kind, named, name = path.partition(":")
        if named and kind in ("passed", "failed", "skipped"):
            total[("passed", "failed", "skipped").index(kind)] += 1
            if kind == "failed":
                bad.append(name)
            if kind == "skipped":
                not_tried.append(name)
            continue
        try:
            with open(path, encoding="utf-8", errors="replace") as log:
                text = log.read()
        except OSError as error:
            total[1] += 1
            bad.append(str(error))
            continue
        if path.endswith(".json"):
            outcomes = []
            for line in text.splitlines():
                test = json.loads(line)
                outcomes.append((test["name"], judge(test)))
        else:
            outcomes = [("fuzz " + name, (1, 0, 0) if what == "nothing found" else (0, 1, 0))
                        for name, what in FUZZ.findall(text)]
        for name, counts in outcomes:
            total = [a + b for a, b in zip(total, counts)]
            if counts[1]:
                bad.append("%s (%s)" % (name, path))
    for name in bad:
        print("failed: " + name)
    print("%d passed, %d failed%s" % (total[0], total[1], ", %d skipped" % total[2] if total[2] else "") +
          "".join("; SKIPPED: " + name for name in not_tried))
    return 1 if total[1] or not total[0] else 0


sys.exit(main())
