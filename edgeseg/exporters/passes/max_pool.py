"""Max pooling whose windows overhang the map, over a map that is made larger first.

Neither LiteRT's padding with -inf nor its windows of `ceil_mode` will do: the one is slow, the other wrong. Zeros go
around what cannot be negative. Elsewhere the outermost rows and columns are repeated, which each window that overhangs
has inside anyway.
"""

from __future__ import annotations

import torch
from torch import Tensor, fx
from torch.nn import functional as F

from edgeseg.exporters.passes.edit import arguments, become, calls, never_negative
from edgeseg.exporters.passes.interleave import padded
from edgeseg.exporters.passes.pooling import windows

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)

_aten = torch.ops.aten
_KEEPS_SIGN = (_aten.dropout.default, _aten.max_pool2d.default, _aten.avg_pool2d.default, _aten.cat.default)


def rewrite(graph: fx.GraphModule) -> int:
    """Replace the max poolings that overhang."""
    changed = 0
    nodes = calls(graph, _aten.max_pool2d.default)
    positive = [_never_negative(arguments(node)["self"]) for node in nodes]
    for node, zeros in zip(nodes, positive, strict=True):
        pool = windows(node)
        if pool.dilation == (1, 1) and max(pool.margins) > 0:
            function = _pool if zeros else _pool_of_repeated
            become(node, function, arguments(node)["self"], pool.kernel, pool.stride, pool.margins)
            changed += 1
    return changed


def _never_negative(node: fx.Node) -> bool:
    if node.target in _KEEPS_SIGN:
        return all(map(_never_negative, node.all_input_nodes))
    return never_negative(node)


def _pool(x: Tensor, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, ...]) -> Tensor:
    return F.max_pool2d(padded(x, padding), kernel, stride)


def _pool_of_repeated(x: Tensor, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, ...]) -> Tensor:
    for dim, before, after in ((-1, *padding[:2]), (-2, *padding[2:])):
        first, last = x.narrow(dim, 0, 1), x.narrow(dim, -1, 1)
        x = torch.cat([first] * before + [x] + [last] * after, dim)
    return F.max_pool2d(x, kernel, stride)
