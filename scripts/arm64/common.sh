# What scripts/arm64.sh and scripts/tarball-arm64.sh share.
skipped=77
cache=${XDG_CACHE_HOME:-$HOME/.cache}/trapline/arm64
root=$cache/root

# skip WHY: it cannot be tried here
skip() {
    echo "arm64: SKIPPED: $*" >&2
    exit $skipped
}

# need TOOL…: what is missing, and what brings it
need() {
    missing=
    for tool in "$@"; do command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"; done
    [ -z "$missing" ] || skip "missing:$missing; scripts/packages.sh arm64 installs what it needs on Debian and its relatives"
}

# fail LOG WHAT: the end of a log, and what it is about
fail() {
    tail -n 20 "$1" >&2
    echo "arm64: $2; all of it is in $1" >&2
    exit 1
}

# shellcheck source=scripts/arm64/fetch.sh
. scripts/arm64/fetch.sh
# shellcheck source=scripts/arm64/build.sh
. scripts/arm64/build.sh
