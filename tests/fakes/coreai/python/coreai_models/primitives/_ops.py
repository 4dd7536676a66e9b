"""A write into a part of a tensor, in place."""
import numpy as np
import torch


def mutable_slice_update(x, update, begin, end):
    for name, place in (("begin", begin), ("end", end)):
        if place.dtype is not torch.int32 or place._value.shape != (x._value.ndim,):
            raise TypeError(f"{name}: expected int32, one entry for each of {x._value.ndim} dimensions, got {place.dtype.__name__} "
                            f"{list(np.shape(place._value))}")
    return torch._become(x, torch._do("slice_update", x, update, begin, end))
