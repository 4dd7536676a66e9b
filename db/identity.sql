-- What an outcome is valid for beyond machine, runner and runtime. That is the content of what a case's commands run and
-- read, of what stands beside a runner that is a script, of the reference, and the variables of the environment
-- (content_sha256); and what the commands of "versions" in the case answered (a JSON object of texts).

ALTER TABLE environment ADD COLUMN content_sha256 TEXT;
ALTER TABLE environment ADD COLUMN versions TEXT;

-- Cells (trial.cell) that were run anew on purpose: what was stored of them before is history, and no answer.
CREATE TABLE anew (
    cell     INTEGER PRIMARY KEY,
    since_us INTEGER NOT NULL
);
