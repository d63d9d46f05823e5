"""ReLU, or a clip, behind a concatenation with convolutions in it: one behind each part.

Runtimes fuse it with the convolution in front of it, and an int8 map then spends no steps on what it cuts off.
"""

from __future__ import annotations

import torch
from torch import fx

from edgeseg.exporters.passes.edit import arguments, calls, only_user

__all__ = ["FORMATS", "rewrite"]

FORMATS = ("onnx", "tflite")

_aten = torch.ops.aten
_ACTIVATIONS = {
    getattr(_aten, name + in_place).default: getattr(_aten, name).default
    for name in ("relu", "relu6", "hardtanh")
    for in_place in ("", "_")
}
"""With what does the same out of place: others may read a part."""
_FUSED = (_aten.conv2d.default, _aten.conv2d.padding, _aten.conv_transpose2d.input, _aten.batch_norm.default)


def rewrite(graph: fx.GraphModule) -> int:
    """Move every such activation that alone reads the concatenation of several maps; returns how many."""
    changed = 0
    for node in calls(graph, *_ACTIVATIONS):
        joint = arguments(node)["self"]
        parts = joint.all_input_nodes
        if joint.target is not _aten.cat.default or not only_user(joint) or len(parts) < 2:
            continue
        if not any(part.target in _FUSED and only_user(part) for part in parts):
            continue
        for part in parts:
            with graph.graph.inserting_before(joint):
                activated = graph.graph.call_function(_ACTIVATIONS[node.target], (part, *node.args[1:]), node.kwargs)
            activated.meta = dict(part.meta)
            joint.replace_input_with(part, activated)
        node.replace_all_uses_with(joint)
        graph.graph.erase_node(node)
        changed += 1
    return changed
