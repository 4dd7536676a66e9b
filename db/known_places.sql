-- Where a failure that is known was seen in libraries without symbols. What can be compared across builds is there no more than
-- the kind of the failure and the name of the library, and that may be any failure of the case: in a build of which places are
-- here the failure is at one of them, and elsewhere it is another one (db/known_place.c).
CREATE TABLE known_place (
    known_id     TEXT NOT NULL,    -- known(id)
    build        TEXT NOT NULL,    -- content of the library: environment.runtime_sha256, or the environment where there is none
    signature_id TEXT NOT NULL,
    variant_hash TEXT NOT NULL,    -- that showed it
    changed_us   INTEGER NOT NULL, -- wall clock; of two databases what was said last holds
    removed      INTEGER NOT NULL,
    PRIMARY KEY (known_id, build, signature_id, variant_hash)
) WITHOUT ROWID;

-- What was known before there were places is known at all those at which it had been seen when that was said.
INSERT INTO known_place
SELECT k.id, CASE WHEN ifnull(e.runtime_sha256, '') = '' THEN ifnull(t.environment_id, '') ELSE e.runtime_sha256 END AS build,
       g.id, t.variant_hash, k.changed_us, 0
FROM known k JOIN signature g ON g.coarse_id = k.coarse_id JOIN trial t ON t.signature_id = g.id AND t.case_name = k.case_name
LEFT JOIN environment e ON e.id = t.environment_id
WHERE k.removed = 0 AND t.started_us <= k.since_us AND build <> '' AND g.outcome IN ('crash', 'hang') AND
      ((g.title <> g.coarse_title AND g.title GLOB '*+0x*') OR g.title GLOB '* without a stack' OR g.title = 'jump to a wild address')
GROUP BY k.id, build, g.id, t.variant_hash;
