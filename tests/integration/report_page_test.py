"""A report as it is read: how long it is, what Markdown makes of hostile text in it, and how it looks in a browser.

The Markdown goes through cmark-gfm, which GitHub renders with, where it is here; the pages through Chromium. TRAPLINE_SCREENSHOTS=DIR
keeps what they look like, TRAPLINE_SEED and TRAPLINE_SEEDS choose the hostile texts."""
import json
import os
import pathlib
import random
import re
import shutil
import sqlite3
import string
import subprocess
import sys
import unittest
import xml.etree.ElementTree as ET

import browser
from browser import CONTRAST, OVERFLOW
from program import CASES, ProgramTest

EXTENTS = ([], ["--short"], ["--full"])
EXTENSIONS = ["footnotes", "table", "strikethrough", "autolink", "tasklist"]
FIRST, COUNT = (int(os.environ.get(name, usual)) for name, usual in (("TRAPLINE_SEED", 1), ("TRAPLINE_SEEDS", 6)))
WIDTH = 120
# Text from outside, in pieces of what means something to Markdown, to HTML and to GitHub.
PIECES = ["`", "``", "```\n", "~~~\n", "|", "\\|", "\\", "*", "**", "_", "__", "~~", "<", ">", "<b>", "</details>", "<!--", "-->", "&amp;", "&#35;",
          "[", "](", "[x]: http://y.org ", "![i](", "[^1]", "[^1]: note", "[ ] ", "@octocat", "#123", "GH-7", "owner/repo#5", ":tada:", "http://x.org/a",
          "https://x.org", "www.x.org", "a@b.org", "mailto:a@b.org", "\n", "\n\n", "\n- ", "\n1. ", "\n12) ", "\n# ", "\n> ", "\n---\n", "\n===\n", "    ",
          "\n    code", "\t", "| --- | --- |", "\n| a | b |\n| --- | --- |\n", " ", "word", "two words", "0x7fff", "snake_case_name", "std::vector<int>::at",
          "<script>alert(1)</script>", "<img src=x>", "<details><summary>", "é", "→", "\u200b", "$x$", "- ", "+ ", "1. ", "1) ", "= ", "{", "}", "!", "'", '"']

TABLES = """
const wrong = [], width = document.documentElement.clientWidth;
for (const e of document.querySelectorAll("td, th, pre, p, li, h1, h2, h3, summary")) {
  if (!e.getClientRects().length) continue;
  const box = e.getBoundingClientRect();
  if (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline") wrong.push("cut: " + e.outerHTML.slice(0, 120));
  if (box.right > width + 1 || box.left < -1) wrong.push("out of sight: " + e.outerHTML.slice(0, 120));
}
for (const e of document.querySelectorAll(".wide"))
  if (!e.querySelector("svg") && e.scrollWidth > e.clientWidth) wrong.push("scrolls: " + e.getAttribute("aria-label"));
return wrong;
"""


def plain(text):
    """The same without anything that could mean something."""
    return re.sub(r"[^\s]", "x", text)


def within(some, all_of_them):
    """Whether a list is another one without some of its members."""
    rest = iter(all_of_them)
    return all(one in rest for one in some)


class ReportPageTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.trapline("isolate", os.path.join(CASES, "threshold.json"), "-u", "selftest:cpu", "--json", status=1)
        with sqlite3.connect(self.db) as db:
            self.finding, document = db.execute("SELECT id, document FROM finding").fetchone()
        db.close()
        self.document = json.loads(document)

    def report(self, *arguments):
        return self.trapline("report", self.finding, *arguments, status=0).stdout

    def put(self, word):
        """Texts from outside in every place of a finding and of its trial that takes some: word() is one."""
        d = json.loads(json.dumps(self.document))
        axis, minimal = d["trigger"][0]["axis"], d["minimal"]
        other = next(a for a in minimal if a != axis)
        value = word()
        for step in d["path"]:
            if step["variant"].get(other) == minimal[other]:
                step["variant"][other] = value
        for pair in d["decisive"]:
            for side in ("fails", "passes"):
                if pair["axis"] != other:
                    pair[side][other] = value
        minimal[other] = d["baseline"][other] = value
        d.update(case=word(), title=word(), source=word(), message=word(), unit=word(), device=word(),
                 about={"impact": word(), "notes": [word(), word()], "expected_text": word(), "tried": word(), "related": [word()]},
                 others=[{"signature": "1", "title": word(), "outcome": "error", "phase": "execute", "variant": {axis: word()}, "seen": 2}],
                 notes=[{"code": "x", "text": word()}], independent=[word(), word()], reset=[word()], unread=[word()],
                 signature={"id": "77", "title": word(), "coarse_title": word()})
        d["environment"].update(os=word(), cpu=word(), kernel=word(), runtime_version=word(), versions={word(): word()})
        db = sqlite3.connect(self.db)
        with db:
            db.execute("UPDATE finding SET document = ?", (json.dumps(d),))
            db.execute("UPDATE trial SET observed_device = ?", (word(),))
            db.execute("UPDATE thread SET name = ?", (word(),))
            db.execute("UPDATE module SET path = '/x/' || ?", (word().replace("/", "_"),))
            db.execute("UPDATE output SET head = ?, tail = NULL, packed = 0", ((word() + "\n").encode() * 3,))
        db.close()

    def test_lines(self):
        for arguments, most in (([], 110), (["--short"], 60)):
            lines = self.report(*arguments).encode().splitlines()
            self.assertLessEqual(len(lines), most)
            self.assertLessEqual(max(map(len, lines)), WIDTH)
        full = self.report("--full")
        self.assertGreater(len(full.splitlines()), len(self.report().splitlines()) - 20)
        for text in (full, self.report(), self.report("--short")):
            self.assertNotRegex(text, r"(?i)\bunknown\b|\bnone (is|was|in)\b")
        for arguments in (["--short", "--full"], ["--short", "--json"], ["--full", "--format", "junit"], ["--full", "--bundle", self.path("b")],
                          ["--short", "--format", "html", "--bundle", self.path("b")]):
            said = self.trapline("report", self.finding, *arguments, status=2).stderr
            self.assertRegex(said, r"^trapline: .*--(short|full)")
        self.assertFalse(os.path.exists(self.path("b")))
        short = self.report("--short", "--bundle", self.path("b"))
        self.assertLessEqual(len(short.splitlines()), 60)
        self.assertIn("\nsh repro.sh", short)
        self.assertIn("died of SIGSEGV in 3 of 3 runs here", short)
        self.assertIn("## Observed", short)

    # --- Markdown ---

    def parse(self, markdown):
        command = ["cmark-gfm", "--unsafe", "-t", "xml", "--hardbreaks"]
        for name in EXTENSIONS:
            command += ["-e", name]
        done = subprocess.run(command, input=markdown, capture_output=True, text=True, check=True)
        return ET.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", done.stdout))

    def elements(self, markdown):
        """(blocks in their order, inline elements by count, text)"""
        blocks, inline, texts = [], {}, []
        for e in self.parse(markdown).iter():
            tag = e.tag.split("}")[1]
            if tag in ("text", "softbreak", "linebreak"):
                texts.append(e.text or "")
            elif tag == "html_inline":
                self.assertEqual(e.text, "<!-- -->", markdown)
            elif tag == "html_block":
                self.assertRegex(e.text, r"^(<details><summary>[^\n]*</summary>|</details>)\n$", markdown)
                inside = re.sub(r"^<details><summary>|</summary>$", "", e.text.strip()).replace("</details>", "")
                self.assertNotRegex(re.sub(r"<!-- -->|</?code>|</?strong>", "", inside), r"[<>]", markdown)
                texts += re.split(r"<!-- -->|<code>.*?</code>", inside)
                blocks.append("fold" if "<details>" in e.text else "end")
            elif tag in ("code", "strong", "emph", "link", "image", "strikethrough", "footnote_reference", "taskitem"):
                inline[tag] = inline.get(tag, 0) + 1
            else:
                blocks.append(tag + e.get("level", "") + e.get("type", ""))
        return blocks, inline, texts

    @unittest.skipUnless(shutil.which("cmark-gfm"), "cmark-gfm is missing: scripts/packages.sh installs it")
    def test_hostile_text(self):
        for seed in range(FIRST, FIRST + COUNT):
            made = []

            def hostile():
                made.append("".join(chance.choice(PIECES) for _ in range(chance.randint(1, 8))) or "x")
                return made[-1]

            chance = random.Random(seed)
            self.put(hostile)
            got = [self.report(*extent) for extent in EXTENTS]
            words = iter([plain(text) for text in made])
            self.put(lambda: next(words))
            for extent, markdown in zip(EXTENTS, got):
                with self.subTest(seed=seed, extent=extent):
                    blocks, inline, texts = self.elements(markdown)
                    benign, allowed, _ = self.elements(self.report(*extent))
                    if extent == ["--short"]:  # what is longer is cut shorter, so that it fits: blocks may be missing, and none is new
                        self.assertTrue(within(blocks, benign) or within(benign, blocks), (blocks, benign, markdown))
                    else:
                        self.assertEqual(blocks, benign, markdown)
                    for tag, n in inline.items():
                        self.assertLessEqual(n, allowed.get(tag, 0), (tag, markdown))
                    for text in texts:
                        self.assertNotRegex(text, r"@\w|#\d|(?i:\bgh-\d)|:\w+:|(?i:www\.)|://", markdown)

    # --- in a browser ---

    @unittest.skipUnless(browser.find(), "Chromium or chromedriver is missing")
    def test_in_a_browser(self):
        b = browser.Browser()
        self.addCleanup(b.close)
        shots = os.environ.get("TRAPLINE_SCREENSHOTS")
        chance = random.Random(1)
        long_word = "".join(chance.choice(string.ascii_letters) for _ in range(300))
        pages = {"page": self.report("--format", "html"), "short": self.report("--format", "html", "--short"),
                 "full": self.report("--format", "html", "--full")}
        self.put(lambda: long_word + " <script>window.pwned=1</script><img src=x onerror=\"window.pwned=2\"> a b c")
        pages["hostile"] = self.report("--format", "html", "--full")
        for name, html in pages.items():
            path = self.write(name + ".html", html)
            for width in (1280, 390):
                for scheme in ("light", "dark"):
                    b.size(width, 900)
                    b.scheme(scheme)
                    b.open(pathlib.Path(path).as_uri())
                    b.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
                    where = (name, width, scheme)
                    self.assertLessEqual(b.run(OVERFLOW), 0, where)
                    self.assertEqual(b.run(TABLES), [], where)
                    self.assertEqual(b.run(CONTRAST), [], where)
                    self.assertIsNone(b.run("return window.pwned || null"), where)
                    self.assertEqual(b.run("return document.querySelectorAll('script, img').length"), 0, where)
                    if shots:
                        height = b.run("return document.documentElement.scrollHeight")
                        b.size(width, min(height, 8000))
                        b.screenshot(os.path.join(shots, f"report-{name}-{width}-{scheme}.png"))


if __name__ == "__main__":
    # The test harness takes 77 for skipped.
    done = unittest.main(exit=False, verbosity=1).result
    sys.exit(1 if not done.wasSuccessful() else 77 if done.skipped else 0)
