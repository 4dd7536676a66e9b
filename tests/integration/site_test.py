"""Sites, as people read them: made from real trials and findings, and opened from the disk in a real browser.

Skipped where there is no Chromium with its driver; with CI=true that is a failure. TRAPLINE_SCREENSHOTS=DIR keeps what the
pages look like. MAKE_DATABASE is the generator of large databases of tests/bench."""
import glob
import json
import os
import pathlib
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

import browser
from browser import CONTRAST, OVERFLOW
from program import CASES, HERE, ProgramTest

ROOT = os.path.dirname(os.path.dirname(HERE))
SEEDS = os.path.join(ROOT, "cases", "seeds")
LARGEST = 500000  # bytes of any file of a site
CRASH = {"phase": "execute", "devices": ["gpu"], "message": "it breaks", "signal": "SIGSEGV", "in": "attention",
         "when": {"axis": "begin_index", "in": ["tensor"]}, "name": "breaks"}
# Text as somebody may leave it in a database who means no good, or as a runtime may when it dies.
HOSTILE = "</script><script>window.pwned=1</script><img src=x onerror=\"window.pwned=2\">'\"`\\ \x07\x1b[31m \u2028\u2029 \u202egnp"

# What a screen reader needs: names for what can be acted upon, one first heading, landmarks, heads of tables.
NAMELESS = """
const wrong = [];
for (const e of document.querySelectorAll("a[href], button, input, select, summary, [tabindex='0']")) {
  const name = e.getAttribute("aria-label") || e.textContent.trim() || (e.labels && e.labels.length && e.labels[0].textContent.trim()) ||
    (e.getAttribute("aria-labelledby") && document.getElementById(e.getAttribute("aria-labelledby")));
  if (!name) wrong.push("no name: " + e.outerHTML.slice(0, 80));
}
for (const e of document.querySelectorAll("[aria-labelledby]"))
  if (!document.getElementById(e.getAttribute("aria-labelledby"))) wrong.push("labelled by nothing: " + e.outerHTML.slice(0, 80));
for (const t of document.querySelectorAll("table"))
  if (!t.querySelector("thead th[scope=col]")) wrong.push("a table without heads");
const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
if (new Set(ids).size !== ids.length) wrong.push("an id twice: " + ids);
for (const s of ["main", "header", "nav[aria-label]", "footer", "h1"])
  if (document.querySelectorAll(s).length < 1) wrong.push("no " + s);
if (document.querySelectorAll("h1").length !== 1) wrong.push("h1 " + document.querySelectorAll("h1").length);
if (document.documentElement.lang !== "en") wrong.push("no language");
return wrong;
"""


def files_of(site):
    return [path for path in glob.glob(os.path.join(glob.escape(site), "**"), recursive=True) if os.path.isfile(path)]


class WithSites(ProgramTest):
    def site(self, name="site", *arguments, status=0, **more):
        path = self.path(name)
        done = self.trapline("report", "--site", path, "--json", *arguments, status=status, **more)
        return path, json.loads(done.stdout) if status == 0 else done.stderr

    def generated(self, trials):
        subprocess.run([os.environ["MAKE_DATABASE"], self.db, str(trials)], check=True, capture_output=True)


