"""Operators whose int8 form takes longer than their float form and the conversions that this one would need."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import TypeAlias

from edgeseg.bench.profiles.operators import Profile
from edgeseg.core.graph import PART_OF, Graph, Node

__all__ = ["Loss", "conversion_ms", "find_losses", "float_name"]

_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear", "QUANTIZE", "DEQUANTIZE"})
_FOLLOWING = frozenset({"BatchNormalization", "Clip", "LeakyRelu", "Relu"})
"""What runtimes fuse into the operator before."""
_PREFIX = re.compile(rf"^([a-z_]+_\d+{PART_OF})+")
_SUFFIX = re.compile(r"(_quantized|_QuantizeLinear(_Output|_Input)?|_DequantizeLinear_Output)$")
_CONVERSION_MS = 3e-7
"""Of an element, between float and int8, on one thread. A guess for choosing what to try; measuring decides."""
_MARGIN = 1.15
_LEAST_MS = 0.02
"""By how much an int8 kernel must be slower, as a factor and in time, to count."""


_Neighbours: TypeAlias = Mapping[str, Mapping[str, Mapping[str, int]]]
"""By the ends of two groups: the tensors in between, by name, with their elements."""


@dataclass(frozen=True)
class Loss:
    """Neighbouring operators, named by the tensors that they give, and what a run would gain with them in float."""

    tensors: tuple[str, ...]
    gain_ms: float


def find_losses(int8: Profile, floating: Profile, int8_graph: Graph, float_graph: Graph) -> tuple[Loss, ...]:
    """Groups of neighbours that would be faster in float by the profiles of both files, the greatest gain first."""
    ends = _ends(float_graph)
    in_int8, in_float = (
        _times(profile, ends, arithmetic) for profile, arithmetic in ((int8, "int8"), (floating, "float"))
    )
    names: defaultdict[str, list[str]] = defaultdict(list)
    for name in _computed(int8_graph):
        names[ends.get(name, name)].append(name)
    slow = {
        end: in_int8[end] - ms
        for end, ms in in_float.items()
        if end in names and in_int8.get(end, 0.0) > max(_MARGIN * ms, ms + _LEAST_MS)
    }
    around = _neighbours(int8_graph, ends)
    losses = [
        Loss(tuple(name for end in group for name in names[end]), _gain_ms(group, slow, around))
        for group in _groups(slow, around)
    ]
    return tuple(sorted((loss for loss in losses if loss.gain_ms > 0), key=lambda loss: -loss.gain_ms))


def _times(profile: Profile, ends: Mapping[str, str], arithmetic: str) -> dict[str, float]:
    """Time by the tensor that a fused group of operators ends in, of the kernels that compute so."""
    found: defaultdict[str, float] = defaultdict(float)
    for operator in profile.operators:
        if operator.op and operator.arithmetic == arithmetic:
            name = float_name(operator.tensor)
            found[ends.get(name, name)] += operator.ms
    return found


def float_name(tensor: str) -> str:
    """What a tensor of a quantized file was called in the float file, or that of which it is a part."""
    return _SUFFIX.sub("", _PREFIX.sub("", tensor))


def _ends(graph: Graph) -> dict[str, str]:
    """Every tensor -> the one that the operators behind it, which runtimes fuse with its writer, end in."""
    readers: defaultdict[str, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        for tensor in node.inputs:
            readers[tensor.name].append(node)
    ends: dict[str, str] = {}
    for node in reversed(graph.nodes):
        for tensor in node.outputs:
            after = readers[tensor.name]
            fused = len(after) == 1 and after[0].op in _FOLLOWING
            ends[tensor.name] = ends[after[0].outputs[0].name] if fused else tensor.name
    return ends


def _computed(graph: Graph) -> Iterator[str]:
    return (float_name(node.outputs[0].name) for node in graph.nodes if node.op not in _CONVERSIONS)


def _neighbours(graph: Graph, ends: Mapping[str, str]) -> _Neighbours:
    """Of every fused group, by its end, those that it reads from or that read it, and the tensors in between."""
    writer = {tensor.name: node for node in graph.nodes for tensor in node.outputs}  # In a file, in any order.

    def origin(tensor: str) -> Node | None:
        node = writer.get(tensor)
        return origin(node.inputs[0].name) if node is not None and node.op in _CONVERSIONS else node

    around: defaultdict[str, defaultdict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for node in graph.nodes:
        for tensor in node.inputs if node.op not in _CONVERSIONS else ():
            if (other := origin(tensor.name)) is not None:
                names = (float_name(each.outputs[0].name) for each in (node, other))
                one, two = (ends.get(name, name) for name in names)
                if one != two:
                    read = float_name(tensor.name)
                    around[one][two][read] = around[two][one][read] = abs(prod(tensor.shape))
    return around


def _groups(slow: Iterable[str], around: _Neighbours) -> Iterator[list[str]]:
    left = set(slow)
    while left:
        group = [left.pop()]
        for name in group:
            beside = sorted(left.intersection(around.get(name, ())))
            left.difference_update(beside)
            group += beside
        yield sorted(group)


def _gain_ms(group: list[str], slow: Mapping[str, float], around: _Neighbours) -> float:
    beyond = (between for end in group for other, between in around.get(end, {}).items() if other not in group)
    elements = {tensor: count for between in beyond for tensor, count in between.items()}
    return sum(slow[end] for end in group) - conversion_ms(sum(elements.values()))


def conversion_ms(elements: int) -> float:
    """About what it takes to convert so many elements between float and int8."""
    return elements * _CONVERSION_MS
