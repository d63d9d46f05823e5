"""Channel shuffling in ONNX as a transposition of planes, where tf2onnx would turn each map around before and after."""

from __future__ import annotations

from typing import Any

import numpy as np

from edgeseg.core.quiet import quiet

with quiet():
    from tf2onnx.utils import make_name

__all__ = ["shuffle_planes"]


def shuffle_planes(graph: Any, nodes: list[Any]) -> list[Any]:
    """A rewriter for tf2onnx: (N, H, W, C) is shuffled as (N, C, H, W); the outer transpositions cancel with others.

    It finds a reshape to (N, H, W, groups, C / groups), a transposition of the last two, and a reshape back.
    """
    for node in tuple(nodes):  # The list grows with the graph.
        found = _shuffle(graph, node)
        if found is None:
            continue
        given, groups, last = found
        n, height, width, channels = graph.get_shape(given)
        x = _transposed(graph, given, (0, 3, 1, 2))
        x = _reshaped(graph, x, (n, groups, channels // groups, height, width))
        x = _transposed(graph, x, (0, 2, 1, 3, 4))
        x = _reshaped(graph, x, (n, channels, height, width))
        graph.replace_all_inputs(last, _transposed(graph, x, (0, 2, 3, 1)))
    return list(graph.get_nodes())


def _shuffle(graph: Any, node: Any) -> tuple[str, int, str] | None:
    """What goes into the shuffle that a transposition is the middle of, the groups, and what comes out."""
    if node.type != "Transpose" or len(node.inputs) != 2 or not node.inputs[1].is_const():
        return None
    if node.inputs[1].get_tensor_value() != [0, 1, 2, 4, 3] or node.inputs[0].type != "Reshape":
        return None
    after = graph.find_output_consumers(node.output[0])
    given, grouped = node.inputs[0].input[0], graph.get_shape(node.input[0])
    shape = graph.get_shape(given)
    if len(after) != 1 or after[0].type != "Reshape" or graph.get_shape(after[0].output[0]) != shape:
        return None
    if len(shape) != 4 or shape[:3] != grouped[:3] or -1 in shape:
        return None
    return given, grouped[3], after[0].output[0]


def _transposed(graph: Any, x: str, order: tuple[int, ...]) -> str:
    shape = [graph.get_shape(x)[i] for i in order]
    node = graph.make_node("Transpose", [x], {"perm": order}, shapes=[shape], dtypes=[graph.get_dtype(x)])
    return str(node.output[0])


def _reshaped(graph: Any, x: str, shape: tuple[int, ...]) -> str:
    sides = graph.make_const(make_name("shape"), np.array(shape, np.int64)).output[0]
    node = graph.make_node("Reshape", [x, sides], shapes=[shape], dtypes=[graph.get_dtype(x)])
    return str(node.output[0])
