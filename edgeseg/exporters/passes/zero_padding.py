"""Zeros around a map that is pooled to its maxima, as maps of zeros beside it.

ONNX Runtime takes such margins for the pooling's own, which are no values at all: maxima below zero stay below zero,
and where both together are as wide as the window the file is refused.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import arguments, become, calls, never_negative, only_user, pair

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx",)

_aten = torch.ops.aten


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every margin of an (N, C, H, W) map that a max pooling reads, unless it makes no difference."""
    changed = 0
    for node in calls(graph, _aten.pad.default, _aten.constant_pad_nd.default):
        given, pool = arguments(node), only_user(node)
        if pool is None or pool.target is not _aten.max_pool2d.default or given.get("mode", "constant") != "constant":
            continue
        window = arguments(pool)
        narrow = not any(window["padding"]) and max(given["pad"]) < min(pair(window["kernel_size"]))
        harmless = narrow and never_negative(given["self"])
        if given.get("value") or len(given["pad"]) != 4 or min(given["pad"]) < 0 or harmless:
            continue
        become(node, _beside, given["self"], list(given["pad"]))
        changed += 1
    return changed


def _beside(x: Tensor, margins: list[int]) -> Tensor:
    for dim, (before, behind) in ((3, margins[:2]), (2, margins[2:])):
        shape = list(x.shape)
        parts = [x.new_zeros((*shape[:dim], margin, *shape[dim + 1 :])) for margin in (before, behind)]
        x = torch.cat([part for part in (parts[0], x, parts[1]) if part.shape[dim]], dim)
    return x
