"""Dilations that differ in height and width, which the Edge TPU does not take, made alike."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.quantize.tflite_passes.edit import Editor, Op

__all__ = ["even_dilations"]


def even_dilations(model: Any) -> None:
    """Give, in place, convolutions of a float model the same dilation in both directions.

    In a kernel of one row or one column that changes nothing; others get zeros between their taps. `model` is the
    schema's object form.
    """
    for index in range(len(model.subgraphs)):
        edit = Editor(model, index)
        for op in edit.operators(Op.CONV_2D, Op.DEPTHWISE_CONV_2D):
            height, width = edit.shape(op.inputs[1])[1:3]
            options = op.builtinOptions
            if height == 1:
                options.dilationHFactor = options.dilationWFactor
            elif width == 1:
                options.dilationWFactor = options.dilationHFactor
            elif options.dilationHFactor != options.dilationWFactor:
                kernel = edit.constant(op.inputs[1])
                if kernel is not None:
                    _fill(edit, op, kernel)


def _fill(edit: Editor, op: Any, kernel: NDArray[Any]) -> None:
    options = op.builtinOptions
    common = math.gcd(options.dilationHFactor, options.dilationWFactor)
    steps = options.dilationHFactor // common, options.dilationWFactor // common
    height, width = ((side - 1) * step + 1 for side, step in zip(kernel.shape[1:3], steps, strict=True))
    filled = np.zeros((len(kernel), height, width, kernel.shape[3]), kernel.dtype)
    filled[:, :: steps[0], :: steps[1]] = kernel
    op.inputs[1] = edit.add_constant("filled_kernel", filled)
    options.dilationHFactor = options.dilationWFactor = common
