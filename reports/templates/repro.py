"""@TITLE@

Needs Python 3 with onnxruntime, which brings numpy, and nothing else:

    python3 -m pip install @PIN@
    python3 repro.py              dies, is refused or answers wrongly, as the report says
    @CONTROL@

Reads the files beside it. It sets whatever the failure needs itself: session options@LIMITS@. On the CPU it
executes itself once more, with few variables of the environment, so that it does the same wherever it is run.

What to compare is the last line that begins with RESULT. A process that dies prints nothing any more, so each phase
begins with "RESULT: died in PHASE, if no line follows"; every other end has a line of its own.
Exit status when it does not die: 0 it passed, 1 the runtime refused (in its own words), 2 misused, 3 outputs are wrong:
they differ from those that are expected, or hold values that are not finite, 124 it did not end within its time limit.
"""
import os
import sys
import threading

# @SETTINGS@

REFERENCE = "@REFERENCE@"
NO_CONTROL = "@NO_CONTROL@"
AGAIN = "REPRO_EXECUTED_AGAIN"
HERE = os.path.dirname(os.path.abspath(__file__))
# Types that numpy does not have: as ONNX numbers them.
FOREIGN = {"bfloat16": 16, "float8e4m3fn": 17, "float8e4m3fnuz": 18, "float8e5m2": 19, "float8e5m2fnuz": 20,
           "uint4": 21, "int4": 22}
phase = "load"
wrong = []


def begin(next_phase):
    global phase
    phase = next_phase
    print(f"RESULT: died in {phase}, if no line follows", flush=True)


def end_after(seconds):
    """Of what does not end: a thread looks at the clock, as a call into the library lets no signal through."""
    def end():
        print(f"RESULT: did not end in {phase} within {seconds} s", flush=True)
        os._exit(124)
    watch = threading.Timer(seconds, end)
    watch.daemon = True
    watch.start()


def load(tensor, numpy, onnxruntime):
    """A tensor as it is fed: texts, types that numpy does not have, and zeros are special."""
    name, shape = tensor["dtype"], tensor["shape"]
    if "npy" in tensor:
        value = numpy.load(os.path.join(HERE, tensor["npy"]))
    elif name in FOREIGN:
        value = numpy.zeros(shape, numpy.uint16 if name == "bfloat16" else numpy.uint8)
    else:
        value = numpy.zeros(shape, name)
    if name == "string":
        return numpy.array([text.decode("utf-8", "replace") for text in value.reshape(-1)], object).reshape(shape)
    if name in FOREIGN:
        plain = value.view(numpy.uint16) if name == "bfloat16" else value
        return onnxruntime.OrtValue.ortvalue_from_numpy_with_onnx_type(plain, FOREIGN[name])
    return value


def tell(name, text):
    print(f"output {name}: {text}")
    wrong.append(f"output {name}: {text}")


def compare_numbers(want, got, x, name, numpy):
    """The worst place, and both values there."""
    same = (want == got) | ((want != want) & (got != got))
    with numpy.errstate(all="ignore"):
        wide = complex if want.dtype.kind == "c" else numpy.longdouble
        apart = abs(got.astype(wide) - want.astype(wide)).astype(float)
        size = abs(want.astype(wide)).astype(float)
        largest = max(size[numpy.isfinite(size)], default=0.0)
        if x["exact"]:
            badness = numpy.full(want.shape, numpy.inf)
        elif x["whole"]:
            badness = apart / largest / x["rtol"] if x["rtol"] else apart / 0.0
        else:
            badness = apart / (x["atol"] + x["rtol"] * size)
        badness = numpy.where(same, 0.0, numpy.where(numpy.isfinite(apart), badness, numpy.inf))
    badness = numpy.where(numpy.isnan(badness), numpy.inf, badness).reshape(want.shape)
    beyond = int((badness > 1).sum())
    if not beyond:
        return
    if x["exact"]:
        allowed = "they have to be equal"
    elif x["whole"]:
        allowed = f"allowed is {x['rtol']:g} of the largest magnitude, {largest:g}"
    else:
        allowed = f"allowed is {x['atol']:g} + {x['rtol']:g} * |expected|"
    at = numpy.unravel_index(int(badness.argmax()), want.shape)
    e, g = want[at], got[at]
    relative = f", relative error {apart[at] / size[at]:.3g}" if size[at] and numpy.isfinite(apart[at]) else ""
    where = f"at {[int(i) for i in at]} " if at else ""
    tell(name, f"{where}expected {e}, got {g}{relative} ({beyond} of {want.size} values are beyond what is "
               f"allowed: {allowed})")


def compare(x, got, numpy):
    name = x["name"]
    want = numpy.load(os.path.join(HERE, x["npy"])).reshape(x["shape"])
    if not isinstance(got, numpy.ndarray):
        tell(name, "a tensor was expected")
    elif tuple(got.shape) != tuple(want.shape):
        tell(name, f"expected the shape {list(want.shape)}, got {list(got.shape)}")
    elif x["dtype"] == "string":
        for at in numpy.ndindex(want.shape):
            expected = want[at].decode("utf-8", "replace")
            if expected != str(got[at]):
                where = f"at {list(at)} " if at else ""
                tell(name, f"{where}expected {expected!r}, got {got[at]!r}")
                return
    elif want.dtype.kind == "V" or got.dtype.kind not in "biufc":
        print(f"output {name}: elements of type {x['dtype']} are compared by repro.c alone")
    elif want.dtype != got.dtype:
        tell(name, f"expected elements of type {want.dtype}, got {got.dtype}")
    elif want.size:
        compare_numbers(want, got, x, name, numpy)


