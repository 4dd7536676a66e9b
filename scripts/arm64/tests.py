#!/usr/bin/env python3
"""The tests of a meson build as lines of shell: scripts/arm64/tests.py BUILD SLOWER WHAT…

Of scripts/arm64.sh, whose words.sh has the functions that the lines call. A WHAT is a suite, or the name of a test;
limits are taken SLOWER times."""
import json
import shlex
import subprocess
import sys

MOST = 1200  # seconds
# Parts of tests that are not run, and why; the others are.
PARTS = {
    "counters": (("hostile", "endless"), "they hold how many seconds something takes"),
    "line_regex": (("bounded",), "it holds how many seconds something takes"),
    "traps": (("one_at_a_time",), "the same as eight_at_a_time, for longer"),
}
# Of a suite these are left out, as what is of the suite "rates": minutes of arithmetic, which other tests of the search do a part of.
LONG = ["search_needs", "level"]


def line(build, test, slower):
    environment = [f"{name}={value}" for name, value in test["env"].items() if name != "LD_LIBRARY_PATH"]
    # Some of their arguments are relative to it.
    command = ["env", "-C", build, *environment, *test["cmd"]]
    if test["name"] in PARTS:
        command.append(f"--filter=*/!({'|'.join(PARTS[test['name']][0])})")
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
        if test["name"] in PARTS:
            parts, why = PARTS[test["name"]]
            left_out.append((f"{' and '.join(parts)} of {test['name']}", why))
    for name, why in left_out:
        print("left_out", shlex.quote(name), shlex.quote(why))
    print("together <<'END'", *[line(build, t, slower) for t in chosen if t["is_parallel"]], "END", sep="\n")
    print(*[line(build, t, slower) for t in chosen if not t["is_parallel"]], sep="\n")


main()
