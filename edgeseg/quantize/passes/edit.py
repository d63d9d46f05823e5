"""What a rewrite of an ONNX graph asks and does."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

__all__ = ["Editor", "drop_unread"]


class Editor:
    """Looks at one graph and changes it in place."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._graph = model.graph
        self._initializers = {tensor.name: tensor for tensor in model.graph.initializer}
        self._computed = {name for node in model.graph.node for name in node.output}
        values = (*model.graph.input, *model.graph.value_info, *model.graph.output)
        self._shapes = {
            value.name: tuple(int(side.dim_value) for side in value.type.tensor_type.shape.dim) for value in values
        }
        self._floats = {value.name for value in values if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}

    def constant(self, name: str) -> NDArray[Any] | None:
        """The value of a constant tensor; None for any other."""
        tensor = self._initializers.get(name)
        return None if tensor is None else np.asarray(numpy_helper.to_array(tensor))

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor, with 0 for a dimension left open; empty where nothing is known."""
        return self._shapes.get(name, ())

    def is_float(self, name: str) -> bool:
        """Whether a tensor is known to be of float32."""
        return name in self._floats

    def attribute(self, node: onnx.NodeProto, name: str, default: Any) -> Any:
        """The value of a node's attribute."""
        for attribute in node.attribute:
            if attribute.name == name:
                return onnx.helper.get_attribute_value(attribute)
        return default

    def only_writer(self, name: str) -> onnx.NodeProto | None:
        """The node that writes a tensor which is read once and no output of the graph; else None."""
        reads = Counter(given for node in self._graph.node for given in node.input)
        if reads[name] != 1 or any(output.name == name for output in self._graph.output):
            return None
        return next((node for node in self._graph.node if name in node.output), None)

    def add_constant(self, stem: str, value: NDArray[Any]) -> str:
        """Add a constant tensor and return the name it was given."""
        taken = self._initializers.keys() | self._computed
        name = next(free for i in range(10**6) if (free := f"{stem}_{i}") not in taken)
        tensor = numpy_helper.from_array(value, name)
        self._graph.initializer.append(tensor)
        self._initializers[name] = tensor
        return name

    def bypass(self, node: onnx.NodeProto) -> None:
        """Remove a node whose only input's writer shall write its output instead."""
        writer = self.only_writer(node.input[0])
        assert writer is not None
        writer.output[:] = [node.output[0] if name == node.input[0] else name for name in writer.output]
        self._graph.node.remove(node)


def drop_unread(model: onnx.ModelProto) -> None:
    """Remove, in place, the constants that no node reads."""
    graph = model.graph
    read = {name for node in graph.node for name in node.input}
    for i in reversed(range(len(graph.initializer))):
        if graph.initializer[i].name not in read:
            del graph.initializer[i]
