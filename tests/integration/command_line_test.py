"""What every command line can say: options anywhere and by their whole names, help, version, quiet, colour."""
import json
import os
import subprocess
import unittest

from program import MISBEHAVE, TRAPLINE, ProgramTest


class CommandLineTest(ProgramTest):
    def bare(self, *words, status, env=None):
        """The program with these words alone: no --db."""
        done = subprocess.run([TRAPLINE, *words], env=env or self.env, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, status, (words, done.stdout, done.stderr))
        return done

    def test_options_stand_anywhere(self):
        run = ["run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", "--db", self.db, "--json"]
        for words in (run, run[2:] + run[:2], ["--db", self.db, "--json", *run[:6]], ["-qj2", *run], ["-j", "2", *run]):
            for env in (self.env, dict(self.env, POSIXLY_CORRECT="1")):
                done = self.bare(*words, status=0, env=env)
                self.assertEqual(json.loads(done.stdout)["trials"][0]["outcome"], "pass")
        self.assertIn("usage: trapline run", self.bare("--json", "run", "--help", status=0).stdout)
        self.assertIn("misbehave", self.bare("show", "--db", self.db, "--", self.listed("trials")["trials"][0]["id"],
                                             status=0).stdout)
        self.bare("list", "--db", self.db, "--", "trials", "--limit", status=2) # behind -- it is no option

    def test_no_abbreviations(self):
        for words, says in ((["list", "--js", "trials"], "list: --js: no such option; did you mean --json?"),
                            (["--js", "list", "trials"], "list: --js: no such option; did you mean --json?"),
                            (["run", "--rep=3", "x"], "run: --rep: no such option; did you mean --repeat?"),
                            (["run", "--repeet", "3", "x"], "run: --repeet: no such option; did you mean --repeat?"),
                            (["run", "--uni"], "run: --uni: no such option; did you mean --unit?"),
                            (["--vers"], "trapline: --vers: no such option; did you mean --version?"),
                            (["list", "--json=1", "trials"], "list: --json takes no value"),
                            (["list", "-Z", "trials"], "list: -Z: no such option")):
            done = self.bare(*words, status=2)
            self.assertEqual(done.stdout, "")
            self.assertIn(says, done.stderr)

    def test_the_program_itself(self):
        version = self.bare("--version", status=0).stdout
        self.assertRegex(version, r"^trapline \d+\.\d+\.\d+\n$")
        for words in (["-V"], ["version"], ["run", "-V"], ["-q", "--version"]):
            self.assertEqual(self.bare(*words, status=0).stdout, version)
        said = json.loads(self.bare("version", "--json", status=0).stdout)
        self.assertEqual("trapline %s\n" % said["version"], version)
        commands = json.loads(self.bare("help", "--json", status=0).stdout)
        self.assertEqual(commands, json.loads(self.bare("--help", "--json", status=0).stdout))
        for c in commands["commands"]:
            done = self.bare("help", c["name"], status=0)
            self.assertEqual(done.stdout, self.bare(c["name"], "--help", status=0).stdout)
            one = json.loads(self.bare("help", c["name"], "--json", status=0).stdout)["commands"]
            self.assertEqual(one, [c])
        # A name or a letter takes a value in each command or in none: so it is known before the command is.
        takes = {}
        for o in (o for c in commands["commands"] for o in c["options"]):
            for name in filter(None, (o["name"], o["letter"])):
                self.assertEqual(takes.setdefault(name, bool(o["value"])), bool(o["value"]), name)

    def test_which_command_is_meant(self):
        for word, meant in (("iso", "isolate"), ("rn", "run"), ("isolte", "isolate"), ("raport", "report"), ("lst", "list"),
                            ("hlep", "help")):
            self.assertIn(f"{word}: no such command; did you mean {meant}?", self.bare(word, status=2).stderr)
            self.assertIn(f"did you mean {meant}?", self.bare("help", word, status=2).stderr)
        self.assertNotIn("did you mean", self.bare("frob", status=2).stderr)

    def test_quiet(self):
        # Nothing reads this axis, which is worth a warning.
        unread = self.case("unread", {"steps": [{"phase": "execute", "argv": ["true"]}]},
                           axes=[{"name": "nobody", "choices": [0, 1]}])
        self.assertIn("nothing reads nobody", self.trapline("run", unread, status=0).stderr)
        for options in (["-q"], ["--quiet"], ["-v", "-q"]):
            done = self.trapline("run", unread, *options, status=0)
            self.assertEqual(done.stderr, "")
            self.assertIn("1 trial: 1 pass", done.stdout)
        self.assertIn("nothing reads nobody", self.trapline("run", unread, "-q", "-v", status=0).stderr)
        self.assertIn("no such file", self.trapline("run", "/nonexistent.json", "-q", status=2).stderr.lower())

    def test_colour(self):
        arguments = ("run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass")
        for option, env, coloured in ((["--color=always"], {"NO_COLOR": "1", "TERM": "dumb"}, True),
                                      (["--color", "always"], {"NO_COLOR": ""}, True), (["--color=never"], {}, False),
                                      (["--color=auto"], {}, False), ([], {}, False)):
            done = self.trapline(*arguments, *option, status=0, env=dict(self.env, **env))
            self.assertEqual("\033[" in done.stdout, coloured, (option, env))
        self.assertIn("auto, always or never was expected", self.trapline(*arguments, "--color=red", status=2).stderr)

    def test_standard_input(self):
        here = self.path("there")
        os.mkdir(here)
        self.write("there/data.txt", "what the step reads")
        case = json.dumps({"trapline": 1, "name": "piped", "axes": [{"name": "how", "choices": ["-n", "-Z"]}], "failing": {"how": "-Z"},
                           "model": {"steps": [{"phase": "execute", "argv": ["cat", "{how}", "{case_dir}/data.txt"]}]}}).encode()
        self.trapline("run", "-", "-s", "how=-n", status=0, input=case, cwd=here)
        done = self.trapline("isolate", "-", "--json", status=1, input=case, cwd=here)
        finding = json.loads(done.stdout)["finding"]
        self.trapline("report", finding, "--bundle", self.path("bundle"), status=0)
        self.assertTrue(os.path.exists(self.path("bundle", "case.json")))
        self.assertIn("piped.json", self.trapline("report", finding, status=0).stdout)
        wrong = self.trapline("run", "-", status=2, input=case.replace(b"failing", b"failling"), cwd=here)
        self.assertIn("-:1: $.failling: ", wrong.stderr)
        self.assertIn("standard input was read already", self.trapline("matrix", "-", "-", status=2, input=case, cwd=here).stderr)
        suite = json.dumps({"trapline": 1, "suite": "s", "cases": ["c.json"], "units": ["command:host"]}).encode()
        self.write("there/c.json", case)
        self.trapline("nightly", "-", status=0, input=suite, cwd=here)
        self.assertIn("read once", self.trapline("nightly", "-", "--install", status=2, input=suite, cwd=here).stderr)
        self.assertIn("a file was expected", self.trapline("reduce", "-", status=2, input=b"").stderr)
        self.assertIn("refused: -: ", self.trapline("import", "-", status=2, input=b"no report").stderr)


if __name__ == "__main__":
    unittest.main()
