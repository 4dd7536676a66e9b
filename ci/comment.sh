#!/bin/sh
# Says in a pull request what changed: one comment for each suite, which is written over by later runs. None is begun where
# nothing is worse. It takes GitHub's own program, gh, which its machines have.
set -eu
results=${TRAPLINE_RESULTS:?names the folder that ci/suite.sh has written}
[ -s "$results/changes.md" ] || exit 0
comments=repos/$GITHUB_REPOSITORY/issues/$TRAPLINE_PULL_REQUEST/comments
marker="<!-- trapline $TRAPLINE_SUITE -->"
{
    echo "$marker"
    # The longest that a comment may be is 65536 characters. It ends with a whole line.
    head -c 60000 "$results/changes.md" >"$results/comment.part"
    if [ "$(wc -c <"$results/changes.md")" -gt 60000 ]; then sed '$d' "$results/comment.part"; else cat "$results/comment.part"; fi
    rm -f "$results/comment.part"
    printf '\n[The run, with JUnit XML and the site as artifacts](%s/%s/actions/runs/%s)\n' "$GITHUB_SERVER_URL" "$GITHUB_REPOSITORY" \
        "$GITHUB_RUN_ID"
} >"$results/comment.md"
# Where it cannot be told whether there is one, none is begun: it would be another one at each run.
if ! earlier=$(MARKER=$marker gh api --paginate "$comments" --jq '.[] | select(.body | startswith(env.MARKER)) | .id'); then
    echo "trapline: the comments of the pull request could not be read: nothing was said there" >&2
    exit 1
fi
earlier=${earlier%%
*}
if [ -n "$earlier" ]; then
    gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$earlier" --field body=@"$results/comment.md" --silent
elif [ "${TRAPLINE_STATUS:-3}" != 0 ]; then
    gh api --method POST "$comments" --field body=@"$results/comment.md" --silent
fi
