#!/bin/sh
# Runs a suite in CI. What is written to $TRAPLINE_RESULTS: junit.xml, site/, changes.md (at most a screen), status.
# The exit status is 0 where a night was run, whatever it found: what depends on it comes after the upload (verdict.sh).
set -eu
results=${TRAPLINE_RESULTS:-trapline-results}
database=${TRAPLINE_DATABASE:-.trapline/trapline.db}
suite=${TRAPLINE_SUITE:?names the suite to run}
mkdir -p "$results" "$(dirname "$database")"
rm -f "$results/status" "$results/changes.md" "$results/junit.xml"

# Options are one a line, so that none is taken apart at a space, and no shell reads them.
set --
while IFS= read -r option; do
    [ -z "$option" ] || set -- "$@" "$option"
done <<OPTIONS
${TRAPLINE_OPTIONS:-}
OPTIONS

status=0
trapline nightly "$suite" --db "$database" --format md --junit "$results/junit.xml" --site "$results/site" "$@" \
    >"$results/changes.md" || status=$?
cat "$results/changes.md"
echo "$status" >"$results/status"
if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf '%s\n' "status=$status" "junit=$results/junit.xml" "site=$results/site" >>"$GITHUB_OUTPUT"
fi
[ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$results/changes.md" >>"$GITHUB_STEP_SUMMARY"
