"""What commands say on a fleet of two workers is what they say on one machine, but for where and when it ran."""
import json
import os
import re
import signal
import sqlite3
import struct
import subprocess
import time
import unittest

import fleet_test
from fleet_test import PATIENCE
from program import CASES, MISBEHAVE, TRAPLINE
from reference_test import ANSWERING, tensor

# What differs from one run to the next, wherever it is: identities and times. And of a fleet the environment is that of a kind of machine.
PASSING = {"finding", "night", "trial", "trials_of", "id", "ids", "fails_trial", "passes_trial", "control", "evidence", "started", "started_us",
           "elapsed_s", "seconds", "created_us", "environment_id", "lost_trial", "session", "peak_rss", "median_s", "machine", "because", "since_us", "since_night",
           "cached_from", "wall_s", "phases"}

UUID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def plain(document):
    if isinstance(document, dict):
        return {k: plain(v) for k, v in document.items() if k not in PASSING}
    if isinstance(document, list):
        return [plain(v) for v in document]
    return "a trial" if isinstance(document, str) and UUID.fullmatch(document) else document


class Commands(fleet_test.Fleet):
    def begin(self, *names, places=2, unit="selftest:cpu"):
        self.invite(*names)
        for name in names:
            self.begin_worker(name, places=places, unit=unit)

    def both(self, *words, status):
        """The document of a command, run here and by the fleet."""
        said = []
        for db, more in (("here.db", ["-j", "4"]), ("there.db", self.in_fleet())):
            said.append(self.call(*words, "--db", self.path(db), "--json", *more, status=status).stdout)
        return [json.loads(s) for s in said]

    def report(self, db, finding):
        """Without identities and times."""
        text = UUID.sub("ID", self.call("report", finding, "--db", self.path(db)).stdout).replace(self.path(db), "DB")
        text = re.sub("0x[0-9a-f]+", "0xN", text)
        return re.sub(r"[0-9]+(\.[0-9]+)? ?(s|ms|MiB)\b", "TIME", re.sub(r"20[0-9]{2}-[0-9-]+[T ][0-9:]+Z?( UTC)?", "WHEN", text))

    def ran_on(self, db):
        c = sqlite3.connect(self.path(db))
        rows = dict(c.execute("SELECT machine, count(*) FROM ran_on r JOIN trial t ON t.id = r.trial_id GROUP BY machine"))
        left = c.execute("SELECT count(*) FROM asked").fetchone()[0]
        without = c.execute("SELECT count(*) FROM trial t WHERE outcome <> 'unsupported' AND NOT EXISTS "
                            "(SELECT 1 FROM ran_on WHERE trial_id = t.id)").fetchone()[0]
        c.close()
        self.assertEqual((left, without), (0, 0))
        return rows

    def test_isolate(self):
        self.begin("one", "two")
        words = ["isolate", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=null_read"]
        here, there = self.both(*words, status=1)
        self.assertEqual(plain(there), plain(here))
        self.assertEqual(set(self.ran_on("there.db")), {"one", "two"})
        self.assertEqual(self.report("there.db", there["finding"]).split(), self.report("here.db", here["finding"]).split())
        files = []
        for name, finding in (("here", here["finding"]), ("there", there["finding"])):
            self.call("report", finding, "--bundle", self.path("bundle-" + name), "--db", self.path(name + ".db"))
            files.append(sorted(os.path.relpath(os.path.join(folder, f), self.path("bundle-" + name))
                                for folder, _, names in os.walk(self.path("bundle-" + name)) for f in names))
        self.assertEqual(files[1], files[0])
        # Asked again: what is known answers it, and nothing is run but what tries whether it still holds.
        before = sum(self.ran_on("there.db").values())
        again, = [json.loads(self.call(*words, "--json", "--db", self.path("there.db"), *self.in_fleet(), status=1).stdout)]
        once, = [json.loads(self.call(*words, "--json", "--db", self.path("here.db"), "-j", "4", status=1).stdout)]
        self.assertGreater(again["cached"], 0)
        self.assertEqual((again["trials"], again["cached"]), (once["trials"], once["cached"]))
        self.assertEqual(plain(again), plain(once))
        self.assertGreater(sum(self.ran_on("there.db").values()), before - 1)
        self.call("db", "check", "--db", self.path("there.db"))

    def test_matrix(self):
        self.begin("one", "two")
        words = ["matrix", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass,error,null_read,abort", "-s", "thread=*", "-n", "2"]
        here, there = self.both(*words, status=1)
        self.assertEqual(plain(there), plain(here))
        self.assertLessEqual(set(self.ran_on("there.db")), {"one", "two"})

    def test_each_machine_has_a_column(self):
        self.begin("one", "two")
        words = ["matrix", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass,abort", "--db", self.path("t.db"), "--json", *self.in_fleet()]
        document = json.loads(self.call(*words, "--on", "each", status=1).stdout)
        self.assertEqual([u["unit"] for u in document["units"]], ["selftest:cpu on one", "selftest:cpu on two"])
        rows = self.ran_on("t.db")
        self.assertEqual(rows["one"], rows["two"])
        # What one has shown is no answer for the other; and what each has shown is one.
        again = json.loads(self.call(*words, "--on", "each", status=1).stdout)
        self.assertEqual(again["cached"], document["trials"])
        rows = self.ran_on("t.db")
        only = json.loads(self.call(*words, "--on", "two", "-n", "2", status=1).stdout)
        self.assertEqual(self.ran_on("t.db")["one"], rows["one"])
        self.assertEqual([u["unit"] for u in only["units"]], ["selftest:cpu"])
        self.assertIn("machine is one, two", self.call(*words, "--on", "machine=thr*", status=2).stderr)
        self.assertIn("there is no field colour", self.call(*words, "--on", "colour=red", status=2).stderr)
        self.assertIn("ran on         two, of a fleet", self.call("show", self.last("t.db", "two"), "--db", self.path("t.db")).stdout)
        run = json.loads(self.call("run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", "--db", self.path("t.db"), "--json",
                                   *self.in_fleet(), "--on", "each").stdout)
        self.assertEqual([t["unit"] for t in run["trials"]], ["selftest:cpu"] * 2)
        found = json.loads(self.call("isolate", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=abort", "--db", self.path("t.db"), "--json",
                                     *self.in_fleet(), "--on", "each", status=1).stdout)
        self.assertEqual([f["minimal"]["behaviour"] for f in found["findings"]], ["abort"] * 2)
        self.assertIn("name one", self.call("nightly", self.write("s.json", json.dumps(
            {"trapline": 1, "suite": "s", "cases": [MISBEHAVE], "units": ["selftest:cpu"]})), "--db", self.path("t.db"), *self.in_fleet(),
            "--on", "each", status=2).stderr)

    def last(self, db, machine):
        c = sqlite3.connect(self.path(db))
        trial, = c.execute("SELECT trial_id FROM ran_on WHERE machine = ? ORDER BY trial_id DESC LIMIT 1", (machine,)).fetchone()
        c.close()
        return trial

    def test_nights(self):
        self.begin("one", "two")
        suite = self.write("suite.json", json.dumps({
            "trapline": 1, "suite": "s", "cases": [MISBEHAVE], "units": ["selftest:cpu"], "repeat": 2, "isolate_new": True,
            "variants": {"behaviour": ["pass", "null_read", "error"]}}))
        for night in range(2):
            here, there = self.both("nightly", suite, status=0)
            self.assertEqual(plain(there), plain(here))
        self.assertLessEqual(set(self.ran_on("there.db")), {"one", "two"})

    def test_asked_before_it_was_killed(self):
        """An isolation that is killed is gone on with: what runs, and what came meanwhile, is not run again."""
        self.begin("one", "two", places=1)
        with open(MISBEHAVE) as f:
            document = json.load(f)
        document["limits"]["timeout_s"] = 3
        case = self.write("slow.json", json.dumps(document))
        words = [TRAPLINE, "isolate", case, "-u", "selftest:cpu", "-s", "behaviour=hang_sleep", "--json", "--db", self.path("t.db"),
                 *self.in_fleet()]
        asks = subprocess.Popen(words, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_for(lambda: self.intents("one") or self.intents("two"), "it does not begin")
        asks.kill()
        asks.wait()
        asked = self.asked("t.db")
        self.assertGreater(asked, 0)
        got = subprocess.run(words, env=self.env, text=True, capture_output=True, timeout=3 * PATIENCE)
        self.assertEqual(got.returncode, 1, got.stderr)
        rows = self.ran_on("t.db")
        c = sqlite3.connect(self.path("t.db"))
        self.assertEqual(c.execute("SELECT count(*) FROM trial").fetchone()[0], sum(rows.values()))
        c.close()
        # Each ran once, wherever: the workers have no more than who asked.
        there = sum(len(self.rows(self.path(name, "state", "trapline", "trapline.db"), "trial")) for name in ("one", "two"))
        self.assertEqual(there, sum(rows.values()))

    def test_interrupted(self):
        """What has not begun is not run, and what runs is recorded by the next command."""
        self.begin("one", places=1)
        words = [TRAPLINE, "run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=hang_sleep", "-n", "4", "--db", self.path("t.db"),
                 *self.in_fleet()]
        asks = subprocess.Popen(words, env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.wait_for(lambda: self.intents("one"), "it does not begin")
        asks.send_signal(signal.SIGINT)
        out, err = asks.communicate(timeout=PATIENCE)
        self.assertEqual(asks.returncode, 130, err)
        self.assertIn("1 trial runs on other machines still", err)
        self.assertEqual(self.asked("t.db"), 1)
        self.wait_for(lambda: self.status()["waiting"] == 0, "it does not end")
        self.run_case("pass", self.path("t.db"), *self.in_fleet(), status=0)
        self.assertEqual(sorted(json.loads(r)["outcome"] for r in self.rows(self.path("t.db"), "trial")), ["hang", "pass"])
        self.assertEqual(self.ran_on("t.db"), {"one": 2})

    def test_time_is_used_up(self):
        self.begin("one", places=1)
        words = ["matrix", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=hang_sleep,pass,error,abort", "-n", "3", "--max-time", "2",
                 "--db", self.path("t.db"), "--json", *self.in_fleet()]
        began = time.monotonic()
        got = json.loads(self.call(*words, status=2).stdout)
        self.assertLess(time.monotonic() - began, PATIENCE / 2)
        self.assertFalse(got["complete"])

    def answering(self):
        """A runner that is installed: its answers stand in the model."""
        runners = self.path("runners")
        os.mkdir(runners)
        about = {"name": "answering", "devices": ["cpu", "right"], "axes": ["optimization"]}
        self.python_runner("runners/trapline-answering", about, ANSWERING)
        self.env["TRAPLINE_RUNNERS"] = runners
        return "answering:cpu"

    def test_references(self):
        """What is right is computed where it is compared, and its trial comes with the other."""
        unit = self.answering()
        self.write("model.json", json.dumps({"cpu": {"99": [tensor("float32", [1, 2])], "0": [tensor("float32", [1, 3])]},
                                             "right": [tensor("float32", [1, 2])]}))
        more = {"axes": [{"name": "optimization", "choices": [99, 0]}], "reference": {"unit": "answering:right", "tolerance": 0.001}}
        case = self.case("compared", {"file": "./model.json"}, **more)
        self.invite("one")
        self.begin_worker("one", unit=unit)
        here, there = self.both("matrix", case, "-u", unit, "-s", "optimization=*", "-n", "2", status=1)
        self.assertEqual(plain(there), plain(here))
        of = lambda db: sorted({(r["unit"], r["outcome"], r["variant_hash"], r["case_hash"]) for r in
                                map(json.loads, self.rows(self.path(db), "trial"))})
        self.assertEqual(of("there.db"), of("here.db"))
        self.assertIn("answering:right", [u for u, *_ in of("there.db")])
        self.call("db", "check", "--db", self.path("there.db"))
        # A runner of who asks is none of the worker's.
        own = self.path("runners", "trapline-answering") + ":right"
        case = self.case("own", {"file": "model.json"}, axes=more["axes"], reference={"unit": own, "tolerance": 0.001})
        self.assertIn("is a program, or a library, of who asks",
                      self.call("run", case, "-u", unit, "--db", self.path("t.db"), *self.in_fleet(), status=2).stderr)

    def test_files_that_a_case_names(self):
        unit = self.answering()
        header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, ), }"
        header += " " * (-(len(header) + 11) % 64) + "\n"
        npy = lambda *v: b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + struct.pack("<2f", *v)
        os.mkdir(self.path("right"))
        self.write("right/99.npy", npy(1, 2))
        self.write("right/0.npy", npy(1, 2))
        self.write("x.npy", npy(0, 1))
        self.write("model.json", json.dumps({"cpu": {"99": [tensor("float32", [1, 2])], "0": [tensor("float32", [1, 3])]},
                                             "then": "say({'result': {'outputs': said, 'versions': {'inputs': open(request['inputs']).read()}}})"}))
        more = {"axes": [{"name": "optimization", "choices": [99, 0]}],
                "inputs": [{"name": "x", "dtype": "float32", "shape": [2], "npy": "x.npy"}],
                "reference": {"outputs": [{"name": "y", "npy": "right/{optimization}.npy"}], "tolerance": 0.001}}
        case = self.case("named", {"file": "model.json"}, **more)
        self.invite("one")
        self.begin_worker("one", unit=unit)
        here, there = self.both("matrix", case, "-u", unit, "-s", "optimization=*", status=1)
        self.assertEqual(plain(there), plain(here))
        self.assertEqual([r["cells"][0]["outcome"] for r in there["matrix"][0]["rows"]], ["pass", "wrong"])
        outside = self.write("outside.npy", npy(1, 2))
        for named in (outside, "../x.npy"):
            more["inputs"][0]["npy"] = named
            os.makedirs(self.path("deep"), exist_ok=True)
            self.write("deep/model.json", "{}")
            self.write("deep/case.json", json.dumps({"trapline": 1, "name": "n", "model": {"file": "model.json"}, "axes": [],
                                                     "limits": {"timeout_s": 60}, "inputs": more["inputs"]}))
            self.assertIn("stands outside of the", self.call("run", self.path("deep", "case.json"), "-u", unit, "--db", self.path("t.db"),
                                                             *self.in_fleet(), status=2).stderr)

    def test_outputs_that_are_kept(self):
        """They come with the record, as a trial that runs here leaves them."""
        unit = self.answering()
        self.write("model.json", json.dumps({"cpu": [tensor("float32", list(range(1000))), tensor("int64", [1, 2], name="z")]}))
        case = self.case("kept", {"file": "model.json"})
        self.invite("one")
        self.begin_worker("one", unit=unit)
        kept = {}
        for name, more in (("here", ()), ("there", self.in_fleet())):
            got = self.call("run", case, "-u", unit, "--keep-outputs", self.path(name), "--db", self.path(name + ".db"), "--json", *more)
            trial = json.loads(got.stdout)["trials"][0]["id"]
            folder = self.path(name, trial)
            kept[name] = {}
            for file in os.listdir(folder):
                with open(os.path.join(folder, file), "rb") as f:
                    kept[name][file] = f.read()
        self.assertEqual(sorted(kept["here"]), ["0.npy", "1.npy", "result.json"])
        self.assertEqual(kept["there"], kept["here"])
        self.assertEqual(os.listdir(self.path("one", "cache", "trapline", "fleet", "outputs")), [])

    def test_onnxruntime(self):
        builds = ["1.22.0", "1.24.3", "1.25.1"]
        self.need_builds(*builds)
        self.use_builds(*builds)
        case = os.path.join(os.path.dirname(CASES), "onnxruntime", "integer-division.json")
        for name in ("one", "two"): # each has the builds in a place of its own
            os.makedirs(self.path(name, "cache", "trapline"))
            os.symlink(self.path("cache", "trapline", "builds"), self.path(name, "cache", "trapline", "builds"))
        self.begin("one", "two", unit="onnxruntime@installed:cpu")
        for more in ((), ("--over", "build")):
            here, there = self.both("isolate", case, "-u", "onnxruntime@1.22.0:cpu", *more, status=1)
            self.assertTrue(there["reproduced"])
            for name in ("one", "two"):
                there = json.loads(json.dumps(there).replace(self.path(name, "cache"), self.path("cache")))
            self.assertEqual(plain(there), plain(here), more)

    def test_builds_of_the_fleet(self):
        """Ranges of builds mean those that the machines have, whatever is here."""
        os.mkdir(self.path("profiles"))
        self.env["TRAPLINE_PROFILES"] = self.path("profiles")
        rule = {"phase": "execute", "devices": ["gpu"], "message": "it breaks", "signal": "SIGSEGV", "in": "attention",
                "when": {"axis": "layers", "at_least": 2}, "name": "breaks"}
        for build, rules in (("1.0", []), ("2.0", [rule]), ("3.0", [rule])):
            self.write("profiles/" + build + ".json", json.dumps(
                {"trapline_profile": 1, "name": build, "title": "made by a test", "rules": rules}))
        case = self.case("kv", {"family": "decoder"}, [{"name": "layers", "range": [1, 3]}], failing={"layers": 3})
        self.invite("one")
        os.makedirs(self.path("one"), exist_ok=True)
        self.begin_worker("one", unit="sim@2.0:gpu")
        got = self.call("run", case, "-u", "sim@1.0..9.0:gpu", "--db", self.path("t.db"), "--json", *self.in_fleet(), status=1)
        self.assertEqual([t["unit"] for t in json.loads(got.stdout)["trials"]], ["sim@2.0:gpu"])
        self.assertIn("there are 2.0", self.call("run", case, "-u", "sim@3.0..9.0:gpu", "--db", self.path("t.db"), *self.in_fleet(),
                                                 status=2).stderr)


for name in dir(fleet_test.Fleet):
    if name.startswith("test_"):
        setattr(Commands, name, None)

if __name__ == "__main__":
    unittest.main()
