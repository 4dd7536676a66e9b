"""What a runner says of a library is kept, and asked anew when anything changed that it may depend on."""
import glob
import json
import os
import resource
import shutil
import sys
import unittest

from program import BUILDS, ProgramTest, SANITIZED

COUNTED = os.environ["COUNTED_RUNNER"]


class DescribeTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env["COUNTED"] = self.directory
        self.runner = self.path("counted")
        shutil.copy(COUNTED, self.runner)
        os.mkdir(self.path("lib"))
        self.library = self.write("lib/library.so", "a library")
        self.write("model", "m")
        self.made = self.case("plain", {"file": "model"})
        self.unit = f"{self.runner}@{self.library}:cpu"

    def asked(self):
        """How often the runner was asked since this was called last."""
        try:
            with open(self.path("asked")) as f:
                n = len(f.readlines())
            os.unlink(self.path("asked"))
            return n
        except FileNotFoundError:
            return 0

    def run_one(self, outcome="pass", **env):
        trial = self.one(self.made, "-u", self.unit, env=dict(self.env, **env))
        self.assertEqual(trial["outcome"], outcome, trial)
        return trial

    def kept(self):
        return glob.glob(self.path("cache", "trapline", "descriptions", "*"))

    def assert_kept(self):
        self.asked()
        self.run_one()
        self.assertEqual(self.asked(), 0)

    def assert_asked_anew(self, **env):
        self.asked()
        self.run_one(**env)
        self.assertEqual(self.asked(), 1)

    def test_kept(self):
        self.assert_asked_anew()
        self.assert_kept()
        self.assertEqual(len(self.kept()), 1)
        self.run_one(TERM="dumb", SOME_VARIABLE="of no concern")
        self.assertEqual(self.asked(), 0)
        os.mkdir(self.path("other"))
        other = self.write("other/library.so", "a library")
        for content in ("a library", "another one"): # at another place it may load what is there
            self.write("other/library.so", content)
            self.unit = f"{self.runner}@{other}:cpu"
            self.assert_asked_anew()
            self.assert_kept()
        self.assertEqual(len(self.kept()), 2)

    def test_runner_replaced(self):
        self.assert_asked_anew()
        with open(COUNTED, "rb") as f:
            content = f.read()
        with open(self.runner, "ab") as f: # in its place
            f.write(b"more")
        self.assert_asked_anew()
        self.assert_kept()
        os.unlink(self.runner)
        self.write("counted", content + b"still more", 0o755)
        self.assert_asked_anew()
        self.assert_kept()

    def test_library_replaced(self):
        self.assert_asked_anew()
        self.write("lib/library.so", "A library") # of the same size
        self.assert_asked_anew()
        self.assert_kept()
        os.utime(self.library, (1, 1)) # what it was then, nobody knows
        self.assert_asked_anew()
        self.assert_kept()
        self.write("lib/library_provider.so", "something beside it that it may load")
        self.assert_asked_anew()
        self.assert_kept()

    def test_loader_led_elsewhere(self):
        self.assert_asked_anew()
        for variables in ({"LD_LIBRARY_PATH": self.path("lib")}, {"VK_ICD_FILENAMES": "/nonexistent.json"}):
            self.assert_asked_anew(**variables)
            self.run_one(**variables)
            self.assertEqual(self.asked(), 0)

    def test_damaged(self):
        self.assert_asked_anew()
        path, = self.kept()
        with open(path) as f:
            good = f.read()
        document = json.loads(good)
        for bad in ("", "{", good[:len(good) // 2], "[]", "null", "\0" * 100, good + "x", "x" * (2 << 20),
                    json.dumps(dict(document, key="0" * 64)), json.dumps(dict(document, answer=None)),
                    json.dumps(dict(document, answer={"devices": {}})), json.dumps({"key": document["key"]})):
            with open(path, "w") as f:
                f.write(bad)
            self.assert_asked_anew()
            self.assert_kept()
        os.unlink(path)
        os.mkdir(path) # cannot be read or replaced: it is asked each time
        self.assert_asked_anew()
        self.assert_asked_anew()
        shutil.rmtree(self.path("cache"))
        self.write("cache", "no directory")
        self.assert_asked_anew()
        self.assert_asked_anew()

    def test_not_usable(self):
        """Nobody is told by a kept answer that a unit cannot be used."""
        self.write("answer", "no")
        self.run_one("unsupported")
        self.run_one("unsupported")
        self.assertEqual(self.asked(), 2)
        self.write("answer", "yes")
        self.run_one()
        self.assertEqual(self.asked(), 1)
        self.assert_kept()
        self.write("answer", "gpu")
        self.assertEqual(self.one(self.made, "-u", self.unit.replace(":cpu", ":gpu"), status=0)["outcome"], "pass")
        self.assertEqual(self.asked(), 1)
        self.trapline("run", self.made, "-u", self.unit, status=2)
        self.assertEqual(self.asked(), 1)
        self.write("answer", "yes")
        self.assert_asked_anew()
        self.assert_kept()

    def test_failures_are_not_kept(self):
        self.write("answer", "die")
        for _ in range(2):
            self.assertIn("SIGABRT", self.trapline("run", self.made, "-u", self.unit, status=2).stderr)
        self.assertEqual((self.asked(), self.kept()), (2, []))
        self.write("answer", "yes")
        self.assert_asked_anew()
        self.assert_kept()

    @unittest.skipIf(SANITIZED, "a sanitized runner behind a script does not start under a limit of memory")
    def test_what_is_not_kept(self):
        """A script, of whose modules nothing is known, and a runner without a library."""
        script = self.python("script", f"""
os.execv({COUNTED!r}, [{COUNTED!r}])
""")
        for self.unit in (f"{script}@{self.library}:cpu", f"{self.runner}:cpu", f"{self.runner}@1.0:cpu"):
            self.assert_asked_anew()
            self.assert_asked_anew()
        self.assertEqual(self.kept(), [])

    @unittest.skipIf(SANITIZED, "a script is not asked under a limit of memory")
    def test_depends(self):
        """An answer that says what it depends on is kept without a library, also that of a script, while all that is as it was."""
        self.write("said", json.dumps([self.path("said"), self.path("packages")]))
        os.mkdir(self.path("packages"))
        os.utime(self.path("packages"), (1, 1))
        os.utime(self.path("said"), (1, 1))
        script = self.python("script", f"""
s = socket.socket(fileno=3)
request = json.loads(s.makefile().readline())
if request.get("describe"):
    open({self.path("asked")!r}, "a").write("asked\\n")
    answer = {{"name": "script", "version": "1", "devices": [{{"name": "cpu", "usable": True}}],
              "depends": json.load(open({self.path("said")!r}))}}
else:
    answer = {{"result": {{"outputs": []}}}}
s.sendall(json.dumps(answer).encode() + b"\\n")
""")
        self.unit = f"{script}:cpu"
        self.assert_asked_anew()
        self.assert_kept()
        self.write("packages/new", "a package that is installed")
        self.assert_asked_anew()
        os.utime(self.path("packages"), (2, 2)) # at the time of asking it was just being changed, which is never kept
        self.assert_asked_anew()
        self.assert_kept()
        for hostile in ('["relative"]', '[1]', '{"a": 1}', '"/"', json.dumps(["/" + str(i) for i in range(5000)])):
            with self.subTest(hostile[:20]):
                self.write("said", hostile)
                os.utime(self.path("said"), (1, 1))
                self.assert_asked_anew()
                self.assert_asked_anew()

    def test_without_a_home(self):
        env = {k: v for k, v in self.env.items() if k not in ("HOME", "XDG_CACHE_HOME")}
        for _ in range(2):
            self.assertEqual(self.one(self.made, "-u", self.unit, env=env, status=0)["outcome"], "pass")
        self.assertEqual(self.asked(), 2)

    def test_two_at_once(self):
        children = [self.start("run", self.made, "-u", self.unit) for _ in range(4)]
        for child in children:
            out, err = child.communicate(timeout=60)
            self.assertEqual(child.returncode, 0, err)
        self.assert_kept()


class BuildsTest(ProgramTest):
    """The builds that are here, of which each takes a second to be asked."""

    def test_list_units(self):
        if not glob.glob(os.path.join(BUILDS, "*", "build.json")):
            self.skipTest("no build is here")
        self.use_builds()
        texts, seconds = [], []
        for _ in range(2):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            texts.append(self.trapline("list", "units", status=0, db=False).stdout)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        self.assertEqual(texts[0], texts[1])
        # Nobody is asked, so that completion answers while one types: a second of CPU would be a runtime or a Python.
        self.assertLess(seconds[1], 0.2)
        self.assertLess(seconds[1], seconds[0])
        print(f"list units: {seconds[0]:.2f} s of CPU, then {seconds[1]:.3f} s", file=sys.stderr)
        listed = self.listed("builds")["builds"]
        self.assertTrue(all(any(d["name"] == "cpu" for d in b["devices"]) for b in listed))


if __name__ == "__main__":
    unittest.main()
