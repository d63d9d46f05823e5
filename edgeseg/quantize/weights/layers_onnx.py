"""The layers of an ONNX graph, see `layers.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgeseg.quantize.passes.edit import Editor
from edgeseg.quantize.weights.layers import Layer, Network, Step, Weights, find_network
from edgeseg.quantize.weights.window import Window, same_padding

__all__ = ["onnx_network"]

_EACH = {"AveragePool", "GlobalAveragePool", "LeakyRelu", "MaxPool", "PRelu", "Relu", "Resize"}

_SHAPES = {"Flatten", "Reshape", "Squeeze", "Unsqueeze"}
"""Where there is one pixel, they leave the channels."""


def onnx_network(model: onnx.ModelProto) -> Network:
    """Every Conv over (N, C, H, W) and every Gemm over (N, C) whose weights are constants."""
    edit = Editor(model)

    def width(name: str) -> int:
        shape = edit.shape(name)
        return shape[1] if len(shape) > 1 else 0

    operations = [_layer(edit, node) if _is_layer(edit, node) else _step(edit, node) for node in model.graph.node]
    return find_network(operations, width, [output.name for output in model.graph.output])


def _step(edit: Editor, node: onnx.NodeProto) -> Step:
    given = tuple(name for name in node.input if name)
    results = tuple(name for name in node.output if name)
    planes = all(len(edit.shape(name)) == 4 for name in given)
    shape = edit.shape(node.input[0]) if given else ()
    if (node.op_type in _EACH and len(shape) == 4) or (node.op_type in _SHAPES and np.prod(shape[2:]) == 1):
        return Step("each", given[:1], results[:1], _slope(edit, node))
    if node.op_type == "Add" and planes:
        return Step("sum", given, results)
    if node.op_type == "Mul" and planes:
        return Step("product", _largest_first(edit, given), results)
    if node.op_type == "Concat" and planes and edit.attribute(node, "axis", 0) == 1:
        return Step("join", given, results)
    return Step("other", given, results)


def _slope(edit: Editor, node: onnx.NodeProto) -> float | None:
    if node.op_type == "LeakyRelu":
        return float(edit.attribute(node, "alpha", 0.01))
    slopes = edit.constant(node.input[1]) if node.op_type == "PRelu" else None
    return None if slopes is None else float(np.sqrt(np.square(slopes).mean()))


def _largest_first(edit: Editor, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda name: -int(np.prod(edit.shape(name)))))


def _is_layer(edit: Editor, node: onnx.NodeProto) -> bool:
    if not all(edit.is_constant(name) for name in node.input[1:] if name):
        return False
    if node.op_type == "Gemm":
        factors = [edit.attribute(node, name, 1.0) for name in ("alpha", "beta")]
        bias = edit.constant(node.input[2]) if len(node.input) > 2 and node.input[2] else None
        if bias is not None and bias.ndim > 1:
            return False
        return factors == [1.0, 1.0] and not edit.attribute(node, "transA", 0) and len(edit.shape(node.input[0])) == 2
    return node.op_type == "Conv" and len(edit.shape(node.input[0])) == 4


def _layer(edit: Editor, node: onnx.NodeProto) -> Layer:
    turned = node.op_type == "Gemm" and not edit.attribute(node, "transB", 0)

    def constant(index: int) -> NDArray[Any]:
        value = edit.constant(node.input[index])
        assert value is not None
        return value

    def weights() -> Weights:
        kernel = constant(1).T if turned else constant(1)
        bias = constant(2).reshape(-1) if len(node.input) > 2 and node.input[2] else np.zeros(1, np.float32)
        groups = int(edit.attribute(node, "group", 1))
        return Weights(kernel.reshape(*kernel.shape[:2], -1), np.broadcast_to(bias, len(kernel)), groups)

    def put(changed: Weights) -> None:
        shape = constant(1).shape
        kernel = changed.kernel[:, :, 0].T if turned else changed.kernel.reshape(shape)
        values = {"weight": kernel, "bias": changed.bias}
        names = [
            edit.add_constant(f"{kind}_of_{node.output[0]}", np.array(v, np.float32)) for kind, v in values.items()
        ]
        node.input[:] = [node.input[0], *names]

    return Layer(node.input[0], node.output[0], 1, True, weights, put, _window(edit, node))


def _window(edit: Editor, node: onnx.NodeProto) -> Window:
    kernel = edit.constant(node.input[1])
    assert kernel is not None
    if node.op_type != "Conv":
        return Window()
    (down, across), (apart, aside) = (edit.attribute(node, name, [1, 1]) for name in ("strides", "dilations"))
    top, left, bottom, right = edit.attribute(node, "pads", [0, 0, 0, 0])
    window = Window((kernel.shape[2], kernel.shape[3]), (down, across), (apart, aside), ((top, bottom), (left, right)))
    automatic = edit.attribute(node, "auto_pad", b"NOTSET")
    if automatic in (b"SAME_UPPER", b"SAME_LOWER"):
        return same_padding(edit.shape(node.input[0])[2:], window, more_before=automatic == b"SAME_LOWER")
    return window
