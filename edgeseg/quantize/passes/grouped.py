"""Grouped convolutions in the forms for which ONNX Runtime has fast int8 kernels: dense and depthwise ones.

Any other one is gathered and multiplied group by group, into a tile of 16 channels even where a group has four, so that
multiplying by the zeros of a dense kernel is often many times as fast. Where a group has a single input channel, that
channel can also be repeated by a 1x1 convolution with ones, which int8 holds exactly, in front of a depthwise one: its
zeros are fewer by the number of taps.
"""

from __future__ import annotations

import math

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from edgeseg.quantize.passes.costs import dense_ns, depthwise_ns
from edgeseg.quantize.passes.edit import Editor

__all__ = ["dense_kernel", "regroup_convolutions"]

_GATHER_NS, _TILE, _GROUPED_PER_NS = 2.5, 16, 40.0
"""Nanoseconds to gather one tap of a group, channels of a tile and multiplications a nanosecond: fitted to ONNX Runtime
1.31 on a core with VNNI."""


def regroup_convolutions(model: onnx.ModelProto) -> int:
    """Give grouped, not depthwise convolutions another form, in place, where int8 gains by it; returns how many."""
    edit, done = Editor(model), 0
    for node in list(model.graph.node):
        groups = edit.attribute(node, "group", 1)
        weight = edit.constant(node.input[1]) if node.op_type == "Conv" else None
        if weight is None or weight.ndim != 4 or groups == 1 or weight.shape[:2] == (groups, 1):
            continue
        costs = _costs_ns(weight, groups, math.prod(edit.attribute(node, "strides", [1, 1])))
        form = min(costs, key=lambda form: costs[form])
        if form == "dense":
            node.input[1] = edit.add_constant("dense_kernel", dense_kernel(weight, groups))
            _set_groups(node, 1)
        elif form == "repeated":
            _repeat(edit, node, len(weight) // groups, groups)
            _set_groups(node, len(weight))
        done += form != "grouped"
    return done


def _costs_ns(weight: NDArray[np.float32], groups: int, stride: int) -> dict[str, float]:
    """Of each form that the convolution can have, for each pixel that it gives."""
    total, inputs, *window = weight.shape
    outputs, taps = total // groups, math.prod(window)
    costs = {
        "grouped": groups * taps * (_GATHER_NS + inputs * max(outputs, _TILE) / _GROUPED_PER_NS),
        "dense": dense_ns(inputs * groups, total, taps),
    }
    if inputs == 1:
        costs["repeated"] = stride * dense_ns(groups, total, 1) + depthwise_ns(total, taps)
    return costs


def _set_groups(node: onnx.NodeProto, groups: int) -> None:
    attribute = next(attribute for attribute in node.attribute if attribute.name == "group")
    attribute.i = groups


def _repeat(edit: Editor, node: onnx.NodeProto, times: int, channels: int) -> None:
    """Let a convolution read each of its input channels that often, one after the other."""
    ones = np.repeat(np.eye(channels, dtype=np.float32), times, axis=0)[:, :, None, None]
    name = f"{node.output[0]}_repeated"
    repeat = helper.make_node("Conv", [node.input[0], edit.add_constant("ones", ones)], [name], kernel_shape=[1, 1])
    edit.rename(node.input[0], name, node)
    edit.replace(node, repeat, node)


def dense_kernel(weight: NDArray[np.float32], groups: int) -> NDArray[np.float32]:
    """(groups * outputs, inputs, h, w) -> (groups * outputs, groups * inputs, h, w)."""
    total, inputs, *taps = weight.shape
    outputs = total // groups
    dense = np.zeros((total, groups * inputs, *taps), weight.dtype)
    for group in range(groups):
        rows, columns = (slice(group * count, (group + 1) * count) for count in (outputs, inputs))
        dense[rows, columns] = weight[rows]
    return dense
