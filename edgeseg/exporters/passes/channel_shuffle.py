"""Channel shuffling as a transposition of each pixel's channels, where the converter turns whole maps around."""

from __future__ import annotations

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import become, calls, only_user, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)

_aten = torch.ops.aten
_RESHAPES = (_aten.view.default, _aten.reshape.default)


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every channel shuffle, also where it is written as reshape, transposition and reshape."""
    changed = 0
    for node in calls(graph, _aten.channel_shuffle.default):
        become(node, _shuffle, *node.args)
        changed += 1
    for node in calls(graph, *_RESHAPES):
        transposed, last = only_user(node), None
        if transposed is not None and transposed.target is _aten.transpose.int:
            last = only_user(transposed)
        while last is not None and last.target in (_aten.clone.default, _aten.contiguous.default):
            last = only_user(last)
        if transposed is None or last is None or last.target not in _RESHAPES:
            continue
        given, grouped = shape(node.args[0]), shape(node)
        dims = sorted(dim % 5 for dim in transposed.args[1:]) if len(grouped) == 5 else []
        if (
            len(given) == 4
            and dims == [1, 2]
            and shape(last) == given
            and grouped[0] == given[0]
            and grouped[3:] == given[2:]
        ):
            become(last, _shuffle, node.args[0], grouped[1])
            changed += 1
    return changed


def _shuffle(x: Tensor, groups: int) -> Tensor:
    """(N, C, H, W) -> (N, C, H, W): channel i of group g becomes channel i * groups + g."""
    n, channels, height, width = x.shape
    pixels = x.permute(0, 2, 3, 1).reshape(n * height * width, groups, channels // groups)
    return pixels.transpose(1, 2).reshape(n, height, width, channels).permute(0, 3, 1, 2)
