"""Sums and differences that almost cancel, in a TFLite file.

LiteRT's kernels bring both addends to twice the larger one's scale over 2**20, and abort the process where the result's
scale is finer than that. What lies so far below the addends is their rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

__all__ = ["with_wide_sums"]

_FINEST = 2.0**-18
"""Of the larger addend's range; half as much aborts."""
_SUMS = (schema.BuiltinOperator.ADD, schema.BuiltinOperator.SUB)


def with_wide_sums(path: Path, ranges: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """The ranges of a float file's tensors, those of its sums widened at the upper end where LiteRT needs it."""
    model, wide = flatbuffer_utils.read_model(str(path)), dict(ranges)
    for graph in model.subgraphs:
        names = [tensor.name.decode() for tensor in graph.tensors]
        for op in graph.operators:
            code = model.operatorCodes[op.opcodeIndex]
            result = names[op.outputs[0]]
            if max(code.builtinCode, code.deprecatedBuiltinCode) not in _SUMS or result not in wide:
                continue
            given = [wide[names[i]] for i in op.inputs if names[i] in wide]
            least = _FINEST * max((high - low for low, high in given), default=0.0)
            low, high = wide[result]
            wide[result] = low, max(high, low + least)
    return wide
