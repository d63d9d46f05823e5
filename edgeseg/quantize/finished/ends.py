"""Whether a finished file takes and gives the integers that its recipe asks for."""

from __future__ import annotations

from pathlib import Path

from edgeseg.core.errors import QuantizeError
from edgeseg.core.graph import Graph, Node
from edgeseg.core.protocols import Recipe

__all__ = ["check_ends"]

_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear", "QUANTIZE", "DEQUANTIZE"})


def check_ends(graph: Graph, recipe: Recipe, path: Path) -> None:
    """Raise QuantizeError where the file at `path` has floats at an end at which the recipe itself asks for int8."""
    given, result = graph.inputs[0], graph.outputs[0]
    if recipe.input == "int8" and given.dtype == "float32":
        readers = [node for node in graph.nodes if given in node.inputs]
        raise QuantizeError(f"{path}: {_problem('input', readers, recipe)}")
    if recipe.output == "int8" and result.dtype == "float32":
        writers = [node for node in graph.nodes if result in node.outputs]
        raise QuantizeError(f"{path}: {_problem('output', writers, recipe)}")


def _problem(end: str, nodes: list[Node], recipe: Recipe) -> str:
    """With the operator at that end which is in float, if it is no conversion alone."""
    node = min(nodes, key=lambda node: node.op in _CONVERSIONS)
    name = node.outputs[0].name
    remedy = f"--{end} or --float {name}" if name in recipe.floating else f"--{end}"
    return f"its {end} cannot be int8, for {node.op} {name} computes in float; leave out {remedy}"
