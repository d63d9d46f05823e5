"""A finished file as a list of operators, whatever its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgeseg.core.types import Format

__all__ = ["PART_OF", "Graph", "Node", "Tensor"]

PART_OF = " of "
"""In the name of a tensor, between a name of its own and that of the one of whose operator a rewrite made it."""


@dataclass(frozen=True)
class Tensor:
    """A tensor of a finished file's graph; `shape` has -1 for a dimension the file leaves open."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    constant: bool = False
    uniform: float | None = None
    """The one value that all of a convolution's float kernels have; None where they differ."""
    blank_taps: int = 0
    """Of such kernels: taps that are zero for every input, in those that are not."""


@dataclass(frozen=True)
class Node:
    """One operator of a finished file's graph. `attributes` holds integers only (group, and the like).

    `domain` says whose operator it is; empty for one of the format's own.
    """

    op: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    name: str = ""
    attributes: Mapping[str, int] = field(default_factory=dict)
    domain: str = ""


@dataclass(frozen=True)
class Graph:
    """A finished file as a list of operators in execution order, whatever its format."""

    format: Format
    nodes: tuple[Node, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    params: int
