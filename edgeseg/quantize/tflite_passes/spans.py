"""Operators of a TFLite model that stay in float because no even steps hold what is between them.

`quantize/even_steps.py` says what that is; with the places in a map goes how far a value lies from them. In addition an
exponential spans so many decades that 256 even steps keep none but the largest values, which a logarithm, a quotient or
a choice between branches behind it may be the only ones not to want. Of a divisor that rounds to zero LiteRT's int8 DIV
gives up, and a quotient in float is infinite. LiteRT has no fast int8 kernels for these, so that float costs little.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgeseg.quantize.even_steps import FAR, MANY
from edgeseg.quantize.tflite_passes.edit import Editor, Op

__all__ = ["float_spans"]

_ENDS = {Op.DIV, Op.LOG, Op.MINIMUM, Op.SELECT, Op.SELECT_V2}
"""Behind an exponential: what they give has an ordinary range again."""
_BEHIND = {*_ENDS, Op.ADD, Op.MUL, Op.NEG, Op.SUB, Op.SUM}
_TWO = {Op.ADD, Op.MINIMUM, Op.MUL}
"""They lead back to a divisor only where one side is constant or both are the same; else they join networks."""
_BEFORE = {
    *_TWO,
    Op.ABS,
    Op.BATCH_MATMUL,
    Op.BROADCAST_TO,
    Op.EXPAND_DIMS,
    Op.MAXIMUM,
    Op.MEAN,
    Op.POW,
    Op.REDUCE_MAX,
    Op.RESHAPE,
    Op.RSQRT,
    Op.SLICE,
    Op.SPLIT,
    Op.SPLIT_V,
    Op.SQRT,
    Op.SQUARE,
    Op.SQUARED_DIFFERENCE,
    Op.STRIDED_SLICE,
    Op.SUB,
    Op.SUM,
    Op.TRANSPOSE,
}
_VIEWS = {
    Op.BROADCAST_TO,
    Op.CONCATENATION,
    Op.EXPAND_DIMS,
    Op.PACK,
    Op.RESHAPE,
    Op.SLICE,
    Op.SPLIT,
    Op.SQUEEZE,
    Op.STRIDED_SLICE,
    Op.TRANSPOSE,
    Op.UNPACK,
}
_OF_PLACES = {*_VIEWS, Op.ADD, Op.DIV, Op.FLOOR, Op.MAXIMUM, Op.MINIMUM, Op.MUL, Op.RELU, Op.ROUND, Op.SUB}
_POWERS = {Op.POW, Op.SQUARE}
_OF_POWERS = {*_POWERS, Op.ADD, Op.MUL}
_SELECTS = {Op.SELECT, Op.SELECT_V2}
_MASKS = {Op.ADD, *_SELECTS}
_NORMALIZING = {Op.MUL, Op.SUB}
_LIMITS = {Op.MAXIMUM, Op.MINIMUM}
_BESIDE = {*_NORMALIZING, Op.SQUARED_DIFFERENCE}
"""What centres and scales by a statistic."""


def float_spans(model: Any) -> list[Any]:
    """The operators of the first subgraph, in the order of execution, that quantizing would spoil in this way."""
    return _Spans(model).found()


class _Spans:
    def __init__(self, model: Any) -> None:
        self._look = Editor(model)
        self._operators = model.subgraphs[0].operators
        self._writers = {int(index): op for op in self._operators for index in op.outputs}
        self._readers: dict[int, list[Any]] = {}
        for op in self._operators:
            for index in op.inputs:
                self._readers.setdefault(int(index), []).append(op)
        self._held: dict[int, Any] = {}

    def found(self) -> list[Any]:
        for op in self._look.operators(Op.EXP):
            self._forwards(op, _BEHIND)
        for op in self._look.operators(Op.LOG):
            self._backwards(op.inputs[0])
        for op in self._look.operators(Op.RSQRT):
            self._held[id(op)] = op
            self._forwards(op, _NORMALIZING | _LIMITS, ends=())
            self._centring(op)
            self._backwards(op.inputs[0])
        for op in self._look.operators(Op.DIV):
            if not self._look.is_constant(op.inputs[1]):
                self._held[id(op)] = op
                self._backwards(op.inputs[1])
        for op in self._look.operators(Op.TANH):
            self._powers(op)
        self._places()
        for op in self._look.operators(Op.SOFTMAX):
            self._masked(op)
            if self._look.tensor(op.inputs[0]).shape[-1] > MANY:
                self._held[id(op)] = op
        return [op for op in self._operators if id(op) in self._held]

    def _forwards(self, op: Any, kinds: Collection[int], ends: Collection[int] = _ENDS) -> None:
        for reader in self._readers_of(op):
            if self._look.kind(reader) in kinds and id(reader) not in self._held:
                self._held[id(reader)] = reader
                if self._look.kind(reader) not in ends:
                    self._forwards(reader, kinds, ends)

    def _backwards(self, index: int) -> None:
        op = self._writers.get(int(index))
        if op is None or id(op) in self._held or self._look.kind(op) not in _BEFORE:
            return
        given = {int(i) for i in op.inputs if i >= 0 and not self._look.is_constant(i)}
        if self._look.kind(op) in _TWO and len(given) > 1:
            return
        self._held[id(op)] = op
        for reader in self._readers_of(op):
            if self._look.kind(reader) in _BESIDE:
                self._held[id(reader)] = reader
        for each in given:
            self._backwards(each)

    def _centring(self, op: Any) -> None:
        """A sum of a scaled map and its scaled mean, as a normalization may be written, and what leads to both."""
        scaled = _reached(op, self._scaled)
        for total in self._look.operators(Op.ADD):
            if all(id(self._writers.get(int(index))) in scaled for index in total.inputs):
                self._held |= _reached(total, lambda each: [one for one in self._before(each) if id(one) in scaled])

    def _scaled(self, op: Any) -> list[Any]:
        return [reader for reader in self._readers_of(op) if self._look.kind(reader) in _NORMALIZING | _VIEWS]

    def _before(self, op: Any) -> list[Any]:
        return [self._writers[int(index)] for index in op.inputs if int(index) in self._writers]

    def _places(self) -> None:
        """What becomes integers, and what is computed of that alone."""
        found: set[int] = set()
        waiting = [int(op.inputs[0]) for op in self._look.operators(Op.CAST) if self._is_float(op.inputs[0])]
        while waiting:
            op = self._writers.get(waiting.pop())
            if op is not None and id(op) not in found and self._look.kind(op) in _OF_PLACES:
                found.add(id(op))
                waiting += (int(index) for index in op.inputs if index >= 0)
        for op in self._operators:
            if self._look.kind(op) in _OF_PLACES | _SELECTS and self._is_float(op.outputs[0]):
                before = [self._writers.get(int(index)) for index in op.inputs if self._is_float(index)]
                if any(before) and all(each is None or id(each) in found for each in before):
                    found.add(id(op))
            if id(op) in found:
                self._held[id(op)] = op

    def _powers(self, tanh: Any) -> None:
        """A tanh of some x and a power of it alone, and what is computed of them: x + 0.044715 x^3, by factors."""
        before, _ = self._back(tanh.inputs[0])
        powers = [op for op in before if self._look.kind(op) in _POWERS or op.inputs[0] == op.inputs[-1]]
        for x in {int(op.inputs[0]) for op in powers}:
            passed, given = self._back(tanh.inputs[0], x)
            if given == {x}:
                self._held.update({id(op): op for op in (*passed, tanh)})

    def _back(self, index: int, end: int | None = None) -> tuple[list[Any], set[int]]:
        """The sums, products and powers that give a tensor, from `end` on, and what those take besides constants."""
        waiting, passed, given = [int(index)], dict[int, Any](), set[int]()
        while waiting:
            each = waiting.pop()
            op = self._writers.get(each)
            if each == end or op is None or self._look.kind(op) not in _OF_POWERS:
                given |= set() if self._look.is_constant(each) else {each}
            elif id(op) not in passed:
                passed[id(op)] = op
                waiting += map(int, op.inputs)
        return list(passed.values()), given

    def _masked(self, softmax: Any) -> None:
        """A softmax and the mask before it."""
        passed, op = [softmax], self._writers.get(int(softmax.inputs[0]))
        while op is not None and self._look.kind(op) in _VIEWS:
            passed, op = [*passed, op], self._writers.get(int(op.inputs[0]))
        if op is None or self._look.kind(op) not in _MASKS:
            return
        constants = [self._look.constant(index) for index in op.inputs if self._is_float(index)]
        if any(each is not None and each.min() < FAR for each in constants):
            self._held.update({id(each): each for each in (*passed, op)})

    def _is_float(self, index: int) -> bool:
        return bool(index >= 0 and self._look.tensor(index).type == schema.TensorType.FLOAT32)

    def _readers_of(self, op: Any) -> Iterator[Any]:
        return (reader for index in op.outputs for reader in self._readers.get(int(index), []))


def _reached(start: Any, step: Callable[[Any], Iterable[Any]]) -> dict[int, Any]:
    """An operator, and all that steps from it lead to, by their identities."""
    found, waiting = dict[int, Any](), [start]
    while waiting:
        op = waiting.pop()
        if id(op) not in found:
            found[id(op)] = op
            waiting += step(op)
    return found
