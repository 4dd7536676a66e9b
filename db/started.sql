-- What a person started here, for `last`. Neither nights nor what came from another database are in it: a merge leaves
-- these tables alone.
CREATE TABLE started (
    session_id TEXT PRIMARY KEY REFERENCES session(id),
    uid        INTEGER NOT NULL, -- of the process
    command    TEXT NOT NULL     -- isolate, run, …
) WITHOUT ROWID;

CREATE TABLE started_finding (
    finding_id TEXT PRIMARY KEY, -- finding(id), which is replaced while its isolation goes on
    session_id TEXT NOT NULL REFERENCES started(session_id)
) WITHOUT ROWID;
CREATE INDEX started_finding_by_session ON started_finding(session_id);

-- Where the file of a case was when it was last run here: paths in it are relative to there.
CREATE TABLE case_place (
    case_hash TEXT PRIMARY KEY REFERENCES case_file(hash),
    path      TEXT NOT NULL      -- absolute
) WITHOUT ROWID;
