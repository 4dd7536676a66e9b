"""Failures that somebody has judged, as a team meets them: twelve nights over twelve builds, in which a failure is made known,
is fixed and comes back; and what `trapline known` takes. The builds are profiles of the simulated runtime."""
import json
import os
import sqlite3
import unittest
import xml.etree.ElementTree as ElementTree

from program import ProgramTest

WHEN = {"axis": "begin_index", "in": ["tensor"]}
CRASH = {"phase": "execute", "devices": ["gpu"], "message": "it breaks", "signal": "SIGSEGV", "in": "attention", "when": WHEN,
         "name": "breaks"}
OTHER = dict(CRASH, signal="SIGBUS", message="it breaks in another way", name="other", **{"in": "compile"})
SCALE = {"phase": "execute", "devices": ["gpu"], "message": "too many layers", "signal": "SIGABRT", "in": "matmul",
         "when": {"axis": "layers", "at_least": 8}, "name": "many"}
REFUSAL = {"phase": "compile", "devices": ["gpu"], "name": "refuses", "when": WHEN,
           "error": {"domain": "made", "code": "refused", "message": "it is refused"}}
# What each build does, and what its night is to come to: exit status, classes of the failing variants of kv and deep, and
# whether somebody is told.
NIGHTS = [
    ((), 0, ("first-passing", "first-passing"), True),
    ((CRASH,), 1, ("new-failure", "passing"), True),  # and then it is made known
    ((CRASH,), 0, ("known-failure", "passing"), False),
    ((CRASH, SCALE), 1, ("known-failure", "new-failure"), True),  # and then the case says that it is known
    ((CRASH, SCALE), 0, ("known-failure", "known-failure"), False),
    ((SCALE,), 0, ("fixed", "known-failure"), True),
    ((SCALE,), 0, ("passing", "known-failure"), False),
    ((SCALE,), 0, ("passing", "known-failure"), True),  # the third night closes it
    ((CRASH, SCALE), 1, ("new-failure", "known-failure"), True),
    ((CRASH, SCALE), 0, ("known-failure", "known-failure"), False),
    ((OTHER, SCALE), 1, ("changed-signature", "known-failure"), True),
    ((REFUSAL, SCALE), 0, ("fixed", "known-failure"), True),
]


class KnownTest(ProgramTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("profiles"))
        self.env["TRAPLINE_PROFILES"] = self.path("profiles")
        self.cases = {}
        axes = [{"name": "layers", "range": [1, 9]}, {"name": "begin_index", "choices": ["none", "tensor"]}]
        self.case("kv", {"family": "decoder"}, axes, failing={"begin_index": "tensor"})
        self.case("deep", {"family": "decoder"}, axes, failing={"layers": 8})

    def profile(self, build, *rules):
        self.write(os.path.join("profiles", build + ".json"), json.dumps(
            {"trapline_profile": 1, "name": build, "title": "made by a test", "rules": list(rules)}))

    def night(self, build, *arguments, status=0, cases=("kv.json", "deep.json")):
        suite = self.write("suite.json", json.dumps({
            "trapline": 1, "suite": "drops", "cases": list(cases), "units": [f"sim@{build}:gpu"], "isolate_new": False}))
        return json.loads(self.trapline("nightly", suite, "--json", *arguments, status=status).stdout)

    def signature(self, case="kv"):
        """Of the newest failure of a case, across builds."""
        trials = json.loads(self.trapline("list", "trials", "--case", case, "--outcome", "crash", "--json", status=0).stdout)
        shown = json.loads(self.trapline("show", trials["trials"][0]["id"], "--json", status=0).stdout)
        return shown["signature"]["coarse_id"]

    def known(self, *arguments, status=0):
        done = self.trapline("known", *arguments, "--json", status=status)
        return json.loads(done.stdout) if status == 0 else done.stderr


