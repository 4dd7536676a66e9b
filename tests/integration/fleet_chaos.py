"""Kills parts of a fleet at random, and looks afterwards whether anything was lost: fleet_chaos.py [--rounds N] [--seed S] [--servers N] [--keep DIRECTORY]

A server, who asks and three workers are machines of their own (fleet_lab.py). Commands follow one another on the machine that asks, two at a
time with one database, each for a dozen trials; a round kills one of them with -9, or a worker, or the server, or the power of a whole machine, and it comes back a
moment later, when the next round may have begun. In the end all runs, and a last command takes what is not answered yet.

What has to be true then:

- Every trial that was asked for has one row in the database of who asked. A trigger of this test notes what is asked for, in the same
  transaction.
- A command that was not killed told of as many trials as it was asked for, and each is in the database with the same outcome.
- Nothing is left in the table of what is asked for. (Messages of jobs that are done may be: a nats-server 2.9 that was killed has them again.)
- A trial is `lost` only where a worker was killed that had begun it.
- Databases of all machines are whole."""
import argparse
import collections
import contextlib
import json
import os
import random
import shutil
import sqlite3
import sys
import tempfile
import threading
import time

import lab_fleet
from lab_fleet import LabFleet, rows

ASKS = [("pass", 24, None), ("null_read", 12, None), ("hang_sleep", 12, 1), ("error", 12, None)]
LANES = 2 # commands at a time
ROUND_S = (0.3, 2.5)
DOWN_S = (0.2, 4.0)
SETTLES_S = 180


