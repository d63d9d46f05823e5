"""Gemm without its factors and with a bias of one dimension, for ONNX Runtime's quantizer drops or refuses others."""

from __future__ import annotations

import numpy as np
import onnx

from edgeseg.quantize.passes.edit import Editor

__all__ = ["flatten_biases", "has_factors", "take_factors_in"]

_FACTORS = ("alpha", "beta")


def take_factors_in(model: onnx.ModelProto) -> None:
    """Multiply, in place, the constants of every Gemm by its factors, unless one is computed."""
    edit = Editor(model)
    for node in [node for node in model.graph.node if has_factors(node)]:
        factors = [edit.attribute(node, name, 1.0) for name in _FACTORS]
        values = [value for name in node.input[1:] if (value := edit.constant(name)) is not None]
        if len(values) < len(node.input) - 1:
            continue
        scaled = [np.asarray(value * factor, value.dtype) for value, factor in zip(values, factors, strict=False)]
        node.input[1:] = [edit.add_constant(f"{node.output[0]}_scaled", value) for value in scaled]
        edit.drop_attributes(node, *_FACTORS)


def flatten_biases(model: onnx.ModelProto) -> None:
    """Make, in place, biases (1, N) of Gemms ones of N, the one shape that ONNX Runtime's quantizer takes."""
    edit = Editor(model)
    for node in model.graph.node:
        bias = edit.constant(node.input[2]) if node.op_type == "Gemm" and len(node.input) > 2 else None
        if bias is not None and bias.ndim == 2 and len(bias) == 1:
            node.input[2] = edit.add_constant(f"{node.output[0]}_bias", bias[0])


def has_factors(node: onnx.NodeProto) -> bool:
    """Whether a node is a Gemm that multiplies a product or a sum by something."""
    return node.op_type == "Gemm" and any(each.name in _FACTORS and each.f != 1 for each in node.attribute)
