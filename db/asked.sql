-- What was asked of the machines of a fleet and is not answered (harness/executor/remote.c). Of this database alone: a merge leaves it alone. It
-- refers to no other table, since what it is of may be swept.
CREATE TABLE asked (
    job_id       TEXT PRIMARY KEY, -- content id of what it asks for
    trial_id     TEXT NOT NULL,    -- UUID: by which the trial is going to be known
    session_id   TEXT NOT NULL,    -- that asked
    case_name    TEXT NOT NULL,
    case_hash    TEXT NOT NULL,
    variant      TEXT NOT NULL,    -- JSON
    variant_hash TEXT NOT NULL,
    unit         TEXT NOT NULL,
    kind         TEXT NOT NULL,    -- of the machines that may run it
    device       TEXT NOT NULL,
    asked_us     INTEGER NOT NULL, -- wall clock, microseconds since 1970 UTC
    job          TEXT NOT NULL     -- packed; what a worker is sent, to be sent again
) WITHOUT ROWID;
