"""Channel shuffles as 1x1 convolutions, whose int8 kernel is about twice as fast as TRANSPOSE over single channels.

A weight of one is held by int8 without an error. Channel shuffle: ShuffleNet, https://arxiv.org/abs/1707.01083.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeseg.quantize.tflite_passes.edit import Editor, Op

__all__ = ["convolve_shuffles"]

_MOST_CHANNELS = 128
"""That a convolution reorders in less time."""


def convolve_shuffles(model: Any) -> int:
    """Replace, in place, RESHAPE, TRANSPOSE, RESHAPE that reorder the channels of a float map; returns how many."""
    edit, done = Editor(model), 0
    for first in edit.operators(Op.RESHAPE):
        turn = edit.only_reader(first)
        last = edit.only_reader(turn) if turn is not None and edit.kind(turn) == Op.TRANSPOSE else None
        if turn is None or last is None or edit.kind(last) != Op.RESHAPE:
            continue
        shape, split = edit.shape(first.inputs[0]), edit.shape(first.outputs[0])
        order = edit.constant(turn.inputs[1])
        axes = list(range(len(split)))
        swapped = order is not None and order.tolist() == [*axes[:-2], *axes[:-3:-1]]
        floating = edit.tensor(first.inputs[0]).type == schema.TensorType.FLOAT32
        if len(shape) != 4 or not swapped or not floating or edit.shape(last.outputs[0]) != shape:
            continue
        if split[-2] * split[-1] != shape[3] or shape[3] > _MOST_CHANNELS:
            continue
        source = np.arange(shape[3]).reshape(split[-2:]).T.ravel()
        convolution = edit.pointwise("shuffled", first.inputs[0], np.eye(shape[3], dtype=np.float32)[source])
        convolution.outputs = last.outputs
        edit.replace(last, convolution)
        edit.remove(first, turn)
        done += 1
    return done
