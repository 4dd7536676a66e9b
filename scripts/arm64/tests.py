#!/usr/bin/env python3
"""The tests of a meson build as lines of shell: scripts/arm64/tests.py BUILD SLOWER WHAT…

Of scripts/arm64.sh, whose words.sh has the functions that the lines call. A WHAT is a suite, or the name of a test;
limits are taken SLOWER times."""
import json
import shlex
import subprocess
import sys

MOST = 1200  # seconds
# Of these tests parts hold that something takes no more than seconds, which says nothing there: the others are run.
TIMED = {"counters": "hostile|endless", "line_regex": "bounded"}
# Of a suite these are left out, as what is of the suite "rates": minutes of arithmetic, which other tests of the search do a part of.
LONG = ["search_needs", "level"]


def line(test, slower):
    environment = [f"{name}={value}" for name, value in test["env"].items() if name != "LD_LIBRARY_PATH"]
    command = ["env", *environment, *test["cmd"]]
    if test["name"] in TIMED:
        command.append(f"--filter=*/!({TIMED[test['name']]})")
    return f"try {shlex.quote(test['name'])} {min(test['timeout'] * slower, MOST)} {shlex.join(command)}"


def main():
    build, slower, wanted = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    tests = json.loads(subprocess.run(["meson", "introspect", "--tests", build], check=True, stdout=subprocess.PIPE).stdout)
    chosen, left_out = [], []
    for what in wanted:
        of_name = [t for t in tests if what == t["name"]]
        of_suite = [t for t in tests if "trapline:" + what in t["suite"]]
        if not of_name and not of_suite:
            sys.exit(f"arm64: {what} is neither a test nor a suite of {build}")
        chosen += of_name
        for test in of_suite:
            if "trapline:rates" in test["suite"] or test["name"] in LONG:
                left_out.append((test["name"], "thousands of simulated searches take minutes, and need nothing of the processor"))
            else:
                chosen.append(test)
    for test in chosen:
        if test["name"] in TIMED:
            left_out.append((test["name"] + ", " + TIMED[test["name"]].replace("|", " and "), "they hold how many seconds something takes"))
    for name, why in left_out:
        print("left_out", shlex.quote(name), shlex.quote(why))
    print("together <<'END'", *[line(t, slower) for t in chosen if t["is_parallel"]], "END", sep="\n")
    print(*[line(t, slower) for t in chosen if not t["is_parallel"]], sep="\n")


main()
