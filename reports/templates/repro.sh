#!/bin/sh
# @TITLE@
#
# @SUMMARY@
#
#   sh repro.sh              @ABOUT@
#   sh repro.sh --control    @CONTROL@
#
# --keep leaves the directory in which it ran, and says where it is.@MAKES@
# It needs @NEEDS@.
# Its last line, "RESULT: …", can be compared. Exit status: 0 every step did what it should; 128 + n after signal n; else
# that of the step that failed, or 1 where a step exited with 0 and did not write or leave what it should, 3 where it was
# done in another way than the one asked for, 124 where a step still ran at its deadline; 2 it could not be run.
# shellcheck disable=SC2016,SC2034,SC2089,SC2090
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 2
side=failing keep=no make=no
for option; do
    case $option in
    --control) side=control ;;
    --keep) keep=yes ;;
    --make) make=yes ;;
    *)
        printf 'usage: sh repro.sh [--control] [--keep] [--make]\n' >&2
        exit 2
        ;;
    esac
done
work=$(mktemp -d "${TMPDIR:-/tmp}/repro.XXXXXX") || {
    printf 'repro.sh: TMPDIR has to name a directory that can be written to, and is %s\n' "${TMPDIR:-/tmp}" >&2
    exit 2
}
clean() {
    cd /
    if [ "$keep" = yes ]; then
        printf 'repro.sh: kept %s\n' "$work" >&2
    else
        rm -rf -- "$work"
    fi
}
trap clean EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
scratch=$work/scratch
mkdir "$scratch" && cd "$scratch" || exit 2
export TMPDIR="$scratch"
fallback=

result() { # STATUS WORDS: what is here is told by its name here, wherever that is
    words=$2
    while :; do
        case $words in
        *"$here/"*) words=${words%%"$here/"*}${words#*"$here/"} ;;
        *) break ;;
        esac
    done
    printf 'RESULT: %s\n' "$(printf '%s' "$words" | tr '\n' ' ')"
    exit "$1"
}

need() { # PROGRAM...
    for program; do
        command -v "$program" >/dev/null || result 2 "not run: $program is not in PATH"
    done
}

