#!/bin/sh
# Installs what is missing to build and test trapline: scripts/packages.sh [build|demo|check|arm64]
# `build` is what a build needs; `demo` adds what fetches builds of ONNX Runtime, `check` also what the tests and the checks need.
# `arm64` adds to `build` what scripts/arm64.sh and scripts/tarball-arm64.sh need; `check` does not include it.
# On Debian and its relatives packages are installed, by root or through sudo; on macOS the Homebrew packages are named. Says what
# it does; does nothing and says nothing when all is there.
set -eu
what=${1:-check}

debian_build="gcc libc6-dev make meson ninja-build pkg-config python3 libuv1-dev libsqlite3-dev libjansson-dev
    libunwind-dev libdw-dev libelf-dev libssl-dev libzstd-dev libarchive-dev libiberty-dev libprotobuf-c-dev libpcre2-dev
    protobuf-c-compiler libcapstone-dev libnats-dev"
# mesa-vulkan-drivers: a GPU in software, for ONNX Runtime on webgpu. libc6-dbg: tests of stacks want the names of functions that the C library does not export. systemd: what it thinks of the units that are written for it.
# gdb: what stacks are compared with; lld and dwz: of tool chains that tests of stacks build with.
# libxml2-utils: xmllint holds JUnit XML against schemas.
# python3-coverage, mypy: runners in Python are tested line by line, and their types are checked.
# python3-yaml: what CI runs is read from its files; python3-jsonschema: documents are held against their schemas.
# fish, zsh: completion is tested in them as in bash. ruby: what the formula for Homebrew is loaded in.
# chromium, chromium-driver: the pages of a site and reports are tested in a real browser; cmark-gfm: reports as Markdown in what GitHub renders it with.
# nats-server: tests of a fleet start one of their own.
debian_check="nats-server libcriterion-dev libc6-dbg mesa-vulkan-drivers python3-onnx python3-numpy clang libclang-rt-14-dev clang-format cppcheck systemd
    gdb lld dwz python3-coverage mypy libxml2-utils
    chromium chromium-driver cmark-gfm python3-yaml python3-jsonschema
    fish zsh ruby"
# debian-archive-keyring: on relatives of Debian, whose own keys are others. patchelf: for the tarball.
debian_arm64="qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross e2fsprogs cpio debian-archive-keyring patchelf"
homebrew="meson ninja pkgconf libuv sqlite jansson openssl@3 zstd libarchive protobuf-c pcre2 capstone cnats"
homebrew_check="nats-server criterion clang-format cppcheck cmark-gfm libxml2"

installed() {
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

debian() {
    wanted=$debian_build
    [ "$what" != check ] || wanted="$wanted $debian_check"
    [ "$what" != arm64 ] || wanted="$wanted $debian_arm64"
    if [ "$what" != build ]; then
        # Builds of ONNX Runtime are fetched through npm; any node and npm will do.
        command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 || wanted="$wanted nodejs npm"
    fi
    missing=
    for package in $wanted; do
        installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    as_root=
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null 2>&1; then
            echo "packages: missing, and neither root nor sudo to install them:$missing" >&2
            return 1
        fi
        as_root=sudo
    fi
    echo "packages: installing$missing"
    log=$(mktemp)
    trap 'rm -f "$log"' EXIT
    # The lists may be fresh enough; they are brought only when it does not work without.
    install="env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing"
    # shellcheck disable=SC2086
    if ! $as_root $install >"$log" 2>&1 </dev/null; then
        if ! { $as_root apt-get update -qq && $as_root $install; } >"$log" 2>&1 </dev/null; then
            tail -n 20 "$log" >&2
            echo "packages: could not be installed, see above" >&2
            return 1
        fi
    fi
    echo "packages: done"
}

if command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1; then
    debian
elif [ "$(uname -s)" = Darwin ]; then
    [ "$what" != check ] || homebrew="$homebrew $homebrew_check"
    [ "$what" = build ] || homebrew="$homebrew node"
    if ! command -v brew >/dev/null 2>&1; then
        echo "packages: needed from Homebrew (https://brew.sh): $homebrew"
        exit 0
    fi
    missing=
    for package in $homebrew; do
        brew list --versions "$package" >/dev/null 2>&1 || missing="$missing $package"
    done
    [ -z "$missing" ] || echo "packages: missing; install them with: brew install$missing"
else
    command -v meson >/dev/null 2>&1 && exit 0
    echo "packages: not a Debian; this is what they are called there:" $debian_build
fi
