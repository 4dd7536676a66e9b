-- Failures that somebody has judged (`trapline known`). A row is of a case and a failure, by what of its signature can be
-- compared across builds; of two databases the row that was changed last stays. A row that is removed stays too, so that a
-- merge does not bring it back.
CREATE TABLE known (
    id         TEXT PRIMARY KEY, -- content id of the next two
    case_name  TEXT NOT NULL,
    coarse_id  TEXT NOT NULL,    -- signature.coarse_id; id of the signature where that has none
    outcome    TEXT NOT NULL,
    phase      TEXT NOT NULL,
    signal     TEXT NOT NULL,    -- its name; '': none, as of all texts that follow
    title      TEXT NOT NULL,    -- of the signature that was named
    causes     TEXT NOT NULL,    -- JSON: [{AXIS: value of the baseline}], one for each trigger; []: any variant
    name       TEXT NOT NULL,    -- what it is called elsewhere: the number of a report
    url        TEXT NOT NULL,
    note       TEXT NOT NULL,
    status     TEXT NOT NULL,    -- known, filed, wontfix
    until      TEXT NOT NULL,    -- 'fixed', or the last day, YYYY-MM-DD
    since_us   INTEGER NOT NULL, -- when it was said: nights before that do not count towards 'fixed'
    changed_us INTEGER NOT NULL,
    removed    INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX known_by_case ON known(case_name);