def judge_finite(name, got, numpy):
    if not isinstance(got, numpy.ndarray) or got.dtype.kind not in "fc":
        return
    odd = numpy.flatnonzero(~numpy.isfinite(got))
    if odd.size:
        tell(name, f"{odd.size} of {got.size} values are not finite, the first is number {odd[0]}")


def run(settings, numpy, onnxruntime):
    model = os.path.join(HERE, settings["model"])
    if settings["from_memory"]:
        with open(model, "rb") as file:
            model = file.read()
    begin("compile")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel(settings["optimization"])
    options.intra_op_num_threads = settings["threads"]
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = settings["memory_pattern"]
    options.enable_cpu_mem_arena = settings["arena"]
    for key, value in settings.get("config", {}).items():
        options.add_session_config_entry(key, value)
    providers = [(settings["provider"], settings["provider_options"])]
    if settings["provider"] != "CPUExecutionProvider":
        providers.append("CPUExecutionProvider")
    session = None
    for _ in range(settings["loads"]):
        session = None
        session = onnxruntime.InferenceSession(model, options, providers=providers)
    begin("execute")
    feed = {}
    for x in settings["inputs"]:
        tensors = [load(t, numpy, onnxruntime) for t in x.get("sequence", [x])]
        feed[x["name"]] = tensors if "sequence" in x else tensors[0]
    outputs = []
    for _ in range(settings["runs"]):
        outputs = session.run(None, feed)
    begin("check")
    expected = {x["name"]: x for x in settings["expected"]}
    if expected:
        print("outputs are compared with those of", REFERENCE)
    for about, value in zip(session.get_outputs(), outputs):
        if about.name in expected:
            compare(expected[about.name], value, numpy)
        elif settings["judge_finite"]:
            judge_finite(about.name, value, numpy)
    if wrong:
        print("RESULT: wrong:", wrong[0])
    else:
        print(f"RESULT: passed, {len(outputs)} output" + ("" if len(outputs) == 1 else "s") + (" as expected" if expected else ""))


def execute_again(settings):
    """With the variables of the settings and those that Python needs: where things lie in memory, and how much is
    left of a stack, depends on how many there are. Devices other than the CPU are found by variables."""
    kept = ("HOME", "PATH", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH")
    if AGAIN in os.environ or settings["provider"] != "CPUExecutionProvider" or os.name != "posix" or not sys.executable:
        return
    few = {k: v for k, v in os.environ.items() if k in kept or k.startswith("PYTHON") or k.endswith("SAN_OPTIONS")}
    few.update(settings["environment"])
    few[AGAIN] = "1"
    sys.stdout.flush()
    os.execve(sys.executable, getattr(sys, "orig_argv", [sys.executable, *sys.argv]), few)


def prepare(settings):
    """Variables and limits, before the library is there."""
    os.environ.update(settings["environment"])
    for name, kib in (("RLIMIT_DATA", settings["memory_mb"] * 1024), ("RLIMIT_STACK", settings["stack_limit_kb"])):
        if not kib:
            continue
        import resource  # not on Windows
        which = getattr(resource, name)
        if resource.getrlimit(which)[0] != kib * 1024:
            try:
                resource.setrlimit(which, (kib * 1024, resource.getrlimit(which)[1]))
            except (OSError, ValueError):
                print(f"{name} cannot be set to {kib} KiB, which the failure needs", file=sys.stderr)


def main():
    settings = FAILING
    if sys.argv[1:] == ["--control"]:
        settings = CONTROL
    elif sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 2
    if settings is None:
        print(NO_CONTROL, file=sys.stderr)
        return 2
    execute_again(settings)
    print("variant:", settings["about"])
    prepare(settings)
    begin("load")
    if settings["timeout_s"]:
        end_after(settings["timeout_s"])
    try:
        import numpy
        import onnxruntime
    except ImportError as missing:
        print(f"{missing}; python3 -m pip install @PIN@", file=sys.stderr)
        return 2
    print("ONNX Runtime", onnxruntime.__version__)
    refused = []

    def guarded():
        try:
            run(settings, numpy, onnxruntime)
        except Exception as why:  # the runtime's own kinds of exception have no common base
            words = " ".join(str(why).split())
            for directory in (HERE, os.path.realpath(HERE)):  # a file of this directory is told by its name
                words = words.replace(directory + os.sep, "")
            print(f"RESULT: refused in {phase}: {type(why).__name__}: {words}")
            refused.append(why)

    # The stack of a thread is as large in every process; that of the first one is shorter by what lies on it.
    stack_kb = settings["stack_kb"] or settings["stack_limit_kb"]
    if stack_kb:
        threading.stack_size(stack_kb * 1024)
        thread = threading.Thread(target=guarded)
        thread.start()
        thread.join()
    else:
        guarded()
    sys.stdout.flush()
    os._exit(1 if refused else 3 if wrong else 0)  # without tearing down what is not in question


if __name__ == "__main__":
    sys.exit(main())
