"""Resizings to the size that a map has, left out: a runtime computes every pixel anew all the same."""

from __future__ import annotations

from torch import fx

from edgeseg.exporters.passes.edit import RESIZINGS, arguments, calls, scales_otherwise, shape, written

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx", "tflite")


def rewrite(graph: fx.GraphModule) -> int:
    """Leave out every such resizing; returns how many."""
    changed = 0
    for node in calls(graph, *RESIZINGS):
        given = arguments(node)["input"]
        if shape(node) == shape(given) and not (scales_otherwise(node) or written(node) or written(given)):
            node.replace_all_uses_with(given)
            graph.graph.erase_node(node)
            changed += 1
    return changed
