"""The kernels that a runtime ran, each with the operator of the file that it computes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

from edgeseg.core.graph import Graph, Node
from edgeseg.core.profile import Arithmetic, Kernel, Trace

__all__ = ["Operator", "Profile", "Total", "profile_of"]

_FLOATS = frozenset({"float32", "float16", "float64", "bfloat16"})
_INTS = frozenset({"int8", "uint8"})
_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear", "QUANTIZE", "DEQUANTIZE"})

_RENAMED = re.compile(r"^fused |(_token_\d+|_nchwc|/duplicated)+$")
"""What ONNX Runtime's optimizer puts around the name of a node or tensor of the file."""

_KINDS = {
    "averagepool": "pool",
    "averagepooling": "pool",
    "batchmatmul": "product",
    "batchmatrixmultiply": "product",
    "concatenation": "copy",
    "constantpad": "pad",
    "conv": "product",
    "convert": "convert",
    "convolution": "product",
    "depthwiseconv": "product",
    "dequantize": "convert",
    "div": "divide",
    "fullyconnected": "product",
    "globalaveragepooling": "pool",
    "logistic": "sigmoid",
    "maxpool": "pool",
    "maxpooling": "pool",
    "mean": "pool",
    "mul": "multiply",
    "quantize": "convert",
    "relu": "clamp",
    "reshape": "copy",
    "split": "copy",
    "splitv": "copy",
    "stridedslice": "slice",
    "sub": "subtract",
    "transposeconv": "deconvolution",
}
"""Words for operators, in a TFLite file and in XNNPACK, where they differ for what may be the same."""


@dataclass(frozen=True)
class Operator:
    """One kernel: `ms` a run, the file's operator that it computes and the first tensor which that one gives.

    Both are empty for what a runtime adds and that belongs to no operator of the file.
    """

    kernel: str
    arithmetic: Arithmetic
    ms: float
    op: str = ""
    tensor: str = ""


@dataclass(frozen=True)
class Total:
    """All kernels of one kind and arithmetic."""

    kernel: str
    arithmetic: Arithmetic
    count: int
    ms: float


@dataclass(frozen=True)
class Profile:
    """Time by operator, in the order in which they ran; `run_ms` is that of a whole run with the profiler on.

    All times are medians over `runs`.
    """

    name: str
    runtime: str
    threads: int
    runs: int
    run_ms: float
    operators: tuple[Operator, ...]

    def by_cost(self) -> tuple[Operator, ...]:
        """The dearest first."""
        return tuple(sorted(self.operators, key=lambda operator: -operator.ms))

    def totals(self) -> tuple[Total, ...]:
        """By kind of kernel, the dearest first."""
        groups: dict[tuple[str, Arithmetic], list[float]] = {}
        for operator in self.operators:
            groups.setdefault((operator.kernel, operator.arithmetic), []).append(operator.ms)
        found = (Total(*kind, len(times), sum(times)) for kind, times in groups.items())
        return tuple(sorted(found, key=lambda total: -total.ms))

    def share_percent(self, ms: float) -> float:
        """Of a time in the time of all operators."""
        return 100 * ms / (sum(operator.ms for operator in self.operators) or 1)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Profile:
        """Read what `to_json` wrote."""
        return cls(**{**values, "operators": tuple(Operator(**operator) for operator in values["operators"])})


def profile_of(trace: Trace, graph: Graph | None, *, name: str, runtime: str, threads: int, runs: int) -> Profile:
    """Say of every kernel which operator of the file it computes; without a graph the runtime's own names stand.

    XNNPACK tells its kernels in their order, but not of which operators they are: there a kernel goes to the operator
    of the same kind in the same order, and what fits none to the next that does.
    """
    if graph is None:
        nodes: Iterable[Node | None] = [None] * len(trace.kernels)
    elif graph.format == "onnx":
        nodes = _by_name(trace.kernels, graph)
    else:
        nodes = _by_order(trace.kernels, graph)
    operators = tuple(_operator(kernel, node) for kernel, node in zip(trace.kernels, nodes, strict=True))
    return Profile(name, runtime, threads, runs, trace.run_ms, operators)


