"""Average pooling as a depthwise convolution, or two, for which XNNPACK has int8 kernels and for pooling it has none.

Every pixel of a window counts the same, which int8 weights hold without an error.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeseg.quantize.tflite_passes.edit import Editor, Op, explicit_padding

__all__ = ["convolve_averages"]

_MOST_TAPS = 25
"""Of XNNPACK's depthwise kernels."""


def convolve_averages(model: Any) -> int:
    """Replace, in place, every AVERAGE_POOL_2D of a float model that reaches over no border; returns how many.

    A window of too many pixels becomes a column and then a row, a wider one stays.
    """
    edit, done = Editor(model), 0
    for op in edit.operators(Op.AVERAGE_POOL_2D):
        options, given, result = op.builtinOptions, edit.shape(op.inputs[0]), edit.shape(op.outputs[0])
        window, strides = (options.filterHeight, options.filterWidth), (options.strideH, options.strideW)
        borders = explicit_padding(given[1:3], result[1:3], window, strides, options.padding)
        floating = edit.tensor(op.inputs[0]).type == schema.TensorType.FLOAT32
        if not floating or any(map(any, borders)) or not 1 < max(window) <= _MOST_TAPS:
            continue
        if math.prod(window) <= _MOST_TAPS:
            edit.replace(op, _average(edit, op.inputs[0], op.outputs[0], window, strides, options))
        else:
            between = edit.add_tensor("average", (given[0], result[1], *given[2:]), op.inputs[0], part_of=op.outputs[0])
            column = _average(edit, op.inputs[0], between, (window[0], 1), (strides[0], 1))
            row = _average(edit, between, op.outputs[0], (1, window[1]), (1, strides[1]), options)
            edit.replace(op, column, row)
        done += 1
    return done


def _average(
    edit: Editor, given: int, result: int, window: tuple[int, int], strides: tuple[int, int], last: Any = None
) -> Any:
    """A depthwise convolution; `last` are the options of which it takes over the activation."""
    channels, options = edit.shape(given)[-1], schema.DepthwiseConv2DOptionsT()
    options.padding, options.depthMultiplier = schema.Padding.VALID, 1
    options.strideH, options.strideW = strides
    if last is not None:
        options.fusedActivationFunction = last.fusedActivationFunction
    weights = edit.add_constant("average_weights", np.full((1, *window, channels), 1 / math.prod(window), np.float32))
    bias = edit.add_constant("average_bias", np.zeros(channels, np.float32))
    return edit.operator(Op.DEPTHWISE_CONV_2D, [given, weights, bias], [result], options)
