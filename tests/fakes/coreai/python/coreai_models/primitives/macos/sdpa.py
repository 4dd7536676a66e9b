"""Attention: one operator of the program where the exporter leaves it outside, else what it is made of."""
import torch


class SDPA(torch.nn.Module):
    def __init__(self, scale=None, is_causal=False, window_size=0):
        self.scale, self.is_causal, self.window_size = scale, is_causal, window_size

    def forward(self, query, key, value, attn_mask=None):
        from coreai_models.export import macos
        scale = query._value.shape[-1] ** -0.5 if self.scale is None else self.scale
        if SDPA in macos._EXTERNALIZE_SPECS:
            return torch._do("sdpa", query, key, value, *([] if attn_mask is None else [attn_mask]), scale=scale)
        scores = torch.matmul(query, key.transpose(-1, -2)) * scale
        if attn_mask is not None:
            scores = scores + attn_mask
        return torch.matmul(torch.softmax(scores, -1), value)
