"""The decoder that export_decoder.py exports: projections, attention, and a cache of keys and values.

There is no vocabulary: x is what an embedding would give, y what a head would take. All layers share one cache, or two where
full layers have another head_dim: [layers, 1, kv_heads, rows, head_dim]. New rows are written to it in place (a state), or it
goes in and comes out. With `concat` there is no place to write to: what was there and what is new are put together."""

from __future__ import annotations

import dataclasses
from typing import Optional, Union

import torch
from coreai_models.primitives._ops import mutable_slice_update
from coreai_models.primitives.macos.sdpa import SDPA
from torch import nn
from torch.nn import functional

from trapline_runner import Unsupported
from trapline_tensors import random_elements

Size = Union[int, torch.SymInt]
HIDDEN_BY_MASK = -10000.0  # fp16 holds it


@dataclasses.dataclass
class Shape:
    """A decoder, as the arguments of the generator say it."""

    layers: int = 1
    begin_index: str = "none"
    kv_write: str = "scatter"
    kv: str = "state"
    kv_padding: int = 0
    kv_contiguous: bool = True
    capacity: int = 32
    context: int = 4
    read_length: str = "context"
    shapes: str = "static"
    query: str = "static"
    seq: int = 1
    traced: int = 0
    bound: int = 0
    masks: str = "none"
    window: int = 8
    heads: int = 2
    kv_heads: int = 1
    head_dim: int = 16
    full_head_dim: int = 0
    full_every: int = 1
    attention_k_eq_v: bool = False
    hidden: int = 32
    attention: str = "sdpa"
    dtype: str = "float16"
    weight_seed: int = 1

    @property
    def rows(self) -> int:
        return self.capacity + self.kv_padding

    @property
    def concat(self) -> bool:
        return self.kv_write == "concat"

    @property
    def has_state(self) -> bool:
        return self.kv == "state" and not self.concat

    def is_full(self, layer: int) -> bool:
        return (layer + 1) % self.full_every == 0

    def dim(self, layer: int) -> int:
        return self.full_head_dim if self.is_full(layer) and self.full_head_dim else self.head_dim

    def group(self, layer: int) -> str:
        """Which cache a layer has: the end of its name."""
        return "Full" if self.dim(layer) != self.head_dim else ""

    def groups(self) -> dict[str, list[int]]:
        """The layers of each cache."""
        found: dict[str, list[int]] = {}
        for layer in range(self.layers):
            found.setdefault(self.group(layer), []).append(layer)
        return found

    def cache_shape(self, group: str, rows: int) -> list[int]:
        layers = self.groups()[group]
        sizes = [rows, self.kv_heads] if not self.kv_contiguous else [self.kv_heads, rows]
        return [len(layers), 1, *sizes, self.dim(layers[0])]

    @property
    def row_dim(self) -> int:
        """Which dimension of a cache counts its rows."""
        return 3 if self.kv_contiguous else 2


def dtype_of(name: str) -> torch.dtype:
    return torch.float16 if name == "float16" else torch.float32


class Weights:
    """Weights that are the same on every machine: each matrix has a seed of its own."""

    def __init__(self, shape: Shape):
        self.shape, self.count = shape, 0

    def matrix(self, rows: int, columns: int) -> nn.Parameter:
        self.count += 1
        values = random_elements("float16", self.shape.weight_seed * 100003 + self.count, rows * columns)
        scaled = (values * columns ** -0.5).reshape(rows, columns).astype(self.shape.dtype)
        return nn.Parameter(torch.from_numpy(scaled), requires_grad=False)


class Call:
    """What the layers of one call have in common."""

    def __init__(self, caches: dict[str, torch.Tensor], query: Size, total: Size, step: Optional[torch.Tensor],
                 masks: dict[bool, Optional[torch.Tensor]]):
        self.caches, self.query, self.total, self.step, self.masks = caches, query, total, step, masks
        self.written: dict[str, list[torch.Tensor]] = {name: [] for name in caches}


