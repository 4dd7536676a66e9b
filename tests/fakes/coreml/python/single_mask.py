"""What cases/coreml/single-mask/Sources/single-mask/main.swift does, over the fake of Core ML."""
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import numpy
from coremltools import ComputeUnit, _framework

UNITS = {"cpu": ComputeUnit.CPU_ONLY, "gpu": ComputeUnit.CPU_AND_GPU, "ane": ComputeUnit.CPU_AND_NE, "all": ComputeUnit.ALL}


class Refusal(Exception):
    pass


def run(verb, path, unit, runs="1"):
    with tempfile.TemporaryDirectory() as directory:
        compiled = _framework.compile_package(path, os.path.join(directory, "model.mlmodelc"))
        model = _framework.Loaded(compiled, UNITS[unit], None)
    masks = sorted(each["name"] for each in model.program["inputs"] if each["name"].endswith("Mask"))
    if len(masks) > 1:
        raise Refusal(f"the model takes {len(masks)} attention masks ({', '.join(masks)}), and a single one is passed")
    if verb == "load":
        print("loaded")
        return
    zeros = {each["name"]: numpy.zeros(each["shape"], each["dtype"]) for each in model.program["inputs"]}
    state = _framework.State(model.program) if model.program["states"] else None
    for number in range(1, int(runs) + 1):
        print("predict", number, flush=True)
        model.predict(zeros, state)
    print("done")


try:
    run(*sys.argv[1:])
except Refusal as why:
    sys.exit(f"error: {why}")
except RuntimeError as why:  # Swift prints the error itself, of which this is the user info
    told = re.findall(r'(?:Description = |\) \\?)"((?:[^"\\]|\\.)*)"|(Error Domain=.*)";', str(why))
    sys.exit("error: " + " ".join((a or b).replace('\\"', '"') for a, b in told))
