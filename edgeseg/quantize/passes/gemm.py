"""Gemm without its factors, which ONNX Runtime's quantizer drops or does not know of."""

from __future__ import annotations

import numpy as np
import onnx

from edgeseg.quantize.passes.edit import Editor

__all__ = ["has_factors", "take_factors_in"]

_FACTORS = ("alpha", "beta")


def take_factors_in(model: onnx.ModelProto) -> int:
    """Multiply, in place, the constants of every Gemm by its factors, unless one is computed; returns how many."""
    edit, done = Editor(model), 0
    for node in [node for node in model.graph.node if has_factors(node)]:
        factors = [edit.attribute(node, name, 1.0) for name in _FACTORS]
        values = [value for name in node.input[1:] if (value := edit.constant(name)) is not None]
        if len(values) < len(node.input) - 1:
            continue
        scaled = [np.asarray(value * factor, value.dtype) for value, factor in zip(values, factors, strict=False)]
        node.input[1:] = [edit.add_constant(f"{node.output[0]}_scaled", value) for value in scaled]
        kept = [attribute for attribute in node.attribute if attribute.name not in _FACTORS]
        del node.attribute[:]
        node.attribute.extend(kept)
        done += 1
    return done


def has_factors(node: onnx.NodeProto) -> bool:
    """Whether a node is a Gemm that multiplies a product or a sum by something."""
    return node.op_type == "Gemm" and any(each.name in _FACTORS and each.f != 1 for each in node.attribute)
