"""What the integers of a quantized ONNX file stand for, where an operator becomes tables of all 256 of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from edgeseg.quantize.passes.edit import Editor

__all__ = ["Integers", "integers_of", "sigmoid", "step"]

_MOST = 700.0
"""Before an exponential overflows."""


@dataclass(frozen=True)
class Integers:
    """What the integers of a tensor stand for."""

    scale: float
    zero_point: int
    dtype: np.dtype[np.integer]

    @property
    def lowest(self) -> int:
        return int(np.iinfo(self.dtype).min)

    @property
    def highest(self) -> int:
        return int(np.iinfo(self.dtype).max)

    def values(self) -> NDArray[np.float64]:
        """Of all its integers in order."""
        return self.scale * (np.arange(self.lowest, self.highest + 1.0) - self.zero_point)

    def rounded(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """What is left of values, again in real numbers."""
        levels = np.clip(np.rint(values / self.scale) + self.zero_point, self.lowest, self.highest)
        return np.asarray(self.scale * (levels - self.zero_point))


def integers_of(edit: Editor, node: onnx.NodeProto) -> Integers | None:
    """Those that a QuantizeLinear or DequantizeLinear of 8 bits and one scale has; None for another."""
    scale, zero_point = (edit.constant(name) for name in node.input[1:3]) if len(node.input) == 3 else (None, None)
    if scale is None or zero_point is None or scale.size != 1 or zero_point.dtype.itemsize != 1:
        return None
    return Integers(float(scale.item()), int(zero_point.item()), zero_point.dtype)


def step(edit: Editor, operator: str, given: str, result: str, integers: Integers) -> onnx.NodeProto:
    """A QuantizeLinear or DequantizeLinear; it is not put in yet."""
    scale = edit.add_constant(f"{result}_scale", np.array(integers.scale, np.float32))
    zero_point = edit.add_constant(f"{result}_zero_point", np.array(integers.zero_point, integers.dtype))
    return helper.make_node(operator, [given, scale, zero_point], [result])


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x))."""
    return np.asarray(1 / (1 + np.exp(np.minimum(-x, _MOST))))
