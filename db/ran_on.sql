-- Which machine of a fleet ran a trial, and the kind of machine that an environment is of (harness/executor/remote.c).
-- It refers to no trial: one that was lost may be replaced by what a merge brings.
CREATE TABLE ran_on (
    trial_id   TEXT PRIMARY KEY,
    machine    TEXT NOT NULL,                  -- its name in the fleet
    delivered  INTEGER NOT NULL,               -- machines that had been given it until it was answered, this one included
    job_id     TEXT,                           -- content id of what was asked for; NULL: it came with another one
    session_id TEXT REFERENCES session(id)     -- of trapline there; NULL: it did not say
) WITHOUT ROWID;
CREATE INDEX ran_on_by_job ON ran_on(job_id) WHERE job_id IS NOT NULL;

-- Machines of one kind give the same outcomes: the id of an environment that stands for all of its kind; NULL: not known.
ALTER TABLE environment ADD COLUMN kind TEXT;
-- It stands for what this machine of a fleet alone has shown of the kind; NULL: it does not.
ALTER TABLE environment ADD COLUMN on_machine TEXT;
CREATE INDEX environment_by_kind ON environment(kind) WHERE kind IS NOT NULL;

-- What stands for the machines that were asked, and which of them alone; NULL: any of the kind.
ALTER TABLE asked ADD COLUMN stands_for TEXT;
ALTER TABLE asked ADD COLUMN machine TEXT;