class TwelveNights(KnownTest):
    def said(self):
        """What the program of --notify was told, if it was, in its environment and on stdin."""
        path = self.path("told")
        if not os.path.exists(path):
            return None
        with open(path, encoding="utf-8") as f:
            text = f.read()
        os.unlink(path)
        return text

    def results(self):
        results = {}
        for test in ElementTree.parse(self.path("j.xml")).getroot().iter("testcase"):
            result = test.find("skipped") if test.find("skipped") is not None else test.find("failure")
            results[test.get("name")] = (result.tag, result.get("message") or result.text) if result is not None else ("pass", "")
        return results

    def text(self, *names):
        with open(self.path(*names), encoding="utf-8") as f:
            return f.read()

    def test_made_known_and_fixed_and_broken_again(self):
        tell = self.write("tell.sh", f"#!/bin/sh\n{{ env | grep ^TRAPLINE_NIGHT; cat; }} > {self.path('told')}\n", 0o755)
        names, kv, deep = set(), "kv: begin_index=tensor, layers=1 on sim:gpu", "deep: begin_index=none, layers=8 on sim:gpu"
        for n, (rules, status, classes, told) in enumerate(NIGHTS, 1):
            with self.subTest(night=n):
                self.profile(f"{n}.0", *rules)
                night = self.night(f"{n}.0", "--notify", tell, "--junit", self.path("j.xml"), "--site", self.path("site"),
                                   status=status)
                self.assertEqual(tuple(c["class"] for c in night["cells"] if c["which"] == "failing"), classes)
                said, tests = self.said(), self.results()
                names |= tests.keys()
                failures, overview = self.text("site", "failures.html"), self.text("site", "index.html")
                page = self.trapline("report", night["night"], status=0).stdout
                self.assertEqual(failures.count("known as FB23024751"), n > 2)
                self.assertEqual(failures.count("known, will not be fixed"), n > 4)
                self.assertEqual("Nothing changed in <code>drops" in overview, not told)
                self.assertEqual(said is not None, told, night["news"])
                self.assertEqual("nothing changed" in page, not told, page)
                if told:
                    self.assertIn(f"TRAPLINE_NIGHT_EXIT_STATUS={status}\n", said)
                    self.assertIn(f"TRAPLINE_NIGHT_SITE=file://{os.path.realpath(self.path('site'))}/index.html\n", said)
                    self.assertIn(f"TRAPLINE_NIGHT_KNOWN={classes.count('known-failure')}\n", said)
                    self.assertIn("# nightly drops: ", said)
                for name, what in ((kv, classes[0]), (deep, classes[1])):
                    expected = {"known-failure": "skipped", "new-failure": "failure", "changed-signature": "failure"}
                    self.assertEqual(tests[name][0], expected.get(what, "pass"), tests[name])
                if classes[0] == "known-failure":
                    self.assertTrue(tests[kv][1].startswith("filed as FB23024751, https://feedback.example/1, until it is fixed"))
                if n == 2:
                    made = self.known(self.signature(), "--as", "FB23024751", "--url", "https://feedback.example/1", "--until", "fixed")
                    self.assertEqual((made["known"][0]["status"], made["known"][0]["case"]), ("filed", "kv"))
                elif n == 4:
                    with open(self.path("deep.json"), encoding="utf-8") as f:
                        document = json.load(f)
                    document["known"] = {"signature": self.signature("deep"), "status": "wontfix", "note": "nobody has so many"}
                    self.write("deep.json", json.dumps(document))
                elif n == 5:
                    self.assertIn("will not be fixed: crash SIGABRT", tests[deep][1], "without the remark, which is not published")
                elif n == 6:
                    self.assertEqual(night["changes"][0]["known"]["state"], "gone")
                elif n == 8:
                    self.assertEqual([(c["case"], c["known"]["state"]) for c in night["closed"]], [("kv", "closed")])
                    self.assertIn("closed: `kv`", said)
                    self.assertIn("# nightly drops: 1 known failure closed, 1 known failure", said)
                    self.assertIn("TRAPLINE_NIGHT_CLOSED=1\n", said)
                    self.assertIn("known failure closed</span>", overview)
                elif n == 9:
                    self.assertEqual(night["changes"][0]["known"]["state"], "again")
                    self.assertIn("it is back", tests[kv][1])
                    self.assertIn("# nightly drops: 1 new failure, 1 known failure is back, 1 known failure", said)
        nights = "".join(self.text("site", "night", name) for name in os.listdir(self.path("site", "night")))
        for words in ("the failure was filed as <code>FB23024751</code>", "known failure closed", "it is back"):
            self.assertIn(words, nights)
        self.assertEqual(len(names), 2 * 2, names)  # cases, variants, one unit: a history of each goes on over all builds
        history = self.trapline("nightly", "--history", "kv", status=0).stdout
        self.assertEqual(history.count("known-failure"), 4)


