"""Operators that a quantized TFLite file holds in float although LiteRT has them in int8.

ai-edge-quantizer leaves an operator that it does not know in float, between a DEQUANTIZE and a QUANTIZE. Where there is
an int8 kernel with a scale of its own on either side, the three are that one. Where its result is wanted in further
scales, it is requantized to them. An arg-max needs no scale at all: it is the integers'.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ai_edge_litert import schema_py_generated as schema

__all__ = ["join_islands"]

_Builtin = schema.BuiltinOperator
_INT8_SINCE = {_Builtin.ELU: 1, _Builtin.LEAKY_RELU: 2}
"""Operators of one input, with the version that first had an int8 kernel."""

_ARG_MAX_SINCE = 2


def join_islands(model: Any) -> int:
    """Let, in place, such operators of a model in the schema's object form compute in int8; returns how many."""
    codes = model.operatorCodes
    return sum(_join(graph, codes) + _compare_integers(graph, codes) for graph in model.subgraphs)


def _join(graph: Any, codes: list[Any]) -> int:
    kinds = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in codes]
    writers = {int(tensor): op for op in graph.operators for tensor in op.outputs}
    readers: dict[int, list[Any]] = {int(tensor): [] for tensor in graph.outputs}
    for op in graph.operators:
        for tensor in op.inputs:
            readers.setdefault(int(tensor), []).append(op)
    outputs, joined, gone = {int(tensor) for tensor in graph.outputs}, 0, set()
    for op in graph.operators:
        version = _INT8_SINCE.get(kinds[op.opcodeIndex])
        before = writers.get(int(op.inputs[0])) if version else None
        after = readers.get(int(op.outputs[0]), [])
        if before is None or not after or int(op.outputs[0]) in outputs:
            continue
        ends = [kinds[each.opcodeIndex] for each in (before, *after)]
        tensors = [int(before.inputs[0]), *(int(each.outputs[0]) for each in after)]
        if ends != [_Builtin.DEQUANTIZE, *[_Builtin.QUANTIZE] * len(after)]:
            continue
        if not _int8(graph.tensors[i] for i in tensors):
            continue
        readers[int(op.inputs[0])].remove(op)
        op.inputs, op.outputs = [tensors[0]], [tensors[1]]
        for other in after[1:]:
            other.inputs = [tensors[1]]
        codes[op.opcodeIndex].version = max(version or 1, codes[op.opcodeIndex].version)
        gone.add(id(after[0]))
        if not readers[int(before.outputs[0])] and int(before.outputs[0]) not in outputs:
            gone.add(id(before))
        joined += 1
    graph.operators = [op for op in graph.operators if id(op) not in gone]
    return joined


def _compare_integers(graph: Any, codes: list[Any]) -> int:
    """Let arg-maxima of dequantized tensors read the integers."""
    kinds = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in codes]
    writers, joined = {int(tensor): op for op in graph.operators for tensor in op.outputs}, 0
    for op in list(graph.operators):
        before = writers.get(int(op.inputs[0])) if kinds[op.opcodeIndex] == _Builtin.ARG_MAX else None
        if before is None or kinds[before.opcodeIndex] != _Builtin.DEQUANTIZE:
            continue
        if not _int8([graph.tensors[before.inputs[0]]]):
            continue
        op.inputs = [before.inputs[0], *op.inputs[1:]]
        codes[op.opcodeIndex].version = max(_ARG_MAX_SINCE, codes[op.opcodeIndex].version)
        others = (int(tensor) for other in graph.operators for tensor in other.inputs)
        if int(before.outputs[0]) not in {*others, *map(int, graph.outputs)}:
            graph.operators.remove(before)
        joined += 1
    return joined


def _int8(tensors: Iterable[Any]) -> bool:
    return all(tensor.type == schema.TensorType.INT8 for tensor in tensors)
