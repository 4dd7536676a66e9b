#!/bin/sh
# Everything that has to hold before a change is good: scripts/check.sh, or `make check`.
#   1. packages that are missing are installed
#   2. a build with warnings as errors, all tests, and the checks of the source (which meson runs as tests)
#   3. a build with AddressSanitizer and UndefinedBehaviorSanitizer, and the unit and integration tests under it
#   4. a second of fuzzing for each target, with CI=true 10 (or FUZZ_SECONDS), with the same seed in every check (or FUZZ_SEED):
#      longer, and with others, it is tests/fuzz/run.sh SECONDS
#   5. a build for macOS, compiled and linked (scripts/check-darwin.sh); it is begun after 2, beside the others
#   6. with TRAPLINE_ARM64=1 unit tests, captures and an isolation on Linux on arm64, in an emulator (scripts/arm64.sh, 10 minutes or more)
# Goes on after a failure, to say all there is to say; but nothing is tested that could not be built. The last line is the
# sum of it all. Build directories are CHECK (default build-check), CHECK-sanitizers and, of arm64, CHECK-arm64.
set -u
cd "$(dirname "$0")/.." || exit 1
plain=${CHECK:-build-check}
sanitized=$plain-sanitizers
status=0
logs=

say() {
    printf '\n== %s\n' "$*"
}

# configure DIRECTORY [OPTION…]
configure() {
    directory=$1
    shift
    log=$directory.log
    again=
    [ -f "$directory/build.ninja" ] && again=--reconfigure
    mkdir -p "$(dirname "$directory")"
    # shellcheck disable=SC2086
    if ! meson setup $again "$directory" "$@" >"$log" 2>&1; then
        tail -n 30 "$log"
        echo "the build could not be configured"
        return 1
    fi
    rm -f "$log"
}

# build DIRECTORY: what the compiler says, and how much there was to do
build() {
    if [ -t 1 ]; then
        ninja -C "$1"
    else
        log=$1/build.log
        if ninja -C "$1" >"$log" 2>&1; then
            grep -A 8 'warning:' "$log"
            echo "built $(grep -c '^\[' "$log") files in $1"
        else
            grep -v '^\[' "$log"
            return 1
        fi
    fi
}

# Half of what a test does is to wait, for a child or a disk, so twice as many as there are processors keep these busy.
MESON_TESTTHREADS=${MESON_TESTTHREADS:-$((2 * $(getconf _NPROCESSORS_ONLN)))}
export MESON_TESTTHREADS

# run_tests DIRECTORY LOG [OPTION of meson test…]
run_tests() {
    directory=$1
    log=$directory/meson-logs/$2.json
    base=$2
    shift 2
    rm -f "$log"
    meson test -C "$directory" --no-rebuild --print-errorlogs --logbase "$base" "$@" || status=1
    logs="$logs $log"
}

# Tests of several machines, beside the others: start_fleet DIRECTORY [OPTION of meson test…]
start_fleet() {
    fleet_of=$1
    shift
    rm -f "$fleet_of/meson-logs/fleet.json"
    MESON_TESTTHREADS=2 meson test -C "$fleet_of" --no-rebuild --print-errorlogs --logbase fleet --suite fleet "$@" >"$fleet_of/fleet.log" 2>&1 &
    fleet=$!
}

finish_fleet() {
    wait "$fleet" || status=1
    cat "$fleet_of/fleet.log"
    logs="$logs $fleet_of/meson-logs/fleet.json"
}

# In what time the rest leaves: tests measure some, and the first run takes minutes. TRAPLINE_REQUIRE_DARWIN=1 makes it a
# failure that it cannot be tried.
start_darwin() {
    idle=
    command -v chrt >/dev/null 2>&1 && chrt --idle 0 true 2>/dev/null && idle="chrt --idle 0"
    # shellcheck disable=SC2086
    nice -n 19 $idle scripts/check-darwin.sh ${TRAPLINE_REQUIRE_DARWIN:+--require} >"$plain/darwin.log" 2>&1 &
    darwin=$!
    trap 'kill "$darwin" ${fleet:+"$fleet"} 2>/dev/null; exit 130' INT
    trap 'kill "$darwin" ${fleet:+"$fleet"} 2>/dev/null; exit 143' TERM HUP
}

finish_darwin() {
    wait "$darwin"
    result=$?
    trap - INT TERM HUP
    cat "$plain/darwin.log"
    case $result in
    0) logs="$logs passed:check-darwin" ;;
    77) logs="$logs skipped:check-darwin" ;;
    *) logs="$logs failed:check-darwin" ;;
    esac
}

