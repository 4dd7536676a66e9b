"""docs/macos.md, "Your first evening": what of it can be done on this system is done, and comes out as the page says.

The commands have what they come to behind a #. And what the page says to install is what scripts/packages.sh names."""
import concurrent.futures
import json
import os
import re
import subprocess
import unittest

from program import HERE, SANITIZED, TRAPLINE, ProgramTest

ROOT = os.path.dirname(os.path.dirname(HERE))


class MacosPageTest(ProgramTest):
    def setUp(self):
        super().setUp()
        with open(os.path.join(ROOT, "docs", "macos.md"), encoding="utf-8") as f:
            self.page = f.read()
        self.env["T"] = TRAPLINE

    def block(self, language):
        """The block of a language that names a file in the line before it."""
        found = re.search(r"`/tmp/([\w.]+)`:\n\n```%s\n(.*?)^```$" % language, self.page, re.S | re.M)
        text = found.group(2).replace("/tmp/", self.directory + "/")
        if language == "json": # only what hangs is to reach its deadline, on a busy machine too
            self.write("hasty.json", text.replace('"timeout_s": 5', '"timeout_s": 4'))
            text = text.replace('"timeout_s": 5', '"timeout_s": 120')
        return self.write(found.group(1), text)

    def run_line(self, command, more=""):
        command = command.replace("/tmp/", self.directory + "/") + more
        return subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, env=self.env, capture_output=True, timeout=300, check=False)

    def test_outcomes(self):
        program = self.block("c")
        self.block("json")
        built = self.run_line(re.search(r"^cc .*$", self.page, re.M).group(0))
        self.assertEqual((built.returncode, built.stderr), (0, b""), program)
        lines = re.findall(r"^(\$T run .*?) +# (\w+)$", self.page, re.M)
        self.assertEqual(len(lines), 10)
        lines = [(command, outcome) for command, outcome in lines if outcome != "oom" or not SANITIZED]
        with concurrent.futures.ThreadPoolExecutor(4) as several:
            answers = several.map(lambda i: self.run_line(lines[i][0].replace("first.json", "hasty.json") if lines[i][1] == "hang"
                                                          else lines[i][0], " --json --db %s%d" % (self.db, i)), range(len(lines)))
        for (command, outcome), done in zip(lines, answers):
            trials = json.loads(done.stdout)["trials"]
            self.assertEqual({t["outcome"] for t in trials}, {outcome}, command)
            self.assertEqual(len({(t.get("signature") or {}).get("id") for t in trials}), 1, command)

    def test_the_search(self):
        command, trigger = re.search(r"^(\$T isolate .*?) +# (.*)$", self.page, re.M).groups()
        done = self.run_line(command, " --json --db " + self.db)
        name, value = trigger.split("=")
        finding = json.loads(done.stdout)
        self.assertEqual([(t["axis"], t["value"]) for t in finding["trigger"]], [(name, value)])
        self.assertEqual((finding["outcome"], finding["phase"], finding["signal"]), ("crash", "execute", "SIGTRAP"))

    def test_what_to_install(self):
        with open(os.path.join(ROOT, "scripts", "packages.sh"), encoding="utf-8") as f:
            packages = dict(re.findall(r'^(homebrew\w*)="(.*)"$', f.read(), re.M))
        named = set(re.search(r"^brew install (.*)$", self.page, re.M).group(1).split())
        self.assertEqual(named, set(packages["homebrew"].split()) | {"criterion", "node"})

    def test_links_and_files(self):
        for path in re.findall(r"`((?:scripts|harness|tests|cases|docs)/[\w./-]+)`", self.page):
            self.assertTrue(os.path.exists(os.path.join(ROOT, path)), path)


if __name__ == "__main__":
    unittest.main()
