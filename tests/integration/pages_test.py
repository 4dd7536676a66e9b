"""README.md and docs/*.md: every command on them is run, in the order of its page, and has to end and print as it says.

Each page has a home of its own (/home/me), with a copy of the tree in it (/home/me/trapline, where it begins; build/ is the
build directory) and a database of its own. One rule says what may differ from the page: a time, a size, a date, a hash, an
address, the number of a process and a line of a source file are compared by their kind alone, and spaces by that there are some. An id stands for
the one that was printed in its place, also in later commands. A … in a line is any text, and one alone any lines. Where a
page shows nothing below a command only its exit status is compared. scripts/examples.py says how a page marks what is not run.

Builds of ONNX Runtime are taken from the user's cache, and where one is missing the rest of the page is left out;
TRAPLINE_REQUIRE_BUILDS=1 makes that a failure."""
import collections
import os
import re
import shutil
import subprocess
import sys
import time
import unittest

from program import BUILDS, HERE, SANITIZED, TRAPLINE, ProgramTest

ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "scripts"))
import examples  # noqa: E402: from there

BUILD = os.path.realpath(os.path.join(os.path.dirname(TRAPLINE), "..", ".."))
ID = r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}(?:-[0-9a-f]{4}-[0-9a-f]{12})?(?![\w-])"
HASH = r"\b(?=[a-f]*[0-9])[0-9a-f]{12,64}\b"
# What changes: each kind is a word.
KINDS = ((r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?( UTC|Z)?", "DATE"), (r"\b\d{4}-\d\d-\d\d\b", "DATE"),
         (r"\b\d+(\.\d+)? ?(µs|ms|s|min|h)\b", "TIME"), (r"\b\d+(\.\d+)? ?([KMG]i?B|B)\b", "SIZE"), (r"\b0x[0-9a-f]+\b", "ADDRESS"),
         (r"\b([Pp]rocess|thread|pid) \d+\b", r"\1 NUMBER"), (r"(\.\w+):\d+\b(?=\))", r"\1:LINE"), (r"\s+", " "))
# The builds that a page sees: those that `make check` brings, whatever else is in the cache.
CHECKED = ("1.10.0", "1.16.3", "1.18.0", "1.22.0", "1.24.3", "1.25.1", "1.26.0", "1.30.0")
# The first few pages under sanitizers: every part of the program that writes for people is in one of them.
QUICK = ("README.md", "docs/isolation.md", "docs/commands.md")
counted = collections.Counter()


def normal(line):
    for pattern, word in KINDS:
        line = re.sub(pattern, word, line)
    return line.strip()


def pattern_of(expected):
    """A regular expression of what a page shows, and the ids in it, one for each group."""
    ids, pattern = [], ""
    for line in expected:
        if line.strip() == "…":
            pattern += "(?:.*\n)*"
            continue
        for piece in re.split(f"({ID}|{HASH}|…)", normal(line)):
            if piece == "…":
                pattern += ".*"
            elif re.fullmatch(f"{ID}|{HASH}", piece):
                ids.append(piece)
                pattern += f"({ID}|{HASH})"
            else:
                pattern += re.escape(piece)
        pattern += "\n"
    return pattern, ids


class PagesTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.home = os.path.realpath(self.path("tmp")) + "/home/me"
        self.tree, self.ids, self.told = os.path.join(self.home, "trapline"), {}, []
        self.at = self.tree
        os.makedirs(self.tree)
        for name in os.listdir(ROOT):
            if name in ("cases", "docs"):
                shutil.copytree(os.path.join(ROOT, name), os.path.join(self.tree, name))
            elif not name.startswith((".", "build")) and os.path.realpath(os.path.join(ROOT, name)) != BUILD:
                os.symlink(os.path.join(ROOT, name), os.path.join(self.tree, name))
        os.symlink(BUILD, os.path.join(self.tree, "build"))
        builds = os.path.join(self.home, ".cache", "trapline", "builds", "onnxruntime")
        os.makedirs(builds)
        for version in filter(lambda v: not self.absent(v), CHECKED):
            os.symlink(os.path.join(BUILDS, version), os.path.join(builds, version))
        os.mkdir(self.path("programs"))  # Python itself, and nothing that looks for one
        os.symlink(os.path.realpath(sys.executable), self.path("programs", "python3"))
        self.env = {k: v for k, v in self.env.items() if not k.startswith(("XDG_", "TRAPLINE_"))}
        self.env.update(HOME=self.home, PATH=":".join((os.path.dirname(os.path.abspath(TRAPLINE)), self.path("programs"), os.environ["PATH"])),
                        TRAPLINE_JOBS="2", npm_config_offline="true")  # a build that is not here is not brought by a test

    def shell(self, text):
        """Runs it where the last one ended, with the variables that those before it exported."""
        kept = self.path("kept")
        text = text.replace("/tmp/", self.path("tmp") + "/").replace("/home/me", self.home)
        script = "cd %s; %s\n{ %s\n}; status=$?; { pwd; export -p; } > %s; exit $status" % (
            self.at, self.exported, text, kept)
        done = subprocess.run(["/bin/sh", "-c", script], env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=300, check=False)
        with open(kept, encoding="utf-8") as f:
            self.at, self.exported = f.read().split("\n", 1)
        return done.returncode, *(self.as_on_the_page(part.decode("utf-8", "replace")) for part in (done.stdout, done.stderr))

    exported = ""

    def as_on_the_page(self, text):
        for real, shown in ((self.home, "/home/me"), (BUILD, "/home/me/trapline/build"), (ROOT, "/home/me/trapline"),
                            (self.path("tmp") + "/", "/tmp/")):
            text = text.replace(real, shown)
        return text

    @staticmethod
    def absent(version):
        return not os.path.isdir(os.path.join(BUILDS, version))

    def missing(self, command):
        """The builds that a command takes and that are not here."""
        named = ",".join(re.findall(r"onnxruntime@((?:\d+\.\d+\.\d+,?)+)", command)).split(",")
        return [v for v in (CHECKED if "--over" in command or "installed" in command else named) if v and self.absent(v)]

    def compare(self, command, out, err):
        pattern, ids = pattern_of(command.printed)
        for text in (out, out + err, err + out):
            match = re.fullmatch(pattern, "".join(normal(line) + "\n" for line in text.splitlines()))
            if match:
                self.ids.update({shown: real for shown, real in zip(ids, match.groups())})
                return ""
        return "--- the page:\n%s\n--- printed:\n%s%s" % ("\n".join(command.printed), out, err)

    def run_command(self, command):
        text = command.text
        for shown in re.findall(r"(?<![\w-])[0-9a-f]{8}[0-9a-f-]*", text):
            real = [r for s, r in self.ids.items() if s.startswith(shown)]
            text = text.replace(shown, real[-1]) if real else text
        began = time.monotonic()
        status, out, err = self.shell(text)
        if time.monotonic() - began > 3:
            print("%.1f s: %s" % (time.monotonic() - began, command.text), file=sys.stderr)
        if status != command.status:
            return "ended with %d, and not with %d\n%s%s" % (status, command.status, out, err)
        return self.compare(command, out, err) if command.printed else ""

    def try_block(self, page, block):
        """Whether the rest of the page can be tried."""
        for given in block.given:
            status, out, err = self.shell(given)
            if status:
                self.told.append("%s:%d: what is given ended with %d\n%s%s" % (page, block.line, status, out, err))
        if block.file:
            path = os.path.join(self.at, block.file)
            with open(path, "w", encoding="utf-8") as f:
                f.write("\n".join(block.lines) + "\n")
            os.chmod(path, 0o755)
        for command in block.commands:
            if command.why_not:
                counted["marked"] += 1
                continue
            missing = self.missing(command.text)
            if missing and os.environ.get("TRAPLINE_REQUIRE_BUILDS"):
                self.told.append("%s:%d: not in the cache: onnxruntime@%s" % (page, command.line, ",".join(missing)))
            if missing:
                return False
            counted["run"] += 1
            wrong = self.run_command(command)
            if wrong:
                self.told.append("%s:%d: $ %s\n%s" % (page, command.line, command.text, wrong))
        return True

    def try_page(self, path):
        page = os.path.relpath(path, ROOT)
        blocks, wrong = examples.blocks(path.read_text(encoding="utf-8"))
        self.assertEqual(wrong, [], page)
        for n, block in enumerate(blocks):
            needs = [need for need in block.needs if self.shell(need)[0]]
            if needs or not self.try_block(page, block):
                counted["left out"] += sum(len(b.commands) for b in blocks[n:])
                break
        if self.told:
            self.fail("\n" + "\n\n".join(self.told))

    @classmethod
    def tearDownClass(cls):
        print("commands of pages: %(run)d run, %(marked)d marked in the page as not run, %(left out)d left out where a build "
              "or a package is missing" % collections.defaultdict(int, counted), file=sys.stderr)


for page in examples.pages():
    if not SANITIZED or str(page.relative_to(ROOT)) in QUICK:
        setattr(PagesTest, "test_" + str(page.relative_to(ROOT)), lambda self, page=page: self.try_page(page))


class ShownTest(unittest.TestCase):
    def test_the_case_of_the_tutorial_is_the_one_that_is_shown(self):
        blocks, _ = examples.blocks((examples.ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8"))
        pages = (examples.ROOT / "docs" / "tutorial" / "pages.json").read_text(encoding="utf-8")
        self.assertIn(pages.splitlines(), [b.lines for b in blocks if b.language == "json"])


if __name__ == "__main__":
    unittest.main()
