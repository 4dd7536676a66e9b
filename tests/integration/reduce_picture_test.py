#!/usr/bin/env python3
"""What a reduction hands to people: the picture of what is left, its report, and the line that says how far it is; and that
trials side by side come to the same."""
import json
import os
import pathlib
import pty
import signal
import subprocess
import sys
import time
import unittest

import browser
from browser import CONTRAST, OVERFLOW
from onnx_bytes import FLOAT, chain, graph, model, node, value
from program import ProgramTest
from reduce_test import RUNNER

HOSTILE = "</text><script>window.pwned=1</script>\x1b[31m\u202eevil"
# Text of the picture that sticks out of its box, and boxes that stand on each other.
OVERLAPS = """
const wrong = [], boxes = [...document.querySelectorAll("svg.tl-graph g > rect:not(.body)")].map(r => r.getBoundingClientRect());
for (const t of document.querySelectorAll("svg.tl-graph g > text")) {
  const b = t.getBoundingClientRect(), box = t.parentElement.querySelector("rect").getBoundingClientRect();
  if (b.left < box.left || b.right > box.right || b.top < box.top || b.bottom > box.bottom) wrong.push(t.textContent);
}
boxes.forEach((a, i) => boxes.slice(i + 1).forEach(b => {
  if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1) wrong.push(`${a.x} ${b.x}`);
}));
return wrong;
"""


