"""ELU and SELU from the operators that converters make of them, as ELU, which has an int8 kernel.

SELU is scale * max(x, 0) + scale * alpha * (exp(min(x, 0)) - 1), Klambauer et al., https://arxiv.org/abs/1706.02515,
which is the LEAKY_RELU of slope alpha of scale times ELU.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeseg.quantize.tflite_passes.edit import Editor, Op

__all__ = ["join_elus"]


def join_elus(model: Any) -> int:
    """Replace, in place, every such group of operators of a float model; returns how many."""
    edit = Editor(model)
    return sum(_elu(edit, op) or _selu(edit, op) for op in edit.operators(Op.EXP))


def _elu(edit: Editor, exponential: Any) -> bool:
    """MAXIMUM(x, EXP(MINIMUM(x, 0)) - 1)."""
    limit = _limit(edit, exponential)
    less = _next(edit, exponential, Op.SUB, 1.0)
    last = edit.only_reader(less) if less is not None else None
    if limit is None or less is None or last is None or edit.kind(last) != Op.MAXIMUM:
        return False
    if sorted(last.inputs) != sorted([limit.inputs[0], less.outputs[0]]):
        return False
    edit.replace(last, edit.operator(Op.ELU, [limit.inputs[0]], last.outputs))
    edit.remove(limit, exponential, less)
    return True


def _selu(edit: Editor, exponential: Any) -> bool:
    """RELU(x) * scale + (EXP(MINIMUM(x, 0)) * c - c), where c is scale * alpha."""
    limit = _limit(edit, exponential)
    times = _next(edit, exponential, Op.MUL)
    factor = None if times is None else _scalar(edit, times.inputs[1])
    less = None if times is None or factor is None else _next(edit, times, Op.SUB, factor)
    last = edit.only_reader(less) if less is not None else None
    if limit is None or times is None or less is None or last is None or edit.kind(last) != Op.ADD or factor is None:
        return False
    scaled = edit.writer(last.inputs[0] if last.inputs[1] == less.outputs[0] else last.inputs[1])
    scale = _scalar(edit, scaled.inputs[1]) if scaled is not None and edit.kind(scaled) == Op.MUL else None
    rectified = edit.writer(scaled.inputs[0]) if scaled is not None and scale else None
    if rectified is None or edit.kind(rectified) != Op.RELU or rectified.inputs[0] != limit.inputs[0] or not scale:
        return False
    inner = (rectified, scaled)
    if any(edit.only_reader(op) is None for op in inner) or factor <= 0:
        return False
    given, activation = limit.inputs[0], last.builtinOptions.fusedActivationFunction
    if activation != schema.ActivationFunctionType.NONE:
        return False
    elu, product = (edit.add_tensor(name, edit.shape(given), given) for name in ("elu", "scaled_elu"))
    slope = schema.LeakyReluOptionsT()
    slope.alpha = factor / scale
    by = edit.add_constant("selu_scale", np.array(scale, np.float32))
    edit.replace(
        last,
        edit.operator(Op.ELU, [given], [elu]),
        edit.operator(Op.MUL, [elu, by], [product], schema.MulOptionsT()),
        edit.operator(Op.LEAKY_RELU, [product], last.outputs, slope),
    )
    edit.remove(limit, exponential, times, less, *inner)
    return True


def _limit(edit: Editor, exponential: Any) -> Any | None:
    """The MINIMUM with zero that an EXP alone reads."""
    op = edit.writer(exponential.inputs[0])
    if op is None or edit.kind(op) != Op.MINIMUM or edit.only_reader(op) is None:
        return None
    return op if _scalar(edit, op.inputs[1]) == 0 else None


def _next(edit: Editor, op: Any, kind: int, constant: float | None = None) -> Any | None:
    """The operator of that kind which alone reads what another gives, with a constant beside it."""
    reader = edit.only_reader(op)
    if reader is None or edit.kind(reader) != kind or reader.inputs[0] != op.outputs[0]:
        return None
    value = _scalar(edit, reader.inputs[1])
    return reader if value is not None and constant in (None, value) else None


def _scalar(edit: Editor, index: int) -> float | None:
    value = edit.constant(index)
    return float(value.item()) if value is not None and value.size == 1 and value.dtype == np.float32 else None
