"""Pooling of rounded-up size that rounding up leaves as it is.

PyTorch takes no window that begins behind the map and its padding before; ONNX's shape inference counts it.
"""

from __future__ import annotations

import torch
from torch import fx

from edgeseg.exporters.passes.edit import arguments, calls, pair, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx",)

_aten = torch.ops.aten


def rewrite(graph: fx.GraphModule) -> int:
    """Take `ceil_mode` from the poolings whose size is the same without."""
    changed = 0
    for node in calls(graph, _aten.avg_pool2d.default, _aten.max_pool2d.default):
        given = arguments(node)
        kernel, padding = pair(given["kernel_size"]), pair(given["padding"])
        stride, dilation = pair(given["stride"] or given["kernel_size"]), pair(given.get("dilation", 1))
        sizes = tuple(
            (side + 2 * pad - step * (extent - 1) - 1) // jump + 1
            for side, pad, step, extent, jump in zip(
                shape(given["self"])[-2:], padding, dilation, kernel, stride, strict=True
            )
        )
        if given["ceil_mode"] and sizes == shape(node)[-2:]:
            operator: torch._ops.OpOverload = node.target
            node.args = tuple({**given, "ceil_mode": False}[each.name] for each in operator._schema.arguments)
            node.kwargs = {}
            changed += 1
    return changed
