#!/bin/sh
# Puts trapline on PATH in CI: the one that is there, or one that is built from this tree into $TRAPLINE_PREFIX. On GitHub the
# steps that follow find it; elsewhere the shell that reads this file (`. ci/install.sh`) does.
# What a step printed is shown only where it failed. (What calls this looks at its status, so `set -e` would do nothing in it.)
trapline_install() {
    log=$1-build.log
    rm -rf "$1-build" # of an earlier one that was interrupted
    (cd "$2" && scripts/packages.sh build && meson setup "$1-build" --buildtype=release -Dtests=false --prefix="$1" >"$log" 2>&1 &&
        ninja -C "$1-build" >"$log" 2>&1 && meson install -C "$1-build" --no-rebuild >"$log" 2>&1) && return
    echo "trapline could not be built and installed:" >&2
    [ ! -f "$log" ] || tail -n 30 "$log" >&2
    return 1
}

if ! command -v trapline >/dev/null 2>&1; then
    # A file that is read does not know its own place: GitLab's clone has a fixed one.
    trapline_source=${GITHUB_ACTION_PATH:-$PWD/.trapline-source}
    [ -d "$trapline_source/ci" ] || trapline_source=$(cd "$(dirname "$0")/.." && pwd)
    TRAPLINE_PREFIX=${TRAPLINE_PREFIX:-${RUNNER_TEMP:-$PWD/.trapline-source}/trapline-installed}
    mkdir -p "$TRAPLINE_PREFIX"
    trapline_install "$TRAPLINE_PREFIX" "$trapline_source" || exit 3
    PATH=$TRAPLINE_PREFIX/bin:$PATH
    export PATH
    [ -z "${GITHUB_PATH:-}" ] || echo "$TRAPLINE_PREFIX/bin" >>"$GITHUB_PATH"
fi
trapline --version