class SiteTest(WithSites):
    """Without a browser: what is written, and when."""

    def state(self, site):
        with open(os.path.join(site, "data", "site.json"), encoding="utf-8") as f:
            return json.load(f)

    def test_at_a_symbolic_link(self):
        """As where a web server's directory leads to it: what it leads to is replaced, and the link stays."""
        self.generated(10)
        real, _ = self.site("real")
        os.symlink("real", self.path("link"))
        made = os.stat(real).st_ino
        self.site("link")
        self.assertTrue(os.path.islink(self.path("link")))
        self.assertNotEqual(os.stat(real).st_ino, made, "it is another one")
        os.symlink("nowhere", self.path("broken"))
        self.site("broken", status=2)

    def test_numbers_and_sizes(self):
        self.generated(3000)
        path, told = self.site()
        files = files_of(path)
        self.assertEqual(told["files"], len(files))
        self.assertEqual(told["pages"], sum(f.endswith(".html") for f in files))
        self.assertEqual(told["bytes"], sum(map(os.path.getsize, files)))
        self.assertEqual(told["largest"], max(map(os.path.getsize, files)))
        self.assertLess(told["largest"], LARGEST)
        self.assertEqual((told["site"], told["trials"]), (path, 3000))
        self.assertEqual(told["cases"], len(os.listdir(os.path.join(path, "case"))))
        for folder in ("failure", "finding", "night"):
            self.assertEqual(len(os.listdir(os.path.join(path, folder))), told[folder + "s"], folder)
        with sqlite3.connect(self.db) as db:  # one for each case and what can be compared across builds
            self.assertEqual(told["failures"], db.execute(
                "SELECT count(DISTINCT t.case_name || ' ' || s.coarse_id) FROM trial t JOIN signature s ON s.id = t.signature_id").fetchone()[0])
            self.assertEqual(told["signatures"], db.execute("SELECT count(*) FROM signature").fetchone()[0])
        db.close()
        # Every trial is in both kinds of data file, once.
        db = sqlite3.connect(self.db)
        ids = sorted(row[0] for row in db.execute("SELECT id FROM trial"))
        db.close()
        for kind in ("trials", "lines"):
            text = "".join(pathlib.Path(f).read_text("utf-8") for f in files if os.path.basename(f).startswith(kind + "-"))
            self.assertEqual(sorted(i for i in ids if text.count(f'"{i}",') == 1), ids, kind)
        # What links lead to is there.
        for page in (f for f in files if f.endswith(".html")):
            text = pathlib.Path(page).read_text("utf-8")
            for link in {part.split('"')[0] for part in text.split('href="')[1:]} | {p.split('"')[0] for p in text.split('src="')[1:]}:
                target = link.split("#")[0]
                if target:
                    self.assertTrue(os.path.exists(os.path.join(os.path.dirname(page), target)), (page, link))

    def test_a_database_without_trials_of_its_own(self):
        self.trapline("run", os.path.join(CASES, "misbehave.json"), "-u", "selftest:cpu", "-s", "behaviour=pass", status=0)
        path, told = self.site()
        self.assertEqual((told["trials"], told["signatures"], told["findings"]), (1, 0, 0))
        with open(os.path.join(path, "failures.html"), encoding="utf-8") as f:
            self.assertIn("No trial has failed", f.read())

    def test_what_is_at_the_target(self):
        self.generated(500)
        path, _ = self.site()
        made = self.state(path)
        self.write("site/left-over", "x")
        self.site()  # replaced
        self.assertFalse(os.path.exists(self.path("site/left-over")))
        self.assertGreater(self.state(path)["made_us"], made["made_us"])
        os.mkdir(self.path("empty"))
        self.site("empty")
        os.mkdir(self.path("theirs"))
        self.write("theirs/letter.txt", "dear")
        for name in ("theirs", "trapline.db", "no/such/parent"):
            _, said = self.site(name, status=2)
            self.assertTrue(said.startswith("trapline: cannot write the site: "), said)
        self.assertEqual(os.listdir(self.path("theirs")), ["letter.txt"])
        self.assertEqual(self.trapline("report", "--site", self.path("x"), "abc").returncode, 2)
        self.assertEqual([n for n in os.listdir(self.directory) if ".trapline-" in n], [])

    def test_killed_and_interrupted(self):
        self.generated(500)
        path, _ = self.site()
        made, before = self.state(path), set(files_of(path))
        self.db = self.path("large.db")
        self.generated(30000)
        left = set()
        for number in (signal.SIGKILL, signal.SIGTERM):
            child = self.start("report", "--site", path)
            end = time.monotonic() + 60
            while not {os.path.dirname(f) for f in glob.glob(self.path(".site.trapline-*", "data", "trials-*.js"))} - left:
                self.assertIsNone(child.poll(), "it ended before it could be stopped")
                self.assertLess(time.monotonic(), end)
                time.sleep(0.002)
            child.send_signal(number)
            _, said = child.communicate(timeout=60)
            self.assertEqual(child.returncode, -9 if number == signal.SIGKILL else 130, said)
            self.assertEqual((self.state(path), set(files_of(path))), (made, before))
            left = set(glob.glob(self.path(".site.trapline-*", "data")))
            # What a killed one leaves behind is hidden, and the next one removes it.
            self.assertEqual(len(glob.glob(self.path(".site.trapline-*"))), number == signal.SIGKILL)
        self.site()
        self.assertEqual(self.state(path)["trials"], 30000)
        self.assertEqual(glob.glob(self.path(".site.trapline-*")), [])

    def test_a_full_disk(self):
        """A limit on the size of files fails a write in the middle, as a full disk does."""
        self.generated(3000)
        path, _ = self.site()
        made = self.state(path)

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (200000, 200000))

        done = subprocess.run(self.command("report", "--site", path), env=self.env, capture_output=True, text=True,
                              preexec_fn=limit, restore_signals=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("cannot be written", done.stderr)
        self.assertEqual(self.state(path), made)
        self.assertEqual(glob.glob(self.path(".site.trapline-*")), [])

    def test_nobody_is_named(self):
        self.generated(400)
        with sqlite3.connect(self.db) as db:
            db.execute("UPDATE trial SET message = '/home/alicia/models/x: alicia may not, says mabel-desk' WHERE outcome <> 'pass'")
            db.execute("UPDATE machine SET name = 'mabel-desk.example.org'")
            db.execute("UPDATE environment SET runtime_path = '/Users/tamsin/lib/libx.so'")
            db.execute("UPDATE session SET command = 'trapline run /home/alicia/c.json'")
        db.close()
        secrets = [b"alicia", b"tamsin", b"mabel-desk", b"/home/tester"]
        host = socket.gethostname().encode()
        if len(host) > 3:
            secrets.append(host)
        path, _ = self.site()
        for file in files_of(path):
            text = pathlib.Path(file).read_bytes()
            for secret in secrets:
                self.assertNotIn(secret, text, file)
        path, _ = self.site("kept", "--keep-paths")
        text = b"".join(pathlib.Path(file).read_bytes() for file in files_of(path))
        for secret in secrets[:4]:
            self.assertIn(secret, text)


class PagesTest(WithSites):
    """In a browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not browser.find():
            if os.environ.get("CI") == "true":
                raise AssertionError("chromium and chromedriver are not here: scripts/packages.sh check installs them")
            raise unittest.SkipTest("chromium and chromedriver are not here")
        cls.b = browser.Browser()
        cls.addClassCleanup(cls.b.close)
        cls.large = None

    def setUp(self):
        super().setUp()
        self.b.size(1280, 900)
        self.b.scheme("light")
        self.b.complaints()
        self.b.requests()

    def open(self, path, page="index.html"):
        self.b.open("about:blank")  # so that another fragment is another page
        self.b.open("file://" + path + "/" + page)

    def large_site(self):
        """Of 4,000 trials that nobody changes: made once. The database of this test is theirs."""
        if not PagesTest.large:
            PagesTest.large = tempfile.mkdtemp(prefix="trapline-site-")
            self.addClassCleanup(shutil.rmtree, PagesTest.large, True)
            self.db = os.path.join(PagesTest.large, "large.db")
            self.generated(4000)
            self.site(os.path.join(PagesTest.large, "site"))
        self.db = os.path.join(PagesTest.large, "large.db")
        return os.path.join(PagesTest.large, "site")

    def shot(self, name):
        if os.environ.get("TRAPLINE_SCREENSHOTS"):
            self.b.screenshot(os.path.join(os.environ["TRAPLINE_SCREENSHOTS"], name + ".png"))

    def assert_quiet(self):
        """Nothing in the console, and nothing was asked for but files."""
        self.assertEqual(self.b.complaints(), [])
        asked = self.b.requests()
        self.assertTrue(asked)
        self.assertEqual([url for url in asked if not url.startswith(("file://", "about:"))], [])

    def text(self):
        return self.b.run("return document.querySelector('main').innerText")

    def title(self):
        return self.b.run("return document.querySelector('h1').textContent")

    def real(self):
        """A site of real crashes, a finding, a frontier, and nights between which something changed."""
        misbehave = os.path.join(CASES, "misbehave.json")
        for thread in ("main", "other"):
            for behaviour in ("pass", "null_read", "abort", "error", "assert_failure"):
                self.trapline("run", misbehave, "-u", "selftest:cpu", "-s", "behaviour=" + behaviour, "-s", "thread=" + thread)
        self.trapline("isolate", os.path.join(SEEDS, "kv-write.json"), "-u", "sim@26A5353q:gpu", status=1)
        self.trapline("isolate", os.path.join(CASES, "threshold.json"), "-u", "selftest:cpu", "--frontier", "layers,width", status=1)
        os.mkdir(self.path("profiles"))
        self.env["TRAPLINE_PROFILES"] = self.path("profiles")
        for build, rules in (("1.0", []), ("2.0", [CRASH])):
            self.write(f"profiles/{build}.json", json.dumps(
                {"trapline_profile": 1, "name": build, "title": "made by a test", "rules": rules}))
        self.case("kv", {"family": "decoder"}, [
            {"name": "layers", "range": [1, 9]}, {"name": "kv_write", "choices": ["concat", "scatter"]},
            {"name": "begin_index", "choices": ["none", "tensor"]}],
            failing={"layers": 4, "kv_write": "scatter", "begin_index": "tensor"})
        for build, status in (("1.0", 0), ("2.0", 1)):
            suite = self.write("suite.json", json.dumps(
                {"trapline": 1, "suite": "drops", "cases": ["kv.json"], "units": [f"sim@{build}:gpu"]}))
            self.trapline("nightly", suite, status=status)
        path, _ = self.site()
        return path

    def test_a_walk_through_it(self):
        path, b = self.real(), self.b
        self.open(path)
        # What changed comes first: before the table, and with words.
        first = self.b.run("return document.querySelector('main section h2').textContent")
        self.assertEqual(first, "What changed in drops")
        self.assertIn("new failure", self.text())
        self.assertLess(self.text().index("What changed"), self.text().index("Cases by units"))
        # The failing variant and the baseline are told apart: what always crashes is not "1/2".
        cell = b.run("return [...document.querySelectorAll('.matrix tbody tr')].find(r => r.cells[0].textContent === 'kv').querySelector("
                     "'td[data-o*=C]').innerText")
        self.assertRegex(" ".join(cell.split()), r"^C (\d+)/\1 failing P \d+ baseline\b")
        self.shot("overview")
        # An earlier night has its page.
        b.click_link("Nights")
        self.assertEqual(b.run("return [...document.querySelectorAll('.list tbody tr')].map(r => r.cells[5].innerText)"), ["▲ worse", "first run"])
        b.run("document.querySelectorAll('.list tbody th a')[1].click()")
        b.wait("return document.querySelector('h1').textContent === 'Run 1 of drops'")
        self.assertIn("there is no earlier run", self.text())
        b.click_link("Overview")
        # Overview, case, cell, trial.
        b.click_link("misbehave")
        self.assertEqual(self.title(), "misbehave")
        self.assertIn("Over builds", self.text())
        self.shot("case")
        cell = ".matrix td[data-o*=C] a"
        self.assertIn("crash", b.run(f"return document.querySelector('{cell}').title"))
        b.click(cell)
        b.wait("return document.querySelectorAll('#trials tbody tr').length === 1")
        self.assertIn("case=misbehave", b.url())
        b.click("#trials tbody th a")
        b.wait("return document.querySelector('#trial pre')")
        self.assertIn("Run it again", self.text())
        for words in ("device asked for", "device observed", "peak memory", "exit status", "Environment", "took the signal"):
            self.assertIn(words, self.text())
        self.shot("trial")
        # Its failure, and back again to where we came from.
        trial = b.url()
        b.click("#trial dd a[href^=failure]")
        self.assertIn("Where", self.text())
        self.assertIn("misbehave", self.text())
        self.shot("failure")
        b.click(".list th[scope=row] a[href*='trial.html']")
        b.wait("return document.querySelector('#trial pre')")
        for _ in range(2):
            b.back()
        b.wait("return document.querySelector('#trial pre')")
        self.assertEqual(b.url(), trial)
        b.back()
        b.wait("return document.querySelectorAll('#trials tbody tr').length === 1")
        b.back()
        self.assertEqual(self.title(), "misbehave")
        b.back()
        self.assertIn("What changed", self.text())
        # The frontier is drawn: its corner, and what was tried around it.
        b.click_link("threshold")
        drawn = b.run("const f = document.querySelector('figure'); return [f.querySelectorAll('.region path').length, "
                      "[...f.querySelectorAll('title')].map(t => t.textContent)]")
        self.assertEqual(drawn[0], 1)
        self.assertIn("layers=17, width=1 fails in this way", drawn[1])
        self.assertIn("layers=16, width=1 passes", drawn[1])
        self.shot("frontier")
        # Findings: the list, the report, and the trial that stands for it.
        b.click_link("Findings")
        b.run("[...document.querySelectorAll('.list th a')].find(a => a.textContent.includes('SIGTRAP')).click()")
        b.wait("return document.querySelector('.report')")
        self.assertIn("How to reproduce", self.text())
        self.assertIn("sim", self.title())
        self.shot("finding")
        b.click_link("the trial that stands for it")
        b.wait("return document.querySelector('#trial pre')")
        self.assertIn("SIGTRAP", self.text())
        self.assert_quiet()

    def test_the_command_that_runs_it_again(self):
        """It does what the page says: the same trial, from the page's own text."""
        path = self.real()
        trial = next(t for t in self.listed("trials", "--case", "misbehave", "--limit", "50")["trials"]
                     if t["signal"] == "SIGSEGV" and t["variant"]["thread"] == "other")
        self.open(path, "trial.html#" + trial["id"])
        commands = self.b.wait("return [...document.querySelectorAll('pre')].filter(p => p.ariaLabel === 'Commands').map(p => "
                               "p.textContent)[0]")
        here = self.path("again")
        os.mkdir(here)
        os.mkdir(os.path.join(here, "bin"))
        os.symlink(self.command()[0], os.path.join(here, "bin", "trapline"))
        env = dict(self.env, XDG_STATE_HOME=here, PATH=os.path.join(here, "bin") + os.pathsep + os.environ["PATH"])
        os.mkdir(os.path.join(here, "trapline"))
        shutil.copy(self.db, os.path.join(here, "trapline", "trapline.db"))
        done = subprocess.run(["sh", "-ec", commands + " --json"], cwd=here, env=env, capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        again = json.loads(done.stdout)["trials"][0]
        self.assertEqual((again["outcome"], again["signature"]["id"], again["variant"]),
                         (trial["outcome"], trial["signature"]["id"], trial["variant"]))

    def test_folding(self):
        path = self.real()
        trial = next(t for t in self.listed("trials", "--case", "misbehave", "--limit", "50")["trials"]
                     if t["signal"] == "SIGSEGV" and t["variant"]["thread"] == "other")
        self.open(path, "trial.html#" + trial["id"])
        crashed = self.b.wait("return [...document.querySelectorAll('section pre')].map(p => p.textContent)[0]")
        self.assertIn("null_read", crashed)
        fold = self.b.wait("return [...document.querySelectorAll('details')].findIndex(d => d.textContent.startsWith('thread')) + 1") - 1
        self.assertFalse(self.b.run("return document.querySelectorAll('details')[arguments[0]].querySelector('pre')", fold))
        self.b.run("document.querySelectorAll('details')[arguments[0]].querySelector('summary').focus()", fold)
        self.b.press("enter")
        other = self.b.wait("const p = document.querySelectorAll('details')[arguments[0]].querySelector('pre'); return p && p.textContent",
                            fold)
        self.assertNotEqual(other, crashed)
        self.assertIn("#0", other)
        self.assert_quiet()

    def test_filters(self):
        path, b = self.large_site(), self.b
        visible = "return [...document.querySelectorAll('.matrix tbody tr')].filter(r => !r.hidden).length"
        self.open(path)
        self.assertEqual(b.run(visible), 40)
        b.type("input[name=q]", "einsum")
        self.assertEqual(b.run(visible), 2)
        self.assertIn("#q=einsum", b.url())
        self.assertEqual(b.run("return document.querySelector('.found').textContent"), "2 of 40 rows")
        # The address alone gives the same again; unit and outcome narrow it to what is so.
        self.open(path, "index.html#q=einsum&outcome=crash&unit=sim%4026A5368g%3Agpu")
        with sqlite3.connect(self.db) as db:
            wanted = db.execute("SELECT count(DISTINCT case_name) FROM tally WHERE case_name LIKE '%einsum%' AND outcome = 'crash' "
                                "AND unit = 'sim@26A5368g:gpu'").fetchone()[0]
        db.close()
        self.assertEqual(b.run(visible), wanted)
        self.assertEqual(b.run("return [...document.querySelectorAll('.matrix thead th')].filter(h => !h.hidden).length"), 2)
        b.click("form.filter button[type=reset]")
        b.wait(visible + " === 40")
        # All trials: each filter agrees with the program.
        for fragment, arguments in (
                ("", []), ("outcome=crash", ["--outcome", "crash"]), ("case=einsum", ["--case", "einsum"]),
                ("case=top-k&unit=sim%4026A5353q:ane", ["--case", "top-k", "--unit", "sim@26A5353q:ane"]),
                ("outcome=failure&case=kv-write", ["--case", "kv-write", "--outcome", "crash,hang,oom,error,wrong,fallback,lost"])):
            wanted = len(self.listed("trials", "--limit", "10000", *arguments)["trials"])
            self.open(path, "trials.html#" + fragment)
            shown = b.wait("const t = document.querySelector('.found').textContent; return /shown|of \\d+ trials/.test(t) && t")
            self.assertEqual(b.run("return document.querySelectorAll('#trials tbody tr').length"), min(wanted, 200), fragment)
            if wanted <= 200:
                self.assertTrue(shown.startswith(f"{wanted} of "), shown)
        # A long list goes on when it is asked to, to its end.
        total = len(self.listed("trials", "--limit", "10000", "--outcome", "pass")["trials"])
        self.assertGreater(total, 400)
        self.open(path, "trials.html#outcome=pass")
        for shown in (200, 400):
            b.wait("return !document.querySelector('.more').hidden && document.querySelectorAll('#trials tbody tr').length === "
                   "arguments[0]", shown)
            b.click(".more")
        self.open(path, "trials.html#outcome=crash")
        b.type("#trials input[name=q]", "ScatterND")
        b.wait("return [...document.querySelectorAll('#trials tbody tr')].every(r => /scatternd/i.test(r.textContent)) && /of|shown/.test("
               "document.querySelector('.found').textContent)")
        self.assertIn("q=ScatterND", b.url())
        self.assert_quiet()

    def test_places_are_one_failure(self):
        """A failure is at another place in every build; its row is one, and what is looked for in its trials is all of it."""
        self.generated(600)
        with sqlite3.connect(self.db) as db:
            name, first, second = db.execute(
                "SELECT a.case_name, a.signature_id, b.signature_id FROM tally a JOIN tally b USING(case_name) JOIN signature s ON s.id = "
                "a.signature_id JOIN signature t ON t.id = b.signature_id WHERE s.id < t.id AND s.coarse_id <> t.coarse_id LIMIT 1").fetchone()
            db.execute("UPDATE signature SET coarse_id = (SELECT coarse_id FROM signature WHERE id = ?1), coarse_title = 'one of many places' "
                       "WHERE id IN (?1, ?2)", (first, second))
            wanted = db.execute("SELECT count(*) FROM trial WHERE case_name = ? AND signature_id IN (?, ?)", (name, first, second)).fetchone()[0]
        db.close()
        path, b = self.site()[0], self.b
        self.open(path, "failures.html")
        rows = b.run("return [...document.querySelectorAll('.list tbody tr')].filter(r => r.innerText.includes('one of many places') && "
                     "r.cells[2].innerText === arguments[0]).map(r => r.cells[4].innerText)", name)
        self.assertEqual(rows, [str(wanted)])
        b.run("[...document.querySelectorAll('.list tbody tr')].find(r => r.innerText.includes('one of many places') && "
              "r.cells[2].innerText === arguments[0]).querySelector('th a').click()", name)
        b.wait("return document.querySelector('h1').textContent === 'one of many places'")
        self.assertIn("It shows at 2 places", self.text())
        b.click_link(f"All {wanted} trials of this failure")
        b.wait("return document.querySelector('.found').textContent.startsWith(arguments[0])", f"{wanted} of ")

    def test_words_and_order(self):
        """What stands on a page is found, and a table is in the order that is asked for."""
        path, b = self.large_site(), self.b
        done = "const t = document.querySelector('.found'); return t && /shown|of \\d+ trials/.test(t.textContent)"
        # From the head of any page; by words in any order, and what cannot be seen in one word.
        self.open(path, "failures.html")
        b.type("input[name=words]", "layers=24 crash SIGSEGV")
        b.press("enter")
        b.wait(done)
        rows = b.run("return [...document.querySelectorAll('#trials tbody tr')].map(r => r.innerText)")
        self.assertTrue(rows)
        for row in rows:
            for word in ("layers=24", "crash", "SIGSEGV"):
                self.assertIn(word, row)
        # A number is all of it.
        self.open(path, "trials.html#q=layers=4")
        b.wait(done)
        self.assertEqual(b.run("return [...new Set([...document.querySelectorAll('.variant')].map(v => v.innerText.split(' ')[0]))]"), ["layers=4"])
        # Pages too, by what is on them: a build, a frame of a stack, a message, an axis of a case.
        one = "return [...document.querySelectorAll('.hits a')].map(a => a.getAttribute('href'))"
        for words, kind in (("26A5368g", "failure/"), ("libpart-", "finding/"), ('"shape mismatch"', None), ("int4_block resize-cubic", "case/")):
            self.open(path, "trials.html#q=" + words.replace(" ", "%20"))
            b.wait(done)
            if kind:
                b.wait("return document.querySelector('.hits')")
                b.run("const m = [...document.querySelectorAll('.found-pages .more')][0]; if (m) m.click()")
                self.assertTrue(any(href.startswith(kind) for href in b.run(one)), words)
            else:
                self.assertTrue(b.run("return document.querySelector('#trials tbody tr')"), words)
        # What only a trial itself shows: its output.
        self.open(path, "trials.html#in=all&q=RemoveUnusedInitializers")
        b.wait(done)
        self.assertEqual(b.run("return document.querySelectorAll('#trials tbody tr').length"), 200)
        # Of one variant only, where a cell led there, and in the order that is asked for.
        shown = b.run("return document.querySelector('#trials tbody a').getAttribute('href').split('#')[1]")
        with sqlite3.connect(self.db) as db:
            variant, = db.execute("SELECT variant_hash FROM trial WHERE id = ?", (shown,)).fetchone()
        db.close()
        self.open(path, f"trials.html#in=all&q=RemoveUnusedInitializers&sort=time&v={variant[:12]}")
        b.wait(done)
        shown = b.run("return [...document.querySelectorAll('#trials tbody .variant')].map(t => t.textContent)")
        self.assertEqual(len(set(shown)), 1, shown[:3])
        # The newest first, and in any other order of all of them.
        started = "return [...document.querySelectorAll('#trials tbody time')].map(t => t.dateTime)"
        with sqlite3.connect(self.db) as db:
            bounds = db.execute("SELECT max(started_us), min(started_us), max(wall_s) FROM trial").fetchone()
        db.close()
        self.open(path, "trials.html")
        b.wait(done)
        times = b.run(started)
        self.assertEqual(times, sorted(times, reverse=True))
        self.assertEqual(b.run("return Date.parse(arguments[0])", times[0]), bounds[0] // 1000)
        b.click("#trials thead th:first-child button")
        b.wait("const t = document.querySelector('#trials tbody time'); return t && Date.parse(t.dateTime) === arguments[0]", bounds[1] // 1000)
        self.assertIn("sort=started", b.url())
        b.click("#trials thead th:nth-child(7) button")
        b.wait("const n = document.querySelector('#trials tbody td.n'); return n && parseFloat(n.textContent) === arguments[0]",
               float(f"{bounds[2]:.3g}"))
        # Tables that are there already: numbers as numbers, and back.
        self.open(path, "failures.html")
        for order in (True, False):
            b.run("[...document.querySelectorAll('thead button')].find(b => b.textContent === 'trials').click()")
            counts = b.run("return [...document.querySelectorAll('.list tbody tr')].map(r => +r.cells[4].textContent)")
            self.assertEqual(counts, sorted(counts, reverse=order))
        self.assert_quiet()

    def test_keyboard(self):
        path, b = self.large_site(), self.b
        self.open(path)
        b.press("tab")
        self.assertEqual(b.run("return document.activeElement.textContent"), "To the content")
        b.press("enter")
        self.assertEqual(b.run("return document.activeElement.id"), "main")
        # Every kind of thing that can be acted upon is reached, and it is to be seen where one is.
        self.open(path)
        reached, unseen = set(), set()
        for _ in range(60):
            b.press("tab")
            kind, seen = b.run("const e = document.activeElement, s = getComputedStyle(e); return [e.tagName + '.' + (e.name || e.className), "
                               "s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1]")
            reached.add(kind)
            if not seen:
                unseen.add(kind)
        for kind in ("A.skip", "A.brand", "INPUT.words", "INPUT.q", "SELECT.outcome", "SELECT.unit", "DIV.wide", "BUTTON.sort", "A.roles"):
            self.assertIn(kind, reached)
        self.assertEqual(unseen, set())

    def test_sizes_schemes_and_readers(self):
        path, b = self.real(), self.b
        trial = self.listed("trials", "--outcome", "crash", "--limit", "1")["trials"][0]
        pages = [os.path.relpath(f, path) for f in files_of(path) if f.endswith(".html") and not f.endswith("trial.html")]
        failures = sorted(p for p in pages if p.startswith("failure/"))  # of which four show what all of them do
        pages = [p for p in pages if p not in failures[4:]]
        pages.append("trial.html#" + trial["id"])
        for page in pages:
            for width in (1280, 390):
                for scheme in ("light", "dark"):
                    b.size(width, 900)
                    b.scheme(scheme)
                    self.open(path, page)
                    if page.startswith("trial.html"):
                        b.wait("return document.querySelector('#trial pre')")
                    elif page == "trials.html":
                        b.wait("return document.querySelector('#trials tbody tr')")
                    where = (page, width, scheme)
                    self.assertLessEqual(b.run(OVERFLOW), 0, where)
                    self.assertEqual(b.run(CONTRAST), [], where)
                    self.assertEqual(b.run(NAMELESS), [], where)
                    ground = b.run("return getComputedStyle(document.body).backgroundColor")
                    self.assertEqual(ground == "rgb(255, 255, 255)", scheme == "light")
                    if page in ("index.html", "trials.html") or page.startswith(("case/misbehave", "trial.html")):
                        self.shot(f"{page.split('#')[0].replace('/', '-')}-{width}-{scheme}")
        self.assert_quiet()

    def test_without_scripts(self):
        path, b = self.real(), self.b
        b.scripts(False)
        self.addCleanup(b.scripts, True)
        for page, words in (("index.html", "misbehave"), ("case/misbehave.html", "null_read"), ("failures.html", "SIGSEGV"),
                            ("findings.html", "kv-write"), ("trials.html", "needs JavaScript"), ("trials.html", "null_read"), ("nights.html", "drops"), ("trial.html", "trapline show ID")):
            self.open(path, page)
            self.assertIn(words, b.do("GET", f"/element/{b.find('main')}/text"), page)

    def test_hostile_text(self):
        self.generated(300)
        long_title = HOSTILE + " x" * 200000
        with sqlite3.connect(self.db) as db:
            db.execute("UPDATE trial SET message = ?, command = ?, error_code = ?", (HOSTILE, HOSTILE, HOSTILE))
            db.execute("UPDATE trial SET message = CAST(x'ff3c2f7363726970743e80c0' AS TEXT) WHERE n % 3 = 0")
            db.execute("UPDATE trial SET observed_device = ? WHERE n % 2 = 0", (HOSTILE,))
            db.execute("UPDATE signature SET title = ? || id", (long_title,))
            db.execute("UPDATE output SET head = ?, packed = 0", (HOSTILE.encode() + b"\xff\xfe\x00</pre>",))
            db.execute("UPDATE stack SET symbols = NULL")
            db.execute("UPDATE module SET path = '/x/' || ?", (HOSTILE,))
            db.execute("UPDATE environment SET runtime_version = ?, runner_version = ?", (HOSTILE, HOSTILE))
            db.execute("UPDATE thread SET name = ?", ("</script>\x01",))
            for table, column in (("trial", "case_name"), ("tally", "case_name"), ("case_file", "name"), ("finding", "case_name")):
                db.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = 'einsum'", (HOSTILE,))
            variant = json.dumps({"layers": HOSTILE, HOSTILE: "</td><script>window.pwned=3</script>"})
            db.execute("UPDATE variant SET json = ?", (variant,))
            document = json.loads(db.execute("SELECT document FROM finding LIMIT 1").fetchone()[0])
            document.update(case=HOSTILE, outcome=HOSTILE, phase=HOSTILE, signature={"id": document["signature"]["id"], "title": HOSTILE},
                            notes=[{"code": "x", "text": HOSTILE}])
            db.execute("UPDATE finding SET document = ?", (json.dumps(document),))
        db.close()
        path, told = self.site()
        self.assertLess(told["largest"], LARGEST)
        # A site of the program's own, so that what is counted is exact.
        scripts = {"index.js", "site.js", "search.js"}
        for file in files_of(path):
            text = pathlib.Path(file).read_bytes().decode("utf-8")  # all of it
            if file.endswith(".html"):
                sources = [os.path.basename(p.split('"')[0]) for p in text.split("<script src=\"")[1:]]
                self.assertEqual(text.count("<script"), len(sources), file)
                self.assertLessEqual(set(sources), scripts)
                self.assertNotIn("<img", text)
            elif file.endswith(".js") and "data" in file:
                for bad in ("<", ">", "\u2028", "\u2029", "\x07", "\x1b"):
                    self.assertNotIn(bad, text, file)
            self.assertNotIn("\u202e", text, file)
        b = self.b
        trial = self.listed("trials", "--outcome", "crash", "--limit", "1")["trials"][0]
        pages = ["index.html", "failures.html", "findings.html", "trials.html", "trial.html#" + trial["id"]]
        pages += ["trial.html#" + HOSTILE.replace("\x07", "").replace("\x1b", "").split("\u2028")[0], "trials.html#q=%3Cscript%3E&case=%zz"]
        for folder in ("case", "failure", "finding"):
            pages += [os.path.relpath(f, path) for f in files_of(os.path.join(path, folder))][:6]
        pages += [os.path.relpath(f, path) for f in files_of(os.path.join(path, "case")) if "." in os.path.basename(f)[:-5]]
        for page in pages:
            b.size(390, 900)
            self.open(path, page)
            if page == pages[4]:
                b.wait("return document.querySelector('#trial pre')")
                self.assertIn("</script><script>window.pwned=1</script>", self.text())
            self.assertIsNone(b.run("return window.pwned || null"), page)
            self.assertEqual(b.run("return document.querySelectorAll('main script, main img').length"), 0, page)
            self.assertLessEqual(b.run(OVERFLOW), 0, page)
        self.assert_quiet()
        # The hostile case leads somewhere, too.
        self.open(path)
        b.run("[...document.querySelectorAll('.matrix th a')].find(a => a.textContent.includes('pwned')).click()")
        b.wait("return document.querySelector('h1').textContent.includes('pwned')")
        b.click(".matrix td[data-o] a")
        b.wait("return document.querySelector('#trials tbody tr')")


if __name__ == "__main__":
    # The test harness takes 77 for skipped; what needs no browser is tested in any case.
    done = unittest.main(exit=False, verbosity=1).result
    sys.exit(1 if not done.wasSuccessful() else 77 if done.skipped else 0)
