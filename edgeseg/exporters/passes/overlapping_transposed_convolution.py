"""Transposed convolutions in ONNX whose kernels overlap, as convolutions that give cells of pixels.

ONNX Runtime computes every kernel's pixels apart and adds them up where they overlap: it takes 1.3 to 2 times as long.
Kernels that don't overlap, and groups, it is quicker at.
"""

from __future__ import annotations

from torch import fx

from edgeseg.exporters.passes.cells import convolve, transposed_convolutions
from edgeseg.exporters.passes.edit import arguments, pair, shape

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx",)


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every transposed convolution of one group whose kernel is larger than its stride."""
    found = [node for node in transposed_convolutions(graph) if _overlaps(node)]
    for node in found:
        convolve(graph, node)
    return len(found)


def _overlaps(node: fx.Node) -> bool:
    given = arguments(node)
    kernel, stride = shape(given["weight"])[2:], pair(given["stride"])
    return given["groups"] == 1 and any(side > step for side, step in zip(kernel, stride, strict=True))
