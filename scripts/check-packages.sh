#!/bin/sh
# Holds the packages to what they promise, in systems that have nothing but what Debian installs at first:
# scripts/check-packages.sh BUILD, or `make check-packages`.
#   1. lintian has nothing to say of the Debian package that is an error or a warning
#   2. apt installs it in Debian 12, from a directory; a first case runs there; when it is removed nothing is left
#   3. the tarball runs the same case in Debian 12 and 13, unpacked in another place than it was made for
# Takes minutes, the network and root. The systems are kept in $XDG_CACHE_HOME/trapline/debian.
set -eu
cd "$(dirname "$0")/.."
build=$1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/trapline/debian
for tool in debootstrap lintian chroot; do
    command -v "$tool" >/dev/null 2>&1 || { echo "check-packages: $tool is missing: apt-get install debootstrap lintian" >&2; exit 2; }
done
[ "$(id -u)" = 0 ] || { echo "check-packages: only root can make and enter a system of its own" >&2; exit 2; }
work=$(mktemp -d)
mounted=
finish() {
    for place in $mounted; do umount "$place" || exit 1; done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM
passed=0
failed=0

# judge WHAT COMMAND…: runs it, and says whether it did what was wanted
judge() {
    what=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        passed=$((passed + 1))
        echo "ok       $what"
    else
        failed=$((failed + 1))
        echo "FAILED   $what"
        tail -n 15 "$work/out"
    fi
}

# system RELEASE: a fresh one in $work/RELEASE
system() {
    if [ ! -e "$cache/$1.done" ]; then
        rm -rf "${cache:?}/$1"
        mkdir -p "$cache"
        debootstrap --variant=minbase "$1" "$cache/$1" >"$cache/$1.log" 2>&1 || { tail -n 5 "$cache/$1.log" >&2; exit 3; }
        touch "$cache/$1.done"
    fi
    cp -a "$cache/$1" "$work/$1"
    cp /etc/resolv.conf "$work/$1/etc/"
    mount -t proc proc "$work/$1/proc"
    mounted="$mounted $work/$1/proc"
}

within() {
    root=$1
    shift
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root DEBIAN_FRONTEND=noninteractive "$@"
}

# The first case of README.md: it exits with 1, because a failure was found.
# shellcheck disable=SC2016
first_case='set -u
trapline=$1 cases=$2
"$trapline" --version && "$trapline" list units && "$trapline" run "$cases/selftest/misbehave.json" -u selftest:cpu
status=$?
[ $status = 1 ] || exit 1
"$trapline" isolate "$cases/selftest/threshold.json" -u selftest:cpu | grep -q "layers = 17" || exit 1
"$trapline" list findings'

make "B=$build" deb tarball
deb=$(ls "$build"/trapline_*.deb)
tarball=$(ls "$build"/trapline-*-linux-"$(uname -m | sed s/aarch64/arm64/)".tar.xz)

judge "lintian" lintian --allow-root --fail-on error,warning "$deb"

system bookworm
find "$work/bookworm/usr" "$work/bookworm/etc" | sort >"$work/before"
cp "$deb" "$work/bookworm/root/"
judge "apt installs the package in Debian 12" within "$work/bookworm" sh -c \
    'apt-get update -qq && apt-get install -qq -y --no-install-recommends /root/trapline_*.deb'
judge "a first case runs in Debian 12" within "$work/bookworm" sh -c "$first_case" sh trapline /usr/share/trapline/cases
judge "apt removes the package" within "$work/bookworm" apt-get remove -qq -y trapline
find "$work/bookworm/usr" "$work/bookworm/etc" | sort | comm -13 "$work/before" - | grep -i trapline >"$work/left" || true
judge "nothing of it is left" cmp "$work/left" /dev/null

system trixie
for release in bookworm trixie; do
    mkdir -p "$work/$release/opt/another place"
    tar -xJf "$tarball" -C "$work/$release/opt/another place"
    name=$(basename "$tarball" .tar.xz)
    judge "the tarball runs in $release" within "$work/$release" sh -c "$first_case" sh "/opt/another place/$name/bin/trapline" \
        "/opt/another place/$name/share/trapline/cases"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
