#!/usr/bin/env python3
"""Whether docs/commands.md and the man page say what trapline takes: check-docs.py TRAPLINE [--write]

Their lists of commands and options are made from what `trapline --help --json` prints. Each stands between a line
that names it ("usage of run", "options of run", in a comment) and a comment "end"; what is between is written anew
with --write, and without it must be just that. The prose around the lists is written by hand, but may name no option
that there is not. Links between the documents must lead somewhere, and every block of a document says what it is:
tests/integration/pages_test.py runs those with commands (scripts/examples.py)."""

import json
import os
import pathlib
import re
import subprocess
import sys

import examples

ROOT = examples.ROOT
EVERY = "every command"


def usages(command):
    """The forms of a command: what stands between " | " outside brackets."""
    forms = re.split(r" \| (?![^\[]*\])", command["arguments"])
    return [("trapline %s %s" % (command["name"], form)).rstrip() for form in forms]


class Markdown:
    path = "docs/commands.md"
    begin, end = "<!-- %s -->", "<!-- end -->"

    @staticmethod
    def commands(commands):
        yield from ["", "| command | what it does |", "| --- | --- |"]
        for c in commands:
            yield "| `%s` | %s |" % (c["name"], c["about"])
        yield ""

    @staticmethod
    def usage(command):
        return ["", "```text", *usages(command), "```", ""]

    @staticmethod
    def options(options):
        yield from ["", "| option | meaning |", "| --- | --- |"]
        for o in options:
            names = "`-%s`, " % o["letter"] if o["letter"] else ""
            value = " " + o["value"] if o["value"] else ""
            text = o["about"] + (". " + o["more"] if o["more"] else "")
            yield ("| %s`--%s%s` | %s |" % (names, o["name"], value.replace("|", "\\|"), text))
        yield ""


class Manual:
    path = "docs/trapline.1"
    begin, end = '.\\" %s', '.\\" end'

    @staticmethod
    def commands(commands):
        yield ".Bl -tag -width nightly -compact"
        for c in commands:
            yield ".It Cm %s" % c["name"]
            yield from Manual.sentences(c["about"])
        yield ".El"

    @staticmethod
    def usage(command):
        return [".Dl " + form.replace("…", "...") for form in usages(command)]

    @staticmethod
    def options(options):
        yield ".Bl -tag -width Ds"
        for o in options:
            letter = "Fl %s , " % o["letter"] if o["letter"] else ""
            yield ".It %sFl -%s%s" % (letter, o["name"], " " + Manual.value(o["value"]) if o["value"] else "")
            places = set(re.findall("[A-Z]+", o["value"] or ""))
            yield from Manual.sentences(o["about"], places)
            yield from Manual.sentences(o["more"], places)
        yield ".El"

    @staticmethod
    def value(text):
        """A word that is written as it is, or one that stands for another."""
        return ("Cm " if text.islower() else "Ar ") + text

    @staticmethod
    def code(text):
        words = text.split()
        if re.match("--?[a-z]", text):
            return " ".join(["Fl " + words[0][1:], *map(Manual.value, words[1:])])
        return ("Pa " if "/" in text else "Li ") + (text if len(words) == 1 else '"%s"' % text)

    @staticmethod
    def sentences(text, places=()):
        """Markdown as mdoc: each sentence begins a line, and what is not plain text has one of its own."""
        for sentence in re.split(r"(?<=\.) ", text + ".") if text else []:
            sentence = sentence[:1].upper() + sentence[1:]
            line = []
            for word in re.findall(r"\(?`[^`]*`\S*|\S+", sentence):
                match = re.fullmatch(r"(\(?)(?:`([^`]*)`|([^`]*?))([.,:;)]*)", word)
                if not match:
                    sys.exit("%s: only punctuation may touch what is in backticks" % word)
                opening, code, place, closing = match.groups()
                if not code and place not in places:
                    line.append(word)
                    continue
                if line:
                    yield " ".join(line)
                line = []
                macro = Manual.code(code) if code else Manual.value(place)
                yield " ".join(["." + opening, macro, *closing] if opening else ["." + macro, *closing])
            if line:
                yield " ".join(line)


