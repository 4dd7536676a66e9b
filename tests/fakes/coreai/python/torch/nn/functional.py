"""Functions of torch's stand-in."""
import torch


def linear(input, weight):
    return torch._do("linear", input, weight)


def scaled_dot_product_attention(query, key, value, attn_mask=None):
    return torch._do("sdpa", query, key, value, *([] if attn_mask is None else [attn_mask]), scale=query._value.shape[-1] ** -0.5)
