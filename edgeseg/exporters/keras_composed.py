"""TensorFlow's operators that tf2onnx does not know, in ONNX's: Keras' gelu has Erfc, its celu Expm1."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeseg.core.quiet import quiet

with quiet():
    from tf2onnx.utils import make_name

__all__ = ["compose"]


def compose(graph: Any, nodes: list[Any]) -> list[Any]:
    """A rewriter for tf2onnx: erfc(x) becomes 1 - erf(x), and expm1(x) becomes exp(x) - 1."""
    for node in tuple(nodes):  # The list grows with the graph.
        match node.type:
            case "Erfc":
                new = _computed(graph, node, "Sub", [_one(graph), _computed(graph, node, "Erf", node.input)])
            case "Expm1":
                new = _computed(graph, node, "Sub", [_computed(graph, node, "Exp", node.input), _one(graph)])
            case _:
                continue
        graph.replace_all_inputs(node.output[0], new)
        graph.remove_node(node.name)
    return list(graph.get_nodes())


def _computed(graph: Any, like: Any, operator: str, inputs: list[str]) -> str:
    """What an operator gives, of the shape and the type of another node's output."""
    given = like.output[0]
    shapes, dtypes = [graph.get_shape(given)], [graph.get_dtype(given)]
    return str(graph.make_node(operator, inputs, shapes=shapes, dtypes=dtypes).output[0])


def _one(graph: Any) -> str:
    return str(graph.make_const(make_name("one"), np.array(1, np.float32)).output[0])
