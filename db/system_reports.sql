-- Files that an operating system wrote about failures (crash reports of macOS, say), and the trials that they are about.
-- A report is known by its incident id, so that importing it again adds nothing, here or in a database that is merged.
CREATE TABLE system_report (
    id             TEXT PRIMARY KEY, -- content id of the incident id; of the text, of a report that has none
    bug_type       INTEGER NOT NULL, -- the system's number of its kind: 309 is a crash
    kind           TEXT NOT NULL,    -- the same in words
    incident       TEXT,
    process        TEXT,
    pid            INTEGER NOT NULL, -- 0: not told, as of the next two
    parent         INTEGER NOT NULL,
    responsible    INTEGER NOT NULL, -- the process for which it worked
    launched_us    INTEGER NOT NULL, -- 0: not told, as of the next
    captured_us    INTEGER NOT NULL,
    os             TEXT,             -- where it was, as the report tells
    os_build       TEXT,
    model          TEXT,
    cpu            TEXT,
    exception      TEXT,
    subtype        TEXT,
    codes          TEXT,
    queue          TEXT,             -- dispatch queue of the thread that crashed
    reason         TEXT,             -- the exception that was thrown
    termination    TEXT,             -- why the system ended the process
    title          TEXT,             -- what it says in one line
    name           TEXT,             -- of the file
    text           TEXT              -- packed; as the system wrote it
) WITHOUT ROWID;

CREATE TABLE report_of_trial (
    report_id TEXT NOT NULL REFERENCES system_report(id),
    trial_id  TEXT NOT NULL REFERENCES trial(id) DEFERRABLE INITIALLY DEFERRED,
    relation  TEXT NOT NULL, -- 'imported', 'own', 'helper', 'note': harness/base/system_report.h
    PRIMARY KEY (trial_id, report_id)
) WITHOUT ROWID;
CREATE INDEX report_of_trial_by_report ON report_of_trial(report_id);

-- Of the processes of a trial, its own first: a JSON list. NULL: not known. A report names its process by this number.
ALTER TABLE trial ADD COLUMN pids TEXT;