class Picture(ProgramTest):
    def setUp(self):
        super().setUp()
        program = "#!%s -IS\nimport json, os, socket, sys, time\n" % sys.executable + RUNNER
        self.unit = self.write("played", program, 0o755) + ":cpu"
        operators = ["Relu"] * 12
        operators[2], operators[9] = "Left", "Right"
        self.model = self.write("two.onnx", chain(operators))

    def reduce(self, path, *arguments, status=1, env=None):
        done = self.trapline("reduce", path, "-u", self.unit, *arguments, status=status, env=env)
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    def test_names_that_nobody_reads_are_cut(self):
        names = {c: c + "x" * 100000 for c in "abxy"}
        content = model(graph([node("Abs", names["x"], names["a"], "nodes." + names["a"]), node("Left", names["a"], names["b"], "nodes." + names["b"]),
                               node("Right", names["b"], names["y"], "right")], [value(names["x"], FLOAT, [4])], [value(names["y"], FLOAT, [4])]))
        path = self.write("names.onnx", content)
        for keep in ([], ["--keep-names"]):
            text = self.reduce(path, "-o", self.path("out%d" % len(keep)), *keep)
            self.assertIn("2 of 3 nodes", text)
            report = pathlib.Path(self.path("out%d" % len(keep), "report.md")).read_text(encoding="utf-8")
            for line in text.splitlines() + report.splitlines():
                self.assertLess(len(line), 500, line[:200])
            self.assertIn("…", report)

    def on_a_terminal(self, *arguments):
        """What it says on stderr while it runs; only a terminal is told at once."""
        master, slave = pty.openpty()
        running = subprocess.Popen(self.command("reduce", self.model, "-u", self.unit, *arguments), env=dict(self.env, TERM="xterm"),
                                   stdout=subprocess.DEVNULL, stderr=slave)
        os.close(slave)
        text = b""
        try:
            while part := os.read(master, 65536):
                text += part
        except OSError: # it has ended
            pass
        os.close(master)
        self.assertEqual(running.wait(timeout=60), 1, text)
        return text.decode()

    def test_the_graph_is_in_the_finding_the_report_and_the_bundle(self):
        progress = self.on_a_terminal("-o", self.path("out"))
        self.assertRegex(progress, r"reduce: [0-9]+ of 12 nodes left; [a-z ]+")
        self.assertRegex(progress, r"(at most|about) [0-9]+ more")
        with open(self.path("out", "reduce.json"), encoding="utf-8") as f:
            found = json.load(f)
        nodes = found["graph"]["nodes"]
        self.assertEqual([n["original"] for n in nodes], ["layers.2.left", "layers.9.right"])
        self.assertEqual([n.get("marked", False) for n in nodes], [False, True])
        self.assertEqual([i["filled"] for i in found["graph"]["inputs"]], ["zeros"])
        self.assertEqual(found["graph"]["inputs"][0]["original"], "x")
        self.assertEqual(found["bytes"], [0, 0])
        svg = pathlib.Path(self.path("out", "graph.svg")).read_text(encoding="utf-8")
        for words in ("layers.2.left", "layers.9.right", "the failure ends here", "prefers-color-scheme"):
            self.assertIn(words, svg)
        report = pathlib.Path(self.path("out", "report.md")).read_text(encoding="utf-8")
        self.assertIn("![figure](graph.svg)", report)
        self.assertIn("each of these nodes was taken away alone", " ".join(report.split()))
        self.assertRegex(report, r"\| between \| 12 \| [0-9]+ \||\| structural \| [0-9]+ \| [0-9]+ \|")
        self.assertIn("with `played ALONE: nothing to follow`", " ".join(report.split()))
        self.assertEqual([l for l in report.splitlines() if len(l.encode()) > 120], [])
        finding = found["finding"]
        # Where it is no file beside the page, Markdown does not name it; the short one and the form of an issue have the nodes.
        self.assertNotIn("graph.svg", self.trapline("report", finding, status=0).stdout)
        self.assertIn("<svg", self.trapline("report", finding, "--format", "html", status=0).stdout)
        short = self.trapline("report", finding, "--short", status=0).stdout
        self.assertIn("`Left` (`layers.2.left`), `Right` (`layers.9.right`)", " ".join(short.split()))
        self.assertLessEqual(len(short.splitlines()), 60)
        self.assertIn("layers.9.right", self.trapline("report", finding, "--for", "onnxruntime", status=0).stdout)
        self.assertIn('name="nodes_left" value="2 of 12"', self.trapline("report", finding, "--format", "junit", status=0).stdout)
        listed = self.trapline("list", "findings", status=0).stdout.splitlines()
        self.assertEqual(len(listed), 1)
        # On a terminal it is as wide as that is.
        utf8 = dict(self.env, LC_ALL="C.UTF-8", COLUMNS="40")
        text = self.reduce(self.model, env=utf8)
        self.assertIn("● Right  layers.9.right", text)
        picture = [l for l in text.splitlines() if l[:1] in "▷○●│"]
        self.assertGreater(len(picture), 4)
        self.assertLessEqual(max(map(len, picture)), 40)
        ascii_only = self.reduce(self.model, env=dict(self.env, LC_ALL="C", COLUMNS="90"))
        lines = ascii_only.splitlines()
        first, last = (next(i for i, l in enumerate(lines) if l.startswith(sign)) for sign in ("> input", "no value"))
        self.assertIn("* Right  layers.9.right  <- the failure ends here", lines)
        "\n".join(lines[first:last]).encode("ascii")

    @unittest.skipUnless(browser.find(), "Chromium or chromedriver is missing")
    def test_in_a_browser(self):
        names = [HOSTILE + str(i) for i in range(6)]
        nodes, last = [], "x"
        for i, name in enumerate(names):
            nodes.append(node("Left" if i == 1 else "Right" if i == 4 else "Relu", last, "%d%s" % (i, name.replace(",", "")), "n" * 3000 + name))
            last = "%d%s" % (i, name)
        path = self.write("evil.onnx", model(graph(nodes, [value("x", FLOAT, [4])], [value(last, FLOAT, [4])])))
        found = self.reduce(path, "--json", "--keep-names", "-o", self.path("out"))
        self.trapline("report", "--site", self.path("site"), status=0)
        pages = {"report": self.path("out", "report.html"), "picture": self.path("out", "graph.svg"),
                 "site": self.path("site", "finding", found["finding"] + ".html")}
        b = browser.Browser()
        self.addCleanup(b.close)
        shots = os.environ.get("TRAPLINE_SCREENSHOTS")
        for name, page in pages.items():
            for width, scheme in ((1280, "light"), (390, "dark")):
                b.size(width, 900)
                b.scheme(scheme)
                b.open(pathlib.Path(page).as_uri())
                where = (name, width, scheme)
                self.assertEqual(b.run("return document.querySelectorAll('svg.tl-graph g.marked').length"), 1, where)
                self.assertEqual(b.run(OVERLAPS), [], where)
                self.assertIsNone(b.run("return window.pwned || null"), where)
                if name != "picture":
                    self.assertLessEqual(b.run(OVERFLOW), 0, where)
                    self.assertEqual(b.run(CONTRAST), [], where)
                if shots:
                    b.screenshot(os.path.join(shots, f"reduction-{name}-{width}-{scheme}.png"))

    def test_side_by_side_it_comes_to_the_same(self):
        results = []
        for jobs in ("1", "3"):
            env = dict(self.env, XDG_STATE_HOME=self.path("state" + jobs))
            done = subprocess.run(self.command("reduce", self.model, "-u", self.unit, "--json", "-j", jobs, db=False) +
                                  ["--db", self.path(jobs + ".db")], env=env, capture_output=True, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            found = json.loads(done.stdout)
            listed = subprocess.run(self.command("list", "trials", "--json", "--limit", "1000", db=False) +
                                    ["--db", self.path(jobs + ".db")], env=env, capture_output=True, check=True)
            trials = [t for t in json.loads(listed.stdout)["trials"] if t["outcome"] != "lost"]
            edits = [json.dumps(t["variant"]) for t in trials if "edits" in t["variant"] and t["variant"]["edits"] != 0]
            self.assertEqual(len(edits), len(set(edits)), "nothing is run twice")
            self.assertEqual(found["cached"], 0)
            with open(found["model"], "rb") as f:
                content = f.read()
            results.append((content, found["nodes"], found["trials"], found["remaining"],
                            [(o["title"], o["trials"]) for o in found["others"]],
                            [(s["step"], s["trials"], s["rejected"], s["invalid"], s["nodes"]) for s in found["steps"]]))
            self.assertLessEqual(found["wasted"], found["speculated"])
            (self.assertEqual if jobs == "1" else self.assertGreater)(found["speculated"], 0)
        self.assertEqual(results[0], results[1])

    def test_stopped_it_says_what_was_reached_and_goes_on(self):
        slow = self.write("slow", "")
        env = dict(self.env, SLOW=slow)
        running = subprocess.Popen(self.command("reduce", self.model, "-u", self.unit, "-j", "2", "--json", "-v"), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        deadline = time.monotonic() + 60
        ended = []
        while len(ended) < 6 and time.monotonic() < deadline:
            time.sleep(0.05)
            done = self.trapline("list", "trials", "--json", "--limit", "1000")
            ended = json.loads(done.stdout)["trials"] if done.returncode == 0 else []
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
        self.assertEqual(running.returncode, 130, err)
        reached = json.loads(out)
        self.assertTrue(reached["interrupted"])
        self.assertFalse(reached["complete"])
        self.assertIn(b"stopped in the step", err)
        self.assertIn(b"the same command goes on", err)
        self.assertIn(reached["model"].encode(), err)
        self.assertEqual(reached["nodes"][0], 12)
        with open(reached["model"], "rb") as f:
            content = f.read()
        self.assertIn(b"Left", content) # it failed with both
        self.assertIn(b"Right", content)
        os.unlink(slow)
        found = self.reduce(self.model, "--json", env=env)
        self.assertEqual(found["nodes"], [12, 2])
        self.assertGreater(found["cached"], 2)
        self.assertEqual(os.listdir(self.path("cache", "trapline", "reduce")), [])


if __name__ == "__main__":
    # The test harness takes 77 for skipped.
    done = unittest.main(exit=False, verbosity=1).result
    sys.exit(1 if not done.wasSuccessful() else 77 if done.skipped else 0)
