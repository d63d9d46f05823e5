"""What a rewrite of an ONNX graph asks and does."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

__all__ = ["Editor", "drop_unread"]


class Editor:
    """Looks at one graph and changes it in place.

    What writes and what reads a tensor is kept until one of the methods changes a node, so a pass changes them by these
    alone, except for constants among their inputs. Shapes, types and outputs are those at the start.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        self._graph = model.graph
        self._initializers = {tensor.name: tensor for tensor in model.graph.initializer}
        self._computed = {name for node in model.graph.node for name in node.output}
        self._outputs = {output.name for output in model.graph.output}
        self._numbers: Counter[str] = Counter()
        values = (*model.graph.input, *model.graph.value_info, *model.graph.output)
        self._shapes = {
            value.name: tuple(int(side.dim_value) for side in value.type.tensor_type.shape.dim) for value in values
        }
        self._floats = {value.name for value in values if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT}
        self._links: _Links | None = None

    def constant(self, name: str) -> NDArray[Any] | None:
        """The value of a constant tensor; None for any other."""
        tensor = self._initializers.get(name)
        return None if tensor is None else np.asarray(numpy_helper.to_array(tensor))

    def is_constant(self, name: str) -> bool:
        """Whether a tensor is a constant, which is not decoded to tell."""
        return name in self._initializers

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

    def is_output(self, name: str) -> bool:
        """Whether the graph gives a tensor."""
        return name in self._outputs

    def writer(self, name: str) -> onnx.NodeProto | None:
        """The node that writes a tensor."""
        return self._linked().writers.get(name)

    def readers(self, name: str) -> list[onnx.NodeProto]:
        """The nodes that read a tensor, no constant, in their order."""
        return list(self._linked().readers.get(name, ()))

    def only_writer(self, name: str) -> onnx.NodeProto | None:
        """The node that writes a tensor which is read once and no output of the graph; else None."""
        return self.writer(name) if self.only_reader(name) is not None else None

    def only_reader(self, name: str) -> onnx.NodeProto | None:
        """The node that reads a tensor which is read once and no output of the graph; else None."""
        readers = self.readers(name)
        alone = len(readers) == 1 and list(readers[0].input).count(name) == 1 and not self.is_output(name)
        return readers[0] if alone else None

    def unread(self, name: str) -> bool:
        """Whether nothing reads a tensor."""
        return not self.is_output(name) and not self.readers(name)

    def add_constant(self, stem: str, value: NDArray[Any]) -> str:
        """Add a constant tensor and return the name it was given."""
        while (name := f"{stem}_{self._numbers[stem]}") in self._initializers or name in self._computed:
            self._numbers[stem] += 1
        self._graph.initializer.append(numpy_helper.from_array(value, name))
        self._initializers[name] = self._graph.initializer[-1]
        return name

    def rename(self, name: str, other: str, *nodes: onnx.NodeProto) -> None:
        """Let these nodes, or all, read or write another tensor in the place of one."""
        for node in nodes or self._graph.node:
            for names in (node.input, node.output):
                if name in names:
                    names[:] = [other if each == name else each for each in names]
        self._links = None

    def become(self, node: onnx.NodeProto, other: onnx.NodeProto) -> None:
        """Make a node what another is."""
        node.CopyFrom(other)
        self._links = None

    def drop_attributes(self, node: onnx.NodeProto, *names: str) -> None:
        """Take attributes from a node, where it has them."""
        for attribute in [attribute for attribute in node.attribute if attribute.name in names]:
            node.attribute.remove(attribute)

    def replace(self, node: onnx.NodeProto, *others: onnx.NodeProto) -> None:
        """Put nodes in the place of one, which may be among them."""
        place = list(self._graph.node).index(node)
        if not any(other is node for other in others):
            del self._graph.node[place]
        for i, other in enumerate(others):
            if other is not node:
                self._graph.node.insert(place + i, other)
        self._links = None

    def put_first(self, *nodes: onnx.NodeProto) -> None:
        """Put nodes before all others."""
        for i, node in enumerate(nodes):
            self._graph.node.insert(i, node)
        self._links = None

    def put_last(self, *nodes: onnx.NodeProto) -> None:
        """Put nodes behind all others."""
        self._graph.node.extend(nodes)
        self._links = None

    def remove(self, *nodes: onnx.NodeProto) -> None:
        """Take nodes out."""
        for node in nodes:
            self._graph.node.remove(node)
        self._links = None

    def remove_unread(self, *nodes: onnx.NodeProto) -> None:
        """Take those of these nodes out whose outputs nothing reads."""
        self.remove(*(node for node in nodes if all(map(self.unread, node.output))))

    def bypass(self, node: onnx.NodeProto) -> None:
        """Remove a node whose only input's writer shall write its output instead."""
        writer = self.only_writer(node.input[0])
        assert writer is not None
        self.rename(node.input[0], node.output[0], writer)
        self.remove(node)

    def forget(self, *names: str) -> None:
        """Take out the shapes that the graph tells of tensors, to be inferred anew."""
        gone, values = {*names}, self._graph.value_info
        for i in reversed(range(len(values))):
            if values[i].name in gone:
                del values[i]

    def _linked(self) -> _Links:
        if self._links is None:
            self._links = _Links(self._graph)
        return self._links


class _Links:
    """What writes and what reads the tensors of a graph."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.writers = {name: node for node in graph.node for name in node.output if name}
        self.readers: defaultdict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in graph.node:
            for name in dict.fromkeys(node.input):
                self.readers[name].append(node)


def drop_unread(model: onnx.ModelProto) -> None:
    """Remove, in place, the constants that no node reads."""
    graph = model.graph
    read = {name for node in graph.node for name in node.input}
    for i in reversed(range(len(graph.initializer))):
        if graph.initializer[i].name not in read:
            del graph.initializer[i]
