"""What an int8 file leaves in float, as a runtime runs it: which operators, why, and what that costs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from edgeseg.bench.profiles.operators import Operator, Profile
from edgeseg.core.graph import Graph, Node

__all__ = ["Island", "find_islands"]

_QUANTIZE = frozenset({"QuantizeLinear", "QUANTIZE"})
_DEQUANTIZE = frozenset({"DequantizeLinear", "DEQUANTIZE"})
_CONVERSIONS = _QUANTIZE | _DEQUANTIZE
_FLOATS = frozenset({"float32", "float16", "float64", "bfloat16"})

_ASKED = "left in float as asked"
_NO_KERNEL = "no int8 kernel"
_GIVEN = "what it reads is float"
_NEEDED = "what it gives is needed in float"
_UNUSED_KERNEL = "the runtime computes it in float, between integers"
_RUNTIME = "added by the runtime"
_RESCALED = "from one int8 scale to another"
_ENDS = "at the file's input or output"


@dataclass(frozen=True)
class Island:
    """Operators of one kind in float for one reason: their time a run, and that of the conversions beside them.

    An island of conversions alone has no `ms`.
    """

    op: str
    why: str
    count: int
    ms: float
    conversion_ms: float


def find_islands(
    profile: Profile, graph: Graph, asked: Collection[str] = (), int8: Collection[str] | None = None
) -> tuple[Island, ...]:
    """The islands of an int8 file, the dearest first.

    Args:
        profile: Of the file.
        graph: Of the file.
        asked: Tensors whose operators were left in float on purpose.
        int8: Operators that have an int8 kernel; by default any that reads and gives int8 through conversions.
    """
    around = _Around(graph)
    counts: Counter[tuple[str, str]] = Counter()
    floats: defaultdict[tuple[str, str], float] = defaultdict(float)
    conversions: defaultdict[tuple[str, str], float] = defaultdict(float)
    for operator in profile.operators:
        node = around.node(operator)
        if operator.arithmetic == "float":
            kind = _kind(operator, node, around, asked, int8)
            counts[kind] += 1
            floats[kind] += operator.ms
        elif operator.arithmetic == "conversion":
            island = next(around.floats(node), None) if node else None
            place = _RESCALED if node and not _has_float(node) else _ENDS
            kind = _kind(operator, island, around, asked, int8) if island else (operator.op or operator.kernel, place)
            counts[kind] += island is None
            conversions[kind] += operator.ms
    found = [Island(*kind, max(count, 1), floats[kind], conversions[kind]) for kind, count in counts.items()]
    return tuple(sorted(found, key=lambda island: -(island.ms + island.conversion_ms)))


def _kind(
    operator: Operator, node: Node | None, around: _Around, asked: Collection[str], int8: Collection[str] | None
) -> tuple[str, str]:
    """An operator and why it is in float."""
    if node is None:
        return operator.kernel, _RUNTIME
    if any(tensor.name in asked for tensor in node.outputs):
        return node.op, _ASKED
    if int8 is not None and node.op not in int8:
        return node.op, _NO_KERNEL
    if not around.reads_int8(node):
        return node.op, _GIVEN
    if not around.becomes_int8(node):
        return node.op, _NEEDED
    return node.op, _NO_KERNEL if int8 is None else _UNUSED_KERNEL


class _Around:
    """Who writes and who reads each tensor of a file."""

    def __init__(self, graph: Graph) -> None:
        self._writer = {tensor.name: node for node in graph.nodes for tensor in node.outputs}
        self._readers: dict[str, list[Node]] = {}
        self._outputs = {tensor.name for tensor in graph.outputs}
        for node in graph.nodes:
            for tensor in node.inputs:
                self._readers.setdefault(tensor.name, []).append(node)

    def node(self, operator: Operator) -> Node | None:
        return self._writer.get(operator.tensor) if operator.op else None

    def floats(self, node: Node) -> Iterator[Node]:
        """The operators that are no conversions on the float side of one."""
        if node.op in _DEQUANTIZE:
            beside = [reader for tensor in node.outputs for reader in self._readers.get(tensor.name, ())]
        else:
            beside = [self._writer[tensor.name] for tensor in node.inputs[:1] if tensor.name in self._writer]
        return (each for each in beside if each.op not in _CONVERSIONS and _has_float(each))

    def reads_int8(self, node: Node) -> bool:
        """Whether all that it reads, constants aside, was dequantized."""
        computed = [tensor for tensor in node.inputs if tensor.dtype in _FLOATS and not tensor.constant]
        writers = [self._writer.get(tensor.name) for tensor in computed]
        return all(writer is not None and writer.op in _DEQUANTIZE for writer in writers)

    def becomes_int8(self, node: Node) -> bool:
        """Whether nothing but the quantized form of what it gives is read."""
        given = [tensor.name for tensor in node.outputs]
        readers = [reader for name in given for reader in self._readers.get(name, ())]
        return not self._outputs.intersection(given) and all(reader.op in _QUANTIZE for reader in readers)


def _has_float(node: Node) -> bool:
    return any(tensor.dtype in _FLOATS for tensor in (*node.inputs[:1], *node.outputs))
