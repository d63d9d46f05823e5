"""Operators that a quantized TFLite file holds in float although LiteRT has them in int8.

ai-edge-quantizer leaves an operator that it does not know in float, between a DEQUANTIZE and a QUANTIZE. Where there is
an int8 kernel with a scale of its own on either side, the three are that one. Where its result is wanted in further
scales, it is requantized to them. An arg-max needs no scale at all: it is the integers'.
"""

from __future__ import annotations

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgeseg.quantize.tflite_passes.edit import Editor, Op

__all__ = ["join_islands"]

_INT8_SINCE = {Op.ELU: 1, Op.LEAKY_RELU: 2}
"""Operators of one input, with the version that first had an int8 kernel."""

_ARG_MAX_SINCE = 2


def join_islands(model: Any) -> None:
    """Let, in place, such operators of a model in the schema's object form compute in int8."""
    for subgraph in range(len(model.subgraphs)):
        edit = Editor(model, subgraph)
        for op in edit.operators(*_INT8_SINCE):
            _join(edit, op)
        for op in edit.operators(Op.ARG_MAX):
            _compare_integers(edit, op)


def _join(edit: Editor, op: Any) -> None:
    before, after = _dequantized(edit, op), _quantized(edit, op)
    if before is None or not after:
        return
    first, *others = after
    op.inputs, op.outputs = [*before.inputs], [*first.outputs]
    for other in others:
        other.inputs = [*first.outputs]
    edit.remove(first)
    _release(edit, before)
    edit.need_version(op, _INT8_SINCE[edit.kind(op)])


def _compare_integers(edit: Editor, op: Any) -> None:
    """Let an arg-max of a dequantized tensor read the integers."""
    before = _dequantized(edit, op)
    if before is not None:
        op.inputs = [before.inputs[0], *op.inputs[1:]]
        _release(edit, before)
        edit.need_version(op, _ARG_MAX_SINCE)


def _dequantized(edit: Editor, op: Any) -> Any | None:
    """The DEQUANTIZE of int8 values that gives an operator its first input."""
    before = edit.writer(op.inputs[0])
    if before is None or edit.kind(before) != Op.DEQUANTIZE or not _is_int8(edit, before.inputs[0]):
        return None
    return before


def _quantized(edit: Editor, op: Any) -> list[Any]:
    """The QUANTIZEs to int8 values that an operator's result goes to, if to nothing else."""
    after = edit.readers(op.outputs[0])
    is_all = not edit.is_output(op.outputs[0]) and all(
        edit.kind(each) == Op.QUANTIZE and _is_int8(edit, each.outputs[0]) for each in after
    )
    return after if is_all else []


def _release(edit: Editor, op: Any) -> None:
    """Take an operator out if nothing reads its result any more."""
    if edit.unread(op.outputs[0]):
        edit.remove(op)


def _is_int8(edit: Editor, index: int) -> bool:
    return bool(edit.tensor(index).type == schema.TensorType.INT8)
