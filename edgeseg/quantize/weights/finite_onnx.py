"""The weights of a float ONNX graph as it was exported, see `finite.py`."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from onnx import numpy_helper

from edgeseg.quantize.finished.operators import WEIGHTED
from edgeseg.quantize.weights.finite import Constant

__all__ = ["weights_of"]

_READERS = WEIGHTED | {"BatchNormalization"}
_MOVING = frozenset({"Identity", "Reshape", "Transpose"})
"""What may stand between a constant and the operator that it is a weight of."""


def weights_of(model: onnx.ModelProto) -> Iterator[Constant]:
    """Every constant that an operator with weights reads, be it an initializer or a node's."""
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    moved = {}
    for node in graph.node:
        if node.op_type == "Constant":
            constants.update((node.output[0], given.t) for given in node.attribute if given.name == "value")
        elif node.op_type in _MOVING:
            moved[node.output[0]] = node.input[0]
    for node in graph.node:
        for name in node.input if node.op_type in _READERS else ():
            while name in moved:
                name = moved[name]
            if name in constants:
                yield Constant(name, f"{node.op_type} {node.output[0]}", numpy_helper.to_array(constants[name]))
