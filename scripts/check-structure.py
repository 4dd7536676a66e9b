#!/usr/bin/env python3
"""Holds the tree to the structure that docs/architecture.md draws: check-structure.py [BUILD-DIRECTORY] [--write]

Three blocks of that document are read; what they say stands there once.

```arrows    FOLDER: what its files may include: other folders, or single files. A line covers the folders below it, and
             whatever a folder includes of itself needs no arrow.
```pure      Folders and files whose object files may call nothing that reaches outside the process: no file, clock or process.
```circles   Sets of files that call one another in a circle, and may. Every other circle of files is a fault.

Arrows are checked on the sources. The other two are read from the object files of a build, and only with its directory.

The document's lists of files ("files of FOLDER", in a comment, up to a comment "end") are made from the first sentence of
each source file, or of its header where it has one. They must be just that; --write writes them anew. And every file that
the document names has to be there."""

import collections
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DOCUMENT = "docs/architecture.md"
LISTED = (".c", ".h", ".sql", ".css", ".js")
FOLDERS = ("cases", "db", "harness", "reports", "runners")

# What a pure part must not call. A symbol that is not listed cannot reach outside without one that is.
IMPURE = set(
    """open open64 openat openat64 creat creat64 fopen fopen64 fdopen freopen read pread pread64 write pwrite pwrite64 close
    stat stat64 fstat fstat64 lstat lstat64 opendir readdir readdir64 mkdir rename unlink rmdir mmap mmap64 socket connect
    accept sendmsg recvmsg poll select pipe pipe2 fork vfork clone execve execv execvp posix_spawn posix_spawnp kill tgkill
    ptrace waitpid wait4 raise abort system popen clock_gettime gettimeofday time nanosleep usleep sleep localtime
    localtime_r getenv secure_getenv setenv putenv gethostname getpid getuid isatty rand random drand48 getrandom
    printf vprintf puts putchar fputs fwrite fprintf vfprintf perror syslog stdout stderr pthread_create dlopen
    uv_default_loop uv_run sqlite3_open_v2 sqlite3_step""".split())


def block(text, name):
    found = re.search(r"^```%s\n(.*?)^```" % name, text, re.S | re.M)
    if not found:
        sys.exit("%s: the block ```%s is missing" % (DOCUMENT, name))
    lines = (line.split("#")[0].strip() for line in found.group(1).splitlines())
    return [line for line in lines if line]


def sources(kinds=(".c", ".h")):
    for top in FOLDERS:
        for folder, folders, names in os.walk(os.path.join(ROOT, top)):
            folders[:] = [f for f in folders if f != "templates"] # texts that are filled in, and then compiled elsewhere
            for name in names:
                if name.endswith(kinds):
                    yield os.path.relpath(os.path.join(folder, name), ROOT)


def head(path):
    """The first sentence of the comment that a file begins with; None when it begins with none."""
    with open(os.path.join(ROOT, path), encoding="utf-8") as f:
        text = f.read()
    if path.endswith(".sql"):
        found = re.match(r"--(.*?)\n(?:--\s*\n|(?!--))", text, re.S)
    else:
        found = re.match(r"\s*/\*(.*?)(?:\*/|\n \*\s*\n)", text, re.S)
    if not found:
        return None
    text = re.sub(r"\s*\n(?: \*|--)?\s*", " ", found.group(1)).strip()
    text = re.sub(r"^Theory of operation\. ", "", text)
    return re.split(r"(?<=[\w)\"'`])\. (?=[A-Z(])|(?<=\?) (?=[A-Z(])", text)[0].rstrip(".:")


def listed(folder):
    """The lines of the list of a folder, and what cannot be said of it."""
    names = [s for s in sources(LISTED) if os.path.dirname(s) == folder]
    lines, wrong = [""], []
    for name in sorted(names):
        stem = os.path.splitext(name)[0]
        if name.endswith(".h") and stem + ".c" in names:
            continue
        header = stem + ".h" if name.endswith(".c") and stem + ".h" in names else None
        text = (head(header) if header else None) or head(name)
        if text is None:
            wrong.append("%s: a file begins with a comment that says in a sentence what it is for" % name)
        lines.append("- `%s`%s: %s" % (name, ", `.h`" if header else "", text))
    return lines + [""], wrong


def files(text):
    """The document with its lists written anew, the folders whose list changed, and what is wrong."""
    seen, changed, wrong = set(), [], []

    def write(match):
        seen.add(match[1])
        lines, mistakes = listed(match[1])
        wrong.extend(mistakes)
        written = "\n".join(["<!-- files of %s -->" % match[1], *lines, "<!-- end -->"])
        if written != match[0]:
            changed.append(match[1])
        return written

    text = re.sub(r"^<!-- files of (\S+) -->\n(?:.*\n)*?<!-- end -->$", write, text, flags=re.M)
    wrong += ["%s: the part `<!-- files of %s -->` … `<!-- end -->` is missing" % (DOCUMENT, folder)
              for folder in sorted({os.path.dirname(s) for s in sources()} - seen)]
    for name in sorted(set(re.findall(r"`((?:%s|tests|scripts|docs)/[\w./-]*\w)`" % "|".join(FOLDERS), text))):
        if not re.search("[A-Z]{3}", name) and not os.path.exists(os.path.join(ROOT, name)): # NAME stands for one
            wrong.append("%s: there is no %s" % (DOCUMENT, name))
    return text, changed, wrong


