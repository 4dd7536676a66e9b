"""What the documents show: their fenced blocks, with what comments before one say of it to whoever tries them.

A block of `console` has commands (`$ …`) and what they print, one of `sh` commands alone; both are run by
tests/integration/pages_test.py, in the order of the page. These comments may stand right before a block, nobody sees them:

    <!-- not run: REASON -->            none of its commands is
    <!-- not run: `make`: REASON -->    those that begin so are not
    <!-- exits: 1 0 -->                 the exit status of each command, or one for all; without it each is 0
    <!-- file: NAME -->                 the block is this file, which the commands below it find
    <!-- given                          commands that a reader has typed before, or what made the files that he has
    …
    -->
    <!-- needs: COMMAND -->             where this fails nothing below is tried, as where a build is missing
"""
import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMANDS = ("console", "sh")
LANGUAGES = COMMANDS + ("text", "json", "python", "c", "yaml", "arrows", "pure", "circles")
FENCE = re.compile(r"( *)```(\w*)$")


@dataclasses.dataclass
class Command:
    line: int
    text: str
    status: int = 0
    why_not: str = ""  # the reason why it is not run
    printed: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Block:
    line: int
    language: str
    lines: list
    file: str = ""
    needs: list = dataclasses.field(default_factory=list)
    given: list = dataclasses.field(default_factory=list)  # commands, each maybe of several lines
    commands: list = dataclasses.field(default_factory=list)


def pages():
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands_of(block):
    """Those of a block: a line that ends in \\ goes on in the next one."""
    open_command = False
    for n, line in enumerate(block.lines, block.line + 1):
        if open_command:
            block.commands[-1].text += "\n" + line
        elif block.language == "sh" and line.strip():
            block.commands.append(Command(n, line))
        elif line.startswith("$ "):
            block.commands.append(Command(n, line[2:]))
        elif block.language == "console" and block.commands:
            block.commands[-1].printed.append(line)
            continue
        elif line.strip():
            yield n, "what is printed stands before the first command"
        open_command = line.endswith("\\")


def obey(block, line, text):
    """What a comment says of the block: a mistake, or nothing. None where it is no such comment."""
    word, _, rest = text.partition(":")
    rest = rest.strip()
    if text.startswith("given\n"):
        block.given.append(text[len("given\n"):])
    elif word == "needs" and rest:
        block.needs.append(rest)
    elif word == "file" and re.fullmatch(r"[\w.-]+", rest):
        block.file = rest
    elif word == "not run":
        marks = re.match(r"((?:`[^`]+`(?:, )?)*)(?::\s*)?(\S.*)?$", rest, re.S)
        begins = tuple(re.findall("`([^`]+)`", marks[1])) or ("",)
        if not marks[2]:
            return "no reason why it is not run"
        found = [c for c in block.commands if c.text.startswith(begins)]
        for c in found:
            c.why_not = marks[2]
        return None if found else "no command of the block begins so"
    elif word == "exits" and re.fullmatch(r"\d+( \d+)*", rest):
        each = [int(n) for n in rest.split()]
        if len(each) not in (1, len(block.commands)):
            return "%d exit statuses of %d commands" % (len(each), len(block.commands))
        for c, status in zip(block.commands, each * len(block.commands) if len(each) == 1 else each):
            c.status = status
    else:
        return "not a comment that is known before a block: scripts/examples.py has all"
    return None


def blocks(text):
    """The blocks of a page, and its mistakes: (line, what)."""
    found, wrong, comments, lines, n, usage = [], [], [], text.split("\n"), 0, False
    while n < len(lines):
        fence, comment = FENCE.match(lines[n]), re.match(r" *<!-- (.*)", lines[n])
        if comment:
            begin = n
            while "-->" not in lines[n] and n + 1 < len(lines):
                n += 1
            said = "\n".join([comment[1], *lines[begin + 1:n + 1]]).split("-->")[0].rstrip(" \n")
            usage = said.startswith("usage of ")
            if re.match(r"given\n|(needs|file|not run|exits):", said):
                comments.append((begin + 1, said))
            elif comments:
                wrong.append((comments[-1][0], "no block follows"))
        elif fence:
            begin = n
            n += 1
            while n < len(lines) and lines[n].strip() != "```":
                n += 1
            block = Block(begin + 1, fence[2], [line[len(fence[1]):] for line in lines[begin + 1:n]])
            found.append(block)
            if block.language not in LANGUAGES:
                wrong.append((block.line, "a block has to say what it is, one of " + ", ".join(LANGUAGES)))
            elif block.language in COMMANDS:
                wrong += commands_of(block)
            elif block.language == "text" and not usage and any(re.match(r"\$ |trapline [a-z]", t) for t in block.lines):
                wrong.append((block.line, "commands stand in a block of sh, or with what they print of console"))
            wrong += [(line, what) for line, what in ((line, obey(block, line, said)) for line, said in comments) if what]
            comments = []
        elif lines[n].strip() and comments:
            wrong.append((comments[-1][0], "no block follows"))
            comments = []
        n += 1
    return found, wrong
