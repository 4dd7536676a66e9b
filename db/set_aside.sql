-- Trials that a later one contradicts: something that no key names has changed since. They stay in every list and
-- answer nothing any more. Rows are made once and never change; a merge keeps the earlier of two.
CREATE TABLE set_aside (
    trial_id     TEXT PRIMARY KEY REFERENCES trial(id) DEFERRABLE INITIALLY DEFERRED,
    set_aside_us INTEGER NOT NULL,
    because      TEXT NOT NULL -- id of the trial that contradicts it
) WITHOUT ROWID;

-- Whether a fork server's children and fresh processes do the same in a case on a unit, once that was tried. The
-- counts are those of the variant that decided it.
CREATE TABLE processes (
    case_hash      TEXT NOT NULL,
    unit           TEXT NOT NULL,
    environment_id TEXT NOT NULL,
    differ         INTEGER NOT NULL,
    variant_hash   TEXT NOT NULL,
    forked_failed  INTEGER NOT NULL,
    forked         INTEGER NOT NULL,
    fresh_failed   INTEGER NOT NULL,
    fresh          INTEGER NOT NULL,
    seen_us        INTEGER NOT NULL,
    PRIMARY KEY (case_hash, unit, environment_id)
) WITHOUT ROWID;
