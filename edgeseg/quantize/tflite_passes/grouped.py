"""Convolutions in groups, in the forms for which XNNPACK has fast int8 kernels.

It has none for a depthwise one that makes several channels of each or has more than 25 taps, and calls that for dense
ones once for each group of others, which pays but for groups of a few channels. The first can be dense, or repeat its
channels by a 1x1 convolution with ones, which int8 holds exactly; the second can be a sum of smaller ones.
"""

from __future__ import annotations

import math
from copy import copy
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgeseg.core.taps import MOST_DEPTHWISE_TAPS, symmetric_parts
from edgeseg.quantize.tflite_passes.edit import Editor, Op

__all__ = ["regroup_convolutions"]

_CALL_NS, _TAP_NS, _DENSE_PER_NS, _DEPTHWISE_PER_NS = 0.5, 0.5, 250.0, 18.0
"""Of a pixel: nanoseconds for a call of the dense kernel and for each of its taps, and multiplications a nanosecond;
fitted to LiteRT 2.3 on a core with VNNI and without AMX, which would multiply by zeros at four times the speed: what
files are made for mostly has none."""


_DILATED = 2
"""Version of a depthwise convolution that has a dilation."""


def regroup_convolutions(model: Any) -> int:
    """Give grouped convolutions of a float model another form, in place, where int8 gains by it; returns how many."""
    edit = Editor(model)
    repeated = sum(_repeated(edit, op) for op in edit.operators(Op.DEPTHWISE_CONV_2D))
    split = sum(_split(edit, op) for op in edit.operators(Op.DEPTHWISE_CONV_2D))
    return repeated + split + sum(_grouped(edit, op) for op in edit.operators(Op.CONV_2D))


def _repeated(edit: Editor, op: Any) -> bool:
    kernel, channels = edit.constant(op.inputs[1]), edit.shape(op.inputs[0])[-1]
    if kernel is None or kernel.dtype != np.float32 or kernel.shape[-1] == channels:
        return False
    total, taps, given = kernel.shape[-1], math.prod(kernel.shape[1:3]), op.builtinOptions
    stride = given.strideH * given.strideW
    repeating = stride * _dense_ns(1, channels * total) + taps * total / _DEPTHWISE_PER_NS
    if _dense_ns(taps, taps * channels * total) > repeating:
        ones = np.repeat(np.eye(channels, dtype=np.float32), total // channels, axis=0)
        repeat = edit.pointwise("repeated", op.inputs[0], ones)
        op.inputs[0] = repeat.outputs[0]
        given.depthMultiplier = 1
        edit.replace(op, repeat, op)
        return True
    own = np.moveaxis(kernel, -1, 0).reshape(total, *kernel.shape[1:3], 1)
    options = schema.Conv2DOptionsT()
    for name in vars(options).keys() & vars(given).keys():
        setattr(options, name, getattr(given, name))
    inputs = [op.inputs[0], edit.add_constant("dense_kernel", _dense(own, channels)), *op.inputs[2:]]
    edit.replace(op, edit.operator(Op.CONV_2D, inputs, op.outputs, options))
    return True


def _split(edit: Editor, op: Any) -> bool:
    kernel, given = edit.constant(op.inputs[1]), op.builtinOptions
    if kernel is None or kernel.dtype != np.float32 or kernel.shape[-1] != edit.shape(op.inputs[0])[-1]:
        return False
    height, width, channels = kernel.shape[1:]
    dilation = given.dilationHFactor, given.dilationWFactor
    margins = [(side - 1) * step / 2 for side, step in zip((height, width), dilation, strict=True)]
    is_centered = height % 2 == width % 2 == 1 and edit.pads(op) == [(margin, margin) for margin in margins]
    parts = symmetric_parts(height, width, MOST_DEPTHWISE_TAPS) if is_centered else None
    if parts is None or len(parts) == 1:
        return False
    bias, result, ops, summed = list(op.inputs[2:]), op.outputs[0], [], -1
    zeros = edit.add_constant("part_bias", np.zeros(channels, np.float32))
    for index, (rows, columns) in enumerate(parts):
        options, adding = copy(given), schema.AddOptionsT()
        options.padding, options.fusedActivationFunction = schema.Padding.SAME, schema.ActivationFunctionType.NONE
        options.dilationHFactor, options.dilationWFactor = dilation[0] * rows.step, dilation[1] * columns.step
        weights = edit.add_constant("part_kernel", kernel[:, rows, columns])
        part = edit.add_tensor("part", edit.shape(result), result, part_of=result)
        inputs = [op.inputs[0], weights, *([zeros] if index else bias or [zeros])]
        ops.append(edit.operator(Op.DEPTHWISE_CONV_2D, inputs, [part], options))
        edit.need_version(ops[-1], _DILATED)
        if index == 0:
            summed = part
            continue
        is_last = index == len(parts) - 1
        adding.fusedActivationFunction = given.fusedActivationFunction if is_last else options.fusedActivationFunction
        both = [summed, part]
        summed = result if is_last else edit.add_tensor("summed", edit.shape(part), part, part_of=result)
        ops.append(edit.operator(Op.ADD, both, [summed], adding))
    edit.replace(op, *ops)
    return True


def _grouped(edit: Editor, op: Any) -> bool:
    kernel, channels = edit.constant(op.inputs[1]), edit.shape(op.inputs[0])[-1]
    if kernel is None or kernel.dtype != np.float32 or kernel.shape[-1] == channels:
        return False
    groups, taps = channels // kernel.shape[-1], math.prod(kernel.shape[1:3])
    if _dense_ns(taps, kernel.size * groups) > groups * _dense_ns(taps, kernel.size // groups):
        return False
    op.inputs[1] = edit.add_constant("dense_kernel", _dense(kernel, channels))
    return True


def _dense_ns(taps: int, products: int) -> float:
    return _CALL_NS + _TAP_NS * taps + products / _DENSE_PER_NS


def _dense(kernel: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    """(outputs, h, w, inputs of a group) -> (outputs, h, w, channels)."""
    outputs, *window, width = kernel.shape
    dense = np.zeros((outputs, *window, channels), np.float32)
    groups = channels // width
    for group in range(groups):
        rows = slice(group * outputs // groups, (group + 1) * outputs // groups)
        dense[rows, :, :, group * width : (group + 1) * width] = kernel[rows]
    return dense
