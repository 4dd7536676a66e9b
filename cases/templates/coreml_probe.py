"""A small model converted for Core ML, and run by it: the program of coreml-python.json. Put your own model in its place.
Written from the documentation of coremltools; it was not run on a Mac."""
import argparse
import sys
import time

WIDTH = 256


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("what", choices=["convert", "predict"])
    p.add_argument("path")
    p.add_argument("--units", default="ALL", choices=["CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE", "ALL"])
    p.add_argument("--precision", default="float16", choices=["float32", "float16"])
    p.add_argument("--bits", type=int, default=16, choices=[16, 8, 4])
    p.add_argument("--shapes", default="static", choices=["static", "dynamic"])
    p.add_argument("--state", default="false", choices=["false", "true"])
    for name, value in (("length", 8), ("layers", 1), ("loads", 1), ("predicts", 1)):
        p.add_argument("--" + name, type=int, default=value)
    return p.parse_args()


def convert(a):
    import coremltools as ct
    import numpy as np
    import torch

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList(torch.nn.Linear(WIDTH, WIDTH) for _ in range(a.layers))
            if a.state == "true":
                self.register_buffer("total", torch.zeros(1, WIDTH))

        def forward(self, x):
            for layer in self.layers:
                x = x + torch.nn.functional.gelu(layer(x))
            if a.state == "true":
                self.total.add_(x.mean(1))
                x = x + self.total.unsqueeze(1)
            return x

    torch.manual_seed(1)
    example = torch.randn(1, a.length, WIDTH)
    length = ct.RangeDim(1, 4096, default=a.length) if a.shapes == "dynamic" else a.length
    states = [ct.StateType(wrapped_type=ct.TensorType(shape=(1, WIDTH), dtype=np.float16), name="total")]
    more = {"states": states} if a.state == "true" else {}
    model = ct.convert(torch.jit.trace(Model().eval(), example), inputs=[ct.TensorType("x", shape=(1, length, WIDTH))],
                       outputs=[ct.TensorType("y")], minimum_deployment_target=ct.target.iOS18,
                       compute_precision=ct.precision.FLOAT32 if a.precision == "float32" else ct.precision.FLOAT16, **more)
    if a.bits < 16:
        import coremltools.optimize.coreml as cto
        model = cto.palettize_weights(model, cto.OptimizationConfig(
            global_config=cto.OpPalettizerConfig(mode="kmeans", nbits=a.bits)))
    model.save(a.path)


def predict(a):
    import coremltools as ct
    import numpy as np

    x = np.random.default_rng(1).standard_normal((1, a.length, WIDTH)).astype(np.float32)
    for _ in range(a.loads):
        began = time.monotonic()
        model = ct.models.MLModel(a.path, compute_units=getattr(ct.ComputeUnit, a.units))
        print(f"loaded in {time.monotonic() - began:.3f} s", flush=True)
    state = model.make_state() if a.state == "true" else None
    began = time.monotonic()
    for i in range(a.predicts):
        y = model.predict({"x": x}, state) if state else model.predict({"x": x})
        print(f"prediction {i + 1}", flush=True)
    print(f"{(time.monotonic() - began) / a.predicts * 1000:.3f} ms per prediction")
    if not np.isfinite(y["y"]).all():
        sys.exit("wrong: values that are not finite")
    print("RESULT OK")


if __name__ == "__main__":
    options = arguments()
    convert(options) if options.what == "convert" else predict(options)
