"""AveragePool as a depthwise convolution, for which ONNX Runtime's int8 kernel is about twenty times as fast.

Every pixel of a window counts the same, 1 / (height * width), which int8 weights hold without an error.
"""

from __future__ import annotations

import math

import numpy as np
import onnx
from onnx import helper

from edgeseg.quantize.passes.edit import Editor

__all__ = ["convolve_averages"]

_LARGEST_WINDOW = 256
"""Pixels; larger ones are near enough the whole map, which few windows cover."""


def convolve_averages(model: onnx.ModelProto) -> int:
    """Replace, in place, every AveragePool over (N, C, H, W) that divides by its whole window; returns how many."""
    edit, done = Editor(model), 0
    for node in [node for node in model.graph.node if node.op_type == "AveragePool"]:
        given, result = edit.shape(node.input[0]), edit.shape(node.output[0])
        window = list(edit.attribute(node, "kernel_shape", []))
        if len(given) != 4 or len(result) != 4 or not all((*given[1:], *result[2:])) or len(window) != 2:
            continue
        pads, strides = list(edit.attribute(node, "pads", [0] * 4)), list(edit.attribute(node, "strides", [1, 1]))
        plain = (
            edit.attribute(node, "auto_pad", b"NOTSET") == b"NOTSET"
            and list(edit.attribute(node, "dilations", [1, 1])) == [1, 1]
            and (edit.attribute(node, "count_include_pad", 0) or not any(pads))
        )
        whole = all(
            (given[2 + i] + pads[i] + pads[2 + i] - window[i]) // strides[i] + 1 == result[2 + i] for i in range(2)
        )
        if not plain or not whole or not 1 < math.prod(window) <= _LARGEST_WINDOW:
            continue
        weight = np.full((given[1], 1, *window), 1 / math.prod(window), np.float32)
        edit.become(
            node,
            helper.make_node(
                "Conv",
                [node.input[0], edit.add_constant("average_weight", weight)],
                node.output,
                node.name,
                group=given[1],
                kernel_shape=window,
                pads=pads,
                strides=strides,
            ),
        )
        done += 1
    return done
