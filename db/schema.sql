-- The database of trapline: every trial that was ever run, for good.
--
-- Identity is a UUID version 7 or the hash of the content, never a number that one database gave out, so that two
-- databases are merged row by row (db/merge.c); the last two tables are sums and are added up.
-- What repeats (cases, variants, modules, stacks, signatures) is stored once. Rowids are local and mean nothing.
--
-- TEXT columns marked "packed" hold text, or a zstd frame of it as a BLOB when it is long (typeof() tells).
-- Lists of numbers are JSON; 64-bit addresses in them are signed, as SQLite's integers are.
-- This file makes version 1 of the schema; every later version is a step in db/migrate.c.

PRAGMA application_id = 0x54724c44; -- "TrLD"

CREATE TABLE meta (
    key   TEXT PRIMARY KEY, -- 'database': UUID of this database
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE machine (
    id     TEXT PRIMARY KEY, -- content id of the rest
    name   TEXT,
    arch   TEXT,
    cpu    TEXT,
    cores  INTEGER,
    memory INTEGER           -- bytes
) WITHOUT ROWID;

-- One process of trapline that wrote trials.
CREATE TABLE session (
    id         TEXT PRIMARY KEY, -- UUID
    machine_id TEXT REFERENCES machine(id),
    os         TEXT,
    os_build   TEXT,
    kernel     TEXT,
    trapline   TEXT,             -- its version
    command    TEXT,
    started_us INTEGER,
    ended_us   INTEGER           -- NULL: it did not end in order, or still runs
) WITHOUT ROWID;

-- What a cached outcome is valid for. Columns other than id are NULL for one known by its id only.
CREATE TABLE environment (
    id              TEXT PRIMARY KEY, -- content id, see tl_environment_id
    machine_id      TEXT REFERENCES machine(id),
    os_build        TEXT,
    driver          TEXT,
    device          TEXT,
    runner          TEXT,
    runner_version  TEXT,
    runtime_path    TEXT,
    runtime_sha256  TEXT,
    runtime_version TEXT
) WITHOUT ROWID;

CREATE TABLE case_file (
    hash TEXT PRIMARY KEY, -- content id of the canonical document
    name TEXT NOT NULL,
    json TEXT              -- packed; NULL: known by its name only
);
CREATE INDEX case_file_by_name ON case_file(name);

CREATE TABLE variant (
    hash TEXT PRIMARY KEY, -- content id of the JSON; the same choices may occur in many cases
    json TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE unit (
    name TEXT PRIMARY KEY  -- RUNNER[@BUILD]:DEVICE
) WITHOUT ROWID;

CREATE TABLE signature (
    id           TEXT PRIMARY KEY,
    outcome      TEXT NOT NULL,
    phase        TEXT NOT NULL,
    signal       INTEGER NOT NULL,
    title        TEXT NOT NULL,
    coarse_id    TEXT,
    coarse_title TEXT
);
CREATE INDEX signature_by_coarse ON signature(coarse_id);

CREATE TABLE module (
    id       TEXT PRIMARY KEY, -- content id of build-id and path
    build_id TEXT NOT NULL,
    path     TEXT NOT NULL
);

-- The modules of a process, as one list: it repeats from crash to crash, only the load addresses differ.
CREATE TABLE module_set (
    id      TEXT PRIMARY KEY,
    modules TEXT NOT NULL      -- packed; [[module.id, start - base, end - base], …]
);

CREATE TABLE stack (
    id         TEXT PRIMARY KEY, -- tl_stack_id
    n_frames   INTEGER NOT NULL,
    omitted_at INTEGER NOT NULL,
    omitted    INTEGER NOT NULL,
    truncated  INTEGER NOT NULL,
    frames     TEXT NOT NULL,    -- packed; {"modules": [build-id or name, …], "frames": [[module, offset, flags, start], …]}
    symbols    TEXT              -- packed; [[[function, file, line, inlined], …] for each frame]; NULL: not symbolised
);

CREATE TABLE trial (
    n               INTEGER PRIMARY KEY, -- local; orders trials that started in the same microsecond
    id              TEXT NOT NULL UNIQUE, -- UUID
    started_us      INTEGER NOT NULL,
    case_name       TEXT NOT NULL,
    unit            TEXT NOT NULL REFERENCES unit(name),
    outcome         TEXT NOT NULL,
    phase           TEXT NOT NULL,
    signal          INTEGER NOT NULL,
    fresh           INTEGER NOT NULL,
    signature_id    TEXT REFERENCES signature(id),
    cell            INTEGER NOT NULL,    -- 63 bits of the hash of (case, variant, unit, environment)
    case_hash       TEXT NOT NULL REFERENCES case_file(hash),
    variant_hash    TEXT NOT NULL REFERENCES variant(hash),
    environment_id  TEXT REFERENCES environment(id),
    session_id      TEXT REFERENCES session(id),
    observed_device TEXT,
    exit_status     INTEGER NOT NULL,    -- -1: it did not exit
    wall_s          REAL NOT NULL,
    user_s          REAL NOT NULL,
    system_s        REAL NOT NULL,
    start_s         REAL,                -- time in each phase; NULL: not entered
    generate_s      REAL,
    load_s          REAL,
    compile_s       REAL,
    execute_s       REAL,
    check_s         REAL,
    done_s          REAL,
    peak_rss        INTEGER NOT NULL,    -- bytes
    error_domain    TEXT,
    error_code      TEXT,
    message         TEXT,
    command         TEXT,                -- packed
    request         TEXT,                -- packed
    result          TEXT                 -- packed
);
CREATE INDEX trial_by_outcome ON trial(outcome, started_us);
CREATE INDEX trial_by_unit ON trial(unit, outcome, started_us);
CREATE INDEX trial_by_case ON trial(case_name, outcome, started_us);
CREATE INDEX trial_by_case_unit ON trial(case_name, unit, outcome, started_us);
CREATE INDEX trial_by_signature ON trial(signature_id, started_us) WHERE signature_id IS NOT NULL;
CREATE INDEX trial_by_cell ON trial(cell, started_us);
CREATE INDEX trial_by_session ON trial(session_id);

CREATE TABLE output (
    trial_id TEXT NOT NULL REFERENCES trial(id),
    stream   INTEGER NOT NULL, -- 1 stdout, 2 stderr
    total    INTEGER NOT NULL, -- bytes written by the trial
    packed   INTEGER NOT NULL, -- 1: head, 2: tail is a zstd frame
    head     BLOB,
    tail     BLOB,
    PRIMARY KEY (trial_id, stream)
);

CREATE TABLE capture (
    trial_id      TEXT NOT NULL REFERENCES trial(id),
    capture       INTEGER NOT NULL, -- 0 is the decisive one
    kind          TEXT NOT NULL,    -- 'signal', 'hang'
    pid           INTEGER NOT NULL,
    tid           INTEGER NOT NULL,
    exe           TEXT,
    is_main       INTEGER NOT NULL,
    fatal         INTEGER NOT NULL,
    signal        INTEGER NOT NULL,
    si_code       INTEGER NOT NULL,
    si_pid        INTEGER NOT NULL,
    fault_address INTEGER,          -- NULL: not meaningful
    registers     TEXT,             -- [[name, value], …]
    module_set_id TEXT REFERENCES module_set(id),
    bases         TEXT,             -- packed; load bias of each module of the set
    capture_ns    INTEGER NOT NULL,
    PRIMARY KEY (trial_id, capture)
) WITHOUT ROWID;

CREATE TABLE thread (
    trial_id TEXT NOT NULL,
    capture  INTEGER NOT NULL,
    thread   INTEGER NOT NULL, -- 0 is the crashed one
    pid      INTEGER NOT NULL,
    tid      INTEGER NOT NULL,
    name     TEXT NOT NULL,
    crashed  INTEGER NOT NULL,
    on_cpu   INTEGER NOT NULL,
    state    TEXT,
    stack_id TEXT REFERENCES stack(id), -- NULL: no frames
    PRIMARY KEY (trial_id, capture, thread),
    FOREIGN KEY (trial_id, capture) REFERENCES capture(trial_id, capture)
) WITHOUT ROWID;

-- Sums over trial, kept up to date by every insert, so that no listing has to walk all trials.
CREATE TABLE summary (
    case_hash      TEXT NOT NULL,
    variant_hash   TEXT NOT NULL,
    unit           TEXT NOT NULL,
    environment_id TEXT NOT NULL, -- '' for none
    outcome        TEXT NOT NULL,
    signature_id   TEXT NOT NULL, -- '' for none
    trials         INTEGER NOT NULL,
    fresh          INTEGER NOT NULL, -- how many of them were fresh
    first_us       INTEGER NOT NULL,
    last_us        INTEGER NOT NULL,
    PRIMARY KEY (case_hash, variant_hash, unit, environment_id, outcome, signature_id)
) WITHOUT ROWID;

-- The same without variant and environment: a few rows for each case.
CREATE TABLE tally (
    case_name    TEXT NOT NULL,
    case_hash    TEXT NOT NULL,
    unit         TEXT NOT NULL,
    outcome      TEXT NOT NULL,
    signature_id TEXT NOT NULL,
    trials       INTEGER NOT NULL,
    first_us     INTEGER NOT NULL,
    last_us      INTEGER NOT NULL,
    PRIMARY KEY (case_name, case_hash, unit, outcome, signature_id)
) WITHOUT ROWID;