class Arrows:
    def __init__(self, lines):
        self.allowed = {}
        for line in lines:
            folder, _, targets = line.partition(":")
            self.allowed[folder.strip()] = targets.split()

    def home(self, path):
        """The innermost folder above a file that has a line."""
        while path:
            path = os.path.dirname(path)
            if path in self.allowed:
                return path
        return None

    def check(self):
        used = set()
        for source in sorted(sources()):
            mine = self.home(source)
            if mine is None:
                yield "%s: its folder has no line in %s" % (source, DOCUMENT)
                continue
            with open(os.path.join(ROOT, source), encoding="utf-8") as f:
                for number, line in enumerate(f, 1):
                    found = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
                    if not found or not os.path.exists(os.path.join(ROOT, found.group(1))):
                        continue # generated, or beside the file
                    target = found.group(1)
                    theirs = self.home(target)
                    if theirs == mine:
                        continue
                    arrow = next((a for a in self.allowed[mine] if a in (theirs, target)), None)
                    if arrow is None:
                        yield "%s:%d: %s may not include %s" % (source, number, mine, target)
                    used.add((mine, arrow))
        for folder, targets in self.allowed.items():
            for target in targets:
                if (folder, target) not in used:
                    yield "%s: nothing in %s includes %s" % (DOCUMENT, folder, target)
            if folder in self.below(folder):
                yield "%s: the arrows lead from %s back to it" % (DOCUMENT, folder)

    def below(self, folder):
        reached, todo = set(), list(self.allowed[folder])
        while todo:
            name = todo.pop()
            if name in self.allowed and name not in reached: # a single file is no way into its folder
                reached.add(name)
                todo += self.allowed[name]
        return reached


def objects(build):
    """Source -> (symbols that its object files define, symbols that they want)."""
    found, made_from = {}, {}
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
        commands = json.load(f)
    for command in commands:
        source = os.path.relpath(os.path.join(command["directory"], command["file"]), ROOT)
        output = os.path.join(command["directory"], command["output"])
        if source.split("/")[0] in FOLDERS and os.path.exists(output):
            made_from[output] = source
            found[source] = (set(), set())
    if made_from:
        listed = subprocess.run(["nm", "-A", "-P", *made_from], check=True, capture_output=True, text=True).stdout
        for line in listed.splitlines():
            output, _, symbol = line.partition(": ")
            name, kind = symbol.split()[:2]
            defines, wants = found[made_from[output]]
            if kind in "Uw":
                wants.add(name.split("@")[0])
            elif kind.isupper():
                defines.add(name.split("@")[0])
    return found


def impure(folders, found):
    for source in sorted(found):
        if any((source + "/").startswith(folder + "/") for folder in folders):
            for name in sorted(found[source][1] & IMPURE):
                yield "%s: calls %s, and its folder is to be pure" % (source, name)


def components(edges):
    """The strongly connected components with more than one member (Tarjan's algorithm, without recursion)."""
    index, low, stack, on_stack, result = {}, {}, [], set(), []
    for root in sorted(edges):
        work = [(root, iter(sorted(edges[root])))] if root not in index else []
        if work:
            index[root] = low[root] = len(index)
            stack.append(root)
            on_stack.add(root)
        while work:
            node, successors = work[-1]
            for successor in successors:
                if successor not in index:
                    index[successor] = low[successor] = len(index)
                    stack.append(successor)
                    on_stack.add(successor)
                    work.append((successor, iter(sorted(edges[successor]))))
                    break
                if successor in on_stack:
                    low[node] = min(low[node], index[successor])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    members = []
                    while True:
                        members.append(stack.pop())
                        on_stack.discard(members[-1])
                        if members[-1] == node:
                            break
                    if len(members) > 1:
                        result.append(sorted(members))
    return result


def circles(lines, found):
    """Each line of the block is a folder, or files of one: those may call one another in a circle."""
    home = collections.defaultdict(set)
    for source, (defines, _) in found.items():
        for name in defines:
            home[name].add(source)
    edges = {source: set() for source in found}
    for source, (_, wants) in found.items():
        for name in wants:
            if len(home[name]) == 1: # `main` and the like are in many
                edges[source] |= home[name] - {source}
    permitted = [set(line.split()) for line in lines]
    for members in components(edges):
        if not any(all(m in p or os.path.dirname(m) in p for m in members) for p in permitted):
            yield "a circle of calls: %s" % " ".join(members)
            for m in members:
                for other in sorted(edges[m] & set(members)):
                    names = sorted(found[m][1] & found[other][0])
                    yield "    %s -> %s: %s" % (m, other, ", ".join(names[:6]))


def main():
    arguments = [a for a in sys.argv[1:] if a != "--write"]
    document = os.path.join(ROOT, DOCUMENT)
    with open(document, encoding="utf-8") as f:
        text, changed, wrong = files(f.read())
    if changed and "--write" in sys.argv:
        with open(document, "w", encoding="utf-8") as f:
            f.write(text)
    elif changed:
        wrong.append("%s: not what the files say of themselves: %s\n  `scripts/check-structure.py --write` mends it"
                     % (DOCUMENT, ", ".join(changed)))
    wrong += Arrows(block(text, "arrows")).check()
    if arguments:
        found = objects(arguments[0])
        if not found:
            sys.exit("%s: no object files were found" % arguments[0])
        wrong += impure(block(text, "pure"), found)
        wrong += circles(block(text, "circles"), found)
    seen = "the structure is as %s draws it" % DOCUMENT
    if not arguments:
        seen = "the arrows are as %s draws them; purity and circles need a build directory as argument" % DOCUMENT
    print("\n".join(wrong) if wrong else seen)
    return 1 if wrong else 0


sys.exit(main())
