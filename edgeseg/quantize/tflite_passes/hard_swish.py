"""HARD_SWISH of int8 tensors as a product, for which XNNPACK has a kernel and for HARD_SWISH it has none.

x * min(max(x + 3, 0), 6) / 6, Howard et al., https://arxiv.org/abs/1905.02244: the second factor is x / 6 + 1 / 2 in a
range from 0 to 1, which cuts it off at both ends.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeseg.quantize.tflite_passes.edit import Editor, Op, scale_of

__all__ = ["multiply_hard_swishes"]

_WEIGHT = 127
_GATE_SCALE, _GATE_ZERO_POINT = 1 / 255, -128


def multiply_hard_swishes(model: Any) -> int:
    """Replace, in place, every HARD_SWISH of an (N, H, W, C) int8 tensor; returns how many."""
    edit, done = Editor(model), 0
    for op in edit.operators(Op.HARD_SWISH):
        given = scale_of(edit.tensor(op.inputs[0]))
        if given is None or len(edit.shape(op.inputs[0])) != 4 or scale_of(edit.tensor(op.outputs[0])) is None:
            continue
        gate = _gate(edit, op, given[0])
        product = edit.operator(Op.MUL, [op.inputs[0], gate.outputs[0]], op.outputs, schema.MulOptionsT())
        edit.replace(op, gate, product)
        done += 1
    return done


def _gate(edit: Editor, op: Any, scale: float) -> Any:
    """A depthwise 1x1 convolution: x / 6 + 1 / 2, from 0 to 1."""
    given = op.inputs[0]
    channels = edit.shape(given)[-1]
    step = 1 / 6 / _WEIGHT
    kernel = np.full((1, 1, 1, channels), _WEIGHT, np.int8)
    weights = edit.add_constant("hard_swish_weights", kernel, _scales([step] * channels, [0] * channels, axis=3))
    shift = np.full(channels, round(0.5 / (scale * step)), np.int32)
    bias = edit.add_constant("hard_swish_bias", shift, _scales([scale * step] * channels, [0] * channels))
    quantization = _scales([_GATE_SCALE], [_GATE_ZERO_POINT])
    result = edit.add_tensor("hard_sigmoid", edit.shape(given), given, quantization, part_of=op.outputs[0])
    options = schema.DepthwiseConv2DOptionsT()
    options.strideH = options.strideW = options.depthMultiplier = 1
    return edit.operator(Op.DEPTHWISE_CONV_2D, [given, weights, bias], [result], options)


def _scales(scales: list[float], zero_points: list[int], axis: int = 0) -> Any:
    quantization = schema.QuantizationParametersT()
    quantization.scale, quantization.zeroPoint = np.array(scales, np.float32), np.array(zero_points, np.int64)
    quantization.quantizedDimension = axis
    return quantization
