"""GELU with its factors in the order in which ONNX Runtime finds it: one operator then, where there were five.

Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415. Where the converter writes x * (0.5 * (1 + erf)), here the
half meets x first.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, fx

from edgeseg.exporters.passes.edit import arguments, become, calls

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx",)


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every exact GELU; returns how many."""
    changed = 0
    for node in calls(graph, torch.ops.aten.gelu.default):
        if arguments(node)["approximate"] == "none":
            become(node, _gelu, node.args[0])
            changed += 1
    return changed


def _gelu(x: Tensor) -> Tensor:
    return x * 0.5 * (1.0 + torch.erf(x / math.sqrt(2.0)))
