"""Machines of a fleet one by one: held for a person, drained, found to be unfit, mended; and what is said of them."""
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import unittest

import fleet_test
from fleet_test import PATIENCE, free_port
from program import KEPT, MISBEHAVE, TRAPLINE

try:
    from schema_test import Draft7Validator, closed, kind_of, mistakes_of, schema
except ImportError:
    Draft7Validator = None
HANGS = """
if "{file}" and os.path.exists("{file}"):
    time.sleep(600)
say({{"result": {{"outputs": []}}}})
"""


def free_ports(n):
    """Each with the next one, at which servers talk to each other."""
    ports = []
    while len(ports) < n:
        port = free_port()
        try:
            with socket.socket() as s:
                s.bind(("127.0.0.1", port + 1))
        except OSError:
            continue
        if all(abs(port - other) > 1 for other in ports):
            ports.append(port)
    return ports


class Machines(fleet_test.Fleet):
    def begin_worker(self, name, *more, places=1, unit="selftest:cpu", state="well"):
        os.makedirs(self.path(name), exist_ok=True)
        says = {"well": "is well", "held": "is held", "unhealthy": "takes nothing any more"}.get(state)
        before = self.log(name).count(says) if says else 0
        log = open(self.path(name, "log"), "a")
        self.addCleanup(log.close)
        worker = subprocess.Popen([TRAPLINE, "worker", self.url, "--key", self.key(name), "-u", unit, "-j", str(places), *more],
                                  env=self.own(name), stdout=log, stderr=log)
        self.workers[name] = worker
        self.addCleanup(self.end_worker, name, signal.SIGKILL)
        if state:
            self.wait_for(lambda: self.log(name).count(says) > before, "%s does not become %s" % (name, state))
            self.wait_state(name, state)

    def log(self, name):
        return super().log(name) if os.path.exists(self.path(name, "log")) else ""

    def machine(self, name):
        return next(m for m in self.status()["machines"] if m["machine"] == name)

    def wait_state(self, name, state):
        self.wait_for(lambda: self.machine(name)["state"] == state, "%s does not become %s:\n%s" % (name, state, self.log(name)))

    def document(self, *words, status=0):
        got = self.call("fleet", *words, "--dir", self.fleet, "--json", status=status)
        if KEPT:
            self.keep(["fleet", *words], got.stdout)
        document = json.loads(got.stdout)
        if Draft7Validator:
            self.assertEqual(mistakes_of(Draft7Validator(closed(schema(kind_of(("fleet", *words), document)))), document), [])
        return document

    def ask(self, behaviour="pass", *more, case=MISBEHAVE, unit="selftest:cpu"):
        """Asks in the background."""
        words = [TRAPLINE, "run", case, "-u", unit, "--db", self.path("t.db"), "--json", *self.in_fleet(), *more]
        if case == MISBEHAVE:
            words += ["-s", "behaviour=" + behaviour]
        asks = subprocess.Popen(words, env=self.env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(asks.kill)
        self.addCleanup(asks.stdout.close)
        self.addCleanup(asks.stderr.close)
        return asks

    def answer(self, asks):
        out, err = asks.communicate(timeout=2 * PATIENCE)
        self.assertTrue(out, err)
        return [t["outcome"] for t in json.loads(out)["trials"]]

    def hanging(self, switch, limit=1):
        """A unit whose trials hang as long as a file is there, and a case that is run on it."""
        unit = self.python_runner("hangs", {"name": "hangs", "devices": ["cpu"]}, HANGS.format(file=switch), bare=True) + ":cpu"
        os.makedirs(self.path("case"), exist_ok=True)
        self.write("case/model", "m")
        document = {"trapline": 1, "name": "hangs", "model": {"file": "model"}, "axes": [], "limits": {"timeout_s": limit}}
        return unit, self.write("case/case.json", json.dumps(document))

    def test_held_for_a_person(self):
        self.invite("one", "two")
        unit, case = self.hanging(self.write("switch", ""), limit=8)
        self.begin_worker("one", unit=unit)
        asks = self.ask("", "-n", "2", case=case, unit=unit)
        self.wait_for(lambda: self.machine("one")["running"], "nothing runs")
        told = self.document("hold", "one", "--why", "the \x1b[31mphone is on my desk")
        self.assertEqual((told["machine"], told["want"]), ("one", "held"))
        self.wait_state("one", "held")
        self.assertEqual(len(self.machine("one")["running"]), 1)
        self.wait_for(lambda: self.machine("one")["done"] == 1, "it does not end")
        os.remove(self.path("switch"))
        got = self.call("run", case, "-u", unit, "--db", self.path("t.db"), *self.in_fleet(), status=2)
        self.assertIn("one has it, and is held: the \\u001b[31mphone", got.stderr)
        status = self.document("status")
        queue, = status["queues"]
        self.assertEqual((queue["waiting"], queue["running"], queue["here"], queue["away"], queue["units"]),
                         (1, 0, [], ["one"], [unit]))
        one, two = status["machines"]
        self.assertEqual((one["state"], one["why"], one["here"], one["done"]), ("held", "the \x1b[31mphone is on my desk", True, 1))
        self.assertEqual((two["state"], two["here"], two["silent_s"]), ("never seen", False, None))
        text = self.call("fleet", "status", "--dir", self.fleet, COLUMNS="80").stdout
        self.assertIn("1 job for %s waits for a machine that is not there: one had it" % unit, text)
        self.assertNotIn("\x1b", text)
        self.assertLessEqual(max(len(line) for line in text.splitlines()[1:] if unit not in line), 80, text)
        # It stays so when it comes back, and with the server.
        self.assertEqual(self.end_worker("one"), 0)
        self.assertEqual(self.machine("one")["state"], "ended")
        self.call("fleet", "down", "--dir", self.fleet)
        self.call("fleet", "up", "--dir", self.fleet)
        self.begin_worker("one", unit=unit, state="held")
        self.assertIsNone(asks.poll())
        self.document("release", "one")
        self.assertEqual(self.answer(asks), ["hang", "pass"])
        self.assertIn("no such machine", self.call("fleet", "hold", "three", "--dir", self.fleet, status=2).stderr)
        self.assertIn("no such machine", self.call("fleet", "hold", "submit", "--dir", self.fleet, status=2).stderr)

    def test_drained_after_what_runs(self):
        self.invite("one")
        unit, case = self.hanging(self.write("switch", ""), limit=12)
        self.begin_worker("one", unit=unit)
        asks = self.ask("", "-n", "2", case=case, unit=unit)
        self.wait_for(lambda: self.machine("one")["running"], "nothing runs")
        self.assertEqual(self.machine("one")["running"][0]["case"], "hangs")
        self.document("drain", "one")
        self.assertEqual(self.workers["one"].wait(PATIENCE), 0, self.log("one"))
        self.assertIn("was drained", self.log("one"))
        self.assertEqual((self.machine("one")["state"], self.machine("one")["here"]), ("drained", False))
        self.assertEqual(self.status()["waiting"], 1)
        # Who is drained stays so.
        self.begin_worker("one", unit=unit, state=None)
        self.assertEqual(self.workers["one"].wait(PATIENCE), 0, self.log("one"))
        self.document("release", "one")
        self.begin_worker("one", unit=unit)
        os.remove(self.path("switch"))
        self.assertEqual(self.answer(asks)[0], "hang")

    def test_a_machine_that_hangs_takes_nothing_more(self):
        self.invite("one")
        switch = self.write("switch", "")
        unit, case = self.hanging(switch)
        self.begin_worker("one", "--unhealthy-after", "2", unit=unit)
        asks = self.ask("", "-n", "3", case=case, unit=unit)
        self.wait_state("one", "unhealthy")
        self.assertIn("2 times in a row a trial hung", self.machine("one")["why"])
        self.assertEqual(self.status()["waiting"], 1)
        # It does not forget.
        self.assertEqual(self.end_worker("one"), 0)
        self.begin_worker("one", "--unhealthy-after", "2", unit=unit, state="unhealthy")
        os.remove(switch)
        self.document("release", "one")
        self.assertEqual(self.answer(asks), ["hang", "hang", "pass"])

    def test_a_trial_that_hangs_is_not_the_machine(self):
        """A case that is known to be good passes on that unit."""
        self.invite("one")
        self.begin_worker("one", "--unhealthy-after", "1")
        with open(MISBEHAVE) as f:
            slow = json.load(f)
        slow["limits"]["timeout_s"] = 1
        slow = self.write("slow.json", json.dumps(slow))
        self.assertEqual(self.answer(self.ask("", "-n", "3", "-s", "behaviour=hang_sleep", case=slow)), ["hang"] * 3)
        self.assertEqual(self.machine("one")["state"], "well")

    def test_a_machine_that_is_unfit_is_mended(self):
        self.invite("one")
        switch = self.write("switch", "")
        unit, case = self.hanging(switch)
        mends = self.python("mends", "os.path.exists(sys.argv[2]) and os.remove(sys.argv[1])\nopen(sys.argv[2], 'a').write('x')\n")
        recover = self.write("recover.json", json.dumps([mends, switch, self.path("tried")]))
        self.assertIn("a list of a program", self.call("worker", self.url, "--key", self.key("one"), "-u", unit, "--recover",
                                                       self.write("bad.json", '"x"'), status=2).stderr)
        asks = None
        # The first attempt does not help.
        self.begin_worker("one", "--known-good", unit + "=" + case, "--recover", recover, unit=unit)
        self.assertEqual(os.path.getsize(self.path("tried")), 2)
        self.assertEqual(self.answer(self.ask("", case=case, unit=unit)), ["pass"])
        # What does not help at all is tried three times.
        self.write("switch", "")
        useless = self.write("recover.json", json.dumps([self.python("useless", "open(sys.argv[1], 'a').write('x')\n"), self.path("useless-tried")]))
        self.assertEqual(self.end_worker("one"), 0)
        self.begin_worker("one", "--known-good", case, "--recover", useless, unit=unit, state="unhealthy")
        self.assertEqual(os.path.getsize(self.path("useless-tried")), 3)
        self.assertIn("attempts to mend it did not help", self.log("one"))
        self.assertIn("its check of", self.machine("one")["why"])

    def test_what_took_it_down_is_lost_before_it_takes_more(self):
        self.env["TRAPLINE_FLEET_ACK_WAIT_S"] = "2"
        self.invite("one")
        unit, case = self.hanging(self.write("switch", ""), limit=600)
        self.begin_worker("one", unit=unit)
        asks = self.ask("", case=case, unit=unit)
        self.wait_for(lambda: self.machine("one")["running"], "nothing runs")
        self.end_worker("one", signal.SIGKILL)
        self.begin_worker("one", unit=unit)
        self.assertIn("1 trial ran when this machine or its worker went down, and is lost", self.log("one"))
        self.assertEqual(self.machine("one")["lost"], 1)
        self.assertEqual(self.answer(asks), ["lost"])

    def stand_in(self):
        """For systemctl: writes down how it was called."""
        self.env.update(HOME=self.path("home"), XDG_CONFIG_HOME=self.path("config"), PATH=self.path("bin") + ":" + os.environ["PATH"])
        os.makedirs(self.path("bin"))
        for name in ("systemctl", "loginctl", "launchctl"):
            self.python("bin/" + name, "open(%r, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n" % self.path("calls"))

    @unittest.skipUnless(sys.platform == "linux", "units of systemd are written on Linux")
    def test_a_service_has_every_option(self):
        """Each option of the command's own, as --help has them: an option that is added to it comes into the service, too."""
        self.stand_in()
        self.invite("one")
        mends = self.write("mends.json", '["true"]')
        values = {"--unit": "selftest:cpu", "--known-good": MISBEHAVE, "--unhealthy-after": "5", "--recover": mends, "--key": self.key("one"),
                  "--allow": "family", "--cache-gb": "3", "--jobs": "1", "--user": "nobody", "--db": self.path("w.db")}
        words, wanted = [], []
        for option, value in re.findall(r"^  +(?:-\w, )?(--[a-z-]+)( [A-Z\[]\S*)?  ", self.call("worker", "--help").stdout, re.M):
            if option in ("--json", "--verbose", "--quiet", "--color", "--help", "--version", "--install", "--uninstall"):
                continue
            self.assertEqual(option in values, bool(value), "what is a value of %s?" % option)
            wanted += [option] + ([values[option]] if value else [])
        self.assertLessEqual({"--allow", "--sandbox", "--jobs"}, set(wanted))
        self.call("worker", self.url, *wanted, "--install")
        with open(self.path("config", "systemd", "user", "trapline_worker.service")) as f:
            line = next(l for l in f if l.startswith("ExecStart="))
        words = [w.strip('"') for w in line.removeprefix("ExecStart=").split()]
        self.assertEqual(sorted(words[3:]), sorted(wanted))

    @unittest.skipUnless(sys.platform == "linux", "units of systemd are written on Linux")
    def test_as_services(self):
        self.stand_in()
        self.invite("one")
        self.assertIn("cannot use a key file", self.call("worker", self.url, "--key", self.path("none"), "--install", status=2).stderr)
        self.assertFalse(os.path.exists(self.path("calls")))
        case = os.path.relpath(MISBEHAVE)
        self.call("worker", self.url, "--key", os.path.relpath(self.key("one")), "-u", "selftest:cpu", "--known-good", "selftest:cpu=" + case,
                  "--unhealthy-after", "5", "--install", XDG_STATE_HOME=self.path("one", "state"), XDG_CACHE_HOME=self.path("one", "cache"))
        with open(self.path("config", "systemd", "user", "trapline_worker.service")) as f:
            text = f.read()
        line = next(l for l in text.splitlines() if l.startswith("ExecStart="))
        words = [w[1:-1] for w in line.removeprefix("ExecStart=").split(" ")]
        self.assertEqual(words[1:], ["worker", self.url, "--key", self.key("one"), "--unit", "selftest:cpu", "--known-good",
                                     "selftest:cpu=" + MISBEHAVE, "--unhealthy-after", "5"])
        # What stands there runs.
        settings = dict(l.removeprefix("Environment=")[1:-1].split("=", 1) for l in text.splitlines() if l.startswith("Environment="))
        self.assertEqual(settings["XDG_STATE_HOME"], self.path("one", "state"))
        worker = subprocess.Popen(words, env={"HOME": self.path("home"), **settings}, cwd="/")
        self.addCleanup(worker.kill)
        self.wait_state("one", "well")
        worker.send_signal(signal.SIGTERM)
        self.assertEqual(worker.wait(PATIENCE), 0)
        self.call("worker", "--uninstall")
        with open(self.path("calls")) as f:
            self.assertIn("--user restart trapline_worker.service\n", f.read())

    @unittest.skipUnless(sys.platform == "linux", "units of systemd are written on Linux")
    def test_the_server_as_a_service(self):
        self.stand_in()
        self.assertTrue(self.status()["runs"])
        # It is written, and nobody starts it: what was started otherwise has ended.
        installs = subprocess.Popen([TRAPLINE, "fleet", "up", "--install", "--dir", self.fleet], env=self.env, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.DEVNULL)
        self.addCleanup(installs.kill)
        unit = self.path("config", "systemd", "user", "trapline_fleet.service")
        self.wait_for(lambda: os.path.exists(unit) and os.path.exists(self.path("calls")), "it is not written")
        with open(unit) as f:
            line = next(l for l in f if l.startswith("ExecStart="))
        words = [w[1:-1] for w in line.strip().removeprefix("ExecStart=").split(" ")]
        self.assertEqual(words[1:], ["fleet", "up", "--foreground", "--dir", self.fleet])
        server = subprocess.Popen(words, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(server.kill)
        self.assertEqual(installs.wait(PATIENCE), 0)
        self.assertTrue(self.status()["runs"])
        self.assertIn("it runs already", self.call("fleet", "up", "--foreground", "--dir", self.fleet, status=3).stderr)
        self.call("fleet", "down", "--uninstall", "--dir", self.fleet)
        self.assertIsNotNone(server.wait(PATIENCE))
        self.assertFalse(os.path.exists(unit))

    def test_what_is_waited_for_goes_before_nights(self):
        self.invite("one")
        runner = self.python_runner("slow", {"name": "slow", "devices": ["cpu"]}, 'time.sleep(1)\nsay({"result": {"outputs": []}})\n', bare=True)
        unit = runner + ":cpu"
        os.makedirs(self.path("case"))
        self.write("case/model", "m")
        for name in ("night", "day"):
            self.write("case/%s.json" % name, json.dumps({"trapline": 1, "name": name, "model": {"file": "model"}, "axes": []}))
        suite = self.write("case/suite.json", json.dumps({"trapline": 1, "suite": "s", "cases": ["night.json"], "units": [unit], "repeat": 8}))
        self.begin_worker("one", unit=unit)
        night = subprocess.Popen([TRAPLINE, "nightly", suite, "-j", "8", "--db", self.path("night.db"), "--json", *self.in_fleet()], env=self.env,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(night.kill)
        self.wait_for(lambda: self.trials_in("one/state/trapline/trapline.db") >= 1, "the night does not begin")
        queue = next(q for q in self.status()["queues"] if q["night"])
        self.assertGreaterEqual(queue["waiting"], 4)
        before = self.trials_in("one/state/trapline/trapline.db")
        self.assertEqual(self.answer(self.ask("", case=self.path("case", "day.json"), unit=unit)), ["pass"])
        c = sqlite3.connect(self.path("one", "state", "trapline", "trapline.db"))
        names = [row[0] for row in c.execute("SELECT case_name FROM trial ORDER BY started_us")]
        c.close()
        # The one that ran, and one that was taken just then.
        self.assertLessEqual(names.index("day"), before + 2, names)
        out, err = night.communicate(timeout=2 * PATIENCE)
        self.assertEqual(night.returncode, 0, err)
        self.assertEqual(self.trials_in("night.db"), 8)

    @unittest.skipUnless(sys.platform == "linux" and os.getuid() == 0, "only root on Linux can make a disk that is full")
    def test_the_disk_of_the_server_is_full(self):
        """It is said, and nothing is lost."""
        self.call("fleet", "down", "--dir", self.fleet)
        store = self.path("fleet", "jetstream")
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", store], stderr=subprocess.DEVNULL).returncode:
            self.skipTest("nothing can be mounted here")
        self.addCleanup(subprocess.run, ["umount", "-l", store])
        self.addCleanup(self.call, "fleet", "down", "--dir", self.fleet)
        self.call("fleet", "up", "--dir", self.fleet)
        self.invite("one")
        self.begin_worker("one")
        self.assertEqual(self.answer(self.ask()), ["pass"])
        with open(os.path.join(store, "fill"), "wb", buffering=0) as f, self.assertRaises(OSError):
            while True:
                f.write(bytes(1024))
        words = [TRAPLINE, "run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", "-n", "40", "--db", self.path("t.db"), "--json",
                 *self.in_fleet()]
        log = open(self.path("asks"), "w")
        self.addCleanup(log.close)
        asks = subprocess.Popen(words, env=self.env, text=True, stdout=subprocess.PIPE, stderr=log)
        self.addCleanup(asks.kill)
        self.addCleanup(asks.stdout.close)

        def said():
            with open(self.path("asks")) as f:
                return f.read() + self.log("one")
        self.wait_for(lambda: "free its disk" in said(), "it is not said")
        self.assertIsNone(asks.poll(), said())
        os.remove(os.path.join(store, "fill"))
        self.call("fleet", "down", "--dir", self.fleet)
        self.call("fleet", "up", "--dir", self.fleet)
        out, _ = asks.communicate(timeout=3 * PATIENCE)
        self.assertEqual([t["outcome"] for t in json.loads(out)["trials"]], ["pass"] * 40, said())
        self.assertEqual(self.asked("t.db"), 0)
        self.assertEqual(self.trials_in("t.db"), 41)

    def test_three_servers_one_of_which_dies(self):
        """More than half of them know all that was acknowledged, and go on."""
        self.env["TRAPLINE_FLEET_ACK_WAIT_S"] = "5"
        self.call("fleet", "down", "--dir", self.fleet)
        self.fleet = self.path("three")
        listen = ",".join("127.0.0.1:%d" % port for port in free_ports(3))
        self.url = "tls://" + listen
        self.assertIn("as many addresses", self.call("fleet", "up", "--dir", self.fleet, "--listen", "127.0.0.1:4443", "--replicas", "3",
                                                     status=2).stderr)
        begins = subprocess.Popen([TRAPLINE, "fleet", "up", "--dir", self.fleet, "--listen", listen, "--replicas", "3"], env=self.env,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(begins.kill)
        self.addCleanup(self.call, "fleet", "down", "--dir", self.fleet)
        places = [self.fleet]
        for n in (2, 3):
            written = os.path.join(self.fleet, "servers", str(n))
            self.wait_for(lambda: os.path.exists(os.path.join(written, "nats.conf")), "server %d is not written" % n)
            self.assertIn("server %d of the fleet" % n, self.call("fleet", "up", "--dir", written).stdout)
            self.addCleanup(self.call, "fleet", "down", "--dir", written)
            places.append(written)
        out, err = begins.communicate(timeout=3 * PATIENCE)
        self.assertEqual(begins.returncode, 0, err)
        self.assertIn("server 3, %s: bring %s" % (listen.split(",")[2], places[2]), err)
        self.invite("one", "two")
        self.begin_worker("one", places=2)
        self.begin_worker("two", places=2)
        asks = self.ask("pass", "-n", "300")
        self.wait_for(lambda: self.trials_in("t.db") > 20, "nothing is run")
        for place in places[1:2]:
            with open(os.path.join(place, "server.pid")) as f:
                os.kill(int(f.read()), signal.SIGKILL)
        out, err = asks.communicate(timeout=4 * PATIENCE)
        self.assertEqual([t["outcome"] for t in json.loads(out)["trials"]], ["pass"] * 300, err)
        self.assertEqual(self.asked("t.db"), 0)
        self.assertEqual(self.trials_in("t.db"), 300)
        self.call("db", "check", "--db", self.path("t.db"))
        # It comes back, and another one may go.
        self.call("fleet", "up", "--dir", places[1])
        self.call("fleet", "down", "--dir", places[2])
        self.assertEqual(self.answer(self.ask("pass", "-n", "4")), ["pass"] * 4)

    def trials_in(self, db):
        try:
            c = sqlite3.connect("file:%s?mode=ro" % self.path(db), uri=True)
            n = c.execute("SELECT count(*) FROM trial").fetchone()[0]
            c.close()
            return n
        except sqlite3.OperationalError:
            return 0


for _name in dir(fleet_test.Fleet):  # those are fleet_test.py's
    if _name.startswith("test_") and _name not in vars(Machines):
        setattr(Machines, _name, None)

if __name__ == "__main__":
    sys.exit(unittest.main(defaultTest="Machines"))
