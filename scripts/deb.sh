#!/bin/sh
# Builds the Debian package: scripts/deb.sh DIRECTORY, or `make deb`. The package is DIRECTORY/trapline_VERSION_ARCH.deb.
# What is built is a copy of the tree as it is, so that neither the tree nor what lies beside it is changed. Built as
# CC says; another architecture is `dpkg-buildpackage -a ARCH` in such a copy, where its libraries are installed.
set -eu
cd "$(dirname "$0")/.."
version=$(sed -n "s/^ *version: '\([^']*\)',$/\1/p" meson.build)
if ! head -n 1 debian/changelog | grep -qF "trapline ($version) "; then
    echo "deb: the first entry of debian/changelog is not of version $version, which meson.build says" >&2
    exit 2
fi
for tool in dpkg-buildpackage dh; do
    if ! command -v "$tool" >/dev/null 2>&1; then
        echo "deb: $tool is missing: apt-get install dpkg-dev debhelper" >&2
        exit 2
    fi
done
mkdir -p "$1"
to=$(cd "$1" && pwd)
copy=$to/deb/trapline-$version
rm -rf "$to/deb"
mkdir -p "$copy"
# All that git has or would have; of a tree without git all that is no build directory.
if git rev-parse --git-dir >/dev/null 2>&1; then
    git ls-files -z --cached --others --exclude-standard | xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
        tar -c --null -T - -f - | tar -x -C "$copy" -f -
else
    find . -mindepth 1 -maxdepth 1 ! -name 'build*' ! -exec test -e '{}/build.ninja' ';' -print0 |
        tar -c --null -T - -f - | tar -x -C "$copy" -f -
fi
cd "$copy"
if ! dpkg-buildpackage -b -us -uc "-j$(getconf _NPROCESSORS_ONLN)" >"$to/deb/log" 2>&1; then
    tail -n 30 "$to/deb/log" >&2
    echo "deb: the package could not be built; all of it is in $to/deb/log" >&2
    exit 1
fi
mv "$to"/deb/trapline_*.deb "$to"/
for file in "$to/trapline_${version}_"*.deb; do
    echo "$file"
done
