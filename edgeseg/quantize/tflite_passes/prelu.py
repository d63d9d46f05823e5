"""PRELU of a single slope as LEAKY_RELU, which XNNPACK computes in int8; PRELU it does in float only."""

from __future__ import annotations

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgeseg.quantize.tflite_passes.edit import Editor, Op

__all__ = ["share_slopes"]


def share_slopes(model: Any) -> int:
    """Replace, in place, every PRELU of a float model whose constant slopes are one number; returns how many."""
    edit, done = Editor(model), 0
    for op in edit.operators(Op.PRELU):
        slopes = edit.constant(op.inputs[1])
        if slopes is None or not slopes.size or (slopes != slopes.flat[0]).any():
            continue
        options = schema.LeakyReluOptionsT()
        options.alpha = float(slopes.flat[0])
        edit.replace(op, edit.operator(Op.LEAKY_RELU, [op.inputs[0]], op.outputs, options))
        done += 1
    return done
