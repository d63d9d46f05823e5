"""Relu and Clip, which int8 computes by saturation: the integers of what they give end at their limits."""

from __future__ import annotations

import math
from collections.abc import Mapping

import onnx

from edgeseg.quantize.passes.edit import Editor

__all__ = ["cut_ranges", "is_saturation", "limits_of"]


def limits_of(edit: Editor, node: onnx.NodeProto) -> tuple[float, float] | None:
    """The least and the greatest that a Relu or Clip gives; None of another operator, or where they are computed."""
    if node.op_type == "Relu":
        return 0.0, math.inf
    if node.op_type != "Clip":
        return None
    limits = [-math.inf, math.inf]
    for place, name in enumerate(node.input[1:]):
        if name:
            value = edit.constant(name)
            if value is None:
                return None
            if value.size:
                limits[place] = float(value.item())
    return limits[0], limits[1]


def is_saturation(edit: Editor, node: onnx.NodeProto) -> bool:
    """Whether a range, which always holds zero, can end where a Relu or Clip does."""
    limits = limits_of(edit, node)
    return limits is not None and limits[0] <= 0 <= limits[1]


def cut_ranges(model: onnx.ModelProto, ranges: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Ranges of a float model's tensors, none wider than the limits of what gives it."""
    edit, cut = Editor(model), dict(ranges)
    for node in model.graph.node:
        if is_saturation(edit, node) and (limits := limits_of(edit, node)) and node.output[0] in cut:
            low, high = cut[node.output[0]]
            cut[node.output[0]] = max(low, limits[0]), min(high, limits[1])
    return cut