class Layer(nn.Module):
    def __init__(self, shape: Shape, index: int, weights: Weights):
        super().__init__()
        self.shape, self.index, self.dim = shape, index, shape.dim(index)
        self.q = weights.matrix(shape.heads * self.dim, shape.hidden)
        self.k = weights.matrix(shape.kv_heads * self.dim, shape.hidden)
        self.v = self.k if shape.attention_k_eq_v else weights.matrix(shape.kv_heads * self.dim, shape.hidden)
        self.o = weights.matrix(shape.hidden, shape.heads * self.dim)
        self.sdpa = SDPA(scale=self.dim ** -0.5)
        self.place = shape.groups()[shape.group(index)].index(index)

    def heads_of(self, x: torch.Tensor, weight: nn.Parameter, heads: int, query: Size) -> torch.Tensor:
        return functional.linear(x, weight).reshape(1, query, heads, self.dim).transpose(1, 2)

    def begin(self, call: Call) -> tuple[torch.Tensor, torch.Tensor]:
        """Where the new rows begin and end in the cache, an entry for each of its dimensions."""
        shape, place = self.shape, self.place
        if shape.begin_index == "tensor":
            assert call.step is not None
            row: torch.Tensor = call.step
        elif shape.begin_index == "shape":
            row = torch.full((1,), call.total - call.query, dtype=torch.int32)
        else:
            row = torch.tensor([shape.context if shape.begin_index == "constant" else 0], dtype=torch.int32)
        before = [place, 0] if shape.row_dim == 2 else [place, 0, 0]
        after = [0] * (4 - len(before))
        lasts = [shape.kv_heads, self.dim] if shape.row_dim == 2 else [self.dim]
        firsts = [place + 1, 1] if shape.row_dim == 2 else [place + 1, 1, shape.kv_heads]
        return (torch.cat([torch.tensor(before, dtype=torch.int32), row, torch.tensor(after, dtype=torch.int32)]),
                torch.cat([torch.tensor(firsts, dtype=torch.int32), row + call.query, torch.tensor(lasts, dtype=torch.int32)]))

    def write(self, call: Call, name: str, rows: torch.Tensor) -> torch.Tensor:
        """Writes new rows ([1, kv_heads, query, dim]) into a cache, and returns what is to be read of it."""
        shape, cache = self.shape, call.caches[name]
        laid = rows if shape.kv_contiguous else rows.transpose(1, 2)
        if shape.concat:
            kept = torch.cat([cache.select(0, self.place), laid], dim=shape.row_dim - 1)
            call.written[name].append(kept)
        elif shape.kv_write == "tensor_scatter":
            begin, _ = self.begin(call)
            index = torch.arange(call.query, dtype=torch.int32) + begin.narrow(0, shape.row_dim, 1)
            kept = cache.select(0, self.place).index_copy(shape.row_dim - 1, index, laid)
            call.written[name].append(kept)
        else:
            begin, end = self.begin(call)
            changed = mutable_slice_update(cache, laid.unsqueeze(0), begin, end)
            call.caches[name] = cache if changed is None else changed
            kept = call.caches[name].select(0, self.place)
        if not shape.kv_contiguous:
            kept = kept.transpose(1, 2).contiguous()
        if shape.concat or shape.read_length == "capacity":
            return kept
        return kept.narrow(2, 0, call.total)

    def attend(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: Optional[torch.Tensor]) -> torch.Tensor:
        if self.shape.attention == "sdpa":
            out: torch.Tensor = self.sdpa(q, k, v, mask)
            return out
        if self.shape.attention == "torch":
            return functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        scores = torch.matmul(q, k.transpose(-1, -2)) * self.dim ** -0.5
        return torch.matmul(torch.softmax(scores if mask is None else scores + mask, -1), v)

    def forward(self, x: torch.Tensor, call: Call) -> torch.Tensor:
        shape, group = self.shape, self.shape.group(self.index)
        q = self.heads_of(x, self.q, shape.heads, call.query)
        k = self.write(call, "keyCache" + group, self.heads_of(x, self.k, shape.kv_heads, call.query))
        v = self.write(call, "valueCache" + group, self.heads_of(x, self.v, shape.kv_heads, call.query))
        repeats = shape.heads // shape.kv_heads
        if repeats > 1:
            k, v = k.repeat_interleave(repeats, dim=1), v.repeat_interleave(repeats, dim=1)
        out = self.attend(q, k, v, call.masks[shape.is_full(self.index)])
        return x + functional.linear(out.transpose(1, 2).reshape(1, call.query, shape.heads * self.dim), self.o)


