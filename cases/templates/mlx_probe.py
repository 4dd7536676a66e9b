"""A small attention model in MLX: the program of mlx.json. Put your own computation in its place. Written from MLX's
documentation; it was not run on a Mac."""
import argparse
import sys
import time


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--device", default="gpu", choices=["cpu", "gpu"])
    p.add_argument("--weights", default="float16", choices=["float32", "float16", "bfloat16", "q8", "q4"])
    p.add_argument("--attention", default="fast", choices=["parts", "fast", "fast_mask"])
    p.add_argument("--compile", default="false", choices=["false", "true"])
    for name, value in (("length", 16), ("layers", 1), ("heads", 4), ("head-dim", 64), ("runs", 1)):
        p.add_argument("--" + name, type=int, default=value)
    return p.parse_args()


def main():
    a = arguments()
    import mlx.core as mx
    import mlx.nn as nn

    width, scale = a.heads * a.head_dim, a.head_dim ** -0.5
    dtype = {"float32": mx.float32, "bfloat16": mx.bfloat16}.get(a.weights, mx.float16)
    mx.set_default_device(mx.cpu if a.device == "cpu" else mx.gpu)
    mx.random.seed(1)

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

        def __call__(self, x, mask):
            q, k, v = (t.reshape(1, a.length, a.heads, a.head_dim).transpose(0, 2, 1, 3)
                       for t in mx.split(self.qkv(x), 3, axis=-1))
            if a.attention == "parts":
                y = mx.softmax((q * scale) @ k.transpose(0, 1, 3, 2), axis=-1) @ v
            else:
                y = mx.fast.scaled_dot_product_attention(q, k, v, scale=scale, mask=mask)
            return x + self.out(y.transpose(0, 2, 1, 3).reshape(1, a.length, width))

    layers = [Layer() for _ in range(a.layers)]
    for layer in layers:
        layer.set_dtype(dtype)
        if a.weights in ("q8", "q4"):
            nn.quantize(layer, group_size=64, bits=int(a.weights[1]))
    x = mx.random.normal((1, a.length, width)).astype(dtype)
    mask = mx.tril(mx.ones((a.length, a.length), dtype=mx.bool_)) if a.attention == "fast_mask" else None

    def run(x):
        for layer in layers:
            x = layer(x, mask)
        return x

    call = mx.compile(run) if a.compile == "true" else run
    print("running", flush=True)
    began = time.monotonic()
    for _ in range(a.runs):
        y = call(x)
        mx.eval(y)
    print(f"{(time.monotonic() - began) / a.runs * 1000:.3f} ms per run")
    print(f"peak memory: {mx.get_peak_memory() / 2**20:.1f} MiB")
    if not mx.all(mx.isfinite(y)).item():
        sys.exit("wrong: values that are not finite")
    print("RESULT OK")


if __name__ == "__main__":
    main()