class Chaos:
    def __init__(self, directory, seed, servers):
        self.random = random.Random(seed)
        self.fleet = LabFleet(directory, servers=servers)
        self.wrong, self.done, self.killed = [], collections.Counter(), collections.Counter()
        self.kills = collections.defaultdict(list) # of workers, when
        self.stop, self.commands, self.told = threading.Event(), {}, {}
        self.lock = threading.RLock() # of what is being killed and begun
        self.down = [] # (when it comes back, how)

    # --- who asks: threads, which wait for commands

    def ask_on(self, lane):
        turn = lane
        while not self.stop.is_set():
            with self.lock:
                # The machine may be down.
                command = self.commands[lane] = self.begin_command(turn) if self.fleet.submitter.held else None
            if command:
                self.end_command(command, *ASKS[turn % len(ASKS)])
                turn += 1
            else:
                time.sleep(0.1)

    def begin_command(self, turn):
        behaviour, n, timeout_s = ASKS[turn % len(ASKS)]
        return self.fleet.ask(behaviour, n, timeout_s)

    def end_command(self, command, behaviour, n, _timeout_s):
        out, err = command.communicate()
        status = command.poll()
        if status < 0:
            self.done["killed"] += 1
            return
        if status == 3 and "cannot reach the fleet" in err and not out.strip(): # it began while there was no server, and asked for nothing
            self.done["refused"] += 1
            return
        self.done["ended"] += 1
        try:
            trials = json.loads(out)["trials"]
        except ValueError:
            trials = []
        if status not in (0, 1) or len(trials) != n:
            self.wrong.append(f"{behaviour}: exit status {status} and {len(trials)} trials of {n}: {err[-600:]}")
        self.told.update((t["id"], t["outcome"]) for t in trials)

    # --- what is killed

    def later(self, how, *what):
        self.down.append((time.monotonic() + self.random.uniform(*DOWN_S), how, what))

    def come_back(self, all_of_them=False):
        now = time.monotonic()
        due, self.down = ([d for d in self.down if all_of_them or d[0] <= now], [d for d in self.down if not all_of_them and d[0] > now])
        for _, how, what in due:
            with self.lock:
                how(*what)

    def mind_workers(self):
        """One that began while there was no server has ended, and said so: a service would be started again."""
        for name, worker in list(self.fleet.running.items()):
            if worker.poll() is not None:
                if worker.poll() != 3:
                    self.wrong.append(f"a worker ended with status {worker.poll()}: {self.fleet.log(name)[-600:]}")
                self.done["workers begun again"] += 1
                self.fleet.start_worker(name)

    def kill_worker(self):
        name = self.random.choice([name for name in self.fleet.workers if name in self.fleet.running] or [None])
        if name:
            self.kills[name].append(time.time())
            self.fleet.running.pop(name).kill_hard()
            self.later(self.fleet.start_worker, name)
        return name

    def power_off_worker(self):
        name = self.random.choice([name for name in self.fleet.workers if name in self.fleet.running] or [None])
        if name:
            self.kills[name].append(time.time())
            self.fleet.power_off_worker(name)
            self.later(self.boot_worker, name)
        return name

    def boot_worker(self, name):
        self.fleet.workers[name].boot()
        self.fleet.start_worker(name)

    def kill_submitter(self):
        alive = [command for command in self.commands.values() if command and command.poll() is None]
        if not alive:
            return None
        self.random.choice(alive).kill_hard()
        return "submitter"

    def power_off_submitter(self):
        if not self.fleet.submitter.held:
            return None
        self.fleet.submitter.power_off()
        self.later(self.fleet.submitter.boot)
        return "submitter"

    def kill_server(self):
        if self.server_is_down():
            return None
        server = self.random.randrange(len(self.fleet.places))
        self.fleet.kill_server(server)
        self.later(self.fleet.begin_server, server)
        return f"server {server + 1}"

    def power_off_server(self):
        if self.server_is_down():
            return None
        self.fleet.server.power_off()
        self.later(self.boot_server)
        return "server"

    def boot_server(self):
        self.fleet.server.boot()
        self.fleet.begin_servers()

    def server_is_down(self):
        return any(how in (self.fleet.begin_server, self.boot_server) for _, how, _what in self.down)

    def round(self, number):
        ways = [self.kill_worker, self.power_off_worker, self.kill_submitter, self.power_off_submitter, self.kill_server, self.power_off_server]
        end = time.monotonic() + self.random.uniform(*ROUND_S)
        while time.monotonic() < end:
            self.come_back()
            self.mind_workers()
            time.sleep(0.02)
        while True: # what is down cannot be killed; something is not down for long
            way = self.random.choice(ways)
            with self.lock:
                what = way()
            if what:
                break
            self.come_back()
            time.sleep(0.05)
        self.killed[way.__name__] += 1
        print(f"round {number}: {way.__name__} {what}; asked and not answered {self.fleet.asked()}", flush=True)

    # --- what has to be true

    def settle(self):
        """All is there again, and whoever asks next takes what is left."""
        self.come_back(all_of_them=True)
        end = time.monotonic() + SETTLES_S
        while time.monotonic() < end:
            self.mind_workers()
            command = self.fleet.ask("pass", 3)
            self.end_command(command, "pass", 3, None)
            if not self.fleet.asked():
                return
            time.sleep(1)
        self.wrong.append(f"after {SETTLES_S} s: {self.fleet.asked()} asked for and not answered")

    def look(self):
        asked = [id for id, in rows(self.fleet.db, "SELECT trial_id FROM noted")]
        there = dict(rows(self.fleet.db, "SELECT id, outcome FROM trial"))
        self.expect("asked for and not recorded", set(asked) - set(there))
        self.expect("asked for twice", {id for id, n in collections.Counter(asked).items() if n > 1})
        self.expect("recorded and not asked for", set(there) - set(asked))
        self.expect("told and not recorded like that", {id for id, outcome in self.told.items() if there.get(id) != outcome})
        lost = {id for id, outcome in there.items() if outcome == "lost"}
        begun = {}
        for name in self.fleet.workers:
            for id, us in rows(self.fleet.worker_db(name), "SELECT id, started_us FROM trial WHERE outcome = 'lost'"):
                if any(at > us / 1e6 for at in self.kills[name]):
                    begun.setdefault(id, []).append(name)
                else:
                    self.wrong.append(f"{id} is lost to {name}, which was not killed")
        self.expect("lost to nobody", lost - set(begun))
        self.wrong += self.fleet.check_databases()
        outcomes = collections.Counter(there.values())
        ran = sum(len(rows(self.fleet.worker_db(name), "SELECT 1 FROM trial")) for name in self.fleet.workers)
        print(f"{len(asked)} trials asked for by {self.done['ended'] + self.done['killed']} commands; {dict(self.done)}; "
              f"begun {ran} times; {dict(outcomes)}; lost to a worker {len(begun)}; kills {dict(self.killed)}; "
              f"on the server still {self.fleet.status()['waiting']}", flush=True)

    def expect(self, what, ids):
        if ids:
            self.wrong.append(f"{what}: {len(ids)}, such as {', '.join(sorted(ids)[:4])}")

    def run(self, rounds):
        self.fleet.start_workers()
        self.end_command(self.fleet.ask("pass", 3), "pass", 3, None)
        with contextlib.closing(sqlite3.connect(self.fleet.db, timeout=30)) as c, c:
            c.execute("CREATE TABLE noted(trial_id TEXT)")
            c.execute("INSERT INTO noted SELECT id FROM trial")
            c.execute("CREATE TRIGGER note AFTER INSERT ON asked BEGIN INSERT INTO noted VALUES(new.trial_id); END")
        asks = [threading.Thread(target=self.ask_on, args=(lane,)) for lane in range(LANES)]
        for thread in asks:
            thread.start()
        began = time.monotonic()
        try:
            for number in range(1, rounds + 1):
                self.round(number)
        finally:
            self.stop.set()
            self.come_back(all_of_them=True)
            for thread in asks:
                thread.join()
        killed_s = time.monotonic() - began
        self.settle()
        self.fleet.stop_workers()
        self.look()
        print(f"{rounds} rounds in {killed_s:.0f} s, settled {time.monotonic() - began - killed_s:.0f} s later", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--servers", type=int, default=1)
    parser.add_argument("--keep", help="a directory in which all is left")
    options = parser.parse_args()
    why_not = lab_fleet.why_not()
    if why_not:
        print("skipped:", why_not)
        return 77
    seed = random.randrange(1 << 32) if options.seed is None else options.seed
    print("seed", seed, flush=True)
    directory = options.keep or tempfile.mkdtemp(prefix="trapline-chaos-")
    os.makedirs(directory, exist_ok=True)
    chaos = Chaos(directory, seed, options.servers)
    try:
        chaos.run(options.rounds)
    finally:
        chaos.fleet.close()
        if not options.keep and not chaos.wrong and not sys.exc_info()[0]:
            shutil.rmtree(directory, ignore_errors=True)
    for line in chaos.wrong:
        print("WRONG:", line)
    if chaos.wrong:
        print("all of it is in", directory)
    return 1 if chaos.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
