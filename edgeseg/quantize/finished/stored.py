"""What a finished file stores its weights as."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path

from edgeseg.core.errors import QuantizeError
from edgeseg.core.graph import Graph

__all__ = ["Stored", "check_stored", "stored"]

_WEIGHTS = frozenset({"float32", "float16", "float64", "int8", "uint8"})


@dataclass(frozen=True)
class Stored:
    """The share of a file's weights that have a type."""

    dtype: str
    percent: float

    def summary(self) -> str:
        """One line for a human."""
        return f"{self.percent:.1f} % of the weights in {self.dtype}"


def stored(graph: Graph, dtype: str) -> Stored:
    """How much of a graph's constants, by number of values, has this type."""
    constants = {tensor.name: tensor for node in graph.nodes for tensor in node.inputs if tensor.constant}
    sizes = [(tensor.dtype, prod(tensor.shape)) for tensor in constants.values() if tensor.dtype in _WEIGHTS]
    total = sum(size for _, size in sizes)
    return Stored(dtype, 100 * sum(size for kind, size in sizes if kind == dtype) / total if total else 0.0)


def check_stored(found: Stored, path: Path) -> None:
    """Raise QuantizeError where no weight of the file at `path` came out in its type."""
    if not found.percent:
        raise QuantizeError(f"{path}: no weight came out in {found.dtype}; the network's weights must be constants")
