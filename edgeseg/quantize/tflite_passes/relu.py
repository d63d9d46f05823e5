"""RELU and RELU6 of int8 tensors as QUANTIZE, for which XNNPACK has a kernel and for a RELU by itself it has none.

A range that begins at zero cuts off what is below as it is requantized, and one that ends at six what is above.
"""

from __future__ import annotations

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgeseg.quantize.tflite_passes.edit import Editor, Op, scale_of

__all__ = ["requantize_rectified"]

_LEAST, _MOST = -128, 127


def requantize_rectified(model: Any) -> int:
    """Replace, in place, each such operator whose result's range has the limits itself; returns how many."""
    edit, done = Editor(model), 0
    for op in edit.operators(Op.RELU, Op.RELU6):
        given, result = (scale_of(edit.tensor(i)) for i in (op.inputs[0], op.outputs[0]))
        if given is None or result is None or result[1] != _LEAST:
            continue
        scale, zero_point = result
        if edit.kind(op) == Op.RELU6 and round(6 / scale) < _MOST - zero_point:
            continue
        edit.replace(op, edit.operator(Op.QUANTIZE, op.inputs, op.outputs, schema.QuantizeOptionsT()))
        done += 1
    return done
