# Of scripts/arm64.sh: a machine of arm64 in an emulator, and what it is to run. Wants cache, source, build, skip, need and fail.

# Tests that crash programs on purpose and look at what is captured of them, or in what they are held.
arm64_captures="traps storm stacks titles dying machine sandbox escapes misbehaviour_send_to_thread misbehaviour_raise_segv"

# An emulated processor takes that many times as long as the real ones for which limits were made.
arm64_slower=10

# Those that were named since the last time, side by side.
tests() {
    # shellcheck disable=SC2086
    [ -z "$tests" ] || python3 scripts/arm64/tests.py "$build/build" $arm64_slower $tests || exit 2
    tests=
}

# script WHAT…: what the machine runs, on stdout
script() {
    printf "source='%s'\nbuild='%s'\npython='%s'\nslower=%s\n" "$source" "$build/build" \
        "$(python3 -c 'import sys; print(sys.executable)')" $arm64_slower
    cat scripts/arm64/guest.sh
    tests=
    while [ $# -gt 0 ]; do
        case $1 in
        --)
            tests
            shift
            printf 'shown command'
            for word in "$@"; do printf " '%s'" "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")"; done
            echo
            break
            ;;
        isolate)
            tests
            cat scripts/arm64/isolate.sh
            ;;
        captures) tests="$tests $arm64_captures" ;;
        *) tests="$tests $1" ;;
        esac
        shift
    done
    tests
    echo finish
}

run_machine() {
    need qemu-system-aarch64 mke2fs python3
    [ $# -gt 0 ] || set -- unit captures isolate
    fetch_packages
    fetch_machine
    fetch_runtime
    build_all

    disk=$build/disk
    rm -rf "$disk" "$build/work.img"
    mkdir -p "$disk/source" "$disk/build" "$disk/onnxruntime"
    cp scripts/arm64/words.sh "$disk/"
    script "$@" >"$disk/run.sh"
    # What a test may want: the source, and of what was built all but what only the linker reads.
    git ls-files -z | tar -c --null -T - -f - | tar -x -C "$disk/source" -f -
    tar -c -C "$build/build" --exclude='*.o' --exclude='*.a' --exclude='meson-logs' --exclude='.ninja*' -f - . | tar -x -C "$disk/build" -f -
    cp "$cache/onnxruntime-$arm64_onnxruntime/libonnxruntime.so.1" "$disk/onnxruntime/"
    mke2fs -q -t ext4 -O ^has_journal -E root_owner=0:0 -d "$disk" "$build/work.img" 2000M >"$build/log" 2>&1 ||
        fail "$build/log" "the disk with the build could not be made"
    rm -rf "$disk"

    log=$build/machine.log
    serial=$build/serial
    rm -f "$serial"
    mkfifo "$serial"
    echo "arm64: starting the machine"
    # What it writes to its disks is thrown away. When this script ends, so does the machine.
    TMPDIR=$build nice -n 10 timeout --foreground -k 10 "${ARM64_SECONDS:-3600}" qemu-system-aarch64 -M virt \
        -cpu "${ARM64_CPU:-max,pauth-impdef=on}" -accel tcg,thread=multi -smp "${ARM64_PROCESSORS:-2}" -m 2048 \
        -nodefaults -nographic -serial stdio -no-reboot -kernel "$cache/vmlinuz" -initrd "$cache/initrd.gz" \
        -append "console=ttyAMA0 rdinit=/init mitigations=off loglevel=3 panic=-1" -snapshot \
        -drive "file=$cache/root.img,format=raw,if=none,id=root,cache=unsafe" -device virtio-blk-pci,drive=root \
        -drive "file=$build/work.img,format=raw,if=none,id=work,cache=unsafe" -device virtio-blk-pci,drive=work \
        </dev/null >"$serial" 2>&1 &
    machine=$!
    trap 'kill "$machine" 2>/dev/null; rm -f "$serial" "$build/work.img"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    # Not in front: a signal would be looked at when it ends.
    sed -u 's/\r//g' <"$serial" | tee "$log" &
    wait "$!" || true
    wait "$machine" || true
    status=$(sed -n 's/^arm64: exit status \([0-9]*\)$/\1/p' "$log" | tail -n 1)
    [ -n "$status" ] || { echo "arm64: the machine ended before it said what came of it; its log is $log" >&2; exit 1; }
    exit "$status"
}
