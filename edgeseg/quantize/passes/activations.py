"""Activations that ONNX Runtime computes in float only, in operators that have int8 kernels.

HardSigmoid, which ONNX Runtime also makes of HardSwish, is a clipped sum times a number. PRelu with a single slope is
LeakyRelu; with a slope a for each channel it is a x + Relu((1 - a) x) as long as no slope is above one: two depthwise
1x1 convolutions and a sum.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, helper

from edgeseg.quantize.passes.edit import Editor

__all__ = ["expand_activations"]


def expand_activations(model: onnx.ModelProto) -> int:
    """Replace, in place, every such activation over an (N, C, H, W) tensor; returns how many."""
    edit, done = Editor(model), 0
    for node in list(model.graph.node):
        expand = _FORMS.get(node.op_type)
        form = expand(edit, node) if expand and len(edit.shape(node.input[0])) == 4 else None
        if form is not None:
            edit.replace(node, *form)
            done += 1
    return done


def _hard_sigmoid(edit: Editor, node: NodeProto) -> list[NodeProto] | None:
    alpha, beta = edit.attribute(node, "alpha", 0.2), edit.attribute(node, "beta", 0.5)
    if alpha <= 0:
        return None
    name = node.output[0]
    return [
        helper.make_node("Add", [node.input[0], _number(edit, beta / alpha)], [f"{name}_sum"]),
        helper.make_node("Clip", [f"{name}_sum", _number(edit, 0.0), _number(edit, 1 / alpha)], [f"{name}_clipped"]),
        helper.make_node("Mul", [f"{name}_clipped", _number(edit, alpha)], [name]),
    ]


def _number(edit: Editor, value: float) -> str:
    return edit.add_constant("number", np.array(value, np.float32))


def _prelu(edit: Editor, node: NodeProto) -> list[NodeProto] | None:
    slopes, channels = edit.constant(node.input[1]), edit.shape(node.input[0])[1]
    if slopes is None or not slopes.size:
        return None
    if (slopes == slopes.flat[0]).all():
        return [helper.make_node("LeakyRelu", [node.input[0]], [node.output[0]], alpha=float(slopes.flat[0]))]
    if slopes.shape[-3:] != (channels, 1, 1) or slopes.size != channels or slopes.max() > 1:
        return None
    name, each = node.output[0], slopes.reshape(-1, 1, 1, 1)
    return [
        _depthwise(edit, node.input[0], each, f"{name}_line"),
        _depthwise(edit, node.input[0], 1 - each, f"{name}_bent"),
        helper.make_node("Relu", [f"{name}_bent"], [f"{name}_rest"]),
        helper.make_node("Add", [f"{name}_line", f"{name}_rest"], [name]),
    ]


def _depthwise(edit: Editor, given: str, factors: NDArray[np.float32], name: str) -> NodeProto:
    weight = edit.add_constant("slopes", factors)
    return helper.make_node("Conv", [given, weight], [name], group=len(factors), kernel_shape=[1, 1])


_FORMS: dict[str, Callable[[Editor, NodeProto], list[NodeProto] | None]] = {
    "HardSigmoid": _hard_sigmoid,
    "PRelu": _prelu,
}
