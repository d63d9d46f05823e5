"""Pooling of rounded-up size that rounding up leaves as it is.

PyTorch takes no window that begins behind the map and its padding before; ONNX's shape inference counts it.
"""

from __future__ import annotations

import torch
from torch import fx

from edgeseg.exporters.passes.edit import arguments, calls
from edgeseg.exporters.passes.pooling import windows

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx",)

_aten = torch.ops.aten


def rewrite(graph: fx.GraphModule) -> int:
    """Take `ceil_mode` from the poolings whose size is the same without."""
    changed = 0
    for node in calls(graph, _aten.avg_pool2d.default, _aten.max_pool2d.default):
        given, pool = arguments(node), windows(node)
        if given["ceil_mode"] and pool.outputs == pool.rounded_down:
            operator: torch._ops.OpOverload = node.target
            node.args = tuple({**given, "ceil_mode": False}[each.name] for each in operator._schema.arguments)
            node.kwargs = {}
            changed += 1
    return changed
