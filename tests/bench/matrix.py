"""How long a table takes that is known already: matrix.py TRAPLINE [BEFORE]

64 variants on 15 builds, run once and then asked for again: on profiles of sim, on builds of ONNX Runtime (those that are here,
again and again under other versions), and of models that a script generates. Times are of whole processes with their children,
the median of several; a second answer tries two stored trials anew, as every one does. BEFORE is another trapline, to compare
with, which is asked for the same tables in turn. The exit status is 1 when a known table takes more than a second."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

from start import make_builds, measure, show

BUILDS, TIMES, MOST_MS = 15, 7, 1000
DECODER = {"layers": [1, 2, 3, 4], "begin_index": ["none", "constant", "shape", "tensor"],
           "weights": ["fp32", "fp16", "int8", "int4_block"]}
GENERATED = {"nodes": [1, 2, 3, 4, 5, 6, 7, 8], "optimization": [99, 0, 1, 2], "arena": ["true", "false"]}
# One node of ONNX: an operator's name, and strings are written as a protobuf's fields.
GENERATOR = '''import sys
model, n = sys.argv[1], int(sys.argv[2])
def field(number, value):
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value
def tensor(name):
    shape = field(1, field(1, 1)) + field(1, field(1, 4))
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))
nodes = b"".join(field(1, field(1, b"t%d" % i) + field(2, b"t%d" % (i + 1)) + field(4, b"Neg")) for i in range(n))
graph = nodes + field(2, b"g") + field(11, tensor(b"t0")) + field(12, tensor(b"t%d" % n))
head = field(1, 7) + field(8, field(2, 13))
size = len(graph)
with open(model, "wb") as f:
    f.write(head + bytes([7 << 3 | 2, size & 127 | 128, size >> 7]) + graph)
'''


def write(path, text):
    with open(path, "w") as f:
        f.write(text if isinstance(text, str) else json.dumps(text))
    return path


def tables(here, profile, real):
    """Name, case file, axes and units of each table."""
    profiles = os.path.join(here, "profiles")
    os.mkdir(profiles)
    with open(profile) as f:
        text = json.load(f)
    for i in range(BUILDS):
        write(os.path.join(profiles, f"9.{i}.0.json"), {**text, "name": f"9.{i}.0"})
    case = write(os.path.join(here, "decoder.json"), {
        "trapline": 1, "name": "bench-matrix", "model": {"family": "decoder"},
        "axes": [{"name": "layers", "range": [1, 4]}] + [{"name": name, "choices": DECODER[name]} for name in list(DECODER)[1:]],
        "reference": {"unit": "reference:cpu"}})
    yield "sim", case, DECODER, [f"sim@9.{i}.0:gpu" for i in range(BUILDS)]
    if not real:
        return
    units = [f"onnxruntime@9.{i}.0:cpu" for i in range(BUILDS)]
    yield "onnxruntime", case, DECODER, units
    beside = os.path.join(here, "generated")  # what stands beside a script counts, and databases change
    os.mkdir(beside)
    script = write(os.path.join(beside, "generate.py"), GENERATOR)
    yield "onnxruntime, generated", write(os.path.join(beside, "generated.json"), {
        "trapline": 1, "name": "bench-generated", "model": {"generate": ["python3", script, "{model}", "{nodes}"]},
        "axes": [{"name": "nodes", "range": [1, 8]}, {"name": "optimization", "choices": [99, 0, 1, 2]},
                 {"name": "arena", "choices": [True, False]}]}), GENERATED, units


def main():
    programs = [os.path.abspath(path) for path in sys.argv[1:3]]
    profile = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../runners/sim/profiles/26A5353q.json")
    here = tempfile.mkdtemp(prefix="trapline-bench-")
    bad = False
    try:
        env = dict(os.environ, XDG_CACHE_HOME=here, XDG_STATE_HOME=here, TRAPLINE_PROFILES=os.path.join(here, "profiles"))
        env.pop("TRAPLINE_DB", None)
        try:
            real = make_builds(here, BUILDS)
        except OSError as error:  # a link to another file system
            print("builds cannot be linked:", error)
            return 77
        for name, case, axes, units in tables(here, profile, real):
            commands = {}
            for i, program in enumerate(programs):
                command = [program, "matrix", case, "--db", os.path.join(here, f"{name}-{i}.db")]
                for unit in units:
                    command += ["-u", unit]
                for axis, values in axes.items():
                    command += ["-s", f"{axis}={','.join(map(str, values))}"]
                commands[program] = command
                show(f"{name}: {BUILDS} builds, first", [measure(command, env, (0, 1))])
            samples = {program: [] for program in programs}
            for _ in range(TIMES):
                for program, command in commands.items():
                    samples[program].append(measure(command, env, (0, 1)))
            for i, program in enumerate(programs):
                _, wall = show(f"{name}: again{', before' if i else ''}", samples[program])
                bad |= not i and wall > MOST_MS
        return int(bad)
    finally:
        shutil.rmtree(here, ignore_errors=True)


sys.exit(main())
