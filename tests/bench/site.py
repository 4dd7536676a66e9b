"""A site of 100,000 trials: site.py TRAPLINE MAKE_DATABASE [TRIALS] [BEFORE]

What it costs to write, how large its files are, and, where there is Chromium with its driver, whether a search for ten things
that stand on pages finds them, how long that takes, and whether it is all to be had with the keyboard and on a phone. BEFORE is
another trapline that reads the same database, to compare with. The exit status is 1 when something is not found, the console
complains, or a file has more than 500 KB."""
import glob
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import browser  # noqa: E402

LARGEST = 500000
DONE = "const f = document.querySelector('.found'); return f && /shown|of \\d+ trials/.test(f.textContent) && f.textContent"


def write(trapline, db, site):
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([trapline, "report", "--site", site, "--db", db, "--json"], check=True, capture_output=True, text=True)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    told = json.loads(done.stdout)
    page = max(os.path.getsize(f) for f in glob.glob(os.path.join(site, "**", "*.html"), recursive=True))
    print("%-40s %5.1f s, %4.1f s of CPU, %5.1f MB in %d files, largest %d bytes, largest page %d" % (
        trapline, wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, told["bytes"] / 1e6, told["files"],
        told["largest"], page))
    return told


class Look:
    def __init__(self, site):
        self.site, self.b, self.wrong = site, browser.Browser(patience=120), []

    def open(self, page):
        self.b.open("about:blank")
        self.b.open("file://" + self.site + "/" + page)

    def text_of(self, page, script):
        self.open(page)
        return self.b.wait(script)

    def things(self):
        """Ten things that stand on pages, read from them: [what it is, the words, a search in everything]."""
        yield "a value of an axis", self.text_of("trials.html", "const v = document.querySelector('.variant'); return v && v.textContent.split(' ')[0]"), False
        for what, index in (("an outcome", 0), ("a failure", 1), ("a case", 2), ("a signal", 3), ("when it was last seen", 8)):
            words = self.text_of("failures.html", "const r = [...document.querySelectorAll('.list tbody tr')].find(r => r.cells[3].textContent.includes("
                                 f"'SIG')); return r && r.cells[{index}].textContent.replace(/^[A-Z] (?=[a-z])/, '').replace(/.*, /, '')")
            yield what, '"%s"' % words if " " in words and index != 1 else words, False
        page = self.text_of("failures.html", "const r = [...document.querySelectorAll('.list tbody tr')].find(r => r.cells[3].textContent.includes("
                            "'SIG')); return r && r.querySelector('a').getAttribute('href')")
        self.open(page)
        yield "a build", self.b.run("return document.querySelector('.build').textContent.split(' ')[0]"), False
        self.open(page)
        yield "a frame of a stack", self.b.run("return document.querySelector('pre[aria-labelledby=stack]').textContent.split('\\n')[2].split(/ +/)[1].split('(')[0]"), True
        self.open("trials.html#outcome=crash")
        self.b.wait(DONE)
        trial = self.b.run("return document.querySelector('#trials tbody a').getAttribute('href')")
        yield "a trial's id", trial.split("#")[1], False
        words = self.text_of(trial, "const p = [...document.querySelectorAll('pre')].find(p => p.ariaLabel === 'stderr'); return p && p.textContent")
        yield "a word of its output", words.split()[-8].strip("'"), True

    def find(self):
        for what, words, everything in list(self.things()):
            began = time.monotonic()
            self.open("trials.html#" + ("in=all&" if everything else "") + "q=" + "".join(c if c.isalnum() else "%%%02X" % ord(c) for c in words))
            said = self.b.wait(DONE)
            first = time.monotonic() - began
            pages = self.b.wait("const h = document.querySelector('.found-pages h2'); return h && h.textContent")
            rows = self.b.run("return document.querySelectorAll('#trials tbody tr').length")
            print("  %-22s %-44s %4.1f s  %s; %s" % (what, words[:44], first, said, pages))
            if not rows:
                self.wrong.append("not found: " + words)

    def keyboard(self):
        """From the head of any page to a trial without a mouse."""
        b = self.b
        self.open("failures.html")
        for _ in range(20):
            b.press("tab")
            if b.run("return document.activeElement.name") == "words":
                break
        b.press(*"SIGSEGV", "enter")
        b.wait(DONE)
        for _ in range(200):
            b.press("tab")
            if b.run("return document.activeElement.matches('#trials tbody th a')"):
                break
        b.press("enter")
        b.wait("return document.querySelector('#trial pre')")
        print("  with the keyboard alone: " + b.run("return document.querySelector('h1').textContent"))

    def phone(self):
        self.b.size(390, 844)
        for page in ("index.html", "failures.html", "trials.html", "trials.html#q=SIGSEGV", "nights.html"):
            self.open(page)
            time.sleep(1)
            if self.b.run(browser.OVERFLOW) > 0:
                self.wrong.append(page + " is wider than 390 pixels")
        print("  on 390 pixels nothing is wider than the screen" if not self.wrong else "  " + "; ".join(self.wrong))


def main():
    trapline, make = sys.argv[1:3]
    trials = sys.argv[3] if len(sys.argv) > 3 else "100000"
    with tempfile.TemporaryDirectory(prefix="trapline-bench-site-") as place:
        db, site = os.path.join(place, "t.db"), os.path.join(place, "site")
        subprocess.run([make, db, trials], check=True)
        if len(sys.argv) > 4:
            write(sys.argv[4], db, os.path.join(place, "before"))
        told = write(trapline, db, site)
        wrong = ["a file has %d bytes" % told["largest"]] if told["largest"] > LARGEST else []
        if browser.find():
            look = Look(site)
            try:
                look.find()
                look.keyboard()
                look.phone()
                wrong += look.wrong + look.b.complaints()
            finally:
                look.b.close()
        print("\n".join(wrong) if wrong else "all of it found, and the console is quiet")
        return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
