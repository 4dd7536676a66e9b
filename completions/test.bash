#!/bin/bash
# Tests the completions: completions/test.bash TRAPLINE CASES
# Bash is asked as it asks a completion itself. Of zsh the functions that find candidates are tested, where it is installed.
set -u
here=$(cd "$(dirname "$0")" && pwd)
trapline=$1
cases=$2
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
export XDG_STATE_HOME=$state XDG_CACHE_HOME=$state
. "$here/trapline.bash"
failed=0

# expect LINE WORD…: completing LINE must offer each WORD; a WORD with '!' before it must not be offered
expect() {
    COMP_LINE=$1
    COMP_POINT=${#1}
    shift
    COMPREPLY=()
    _trapline "$trapline" 2>/dev/null
    local word offered=" ${COMPREPLY[*]} "
    for word; do
        if [[ $word == !* && $offered == *" ${word#!} "* || $word != !* && $offered != *" $word "* ]]; then
            echo "bash: '$COMP_LINE': $word was expected, offered were:$offered" >&2
            failed=1
        fi
    done
}

expect 'trapline ' run list show builds db doctor --help
expect 'trapline r' run reduce '!list'
expect 'trapline reduce --k' --keep-names '!--json'
expect 'trapline reduce -' --unit --set --out --inputs --failure-text --timeout --memory --max-trials --force --over '!--repeat'
expect 'trapline reduce --failure-text '
expect 'trapline reduce -u self' selftest:cpu
expect "trapline reduce $cases/selftest/misb" "$cases/selftest/misbehave.json"
models=$state/models
mkdir "$models"
touch "$models/net.onnx" "$models/net.npy" "$models/compiler"
expect "trapline reduce $models/n" "$models/net.onnx" "!$models/compiler" "!$models/net.npy"
expect "trapline reduce $models/net.onnx --inputs x=$models/n" "$models/net.npy" "!$models/net.onnx"
# Behind -- a command stands, whose options and files are its own.
expect "trapline reduce $models/net.onnx -- $models/c" "$models/compiler"
expect "trapline reduce $models/net.onnx -- $models/compiler -" '!--unit' '!--json'
expect "trapline reduce $models/net.onnx -- $models/compiler {" '{model}' '{inputs}'
expect 'trapline run --k' --keep-scratch '!--json'
expect 'trapline run -' --json --unit --set --repeat '!--stacks'
expect 'trapline show --s' --stacks
expect 'trapline isolate --over ' build
expect 'trapline report --format ' md html json junit '!md|html'
expect 'trapline report --for ' onnxruntime llama.cpp pytorch '!PROJECT'
expect 'trapline compare --by ' unit build machine session versions
expect 'trapline compare --only ' changed
expect 'trapline run -n '
expect 'trapline run --json -' --fresh
expect 'trapline list ' cases units builds trials findings signatures '![DIR…]'
expect 'trapline builds ' fetch add list
expect 'trapline devices ' add list remove
expect 'trapline help ' run isolate version '![COMMAND]'
expect 'trapline run --color ' auto always never
expect 'trapline db ' check merge export compact
expect 'trapline list trials --outcome h' hang '!crash'
expect 'trapline run -u self' selftest:cpu
expect 'trapline run -u selftest:c' cpu
expect "trapline run $cases/selftest/misb" "$cases/selftest/misbehave.json"
expect "trapline run $cases/selftest/misbehave.json -s be" behaviour=
expect "trapline run $cases/selftest/misbehave.json -s " behaviour= phase= thread= '!misbehave='
expect "trapline run $cases/selftest/misbehave.json -s behaviour=null" null_read null_jump '!abort'
expect "trapline run $cases/selftest/threshold.json -s width=" 1 8 64 512
expect "trapline doctor $cases/selftest/misb" "$cases/selftest/misbehave.json"

if command -v zsh >/dev/null 2>&1; then
    axes=$(zsh -fc 'compdef() { }; _describe() { }; CURRENT=1; words=(trapline); PREFIX=; . "$1" 2>/dev/null
        _trapline_axes "$2" ""; _trapline_axes "$2" thread' zsh "$here/_trapline" "$cases/selftest/misbehave.json" | tr '\n' ' ')
    if [[ $axes != 'behaviour= phase= thread= thread=main thread=other ' ]]; then
        echo "zsh: axes are: $axes" >&2
        failed=1
    fi
    zsh -fn "$here/_trapline" || failed=1
fi
exit $failed
