"""Configuration: of every setting, which of the five places wins, what is said of it, and that it is what is done."""
import itertools
import json
import os
import unittest

from program import MISBEHAVE, ProgramTest

PLACES = ["option", "variable", "trapline.json", "config.json"] # the first that says something wins
PASS = [MISBEHAVE, "-s", "behaviour=pass"]


class ConfigTest(ProgramTest):
    def setUp(self):
        super().setUp()
        os.makedirs(self.path("project", "below", "deeper"))
        os.makedirs(self.path("config", "trapline"))
        self.here = self.path("project", "below", "deeper")

    def configure(self, setting, values):
        """Lets each place that is named say its value of a setting; what is to be added to a command line, and the variables."""
        option, variable, key = setting
        arguments, env = [], dict(self.env)
        for place, path in (("trapline.json", self.path("project", "trapline.json")),
                            ("config.json", self.path("config", "trapline", "config.json"))):
            document = {"trapline": 1}
            if place in values:
                at = document
                for part in key[:-1]:
                    at = at.setdefault(part, {})
                at[key[-1]] = values[place]
            with open(path, "w", encoding="utf-8") as f:
                json.dump(document, f)
        if "variable" in values:
            v = values["variable"]
            env[variable] = (",".join(v) if key[0] == "redaction" else " ".join(v)) if isinstance(v, list) else \
                str(int(v) if isinstance(v, bool) else v)
        if "option" in values:
            v = values["option"]
            arguments = [option] if v is True else [w for one in (v if isinstance(v, list) else [v]) for w in (option, str(one))]
        return arguments, env

    def run_here(self, *words, env, **more):
        return self.trapline(*words, db=False, env=env, cwd=self.here, **more)

    def test_precedence(self):
        """Each set of places, of each setting: the first of them holds, and those behind it are shown as well."""
        project, below = self.path("project"), self.path("config", "trapline")
        values = {
            ("--db", "TRAPLINE_DB", ("database",)): ["a.db", "b.db", "c.db", "~/d.db"],
            ("-u", "TRAPLINE_UNITS", ("units",)): [["selftest:cpu", "selftest:slow"], ["selftest:slow"], ["./mine:cpu"], ["sim@1:a"]],
            ("-j", "TRAPLINE_JOBS", ("jobs",)): [4, 3, 2, 1],
            ("--color", "TRAPLINE_COLOR", ("color",)): ["always", "never", "auto", "always"],
            ("--keep-paths", "TRAPLINE_KEEP_PATHS", ("redaction", "keep_paths")): [True, False, True, False],
            (None, "TRAPLINE_REDACT", ("redaction", "words")): [None, ["Falcon", "Kestrel"], ["Osprey"], ["Eagle", "Hawk"]],
        }
        shown = {"c.db": os.path.join(project, "c.db"), "~/d.db": os.path.join(os.environ["HOME"], "d.db"),
                 "./mine:cpu": os.path.join(project, "./mine:cpu")}
        defaults = [self.path("state", "trapline", "trapline.db"), [], None, "auto", False, []]
        for (setting, said), default in zip(values.items(), defaults):
            pairs = [(p, v) for p, v in zip(PLACES, said) if v is not None]
            for n in range(len(pairs) + 1):
                for chosen in itertools.combinations(pairs, n):
                    arguments, env = self.configure(setting, dict(chosen))
                    done = self.run_here("config", "--json", *arguments, env=env, status=0)
                    found = next(s for s in json.loads(done.stdout)["settings"] if s["name"] == ".".join(setting[2]))
                    as_shown = lambda v: [shown.get(x, x) for x in v] if isinstance(v, list) else shown.get(v, v) \
                        if isinstance(v, str) else v
                    expected = [(p, as_shown(v)) for p, v in chosen]
                    got = [(found["from"], found["value"])] + [(x["from"], x["value"]) for x in found["instead_of"]]
                    if expected:
                        self.assertEqual(got, expected)
                        where = {"option": setting[0], "variable": setting[1], "trapline.json": project + "/trapline.json:1",
                                 "config.json": below + "/config.json:1"}[chosen[0][0]]
                        self.assertEqual(found["where"], where)
                    else:
                        self.assertEqual(found["from"], "default")
                        if default is not None:
                            self.assertEqual(found["value"], default)

    def test_the_database_is_where_it_says(self):
        setting = ("--db", "TRAPLINE_DB", ("database",))
        values = dict(zip(PLACES, ("a.db", "b.db", "c.db", self.path("d.db"))))
        files = [os.path.join(self.here, "a.db"), os.path.join(self.here, "b.db"), self.path("project", "c.db"), self.path("d.db"),
                 self.path("state", "trapline", "trapline.db")]
        for i, path in enumerate(files):
            arguments, env = self.configure(setting, {p: values[p] for p in PLACES[i:]})
            self.run_here("run", *PASS, "-u", "selftest:cpu", *arguments, env=env, status=0)
            self.assertEqual([os.path.exists(f) for f in files], [k <= i for k in range(5)])

    def test_units_and_steps(self):
        setting = ("-u", "TRAPLINE_UNITS", ("units",))
        arguments, env = self.configure(setting, {"trapline.json": ["selftest:cpu", "selftest:slow"]})
        units = lambda *words: [t["unit"] for t in json.loads(self.run_here("run", *words, "--json", env=env, status=0).stdout)["trials"]]
        self.assertEqual(sorted(units(*PASS)), ["selftest:cpu", "selftest:slow"])
        self.assertEqual(units(*PASS, "-u", "selftest:cpu"), ["selftest:cpu"])
        steps = self.case("steps", {"steps": [{"phase": "execute", "argv": ["true"]}]})
        self.assertEqual(units(steps), ["command:host"]) # a chain of steps is no model for them
        self.assertIn(":slow", self.run_here("matrix", *PASS, env=env, status=0).stdout)
        # Lists are narrowed by -u alone.
        listed = json.loads(self.run_here("list", "trials", "--json", env=env, status=0).stdout)["trials"]
        self.assertEqual({t["unit"] for t in listed}, {"selftest:cpu", "selftest:slow", "command:host"})

    def test_colour(self):
        setting = ("--color", "TRAPLINE_COLOR", ("color",))
        for values, coloured in (({}, False), ({"config.json": "always"}, True), ({"config.json": "always", "trapline.json": "auto"}, False),
                                 ({"variable": "always", "trapline.json": "never"}, True), ({"option": "never", "variable": "always"}, False)):
            arguments, env = self.configure(setting, values)
            done = self.run_here("run", *PASS, "-u", "selftest:cpu", *arguments, env=env, status=0)
            self.assertEqual("\033[" in done.stdout, coloured, values)

    def test_redaction(self):
        case = self.case("kestrel-7", {"steps": [{"phase": "execute", "argv": ["python3", "-c", "raise SystemExit('it broke: Falcon /home/somebody/x')"]}]})
        arguments, env = self.configure((None, "TRAPLINE_REDACT", ("redaction", "words")), {"trapline.json": ["Falcon"]})
        finding = json.loads(self.run_here("isolate", case, "--json", env=env, status=1).stdout)["finding"]
        text = self.run_here("report", finding, env=env, status=0).stdout
        self.assertNotIn("Falcon", text)
        self.assertIn("REDACTED", text)
        self.assertNotIn("somebody", text)
        text = self.run_here("report", finding, env=dict(env, TRAPLINE_REDACT="kestrel"), status=0).stdout
        self.assertIn("Falcon", text) # the variable's list stands for the file's
        text = self.run_here("report", finding, env=dict(env, TRAPLINE_KEEP_PATHS="1"), status=0).stdout
        self.assertIn("somebody", text)

    def test_the_nearest_file(self):
        self.write("project/trapline.json", '{"jobs": 1}')
        self.write("project/below/trapline.json", '{"color": "never"}')
        for start, nearest in ((self.here, "below/trapline.json"), (self.path("project"), "trapline.json")):
            files = json.loads(self.trapline("config", "--json", cwd=start, status=0).stdout)["files"]
            self.assertEqual(files["trapline.json"], {"path": self.path("project", nearest), "read": True, "aside": None})
            self.assertEqual(files["config.json"]["read"], False)
        # What the nearest does not say is the user's or the default, not what stands further above.
        jobs = next(s for s in json.loads(self.trapline("config", "--json", cwd=self.here).stdout)["settings"] if s["name"] == "jobs")
        self.assertEqual(jobs["from"], "default")
        done = self.trapline("config", cwd=self.here, status=0)
        self.assertRegex(done.stdout, r"(?m)^color +never  \(/.*below/trapline\.json:1\)$")

    def test_a_file_of_anybody(self):
        path = self.write("project/trapline.json", '{"database": "theirs.db"}', 0o666)
        done = self.run_here("config", "--json", env=self.env, status=0)
        self.assertIn(path + " is left aside: everybody may write to it", done.stderr)
        self.assertEqual(json.loads(done.stdout)["settings"][0]["from"], "default")
        if os.geteuid() == 0:
            os.chmod(path, 0o644)
            os.chown(path, 12345, -1)
            self.assertIn("belongs to another user (12345)", self.run_here("config", env=self.env, status=0).stderr)

    def test_mistakes(self):
        for text, says in (("{", "trapline.json:1: $: expected more JSON"), ('{"databse": "x"}', 'unknown key; did you mean "database"?'),
                           ('{"jobs": 0}', "$.jobs: expected an integer from 1 to 1024"), ("[]", "an object"),
                           ('{"jobs": true}', "$.jobs: expected"), ('{"units": []}', "$.units: expected"),
                           ('{"units": ["cpu"]}', "$.units[0]: expected a unit"), ('{"color": "red"}', "$.color: expected"),
                           ('{"redaction": {"words": ["ab"]}}', "$.redaction.words[0]: expected"),
                           ('{"redaction": {"words": ["a,b,c"]}}', "without a comma"), ('{"trapline": 2}', "$.trapline: expected 1"),
                           ('{"redaction": {"keep_paths": 1}}', "$.redaction.keep_paths: expected true or false"),
                           ('{"database": ""}', "$.database: expected"), ('{"axes": []}', "any other file needs another name")):
            self.write("project/trapline.json", text)
            done = self.run_here("run", *PASS, "-u", "selftest:cpu", "--db", "x.db", env=self.env, status=2)
            self.assertIn(says, done.stderr)
            self.assertEqual(done.stdout, "")
        self.run_here("config", env=self.env, status=2)
        self.run_here("help", env=self.env, status=0)
        self.run_here("version", env=self.env, status=0)
        self.assertEqual(os.listdir(self.here), [])
        os.remove(self.path("project", "trapline.json"))
        for name, text in (("JOBS", "0"), ("JOBS", "many"), ("JOBS", "1025"), ("COLOR", "red"), ("KEEP_PATHS", "yes"), ("UNITS", " "),
                           ("REDACT", "ab")):
            done = self.run_here("list", "cases", env=dict(self.env, **{"TRAPLINE_" + name: text}), status=2)
            self.assertIn(f"TRAPLINE_{name}={text}: ", done.stderr)
        self.run_here("list", "cases", env=dict(self.env, TRAPLINE_JOBS="", TRAPLINE_DB=""), status=0) # an empty one is none


if __name__ == "__main__":
    unittest.main()
