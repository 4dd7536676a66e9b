"""What a fleet costs who asks, and how busy it keeps its machines: fleet.py TRAPLINE [--seconds S] [--turns N] [--trials N]

All on one machine, over loopback, with a real server. Three parts:

1. 1,000 trivial trials over three workers that run them: what each costs from the start of the command to its end, in which are the trials
   themselves and the three workers, on the cores that this machine has; and what it costs the processor on the side of who asks, which is
   trapline and its link. Before it the same without a fleet, three at a time.
2. The same over three workers that run nothing and answer at once. The link of each is the real one, and so are keys, jobs and records; what
   is played is trapline's part of the worker, in a process of this script, and its record is one of part 1. What is left is overhead.
3. 20 such workers, whose trials take S seconds (60) of real time, N (3) for each: the share of the time from the first job given out to the last
   record in which they had one. A worker asks for another job when the server has the record of the last one, as the real one does.

The exit status is 1 when a trial of part 2 costs more than 3 ms, on the clock or of CPU, or the workers of part 3 are busy for less than 97 %."""
import argparse
import ctypes
import heapq
import json
import multiprocessing
import os
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MISBEHAVE = os.path.join(os.path.dirname(os.path.dirname(HERE)), "cases", "selftest", "misbehave.json")
PR_SET_CHILD_SUBREAPER = 36
MOST_MS, BUSY_LEAST = 3, 0.97
BEGINS_S = 30


class Link:
    """What holds a connection, and trapline's end of its socket: harness/fleet/link.h."""

    def __init__(self, program, url, key, role):
        self.socket, theirs = socket.socketpair()
        self.pid = os.posix_spawn(program, [program], dict(os.environ), file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), 3)])
        theirs.close()
        self.data = bytearray()
        self.send({"open": {"url": url, "key": key, "role": role}})
        head, _ = self.next()
        if "ready" not in head:
            sys.exit(f"a link does not open: {head}")

    def send(self, head, body=b""):
        text = json.dumps(head).encode()
        self.socket.sendall(struct.pack("<II", len(text), len(body)) + text + body)

    def whole(self):
        """A frame that has come; None."""
        if len(self.data) < 8:
            return None
        head, body = struct.unpack_from("<II", self.data)
        if len(self.data) < 8 + head + body:
            return None
        frame = json.loads(self.data[8:8 + head]), bytes(self.data[8 + head:8 + head + body])
        del self.data[:8 + head + body]
        return frame

    def read(self):
        part = self.socket.recv(1 << 18)
        if not part:
            raise EOFError
        self.data += part

    def next(self):
        while not (frame := self.whole()):
            self.read()
        return frame

    def until(self, key):
        while key not in (frame := self.next())[0]:
            pass
        return frame

    def close(self):
        self.socket.close()


class Played:
    """Workers that run nothing: each trial takes so many seconds, and its record is always the same but for its job."""

    def __init__(self, program, url, keys, announcement, record, seconds):
        self.seconds, self.record = seconds, record
        self.links = [Link(program, url, key, "worker") for key in keys]
        announcement = dict(announcement, places=1)
        for link in self.links:
            link.send({"announce": 1}, json.dumps(announcement).encode())
            link.send({"serve": [{"kind": u["kind"], "device": u["device"]} for u in announcement["units"]]})
            link.send({"free": 1})
        self.due, self.busy, self.first, self.last, self.jobs = [], 0.0, None, None, 0

    def take(self, link, head, body, now):
        if "job" in head:
            self.first = self.first or now
            heapq.heappush(self.due, (now + self.seconds, self.jobs, now, link, head["token"], json.loads(body)))
            self.jobs += 1
        elif "stored" in head:
            link.send({"free": 1})

    def end_due(self):
        while self.due and self.due[0][0] <= time.monotonic():
            _, _, began, link, token, job = heapq.heappop(self.due)
            body = json.dumps(dict(self.record, job=job["id"])).encode()
            self.last = time.monotonic()
            self.busy += self.last - began
            link.send({"record": job["id"], "token": token, "submitter": job["submitter"]}, body)

    def run(self, stop):
        watch = selectors.DefaultSelector()
        for link in self.links:
            watch.register(link.socket, selectors.EVENT_READ, link)
        watch.register(stop, selectors.EVENT_READ, None)
        while True:
            wait = max(0, self.due[0][0] - time.monotonic()) if self.due else None
            for key, _ in watch.select(wait):
                if not key.data:
                    return
                key.data.read()
                while frame := key.data.whole():
                    self.take(key.data, *frame, time.monotonic())
            self.end_due()


