"""PReLU with a single slope, which is a leaky ReLU: one operator, and an int8 one, in both formats."""

from __future__ import annotations

import torch
from torch import fx

from edgeseg.exporters.passes.edit import arguments, become, calls, value

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx", "tflite")


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every PReLU whose constant slopes are one number."""
    changed = 0
    for node in calls(graph, torch.ops.aten.prelu.default):
        given = arguments(node)
        slopes = value(graph, given["weight"])
        if slopes is not None and slopes.numel() and bool((slopes == slopes[0]).all()):
            become(node, torch.ops.aten.leaky_relu.default, given["self"], float(slopes[0]))
            changed += 1
    return changed
