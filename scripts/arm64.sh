#!/bin/sh
# trapline on Linux on arm64, from another processor: scripts/arm64.sh fetch | build | run [WHAT…]
#   fetch   Debian's packages for arm64, unpacked and not configured: what is compiled against, and what the machine runs.
#           Then the disk, the kernel and the first process of the machine, and the build of ONNX Runtime that it crashes
#   build   cross-compiles the program and its tests into BUILD, warnings being errors
#   run     starts a machine in an emulator, runs WHAT in it, and says what came of each
# Each does what comes before it where that is missing. WHAT is any of these, by default all of them:
#   unit       every unit test
#   captures   the tests that crash programs on purpose, under the supervisor, and look at what is captured of them
#   isolate    `trapline isolate decoder-gqa-begin`, which crashes ONNX Runtime 1.22.0
#   TEST       any other test of meson, by its name
#   -- COMMAND…  a command, in the source tree, with trapline in its PATH
# What was fetched is kept in $XDG_CACHE_HOME/trapline/arm64. BUILD is the build directory, by default build-arm64; the log is
# in BUILD/machine.log. ARM64_PROCESSORS is how many the machine has, ARM64_CPU what they are: by default such as authenticate return
# addresses, which the unit test unwind_signed wants. ARM64_SECONDS is after how many of them it is given up, ARM64_MIRROR where Debian is. Exits with 77 when something is missing here that it
# needs, and says what; --require before all makes that a failure. Nothing needs root.
set -eu
cd "$(dirname "$0")/.."
source=$(pwd -P)
# shellcheck source=scripts/arm64/common.sh
. scripts/arm64/common.sh
# shellcheck source=scripts/arm64/run.sh
. scripts/arm64/run.sh

if [ "${1:-}" = --require ]; then
    skipped=1
    shift
fi
build=${BUILD:-build-arm64}

case ${1:-} in
fetch)
    fetch_packages
    fetch_machine
    fetch_runtime
    ;;
build) build_all ;;
run)
    shift
    run_machine "$@"
    ;;
*)
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
