#!/bin/sh
# A demonstration with a real crash: scripts/demo.sh, or `make demo`.
#   1. what is missing is installed, trapline is built in BUILD (default build)
#   2. two builds of ONNX Runtime are fetched, unless they are here already
#   3. a crash of 1.22.0 is isolated; 1.30.0 is shown to refuse the same model in words
#   4. the report and a bundle are written, and the bundle's repro.c is compiled and run without trapline
# Everything but the builds is kept in BUILD/demo, the database too, and made anew each time. Exit status 0: it all
# happened as it should; 1: it did not; 3: it could not be tried.
set -u
cd "$(dirname "$0")/.." || exit 3
build=${BUILD:-build}
meson=${MESON:-meson}
old=1.22.0
new=1.30.0
case=cases/onnxruntime/decoder-gqa-begin.json

say() {
    printf '\n== %s\n' "$*"
}

# stop STATUS WORDS…
stop() {
    status=$1
    shift
    printf 'demo: %s\n' "$*" >&2
    exit "$status"
}

# Shows a command as it can be pasted, and runs it.
show() {
    printf '$ %s\n' "$*"
    "$@"
}

say "build"
scripts/packages.sh build || stop 3 "the packages above are needed to build"
if [ ! -f "$build/build.ninja" ]; then
    if ! log=$("$meson" setup "$build" 2>&1); then
        printf '%s\n' "$log" | tail -n 30 >&2
        stop 3 "the build could not be configured"
    fi
fi
# Takes some minutes the first time, and says how far it is: in one line that changes on a terminal, else now and then.
build_it() {
    if [ -t 1 ]; then
        ninja -C "$build"
        return
    fi
    log=$build/demo-build.log
    ninja -C "$build" >"$log" 2>&1 &
    ninja=$!
    trap 'kill "$ninja" 2>/dev/null; exit 130' INT TERM HUP
    waited=0
    while kill -0 "$ninja" 2>/dev/null; do
        sleep 1
        waited=$((waited + 1))
        [ $((waited % 10)) != 0 ] || tail -n 1 "$log" | cut -d ' ' -f 1
    done
    trap - INT TERM HUP
    wait "$ninja" && return
    tail -n 40 "$log" >&2
    return 1
}
build_it || stop 3 "trapline could not be built"
trapline=$build/harness/cli/trapline
[ -x "$trapline" ] || stop 3 "$trapline was not built"
"$trapline" --version

demo=$build/demo
database=$demo/trapline.db
bundle=$demo/bundle
mkdir -p "$demo" || exit 3
rm -rf "$bundle" "$database" "$database-wal" "$database-shm" "$database".* "$demo/isolate.txt" "$demo/report.md"

say "two builds of ONNX Runtime"
# A build that is here already needs neither npm nor a network.
fetch() {
    "$trapline" builds fetch "onnxruntime@$old" "onnxruntime@$new"
}
if ! fetch >"$demo/builds.txt" 2>"$demo/fetch.log"; then
    if ! command -v npm >/dev/null 2>&1 || ! command -v node >/dev/null 2>&1; then
        scripts/packages.sh demo || stop 3 "node and npm are needed to fetch builds of ONNX Runtime"
    fi
    if ! fetch >"$demo/builds.txt" 2>"$demo/fetch.log"; then
        cat "$demo/fetch.log" >&2
        stop 3 "the builds of ONNX Runtime are not here and could not be fetched. Without a network, bring both libraries from" \
            "elsewhere with \`$trapline builds add LIBRARY\` and start again"
    fi
fi
printf '$ %s\n' "$trapline builds fetch onnxruntime@$old onnxruntime@$new"
cat "$demo/builds.txt"
library=$("$trapline" builds fetch "onnxruntime@$old" --json |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["builds"][0]["path"])') || exit 3

say "what exactly makes $old crash?"
printf '$ %s\n' "$trapline isolate $case -u onnxruntime@$old:cpu --db $database"
"$trapline" isolate "$case" -u "onnxruntime@$old:cpu" --db "$database" >"$demo/isolate.txt"
status=$?
cat "$demo/isolate.txt"
[ "$status" = 130 ] && exit 130
[ "$status" = 1 ] || stop 1 "the crash was expected to be found (exit status 1), but trapline ended with $status"
grep -q 'minimal variant: attention=gqa begin_error=1000000$' "$demo/isolate.txt" || stop 1 "this is not the trigger that is known"
finding=$(sed -n 's/^finding //p' "$demo/isolate.txt")

say "the same model on $new: refused in words"
show "$trapline" run "$case" -u "onnxruntime@$new:cpu" -s attention=gqa -s begin_error=1000000 --db "$database"
status=$?
[ "$status" = 1 ] || stop 1 "a clean error was expected, but trapline ended with $status"
outcome=$("$trapline" list trials -u "onnxruntime@$new:cpu" --limit 1 --json --db "$database" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["trials"][0]["outcome"])')
[ "$outcome" = error ] || stop 1 "a clean error was expected, and not the outcome $outcome"

say "the report, from its beginning"
"$trapline" report "$finding" --db "$database" >"$demo/report.md" || stop 1 "the report could not be written"
printf '$ %s\n' "$trapline report $finding --db $database"
head -n 40 "$demo/report.md" | python3 -c 'import sys
for line in sys.stdin.buffer.read().decode().splitlines():
    sys.stdout.buffer.write((line if len(line) <= 160 else line[:159] + "…").encode() + b"\n")'
printf '[… %s lines in all, in %s]\n' "$(wc -l <"$demo/report.md" | tr -d ' ')" "$demo/report.md"

say "the crash without trapline"
show "$trapline" report "$finding" --db "$database" --bundle "$bundle" || stop 1 "the bundle could not be written"
(
    cd "$bundle" || exit 1
    ${CC:-cc} repro.c -o repro -ldl -lpthread || exit 1
    ./repro "$library" >repro.log 2>&1
) 2>/dev/null
status=$?
cat "$bundle/repro.log"
[ "$status" = 139 ] || stop 1 "repro.c was expected to die of SIGSEGV (exit status 139), but it ended with $status"
(cd "$bundle" && ./repro "$library" --control >control.log 2>&1) || stop 1 "the control was expected to pass: $bundle/control.log"
rm -f "$bundle/repro" "$bundle/repro.log" "$bundle/control.log"
echo "repro.c died of SIGSEGV, as it should, and passes with --control."

place=$(cd "$bundle" && pwd) || exit 3
say "worked"
cat <<EOF
The bundle is in $bundle: report, model, inputs and a reproducer in C and in Python. To run it:

  (cd '$place' && cc repro.c -ldl -lpthread && ./a.out '$library')

The report for a browser:

  $trapline report $finding --db $database --format html > report.html
EOF
