#!/bin/bash
# Tests the completions: completions/test.bash TRAPLINE CASES
# Bash is asked as it asks a completion itself; fish and zsh, where they are installed, what they would offer for a line.
set -u
here=$(cd "$(dirname "$0")" && pwd)
trapline=$(realpath "$1") # shells that are asked from outside find it in PATH, by a link
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
expect 'trapline builds ' fetch add list remove
expect 'trapline devices ' add list remove
expect 'trapline known ' list note remove last
expect "trapline --db $state/x.db " run list '!--db'
expect "trapline -q --db $state/x.db r" run reduce '!list'
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

# Every option of every command in the one table, in each shell: offered, and no other.
mapfile -t table < <("$trapline" --help --json | python3 -c '
import json, sys
for command in json.load(sys.stdin)["commands"]:
    print(command["name"], *sorted("--" + option["name"] for option in command["options"]))')
# same SHELL COMMAND OPTIONS OFFERED
same() {
    if [[ $3 != "$(tr ' ' '\n' <<<"$4" | sort | xargs)" ]]; then
        printf '%s\n' "$1: the options of $2 are" "  $3" "and offered were" "  $(tr ' ' '\n' <<<"$4" | sort | xargs)" >&2
        failed=1
    fi
}
[[ ${#table[@]} -gt 10 ]] || { echo "the table of options has ${#table[@]} commands" >&2; failed=1; }
for row in "${table[@]}"; do
    COMP_LINE="trapline ${row%% *} -" COMP_POINT=200 COMPREPLY=()
    _trapline "$trapline" 2>/dev/null
    same bash "${row%% *}" "$(tr ' ' '\n' <<<"${row#* }" | sort | xargs)" "${COMPREPLY[*]}"
done

# The lines that a shell which is asked from outside is to complete, and what it must offer, '!' before what it must not.
mkdir "$state/bin"
asked=(
    'trapline r|run reduce report !list' 'trapline list |cases units builds' 'trapline builds |fetch add list remove'
    'trapline known |list note remove last' "trapline --db $state/x.db r|run reduce !list"
    'trapline run -u self|selftest:cpu' "trapline run $cases/selftest/misbehave.json -s be|behaviour= !thread="
    "trapline run $cases/selftest/misbehave.json -s behaviour=null|behaviour=null_read behaviour=null_jump !behaviour=abort"
    'trapline report --format |md html json junit' "trapline run $cases/selftest/misb|misbehave.json"
    "trapline reduce $models/n|net.onnx !net.npy !compiler"
    "trapline reduce $models/net.onnx --inputs x=$models/n|net.npy !net.onnx"
    "trapline reduce $models/net.onnx -- $models/c|compiler"
)
# check SHELL OFFERED…: what a shell offered for each of them
check() {
    local shell=$1 line=0 word
    shift
    for offered; do
        for word in ${asked[line]#*|}; do
            # Shells differ in whether they offer a path or its last part.
            if [[ $word == !* && " $offered " =~ [\ /]"${word#!}"\  || $word != !* && ! " $offered " =~ [\ /]"$word"\  ]]; then
                echo "$shell: '${asked[line]%|*}': $word was expected, offered were: $offered" >&2
                failed=1
            fi
        done
        line=$((line + 1))
    done
    [[ $line == "${#asked[@]}" ]] || { echo "$shell answered $line of ${#asked[@]} lines" >&2; failed=1; }
}

if command -v fish >/dev/null 2>&1; then
    ln -sf "$trapline" "$state/bin/trapline"
    lines=()
    for row in "${asked[@]}"; do lines+=("${row%|*}"); done
    for row in "${table[@]}"; do lines+=("trapline ${row%% *} -"); done
    mapfile -t offered < <(PATH=$state/bin:$PATH HOME=$state fish --no-config -c 'source $argv[1]
        for line in $argv[2..]
            echo (complete -C $line | string replace -r "\t.*" "")
        end' "$here/trapline.fish" "${lines[@]}")
    check fish "${offered[@]:0:${#asked[@]}}"
    for i in "${!table[@]}"; do
        same fish "${table[i]%% *}" "$(tr ' ' '\n' <<<"${table[i]#* }" | sort | xargs)" "${offered[i + ${#asked[@]}]}"
    done
fi
if command -v zsh >/dev/null 2>&1; then
    lines=()
    for row in "${asked[@]}"; do lines+=("${row%|*}"); done
    # A terminal for each line takes its time; the options of one command stand for those of all, which are asked alike.
    lines+=("trapline ${table[0]%% *} -")
    mapfile -t offered < <(HOME=$state zsh -f "$here/test.zsh" "$state/bin" "$here" "$trapline" "${lines[@]}")
    check zsh "${offered[@]:0:${#asked[@]}}"
    same zsh "${table[0]%% *}" "$(tr ' ' '\n' <<<"${table[0]#* }" | sort | xargs)" "${offered[${#asked[@]}]}"
fi
exit $failed
