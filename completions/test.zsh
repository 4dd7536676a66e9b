#!/bin/zsh -f
# Asks zsh what it would offer: completions/test.zsh WORK DIRECTORY TRAPLINE LINE…
# Each LINE is typed, with the tab key behind it, into a zsh of its own in a terminal of its own (zpty). What its completion
# adds is printed, a line for each LINE, the words with spaces between. DIRECTORY holds _trapline, `trapline` is what TRAPLINE
# is, and WORK is a directory for what is needed meanwhile.
zmodload zsh/zpty
bin=$1 here=$2
heard=$bin/heard
ln -sf $3 $bin/trapline
shift 3

cat >$bin/rc <<EOF
PS1= PS2= RPS1=
path=($bin \$path)
fpath=($here \$fpath)
autoload -Uz compinit
compinit -u -D
bindkey '^I' complete-word
# What is only put into a variable is no offer.
compadd() {
    if (( \${@[(I)-(O|A|D)*]} )); then builtin compadd "\$@"; return; fi
    local -a offered
    builtin compadd -A offered "\$@"
    print -rl -- \$offered >>$heard
    builtin compadd "\$@"
}
ended() { print -r -- '#end' >>$heard }
_ended() { _complete; local result=\$?; ended; return \$result }
zstyle ':completion:*' completer _ended
zstyle ':completion:*' list-prompt ''
LISTMAX=100000
print -r -- '#ready' >>$heard
EOF

# Waits until a word stands in what was heard; ten seconds at most.
wait_for() {
    local -F until=$(( SECONDS + 10 ))
    while ! grep -qx -- $1 $heard; do
        zpty -rt shell ignored 2>/dev/null || sleep 0.02
        if (( SECONDS > until )); then
            print -u2 "zsh did not answer: $2"
            exit 1
        fi
    done
}

typeset -F SECONDS
for line in "$@"; do
    : >$heard
    zpty shell zsh -f -i
    zpty -w shell "source $bin/rc"
    wait_for '#ready' 'the start'
    zpty -wn shell "$line"$'\t'
    wait_for '#end' $line
    print -r -- ${(f)"$(grep -vE '^#(ready|end)$' $heard)"}
    zpty -d shell
done
