#!/bin/sh
# Whether trapline builds for macOS, checked on Linux: scripts/check-darwin.sh [--require]
#
# Everything that meson builds for macOS is compiled with warnings as errors for arm64 and x86-64, against Darwin's headers,
# and linked to Mach-O files: the program, the runners, and the tests. None of them can be run here. Needed are npm, which
# brings the compiler (zig, one version, 350 MB unpacked), and Linux on x86-64; the libraries' headers are this machine's.
#
# What is brought and built is kept in ${XDG_CACHE_HOME:-~/.cache}/trapline/darwin, so that later runs, of other copies of
# the source too, compile what differs. Exits with 77 when it cannot be tried here; --require makes that a failure.
set -eu
exec python3 "$(dirname "$0")/darwin/check.py" "$@"
