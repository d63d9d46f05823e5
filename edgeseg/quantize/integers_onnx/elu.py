"""ELU and SELU over the integers of a quantized ONNX file, in operators for which ONNX Runtime has int8 kernels.

Both are gamma * max(x, 0) + gamma * alpha * (exp(min(x, 0)) - 1); Clevert et al., https://arxiv.org/abs/1511.07289,
and Klambauer et al., https://arxiv.org/abs/1706.02515. Far below its middle a sigmoid is an exponential, and nearer a
wider one comes close: the zero point of the integers shifts its middle beyond the greatest x, their scale widens it,
and with the last level for x = 0 it is cut off above. LeakyRelu without a slope gives the other part. All are tables of
256 values; where their sum is more than two levels off for one of them, the operator stays in float.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import helper

from edgeseg.quantize.integers_onnx.levels import Integers, integers_of, sigmoid, step
from edgeseg.quantize.passes.edit import Editor

__all__ = ["ELUS", "quantize_elus"]

ELUS = frozenset({"Elu", "Selu"})
"""Operators that need a scale at both ends to be replaced here."""

_FARTHEST = 8.0
"""Shift of the middle: an exponential to within 0.1 permille."""
_STEEPNESSES = np.geomspace(1.0, 8.0, 64)
"""Of sigmoids to try."""
_LEVELS_OFF = 2.0
_SELU_ALPHA, _SELU_GAMMA = 1.67326319, 1.05070102


def quantize_elus(model: onnx.ModelProto, floating: Collection[str] = ()) -> int:
    """Replace, in place, each Elu and Selu between a DequantizeLinear and a QuantizeLinear of 8 bits; returns how many.

    Args:
        model: With Q and DQ.
        floating: Outputs of operators that are to stay in float.
    """
    edit, done = Editor(model), 0
    for node in [node for node in model.graph.node if node.op_type in ELUS and node.output[0] not in floating]:
        start, end = edit.writer(node.input[0]), edit.only_reader(node.output[0])
        if start is None or start.op_type != "DequantizeLinear" or end is None or end.op_type != "QuantizeLinear":
            continue
        given, result = integers_of(edit, start), integers_of(edit, end)
        if given is not None and result is not None:
            done += _replace(edit, node, start.input[0], given, result)
    return done


def _replace(edit: Editor, node: onnx.NodeProto, integers: str, given: Integers, result: Integers) -> bool:
    default_alpha, default_gamma = (1.0, 1.0) if node.op_type == "Elu" else (_SELU_ALPHA, _SELU_GAMMA)
    alpha, gamma = edit.attribute(node, "alpha", default_alpha), edit.attribute(node, "gamma", default_gamma)
    curve = _curve(given, result, alpha, gamma) if alpha > 0 and gamma > 0 else None
    if curve is None or curve.levels_off > _LEVELS_OFF:
        return False
    name = node.output[0]
    above = Integers(result.scale, result.lowest, result.dtype)
    rectified = replace(above, scale=above.scale / gamma)
    steps = [
        step(edit, "DequantizeLinear", integers, f"{name}_shifted", curve.given),
        helper.make_node("Sigmoid", [f"{name}_shifted"], [f"{name}_sigmoid"]),
        step(edit, "QuantizeLinear", f"{name}_sigmoid", f"{name}_sigmoid_integers", curve.sigmoid),
        step(edit, "DequantizeLinear", f"{name}_sigmoid_integers", f"{name}_below", curve.result),
        helper.make_node("LeakyRelu", [node.input[0]], [f"{name}_rectified"], alpha=0.0),
        step(edit, "QuantizeLinear", f"{name}_rectified", f"{name}_rectified_integers", rectified),
        step(edit, "DequantizeLinear", f"{name}_rectified_integers", f"{name}_above", above),
        helper.make_node("Add", [f"{name}_above", f"{name}_below"], [name]),
    ]
    edit.replace(node, *steps)
    return True


@dataclass(frozen=True)
class _Curve:
    """The part below zero as a sigmoid: of which integers, in which it comes out, and what those then stand for."""

    given: Integers
    sigmoid: Integers
    result: Integers
    levels_off: float
    """How far the whole is off at the most, in levels of what it gives."""


def _curve(given: Integers, result: Integers, alpha: float, gamma: float) -> _Curve:
    """The closest, tried on every integer."""
    x = given.values()
    positive, negative = gamma * np.maximum(x, 0), gamma * alpha * np.expm1(np.minimum(x, 0))
    exact = np.clip(positive + negative, *result.values()[[0, -1]])
    rectified = replace(result, zero_point=result.lowest).rounded(positive)
    middle = min(given.highest, given.zero_point + round(_FARTHEST / given.scale))
    curves = []
    for steepness in _STEEPNESSES:
        shifted = Integers(given.scale * float(steepness), middle, given.dtype)
        at_zero = float(sigmoid(shifted.values()[given.zero_point - given.lowest]))
        gate = Integers(at_zero / 255, result.lowest, result.dtype)
        below = gate.rounded(sigmoid(shifted.values())) / gate.scale - 255
        scale = float(negative @ below / (below @ below)) if below.any() else 0.0
        off = np.abs(result.rounded(rectified + scale * below) - exact).max() / result.scale
        curves.append(_Curve(shifted, gate, Integers(scale, result.highest, result.dtype), float(off)))
    return min(curves, key=lambda curve: curve.levels_off)
