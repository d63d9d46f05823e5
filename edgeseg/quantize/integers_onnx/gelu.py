"""GELU over the integers of a quantized ONNX file, as a gate for which ONNX Runtime has int8 kernels.

x * (1 + erf(x / sqrt 2)) / 2; Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415, whose section 2 has
x * sigmoid(1.702 x) for it. Which steepness is the closest depends on the range: all are tried on all 256 integers, and
where the best is more than two levels off for one of them, the operator stays in float.

An ONNX graph has five operators for it, which would round at every step if each were quantized by itself.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
import onnx
from onnx import helper

from edgeseg.quantize.integers_onnx.levels import Integers, integers_of, sigmoid, step
from edgeseg.quantize.passes.edit import Editor

__all__ = ["gelu_operators", "quantize_gelus"]

_STEEPNESSES = np.linspace(1.55, 1.85, 61)
_LEVELS_OFF = 2.0
_NEAR = 1e-4


@dataclass(frozen=True)
class _Gelu:
    """`nodes` make `result` of `given`, the last of them last."""

    given: str
    nodes: tuple[onnx.NodeProto, ...]

    @property
    def result(self) -> str:
        return str(self.nodes[-1].output[0])


def gelu_operators(model: onnx.ModelProto) -> set[str]:
    """The names of the operators that make up a GELU each."""
    return {node.name for gelu in _gelus(model, Editor(model)) for node in gelu.nodes}


def quantize_gelus(model: onnx.ModelProto, floating: Collection[str] = ()) -> int:
    """Replace, in place, each GELU between a DequantizeLinear and a QuantizeLinear of 8 bits; returns how many.

    Args:
        model: With Q and DQ.
        floating: Outputs of operators that are to stay in float.
    """
    edit, done = Editor(model), 0
    for gelu in list(_gelus(model, edit)):
        start, end = edit.writer(gelu.given), edit.only_reader(gelu.result)
        if gelu.result in floating or start is None or start.op_type != "DequantizeLinear":
            continue
        if end is None or end.op_type != "QuantizeLinear":
            continue
        given, result = integers_of(edit, start), integers_of(edit, end)
        if given is not None and result is not None:
            done += _replace(edit, gelu, start.input[0], given, result)
    return done


def _gelus(model: onnx.ModelProto, edit: Editor) -> Iterator[_Gelu]:
    for erf in [node for node in model.graph.node if node.op_type == "Erf"]:
        scaled, shifted = edit.writer(erf.input[0]), edit.only_reader(erf.output[0])
        if scaled is None or shifted is None or edit.only_reader(scaled.output[0]) is None:
            continue
        divisor = math.sqrt(2 if scaled.op_type == "Div" else 0.5)
        given = _beside(edit, scaled, divisor) if scaled.op_type in ("Div", "Mul") else None
        if given is None or shifted.op_type != "Add" or _beside(edit, shifted, 1.0) is None:
            continue
        if (products := _products(edit, given, shifted.output[0])) is not None:
            yield _Gelu(given, (scaled, erf, shifted, *products))


def _products(edit: Editor, given: str, shifted: str) -> tuple[onnx.NodeProto, onnx.NodeProto] | None:
    """The two that multiply with each other what is given, what is shifted and a half, whichever two first."""
    first = edit.only_reader(shifted)
    other = next((name for name in first.input if name != shifted), None) if first is not None else None
    if first is None or other is None or first.op_type != "Mul":
        return None
    halving = edit.writer(other)
    if halving is not None and halving.op_type == "Mul" and _beside(edit, halving, 0.5) == given:
        return (halving, first) if edit.only_reader(other) is first else None
    last = edit.only_reader(first.output[0])
    if last is None or last.op_type != "Mul":
        return None
    is_halved_last = other == given and _beside(edit, last, 0.5) == first.output[0]
    is_halved_first = _is_number(edit, other, 0.5) and set(last.input) == {given, first.output[0]}
    return (first, last) if is_halved_last or is_halved_first else None


def _beside(edit: Editor, node: onnx.NodeProto, number: float) -> str | None:
    """What an operator of two inputs is given beside a number, which Div has as its second; None for another one."""
    places = (1,) if node.op_type == "Div" else (1, 0)
    return next((str(node.input[1 - place]) for place in places if _is_number(edit, node.input[place], number)), None)


def _is_number(edit: Editor, name: str, number: float) -> bool:
    value = edit.constant(name)
    return value is not None and value.size == 1 and abs(float(value.item()) - number) < _NEAR


def _replace(edit: Editor, gelu: _Gelu, integers: str, given: Integers, result: Integers) -> bool:
    gate = Integers(1 / 255, result.lowest, result.dtype)
    steepness, levels_off = _steepness(given, gate, result)
    if levels_off > _LEVELS_OFF:
        return False
    name = gelu.result
    steeper = replace(given, scale=given.scale * steepness)
    *before, last = gelu.nodes
    steps = [
        step(edit, "DequantizeLinear", integers, f"{name}_steeper", steeper),
        helper.make_node("Sigmoid", [f"{name}_steeper"], [f"{name}_sigmoid"]),
        step(edit, "QuantizeLinear", f"{name}_sigmoid", f"{name}_sigmoid_integers", gate),
        step(edit, "DequantizeLinear", f"{name}_sigmoid_integers", f"{name}_gate", gate),
        helper.make_node("Mul", [gelu.given, f"{name}_gate"], [name]),
    ]
    edit.replace(last, *steps)
    edit.remove(*before)
    return True


def _steepness(given: Integers, gate: Integers, result: Integers) -> tuple[float, float]:
    """Of the sigmoid that comes closest on all integers, and how many levels it is off at most."""
    x = given.values()
    exact = np.clip([each * (1 + math.erf(each / math.sqrt(2))) / 2 for each in x], *result.values()[[0, -1]])
    levels_off = [
        float(np.abs(result.rounded(x * gate.rounded(sigmoid(steepness * x))) - exact).max() / result.scale)
        for steepness in _STEEPNESSES
    ]
    best = int(np.argmin(levels_off))
    return float(_STEEPNESSES[best]), levels_off[best]
