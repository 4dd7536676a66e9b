# Of scripts/arm64.sh, for the machine: whether it can do what trapline needs, and a real crash of ONNX Runtime, isolated.
shown doctor trapline doctor
isolate() {
    trapline builds add /mnt/onnxruntime/libonnxruntime.so.1 || return 1
    # It exits with 1, because a failure was found.
    trapline isolate cases/onnxruntime/decoder-gqa-begin.json -u onnxruntime@1.22.0:cpu --db /tmp/isolate.db 2>&1 | tee /tmp/isolated
    trapline show last:crash --db /tmp/isolate.db | sed -n '/^Process/,/^Environment/p'
    # The trigger is the one that is known of x86-64.
    grep -q 'minimal variant: attention=gqa begin_error=1000000$' /tmp/isolated
}
shown isolate isolate
# What crashes on x86-64 passes here: docs/known-failures.md.
integer_division() {
    trapline run cases/onnxruntime/integer-division.json -u onnxruntime@1.22.0:cpu --db /tmp/isolate.db
}
shown integer_division integer_division
