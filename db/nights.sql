-- Nightly runs. A night is one run of a suite on a machine; one that was cut short is gone on with under the same id, in
-- another session. Its trials are those of its sessions.
CREATE TABLE night (
    id         TEXT PRIMARY KEY, -- UUIDv7
    suite      TEXT NOT NULL,
    machine_id TEXT NOT NULL,    -- machine(id)
    n          INTEGER NOT NULL, -- counts the nights of a suite on a machine: their order, whatever the clock did
    plan       TEXT NOT NULL,    -- content id of what is to be run
    started_us INTEGER NOT NULL,
    ended_us   INTEGER,          -- NULL: it was cut short, or still runs
    document   TEXT              -- what it found (docs/nightly.md); NULL until it ended
);
CREATE INDEX night_by_suite ON night(suite, machine_id, n);

CREATE TABLE night_session (
    session_id TEXT PRIMARY KEY REFERENCES session(id),
    night_id   TEXT NOT NULL REFERENCES night(id),
    boot       TEXT              -- which run of the machine it was: a trial lost in it may have taken the machine down
) WITHOUT ROWID;
CREATE INDEX night_session_by_night ON night_session(night_id);

-- What a night saw of one variant of a case on one unit: what the next nights are compared with. Written when it ends.
CREATE TABLE night_cell (
    night_id     TEXT NOT NULL REFERENCES night(id),
    suite        TEXT NOT NULL,    -- of the night, as are the next two: so that a history is one walk through an index
    machine_id   TEXT NOT NULL,
    n            INTEGER NOT NULL,
    case_name    TEXT NOT NULL,
    case_hash    TEXT NOT NULL,
    variant_hash TEXT NOT NULL,
    unit         TEXT NOT NULL,
    lane         TEXT NOT NULL,    -- RUNNER:DEVICE: units that differ in the build only continue one another
    continues    TEXT,             -- the unit of the night before whose history this one continues; NULL: it has none
    changed      INTEGER NOT NULL, -- bits: 1 the outcome, 2 the time, 4 the memory differs from what was before
    class        TEXT NOT NULL,    -- what was said of it
    passed       INTEGER NOT NULL, -- trials
    failed       INTEGER NOT NULL, -- crash, hang, oom, wrong, fallback
    refused      INTEGER NOT NULL, -- error
    unsupported  INTEGER NOT NULL,
    lost         INTEGER NOT NULL,
    fresh        INTEGER NOT NULL, -- seconds and memory are those of processes of their own
    failures     TEXT NOT NULL,    -- JSON: [{"outcome","phase","signal","coarse","title","trial","trials"}], most frequent first
    seconds      TEXT NOT NULL,    -- JSON: of trials that passed, from load to check, ascending
    memory       TEXT NOT NULL,    -- JSON: bytes, likewise
    environment  TEXT NOT NULL,    -- JSON: {"runtime_version", "os_build", …}, what is known
    -- Since the last change of the outcome, with this night: what the next night is compared with.
    since          TEXT NOT NULL,    -- JSON: {"night", "n", "started_us", "unit", "failures"}; failures as above
    since_nights   INTEGER NOT NULL,
    since_passed   INTEGER NOT NULL,
    since_failed   INTEGER NOT NULL,
    since_refused  INTEGER NOT NULL,
    PRIMARY KEY (night_id, case_name, variant_hash, unit)
);
CREATE INDEX night_cell_history ON night_cell(case_name, variant_hash, lane, suite, machine_id, n);