# The fill of fresh memory is the same in every run.
export MALLOC_PERTURB_="${MALLOC_PERTURB_:-85}"

scripts/packages.sh check || exit 1

say "build, warnings as errors"
if ! { configure "$plain" -Dwerror=true && build "$plain"; }; then
    python3 scripts/summary.py "broken:$plain"
    exit 1
fi
start_darwin
# Real runtimes that really crash: tests that need one are skipped where it is not there and cannot be had.
if [ "${CI:-}" = true ]; then
    say "builds of ONNX Runtime"
    fetched=yes
    for version in 1.10.0 1.16.3 1.18.0 1.22.0 1.24.3 1.25.1 1.26.0 1.30.0; do
        "$plain/harness/cli/trapline" builds fetch "onnxruntime@$version" || fetched=
    done
    if [ -n "$fetched" ]; then
        export TRAPLINE_REQUIRE_BUILDS=1
    else
        echo "some builds could not be fetched: their tests will be skipped"
    fi
fi

say "tests"
# All documents that the tests see are left, and held to their schemas when the last one is there.
TRAPLINE_KEEP_DOCUMENTS=$(cd "$plain" && pwd)/documents
export TRAPLINE_KEEP_DOCUMENTS
rm -rf "$TRAPLINE_KEEP_DOCUMENTS"
mkdir "$TRAPLINE_KEEP_DOCUMENTS"
start_fleet "$plain"
run_tests "$plain" testlog --no-suite fleet
finish_fleet
run_tests "$plain" documents schema
unset TRAPLINE_KEEP_DOCUMENTS

say "build with AddressSanitizer and UndefinedBehaviorSanitizer"
# GCC's own warnings are not errors here: the checks that are woven in make it see paths that there are none of. With the
# first level of optimisation alone and lines alone in the debug information it compiles in half the time, and no test
# takes longer.
if configure "$sanitized" -Db_sanitize=address,undefined -Db_lundef=false -Dwerror=false -Doptimization=1 -Dc_args=-g1 && build "$sanitized"; then
    say "tests under sanitizers"
    # A process that is traced cannot look for its own leaks; those of the unit tests are looked for.
    export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1"
    export ASAN_OPTIONS=detect_leaks=1
    # Rates are the same under them, and take minutes.
    run_tests "$sanitized" unit --suite unit --no-suite rates -t 3
    export ASAN_OPTIONS=detect_leaks=0 TRAPLINE_KILLS=20 TRAPLINE_NIGHTS=20
    # Those of runners in Python hold what is written in Python.
    # A real runtime in a runner with sanitizers dies otherwise than in one without (they replace memmove, say): with no
    # builds in the cache the tests that need one are skipped here.
    unset TRAPLINE_REQUIRE_BUILDS
    export XDG_CACHE_HOME="$PWD/$sanitized/cache"
    # What is killed and started again there is the same program as in the others.
    start_fleet "$sanitized" --no-suite lab -t 3
    run_tests "$sanitized" integration --suite integration --no-suite python --no-suite fleet -t 3
    finish_fleet
else
    logs="$logs broken:$sanitized"
fi

# A minute in all with two processors. What is found here has to be found again by whoever looks for it.
[ "${CI:-}" = true ] && : "${FUZZ_SECONDS:=10}"
export FUZZ_SEED="${FUZZ_SEED:-1}"
say "fuzzing, ${FUZZ_SECONDS:=1} s for each target, seed $FUZZ_SEED"
if [ "$(uname)" = Darwin ]; then
    echo "left out: Xcode's clang comes without libFuzzer"
else
    tests/fuzz/run.sh "$FUZZ_SECONDS" >"$plain/fuzz.log" 2>&1 || fuzzed=no
    cat "$plain/fuzz.log"
    logs="$logs $plain/fuzz.log"
    # It may also have ended before it came to say what it found.
    if [ -n "${fuzzed:-}" ]; then
        status=1
        grep -Eq ': (found something|could not be built)' "$plain/fuzz.log" || logs="$logs broken:tests/fuzz"
    fi
fi

say "build for macOS"
finish_darwin

# By hand before a release, too: scripts/arm64.sh run.
if [ -n "${TRAPLINE_ARM64:-}" ]; then
    say "Linux on arm64, in an emulator"
    { [ "${CI:-}" != true ] || scripts/packages.sh arm64; } && BUILD="$plain-arm64" scripts/arm64.sh run
    case $? in
    0) logs="$logs passed:arm64" ;;
    77) logs="$logs skipped:arm64" ;;
    *) logs="$logs failed:arm64" ;;
    esac
fi

say "summary"
# shellcheck disable=SC2086
python3 scripts/summary.py $logs || status=1
exit $status
