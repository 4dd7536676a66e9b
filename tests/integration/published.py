"""The published truth of the cases under cases/seeds (docs/sim.md)."""
MAC = ["gpu", "ane", "cpu"]
DEVICES = MAC + ["iphone-gpu", "iphone-ane"]

# Case: the axes that make it fail with the least (or only) value with which they do, and on each device outcome,
# phase and signal. The least value of an ordered axis is its threshold.
PUBLISHED = {
    "kv-write": ({"begin_index": "tensor"},
                 {"gpu": ("crash", "execute", "SIGTRAP"), "iphone-gpu": ("crash", "execute", "SIGSEGV"),
                  "iphone-ane": ("crash", "compile", "SIGABRT")}),
    "int4-ane": ({"weights": "int4_block"}, {"ane": ("crash", "compile", "SIGSEGV")}),
    "scratch-heap": ({"layers": 6, "heads": 16, "full_head_dim": 512}, {"gpu": ("crash", "execute", "SIGABRT")}),
    "aot-load": ({"aot": True}, {d: ("error", "load", None) for d in MAC}),
    "sdpa-export": ({"query": "static", "shapes": "dynamic", "externalise_sdpa": True},
                    {d: ("error", "generate", None) for d in DEVICES}),
    "multi-mask": ({"masks": "two", "full_every": 2}, {d: ("error", "compile", None) for d in DEVICES}),
}
