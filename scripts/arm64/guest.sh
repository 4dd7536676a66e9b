# What the machine of scripts/arm64.sh runs before what it was asked for: words for the lines that follow. `source`, `build` and
# `python` are set above this. Nothing that is written to its disks is kept.
mkdir -p "$source" /tmp/work /root
mount --bind /mnt/source "$source"
mkdir -p "$build"
mount --bind /mnt/build "$build"
# The Python that the build was configured with is another system's.
[ -e "$python" ] || { mkdir -p "${python%/*}" && ln -s /usr/bin/python3 "$python"; }
export PATH="$build/harness/cli:$PATH" TMPDIR=/tmp/work TRAPLINE_REQUIRE_POINTER_CODES=1
hostname trapline-arm64 2>/dev/null
cd "$source" || exit 125
passed=0
failed=0
skipped=0

# try NAME SECONDS COMMAND…: one line of what came of it, and the end of its output where that is wanted
try() {
    name=$1
    limit=$2
    shift 2
    began=$(date +%s)
    timeout -k 5 "$limit" "$@" >/tmp/output 2>&1 </dev/null
    status=$?
    took="$(($(date +%s) - began)) s"
    case $status in
    0)
        passed=$((passed + 1))
        echo "ok       $name ($took)"
        ;;
    77)
        skipped=$((skipped + 1))
        echo "skipped  $name ($took): $(tail -n 1 /tmp/output)"
        ;;
    *)
        failed=$((failed + 1))
        [ $status -lt 124 ] || [ $status -gt 137 ] || took="$took, limit $limit s"
        echo "FAILED   $name ($took), exit status $status"
        tail -n 60 /tmp/output | sed 's/^/         /'
        ;;
    esac
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
        passed=$((passed + 1))
        echo "ok       $name ($(($(date +%s) - began)) s)"
    else
        failed=$((failed + 1))
        echo "FAILED   $name ($(($(date +%s) - began)) s)"
    fi
}

finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ $failed = 0 ]
    exit
}
