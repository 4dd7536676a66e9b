#!/bin/sh
# Puts trapline on PATH in CI: the one that is there, or one that is built from this tree into $TRAPLINE_PREFIX. On GitHub the
# steps that follow find it; elsewhere the shell that reads this file (`. ci/install.sh`) does.
trapline_install() (
    set -eu
    prefix=$1
    cd "$2"
    scripts/packages.sh build
    meson setup "$prefix-build" --buildtype=release --prefix="$prefix" >/dev/null
    ninja -C "$prefix-build" >/dev/null
    meson install -C "$prefix-build" --no-rebuild >/dev/null
)

if ! command -v trapline >/dev/null 2>&1; then
    # A file that is read does not know its own place: GitLab's clone has a fixed one.
    trapline_source=${GITHUB_ACTION_PATH:-$PWD/.trapline-source}
    [ -d "$trapline_source/ci" ] || trapline_source=$(cd "$(dirname "$0")/.." && pwd)
    TRAPLINE_PREFIX=${TRAPLINE_PREFIX:-${RUNNER_TEMP:-$PWD/.trapline-source}/trapline-installed}
    trapline_install "$TRAPLINE_PREFIX" "$trapline_source" || exit 3
    PATH=$TRAPLINE_PREFIX/bin:$PATH
    export PATH
    [ -z "${GITHUB_PATH:-}" ] || echo "$TRAPLINE_PREFIX/bin" >>"$GITHUB_PATH"
fi
trapline --version
