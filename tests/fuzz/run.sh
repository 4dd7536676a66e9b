#!/bin/sh
# Fuzzes every target for a while: tests/fuzz/run.sh [SECONDS [TARGET…]]
# Needs clang with libFuzzer. Exits with 1 when a target finds something; what it found is kept, named and shown.
#
# Each time it draws another seed, and begins with what earlier runs came upon. With FUZZ_SEED=NUMBER it begins with the corpus
# in the tree alone and tries the same inputs in the same order whenever the same tree is fuzzed, with the same compiler and
# libraries and in a directory of the same name: how many of them is a matter of time. That holds where a process may have its
# memory at the same addresses each time.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
[ $# -gt 0 ] && shift
build=${TRAPLINE_FUZZ_DIR:-${TMPDIR:-/tmp}/trapline-fuzz.$(id -u)}
mkdir -p "$build"
ln -sfn "$PWD/tests/fuzz" "$build/tree"
steady=
if [ -n "${FUZZ_SEED:-}" ]; then
    seed=$FUZZ_SEED
    # Addresses that are compared come to be bytes of inputs. They are random, which containers may not let go of, and hang on
    # the size of the stack and on what is at its beginning: the environment, and the names of files, which are relative ones.
    ulimit -s 8192 2>/dev/null || true
    setarch -R true 2>/dev/null && steady="setarch -R"
    steady="env -i PATH=/usr/local/bin:/usr/bin:/bin $steady"
else
    seed=$(($(od -An -N4 -tu4 /dev/urandom) % 4294967295 + 1))
fi

# NAME | sources beside tests/fuzz/fuzz_NAME.c and harness/base. Whole folders, so that a file that moves is still found.
table() {
    cat <<EOF
case | cases/*.c cases/decoder/axes.c cases/operators/axes.c cases/selftest/axes.c
message | harness/supervise/message.c harness/supervise/output_ends.c harness/verdict/[!i]*.c harness/verdict/instruction_none.c
ips | harness/crash_report/*.c harness/verdict/[!i]*.c harness/verdict/instruction_none.c
devicectl | runners/devicectl/phone.c
elf | harness/stack/elf_image.c harness/stack/eh_frame.c harness/stack/memory.c
gguf | cases/gguf/header.c
database | db/*.c $build/*_sql.c
fleet | harness/executor/remote_job.c harness/executor/remote_files.c harness/executor/remote_a*.c harness/executor/remote_named.c harness/executor/remote_outputs.c harness/executor/remote_reference.c harness/executor/kept.c harness/fleet/frame.c harness/verdict/[!i]*.c harness/verdict/instruction_none.c db/*.c $build/*_sql.c cases/*.c cases/decoder/axes.c cases/operators/axes.c cases/selftest/axes.c
npy | cases/dtype.c cases/npy.c
request | runners/channel.c runners/protocol.c runners/serve.c harness/supervise/message.c
tarball | harness/builds/tarball.c
onnx | cases/onnx/graph_*.c cases/onnx/tensor_pb.c cases/arena.c cases/dtype.c cases/element.c cases/fill.c cases/npy.c $build/onnx.pb-c.c
EOF
}
packages="jansson libarchive libcrypto libpcre2-8 libprotobuf-c libuv libzstd sqlite3"
flags="-std=gnu11 -D_GNU_SOURCE -g -O1 -I. -I$build -fno-sanitize-recover=undefined -fno-omit-frame-pointer"
# The clock of tests/fuzz/steady.c.
flags="$flags -Dclock_gettime=tl_fuzz_clock_gettime -DTL_VERSION=\\\"0\\\""
# Where trapline's own files are is of no interest here; which directories the build names, it alone knows.
for directory in $(grep -o -e '-DTL_[A-Z_]*=' harness/base/meson.build | tr -d '=' | cut -c3-); do
    flags="$flags -D$directory='\"\"'"
done

wanted() {
    [ "$#" -eq 1 ] && return 0
    name=$1
    shift
    for w; do [ "$w" = "$name" ] && return 0; done
    return 1
}

# here FILE…: those that this system builds. A folder holds one file for each system where they differ.
here() {
    other=darwin
    [ "$(uname)" = Darwin ] && other=linux
    for file; do
        case $file in *_$other.c) ;; *) echo "$file" ;; esac
    done
}

# object SOURCE: where it is compiled to
object() {
    echo "$build/objects/$1.o" | sed "s|/objects/$build/|/objects/|"
}

# rules: what ninja needs, to compile every source once however many targets share it, all processors at work, and only
# what changed since the last time.
rules() {
    cat <<EOF
builddir = $build
rule generated
  command = protoc-c --c_out=$build -Icases/onnx cases/onnx/onnx.proto
rule embedded
  command = python3 db/embed.py \$in \$out tl_\${name}_sql
rule object
  command = clang $flags -fsanitize=fuzzer-no-link,address,undefined $(pkg-config --cflags $packages) -MD -MF \$out.d -c \$in -o \$out
  depfile = \$out.d
  deps = gcc
rule target
  command = clang -fsanitize=fuzzer,address,undefined \$in -o \$out $(pkg-config --libs $packages) -lm
build $build/onnx.pb-c.c $build/onnx.pb-c.h: generated cases/onnx/onnx.proto
EOF
    for schema in db/*.sql; do
        schema=$(basename "$schema" .sql)
        printf 'build %s: embedded db/%s.sql\n  name = %s\n' "$build/${schema}_sql.c" "$schema" "$schema"
    done
    base="$(here harness/base/*.c) tests/fuzz/steady.c"
    all=$base
    while IFS='|' read -r name sources; do
        name=$(echo $name)
        # The sources may hold patterns, and what they become is a list.
        # shellcheck disable=SC2086
        own="tests/fuzz/fuzz_$name.c $(here $sources)"
        all="$all $own"
        printf 'build %s: target' "$build/fuzz_$name"
        for source in $own $base; do
            printf ' %s' "$(object "$source")"
        done
        echo
    done
    for source in $(printf '%s\n' $all | sort -u); do
        echo "build $(object "$source"): object $source || $build/onnx.pb-c.h"
    done
}
# What is generated is there by name before the patterns are read.
for generated in onnx.pb-c $(for schema in db/*.sql; do basename "$schema" .sql; done | sed 's/$/_sql/'); do
    : >>"$build/$generated.c"
done
table | rules >"$build/build.ninja"

# make NAME…: fails when one of them could not be built; the others are.
make() {
    for name; do
        set -- "$@" "$build/fuzz_$name"
        shift
    done
    ninja -f "$build/build.ninja" -k 0 "$@" >"$build/build.log" 2>&1
}

# fuzz NAME: what it found is in NAME.log, what is said of it in NAME.said; fails when it found something.
# New inputs go to the build directory; the corpus in the tree is only read.
fuzz() {
    corpus=corpus/$1
    if [ -n "${FUZZ_SEED:-}" ]; then
        corpus=seeded/$1
        rm -rf "${build:?}/$corpus"
    fi
    mkdir -p "$build/$corpus" "$build/found"
    # By name: a directory has its files in any order.
    printf %s "$(cd "$build" && find -L "tree/corpus/$1" -type f | LC_ALL=C sort | paste -s -d , -)" >"$build/$1.seeds"
    dictionary=
    [ -f "tests/fuzz/$1.dict" ] && dictionary="-dict=tree/$1.dict"
    # A machine that is busy with something else is slow, and no reason to find something: half a minute for one input is long.
    # The corpus is not looked at for what others put there, which would be at another moment each time.
    # shellcheck disable=SC2086
    if (cd "$build" && exec $steady "./fuzz_$1" -seed="$seed" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=2048 \
        -reload=0 -print_funcs=0 -print_final_stats=1 $dictionary -artifact_prefix="found/$1-" -seed_inputs="@$1.seeds" "$corpus") \
        >"$build/$1.log" 2>&1; then
        echo "$1: nothing found; seed $seed, $(grep -o 'stat::number_of_executed_units.*' "$build/$1.log" || true)" \
            >"$build/$1.said"
        return 0
    fi
    {
        finding "$build/$1.log"
        echo "$1: found something with seed $seed, see $build/found/ and $build/$1.log"
    } >"$build/$1.said"
    return 1
}

# finding LOG: what the target said just before, what was found and where, and the input, for whoever has this text alone.
finding() {
    line=$(grep -n -m 1 -E 'ERROR: [A-Za-z]+:|runtime error:' "$1" | cut -d : -f 1)
    if [ -n "$line" ]; then
        sed -n "$((line > 20 ? line - 20 : 1)),$((line + 50))p" "$1" | grep -v -e '^#[0-9]' -e '^SUMMARY:' | cut -c -300
        grep '^SUMMARY:' "$1" || true
    else
        tail -n 60 "$1"
    fi
    sed -n "s|.*Test unit written to |$build/|p" "$1" | while read -r input; do
        echo "$input ($(wc -c <"$input") bytes), as base64:"
        if [ "$(wc -c <"$input")" -le 16384 ]; then
            base64 "$input"
        else
            echo "(too long)"
        fi
    done
}

# finish NAME PID…: waits for those that were begun together, and says what came out.
finish() {
    while [ $# -gt 0 ]; do
        wait "$2" || status=1
        cat "$build/$1.said"
        shift 2
    done
}

names=
for name in $(table | sed 's/ .*//'); do
    wanted "$name" "$@" && names="$names $name"
done
# shellcheck disable=SC2086
make $names || grep -v '^\[' "$build/build.log" || true

# As many at a time as there are processors.
at_once=$(nproc)
status=0
running=
n=0
for name in $names; do
    make "$name" || {
        echo "$name: could not be built"
        status=1
        continue
    }
    fuzz "$name" </dev/null &
    running="$running $name $!"
    n=$((n + 1))
    [ $((n % at_once)) -ne 0 ] && continue
    # shellcheck disable=SC2086
    finish $running
    running=
done
# shellcheck disable=SC2086
finish $running
exit $status
