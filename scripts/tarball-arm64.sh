#!/bin/sh
# The tarball for Linux on arm64, from another processor: scripts/tarball-arm64.sh TO, or `make tarball-arm64`.
# What it is compiled against is what scripts/arm64.sh fetches, and keeps. Needs what `scripts/packages.sh arm64` installs. Exits with 77
# when that is missing.
set -eu
cd "$(dirname "$0")/.."
mkdir -p "$1"
to=$(cd "$1" && pwd -P)
# shellcheck source=scripts/arm64/common.sh
. scripts/arm64/common.sh

need patchelf
fetch_packages
unlock_cache
cross_build "$to/arm64" --prefix=/usr -Dtests=false
exec scripts/tarball.py --sysroot "$root" --strip aarch64-linux-gnu-strip "$to/arm64/build" "$to"
