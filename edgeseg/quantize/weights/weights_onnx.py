"""The weights of products in a float or quantized ONNX graph, as (outputs, weights an output) in the kernels' order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from edgeseg.quantize.passes.edit import Editor

__all__ = ["Product", "products"]

_CONVOLUTIONS = {"Conv": 1, "QLinearConv": 3, "ConvInteger": 1}
_MATRICES = {"Gemm": 1, "MatMul": 1, "QGemm": 3, "QLinearMatMul": 3, "MatMulInteger": 1}


@dataclass(frozen=True)
class Product:
    """An operator that multiplies by constant weights.

    `kernel` (outputs, weights), of a convolution in the order (row, column, input channel); `name` is the constant's
    and `axis` that of its outputs.
    """

    layer: str
    name: str
    axis: int
    kernel: NDArray[Any]
    depthwise: bool


def products(model: onnx.ModelProto) -> Iterator[Product]:
    """Every convolution and matrix product by constants, which may be behind a DequantizeLinear."""
    edit = Editor(model)
    dequantized = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "DequantizeLinear"}
    for node in model.graph.node:
        position = (_CONVOLUTIONS | _MATRICES).get(node.op_type)
        if position is None:
            continue
        name = dequantized.get(node.input[position], node.input[position])
        value = edit.constant(name)
        if value is None or value.ndim < 2:
            continue
        layer = node.name or node.output[0]
        if node.op_type in _CONVOLUTIONS:
            depthwise = value.shape[1] == 1 and edit.attribute(node, "group", 1) == len(value)
            yield Product(layer, name, 0, np.moveaxis(value, 1, -1).reshape(len(value), -1), depthwise)
        else:
            axis = 0 if edit.attribute(node, "transB", 0) else value.ndim - 1
            yield Product(layer, name, axis, np.moveaxis(value, axis, 0).reshape(value.shape[axis], -1), False)
