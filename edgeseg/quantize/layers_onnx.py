"""The layers of an ONNX graph, see `layers.py`."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgeseg.quantize.layers import Layer, Network, Weights, find_links
from edgeseg.quantize.passes.edit import Editor

__all__ = ["onnx_network"]

_HOMOGENEOUS = {"AveragePool", "GlobalAveragePool", "LeakyRelu", "MaxPool", "PRelu", "Relu"}


def onnx_network(model: onnx.ModelProto) -> Network:
    """Every Conv over (N, C, H, W) and every Gemm over (N, C) whose weights are constants."""
    edit, nodes = Editor(model), model.graph.node
    layers = tuple(_layer(edit, node) for node in nodes if _is_layer(edit, node))
    steps = {node.input[0]: node.output[0] for node in nodes if node.op_type in _HOMOGENEOUS}
    reads = Counter(name for node in nodes for name in node.input)
    reads.update(output.name for output in model.graph.output)
    return Network(layers, find_links(layers, steps, reads))


def _is_layer(edit: Editor, node: onnx.NodeProto) -> bool:
    if any(edit.constant(name) is None for name in node.input[1:] if name):
        return False
    if node.op_type == "Gemm":
        factors = [edit.attribute(node, name, 1.0) for name in ("alpha", "beta")]
        return factors == [1.0, 1.0] and not edit.attribute(node, "transA", 0)
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

    return Layer(node.input[0], node.output[0], 1, True, weights, put)
