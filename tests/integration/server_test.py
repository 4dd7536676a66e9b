"""Fork servers that die, hang or lie: every trial is answered once and rightly, and nothing stays behind."""
import contextlib
import json
import os
import shutil
import signal
import time
import unittest

from program import PATIENCE, TRAPLINE, ProgramTest

FAULTS = ["", "fail_on_load", "die_on_load", "exit_on_load", "garbage_on_load", "die_on_fork:1", "die_on_fork:3",
          "exit_on_fork:1", "exit_on_fork:2", "die_after_fork:1", "die_after_fork:3", "lie_about_pid"]


def alive_with(marker):
    """Processes in whose environment the marker is, zombies left out."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if marker.encode() in f.read():
                    found.append(int(pid))
        except OSError:
            continue
    return found


def children_with(marker):
    """Of them, those that another one of them forked: (when it was, pid, parent)."""
    found, all_of_them = [], alive_with(marker)
    for pid in all_of_them:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) in all_of_them:
            found.append((int(fields[19]), pid, int(fields[1])))
    return sorted(found)


class ServerTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.env["TRAPLINE_TEST_MARKER"] = f"trapline-server-{os.getpid()}-{time.monotonic_ns()}"
        self.quick = self.case("quick", {"family": "selftest"},
                               [{"name": "behaviour", "choices": ["pass", "null_read", "error"]}], limits={"timeout_s": 1})
        self.patient = self.case("patient", {"family": "selftest"},
                                 [{"name": "behaviour", "choices": ["pass", "null_read", "error"]}])

    def answered(self, case, fault, behaviour, number, jobs="2"):
        env = dict(self.env, TRAPLINE_SELFTEST_SERVE=fault)
        trials = self.trials(case, "-u", "selftest:cpu", "-s", "behaviour=" + behaviour, "-n", str(number), "-j", jobs,
                             env=env)
        self.assertEqual(len({t["id"] for t in trials}), number, fault)
        self.assertEqual(alive_with(self.env["TRAPLINE_TEST_MARKER"]), [], fault)
        self.assertEqual(os.listdir(self.path("tmp")), [], fault)
        return trials

    def test_faults(self):
        for fault in FAULTS:
            outcomes = [t["outcome"] for t in self.answered(self.patient, fault, "pass", 6)]
            self.assertEqual(outcomes, ["pass"] * 6, fault)
        stored = json.loads(self.trapline("list", "trials", "--limit", "1000", "--json", status=0).stdout)["trials"]
        self.assertEqual(len(stored), 6 * len(FAULTS))

    def test_classification(self):
        expected = {}
        for fault in FAULTS:
            for behaviour in ("null_read", "error"):
                for t in self.answered(self.patient, fault, behaviour, 2):
                    key = (t["outcome"], t["phase"], t["signal"], t["signature"]["id"], t["message"])
                    self.assertEqual(expected.setdefault(behaviour, key), key, fault)
        self.assertEqual(expected["null_read"][0], "crash")

    def spare(self):
        """(pid, parent) of the spare of a server whose trial hangs: it is the younger one of the two children."""
        marker, seen, until = self.env["TRAPLINE_TEST_MARKER"], None, time.monotonic() + PATIENCE
        while time.monotonic() < until:
            found = children_with(marker)
            # trapline's own child with children is the server.
            servers = {parent for _, _, parent in found} & {pid for _, pid, _ in found}
            born = [c for c in found if c[2] in servers]
            if len(born) == 2 and born == seen:
                return born[-1][1:]
            seen = born
            time.sleep(0.05)
        self.fail("no spare was made")

    def test_spare(self):
        """A spare that is killed, or whose server is killed, while it waits costs no trial its answer."""
        case = self.case("hangs", {"family": "selftest"}, [{"name": "behaviour", "choices": ["hang_sleep"]}],
                         limits={"timeout_s": 2})
        for victim in ("none", "spare", "server"):
            running = self.start("run", case, "-u", "selftest:cpu", "-n", "2", "-j", "1", "--json")
            spare, server = self.spare()
            with open(f"/proc/{spare}/limits", encoding="utf-8") as f:
                self.assertIn("Max core file size        1 ", f.read())
            if victim != "none":
                os.kill(spare if victim == "spare" else server, signal.SIGKILL)
            out, err = running.communicate(timeout=PATIENCE)
            self.assertEqual(running.returncode, 1, (victim, err))
            trials = json.loads(out)["trials"]
            self.assertEqual([t["outcome"] for t in trials], ["hang"] * 2, err)
            self.assertEqual(len({t["signature"]["id"] for t in trials}), 1, victim)
            self.assertEqual(alive_with(self.env["TRAPLINE_TEST_MARKER"]), [], victim)
            self.assertEqual(os.listdir(self.path("tmp")), [], victim)

    def test_one_server_after_another(self):
        """The next server of a slot keeps its directory when that of the one before is removed."""
        other = shutil.copy(os.path.join(os.path.dirname(TRAPLINE), "../../runners/selftest/trapline-selftest"), self.path("other"))
        case = self.case("hangs", {"family": "selftest"}, [{"name": "behaviour", "choices": ["hang_sleep"]}],
                         limits={"timeout_s": 1})
        running = self.start("run", case, "-u", "selftest:cpu", "-u", other + ":cpu", "-n", "2", "-j", "1", "--json")
        places = set()
        while running.poll() is None:
            for pid in alive_with(self.env["TRAPLINE_TEST_MARKER"]):
                with contextlib.suppress(OSError):
                    places.add(os.readlink(f"/proc/{pid}/cwd"))
            time.sleep(0.01)
        out, err = running.communicate(timeout=PATIENCE)
        self.assertEqual([t["outcome"] for t in json.loads(out)["trials"]], ["hang"] * 4, err)
        servers = {p for p in places if "/server-" in p}
        self.assertGreaterEqual(len(servers), 2, places)
        self.assertEqual([p for p in servers if p.endswith("(deleted)")], [])

    def test_hangs(self):
        """Side by side, for each waits until its deadlines have passed."""
        began = []
        for case, fault, jobs in ((self.quick, "hang_on_load", "2"), (self.patient, "hang_on_fork:2", "1")):
            self.db = self.path(os.path.basename(case) + ".db")
            self.env["TRAPLINE_SELFTEST_SERVE"] = fault
            began.append(self.start("run", case, "-u", "selftest:cpu", "-s", "behaviour=pass", "-n", "2", "-j", jobs, "--json"))
        for child in began:
            out, err = child.communicate(timeout=PATIENCE)
            self.assertEqual(child.returncode, 0, err)
            self.assertEqual([t["outcome"] for t in json.loads(out)["trials"]], ["pass"] * 2)
        self.assertEqual(alive_with(self.env["TRAPLINE_TEST_MARKER"]), [])


if __name__ == "__main__":
    unittest.main()
