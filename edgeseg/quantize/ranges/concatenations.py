"""Parts of a concatenation in the scale of the whole, so that their integers are copied and not rounded once more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import onnx

__all__ = ["joined_ranges"]

_CARRIERS = frozenset({"DepthToSpace", "MaxPool", "Resize"})
"""In int8 they keep the scale of what they read."""

_RECTIFIERS = frozenset({"Clip", "Relu"})
"""In int8 they are part of the layer before as long as the zero point is the lowest level."""


def joined_ranges(model: onnx.ModelProto, ranges: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Ranges of a float model's tensors; one that only a concatenation reads has the range of what that gives."""
    nodes, joined = model.graph.node, dict(ranges)
    reads = Counter(name for node in nodes for name in node.input)
    reads.update(output.name for output in model.graph.output)
    writers = {name: node.op_type for node in nodes for name in node.output}
    parts: set[str] = set()
    for node in reversed(nodes):
        result = node.output[0]
        if result in joined and (node.op_type == "Concat" or (node.op_type in _CARRIERS and result in parts)):
            whole = joined[result]
            for name in node.input:
                cut = writers.get(name) in _RECTIFIERS and whole[0] < 0
                if name in joined and name in writers and reads[name] == 1 and not cut:
                    joined[name] = whole
                    parts.add(name)
    return joined
