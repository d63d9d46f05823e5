"""ReLU of what is never negative, left out: behind a sigmoid the TFLite converter makes another function of the two."""

from __future__ import annotations

import torch
from torch import fx

from edgeseg.exporters.passes.edit import arguments, calls, never_negative, written

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx", "tflite")

_aten = torch.ops.aten
_IN_PLACE = (_aten.relu_.default,)
_RELUS = (_aten.relu.default, *_IN_PLACE)


def rewrite(graph: fx.GraphModule) -> int:
    """Leave out every such ReLU; returns how many."""
    changed = 0
    for node in calls(graph, *_RELUS):
        given = arguments(node)["self"]
        same = node.target in _IN_PLACE or not written(node)
        if never_negative(given) and same and not written(given, but=node):
            node.replace_all_uses_with(given)
            graph.graph.erase_node(node)
            changed += 1
    return changed