begin() { # LABEL, whether its output is looked at, seconds it has
    label=$1 capture=$2 deadline=$3
    printf '%s\n' "$label" >&2
}
#@ relink
relink() { # NAME TARGET: a link that an archive was unpacked without
    [ -h "$here/$1" ] || [ -d "$here/$1" ] || ln -sf "$2" "$here/$1" 2>/dev/null || :
}
#@ run
run() { # PROGRAM ARGUMENT...
    if [ "$capture" = yes ]; then
        "$@" </dev/null >"$work/out" 2>"$work/err"
        status=$?
        cat "$work/out"
        cat "$work/err" >&2
    else
        "$@" </dev/null
        status=$?
    fi
    [ "$status" -le 256 ] || status=$((status - 128))
}
#@ run_within
end_tree() { # a process and all that it started, also what its parent left behind in its group
    for one in $(ps -A -o pid= -o ppid= -o pgid= | awk -v top="$1" '
        { parent[$1] = $2; group[$1] = $3 }
        END { for (p in parent) { q = p; while (q in parent && q != top && group[q] != top) q = parent[q]; if (q == top || group[q] == top) print p } }') "$1"; do
        kill -KILL "$one" 2>/dev/null
    done
}

run() { # PROGRAM ARGUMENT...: ended at the deadline
    "$@" </dev/null >"$work/out" 2>"$work/err" &
    child=$! waited=0 late=no
    while kill -0 "$child" 2>/dev/null; do
        if [ "$waited" -ge "$deadline" ]; then
            late=yes
            end_tree "$child"
            break
        fi
        sleep 1
        waited=$((waited + 1))
    done
    wait "$child"
    status=$?
    cat "$work/out"
    cat "$work/err" >&2
    [ "$late" = no ] || result 124 "$label still ran after $deadline s"
    [ "$status" -le 256 ] || status=$((status - 128))
}
#@ run_apart
run_apart() { # PROGRAM ARGUMENT...: in a session of its own, for it sends a signal that may reach all of its group
    if command -v setsid >/dev/null; then
        run setsid "$@"
    else
        run perl -MPOSIX=setsid -e 'setsid(); exec { $ARGV[0] } @ARGV; exit 127' "$@"
    fi
}
#@ expect_status
expect_status() { # STATUS, or any
    [ "$status" != "$1" ] || return 0
    # 129, 130, 141, 142 and 143 are as often statuses of a program's own as those after HUP, INT, PIPE, ALRM and TERM.
    case $status in
    129 | 130 | 141 | 142 | 143) result "$status" "$label ended with status $status" ;;
    esac
    if [ "$status" -gt 128 ] && [ "$status" -le 192 ]; then
        result "$status" "$label ended with status $status (SIG$(kill -l "$((status - 128))" 2>/dev/null))"
    fi
    [ "$1" != any ] || return 0
    [ "$status" -ne 0 ] || result 1 "$label ended with status 0"
    result "$status" "$label ended with status $status"
}
#@ wrote
wrote() { # TEXT
    LC_ALL=C grep -qF -e "$1" -- "$work/out" "$work/err"
}
#@ wrote_lines
wrote() { # TEXT, which may be of several lines
    for stream in out err; do
        case $(cat "$work/$stream") in
        *"$1"*) return 0 ;;
        esac
    done
    return 1
}
#@ expect_text
expect_text() { # TEXT
    wrote "$1" || result 1 "$label did not write \"$1\""
}
#@ expect_no_text
expect_no_text() { # TEXT STATUS, which is any, or the one that was expected; a signal says more
    if [ "$status" -gt 128 ] && [ "$status" -le 192 ] && [ "$status" != "$2" ]; then
        return 0
    elif wrote "$1"; then
        [ "$status" -eq 0 ] || [ "$2" = any ] || [ "$status" = "$2" ] || result "$status" "$label wrote \"$1\""
        result 1 "$label wrote \"$1\""
    fi
}
#@ expect_file
expect_file() { # NAME PATH...
    if [ ! -e "$2" ] && [ ! -h "$2" ]; then
        result 1 "$label left no file $1"
    fi
}
#@ fallback_text
fallback_text() { # TEXT
    if [ -z "$fallback" ] && wrote "$1"; then
        fallback="$label fell back: it wrote \"$1\""
    fi
}
#@ fallback_count
fallback_count() { # NAME LEAST MOST N: what was counted; empty: nothing
    if [ -n "$fallback" ]; then
        return 0
    elif [ -z "$4" ]; then
        fallback="$label fell back: $1 was not written"
    elif [ "$4" -lt "$2" ] || { [ -n "$3" ] && [ "$4" -gt "$3" ]; }; then
        fallback="$label fell back: $1 is $4"
    fi
}
#@ count_files
count_files() { # PATH...
    n=0
    for one; do
        [ ! -e "$one" ] || n=$((n + 1))
    done
    printf '%s' "$n"
}
#@ count_matches
count_matches() { # REGEX
    perl -e 'my $re = qr/$ARGV[0]/; my $n = 0; shift @ARGV; while (<>) { chomp; $n++ while /$re/g } print $n' \
        -- "$1" "$work/out" "$work/err"
}
#@ last_number
last_number() { # REGEX
    perl -e 'my $re = qr/$ARGV[0]/; my $n = ""; shift @ARGV; while (<>) { chomp; $n = $1 while /$re/g } print $n' \
        -- "$1" "$work/out" "$work/err"
}
#@ prepare
prepare() { # NAME: what the case's generator made, in the bundle, or where it is to be made
    making=no
    model=$here/$1 inputs=$here/$2 outputs=$work/made/outputs
    if [ "$make" = yes ] || [ ! -e "$model" ]; then
        making=yes
        model=$work/made/${1##*/} inputs=$work/made/inputs
        mkdir -p "$outputs"
    fi
}
#@ made
made() {
    [ "$status" -ne 77 ] || result 2 "$label will not make this variant"
    expect_status 0
    [ -e "$model" ] || result 2 "$label left no model"
}
#@ sanitized
# With these a report of a sanitizer is SIGABRT, and a fault is the signal that it would be without one.
options=abort_on_error=1:handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0
export ASAN_OPTIONS="$options:${ASAN_OPTIONS:-}:detect_leaks=0" HWASAN_OPTIONS="$options:${HWASAN_OPTIONS:-}:detect_leaks=0"
export LSAN_OPTIONS="$options:${LSAN_OPTIONS:-}:detect_leaks=0" MSAN_OPTIONS="$options:${MSAN_OPTIONS:-}"
export TSAN_OPTIONS="halt_on_error=1:$options:${TSAN_OPTIONS:-}" UBSAN_OPTIONS="halt_on_error=1:$options:${UBSAN_OPTIONS:-}"
#@ find_runner
find_runner() { # NAME: $RUNNER, in PATH, or where trapline is installed
    runner=${RUNNER:-$(command -v "$1")}
    if [ -z "$runner" ]; then
        trapline=$(command -v trapline) && runner=$(dirname "$(dirname "$trapline")")/libexec/trapline/runners/$1
    fi
    [ -x "$runner" ] || result 2 "not run: there is no $1 here; RUNNER=PATH says where it is"
}
#@ end
passed() {
    [ -z "$fallback" ] || result 3 "$fallback"
    result 0 'every step did what it should'
}

# shellcheck disable=SC3045
ulimit -c 0 2>/dev/null
@LIMITS@
failing() {
@FAILING@    passed
}

control() {
@CONTROL_SIDE@    passed
}

case $side in
failing) failing ;;
control) control ;;
esac
