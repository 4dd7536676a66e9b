#!/usr/bin/env python3
"""Looks whether two libraries of a build define the same global name: check-names.py BUILD

A program that links both takes whichever comes first and says nothing, and so does a test: what is tested may be another function
than what runs. An object that is in several libraries is one definition; a source that is compiled for several is not."""
import collections
import os
import subprocess
import sys


def libraries(build):
    for at, _, names in os.walk(build):
        yield from (os.path.join(at, name) for name in names if name.endswith(".a"))


def definitions(library):
    """(name, object) of each global definition; those that are weak give way on purpose."""
    listed = subprocess.run(["nm", "-g", "-P", library], check=True, capture_output=True, text=True).stdout
    member = library
    for line in listed.splitlines():
        words = line.split()
        if line.endswith(":") and len(words) == 1: # LIBRARY[OBJECT], or LIBRARY(OBJECT)
            member = line[:-1].replace("(", "[").partition("[")[2].rstrip("])") or line[:-1]
        elif len(words) > 1 and words[1].isupper() and words[1] not in "UVW":
            yield words[0], member


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build = sys.argv[1]
    found = collections.defaultdict(lambda: collections.defaultdict(set)) # name -> object -> libraries
    for library in sorted(libraries(build)):
        for name, member in definitions(library):
            found[name][member].add(os.path.relpath(library, build))
    if not found:
        sys.exit("%s: no libraries were found" % build)
    twice = {name: objects for name, objects in found.items() if len(objects) > 1}
    for name in sorted(twice):
        print("%s is defined in %s" % (name, " and in ".join(
            "%s (%s)" % (os.path.basename(member), ", ".join(sorted(where))) for member, where in sorted(twice[name].items()))))
    if not twice:
        print("each of %d names is defined once" % len(found))
    return 1 if twice else 0


sys.exit(main())