def names_of(shape: Shape) -> tuple[list[str], list[str], list[str]]:
    """Names of the inputs after x, of the caches, and of the states; the caches are either inputs or states."""
    names = [] if shape.concat else ["position_ids"]
    if shape.begin_index == "tensor":
        names.append("in_step")
    for mask in {"one": ["mask"], "two": ["mask", "mask_sliding"]}.get(shape.masks, []):
        names += [mask, mask + "_new"] if shape.concat else [mask]
    caches = [kind + group for group in shape.groups() for kind in ("keyCache", "valueCache")]
    return (names, caches, caches) if shape.has_state else (names + caches, caches, [])


def outputs_of(shape: Shape) -> list[str]:
    return ["y"] if shape.has_state else ["y", *(name + "_out" for name in names_of(shape)[1])]


class Decoder(nn.Module):
    """Arguments: x, the other inputs, and the states, in the order of names_of."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        weights = Weights(shape)
        self.layers = nn.ModuleList([Layer(shape, index, weights) for index in range(shape.layers)])

    def mask(self, given: dict[str, torch.Tensor], name: str) -> Optional[torch.Tensor]:
        if name not in given or not self.shape.concat:
            return given.get(name)
        return torch.cat([given[name], given[name + "_new"]], dim=-1)

    def mask_in_graph(self, positions: torch.Tensor, query: Size, total: Size, full: bool) -> torch.Tensor:
        """0 where a row may be seen. positions: of all rows."""
        mine = positions.narrow(0, total - query, query).unsqueeze(1)
        seen = torch.le(positions.unsqueeze(0), mine)
        if not full:
            seen = torch.logical_and(seen, torch.gt(positions.unsqueeze(0), mine + -self.shape.window))
        dtype = dtype_of(self.shape.dtype)
        return torch.where(seen, torch.zeros([1, 1], dtype=dtype), torch.full((1, 1), HIDDEN_BY_MASK, dtype=dtype))

    def masks(self, given: dict[str, torch.Tensor], query: Size, total: Size) -> dict[bool, Optional[torch.Tensor]]:
        """For full layers, and for those that slide."""
        if self.shape.masks != "in_graph":
            full = self.mask(given, "mask")
            return {True: full, False: self.mask(given, "mask_sliding") if self.shape.masks == "two" else full}
        positions = torch.arange(total, dtype=torch.int32) if self.shape.concat else given["position_ids"].select(0, 0)
        return {full: self.mask_in_graph(positions, query, total, full) for full in (True, False)}

    def forward(self, x: torch.Tensor, *rest: torch.Tensor) -> Union[torch.Tensor, tuple[torch.Tensor, ...]]:
        shape, query = self.shape, x.shape[1]
        inputs, names, states = names_of(shape)
        given = dict(zip(inputs + states, rest))
        caches = {name: given[name] for name in names}
        total = caches[names[0]].shape[shape.row_dim] + query if shape.concat else given["position_ids"].shape[-1]
        call = Call(caches, query, total, given.get("in_step"), self.masks(given, query, total))
        for layer in self.layers:
            x = layer(x, call)
        for name, written in call.written.items():
            if written and shape.has_state:
                call.caches[name].copy_(torch.stack(written))
            elif written:
                call.caches[name] = torch.stack(written)
        return x if shape.has_state else (x, *call.caches.values())


def check(shape: Shape) -> None:
    """Refuses what makes no decoder."""
    most = max(shape.seq, shape.traced)
    for fault, why in (
            (shape.concat and shape.begin_index != "none", "kv_write=concat has no index to begin at"),
            (shape.heads % shape.kv_heads != 0, "heads must be a multiple of kv_heads"),
            (shape.context + most + 1 > shape.capacity, "capacity must hold context, the traced or executed length, and one token more"),
            (shape.read_length == "capacity" and shape.masks in ("one", "two", "in_graph") and not shape.concat,
             "masks are as long as what was written: read_length=capacity goes with masks=none"),
            (shape.context < 2, "context must be at least 2: an exporter takes sizes of 0 and 1 for constants"),
            (0 < shape.bound < most, "bound must not be less than the traced or executed length")):
        if fault:
            raise Unsupported(why)