class WhatIsKnown(KnownTest):
    def fail_once(self):
        self.profile("1.0", CRASH)
        self.trapline("run", "kv.json", "-u", "sim@1.0:gpu", "-s", "begin_index=tensor", status=1, cwd=self.directory)

    def test_said_shown_and_taken_back(self):
        self.fail_once()
        self.assertEqual(self.known("list"), {"known": []})
        first = self.known("last", "--note", "seen by nobody else")["known"][0]
        self.assertEqual((first["status"], first["note"], first["as"]), ("known", "seen by nobody else", None))
        self.assertEqual(first["signature"], self.signature())
        second = self.known("add", first["signature"][:10], "--as", "FB1")["known"][0]
        self.assertEqual((second["id"], second["status"], second["note"]), (first["id"], "filed", first["note"]))
        self.assertGreater(second["since_us"], first["since_us"], "said anew: nights before do not count")
        self.assertEqual(self.known("note", "FB1", "another")["known"][0]["note"], "another")
        matrix = self.trapline("matrix", "kv.json", "-u", "sim@1.0:gpu", "-s", "begin_index=*", status=1, cwd=self.directory).stdout
        self.assertRegex(matrix, r"crash A, known \d")
        self.assertIn("A of kv: filed as FB1: another", matrix)
        self.assertIn("FB1", self.trapline("known", status=0).stdout)
        self.assertEqual(self.known("remove", "FB1")["removed"][0]["id"], first["id"])
        self.assertEqual(self.known("list", "kv"), {"known": []})
        for words, why in (((), "no failure"), (("--case", "deep"), "not seen in case deep")):
            self.assertIn(why, self.known("0123456789" if not words else first["signature"], *words, status=2))
        for words in (("last", "--until", "tomorrow"), ("last", "--until", "2026-02-30"), ("last", "--state", "fixed"),
                      ("last", "--note", "two\nlines"), ("last", "--url", "javascript:alert(1)"), ("last", "--url", "not an address"),
                      ("last", "--url", "https://"), ("last", "--until", "2020-01-01"), ("remove",), ("note", "FB1"), ("remove", "FB1", "--as", "x"),
                      ("remove", "last:nonsense"), ("note", "last:nonsense", "--note", "x")):
            self.known(*words, status=2)
        self.assertIn("it is not known", self.known("remove", first["signature"], status=2))
        self.assertIn("called so, by --as or by its id", self.known("remove", "zzzz", status=2))
        self.assertNotIn("secret", self.known("last", "--url", "https://me:secret@example.org/1", status=2))
        self.assertIn("it did not fail", self.known("last", status=2), "the newest trial is one that passed")

    def test_several_at_once_and_an_older_database(self):
        """One document of all that is taken back, and a word that is wrong takes nothing back. What an older version made is
        brought up to date first."""
        self.fail_once()
        one = self.known("last", "--as", "one")["known"][0]
        self.trapline("run", "deep.json", "-u", "sim@1.0:gpu", "-s", "begin_index=tensor", status=1, cwd=self.directory)
        two = self.known("last", "--as", "two")["known"][0]
        self.assertIn("called so", self.known("remove", "one", "0123456789", status=2))
        self.assertEqual(len(self.known("list")["known"]), 2)
        self.assertEqual([k["id"] for k in self.known("remove", "one", "two", "one")["removed"]], [one["id"], two["id"]])
        with sqlite3.connect(self.db) as db:
            # Backwards, the newest first: db/ran_on.sql, asked.sql, known_places.sql, known.sql.
            for statement in ("DROP TABLE ran_on", "DROP INDEX environment_by_kind", "ALTER TABLE environment DROP COLUMN kind",
                              "ALTER TABLE environment DROP COLUMN on_machine", "DROP TABLE asked", "DROP TABLE known_place", "DROP TABLE known",
                              "PRAGMA user_version = 9"):
                db.execute(statement)
        db.close()
        self.assertEqual(self.known("last", "--as", "two")["known"][0]["as"], "two")
        processes = [self.start("known", "note", "two", f"remark {n}") for n in range(2)] + [self.start("known", "last", "--url", "https://u")]
        for process in processes:
            self.assertEqual(process.wait(60), 0)
        two = self.known("list")["known"][0]
        self.assertEqual((two["as"], two["url"], two["note"][:6]), ("two", "https://u", "remark"), "of several writers nobody's words are lost")

    def test_a_day_that_is_over_and_what_is_right(self):
        """A failure is known up to its last day, and said once more on the next; what a case expects is no failure at all."""
        self.fail_once()
        self.profile("2.0", CRASH)
        self.known("last", "--until", "2999-12-31")
        self.night("1.0", cases=["kv.json"])
        with sqlite3.connect(self.db) as db:
            db.execute("UPDATE known SET until = '2020-01-31'") # that day was still to come when somebody said it
        db.close()
        self.assertIn("2020-01-31, over", self.trapline("known", status=0).stdout)
        matrix = self.trapline("matrix", "kv.json", "-u", "sim@1.0:gpu", "-s", "begin_index=tensor", status=1, cwd=self.directory).stdout
        self.assertNotIn("A, known", matrix)
        night = self.night("2.0", cases=["kv.json"])
        self.assertEqual(night["counts"], {"still-failing": 1, "passing": 1}, "that day was over before the first night, too")
        with sqlite3.connect(self.db) as db:
            db.execute("UPDATE night SET started_us = 1580342400000000") # 2020-01-30
        db.close()
        night = self.night("2.0", status=1, cases=["kv.json"])
        self.assertEqual([(c["class"], c["known"]["state"]) for c in night["changes"]], [("known-no-longer", "over")])
        night = self.night("2.0", cases=["kv.json"])
        self.assertEqual((night["changes"], night["news"]), ([], []), "said once")
        self.known("last", "--until", "")
        self.assertEqual(self.night("2.0", cases=["kv.json"])["counts"], {"known-failure": 1, "passing": 1})
        self.assertNotIn("case_files", self.known("list"))
        with open(self.path("kv.json"), encoding="utf-8") as f:
            document = json.load(f)
        self.write("kv.json", json.dumps(dict(document, known={"signature": "0123456789abcdef", "as": "FB7"})))
        files = self.known("list")["case_files"]
        self.assertEqual([(c["case"], c["path"], c["known"][0]["as"], c["known"][0]["status"]) for c in files],
                         [("kv", os.path.realpath(self.path("kv.json")), "FB7", "filed")])
        self.assertIn("0123456789ab  of case kv: filed as FB7, in ", self.trapline("known", status=0).stdout)
        self.write("kv.json", json.dumps(dict(document, expected=[{"when": {"begin_index": "tensor"}, "outcome": "crash"}])))
        night = self.night("2.0", cases=["kv.json"])
        self.assertEqual(night["counts"], {"fixed": 1, "passing": 1}, "right wins over known")


