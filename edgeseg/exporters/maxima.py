"""Which pixel of each cell an exported file's max poolings took, read off the comparisons that it makes.

Where two pixels of a cell lie a rounding error apart, a file may take another maximum than its source. What is unpooled
then goes to another place, with every right. `comparisons` finds what `passes/max_unpool.py` writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeseg.core.graph import Graph, Node

__all__ = ["Comparisons", "comparisons", "winners"]


@dataclass(frozen=True)
class Comparisons:
    """Names of a pooling's three tensors: is the lower row greater, the right pixel above, the right one below."""

    lower: str
    right_above: str
    right_below: str


def comparisons(graph: Graph) -> tuple[Comparisons, ...]:
    """Of every max pooling of 2x2 pixels that keeps its places, in order of execution; empty where none is found."""
    makers = {tensor.name: node for node in graph.nodes for tensor in node.outputs}
    greater = {_read(node): node.outputs[0].name for node in graph.nodes if node.op in ("Greater", "GREATER")}
    found = []
    for (below, above), lower in greater.items():
        right_above, right_below = (greater.get(_right_and_left(makers.get(row))) for row in (above, below))
        if right_above and right_below:
            found.append(Comparisons(lower, right_above, right_below))
    return tuple(found)


def _read(node: Node) -> tuple[str, ...]:
    return tuple(tensor.name for tensor in node.inputs)


def _right_and_left(row: Node | None) -> tuple[str, ...]:
    """The pixels that a row's maximum is of, as they are compared."""
    return _read(row)[::-1] if row and row.op in ("Max", "MAXIMUM") else ()


def winners(found: Sequence[Comparisons], tensors: Mapping[str, NDArray[Any]]) -> list[NDArray[np.uint8]]:
    """For each pooling (N * H / 2 * W / 2 * C,): 0 to 3 for the pixels of a cell in the order of a scan."""
    return [
        (2 * tensors[at.lower] + np.where(tensors[at.lower], tensors[at.right_below], tensors[at.right_above]))
        .astype(np.uint8)
        .ravel()
        for at in found
    ]
