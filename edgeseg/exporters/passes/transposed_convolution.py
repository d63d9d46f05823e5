"""Transposed convolutions in TFLite as convolutions that give cells of pixels.

TFLite's own operator has no output padding and no groups, and LiteRT takes 1.5 to 7 times as long for it, in float and
in int8.
"""

from __future__ import annotations

from torch import fx

from edgeseg.exporters.passes.cells import convolve, transposed_convolutions

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("tflite",)


def rewrite(graph: fx.GraphModule) -> int:
    """Replace every transposed convolution with a constant kernel and without dilation."""
    found = transposed_convolutions(graph)
    for node in found:
        convolve(graph, node)
    return len(found)