class WithoutSymbols(KnownTest):
    """In ONNX Runtime, which has no symbols, all divisions by zero of a case look alike across builds; in one build their places
    tell them apart."""
    DIVISIONS = [("Div", "int32"), ("Div", "int64"), ("Mod", "int32"), ("Mod", "int64")]

    def night_on(self, build, status):
        suite = self.write("suite.json", json.dumps({
            "trapline": 1, "suite": "divisions", "cases": ["divide.json"], "units": [f"onnxruntime@{build}:cpu"],
            "variants": {"op": ["Div", "Mod"], "dtype": ["int32", "int64"], "divisor": [0]}, "isolate_new": False, "fetch": False}))
        night = json.loads(self.trapline("nightly", suite, "--json", "--junit", self.path("j.xml"), status=status).stdout)
        said = {(c["variant"]["op"], c["variant"]["dtype"]): (c["class"], (c.get("known") or {}).get("state"), (c.get("known") or {}).get("by"))
                for c in night["cells"]}
        return [said[division] for division in self.DIVISIONS], night

    def test_known_is_a_place_and_no_kind_of_failure(self):
        self.need_builds("1.22.0", "1.24.3", "1.30.0")
        self.use_builds("1.22.0", "1.24.3", "1.30.0")
        case = self.case("divide", {"family": "arithmetic"}, [
            {"name": "op", "choices": ["Div", "Mod"]}, {"name": "dtype", "choices": ["int32", "int64"]},
            {"name": "divisor", "choices": [1, 0]}], failing={"divisor": 0})
        self.trapline("run", case, "-u", "onnxruntime@1.22.0:cpu", "-s", "op=Mod", "-s", "dtype=int64", "-s", "divisor=0", status=1)
        said = self.trapline("known", "last", "--as", "ORT-1", "--until", "fixed", status=0).stdout
        self.assertIn("its library has no symbols: known are 1 place in 1 build", said)
        self.assertIn('"when": {"divisor": [0], "dtype": ["int64"], "op": ["Mod"]}', said)
        self.night_on("1.30.0", 0)  # clean errors
        cells, night = self.night_on("1.22.0", 1)
        self.assertEqual(cells, 3 * [("new-failure", "elsewhere", "elsewhere")] + [("known-failure", "open", "place")])
        page = self.trapline("report", night["night"], status=0).stdout
        self.assertEqual(page.count("at another place of a library without symbols: it is not that failure"), 3)
        cells, night = self.night_on("1.24.3", 0)  # of which no place was known: the variant tells, and tonight's place is kept
        self.assertEqual(cells, 3 * [("still-failing", "elsewhere", "elsewhere")] + [("known-failure", "open", "place")])
        self.assertEqual(len({p["build"] for p in self.known("list")["known"][0]["places"]}), 2)
        with open(self.path("j.xml"), encoding="utf-8") as f:
            self.assertIn("still failing; of the kind of what is known as ORT-1", f.read())
        with sqlite3.connect(self.db) as db: # as if it had been known at another place of this build
            db.execute("UPDATE known_place SET signature_id = '0123456789abcdef0123456789abcdef' WHERE signature_id IN "
                       "(SELECT signature_id FROM trial WHERE unit = 'onnxruntime@1.24.3:cpu')")
        db.close()
        cells, night = self.night_on("1.24.3", 1)
        self.assertEqual(cells[3], ("changed-signature", "elsewhere", "elsewhere"))
        self.assertEqual(self.night_on("1.24.3", 0)[0][3], ("still-failing", "elsewhere", "elsewhere"), "said once")
        self.assertIn("ORT-2", self.trapline("known", night["changes"][0]["failures"][0]["trial"], "--as", "ORT-2", status=0).stdout)
        self.assertEqual([k["as"] for k in self.known("list")["known"]], ["ORT-1", "ORT-2"])
        self.assertEqual(self.night_on("1.24.3", 0)[0][3], ("known-failure", "open", "place"))
        matrix = self.trapline("matrix", case, "-u", "onnxruntime@1.24.3:cpu", "-s", "op=*", "-s", "dtype=*", "-s", "divisor=0", status=1).stdout
        self.assertEqual(matrix.count(", known"), 1, matrix)


if __name__ == "__main__":
    unittest.main()
