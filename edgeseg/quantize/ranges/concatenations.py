"""Parts of a concatenation in the scale of the whole, so that their integers are copied and not rounded once more."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from edgeseg.quantize.passes.edit import Editor
from edgeseg.quantize.ranges.rectifiers import limits_of

__all__ = ["joined_ranges"]

_CARRIERS = frozenset({"DepthToSpace", "MaxPool", "Resize", "Slice", "Split"})
"""In int8 they keep the scale of what they read."""

_WIDER, _NARROWER = 1.25, 0.95
"""Times as wide as its own that a range may be that a tensor gets which others read too."""


def joined_ranges(model: onnx.ModelProto, ranges: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Ranges of a float model's tensors, with that of a concatenation for its parts.

    A part that others read too only gets it where it is about the part's own, and what a Relu or Clip gives only where
    its limits lie beyond it, for the range is all that is left of those.
    """
    nodes, joined = model.graph.node, dict(ranges)
    edit = Editor(model)
    parts: set[str] = set()
    for node in reversed(nodes):
        results = [name for name in node.output if name in joined]
        carried = [name for name in results if name in parts] if node.op_type in _CARRIERS else []
        for result in results if node.op_type == "Concat" else carried[:1]:
            whole = joined[result]
            for name in node.input:
                writer = edit.writer(name)
                if name not in joined or writer is None:
                    continue
                limits = limits_of(edit, writer)
                if limits and not limits[0] <= whole[0] <= whole[1] <= limits[1]:
                    continue
                alone = len(node.output) == 1 and edit.only_reader(name) is not None
                if alone or _about(whole, ranges[name]):
                    joined[name] = whole
                    parts.add(name)
    return joined


def _about(whole: tuple[float, float], part: tuple[float, float]) -> bool:
    """Whether a range holds another, or nearly, and is hardly wider."""
    (low, high), (least, most) = whole, part
    return low <= _NARROWER * least and _NARROWER * most <= high and high - low <= _WIDER * (most - least)