def play(pipe, *words):
    """In a process of its own, so that what it costs is not what is measured. It tells when it is there, and in the end how busy it was."""
    played = Played(*words)
    pipe.send("there")
    played.run(pipe)
    pipe.send((len(played.links), played.jobs, played.busy, played.first, played.last))
    for link in played.links:
        link.close()


class Bench:
    def __init__(self, trapline, directory):
        self.trapline, self.directory = trapline, directory
        self.link = os.path.join(os.path.dirname(os.path.dirname(trapline)), "fleet", "link", "trapline-fleet-link")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.url = "tls://127.0.0.1:%d" % s.getsockname()[1]
        self.fleet = os.path.join(directory, "fleet")
        self.env = dict(os.environ, XDG_STATE_HOME=directory, XDG_CACHE_HOME=directory, TMPDIR=directory, NO_COLOR="1")
        self.call("fleet", "up", "--dir", self.fleet, "--listen", self.url[6:])

    def call(self, *words):
        done = subprocess.run([self.trapline, *words], env=self.env, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"exit status {done.returncode}: {' '.join(words)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def key(self, name):
        return os.path.join(self.fleet, "keys", name + ".key")

    def invite(self, n):
        names = [f"w{i}" for i in range(n)]
        for name in names:
            if not os.path.exists(self.key(name)):
                self.call("fleet", "invite", name, "--dir", self.fleet)
        time.sleep(1) # the server reads who was invited
        return names

    def here(self):
        return [m["machine"] for m in json.loads(self.call("fleet", "status", "--json", "--dir", self.fleet))["machines"] if m["here"]]

    def begin_workers(self, names):
        workers = []
        for name in names:
            place = os.path.join(self.directory, name)
            os.makedirs(place, exist_ok=True)
            with open(os.path.join(place, "log"), "w") as log:
                workers.append(subprocess.Popen([self.trapline, "worker", self.url, "--key", self.key(name), "-u", "selftest:cpu", "-j", "1"],
                                                env=dict(self.env, XDG_STATE_HOME=place, XDG_CACHE_HOME=place), stdout=log, stderr=log))
        self.wait_for(names)
        return workers

    def wait_for(self, names):
        end = time.monotonic() + BEGINS_S
        while set(names) - set(self.here()):
            if time.monotonic() > end:
                sys.exit("workers do not come")
            time.sleep(0.1)

    def ask(self, n, db, fleet=True):
        """How long it took, and what it cost of CPU: this script is who collects the orphan that its link is."""
        time.sleep(0.5) # links of earlier commands end with them
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            pass
        words = [self.trapline, "run", MISBEHAVE, "-u", "selftest:cpu", "-s", "behaviour=pass", "-n", str(n), "--db", os.path.join(self.directory, db)]
        words += ["--fleet", self.url, "--key", self.key("submit")] if fleet else ["-j", "3"]
        began = time.monotonic()
        out = open(os.path.join(self.directory, "out"), "w+")
        child = os.posix_spawn(self.trapline, words, self.env, file_actions=[(os.POSIX_SPAWN_DUP2, out.fileno(), 1)])
        cpu, wall, ended = 0.0, None, 0
        while ended < 1 + fleet: # and its link
            pid, status, used = os.wait4(-1, 0)
            if pid == child and status:
                sys.exit(f"exit status {status} of {words}")
            if pid == child:
                wall = time.monotonic() - began
            ended += 1
            cpu += used.ru_utime + used.ru_stime
        out.seek(0)
        if f"{n} trials: {n} pass" not in out.read():
            sys.exit("not all trials passed")
        return wall, cpu

    def record(self, db):
        """A record and an announcement that were published, read as who asked reads them."""
        import contextlib
        import sqlite3
        with contextlib.closing(sqlite3.connect(os.path.join(self.directory, db))) as c:
            submitter, = c.execute("SELECT value FROM meta WHERE key = 'database'").fetchone()
        link = Link(self.link, self.url, self.key("submit"), "submit")
        link.send({"machines": 1})
        machines, _ = link.until("machines")
        link.send({"listen": submitter, "since_us": 1})
        _, body = link.until("record")
        link.close()
        os.waitpid(link.pid, 0)
        return json.loads(machines["machines"][0]["announcement"]), json.loads(body)

    def played(self, names, announcement, record, seconds):
        pipe, theirs = multiprocessing.Pipe()
        process = multiprocessing.Process(target=play, args=(theirs, self.link, self.url, [self.key(name) for name in names], announcement, record,
                                                             seconds))
        process.start()
        theirs.close()
        if pipe.recv() != "there":
            sys.exit("the played workers do not come")
        self.wait_for(names)
        return pipe, process


def show(what, n, wall, cpu):
    print(f"{what:64} {wall / n * 1000:7.2f} ms each, {cpu / n * 1000:6.2f} ms of CPU where it is asked", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trapline")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--workers", type=int, default=20)
    o = parser.parse_args()
    if not shutil.which("nats-server", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"):
        print("skipped: nats-server is not installed")
        return 77
    directory = tempfile.mkdtemp(prefix="trapline-bench-")
    bench = Bench(os.path.abspath(o.trapline), directory)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    bad = False
    try:
        wall, _ = bench.ask(o.trials, "here.db", fleet=False)
        print(f"{f'{o.trials} trials without a fleet, 3 at a time':64} {wall / o.trials * 1000:7.2f} ms each", flush=True)
        three = bench.invite(3)
        workers = bench.begin_workers(three)
        bench.ask(3, "real.db")
        show(f"{o.trials} trials over 3 workers that run them", o.trials, *bench.ask(o.trials, "real.db"))
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
            worker.wait()
        announcement, record = bench.record("real.db")
        bad |= part_of_no_time(bench, o, three, announcement, record)
        bad |= part_of_long_trials(bench, o, announcement, record)
    finally:
        bench.call("fleet", "down", "--dir", bench.fleet)
        shutil.rmtree(directory, ignore_errors=True)
    return int(bad)


def part_of_no_time(bench, o, names, announcement, record):
    pipe, process = bench.played(names, announcement, record, 0)
    bench.ask(3, "played.db")
    wall, cpu = bench.ask(o.trials, "played.db")
    show(f"{o.trials} trials over 3 workers that answer at once", o.trials, wall, cpu)
    pipe.send("stop")
    pipe.recv()
    process.join()
    return max(wall, cpu) / o.trials * 1000 > MOST_MS


def part_of_long_trials(bench, o, announcement, record):
    names = bench.invite(o.workers)
    pipe, process = bench.played(names, announcement, record, o.seconds)
    wall, cpu = bench.ask(o.workers * o.turns, "long.db")
    pipe.send("stop")
    n, jobs, busy, first, last = pipe.recv()
    process.join()
    share = busy / (n * (last - first))
    print(f"{jobs} trials of {o.seconds:g} s over {n} workers: busy {share * 100:.2f} % of {last - first:.1f} s; "
          f"{busy and (n * (last - first) - busy) / jobs * 1000:.1f} ms between two trials of a worker; {wall:.1f} s in all, {cpu:.2f} s of CPU where "
          "it is asked", flush=True)
    return share < BUSY_LEAST


if __name__ == "__main__":
    sys.exit(main())
