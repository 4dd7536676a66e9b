#!/usr/bin/env python3
"""The tests of a meson build as lines of shell: scripts/arm64/tests.py BUILD WHAT…

Of scripts/arm64.sh, whose guest.sh has the function that the lines call. A WHAT is a suite, or the name of a test."""
import json
import shlex
import subprocess
import sys

# An emulated processor takes that many times as long as the real ones for which the limits were made.
SLOWER = 10
MOST = 1200  # seconds
# Of these tests parts hold that something takes no more than seconds, which says nothing there: the others are run.
TIMED = {"counters": "hostile|endless", "line_regex": "bounded"}


def main():
    build, wanted = sys.argv[1], sys.argv[2:]
    tests = json.loads(subprocess.run(["meson", "introspect", "--tests", build], check=True, stdout=subprocess.PIPE).stdout)
    for what in wanted:
        # How often the search is right is the same on every processor, and takes minutes.
        chosen = [t for t in tests if what == t["name"] or
                  ("trapline:" + what in t["suite"] and "trapline:rates" not in t["suite"])]
        if not chosen:
            sys.exit(f"arm64: {what} is neither a test nor a suite of {build}")
        for test in chosen:
            environment = [f"{name}={value}" for name, value in test["env"].items() if name != "LD_LIBRARY_PATH"]
            limit = min(test["timeout"] * SLOWER, MOST)
            command = ["env", *environment, *test["cmd"]]
            if test["name"] in TIMED:
                command.append(f"--filter=*/!({TIMED[test['name']]})")
            print("try", shlex.quote(test["name"]), limit, shlex.join(command))


main()
