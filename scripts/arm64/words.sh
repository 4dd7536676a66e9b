# Words for what the machine of scripts/arm64.sh runs. What came of each test is a line of /tmp/results: several run at a time.

# say FILE: whole, where others write too
say() {
    flock /tmp/lock cat "$1"
}

# try NAME SECONDS COMMAND…: one line of what came of it, what of it was skipped, and the end of its output where it failed
try() {
    name=$1
    limit=$2
    shift 2
    output=/tmp/output.$$
    began=$(date +%s)
    timeout -k 5 "$limit" "$@" >"$output" 2>&1 </dev/null
    status=$?
    took="$(($(date +%s) - began)) s"
    case $status in
    0)
        echo ok >>/tmp/results
        echo "ok       $name ($took)"
        # As Criterion and Python's unittest write it.
        sed -n '/^\[SKIP\]/{/Test is disabled$/!s/^/         /p}; /^OK (skipped=/s/^/         /p' "$output"
        ;;
    77)
        echo skipped >>/tmp/results
        echo "skipped  $name ($took): $(tail -n 1 "$output")"
        ;;
    *)
        echo FAILED >>/tmp/results
        [ $status -lt 124 ] || [ $status -gt 137 ] || took="$took, limit $limit s"
        echo "FAILED   $name ($took), exit status $status"
        grep -v '^\[\(RUN \|PASS\)' "$output" | tail -n 60 | sed 's/^/         /'
        ;;
    esac >"$output.said"
    say "$output.said"
    rm -f "$output" "$output.said"
}

# shown NAME COMMAND…: the same with all of its output
shown() {
    name=$1
    shift
    began=$(date +%s)
    # Not on the terminal, which the machine's serial line is: what moves there is of no use in a log.
    "$@" </dev/null >/tmp/output 2>&1
    status=$?
    cat /tmp/output
    if [ $status = 0 ]; then
        echo ok >>/tmp/results
        echo "ok       $name ($(($(date +%s) - began)) s)"
    else
        echo FAILED >>/tmp/results
        echo "FAILED   $name ($(($(date +%s) - began)) s), exit status $status"
    fi
}

# together: the lines of stdin, each a `try …`, as many at a time as the machine has processors
together() {
    xargs -d '\n' -n 1 -P "$(nproc)" sh -c '. /mnt/words.sh; eval "$1"' sh || {
        echo FAILED >>/tmp/results
        echo "FAILED   tests, which were not run to their end"
    }
}

# left_out NAME WHY
left_out() {
    echo "left out" >>/tmp/results
    echo "left out $1: $2"
}

count() {
    grep -c "^$1\$" /tmp/results
}

finish() {
    echo "$(count ok) passed, $(count FAILED) failed, $(count skipped) skipped, $(count 'left out') left out"
    [ "$(count FAILED)" = 0 ]
    exit
}
