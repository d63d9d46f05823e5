"""Results whose scale LiteRT's kernels cannot reach from the scales that they are computed from, in a TFLite file.

The kernels bring both addends of a sum to twice the larger one's scale over 2**20, and abort the process where the
result's scale is finer than that. XNNPACK refuses a file with a convolution whose products have 256 times the scale of
its result. What lies so far below the addends, or a product, is their rounding. What only moves values has the scale of
what it reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from edgeseg.quantize.tflite_passes.edit import Editor

__all__ = ["CARRIERS", "with_wide_results"]

_Op = schema.BuiltinOperator
_SUMS = (_Op.ADD, _Op.SUB)
_FINEST_SUM = 2.0**-18
"""Of the larger addend's range; half as much aborts."""
_PRODUCTS = (_Op.CONV_2D, _Op.DEPTHWISE_CONV_2D, _Op.FULLY_CONNECTED, _Op.TRANSPOSE_CONV)
_FINEST_PRODUCT = 1 / (127 * 255)
"""Of the input's range times the largest weight, which is 127 steps; 1 / 256 a step is refused."""
CARRIERS = (
    *(_Op.AVERAGE_POOL_2D, _Op.BROADCAST_TO, _Op.GATHER, _Op.GATHER_ND, _Op.MAX_POOL_2D, _Op.MIRROR_PAD, _Op.PAD),
    *(_Op.REDUCE_MIN, _Op.RESHAPE, _Op.RESIZE_BILINEAR, _Op.RESIZE_NEAREST_NEIGHBOR, _Op.SLICE, _Op.SPACE_TO_DEPTH),
    *(_Op.SPLIT, _Op.STRIDED_SLICE, _Op.TRANSPOSE, _Op.UNPACK),
)
"""To whose results ai-edge-quantizer gives the scale of their input."""


def with_wide_results(path: Path, ranges: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """The ranges that a float file's tensors are stored in, widened at the upper end where LiteRT needs it."""
    model, wide = flatbuffer_utils.read_model(str(path)), dict(ranges)
    edit = Editor(model)
    names = [tensor.name.decode() for tensor in model.subgraphs[0].tensors]
    for op in edit.operators(*CARRIERS, *_SUMS, *_PRODUCTS):
        if edit.kind(op) in CARRIERS:
            read = [wide[names[i]] for i in op.inputs if names[i] in wide]
            wide |= {names[i]: read[0] for i in op.outputs if read and names[i] in wide}
            continue
        result = names[op.outputs[0]]
        if result not in wide:
            continue
        given = max((_width(wide[names[i]]) for i in op.inputs if i >= 0 and names[i] in wide), default=0.0)
        low, high = wide[result]
        wide[result] = low, max(high, min(low, 0.0) + given * _finest(edit, op))
    return wide


def _finest(edit: Editor, op: Any) -> float:
    """The least width of the result's range, as a part of the widest input's."""
    if edit.kind(op) in _SUMS:
        return _FINEST_SUM
    weights = edit.constant(op.inputs[1])
    return 0.0 if weights is None else float(np.abs(weights).max()) * _FINEST_PRODUCT


def _width(limits: tuple[float, float]) -> float:
    """Of the range that is stored, which holds zero."""
    return max(limits[1], 0.0) - min(limits[0], 0.0)
