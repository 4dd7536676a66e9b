"""A fleet of three machines, with a server and who asks on machines of their own: the network goes away, machines go down and come back.
Skipped where there can be no such machines, which says why."""
import glob
import json
import os
import shutil
import tempfile
import time
import unittest

import lab_fleet
from lab_fleet import LabFleet, rows, wait_for

WHY_NOT = lab_fleet.why_not()


@unittest.skipIf(WHY_NOT, WHY_NOT)
class FleetLab(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        made = tempfile.TemporaryDirectory(prefix="trapline-lab-")
        self.addCleanup(made.cleanup)
        self.f = LabFleet(made.name)
        self.addCleanup(self.f.close)

    def end(self, asks, n, outcome=None, status=None):
        """Waits for a command, which has n trials to tell of."""
        out, err = asks.communicate(lab_fleet.PATIENCE)
        self.assertIn(asks.poll(), (0, 1) if status is None else (status,), err)
        trials = json.loads(out)["trials"]
        self.assertEqual(len(trials), n, err)
        if outcome:
            self.assertEqual({t["outcome"] for t in trials}, {outcome}, err)
        return trials

    def settle(self, n):
        """All is recorded, once; nothing waits; every database is whole."""
        self.assertEqual(self.f.asked(), 0)
        self.assertEqual(len(self.f.outcomes()), n)
        wait_for(lambda: self.f.status()["waiting"] == 0, "a job is left on the server")
        self.f.stop_workers()
        self.assertEqual(self.f.check_databases(), [])

    def begin_slow(self, n, seconds=2):
        """Trials that take a while each, of which every worker has some."""
        asks = self.f.ask("hang_sleep", n, seconds)
        for name in self.f.workers:
            wait_for(lambda: self.f.began(name), f"{name} begins none: {self.f.log(name)}")
        return asks

    def test_three_machines_share_what_is_asked(self):
        self.f.start_workers()
        trials = self.end(self.f.ask("null_read", 30), 30, "crash", 1)
        self.assertEqual({t["outcome"] for t in trials}, {"crash"})
        shares = [len(rows(self.f.worker_db(name), "SELECT 1 FROM trial")) for name in self.f.workers]
        self.assertEqual(sum(shares), 30)
        self.assertTrue(all(shares), shares)
        names = {host for host, in rows(self.f.db, "SELECT name FROM machine JOIN environment ON environment.machine_id = machine.id "
                                                   "JOIN trial ON trial.environment_id = environment.id")}
        self.assertEqual(names, set(self.f.workers))
        self.settle(30)

    def test_the_network_of_a_worker_goes_away(self):
        """What it was given is given to others; what it brings when it is back is no second record."""
        self.f.start_workers()
        asks = self.begin_slow(12)
        held = self.f.began("one")
        self.f.workers["one"].unplug()
        self.end(asks, 12, "hang")
        self.assertEqual(self.f.running["one"].poll(), None)
        self.f.workers["one"].plug()
        wait_for(lambda: len(rows(self.f.worker_db("one"), "SELECT 1 FROM trial")) >= held, "it does not end what it began")
        self.end(self.f.ask("pass", 6), 6, "pass", 0)
        self.settle(18)

    def test_the_network_of_who_asks_goes_away(self):
        self.f.start_workers()
        asks = self.begin_slow(24)
        self.f.submitter.unplug()
        # Nobody is there to ask for more, so those that were asked for end.
        wait_for(lambda: self.f.status()["waiting"] == 0, "they do not end")
        self.f.submitter.plug()
        self.end(asks, 24, "hang")
        self.settle(24)

    def test_the_network_of_the_server_goes_away(self):
        self.f.start_workers()
        asks = self.begin_slow(12)
        self.f.server.unplug()
        time.sleep(3 * lab_fleet.ACK_WAIT_S)
        self.f.server.plug()
        self.end(asks, 12, "hang")
        self.settle(12)

    def test_the_server_is_killed_and_comes_back(self):
        self.f.start_workers()
        asks = self.begin_slow(12)
        self.f.kill_server()
        time.sleep(lab_fleet.ACK_WAIT_S)
        self.f.fleet("up")
        self.end(asks, 12, "hang")
        self.settle(12)

    def test_the_machine_of_the_server_goes_down(self):
        """Nobody is told: connections to it are open until somebody asks."""
        self.f.start_workers()
        asks = self.begin_slow(12)
        self.f.server.power_off()
        time.sleep(lab_fleet.ACK_WAIT_S)
        self.f.server.boot()
        self.f.fleet("up")
        self.end(asks, 12, "hang")
        self.settle(12)

    def test_a_machine_goes_down_and_comes_back(self):
        """With trials that run: others run them. It knows what it was doing, and goes on."""
        self.f.start_workers()
        asks = self.begin_slow(12)
        one = self.f.workers["one"]
        held = self.f.began("one")
        boot = one.run(["cat", "/proc/sys/kernel/random/boot_id"]).stdout
        self.f.power_off_worker("one")
        time.sleep(1)
        one.boot()
        self.assertNotEqual(one.run(["cat", "/proc/sys/kernel/random/boot_id"]).stdout, boot)
        self.assertEqual(one.run(["hostname"]).stdout, "one\n")
        self.f.start_worker("one")
        self.end(asks, 12, "hang")
        # Lost to this machine alone, though it may have been given them a second time.
        self.assertEqual(rows(self.f.worker_db("one"), "SELECT count(*) FROM trial WHERE outcome = 'lost'"), [(held,)])
        self.settle(12)

    def test_a_job_that_the_server_gives_to_nobody_is_asked_for_again(self):
        """As after its machine went down: of what was written last a part is there, here that a job is done, and not what came of it."""
        self.f.start_worker("one")
        wait_for(lambda: "one" in self.f.here(), "it does not come")
        self.end(self.f.ask("pass"), 1, "pass", 0)
        # Nobody knows of it yet that it is gone.
        worker = self.f.running.pop("one")
        worker.kill_hard()
        worker.communicate()
        asks = self.f.ask("pass")
        wait_for(lambda: self.f.status()["waiting"] == 1, "it does not ask")
        asks.kill_hard()
        asks.communicate()
        jobs, = glob.glob(self.f.server.path("fleet", "jetstream", "jetstream", "*", "streams", "JOBS"))
        store, kept = os.path.dirname(jobs), self.f.server.path("kept")
        self.f.fleet("down")
        shutil.copytree(store, kept)
        self.f.fleet("up")
        self.f.start_worker("one")
        wait_for(lambda: self.f.status()["waiting"] == 0, "it is not done")
        self.f.fleet("down")
        for part in (os.path.join("JOBS", "msgs"), "RESULTS"):
            shutil.rmtree(os.path.join(store, part))
            shutil.copytree(os.path.join(kept, part), os.path.join(store, part))
        self.f.fleet("up")
        self.assertEqual(self.f.status()["waiting"], 1)

        def recorded():
            self.end(self.f.ask("pass"), 1, "pass", 0)
            return self.f.asked() == 0
        wait_for(recorded, "it is waited for, and nobody runs it")
        self.f.stop_workers()
        self.assertEqual(self.f.status()["waiting"], 0)
        self.assertEqual(self.f.check_databases(), [])

    def test_two_commands_at_a_time(self):
        """Each is told of the records of both."""
        self.f.start_workers()
        first, second = self.f.ask("pass", 40), self.f.ask("error", 40)
        self.end(first, 40, "pass", 0)
        self.end(second, 40, "error", 1)
        self.settle(80)

    def test_nothing_of_a_lab_is_left(self):
        pids = [machine.held.pid for machine in self.f.lab.machines.values()] + [self.f.lab.switch.pid]
        self.assertTrue(all(os.path.exists(f"/proc/{pid}") for pid in pids))
        self.f.close()
        self.assertEqual([pid for pid in pids if os.path.exists(f"/proc/{pid}")], [])


if __name__ == "__main__":
    unittest.main()
