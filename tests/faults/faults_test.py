#!/usr/bin/env python3
"""A few faults and kills, drawn anew each time, of those that sweep.py goes through; the seed is printed, and TRAPLINE_FAULTS_SEED sets
it. What a command was asked for has to be there afterwards or be said, and nothing else may be left."""
import os
import random
import tempfile
import unittest

import inject
import world

SEED = int(os.environ.get("TRAPLINE_FAULTS_SEED") or random.randrange(1 << 32))
OTHERS = sorted(set(world.COMMANDS) - {"run", "bundle", "reduce"}) # these make tens of thousands of calls, and are for sweep.py


@unittest.skipUnless(inject.works(), "needs strace, and that it may trace")
class FaultsTest(unittest.TestCase):
    def setUp(self):
        print(f"seed {SEED}")
        self.random = random.Random(SEED)
        made = tempfile.TemporaryDirectory(prefix="trapline-faults-")
        self.addCleanup(made.cleanup)
        self.directory = made.name

    def world(self, name):
        directory = os.path.join(self.directory, name)
        os.mkdir(directory)
        return world.World(directory, name), os.path.join(directory, "trace")

    def test_calls_that_fail(self):
        for name in ("run", self.random.choice(OTHERS)):
            w, trace = self.world(name)
            points = list(inject.points(w.names, w.first))
            injected = 0
            # Calls are not as many in each attempt, so that a drawn one may not come: then it is another's turn.
            for call, nth in self.random.sample(points, 10):
                error, for_good = self.random.choice(inject.CALLS[call]), call not in inject.MOMENTARY and self.random.random() < 0.5
                w.fresh()
                with self.subTest(command=name, call=call, nth=nth, error=error, for_good=for_good):
                    done = inject.fail(w.argv(), w.env(w.marker), world.PATIENCE, trace, call, nth, error, for_good, w.here)
                    if inject.was_injected(trace):
                        injected += 1
                        self.assertEqual(w.disturbed(done, call, for_good), [], done.err)
                if injected == 2:
                    break
            self.assertGreater(injected, 0, name)

    def test_pages_that_cannot_be_read(self):
        """SQLite says of one that it is damaged; but a disk that cannot be read is the machine's, and the file is as it was."""
        for name in ("site", "check", "merge"):
            w, trace = self.world(name)
            pages = [nth for call, nth in inject.points(w.names, w.first) if call == "pread64"]
            wrong, seen = [], 0
            for nth in pages:
                w.fresh()
                done = inject.fail(w.argv(), w.env(w.marker), world.PATIENCE, trace, "pread64", nth, "EIO", False, w.here)
                seen += inject.was_injected(trace)
                wrong += w.disturbed(done, "pread64", False)
                if name == "check" and done.out not in ("", w.plain.out):
                    wrong.append(("called damage", done.out))
            self.assertEqual(wrong, [], name)
            self.assertGreater(seen, 10, name)

    def test_kills(self):
        name = self.random.choice(OTHERS)
        w, trace = self.world(name)
        killed = 0
        for _ in range(10): # not each comes to the call that was drawn
            at = self.random.randrange(w.first, len(w.names)) + 1
            w.fresh()
            with self.subTest(command=name, killed_at=at):
                done = inject.kill(w.argv(), w.env(w.marker), world.PATIENCE, trace, w.names, at, w.here)
                killed += inject.was_killed(done)
                self.assertEqual(w.afterwards(done, done.status == w.command.status, killed=inject.was_killed(done)), [])
            if killed == 3:
                break
        self.assertGreater(killed, 0, name)

    def test_a_fault_that_is_known(self):
        """The tests see what they are for: a full disk as the first trial is announced."""
        w, trace = self.world("run --fresh")
        w.fresh()
        done = inject.fail(w.argv(), w.env(w.marker), world.PATIENCE, trace, "pwritev2", 1, "ENOSPC", True, w.here)
        self.assertTrue(inject.was_injected(trace))
        self.assertEqual(done.status, 3, done.err)
        self.assertIn("No space left on device", done.err)
        self.assertEqual(w.disturbed(done, "pwritev2", True), [])
        w.fresh()
        w.rows_before += 1 # as if one of the trials was missing
        done = inject.run(w.argv(), w.env(w.marker), world.PATIENCE, [], trace, w.here)
        self.assertEqual([kind for kind, _ in w.disturbed(done)], ["asked for, and not there"], done.err)


if __name__ == "__main__":
    unittest.main()
