"""Grouped convolutions as dense ones where that takes ONNX Runtime less time in int8.

Its int8 kernels are made for depthwise and for dense convolutions. Any other one is gathered and multiplied group by
group, into a tile of 16 channels even where a group has four, so that multiplying by the zeros of a dense kernel is
often many times as fast.
"""

from __future__ import annotations

import math

import numpy as np
import onnx
from numpy.typing import NDArray

from edgeseg.quantize.passes.edit import Editor

__all__ = ["densify_groups"]

_GATHER_NS, _TILE, _GROUPED_PER_NS, _DENSE_PER_NS = 2.5, 16, 40.0, 400.0
"""Nanoseconds to gather one tap of a group, channels of a tile, multiplications a nanosecond: fitted to ONNX Runtime
1.31 on a core with VNNI."""


def densify_groups(model: onnx.ModelProto) -> int:
    """Give grouped, not depthwise convolutions dense kernels, in place, where int8 gains by it; returns how many."""
    edit, done = Editor(model), 0
    for node in model.graph.node:
        groups = edit.attribute(node, "group", 1)
        weight = edit.constant(node.input[1]) if node.op_type == "Conv" else None
        if weight is None or weight.ndim != 4 or groups == 1:
            continue
        outputs, inputs = weight.shape[0] // groups, weight.shape[1]
        taps = math.prod(weight.shape[2:])
        grouped_ns = groups * taps * (_GATHER_NS + inputs * max(outputs, _TILE) / _GROUPED_PER_NS)
        dense_ns = taps * inputs * outputs * groups**2 / _DENSE_PER_NS
        if outputs == inputs == 1 or dense_ns > grouped_ns:
            continue
        node.input[1] = edit.add_constant("dense_kernel", _dense(weight, groups))
        group = next(attribute for attribute in node.attribute if attribute.name == "group")
        group.i = 1
        done += 1
    return done


def _dense(weight: NDArray[np.float32], groups: int) -> NDArray[np.float32]:
    """(groups * outputs, inputs, h, w) -> (groups * outputs, groups * inputs, h, w)."""
    total, inputs, *taps = weight.shape
    outputs = total // groups
    dense = np.zeros((total, groups * inputs, *taps), weight.dtype)
    for group in range(groups):
        rows, columns = (slice(group * count, (group + 1) * count) for count in (outputs, inputs))
        dense[rows, columns] = weight[rows]
    return dense
