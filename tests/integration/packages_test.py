"""What is installed: that its prefix can be moved, that it can be taken back, and that it starts at once."""
import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import unittest

from program import HERE, SANITIZED, TRAPLINE, ProgramTest

ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.dirname(os.path.dirname(os.path.dirname(TRAPLINE)))
INSTALL = os.path.join(ROOT, "scripts", "install.py")


def run_install(*arguments):
    return subprocess.run([sys.executable, INSTALL, *arguments], capture_output=True, text=True, timeout=120)


def everything(directory):
    return sorted(os.path.relpath(os.path.join(folder, name), directory) for folder, folders, names in os.walk(directory)
                  for name in folders + names)


class InstalledTest(ProgramTest):
    def test_moved_and_taken_back(self):
        stage = self.path("stage")
        os.makedirs(os.path.join(stage, "usr"))
        for _ in range(2): # the second time everything is there
            done = run_install("install", BUILD, "", stage)
            self.assertEqual(done.returncode, 0, done.stderr)
        [prefix] = [folder for folder, _, names in os.walk(stage) if os.path.basename(folder) == "bin" and "trapline" in names]
        prefix = os.path.dirname(prefix)
        self.assertNotEqual(prefix, stage)
        moved = self.path("moved to", "another place")
        os.mkdir(self.path("moved to"))
        os.rename(prefix, moved)
        self.check_moved(moved)
        with open(os.path.join(moved, "share", "a file of somebody else"), "w"):
            pass
        done = run_install("uninstall", "-", moved)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(everything(self.path("moved to")), ["another place", "another place/share",
                                                              "another place/share/a file of somebody else"])
        done = run_install("uninstall", "-", moved)
        self.assertEqual(done.returncode, 1)
        self.assertIn("is not there: `make install` writes it", done.stderr)

    def check_moved(self, prefix):
        """Everything comes from where the program is now, and nothing from where it was built or installed first."""
        def moved(*arguments):
            return subprocess.run([os.path.join(prefix, "bin", "trapline"), *arguments], env=self.env, capture_output=True, text=True,
                                  timeout=60)
        cases = json.loads(moved("list", "cases", "--json").stdout)["cases"]
        self.assertGreater(len(cases), 10)
        for case in cases:
            self.assertTrue(case["path"].startswith(os.path.join(prefix, "share", "trapline", "cases") + os.sep), case["path"])
        case = os.path.join(prefix, "share", "trapline", "cases", "selftest", "misbehave.json")
        done = moved("run", case, "-u", "selftest:cpu", "--json", "--db", self.db)
        self.assertEqual(done.returncode, 1, done.stderr)
        [trial] = json.loads(done.stdout)["trials"]
        command = json.loads(moved("show", trial["id"], "--json", "--db", self.db).stdout)["command"]
        self.assertEqual(command, [os.path.join(prefix, "libexec", "trapline", "runners", "trapline-selftest")])
        # The simulated runtime has its profiles from there as well.
        done = subprocess.run([os.path.join(prefix, "libexec", "trapline", "runners", "trapline-sim"), "--list"], env=self.env,
                              capture_output=True, text=True, timeout=60)
        self.assertRegex(done.stdout, r"profiles: \S+")

    def test_refused(self):
        for arguments, words in ((("install", BUILD, "relative"), "absolute paths"), (("install", BUILD, "", "relative"), "absolute paths"),
                                 (("uninstall", "-", "/nonexistent/prefix"), "is not there"), ((), "install|uninstall")):
            done = run_install(*arguments)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(words, done.stderr)

    def test_no_room(self):
        """An install that ends in between is taken back as a whole one is."""
        stage = self.path("stage")
        os.makedirs(os.path.join(stage, "usr"))
        done = subprocess.run([sys.executable, INSTALL, "install", BUILD, "", stage], capture_output=True, text=True, timeout=120,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300000, 300000)))
        self.assertNotEqual(done.returncode, 0)
        self.assertTrue(any("trapline" in name for name in everything(stage)))
        [listed] = [name for name in everything(stage) if name.endswith("share/trapline/installed")]
        done = run_install("uninstall", "-", "/" + listed.removesuffix("share/trapline/installed"), stage)
        self.assertEqual((done.returncode, done.stderr, everything(stage)), (0, "", ["usr"]))

    def test_a_list_that_leads_out(self):
        """Nothing outside of the prefix is removed, whatever the list says."""
        os.makedirs(self.path("p", "share", "trapline"))
        victim = self.write("victim", "")
        self.write("p/share/trapline/installed", "share/trapline/installed\n../victim\n")
        self.assertEqual(run_install("uninstall", "-", self.path("p")).returncode, 1)
        self.assertTrue(os.path.exists(victim))
        self.assertTrue(os.path.exists(self.path("p", "share", "trapline", "installed")))

    def test_a_list_of_directories_that_leads_out(self):
        """A directory above the prefix goes where it is empty, and what lies in it stays; any other is not touched."""
        for name in ("a/p/share/trapline", "a/__pycache__", "beside/__pycache__"):
            os.makedirs(self.path(name))
        installed = "share/trapline/installed\nshare/trapline/\nshare/\n./\n../\n"
        self.write("a/__pycache__/other.pyc", "")
        self.write("a/p/share/trapline/installed", installed + "../../beside/\n")
        self.assertEqual(run_install("uninstall", "-", self.path("a", "p")).returncode, 1)
        self.assertTrue(os.path.exists(self.path("a", "p", "share", "trapline", "installed")))
        self.assertTrue(os.path.exists(self.path("beside", "__pycache__")))
        self.write("a/p/share/trapline/installed", installed)
        self.assertEqual(run_install("uninstall", "-", self.path("a", "p")).returncode, 0)
        self.assertEqual(everything(self.path("a")), ["__pycache__", "__pycache__/other.pyc"])
        # What it was moved into was made by somebody else.
        for at, left in (("@/opt/p", ["q"]), ("@" + self.path("b", "q", "p"), [])):
            os.makedirs(self.path("b/q/p/share/trapline"))
            self.write("b/q/p/share/trapline/installed", installed + at + "\n")
            self.assertEqual(run_install("uninstall", "-", self.path("b", "q", "p")).returncode, 0)
            self.assertEqual(everything(self.path("b")), left)


