"""The JSON Schemas that trapline is installed with: that they take what trapline takes, refuse what it refuses as far as a schema can,
and describe what it prints.

With TRAPLINE_KEEP_DOCUMENTS=DIR the other tests leave all documents that they see in that folder, and this one looks at those too."""
import copy
import glob
import hashlib
import json
import os
import re
import sys
import unittest

from program import CASES, HERE, KEPT, MISBEHAVE, ProgramTest

try:
    from jsonschema import Draft7Validator
except ImportError:
    Draft7Validator = None

TREE = os.path.dirname(os.path.dirname(HERE))
FOLDER = os.environ["TRAPLINE_SCHEMAS"]
# Mistakes of which only the check knows, since they are in how parts fit together, and not in what a part looks like.
NOT_EXPRESSIBLE = {
    "$.axes[0].name": "the axes of a family",
    "$.axes[2].choices[2]": "the values of an axis of a family",
    "$.failing.begin_idx": "the axes that the case has",
    "$.forbid[0].shapes": "the values of an axis of a family",
}

OPEN = {"reduce"}  # of which the schema has the members that people ask for, and docs/reduce.md more


def schema(name):
    with open(os.path.join(FOLDER, name + ".schema.json"), encoding="utf-8") as file:
        return json.load(file)


def closed(part):
    """The schema of a document without room for members that it does not name."""
    if isinstance(part, list):
        return [closed(one) for one in part]
    if not isinstance(part, dict):
        return part
    made = {key: closed(value) for key, value in part.items()}
    if part.get("type") == "object" and isinstance(part.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made


def mistakes_of(validator, document):
    return [f"{'/'.join(map(str, one.absolute_path))}: {one.message[:200]}" for one in validator.iter_errors(document)]


def kind_of(arguments, document):
    """The schema of what a command printed."""
    if "--help" in arguments:
        return "help"
    if list(document) == ["version"]:
        return "version"
    command, *words = [word for word in arguments if not word.startswith("-")]
    if command == "nightly":
        return "nightly-history" if "nights" in document else "nightly-status" if "suites" in document else "nightly"
    if command == "isolate" or words[:1] == ["findings"]:
        return "findings" if "findings" in document else "finding"
    if command == "report":
        if {"bundle", "proved"} <= set(document) and not {"report", "project"} & set(document):
            return "report-bundle"
        return "report-for" if "project" in document else "report-site" if "site" in document else "report-retest" if "retests" in document else "nightly" if "night" in document else "report"
    if command == "show":
        return "finding" if "finding" in document else "show"
    if command == "list":
        return "list-" + words[0]
    if command == "builds":
        return "builds-removed" if "removed" in document else "list-builds"
    if command == "fleet" and words[0] in ("status", "drain", "hold", "release"):
        return "fleet-status" if words[0] == "status" else "fleet-control"
    return {"db": f"db-{words[0] if words else ''}"}.get(command, command)


@unittest.skipUnless(Draft7Validator, "jsonschema is not installed")
class SchemaTest(ProgramTest):
    def test_they_are_schemas(self):
        names = sorted(os.path.basename(path) for path in glob.glob(os.path.join(FOLDER, "*.schema.json")))
        self.assertGreater(len(names), 20)
        for name in names:
            Draft7Validator.check_schema(schema(name[:-len(".schema.json")]))
            # Each definition is used, and each that is used is there.
            text = json.dumps(schema(name[:-len(".schema.json")]))
            used = set(re.findall(r"#/definitions/([a-z_]+)", text))
            self.assertEqual(used, set(json.loads(text)["definitions"]), name)

    def test_every_case_here(self):
        case, suite = Draft7Validator(schema("case")), Draft7Validator(schema("suite"))
        seen = 0
        for path in glob.glob(os.path.join(TREE, "cases", "**", "*.json"), recursive=True):
            with open(path, encoding="utf-8") as file:
                document = json.load(file)
            if isinstance(document, dict) and "trapline" in document:
                self.assertEqual(mistakes_of(suite if "suite" in document else case, document), [], path)
                seen += 1
        for name in ("case-files.md", "nightly.md", "reports.md", "runners.md", "tutorial.md"):
            with open(os.path.join(TREE, "docs", name), encoding="utf-8") as file:
                for text in re.findall(r"```json\n(\{\s*\"trapline\": 1.*?)```", file.read(), re.S):
                    document = json.loads(text)
                    if "KV write" != document.get("name"):
                        self.assertEqual(mistakes_of(suite if "suite" in document else case, document), [], name)
                        seen += 1
        self.assertGreater(seen, 30)

    def test_the_mistakes_of_the_manual(self):
        """Each alone is an error of the schema, too, or is listed as one that a schema cannot know."""
        with open(os.path.join(TREE, "docs", "case-files.md"), encoding="utf-8") as file:
            text = file.read().split("## Mistakes")[1]
        document = json.loads(re.search(r"```json\n(.*?)```", text, re.S)[1])
        told = re.findall(r"^kv-write\.json:\d+: (\$\S*): ", text, re.M)
        self.assertEqual(len(told), 12)
        found = {"$" + "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in one.absolute_path) + extra
                 for one in Draft7Validator(schema("case")).iter_errors(document)
                 for extra in (["." + name for name in re.findall(r"'(\w+)'", one.message)] if one.validator == "additionalProperties" else [""])}
        below = [path for path in told if path not in NOT_EXPRESSIBLE]
        for path in below:
            # A list of which one value is wrong is wrong itself, where its values have to be of one type.
            self.assertTrue(any(path == one or path.startswith(one + "[") or path.startswith(one + ".") for one in found if one != "$"), (path, found))
        self.assertEqual(set(NOT_EXPRESSIBLE) - set(told), set())
        for path in NOT_EXPRESSIBLE:
            self.assertFalse(any(path == one for one in found), path)

    SEEDS = (
        {"trapline": 1, "name": "a", "title": "t", "model": {"family": "selftest"}, "source": "s", "notes": ["n"], "tried": "x",
         "axes": [{"name": "layers", "range": [1, 4], "about": "how many"}, {"name": "behaviour", "choices": ["pass", "error"],
                                                                           "about_values": {"pass": "good"}}],
         "failing": {"layers": 3}, "forbid": [{"layers": [1, 2], "behaviour": "error"}], "limits": {"timeout_s": 5, "memory_mb": 0},
         "expected": [{"outcome": "error", "message": "m", "when": {"layers": [1]}, "unit": "selftest:cpu"}],
         "known": {"signature": "0123456789abcdef", "as": "FB1", "url": "u", "note": "n", "status": "filed", "until": "fixed",
                   "when": {"layers": 1}, "unit": "selftest:cpu"},
         "environment": {"A": "{layers}"}, "versions": [{"name": "v", "argv": ["a", "b"]}], "metrics": [{"name": "m", "regex": "x", "unit": "s"}],
         "expect": {"text": ["a"], "no_text": [], "fallback": ["c"], "count": {"name": "c", "min": 1}}, "phase_marker": {"load": ["x", "y"]},
         "count": [{"name": "c", "number": "n ([0-9]+)", "axis": "layers", "finished": True}]},
        {"trapline": 1, "name": "b", "model": {"generate": ["make", {"when": {"n": [1, 2]}, "argv": ["--n"]}, "-o", "{model}"], "suffix": ".onnx"},
         "axes": [{"name": "n", "ordered": [1, 2, 4]}, {"name": "parts", "subset": ["p", "q"], "ordered": True}, {"name": "k", "subset": 3}],
         "inputs": [{"name": "x", "dtype": "int64", "shape": [2, "{n}"], "fill": {"range": [0, 1]}},
                    {"name": "y", "dtype": "float32", "shape": [2], "data": [0.5, "inf"]},
                    {"name": "z", "dtype": "bool", "shape": [], "fill": {"constant": True}},
                    {"name": "w", "dtype": "int8", "shape": [4], "fill": {"random": 7}}],
         "reference": {"unit": "same", "with": {"n": 1}, "outputs": [{"name": "y", "rtol": 0.1, "atol": 0}]}},
        {"trapline": 1, "name": "c", "axes": [{"name": "n", "choices": ["a", "b"]}],
         "model": {"steps": [{"phase": "compile", "argv": ["cc", "{n}"], "timeout_s": 3, "trace": False, "platform": "mac", "architecture": "{n}",
                              "expect": {"exit_status": "any", "text": ["x"], "files": ["*.o"], "count": [{"name": "r", "regex": "x", "max": 4}]},
                              "phase_marker": {"load": "x"}, "count": {"name": "g", "glob": "*.o"}}]},
         "files": [{"name": "a/b.json", "template": os.path.join(TREE, "LICENSE")}]},
    )
    OTHERS = (None, True, 0, -1, 1, 3, 2.5, 10 ** 30 // 10 ** 12, "", "x", "pass", "a b", "\x01", "x" * 70000, [], ["x"], [1], [1, 1], [1, 2], [[]], {}, {"x": 1})

    def mutated(self):
        """Each part of the seeds left out, and put in the place of each other thing; and a key that nobody knows, in each object."""
        for seed in self.SEEDS:
            yield seed
            places = [()]
            for place in places:
                part = seed
                for key in place:
                    part = part[key]
                places += [(*place, key) for key in (part if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ())]
                for other in self.OTHERS if place else ():
                    made = copy.deepcopy(seed)
                    at = made
                    for key in place[:-1]:
                        at = at[key]
                    at[place[-1]] = other
                    yield made
                made = copy.deepcopy(seed)
                at = made
                for key in place[:-1] if place else ():
                    at = at[key]
                if place:
                    yield self.without(copy.deepcopy(seed), place)
                if isinstance(part, dict):
                    at = at[place[-1]] if place else at
                    at["nobody_knows"] = 1
                    yield made

    @staticmethod
    def without(document, place):
        at = document
        for key in place[:-1]:
            at = at[key]
        del at[place[-1]]
        return document

    def test_as_the_check(self):
        """Whatever trapline takes the schema takes: no editor complains of a good file. Most of what it refuses is refused, too."""
        validator = Draft7Validator(schema("case"))
        os.mkdir(self.path("cases"))
        documents = {}
        for i, document in enumerate(self.mutated()):
            name = f"cases/{i}.json"
            self.write(name, json.dumps(document))
            documents[name] = document
        listed = self.trapline("list", "cases", self.path("cases"), "--json", db=False)
        taken = {os.path.join("cases", os.path.basename(one["path"])) for one in json.loads(listed.stdout)["cases"]}
        self.assertGreater(len(taken), 100)
        missed = 0
        for name, document in documents.items():
            wrong = mistakes_of(validator, document)
            if name in taken:
                self.assertEqual(wrong, [], document)
            else:
                missed += not wrong
        refused = len(documents) - len(taken)
        print(f"{len(documents)} cases: {len(taken)} taken; of {refused} that are refused the schema refuses {refused - missed}")
        self.assertLess(missed, refused * 0.1)

    def test_its_name_in_a_case(self):
        """"$schema" changes nothing about a case, and so nothing about what is known of it."""
        with open(os.path.join(CASES, "threshold.json"), encoding="utf-8") as file:
            document = json.load(file)
        self.trials(self.write("a.json", json.dumps(document)), "-u", "selftest:cpu", status=1)
        named = self.write("b.json", json.dumps({"$schema": "https://example.org/case.schema.json", **document}))
        self.assertTrue(self.one(named, "-u", "selftest:cpu", "--cached", status=1)["cached"])
        refused = self.trapline("run", self.write("c.json", json.dumps({"$schema": 1, **document})), "-u", "selftest:cpu", status=2)
        self.assertIn("c.json:1: $[\"$schema\"]: expected a string", refused.stderr)
        suite = {"$schema": "s", "trapline": 1, "suite": "s", "cases": ["b.json"], "units": ["selftest:cpu"], "repeat": 1, "isolate_new": False}
        self.trapline("nightly", self.write("s.json", json.dumps(suite)), "--json", status=0)

    def test_configurations(self):
        """What trapline takes the schema takes; a key that nobody knows and a wrong value are mistakes to both."""
        validator = Draft7Validator(schema("configuration"))
        good = {"$schema": "s", "trapline": 1, "database": "trials.db", "units": ["selftest:cpu"], "jobs": 2, "color": "never",
                "redaction": {"keep_paths": False, "words": ["Falcon"]}}
        for document, right in ((good, True), ({}, True), ({**good, "job": 1}, False), ({**good, "color": "sometimes"}, False),
                                ({**good, "jobs": 0}, False), ({**good, "redaction": {"words": ["ab"]}}, False), ({**good, "units": []}, False)):
            self.write("trapline.json", json.dumps(document))
            self.trapline("config", "--json", cwd=self.directory, status=0 if right else 2)
            self.assertEqual(mistakes_of(validator, document) == [], right, document)

    def test_documents_of_builds(self):
        version, content = "1.2.3", b"not a runtime"
        place = os.path.join("cache", "trapline", "builds", "onnxruntime", version)
        os.makedirs(self.path(place))
        self.write(os.path.join(place, "libonnxruntime.so"), content)
        self.write(os.path.join(place, "build.json"), json.dumps({
            "trapline": 1, "runner": "onnxruntime", "version": version, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content),
            "source": "a test", "when": "2026-01-01T00:00:00Z", "when_us": 1}))
        [build] = self.document("builds", "list")["builds"]
        self.assertEqual((build["version"], build["last_used_us"]), (version, None))
        [removed] = self.document("builds", "remove", "onnxruntime@" + version)["removed"]
        self.assertEqual(removed["disk"], build["disk"])

    def document(self, *arguments, db=True):
        done = self.trapline(*arguments, "--json", db=db)
        self.assertTrue(done.stdout, done.stderr)
        document = json.loads(done.stdout)
        name = kind_of(arguments, document)
        self.assertEqual(mistakes_of(Draft7Validator(closed(schema(name))), document), [], arguments)
        return document

    def test_documents(self):
        threshold = os.path.join(CASES, "threshold.json")
        suite = self.write("s.json", json.dumps({"trapline": 1, "suite": "s", "cases": [threshold], "units": ["selftest:cpu"], "repeat": 1}))
        trial = self.document("run", MISBEHAVE, "-u", "selftest:cpu")["trials"][0]["id"]
        self.document("run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=error")
        finding = self.document("isolate", threshold, "-u", "selftest:cpu")["finding"]
        self.document("matrix", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass,null_read,error")
        for arguments in (["show", trial], ["show", finding], ["report", finding], ["report", finding, "--bundle", self.path("bundle")], ["compare", "--by", "session"], ["list", "cases", CASES],
                          ["list", "trials"], ["list", "findings"], ["list", "signatures"], ["nightly", suite], ["nightly", "--history", "threshold"],
                          ["db", "check"], ["db", "compact"], ["devices", "list"], ["builds", "list"], ["list", "units"], ["config"],
                          ["isolate", threshold, "-u", "selftest:cpu", "--quick", "--suspect", "layers", "--fresh"],
                          ["doctor"]):
            self.document(*arguments)
        for arguments in (["--version"], ["version"], ["help"], ["help", "run"]):
            self.document(*arguments, db=False)
        log = self.write("crash.log", "$ true\n")
        for arguments in (["-o", self.path("a"), "--", "true"], ["-o", self.path("b"), "--", "sh", "-c", "kill -SEGV $$"],
                          ["-o", self.path("c"), log]):
            made = json.loads(self.trapline("init", "--json", "--db", self.db, *arguments, db=False).stdout)
            self.assertEqual(mistakes_of(Draft7Validator(closed(schema("init"))), made), [], arguments)
        document = json.loads(self.trapline("--help", "--json", db=False, status=0).stdout)
        self.assertEqual(mistakes_of(Draft7Validator(closed(schema("help"))), document), [])

    @unittest.skipUnless(KEPT, "TRAPLINE_KEEP_DOCUMENTS names no folder")
    def test_documents_of_others(self):
        kinds = {os.path.basename(path)[:-len(".schema.json")] for path in glob.glob(os.path.join(FOLDER, "*.schema.json"))}
        validators = {name: Draft7Validator(closed(schema(name))) for name in kinds}
        open_validators = {name: Draft7Validator(schema(name)) for name in kinds}
        wrong = set()
        for path in glob.glob(os.path.join(KEPT, "*.json")):
            with open(path, encoding="utf-8") as file:
                kept = json.load(file)
            try:
                document = json.loads(kept["text"])
            except ValueError:
                continue  # an export, which is a line for each
            name = kind_of(kept["arguments"], document)
            open_or_closed = open_validators if name in OPEN else validators
            wrong |= {f"{name}: {one}" for one in (mistakes_of(open_or_closed[name], document) if name in kinds else ["no schema"])}
        self.assertEqual(sorted(wrong), [])


if __name__ == "__main__":
    sys.exit(unittest.main())
