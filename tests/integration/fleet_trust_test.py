"""Somebody with a key of a fleet who does with it what trapline never does (fleet_intruder.c): what is refused, and who is told."""
import base64
import json
import os
import signal
import subprocess
import unittest

from fleet_test import PATIENCE, Fleet
from program import MISBEHAVE, TRAPLINE

INTRUDER = os.environ.get("FLEET_INTRUDER", os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(TRAPLINE))),
                                                         "tests", "integration", "fleet_intruder"))
DEEP = "[" * 3000 + "]" * 3000
ESCAPE = "\x1b]0;taken\x07\x1b[2J"


class Trust(Fleet):
    def intrude(self, name, operation, subject, body="", *more):
        got = subprocess.run([INTRUDER, self.url, self.key(name), operation, subject, *more], input=body.encode(), timeout=PATIENCE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(got.returncode, 0, got.stderr)
        return got.stdout.decode(errors="replace").strip()

    def denied(self, *words):
        self.assertTrue(self.intrude(*words).startswith("denied: Permissions Violation"), words)

    def messages(self):
        """What each stream holds, as the owner sees it."""
        return {stream: self.state(stream).get("messages", "none") for stream in ("JOBS", "RESULTS", "INTENTS", "MACHINES", "FILES")}

    def state(self, stream):
        return json.loads(self.intrude("admin", "ask", "$JS.API.STREAM.INFO." + stream)[len("answer: "):]).get("state", {})

    def announcement(self, name):
        answer = self.intrude("admin", "ask", "$JS.API.STREAM.MSG.GET.MACHINES", json.dumps({"last_by_subj": "machines." + name}))
        return json.loads(base64.b64decode(json.loads(answer[len("answer: "):])["message"]["data"]))

    def test_a_key_is_for_what_its_role_does(self):
        self.invite("one", "liar")
        for subject in ("results.one.s.j", "machines.one", "intents.j.one", "jobs.kind.k.cpu.j", "files.00.0", "x"):
            self.denied("liar", "store", subject, "{}")
        for subject in ("results.one.s.j", "machines.one", "intents.j.one", "x"):
            self.denied("submit", "store", subject, "{}")
        for call in ("STREAM.DELETE.JOBS", "STREAM.PURGE.RESULTS", "STREAM.CREATE.X", "STREAM.UPDATE.JOBS",
                     "STREAM.MSG.DELETE.INTENTS", "STREAM.MSG.DELETE.FILES", "STREAM.MSG.GET.RESULTS", "STREAM.NAMES", "CONSUMER.DELETE.JOBS.x", "INFO"):
            for prefix in ("$JS", "FLEET"):
                self.denied("liar", "ask", prefix + ".API." + call, "{}")
                self.denied("submit", "ask", prefix + ".API." + call, "{}")
        for call in ("STREAM.MSG.DELETE.JOBS", "STREAM.MSG.DELETE.RESULTS", "CONSUMER.CREATE.RESULTS", "CONSUMER.CREATE.JOBS.x", "DIRECT.GET.RESULTS", "DIRECT.GET.JOBS"):
            self.denied("liar", "ask", "FLEET.API." + call, "{}")
        for stream in ("JOBS", "RESULTS"): # whose is whose, the server does not know
            # That there is none is said in more than one way.
            self.assertRegex(self.intrude("submit", "ask", "FLEET.API.STREAM.MSG.DELETE." + stream, '{"seq": 1}'),
                             "^answer: .*stream_msg_delete_response.*(no message found|stream store EOF)")
        for subject in (">", "_INBOX_one.>", "results.>", "jobs.>", "_R_.>", "$JS.>"):
            self.denied("liar", "hear", subject)
        for subject in (">", "_INBOX_liar.>", "machines.>", "_R_.>"):
            self.denied("submit", "hear", subject)

    def test_an_answer_goes_to_no_subject_of_others(self):
        """Who asks JetStream names the subject of the answer, and the server publishes there with all rights."""
        self.invite("one", "liar")
        self.assertEqual(self.intrude("liar", "store", "intents.a.liar", '{"trapline_record": 1}'), "stored")
        self.assertEqual(self.intrude("liar", "store", "intents.b.liar", ""), "stored")
        before = self.messages()
        foreign = ["results.one.s.j", "jobs.kind.k.cpu.j", "intents.c.one", "machines.one", "files.00.0"]
        owners = [p + ".API.STREAM." + call for p in ("$JS", "FLEET")
                  for call in ("DELETE.FILES", "PURGE.INTENTS", "PURGE.MACHINES", "DELETE.RESULTS")]
        for subject in foreign + owners:
            for intent in "ab":
                question = json.dumps({"last_by_subj": "intents.%s.liar" % intent})
                self.intrude("liar", "send", "FLEET.API.DIRECT.GET.INTENTS", question, subject)
            self.intrude("liar", "send", "machines.liar", "x", subject)
        self.assertEqual(self.messages(), dict(before, MACHINES=1))

    def test_announcements_that_are_none(self):
        names = ["not-json", "deep", "old", "escapes", "kinds", "places", "text"]
        self.invite("one", *names, "large")
        self.begin_worker("one")
        right = self.announcement("one")
        unit = right["units"][0]
        bad = {"not-json": "{", "deep": DEEP, "old": json.dumps(dict(right, protocol=99)), "places": json.dumps(dict(right, places=10 ** 12)),
               "escapes": json.dumps(dict(right, units=[dict(unit, unit=ESCAPE)])),
               "kinds": json.dumps(dict(right, units=[dict(unit, kind="../../x")])),
               "text": json.dumps(dict(right, machine=dict(right["machine"], os=ESCAPE)))}
        for name, said in bad.items():
            self.assertEqual(self.intrude(name, "store", "machines." + name, said), "stored")
        self.assertEqual(self.intrude("large", "store", "machines.large", json.dumps(dict(right, trapline="x" * 300000))), "nobody")
        got = self.call("run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", "--db", self.path("t.db"), *self.in_fleet())
        for name in names:
            self.assertIn(": %s: " % name, got.stderr)
        self.assertIn("old: it has protocol 99, and this trapline knows 1", got.stderr)
        status = self.call("fleet", "status", "--dir", self.fleet)
        for text in (got.stderr, status.stdout, status.stderr):
            self.assertNotIn("\x1b", text)
            self.assertNotIn("\x07", text)
        for name in names:
            self.assertIn(name, status.stdout)
        self.assertIn("protocol 99", status.stdout)

    def test_a_worker_without_room_leaves_it_to_others(self):
        """A disk that is full is that machine's alone."""
        size = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=3m none "$1" && shift && exec "$@"', "sh"]
        runner = self.python_runner("reads", {"name": "reads", "devices": ["cpu"]}, """
say({"result": {"outputs": [], "versions": {"at": request["model"]}}})
""", bare=True)
        cache = self.path("small", "cache")
        os.makedirs(cache)
        if subprocess.run([*size, cache, "true"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            self.skipTest("nothing can be mounted here")
        self.write("case.json", json.dumps({"trapline": 1, "name": "m", "model": {"file": "m.bin"}, "axes": [], "limits": {"timeout_s": 60}}))
        self.write("m.bin", os.urandom(5 << 20))
        self.invite("small", "large")
        log = open(self.path("small", "log"), "a")
        self.addCleanup(log.close)
        worker = self.workers["small"] = subprocess.Popen(
            [*size, cache, TRAPLINE, "worker", self.url, "--key", self.key("small"), "-u", runner + ":cpu", "-j", "1"],
            env=self.own("small"), stdout=log, stderr=log)
        self.addCleanup(self.end_worker, "small", signal.SIGKILL)
        self.wait_for(lambda: worker.poll() is not None or "small" in self.here(), "it does not come")
        words = [TRAPLINE, "run", self.path("case.json"), "-u", runner + ":cpu", "-n", "2", "--db", self.path("t.db"), "--json", *self.in_fleet()]
        asks = subprocess.Popen(words, env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(asks.kill)
        self.wait_for(lambda: "it is left to others" in self.log("small"), "it has room")
        self.assertIn("make room on the disk that holds the cache", self.log("small"))
        self.begin_worker("large", unit=runner + ":cpu")
        out, err = asks.communicate(timeout=PATIENCE)
        self.assertEqual([t["outcome"] for t in json.loads(out)["trials"]], ["pass"] * 2, err)
        self.assertEqual(self.end_worker("small"), 0)
        self.assertIn("ended after 0 jobs", self.log("small"))

    def asking(self, *more):
        words = [TRAPLINE, "run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", "--db", self.path("t.db"), "--json", *more,
                 *self.in_fleet()]
        asks = subprocess.Popen(words, env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(asks.kill)
        return asks

    def take(self, name, unit, how="ack"):
        """A job for a machine that has no more of a worker than its key."""
        job = []

        def took():
            answer = self.intrude(name, "take", "%s-cpu" % unit["kind"], "", how)
            if answer.startswith("took: {"):
                job.append(json.loads(answer[len("took: "):]))
            return bool(job)
        self.wait_for(took, "no job comes")
        return job[0]

    def test_records_that_are_none(self):
        """A machine that takes a job and answers with anything; and another one that does it afterwards."""
        self.invite("one", "liar", "other")
        self.begin_worker("one")
        right = self.announcement("one")
        self.end_worker("one")
        self.assertEqual(self.intrude("liar", "store", "machines.liar", json.dumps(right)), "stored")
        asks = self.asking()
        job = self.take("liar", right["units"][0])
        of = {"trapline_record": 1, "job": job["id"]}
        place = {"machine": right["machine"], "environment": {"runner": "sim", "device": "cpu", "runner_version": ESCAPE}}
        subject = "%%s.%s.%s" % (job["submitter"], job["id"])
        told = [("liar", "results.liar", "{"),
                ("other", "results.other", json.dumps(dict(of, place=place, trial={"outcome": "pass", "phase": "done"})))]
        for name, below, record in told:
            self.assertEqual(self.intrude(name, "store", subject % below, record), "stored")
        self.begin_worker("one")
        out, err = asks.communicate(timeout=PATIENCE)
        self.assertEqual(asks.returncode, 0, err)
        trial, = json.loads(out)["trials"]
        self.assertEqual((trial["id"], trial["outcome"]), (job["trial"], "pass"))
        self.assertIn("a record of a machine of the fleet is refused: liar: ", err)
        self.assertIn("a record of a machine of the fleet is refused: other: ", err)
        self.assertIn("of another unit", err)
        self.assertNotIn("\x1b", err)
        rows = [json.loads(r) for r in self.rows(self.path("t.db"), "trial")]
        self.assertEqual([r["id"] for r in rows], [job["trial"]])
        # What comes of it later is no news; and a record of another id, case or variant says nothing of this one.
        for record in ("{", json.dumps(dict(of, lost=["one", "liar"])), json.dumps(dict(of, job="0" * 32)),
                       json.dumps(dict(of, trial={"id": "x", "outcome": "crash", "phase": "load"}))):
            self.assertEqual(self.intrude("liar", "store", subject % "results.liar", record), "stored")
        self.run_case("pass", self.path("t.db"), *self.in_fleet(), status=0)
        after = [json.loads(r) for r in self.rows(self.path("t.db"), "trial")]
        self.assertEqual([r for r in after if r["id"] == job["trial"]], rows)
        self.call("db", "check", "--db", self.path("t.db"))

    def test_large_records_come_in_parts(self):
        self.env["TRAPLINE_FLEET_MESSAGE_BYTES"] = "3000"
        self.invite("one", "liar")
        self.begin_worker("one")
        for behaviour in ("abort", "pass"):
            here = self.run_case(behaviour, self.path("here.db"))
            there = self.run_case(behaviour, self.path("t.db"), *self.in_fleet())
            self.assertEqual([(t["outcome"], t["signature"]) for t in there], [(t["outcome"], t["signature"]) for t in here])
        self.assertGreater(self.state("RESULTS")["last_seq"], 2)
        # Who asked has them, and the parts are gone with them.
        self.wait_for(lambda: self.messages()["RESULTS"] == 0, "what is in the database stays on the server")
        sha = "0" * 64
        self.denied("liar", "store", "results.one.parts.%s.0" % sha, "x")
        # One whose parts are others, or are not there.
        right = self.announcement("one")
        self.end_worker("one")
        self.intrude("liar", "store", "machines.liar", json.dumps(right))
        asks = self.asking()
        job = self.take("liar", right["units"][0])
        self.assertEqual(self.intrude("liar", "store", "results.liar.parts.%s.0" % sha, "{}"), "stored")
        for size in (2, 1 << 50, 5):
            record = json.dumps({"trapline_record": 1, "job": job["id"], "file": {"sha256": sha, "size": size}})
            self.assertEqual(self.intrude("liar", "store", "results.liar.%s.%s" % (job["submitter"], job["id"]), record), "stored")
        out, err = asks.communicate(timeout=PATIENCE)
        self.assertEqual(asks.returncode, 2, out + err)
        self.assertIn("the server has not all parts of it any more", err)

    def test_nobody_waits_for_ever_for_a_liar(self):
        self.invite("one", "liar")
        self.begin_worker("one")
        right = self.announcement("one")
        self.end_worker("one")
        self.intrude("liar", "store", "machines.liar", json.dumps(right))
        asks = self.asking()
        job = self.take("liar", right["units"][0], "keep")
        of = {"trapline_record": 1, "job": job["id"]}
        subject = "results.liar.%s.%s" % (job["submitter"], job["id"])
        for record in (DEEP, json.dumps(dict(of, trapline_record=99)),
                       json.dumps(dict(of, place=7, trial={"outcome": "pass\x1b[2J", "phase": "done", "message": ESCAPE}))):
            self.assertEqual(self.intrude("liar", "store", subject, record), "stored")
        out, err = asks.communicate(timeout=PATIENCE)
        self.assertEqual(asks.returncode, 2, out + err)
        self.assertIn("it has protocol 99, and this trapline knows 1", err)
        self.assertEqual(err.count("a record of a machine of the fleet is refused: liar"), 3, err)
        self.assertNotIn("\x1b", err)
        self.assertEqual(self.rows(self.path("t.db"), "trial"), [])
        self.assertEqual(self.asked("t.db"), 0)

    def test_whose_job_somebody_else_has_done_with(self):
        """An acknowledgement of a job that another machine runs is a guess of a few numbers; its record comes all the same."""
        self.invite("one", "liar")
        self.begin_worker("one", places=1)
        unit = self.announcement("one")["units"][0]
        with open(MISBEHAVE) as f:
            document = json.load(f)
        document["limits"]["timeout_s"] = 3
        words = [TRAPLINE, "run", self.write("slow.json", json.dumps(document)), "-u", "selftest:cpu", "-s", "behaviour=hang_sleep",
                 "--db", self.path("t.db"), "--json", *self.in_fleet()]
        asks = subprocess.Popen(words, env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(asks.kill)
        self.wait_for(lambda: self.intents("one"), "it does not begin")
        self.intrude("liar", "send", "$JS.ACK.JOBS.%s-cpu.1.1.1.0.0" % unit["kind"], "+ACK", "_INBOX_liar.x")
        out, err = asks.communicate(timeout=PATIENCE)
        self.assertEqual([t["outcome"] for t in json.loads(out)["trials"]], ["hang"], err)
        self.run_case("pass", self.path("t.db"), *self.in_fleet(), status=0)
        self.assertEqual(self.end_worker("one"), 0)
        self.assertIn("ended after 2 jobs", self.log("one"))

    def test_a_queue_that_is_full_is_waited_for(self):
        self.invite("one")
        answer = self.intrude("admin", "ask", "$JS.API.STREAM.INFO.JOBS")
        config = json.loads(answer[len("answer: "):])["config"]
        room = 4 * os.path.getsize(MISBEHAVE)  # two of them
        told = self.intrude("admin", "ask", "$JS.API.STREAM.UPDATE.JOBS", json.dumps(dict(config, max_bytes=room)))
        self.assertIn('"max_bytes":%d' % room, told)
        self.begin_worker("one", places=1)
        trials = self.run_case("pass", self.path("t.db"), "-n", "12", "-j", "12", *self.in_fleet(), status=0)
        self.assertEqual([t["outcome"] for t in trials], ["pass"] * 12)
        self.assertEqual(self.asked("t.db"), 0)

    def test_jobs_that_are_none(self):
        self.invite("one")
        self.begin_worker("one", places=1)
        unit = self.announcement("one")["units"][0]
        asks = self.asking()
        asks.communicate(timeout=PATIENCE)
        case = {"trapline": 1, "name": ESCAPE, "model": {"family": "selftest"}, "axes": []}
        job = {"trapline_job": 1, "id": "0" * 32, "trial": "01a22df9-c9a4-7002-a23c-badfe07496a6", "submitter": "01a22df9-c9a4-7002-a23c-badfe07496a7",
               "kind": unit["kind"], "unit": "selftest:cpu", "fresh": False, "new_server": False, "timeout_s": 0, "case": case,
               "case_hash": "1" * 32, "variant": {}, "files": []}
        bad = ["{", DEEP, "7", json.dumps(dict(job, trapline_job=99)), json.dumps(dict(job, id="a.b")), json.dumps(dict(job, submitter="*.>")),
               json.dumps(dict(job, trial="01a22df9-c9a4-7/../../../../../etc/xx")), json.dumps(dict(job, case_hash="../" * 10 + "ab")),
               json.dumps(dict(job, unit="sim:cpu" + ESCAPE)), json.dumps(dict(job, case=dict(case, model={"generate": ["touch", self.path("canary")]}))),
               json.dumps(dict(job, case=dict(case, environment={"LD_PRELOAD": "x"}))), json.dumps(dict(job, case=dict(case, model={"file": "/etc/passwd"}))),
               json.dumps(dict(job, files=[{"name": "../x", "sha256": "0" * 64, "size": 1}])), json.dumps(dict(job, padding="x" * (7 << 20))),
               json.dumps(dict(job, variant={ESCAPE: ESCAPE})), json.dumps(job)]
        for i, text in enumerate(bad):
            self.assertEqual(self.intrude("submit", "store", "jobs.kind.%s.cpu.%032x" % (unit["kind"], i), text), "stored")
        self.wait_for(lambda: self.status()["waiting"] == 0, "jobs are left: " + self.log("one"))
        self.assertIsNone(self.workers["one"].poll())
        self.assertFalse(os.path.exists(self.path("canary")))
        log = self.log("one")
        self.assertIn("it has protocol 99, and this worker knows 1", log)
        self.assertIn("needs generate", log)
        self.assertNotIn("\x1b", log)
        self.run_case("pass", self.path("t.db"), *self.in_fleet(), status=0)
        self.assertEqual(self.end_worker("one"), 0)


# Only its own: those that it is made out of are tried elsewhere.
for inherited in [name for name in dir(Fleet) if name.startswith("test_")]:
    setattr(Trust, inherited, None)
del Fleet

if __name__ == "__main__":
    unittest.main()
