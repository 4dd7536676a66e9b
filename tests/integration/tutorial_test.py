"""docs/tutorial.md: every command on it is run, in its order, and has to print what stands there.

Ids and times are not compared, and where a line is … anything may stand. Builds of ONNX Runtime are taken from the user's
cache. TRAPLINE_REQUIRE_BUILDS=1 makes it a failure that they are not here."""
import os
import re
import shutil
import subprocess
import unittest

from program import HERE, TRAPLINE, ProgramTest

DOCS = os.path.join(os.path.dirname(os.path.dirname(HERE)), "docs")
# Done by the test itself, or by whoever built the program.
NOT_RUN = ("make", "export ", "cd docs/tutorial", "trapline builds fetch ")


def blocks(text):
    """The fenced blocks of a page: (language, lines)."""
    return [(language, body.splitlines()) for language, body in re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S)]


def commands(text):
    """(command, the lines that it prints) in the order of the page."""
    found = []
    for language, lines in blocks(text):
        for line in lines if language == "console" else ():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def normal(line):
    line = re.sub(r"\b[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}(-[0-9a-f]{4}-[0-9a-f]{12})?", "ID", line)
    return re.sub(r"\d+\.\d{1,3} s\b", "TIME", line).rstrip()


class TutorialTest(ProgramTest):
    def setUp(self):
        super().setUp()
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        self.env["XDG_CACHE_HOME"] = cache
        self.env["PATH"] = os.path.dirname(os.path.abspath(TRAPLINE)) + ":" + os.environ.get("PATH", "")
        self.need_builds("1.22.0", "1.30.0", required=True)
        if subprocess.run(["/usr/bin/python3", "-c", "import onnx"], capture_output=True, check=False).returncode:
            self.skipTest("/usr/bin/python3 has no onnx")
        with open(os.path.join(DOCS, "tutorial.md"), encoding="utf-8") as f:
            self.page = f.read()

    def compare(self, command, expected, printed):
        pattern = "".join("(?:.*\n)*" if line == "…" else re.escape(normal(line)) + "\n" for line in expected)
        text = "".join(normal(line) + "\n" for line in printed)
        self.assertTrue(re.fullmatch(pattern, text), f"$ {command}\n--- the page:\n" + "\n".join(expected) +
                        "\n--- printed:\n" + "\n".join(printed))

    def test_every_command(self):
        shutil.copytree(os.path.join(DOCS, "tutorial"), self.path("work"))
        at, n = self.path("work"), 0
        for command, expected in commands(self.page):
            if command.startswith(NOT_RUN):
                continue
            command = command.replace("~/.cache", self.env["XDG_CACHE_HOME"])
            # In a temporary directory of the test's own, not in everybody's.
            command = command.replace("/tmp/", self.path("tmp") + "/")
            expected = [line.replace("/tmp/", self.path("tmp") + "/") for line in expected]
            if command.startswith("cd "):
                at = os.path.join(at, command[3:])
                continue
            done = subprocess.run(["/bin/sh", "-c", command], cwd=at, env=self.env, capture_output=True, timeout=300,
                                  check=False)
            printed = done.stdout.decode().splitlines()
            if done.returncode in (-8, 128 + 8):
                printed.append("Floating point exception")  # what a shell with a user before it says
            self.compare(command, expected, printed)
            n += 1
        self.assertGreater(n, 10)

    def test_the_case_is_the_one_that_is_shown(self):
        shown = ["\n".join(lines) for language, lines in blocks(self.page) if language == "json"]
        with open(os.path.join(DOCS, "tutorial", "pages.json"), encoding="utf-8") as f:
            self.assertIn(f.read().rstrip(), shown)


if __name__ == "__main__":
    unittest.main()
