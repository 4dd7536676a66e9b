#!/bin/sh
# Whether the sources in Swift can be parsed: scripts/check-swift.sh [FILE…]
# There is no Swift here, so nothing is compiled: tree-sitter's grammar says where a text is not Swift. It is fetched
# through npm into the user's cache, once. Without npm, or without what it fetches, nothing is checked: exit status 77,
# and the reason.
set -eu
cd "$(dirname "$0")/.."
parser=0.22.4 grammar=0.7.1
skip() {
    echo "swift: SKIPPED, $*"
    exit 77
}

command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || skip "there is no npm (scripts/packages.sh check installs it)"
tools=${XDG_CACHE_HOME:-$HOME/.cache}/trapline/tools/swift-$parser-$grammar
if [ ! -d "$tools" ]; then
    # Put together out of sight, so that what is there is whole. No scripts of packages are run.
    mkdir -p "${tools%/*}"
    made=$(mktemp -d "${tools%/*}/making-XXXXXX")
    trap 'rm -rf "$made"' EXIT
    npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$made" \
        "tree-sitter@$parser" "tree-sitter-swift@$grammar" >"$made/log" 2>&1 </dev/null || skip "npm cannot bring the parser: $(tail -n 1 "$made/log")"
    mv "$made" "$tools" 2>/dev/null || [ -d "$tools" ]
fi
folders=
for folder in runners cases examples; do
    [ ! -d "$folder" ] || folders="$folders $folder"
done
# shellcheck disable=SC2046,SC2086 # names of folders, without blanks
[ $# -gt 0 ] || set -- $(find $folders -name '*.swift' | LC_ALL=C sort)
node scripts/check-swift.js "$tools" "$@"
