#!/bin/sh
# Prints the C files of the project, one on a line: scripts/sources.sh [PATTERN]
# Not those of build directories; git is not asked, so that it works in an unpacked archive, too.
set -eu
cd "$(dirname "$0")/.."
find cases db harness reports runners tests -name "${1:-*.[ch]}" -type f | LC_ALL=C sort
