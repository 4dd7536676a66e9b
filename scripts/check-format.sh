#!/bin/sh
# Fails when a C file is not formatted as .clang-format says, and names the first line of each. `make format` mends it.
set -eu
cd "$(dirname "$0")/.."
if ! command -v clang-format >/dev/null 2>&1; then
    echo "clang-format is not installed" >&2
    [ -n "${CI:-}" ] && exit 1
    exit 77
fi
if found=$(scripts/sources.sh | xargs clang-format --dry-run -Werror --ferror-limit=1 2>&1); then
    exit 0
fi
echo "$found" | grep '^[^ ].*error' >&2 || echo "$found" >&2
echo "run \`make format\`" >&2
exit 1
