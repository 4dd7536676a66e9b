"""A small attention model on a device of PyTorch, held against the CPU: the program of pytorch-mps.json. Put your own module
in its place. Written from PyTorch's documentation; it was not run on a Mac."""
import argparse
import sys
import time


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--device", default="mps", choices=["cpu", "mps"])
    p.add_argument("--dtype", default="float32", choices=["float32", "float16", "bfloat16"])
    p.add_argument("--attention", default="sdpa", choices=["parts", "sdpa", "sdpa_causal", "sdpa_mask"])
    p.add_argument("--compile", default="no", choices=["no", "default", "reduce-overhead", "max-autotune"])
    for name, value in (("length", 16), ("layers", 1), ("heads", 4), ("head-dim", 64), ("runs", 1)):
        p.add_argument("--" + name, type=int, default=value)
    return p.parse_args()


def main():
    a = arguments()
    import torch
    import torch.nn.functional as F

    width = a.heads * a.head_dim

    class Layer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.qkv, self.out = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)

        def forward(self, x, mask):
            q, k, v = (t.view(1, a.length, a.heads, a.head_dim).transpose(1, 2) for t in self.qkv(x).chunk(3, -1))
            if a.attention == "parts":
                y = torch.softmax(q @ k.transpose(-1, -2) / a.head_dim ** 0.5, -1) @ v
            else:
                y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask if a.attention == "sdpa_mask" else None,
                                                   is_causal=a.attention == "sdpa_causal")
            return x + self.out(y.transpose(1, 2).reshape(1, a.length, width))

    torch.manual_seed(1)
    layers, dtype = torch.nn.ModuleList(Layer() for _ in range(a.layers)), getattr(torch, a.dtype)
    x = torch.randn(1, a.length, width)
    mask = torch.tril(torch.ones(a.length, a.length, dtype=torch.bool))

    def run(model, x, mask):
        with torch.no_grad():
            for layer in model:
                x = layer(x, mask)
        return x

    expected = run(layers, x, mask)
    model, x, mask = layers.to(a.device, dtype), x.to(a.device, dtype), mask.to(a.device)
    call = run if a.compile == "no" else torch.compile(run, mode=a.compile)
    print("running", flush=True)
    began = time.monotonic()
    for _ in range(a.runs):
        y = call(model, x, mask).float().cpu()  # which waits for the device
    print(f"{(time.monotonic() - began) / a.runs * 1000:.3f} ms per run")
    if a.device == "mps":
        print(f"allocated: {torch.mps.driver_allocated_memory() / 2**20:.1f} MiB")
    error = (y - expected).abs().max().item() / max(expected.abs().max().item(), 1e-6)
    print(f"largest difference from the cpu: {error:.3e}")
    if not error < (1e-3 if a.dtype == "float32" else 5e-2):
        sys.exit(f"wrong: it differs from the cpu by {error:.3e}")
    print("RESULT OK")


if __name__ == "__main__":
    main()
