-- The result of an isolation: the document of `isolate --json` and what a report needs besides. Ids of trials in it
-- are rows of trial.
CREATE TABLE finding (
    id             TEXT PRIMARY KEY, -- UUIDv7
    kind           TEXT NOT NULL,    -- isolation, builds, frontier
    case_name      TEXT NOT NULL,
    case_hash      TEXT NOT NULL,
    unit           TEXT NOT NULL,
    environment_id TEXT,
    signature_id   TEXT,             -- of the failure isolated; NULL when it did not fail
    complete       INTEGER NOT NULL,
    created_us     INTEGER NOT NULL,
    document       TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX finding_by_case ON finding(case_name, id);
CREATE INDEX finding_by_signature ON finding(signature_id, id);
