"""Layers of a network, what int8 costs each in accuracy and float in time, and which go back to float first."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import log10, prod

from edgeseg.bench.profiles.losses import conversion_ms, float_name
from edgeseg.bench.profiles.operators import Profile
from edgeseg.core.graph import Graph, Node

__all__ = ["Layer", "cost_ms", "in_order", "layers_of"]

_LEAST_MS = 1e-3
"""What going back to float costs at least, so that layers that cost nothing are told apart by their noise."""


@dataclass(frozen=True)
class Layer:
    """An operator with weights, and those that follow it up to the next one.

    `tensors` are what its operators give, the first being its name. `noise` is the mean square error of the scores with
    this layer alone in int8, over their variance. `cost_ms` is what a run takes longer with it in float.
    """

    tensors: tuple[str, ...]
    noise: float
    cost_ms: float

    @property
    def name(self) -> str:
        """Of its operator with weights."""
        return self.tensors[0]

    @property
    def sqnr_db(self) -> float | None:
        """Signal to quantization noise at the scores; None where there is no noise."""
        return -10 * log10(self.noise) if self.noise > 0 else None


def layers_of(graph: Graph, weighted: Collection[str]) -> list[tuple[Node, ...]]:
    """The operators of a float file, in the order of the file, as layers; one begins with each weighted operator."""
    layers: list[list[Node]] = []
    first: list[Node] = []
    for node in graph.nodes:
        if node.op in weighted:
            layers.append([node])
        else:
            (layers[-1] if layers else first).append(node)
    if layers:
        layers[0] += first
    return [tuple(layer) for layer in layers]


def cost_ms(layer: Iterable[Node], int8: Profile, floating: Profile) -> float:
    """How much longer a layer takes in float by the profiles of both files, with conversions around it estimated."""
    nodes = tuple(layer)
    given = {tensor.name for node in nodes for tensor in node.outputs}
    read = {tensor for node in nodes for tensor in node.inputs if not tensor.constant and tensor.name not in given}
    elements = sum(abs(prod(tensor.shape)) for tensor in (*read, *nodes[-1].outputs))
    in_float, in_int8 = (
        sum(operator.ms for operator in profile.operators if float_name(operator.tensor) in given)
        for profile in (floating, int8)
    )
    return in_float - in_int8 + conversion_ms(elements)


def in_order(layers: Iterable[Layer]) -> list[Layer]:
    """The layer first whose noise goes for the least time."""
    return sorted(layers, key=lambda layer: (-layer.noise / max(layer.cost_ms, _LEAST_MS), layer.name))