def _operator(kernel: Kernel, node: Node | None) -> Operator:
    arithmetic = kernel.arithmetic or (_arithmetic(node) if node else "other")
    if node is None:
        return Operator(kernel.op, arithmetic, kernel.ms, tensor=kernel.name)
    return Operator(kernel.op, arithmetic, kernel.ms, node.op, node.outputs[0].name)


def _arithmetic(node: Node) -> Arithmetic:
    kinds = {tensor.dtype for tensor in (*node.inputs, *node.outputs)}
    if node.op in _CONVERSIONS:
        return "conversion"
    return "float" if kinds & _FLOATS else "int8" if kinds & _INTS else "other"


def _by_name(kernels: Iterable[Kernel], graph: Graph) -> Iterator[Node | None]:
    """A kernel of ONNX Runtime bears the name of the file's node, or of the tensor that it gives, or one of its own."""
    known = {tensor.name: node for node in graph.nodes for tensor in node.outputs if tensor.name}
    known |= {node.name: node for node in graph.nodes if node.name}
    return (known.get(kernel.name) or known.get(_RENAMED.sub("", kernel.name)) for kernel in kernels)


def _by_order(kernels: tuple[Kernel, ...], graph: Graph) -> list[Node | None]:
    """Kernels outside of delegates name their operator; each delegate ran every other operator that it could."""
    alone = {kernel.index for kernel in kernels if kernel.index is not None}
    needs = _needs(graph, alone)
    found: list[Node | None] = [graph.nodes[kernel.index] if kernel.index is not None else None for kernel in kernels]
    left = [index for index in range(len(graph.nodes)) if index not in alone]
    for part in dict.fromkeys(kernel.part for kernel in kernels if kernel.part is not None):
        places = [place for place, kernel in enumerate(kernels) if kernel.part == part]
        done = {kernel.index for kernel in kernels[: places[0]] if kernel.index is not None}
        members = [index for index in left if needs[index] <= done]
        left = [index for index in left if not needs[index] <= done]
        matched = _matched([kernels[place] for place in places], [graph.nodes[index] for index in members])
        for place, node in zip(places, matched, strict=True):
            found[place] = node
    return found


def _needs(graph: Graph, alone: set[int]) -> list[set[int]]:
    """Of every operator those outside of delegates that have to run before it."""
    writer: dict[str, int] = {}
    needs: list[set[int]] = []
    for index, node in enumerate(graph.nodes):
        before = {writer[tensor.name] for tensor in node.inputs if tensor.name in writer}
        needs.append((before & alone).union(*(needs[i] for i in before)))
        writer |= {tensor.name: index for tensor in node.outputs}
    return needs


def _matched(kernels: list[Kernel], nodes: list[Node]) -> list[Node | None]:
    """The node of each kernel, both in order: by kind for as many as can be, and for the rest the one that is next."""
    if not nodes:
        return [None] * len(kernels)
    ran, stored = [_kind(kernel.op) for kernel in kernels], [_kind(node.op) for node in nodes]
    common = _most_in_common(ran, stored)
    found: list[Node | None] = []
    j = 0
    for i, kind in enumerate(ran):
        if common[i + 1][j] < common[i][j]:  # It has to be matched, so that nodes may have to be passed over.
            while common[i][j + 1] == common[i][j]:
                j += 1
        found.append(nodes[min(j, len(nodes) - 1)])
        if j < len(stored) and kind == stored[j]:
            j += 1
    return found


def _most_in_common(first: list[str], second: list[str]) -> list[list[int]]:
    """At [i][j] the length of the longest common subsequence of `first` from i on and `second` from j on."""
    common = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, j in product(reversed(range(len(first))), reversed(range(len(second)))):
        if first[i] == second[j]:
            common[i][j] = 1 + common[i + 1][j + 1]
        else:
            common[i][j] = max(common[i + 1][j], common[i][j + 1])
    return common


def _kind(op: str) -> str:
    """Of an operator in a TFLite file or of a kernel in XNNPACK: `CONV_2D` and `Convolution (NHWC, F32) IGEMM`."""
    word = re.sub(r"(_2d|v2)$|[^a-z]", "", op.partition(" (")[0].lower())
    return _KINDS.get(word, word)
