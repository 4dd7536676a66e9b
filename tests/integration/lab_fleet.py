"""A fleet in a lab of machines (fleet_lab.py): a server, who asks, and workers, each on a machine of its own with its own database. Several
servers share one machine. For fleet_lab_test.py and fleet_chaos.py."""
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import time

import fleet_lab

TRAPLINE = os.environ["TRAPLINE_BIN"]
LINK = os.path.join(os.path.dirname(os.path.dirname(TRAPLINE)), "fleet", "link", "trapline-fleet-link")
MISBEHAVE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "cases", "selftest", "misbehave.json")
ACK_WAIT_S = 2
PATIENCE = 60
PORT = 4443


def why_not():
    """Why there can be no such fleet here; None: there can."""
    if not os.path.exists(LINK):
        return "libnats was not there when this was built: apt-get install libnats-dev"
    if not fleet_lab.shutil.which("nats-server", path=fleet_lab.PATH):
        return "nats-server is not installed: apt-get install nats-server"
    return fleet_lab.why_not()


def wait_for(what, why, patience=PATIENCE):
    end = time.monotonic() + patience
    while not what():
        if time.monotonic() > end:
            raise AssertionError(why() if callable(why) else why)
        time.sleep(0.05)


def rows(db, query, *values):
    """Of a database that others write to, perhaps; none of one that is not there yet."""
    if not os.path.exists(db):
        return []
    with contextlib.closing(sqlite3.connect(db, timeout=30)) as c:
        return c.execute(query, values).fetchall()


class LabFleet:
    def __init__(self, directory, workers=("one", "two", "three"), servers=1):
        self.lab = fleet_lab.Lab(directory)
        try:
            self.server, self.submitter = self.lab.machine("server"), self.lab.machine("submitter")
            self.url = "tls://" + ",".join(f"{self.server.address}:{PORT + 10 * n}" for n in range(servers))
            self.places = [self.server.path("fleet"), *(self.server.path("fleet", "servers", str(n + 1)) for n in range(1, servers))]
            self.db = self.submitter.path("trapline.db")
            self.workers, self.running = {}, {}
            # One that takes a machine for broken that loses trials on end would be of no use here.
            known = "--unhealthy-after" in subprocess.run([TRAPLINE, "help", "worker"], capture_output=True, text=True).stdout
            self.patient = ["--unhealthy-after", "1000000"] if known else []
            self.begin_servers("--listen", self.url[6:], *(["--replicas", str(servers)] if servers > 1 else []))
            for name in workers:
                self.fleet("invite", name)
                self.workers[name] = self.lab.machine(name)
        except BaseException:
            self.lab.close()
            raise

    def close(self):
        self.lab.close()

    def env(self, machine):
        env = machine.env(TRAPLINE_FLEET_ACK_WAIT_S=str(ACK_WAIT_S))
        for name in ("TRAPLINE_DB", "TRAPLINE_UNITS", "TRAPLINE_JOBS", "TRAPLINE_FLEET", "TRAPLINE_SELFTEST_SERVE"):
            env.pop(name, None)
        return env

    # --- the server

    def fleet(self, *words, server=0):
        done = self.server.run([TRAPLINE, "fleet", *words, "--dir", self.places[server]], env=self.env(self.server), timeout=2 * PATIENCE)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def begin_servers(self, *words):
        """The first one waits for the others, whose files it writes."""
        first = self.server.start([TRAPLINE, "fleet", "up", *words, "--dir", self.places[0]], env=self.env(self.server), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        for n in range(1, len(self.places)):
            wait_for(lambda: os.path.exists(os.path.join(self.places[n], "nats.conf")), f"server {n + 1} is not written")
            self.begin_server(n)
        out, err = first.communicate(2 * PATIENCE)
        assert first.poll() == 0, (words, out, err)

    def begin_server(self, server):
        self.fleet("up", server=server)

    def kill_server(self, server=0):
        with open(os.path.join(self.places[server], "server.pid")) as f:
            self.server.run(["kill", "-9", f.read().strip()])

    def status(self):
        return json.loads(self.fleet("status", "--json"))

    def here(self):
        return {m["machine"] for m in self.status()["machines"] if m["here"]}

    # --- workers

    def key(self, name):
        return self.server.path("fleet", "keys", name + ".key")

    def start_worker(self, name, places=2):
        machine = self.workers[name]
        with open(machine.path("log"), "a") as log:
            self.running[name] = machine.start([TRAPLINE, "worker", self.url, "--key", self.key(name), "-u", "selftest:cpu", "-j", str(places),
                                                "--no-cgroup", *self.patient], env=self.env(machine), stdout=log, stderr=log)

    def start_workers(self, places=2):
        for name in self.workers:
            self.start_worker(name, places)
        wait_for(lambda: self.here() == set(self.workers), lambda: "not all workers come: " + "".join(map(self.log, self.workers)))

    def power_off_worker(self, name):
        self.workers[name].power_off()
        self.running.pop(name).wait()

    def log(self, name):
        with open(self.workers[name].path("log")) as f:
            return f"{name}: {f.read()}"

    def stop_workers(self):
        """As they are meant to be: after what runs."""
        for name, worker in self.running.items():
            worker.signal(signal.SIGTERM)
            assert worker.wait(PATIENCE) == 0, self.log(name)
        self.running = {}

    def worker_db(self, name):
        return self.workers[name].path("state", "trapline", "trapline.db")

    def began(self, name):
        """How many trials a worker holds that have not ended: their intents are on its disk."""
        try:
            with open(self.worker_db(name) + "-intent", "rb") as f:
                return f.read().count(b"selftest:cpu")
        except FileNotFoundError:
            return 0

    # --- who asks

    def ask(self, behaviour, n=1, timeout_s=None, **more):
        """A command that goes on by itself. timeout_s: so long a trial of hang_sleep takes."""
        case = MISBEHAVE
        if timeout_s:
            with open(MISBEHAVE) as f:
                document = json.load(f)
            document["limits"]["timeout_s"] = timeout_s
            case = self.submitter.path(f"case-{timeout_s}.json")
            with open(case, "w") as f:
                json.dump(document, f)
        words = [TRAPLINE, "run", case, "-u", "selftest:cpu", "-s", "behaviour=" + behaviour, "-n", str(n), "--json", "--db", self.db,
                 "--no-cgroup", "--fleet", self.url, "--key", self.key("submit")]
        return self.submitter.start(words, env=self.env(self.submitter), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)

    def asked(self):
        return rows(self.db, "SELECT count(*) FROM asked")[0][0] if os.path.exists(self.db) else 0

    def outcomes(self):
        return sorted(outcome for outcome, in rows(self.db, "SELECT outcome FROM trial"))

    def check_databases(self):
        """What is wrong with any of them, in words."""
        wrong = []
        for machine, db in [(self.submitter, self.db), *((self.workers[name], self.worker_db(name)) for name in self.workers)]:
            if os.path.exists(db):
                done = machine.run([TRAPLINE, "db", "check", "--db", db])
                if done.returncode:
                    wrong.append(f"{machine.name}: {done.stdout}{done.stderr}")
        return wrong
