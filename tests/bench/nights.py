#!/usr/bin/env python3
"""What a night costs besides its trials, in a database of a million of them: nights.py TRAPLINE [TRIALS]

A real night of the simulated runtime is run and then copied, row by row under new ids, until there are that many trials. The last
one is then as it is when it was cut short after its last trial: the same command puts it together again from the
database, compares every cell with the nights before, and ends it. That is measured, against the same with two nights only,
for trapline also starts, opens the database and asks the units what they are. Wanted: under a second."""

import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid

CELLS, REPEAT = 200, 5
WANTED_S = 1.0


def run(trapline, suite, db, env):
    began = time.monotonic()
    done = subprocess.run([trapline, "nightly", suite, "--db", db, "--json"], env=env, capture_output=True, text=True,
                          timeout=600)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    return time.monotonic() - began, json.loads(done.stdout)


def columns(c, table):
    return [row[1] for row in c.execute(f"PRAGMA table_info({table})")]


def copy_night(c, night, session, times):
    """More nights that saw what one night saw."""
    trial = [x for x in columns(c, "trial") if x != "n"]
    kept = {name: c.execute(f"SELECT * FROM {name} WHERE {key} = ?", (value,)).fetchall()
            for name, key, value in (("night", "id", night), ("night_session", "night_id", night),
                                     ("night_cell", "night_id", night), ("session", "id", session))}
    trials = c.execute(f"SELECT {','.join(trial)} FROM trial WHERE session_id = ?", (session,)).fetchall()
    at = {name: i for i, name in enumerate(trial)}
    marks = lambda row: ",".join("?" * len(row))
    for number in range(times):
        new_night, new_session, later = str(uuid.uuid4()), str(uuid.uuid4()), (number + 1) * 1000000
        row = list(kept["session"][0])
        row[0] = new_session
        c.execute(f"INSERT INTO session VALUES({marks(row)})", row)
        row = list(kept["night"][0])
        row[0], row[3], row[5], row[6] = new_night, row[3] + number + 1, row[5] + later, row[6] + later
        row[7] = json.dumps(dict(json.loads(row[7]), night=new_night, n=row[3]))
        c.execute(f"INSERT INTO night VALUES({marks(row)})", row)
        row = list(kept["night_session"][0])
        row[0], row[1] = new_session, new_night
        c.execute(f"INSERT INTO night_session VALUES({marks(row)})", row)
        c.executemany(f"INSERT INTO night_cell VALUES({marks(kept['night_cell'][0])})",
                      ([new_night, *row[1:]] for row in kept["night_cell"]))

        def renamed():
            for row in trials:
                row = list(row)
                row[at["id"]], row[at["session_id"]] = str(uuid.uuid4()), new_session
                row[at["started_us"]] += later
                yield row

        c.executemany(f"INSERT INTO trial({','.join(trial)}) VALUES({marks(trial)})", renamed())
    c.execute("DELETE FROM summary")
    c.execute("INSERT INTO summary SELECT case_hash, variant_hash, unit, ifnull(environment_id, ''), outcome, "
              "ifnull(signature_id, ''), count(*), sum(fresh), min(started_us), max(started_us) FROM trial GROUP BY 1, 2, "
              "3, 4, 5, 6")
    c.execute("DELETE FROM tally")
    c.execute("INSERT INTO tally SELECT case_name, case_hash, unit, outcome, ifnull(signature_id, ''), count(*), "
              "min(started_us), max(started_us) FROM trial GROUP BY 1, 2, 3, 4, 5")
    return new_night


def cut_short(db):
    """The newest night, before its end."""
    with sqlite3.connect(db) as c:
        night = c.execute("SELECT id FROM night ORDER BY n DESC LIMIT 1").fetchone()[0]
        c.execute("DELETE FROM night_cell WHERE night_id = ?", (night,))
        c.execute("UPDATE night SET ended_us = NULL, document = NULL WHERE id = ?", (night,))


def measure(trapline, suite, db, env, nights):
    least, document = 1e9, None
    for _ in range(3):
        cut_short(db)
        seconds, document = run(trapline, suite, db, env)
        assert document["resumed"] and document["n"] == nights and document["trials"] == CELLS * REPEAT, document["n"]
        least = min(least, seconds)
    return least, document


def main():
    trapline, wanted = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1000000
    with tempfile.TemporaryDirectory(prefix="trapline-bench-") as directory:
        db, path = os.path.join(directory, "t.db"), lambda *names: os.path.join(directory, *names)
        env = dict(os.environ, XDG_CACHE_HOME=path("cache"), XDG_STATE_HOME=path("state"), TRAPLINE_PROFILES=directory)
        with open(path("bench.json"), "w") as f:
            json.dump({"trapline_profile": 1, "name": "bench", "title": "a benchmark", "rules": [
                {"name": "breaks", "phase": "execute", "message": "it breaks", "signal": "SIGSEGV", "in": "attention",
                 "when": {"axis": "begin_index", "in": ["tensor"]}}]}, f)
        with open(path("case.json"), "w") as f:
            json.dump({"trapline": 1, "name": "bench", "model": {"family": "decoder"}, "axes": [
                {"name": "weight_seed", "range": [1, CELLS // 2]}, {"name": "kv_write", "choices": ["scatter"]},
                {"name": "begin_index", "choices": ["constant", "tensor"]}]}, f)
        with open(path("suite.json"), "w") as f:
            json.dump({"trapline": 1, "suite": "bench", "cases": ["case.json"], "units": ["sim@bench:gpu"],
                       "repeat": REPEAT, "isolate_new": False, "variants": {
                           "weight_seed": list(range(1, CELLS // 2 + 1)), "begin_index": ["constant", "tensor"]}}, f)
        suite = path("suite.json")
        run(trapline, suite, db, env)
        with sqlite3.connect(db) as c:
            night, session = c.execute("SELECT night_id, session_id FROM night_session").fetchone()
            copy_night(c, night, session, 1)
        few, _ = measure(trapline, suite, db, env, 2)
        with sqlite3.connect(db) as c:
            c.execute("PRAGMA synchronous = OFF")
            night, session = c.execute("SELECT z.night_id, z.session_id FROM night_session z JOIN night n ON n.id = z.night_id "
                                       "JOIN trial t ON t.session_id = z.session_id ORDER BY n.n DESC LIMIT 1").fetchone()
            nights = wanted // (CELLS * REPEAT) - 2
            copy_night(c, night, session, nights)
        trials = sqlite3.connect(db).execute("SELECT count(*) FROM trial").fetchone()[0]
        many, document = measure(trapline, suite, db, env, nights + 2)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"{trials} trials in {nights + 2} nights of {CELLS} cells")
        print(f"  a night without its trials  {many:6.3f} s (under {WANTED_S:g} s wanted){'' if many < WANTED_S else '  MISSED'}")
        print(f"  with two nights only        {few:6.3f} s")
        print(f"  peak memory                 {peak:6.0f} MiB (under 500 wanted){'' if peak < 500 else '  MISSED'}")
        print(f"  what it said                {document['counts']}")


if __name__ == "__main__":
    main()