def parts(trapline):
    """What trapline says of itself: the name of each list, with a function of a kind of document that writes it, and the
    options of each command."""
    said = subprocess.run([trapline, "--help", "--json"], check=True, capture_output=True, timeout=60).stdout
    commands = json.loads(said)["commands"]
    common = [o for o in commands[0]["options"] if o["common"]]
    found = {"commands": lambda kind: kind.commands(commands), "options of " + EVERY: lambda kind: kind.options(common)}
    for c in commands:
        found["usage of " + c["name"]] = lambda kind, c=c: kind.usage(c)
        own = [o for o in c["options"] if not o["common"]]
        if own:
            found["options of " + c["name"]] = lambda kind, own=own: kind.options(own)
    return found, {c["name"]: {o["name"] for o in c["options"]} for c in commands}


def renew(kind, text, lists):
    """The document with its lists written anew, the names of those that changed, and those that are not right."""
    mark = re.escape(kind.begin) % "(commands|(?:usage|options) of [a-z ]+)"
    seen, changed, wrong = set(), [], []

    def write(match):
        name = match[1]
        seen.add(name)
        if name not in lists:
            wrong.append("%s: trapline has no %s" % (kind.path, name))
            return match[0]
        written = "\n".join([kind.begin % name, *lists[name](kind), kind.end])
        if written != match[0]:
            changed.append(name)
        return written

    text = re.sub("^%s\n(?:.*\n)*?%s$" % (mark, re.escape(kind.end)), write, text, flags=re.M)
    wrong += ["%s: there is no part `%s` … `%s`" % (kind.path, kind.begin % name, kind.end)
              for name in lists if name not in seen]
    return text, changed, wrong


def anchors(page):
    """What GitHub calls the headings of a page."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def dead_links(page):
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text(encoding="utf-8")):
        path = page.parent / target if target else page
        if not path.exists():
            yield "nothing is at %s" % target
        elif anchor and path.suffix == ".md" and anchor not in anchors(path):
            yield "%s has no heading for #%s" % (target or "this page", anchor)


def said_of_commands(page, commands):
    """Commands in backticks that trapline has not, or not with that option."""
    if page.name == "architecture.md":
        return  # its lines are the heads of source files, also of those whose command is still to come
    for said in re.findall(r"`trapline ([^`]+)`", re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)):
        name, *words = said.replace("\n", " ").split(" -- ")[0].split()
        if re.fullmatch("[a-z]+", name) and name not in commands:
            yield "`trapline %s`: there is no such command" % said
        for option in re.findall(r"(?<![\w-])--([a-z][a-z-]*)", " ".join(words)):
            if name in commands and option not in commands[name]:
                yield "`trapline %s`: %s has no --%s" % (said, name, option)


def main():
    trapline, write = sys.argv[1], "--write" in sys.argv[2:]
    lists, commands = parts(trapline)
    names = set().union(*commands.values())
    wrong = []
    for kind, option in ((Markdown, r"(?<![\w-])--([a-z][a-z-]*)"), (Manual, r"Fl -([a-z-]+)")):
        text = (ROOT / kind.path).read_text(encoding="utf-8")
        text, changed, mistakes = renew(kind, text, lists)
        wrong += mistakes
        if write and changed:
            (ROOT / kind.path).write_text(text, encoding="utf-8")
        elif changed:
            wrong.append("%s: not what trapline says: %s\n  `scripts/check-docs.py %s --write` mends it"
                         % (kind.path, ", ".join(changed), os.path.relpath(trapline, ROOT)))
        wrong += ["%s: there is no --%s" % (kind.path, o) for o in sorted(set(re.findall(option, text)) - names)]
    for page in examples.pages():
        wrong += ["%s:%d: %s" % (page.relative_to(ROOT), *mistake) for mistake in examples.blocks(page.read_text(encoding="utf-8"))[1]]
        wrong += ["%s: %s" % (page.relative_to(ROOT), what)
                  for what in [*dead_links(page), *said_of_commands(page, commands)]]
    print("\n".join(wrong), file=sys.stderr)
    return 1 if wrong else 0


sys.exit(main())
