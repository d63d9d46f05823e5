"""Operators that a quantized TFLite file holds in float although LiteRT has them in int8.

ai-edge-quantizer leaves an operator that it does not know in float, between a DEQUANTIZE and a QUANTIZE. Where there is
an int8 kernel with a scale of its own on either side, the three are that one. Where its result is wanted in further
scales, it is requantized to them. An arg-max needs no scale at all: it is the integers'.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from ai_edge_litert import schema_py_generated as schema

__all__ = ["join_islands"]

_Builtin = schema.BuiltinOperator
_INT8_SINCE = {_Builtin.ELU: 1, _Builtin.LEAKY_RELU: 2}
"""Operators of one input, with the version that first had an int8 kernel."""

_ARG_MAX_SINCE = 2


def join_islands(model: Any) -> None:
    """Let, in place, such operators of a model in the schema's object form compute in int8."""
    for graph in model.subgraphs:
        _join(graph, model.operatorCodes)
        _compare_integers(graph, model.operatorCodes)


class _Uses:
    """Who writes and who reads the tensors of a graph."""

    def __init__(self, graph: Any, codes: list[Any]) -> None:
        self._tensors = graph.tensors
        self._kinds = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in codes]
        self._outputs = {int(tensor) for tensor in graph.outputs}
        self._writers = {int(tensor): op for op in graph.operators for tensor in op.outputs}
        self._readers: defaultdict[int, list[Any]] = defaultdict(list)
        for op in graph.operators:
            for tensor in op.inputs:
                self._readers[int(tensor)].append(op)

    def kind(self, op: Any) -> int:
        return int(self._kinds[op.opcodeIndex])

    def dequantized(self, op: Any) -> Any | None:
        """The DEQUANTIZE of int8 values that gives an operator its first input."""
        before = self._writers.get(int(op.inputs[0]))
        if before is None or self.kind(before) != _Builtin.DEQUANTIZE or not self._is_int8(before.inputs[0]):
            return None
        return before

    def quantized(self, op: Any) -> list[Any]:
        """The QUANTIZEs to int8 values that an operator's result goes to, if to nothing else."""
        result = int(op.outputs[0])
        after = self._readers[result]
        is_all = result not in self._outputs and all(
            self.kind(each) == _Builtin.QUANTIZE and self._is_int8(each.outputs[0]) for each in after
        )
        return after if is_all else []

    def release(self, op: Any, before: Any) -> bool:
        """Note that an operator reads another's result no more; whether nothing does."""
        result = int(before.outputs[0])
        self._readers[result].remove(op)
        return not self._readers[result] and result not in self._outputs

    def _is_int8(self, tensor: int) -> bool:
        return bool(self._tensors[tensor].type == schema.TensorType.INT8)


def _join(graph: Any, codes: list[Any]) -> None:
    uses, gone = _Uses(graph, codes), set()
    for op in graph.operators:
        since = _INT8_SINCE.get(uses.kind(op))
        before = uses.dequantized(op) if since else None
        after = uses.quantized(op) if before else []
        if not since or not before or not after:
            continue
        first, *others = after
        if uses.release(op, before):
            gone.add(id(before))
        gone.add(id(first))
        op.inputs, op.outputs = [*before.inputs], [*first.outputs]
        for other in others:
            other.inputs = [*first.outputs]
        _need(codes[op.opcodeIndex], since)
    graph.operators = [op for op in graph.operators if id(op) not in gone]


def _compare_integers(graph: Any, codes: list[Any]) -> None:
    """Let arg-maxima of dequantized tensors read the integers."""
    uses, gone = _Uses(graph, codes), set()
    for op in graph.operators:
        before = uses.dequantized(op) if uses.kind(op) == _Builtin.ARG_MAX else None
        if before is None:
            continue
        if uses.release(op, before):
            gone.add(id(before))
        op.inputs = [before.inputs[0], *op.inputs[1:]]
        _need(codes[op.opcodeIndex], _ARG_MAX_SINCE)
    graph.operators = [op for op in graph.operators if id(op) not in gone]


def _need(code: Any, version: int) -> None:
    code.version = max(version, code.version)
