"""A fleet on one machine: a real nats-server, two workers, and who asks them. It is skipped where there is none."""
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
import unittest

from program import MISBEHAVE, TRAPLINE, ProgramTest

LINK = os.path.join(os.path.dirname(os.path.dirname(TRAPLINE)), "fleet", "link", "trapline-fleet-link")
SERVER = shutil.which("nats-server", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin:/opt/homebrew/bin")
BEHAVIOURS = ["pass", "error", "null_read", "abort", "grandchild_crash", "hang_sleep"]
PATIENCE = 40


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@unittest.skipUnless(os.path.exists(LINK), "libnats was not there when this was built: apt-get install libnats-dev, brew install cnats")
@unittest.skipUnless(SERVER, "nats-server is not installed: apt-get install nats-server, brew install nats-server")
class Fleet(ProgramTest):
    def setUp(self):
        super().setUp()
        self.fleet = self.path("fleet")
        self.url = "tls://127.0.0.1:%d" % free_port()
        self.call("fleet", "up", "--dir", self.fleet, "--listen", self.url[6:])
        self.addCleanup(self.call, "fleet", "down", "--dir", self.fleet)
        self.workers = {}

    def call(self, *words, status=0, **more):
        got = subprocess.run([TRAPLINE, *words], env=dict(self.env, **more), text=True, timeout=PATIENCE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(got.returncode, status, got.stdout + got.stderr)
        return got

    def key(self, name):
        return os.path.join(self.fleet, "keys", name + ".key")

    def own(self, name):
        """A worker has a database and a cache of its own, as on a machine of its own."""
        return dict(self.env, XDG_CACHE_HOME=self.path(name, "cache"), XDG_STATE_HOME=self.path(name, "state"))

    def begin_worker(self, name, places=2, unit="selftest:cpu"):
        os.makedirs(self.path(name), exist_ok=True)
        log = open(self.path(name, "log"), "a")
        self.addCleanup(log.close)
        worker = subprocess.Popen([TRAPLINE, "worker", self.url, "--key", self.key(name), "-u", unit, "-j", str(places)],
                                  env=self.own(name), stdout=log, stderr=log)
        self.workers[name] = worker
        self.addCleanup(self.end_worker, name, signal.SIGKILL)
        self.wait_for(lambda: worker.poll() is not None or name in self.here(), "%s does not come" % name)
        self.assertIsNone(worker.poll(), self.log(name))

    def end_worker(self, name, how=signal.SIGTERM):
        worker = self.workers.pop(name, None)
        if worker:
            worker.send_signal(how)
            return worker.wait(PATIENCE)
        return None

    def log(self, name):
        with open(self.path(name, "log")) as f:
            return f.read()

    def wait_for(self, what, why):
        end = time.monotonic() + PATIENCE
        while not what():
            self.assertLess(time.monotonic(), end, why)
            time.sleep(0.1)

    def status(self):
        return json.loads(self.call("fleet", "status", "--dir", self.fleet, "--json").stdout)

    def here(self):
        return [m["machine"] for m in self.status()["machines"] if m["here"]]

    def run_case(self, behaviour, db, *more, status=None):
        words = [TRAPLINE, "run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=" + behaviour, "--db", db, "--json", *more]
        got = subprocess.run(words, env=self.env, text=True, timeout=PATIENCE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if status is not None:
            self.assertEqual(got.returncode, status, got.stdout + got.stderr)
        self.assertTrue(got.stdout, got.stderr)
        return json.loads(got.stdout)["trials"]

    def in_fleet(self):
        return "--fleet", self.url, "--key", self.key("submit")

    def invite(self, *names):
        for name in names:
            line = self.call("fleet", "invite", name, "--dir", self.fleet).stdout
            self.assertEqual(line, "trapline worker %s --key %s.key\n" % (self.url, name))

    @staticmethod
    def rows(db, table, *without):
        c = sqlite3.connect(db)
        c.row_factory = sqlite3.Row
        rows = [dict(r) for r in c.execute("SELECT * FROM " + table)]
        c.close()
        return sorted(json.dumps({k: v for k, v in r.items() if k not in without}, default=lambda b: b.hex()) for r in rows)

    def test_two_workers_say_what_this_machine_says(self):
        self.invite("one", "two")
        self.begin_worker("one")
        self.begin_worker("two")
        for behaviour in BEHAVIOURS:
            here = self.run_case(behaviour, self.path("here.db"), "-n", "3")
            there = self.run_case(behaviour, self.path("there.db"), "-n", "3", *self.in_fleet())
            told = lambda trials: [(t["unit"], t["variant"], t["outcome"], t["phase"], t["signal"], t["signature"], t["exit_status"])
                                   for t in trials]
            self.assertEqual(told(there), told(here))
        for name in ("one", "two"):
            self.assertEqual(self.end_worker(name), 0)
            self.assertIn("ended after", self.log(name))
        for db in ("here.db", "there.db"):
            self.call("db", "check", "--db", self.path(db))
        # What came over is what the workers have, to the byte; each ran a part, and each trial ran once.
        databases = [self.path(name, "state", "trapline", "trapline.db") for name in ("one", "two")]
        for table, without in (("trial", ("n", "session_id")), ("capture", ()), ("thread", ()), ("output", ()), ("signature", ())):
            ran = sorted(r for db in databases for r in self.rows(db, table, *without))
            if table == "signature":
                ran = sorted(set(ran))
            self.assertEqual(self.rows(self.path("there.db"), table, *without), ran, table)
        self.assertTrue(all(self.rows(db, "trial") for db in databases))
        # Where it ran is what a trial that ran there says.
        ids = lambda db: {json.loads(r)["environment_id"] for r in self.rows(db, "trial")}
        self.assertEqual(ids(self.path("there.db")), ids(databases[0]) | ids(databases[1]))
        self.assertIn(self.rows(databases[0], "machine")[0], self.rows(self.path("there.db"), "machine"))
        # And what they have can be brought in: it is known.
        for db in databases:
            self.assertIn('"trials": 0', self.call("db", "merge", db, "--db", self.path("there.db"), "--json").stdout)

    def test_who_is_not_wanted_is_told_why(self):
        self.invite("one")
        run = ["run", MISBEHAVE, "-u", "selftest:cpu", "--db", self.path("t.db")]
        self.assertIn("no worker is there", self.call(*run, *self.in_fleet(), status=2).stderr)
        self.assertIn("another kind of key", self.call(*run, "--fleet", self.url, "--key", self.key("one"), status=2).stderr)
        os.chmod(self.key("one"), 0o640)
        self.assertIn("chmod 600", self.call("worker", self.url, "--key", self.key("one"), status=2).stderr)
        os.chmod(self.key("one"), 0o600)
        self.begin_worker("one")
        self.assertIn("there are: selftest:cpu", self.call("run", MISBEHAVE, "-u", "sim:cpu", "--db", self.path("t.db"),
                                                           *self.in_fleet(), status=2).stderr)
        shutil.copy(self.key("one"), self.path("one.key"))
        self.call("fleet", "revoke", "one", "--dir", self.fleet)
        self.assertEqual(self.workers["one"].wait(PATIENCE), 2)
        self.assertIn("does not know this key", self.log("one"))
        self.assertIn("does not know this key", self.call("worker", self.url, "--key", self.path("one.key"), status=2).stderr)
        # A server of another fleet at an address that is believed.
        with open(self.path("one.key")) as f:
            key = json.load(f)
        self.call("fleet", "up", "--dir", self.path("other"), "--listen", "127.0.0.1:%d" % free_port())
        self.call("fleet", "down", "--dir", self.path("other"))
        with open(self.path("other", "authority.pem")) as f:
            key["authority"] = f.read()
        self.write("mixed.key", json.dumps(key), 0o600)
        self.assertIn("not the server that the key file is for", self.call("worker", self.url, "--key", self.path("mixed.key"), status=2).stderr)

    def test_a_case_that_runs_programs_stays_here(self):
        self.invite("one")
        self.begin_worker("one")
        case = self.case("generated", {"generate": ["touch", "{model}"]})
        got = self.call("run", case, "-u", "selftest:cpu", "--db", self.path("t.db"), *self.in_fleet(), status=2)
        self.assertIn("it runs programs", got.stderr)

    def test_models_travel_by_content(self):
        """A file of several parts, an empty one, and a directory of files; once to each worker, and by hash."""
        runner = self.python_runner("reads", {"name": "reads", "devices": ["cpu"]}, """
import hashlib
time.sleep(0.2) # so that no worker has run them all before the other one asks
model, h = request["model"], hashlib.sha256()
for folder, folders, files in os.walk(model):
    folders.sort()
    for name in sorted(files):
        h.update(name.encode() + open(os.path.join(folder, name), "rb").read())
if os.path.isfile(model):
    h.update(open(model, "rb").read())
say({"result": {"outputs": [], "versions": {"model": h.hexdigest(), "at": model}}})
""", bare=True)
        unit = runner + ":cpu"
        os.makedirs(self.path("case", "package", "deep"))
        large = os.urandom(3 * 512 * 1024 + 5)
        self.write("case/large.bin", large)
        self.write("case/empty.bin", b"")
        self.write("case/package/a", b"a")
        self.write("case/package/deep/b", os.urandom(512 * 1024))
        with open(self.path("case", "package", "deep", "b"), "rb") as f:
            deep = f.read()
        right = {"large.bin": hashlib.sha256(large).hexdigest(), "empty.bin": hashlib.sha256().hexdigest(),
                 "package": hashlib.sha256(b"aa" + b"b" + deep).hexdigest()}
        self.invite("one", "two")
        self.begin_worker("one", unit=unit)
        self.begin_worker("two", unit=unit)
        os.environ.pop("TRAPLINE_FLEET", None)

        def case_of(file):
            document = {"trapline": 1, "name": "model", "model": {"file": file}, "axes": [], "limits": {"timeout_s": 60}}
            return self.write("case/case.json", json.dumps(document))

        def models(file):
            case = case_of(file)
            got = self.call("run", case, "-u", unit, "-n", "8", "--db", self.path("t.db"), "--json", *self.in_fleet())
            c = sqlite3.connect(self.path("t.db"))
            told = [json.loads(c.execute("SELECT result FROM trial WHERE id = ?", (t["id"],)).fetchone()[0])["versions"]
                    for t in json.loads(got.stdout)["trials"]]
            c.close()
            return told
        for file, sha in right.items():
            told = models(file)
            self.assertEqual([t["model"] for t in told], [sha] * 8)
            self.assertEqual({os.path.relpath(t["at"], self.directory).split(os.sep)[0] for t in told}, {"one", "two"})
        # It has changed: another content goes.
        self.write("case/large.bin", b"x" + large[1:])
        self.assertEqual({t["model"] for t in models("large.bin")}, {hashlib.sha256(b"x" + large[1:]).hexdigest()})
        # What a worker keeps and somebody wrote into is not used.
        kept = self.path("one", "cache", "trapline", "fleet", "files", hashlib.sha256(b"x" + large[1:]).hexdigest())
        with open(kept, "r+b") as f:
            f.write(b"y")
        self.end_worker("two")
        case = case_of("large.bin")
        self.assertIn("is not what it was", self.call("run", case, "-u", unit, "--db", self.path("t.db"), *self.in_fleet(), status=3).stderr)
        self.assertEqual({t["model"] for t in models("large.bin")}, {hashlib.sha256(b"x" + large[1:]).hexdigest()})
        outside = case_of("../reads")
        self.assertIn("outside of the case's directory", self.call("run", outside, "-u", unit, "--db", self.path("t.db"), *self.in_fleet(), status=2).stderr)

    def asked(self, db):
        c = sqlite3.connect(self.path(db))
        n = c.execute("SELECT count(*) FROM asked").fetchone()[0]
        c.close()
        return n

    def test_a_worker_that_dies_loses_nothing(self):
        """Killed with a trial that runs: it is given to another; and to no third."""
        self.env["TRAPLINE_FLEET_ACK_WAIT_S"] = "2"
        self.invite("one", "two", "three")
        self.begin_worker("one", places=1)
        with open(MISBEHAVE) as f:
            document = json.load(f)
        document["limits"]["timeout_s"] = 600
        case = self.write("slow.json", json.dumps(document))
        words = [TRAPLINE, "run", case, "-u", "selftest:cpu", "-s", "behaviour=hang_sleep", "--db", self.path("t.db"), "--json",
                 *self.in_fleet()]
        asks = subprocess.Popen(words, env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(asks.kill)
        # Each begins it and is killed, so that the server hears of it no more; the third one does not begin it.
        for name, next_one in (("one", "two"), ("two", "three")):
            self.wait_for(lambda: self.intents(name), "it does not begin")
            self.begin_worker(next_one, places=1)
            self.end_worker(name, signal.SIGKILL)
        out, err = asks.communicate(timeout=PATIENCE)
        trial, = json.loads(out)["trials"]
        self.assertEqual(trial["outcome"], "lost", err)
        self.assertIn("one and two began it", trial["message"])
        self.assertEqual(self.asked("t.db"), 0)
        self.assertEqual(self.end_worker("three"), 0)

    def intents(self, name):
        """Whether a trial of a worker has begun: its intent is on the disk."""
        try:
            with open(self.path(name, "state", "trapline", "trapline.db-intent"), "rb") as f:
                return b"selftest:cpu" in f.read()
        except FileNotFoundError:
            return False

    def test_what_comes_after_its_command_was_killed_is_recorded(self):
        self.invite("one")
        self.begin_worker("one", places=2)
        words = [TRAPLINE, "run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=hang_sleep", "--db", self.path("t.db"), "-n", "2",
                 *self.in_fleet()]
        asks = subprocess.Popen(words, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_for(lambda: self.intents("one"), "it does not begin")
        asks.kill()
        asks.wait()
        self.assertEqual(self.asked("t.db"), 2)
        self.wait_for(lambda: self.status()["waiting"] == 0, "it does not end")
        self.run_case("pass", self.path("t.db"), *self.in_fleet(), status=0)
        outcomes = sorted(json.loads(r)["outcome"] for r in self.rows(self.path("t.db"), "trial"))
        self.assertEqual(outcomes, ["hang", "hang", "pass"])
        self.assertEqual(self.asked("t.db"), 0)
        self.call("db", "check", "--db", self.path("t.db"))

    def test_what_the_server_lost_is_asked_for_again(self):
        """A job whose message is gone, and of which no record ever came."""
        self.invite("one")
        self.begin_worker("one")
        self.run_case("pass", self.path("t.db"), *self.in_fleet(), status=0)
        c = sqlite3.connect(self.path("t.db"))
        before = c.execute("SELECT id, case_name, case_hash, variant_hash, unit, session_id FROM trial").fetchone()
        c.close()
        # It asks nobody who is there, and is killed; and then the server loses all that it had.
        self.end_worker("one", signal.SIGKILL)
        words = [TRAPLINE, "run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", "--db", self.path("t.db"), *self.in_fleet()]
        asks = subprocess.Popen(words, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_for(lambda: self.asked("t.db") == 1, "it does not ask")
        asks.kill()
        asks.wait()
        self.call("fleet", "down", "--dir", self.fleet)
        shutil.rmtree(self.path("fleet", "jetstream"))
        self.call("fleet", "up", "--dir", self.fleet)
        self.begin_worker("one")
        self.run_case("pass", self.path("t.db"), *self.in_fleet(), status=0)
        self.wait_for(lambda: self.status()["waiting"] == 0, "it does not end")
        self.run_case("pass", self.path("t.db"), *self.in_fleet(), status=0)
        self.assertEqual(self.asked("t.db"), 0)
        self.assertEqual(len(self.rows(self.path("t.db"), "trial")), 4)
        self.assertIn(before[0], [json.loads(r)["id"] for r in self.rows(self.path("t.db"), "trial")])

    def test_the_server_comes_back(self):
        self.invite("one")
        self.begin_worker("one")
        self.call("fleet", "down", "--dir", self.fleet)
        self.assertFalse(json.loads(self.call("fleet", "status", "--dir", self.fleet, "--json", status=1).stdout)["runs"])
        self.call("fleet", "down", "--dir", self.fleet)
        self.call("fleet", "up", "--dir", self.fleet)
        self.assertEqual([t["outcome"] for t in self.run_case("pass", self.path("t.db"), "-n", "4", *self.in_fleet())], ["pass"] * 4)


if __name__ == "__main__":
    unittest.main()
