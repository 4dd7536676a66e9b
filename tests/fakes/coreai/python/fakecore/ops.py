"""The operators of a program, by NumPy: what torch's stand-in records, and what the runtime's computes."""
import numpy as np


def in_single(function, *arrays):
    """Half precision is computed in single and rounded once, which is also faster."""
    return function(*[a.astype(np.float32) if a.dtype == np.float16 else a for a in arrays]).astype(arrays[0].dtype)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def attention(q, k, v, mask, scale):
    scores = (q.astype(np.float32) @ np.swapaxes(k, -1, -2).astype(np.float32)) * scale
    if mask is not None:
        scores = scores + mask
    return (softmax(scores) @ v.astype(np.float32)).astype(q.dtype)


def slice_update(x, update, begin, end):
    where = tuple(slice(int(b), int(e)) for b, e in zip(begin, end))
    if x[where].shape != update.shape:
        raise ValueError(f"slice_update: an update of {update.shape} for a part of {x[where].shape}")
    changed = x.copy()
    changed[where] = update
    return changed


def index_copy(x, index, rows, dim):
    changed = x.copy()
    changed[(slice(None),) * dim + (index,)] = rows
    return changed


def part(x, dim, start, end):
    return x[(slice(None),) * dim + (slice(start, end),)]


def blockwise_shift_scale(quantised, scale, block_size):
    blocks = quantised.reshape(quantised.shape[0], -1, block_size)
    return (blocks.astype(np.float32) * scale[:, :, None]).reshape(quantised.shape).astype(scale.dtype)


OPS = {
    "linear": lambda x, w: in_single(lambda a, b: a @ b.T, x, w),
    "matmul": lambda a, b: in_single(np.matmul, a, b),
    "softmax": lambda x: in_single(softmax, x),
    "sdpa": lambda q, k, v, *mask, scale: attention(q, k, v, mask[0] if mask else None, scale),
    "add": lambda a, b: a + b,
    "add_scalar": lambda a, value: (a + value).astype(a.dtype),
    "mul_scalar": lambda a, value: (a * value).astype(a.dtype),
    "less_equal": lambda a, b: a <= b,
    "greater": lambda a, b: a > b,
    "logical_and": np.logical_and,
    "where": lambda condition, a, b: np.where(condition, a, b).astype(a.dtype),
    "reshape": lambda x, shape: x.reshape(shape),
    "transpose": lambda x, a, b: np.swapaxes(x, a, b),
    "unsqueeze": lambda x, dim: np.expand_dims(x, dim),
    "select": lambda x, dim, index: np.take(x, index, axis=dim),
    "slice": part,
    "cat": lambda *xs, dim: np.concatenate(xs, axis=dim),
    "stack": lambda *xs, dim: np.stack(xs, axis=dim),
    "repeat_interleave": lambda x, repeats, dim: np.repeat(x, repeats, axis=dim),
    "contiguous": np.ascontiguousarray,
    "arange": lambda end: np.arange(end, dtype=np.int32),
    "full": lambda shape, value, dtype: np.full(shape, value, np.dtype(dtype)),
    "index_copy": index_copy,
    "slice_update": slice_update,
    "copy": lambda x, other: other,
    "blockwise_shift_scale": blockwise_shift_scale,
    "lut_to_dense": lambda indices, lut: lut[indices],
}
