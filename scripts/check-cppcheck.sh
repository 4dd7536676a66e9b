#!/bin/sh
# Fails when cppcheck finds something in the source that scripts/cppcheck.suppress does not explain:
# scripts/check-cppcheck.sh [DIRECTORY], where what it found in each file is kept, so that it looks again at those that changed.
set -eu
cd "$(dirname "$0")/.."
if ! command -v cppcheck >/dev/null 2>&1; then
    echo "cppcheck is not installed" >&2
    [ -n "${CI:-}" ] && exit 1
    exit 77
fi
kept=${1:-}
[ -z "$kept" ] || mkdir -p "$kept"
[ "$(uname -s)" = Darwin ] && platform='-D__APPLE__' || platform='-D__linux__'
scripts/sources.sh '*.c' | exec cppcheck ${kept:+"--cppcheck-build-dir=$kept"} --file-list=- -j2 --quiet --std=c11 \
    -I. -D_GNU_SOURCE -D__GNUC__=12 -D__x86_64__ $platform \
    --library=scripts/cppcheck.cfg --enable=warning,performance,portability --error-exitcode=1 --inline-suppr \
    --suppressions-list=scripts/cppcheck.suppress --template='{file}:{line}: {severity}: {message} [{id}]'
