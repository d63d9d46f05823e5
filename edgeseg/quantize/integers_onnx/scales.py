"""Whether integers on both sides of an operator stand for the same numbers."""

from __future__ import annotations

import numpy as np
import onnx

from edgeseg.quantize.passes.edit import Editor

__all__ = ["alike"]

_CLOSE = 1e-4
"""Relative difference of scales that are the same but for rounding."""


def alike(edit: Editor, start: onnx.NodeProto, end: onnx.NodeProto, factor: float | None = None) -> bool:
    """Whether two of Q and DQ have one zero point, and one scale or, given a factor, the second about so many times."""
    (scale, zero), (other, same) = ([edit.constant(name) for name in node.input[1:3]] for node in (start, end))
    if scale is None or zero is None or other is None or same is None or zero.dtype != same.dtype:
        return False
    if not np.array_equal(zero, same):
        return False
    if factor is None:
        return bool(np.array_equal(scale, other))
    return bool(np.allclose(other, factor * scale, rtol=_CLOSE, atol=0))
