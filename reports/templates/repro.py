"""@TITLE@

Reproduces the failure with nothing but onnxruntime and numpy:

    python3 -m pip install onnxruntime@PIN@ numpy
    python3 repro.py              dies, or is refused, as the report says
    python3 repro.py --control    the nearest variant that was seen to pass

Exit status when nothing crashes: 0 it ran, 1 the runtime refused, 2 misused, 3 it ran and outputs hold values that are
not finite (which ones is printed).
"""
import os
import sys
import threading

import numpy
import onnxruntime

# @SETTINGS@

HERE = os.path.dirname(os.path.abspath(__file__))


def run(settings):
    print("compile: making a session", flush=True)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel(settings["optimization"])
    options.intra_op_num_threads = settings["threads"]
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = settings["memory_pattern"]
    options.enable_cpu_mem_arena = settings["arena"]
    providers = [(settings["provider"], settings["provider_options"])]
    if settings["provider"] != "CPUExecutionProvider":
        providers.append("CPUExecutionProvider")
    session = None
    for _ in range(settings["loads"]):
        session = None
        session = onnxruntime.InferenceSession(os.path.join(HERE, settings["model"]), options, providers=providers)
    print("execute: running it", flush=True)
    feed = {name: numpy.load(os.path.join(HERE, npy)) for name, npy in settings["inputs"]}
    outputs = []
    for _ in range(settings["runs"]):
        outputs = session.run(None, feed)
    not_finite = 0
    for about, value in zip(session.get_outputs(), outputs):
        if not isinstance(value, numpy.ndarray) or value.dtype.kind != "f":
            continue
        odd = numpy.flatnonzero(~numpy.isfinite(value))
        if odd.size:
            not_finite += 1
            print(f"output {about.name}: {odd.size} of {value.size} values are not finite, the first is number {odd[0]}")
    print(f"done: {len(outputs)} outputs" + (f", {not_finite} of them not finite" if not_finite else ""), flush=True)
    return not_finite


def main():
    settings = FAILING
    if sys.argv[1:] == ["--control"]:
        settings = CONTROL
    elif sys.argv[1:]:
        sys.exit(__doc__)
    if settings is None:
        print("no variant that passes is known: there is no control", file=sys.stderr)
        return 2
    print("variant:", settings["about"])
    print("load: ONNX Runtime", onnxruntime.__version__, flush=True)
    failed, not_finite = [], []

    def guarded():
        try:
            not_finite.append(run(settings))
        except Exception as refused:  # the runtime's own kinds of exception have no common base
            print(f"refused: {type(refused).__name__}: {refused}")
            failed.append(refused)

    if settings["stack_kb"]:
        threading.stack_size(settings["stack_kb"] * 1024)
        thread = threading.Thread(target=guarded)
        thread.start()
        thread.join()
    else:
        guarded()
    sys.stdout.flush()
    os._exit(1 if failed else 3 if any(not_finite) else 0)  # without tearing down what is not in question


if __name__ == "__main__":
    sys.exit(main())