class StartTest(unittest.TestCase):
    @unittest.skipIf(SANITIZED or not sys.platform.startswith("linux"), "sanitizers and other systems load what is linked")
    def test_large_libraries_are_loaded_late(self):
        """A function of one of them that harness/cli/late_linux.c does not hand on makes the loader bring all of it at each start."""
        text = subprocess.run(["readelf", "-dW", TRAPLINE], check=True, capture_output=True, text=True).stdout
        needed = re.findall(r"NEEDED.*\[(.*)\]", text)
        late = subprocess.run([sys.executable, os.path.join(ROOT, "scripts", "late_libraries.py"), TRAPLINE], check=True,
                              capture_output=True, text=True).stdout.split()
        self.assertGreaterEqual({re.sub(r"\..*", "", name) for name in late}, {"libarchive", "libcrypto"})
        self.assertEqual([name for name in needed if name in late], [])
        self.assertIn("libsqlite3.so.0", needed)

    @unittest.skipIf(SANITIZED or not sys.platform.startswith("linux"), "sanitizers and other systems load what is linked")
    def test_a_library_that_is_missing_is_said_before_anything_begins(self):
        with tempfile.TemporaryDirectory() as here:
            with open(os.path.join(here, "libcrypto.so.3"), "wb"):
                pass
            for words, status, said in ((["list", "findings"], 3, "libcrypto.so.3 is needed"), (["--version"], 0, "")):
                done = subprocess.run([TRAPLINE, *words], env={**os.environ, "LD_LIBRARY_PATH": here}, capture_output=True, text=True)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertIn(said, done.stderr)

    def test_one_version(self):
        """The one of meson.build is that of the program and of the Debian package."""
        version = subprocess.run([TRAPLINE, "--version"], check=True, capture_output=True, text=True).stdout.split()[1]
        with open(os.path.join(ROOT, "debian", "changelog"), encoding="utf-8") as f:
            self.assertEqual(f.readline().split()[:2], ["trapline", f"({version})"])

    def test_one_maintainer(self):
        """The Debian package names nobody's machine."""
        for name in ("control", "changelog"):
            with open(os.path.join(ROOT, "debian", name), encoding="utf-8") as f:
                self.assertEqual(set(re.findall(r"<(.*?@.*?)>", f.read())), {"trapline@example.org"})


class FormulaTest(ProgramTest):
    def formula(self, url, tarball, status):
        done = subprocess.run([sys.executable, os.path.join(ROOT, "scripts", "formula.py"), url, tarball], capture_output=True, text=True)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def test_formula(self):
        """What Homebrew would read: the release and its content, and the libraries that are installed for a build by hand."""
        version = subprocess.run([TRAPLINE, "--version"], check=True, capture_output=True, text=True).stdout.split()[1]
        url = f"https://example.org/trapline/releases/trapline-{version}.tar.gz"
        tarball = self.write("release.tar.gz", "a release")
        formula = self.write("trapline.rb", self.formula(url, tarball, 0).stdout)
        if not shutil.which("ruby"):
            self.skipTest("ruby is not installed")
        done = subprocess.run(["ruby", "-w", os.path.join(ROOT, "packaging", "homebrew", "check.rb"), formula], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        said = json.loads(done.stdout)
        self.assertEqual((said["url"], said["sha256"]), ([url], [hashlib.sha256(b"a release").hexdigest()]))
        self.assertEqual((said["homepage"], said["license"]), (["https://example.org/trapline"], ["MIT"]))
        self.assertLess(len(said["desc"][0]), 80) # as `brew audit` wants it
        self.assertFalse(re.match(r"(A|An|The) |.*trapline", said["desc"][0]))
        with open(os.path.join(ROOT, "scripts", "packages.sh"), encoding="utf-8") as f:
            by_hand = re.search(r'^homebrew="([^"]*)"', f.read(), re.M).group(1).split()
        self.assertEqual(sorted(said["depends_on"] + said["uses_from_macos"]), sorted(by_hand + ["python"]))

    def test_refused(self):
        tarball = self.write("release.tar.gz", "")
        self.assertIn("was expected", self.formula("https://example.org/trapline-9.tar.gz", tarball, 2).stderr)
        version = subprocess.run([TRAPLINE, "--version"], check=True, capture_output=True, text=True).stdout.split()[1]
        self.assertIn("No such file", self.formula(f"https://example.org/trapline-{version}.tar.gz", "/nonexistent", 2).stderr)


if __name__ == "__main__":
    unittest.main()
