#!/usr/bin/env python3
"""Whether docs/commands.md and the man page know what trapline knows: check-docs.py TRAPLINE

Every command that `trapline --help` lists must have a section in both, and every option that `trapline COMMAND --help`
lists must be in it or in the section of the options that all commands have; nor may they describe an option that is not
there. Links between the documents must lead somewhere."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMON = "Options of every command"


def help_of(trapline, *words):
    return subprocess.run([trapline, *words, "--help"], check=True, capture_output=True, text=True, timeout=60).stdout


def sections(text, heading):
    """Name of each section (for a command, its first word) -> its text."""
    found = {}
    parts = re.split(heading, text, flags=re.M)
    for title, body in zip(parts[1::2], parts[2::2]):
        title = title.strip().strip("`").removeprefix("trapline ")
        found[title if title == COMMON else title.split()[0]] = body
    return found


def main():
    trapline = sys.argv[1]
    commands = re.findall(r"^  ([a-z]+) +\S", help_of(trapline), re.M)
    options = {c: set(re.findall(r"^ +(?:-\w, )?--([a-z-]+)", help_of(trapline, c), re.M)) for c in commands}
    documents = [
        ("docs/commands.md", r"^## (.*)$", r"^\| (?:`-\w`, )?`--([a-z-]+)"),
        ("docs/trapline.1", r"^\.S[sh] (.*)$", r"^\.It (?:Fl \w , )?Fl -([a-z-]+)"),
    ]
    wrong = []
    if not commands:
        wrong.append("trapline --help lists no command")
    for path, heading, option in documents:
        known = sections((ROOT / path).read_text(encoding="utf-8"), heading)
        common = set(re.findall(option, known.get(COMMON, ""), re.M))
        for command in commands:
            if command not in known:
                wrong.append("%s: no section for the command %s" % (path, command))
                continue
            described = set(re.findall(option, known[command], re.M))
            wrong += ["%s: %s: --%s is missing" % (path, command, o)
                      for o in sorted(options[command] - described - common)]
            wrong += ["%s: %s: there is no --%s" % (path, command, o)
                      for o in sorted((described | common) - options[command])]
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not (page.parent / target).exists():
                wrong.append("%s: nothing is at %s" % (page.relative_to(ROOT), target))
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


sys.exit(main())
