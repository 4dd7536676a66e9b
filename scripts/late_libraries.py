#!/usr/bin/env python3
"""Prints which libraries a program loads when it first needs them: scripts/late_libraries.py [--debian=required|recommended] PROGRAM

A line for each, by the name under which it is loaded, as the program's notes say it (harness/cli/late_linux.c). With
--debian it is one line, in the form of Depends, of the Debian packages of those that are needed, or without which less is known."""

import json
import re
import struct
import subprocess
import sys


def notes(program):
    """The notes of a program as they stand in it, [] where it has none."""
    sections = subprocess.run(["readelf", "-SW", program], check=True, capture_output=True, text=True).stdout
    place = re.search(r"\.note\.dlopen +NOTE +[0-9a-f]+ ([0-9a-f]+) ([0-9a-f]+)", sections)
    if not place:
        return []
    with open(program, "rb") as f:
        f.seek(int(place.group(1), 16))
        data = f.read(int(place.group(2), 16))
    found, at = [], 0
    while at + 12 <= len(data):
        owner, text, _ = struct.unpack_from("<III", data, at)
        begin = at + 12 + (owner + 3) // 4 * 4
        found.append(json.loads(data[begin : begin + text].rstrip(b"\0")))
        at = begin + (text + 3) // 4 * 4
    return found


def names(program, priority=None):
    """priority: those alone of which the program says that it is such a one, "required" or "recommended"."""
    return [name for note in notes(program) for one in note if priority in (None, one["priority"]) for name in one["soname"]]


def package(library):
    """The package of a library and its version here, from which on it has what the program was built with."""
    line = subprocess.run(["dpkg-query", "--search", "*/" + library], check=True, capture_output=True, text=True).stdout
    name = line.split("\n")[0].split(":")[0]
    version = subprocess.run(["dpkg-query", "-W", "-f", "${Version}\n", name], check=True, capture_output=True, text=True).stdout
    upstream = re.sub(r"^\d+:|-[^-]*$", "", version.split("\n")[0])
    return "%s (>= %s)" % (name, re.match(r"\d+(\.\d+)?", upstream).group())


def main():
    arguments = sys.argv[1:]
    debian = next((a for a in arguments if a.startswith("--debian=")), None)
    programs = [a for a in arguments if a != debian]
    if len(programs) != 1 or programs[0].startswith("-"):
        sys.exit(__doc__.split("\n")[0])
    libraries = names(programs[0], debian and debian.partition("=")[2])
    print(", ".join(package(name) for name in libraries) if debian else "\n".join(libraries))


if __name__ == "__main__":
    main()
