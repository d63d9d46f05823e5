"""ONNX files as operators, with the shapes that ONNX's own inference finds."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from itertools import zip_longest
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.external_data_helper import ExternalDataInfo, uses_external_data
from onnx.inliner import inline_local_functions
from onnx.shape_inference import InferenceError, infer_shapes

from edgeseg.core.errors import InputError
from edgeseg.core.graph import Graph, Node, Tensor
from edgeseg.core.parts import parts
from edgeseg.graphs.kernels import blank_taps, uniform_value

__all__ = ["read_graph", "write_pinned"]

_DTYPES: dict[int, str] = {
    code: onnx.helper.tensor_dtype_to_np_dtype(code).name for code in onnx.TensorProto.DataType.values() if code
}
_FLOATS = {"float32", "float16", "float64", "bfloat16"}

_SETTINGS: dict[str, frozenset[int]] = {
    "BatchNormalization": frozenset({3, 4}),
    "Clip": frozenset({1, 2}),
    "Pad": frozenset({1, 2, 3}),
    "QuantizeLinear": frozenset({1, 2}),
    "Resize": frozenset({1, 2, 3}),
    "Upsample": frozenset({1}),
}
"""Inputs that hold no weights, where their dtype alone does not tell."""

_WEIGHTS: dict[str, frozenset[int]] = {
    "ConvInteger": frozenset({1}),
    "DequantizeLinear": frozenset({0}),
    "DynamicQuantizeMatMul": frozenset({0, 1, 4}),
    "MatMulInteger": frozenset({0, 1}),
    "MatMulIntegerToFloat": frozenset({0, 1, 6}),
    "QGemm": frozenset({0, 3, 6}),
    "QLinearAdd": frozenset({0, 3}),
    "QLinearConv": frozenset({3, 8}),
    "QLinearMatMul": frozenset({0, 3}),
    "QLinearMul": frozenset({0, 3}),
}
"""Inputs of quantized operators that may be weights, whatever their dtype; the others are scales and zero points."""


def read_graph(path: Path) -> Graph:
    """See `edgeseg.graphs.read_graph`. Local functions are inlined, constants are no operators."""
    graph = _load(path).graph
    constants = {tensor.name: tensor for tensor in _constants(graph, path)}
    known = {
        value.name: _value(value) for value in (*graph.input, *graph.value_info, *graph.output) if value.name
    } | constants

    def tensor(name: str) -> Tensor:
        return known.get(name, Tensor(name, (), ""))

    nodes = tuple(
        Node(
            op=node.op_type,
            inputs=tuple(map(tensor, node.input)),
            outputs=tuple(map(tensor, node.output)),
            name=node.name,
            attributes={a.name: a.i for a in node.attribute if a.type == onnx.AttributeProto.INT},
            domain="" if node.domain == "ai.onnx" else node.domain,
        )
        for node in graph.node
        if node.op_type != "Constant"
    )
    inputs = tuple(tensor(value.name) for value in graph.input if value.name not in constants)
    outputs = tuple(tensor(value.name) for value in graph.output)
    return Graph("onnx", nodes, inputs, outputs, _params(nodes))


def write_pinned(path: Path, shape: tuple[int, ...], target: Path) -> None:
    """See `edgeseg.graphs.write_pinned`."""
    model = onnx.load(path)
    stored = {tensor.name for tensor in model.graph.initializer}
    image = next(given for given in model.graph.input if given.name not in stored)
    for dim, side in zip(image.type.tensor_type.shape.dim, shape, strict=True):
        dim.dim_value = side
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    onnx.save(model, target)


def _load(path: Path) -> onnx.ModelProto:
    try:
        model = onnx.load(path, load_external_data=False)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give the path of an .onnx file") from error
    except Exception as error:  # protobuf's, which is typed nowhere
        raise InputError(f"{path}: not an ONNX file, or a truncated one; export it again or copy it anew") from error
    if not model.graph.node:
        raise InputError(f"{path}: an ONNX file without operators; export it again")
    if model.functions:
        model = inline_local_functions(model)
    try:
        return _with_shapes(model)
    except (InferenceError, ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: its shapes contradict each other or cannot be read; export it again") from error


def _with_shapes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Shapes as they follow from the inputs', since those stored may be of before the file was edited.

    Behind operators that inference does not know the stored ones are all there is. They are kept there, unless one
    elsewhere contradicts what follows.
    """
    graph = model.graph
    inputs = {value.name for value in graph.input}
    computed = (value for value in graph.output if value.name not in inputs)
    outputs = {value.name: value for value in computed if value.type.HasField("tensor_type")}
    stored = {value.name: deepcopy(value) for value in (*graph.value_info, *outputs.values())}
    del graph.value_info[:]
    for value in outputs.values():
        value.type.tensor_type.ClearField("shape")
    found = infer_shapes(model, data_prop=True)
    follow = {value.name: _value(value).shape for value in (*found.graph.value_info, *found.graph.output)}
    fixed = all(min(_value(value).shape, default=1) > 0 for value in graph.input)
    gaps = set()
    for name in {name for node in graph.node for name in node.output} & stored.keys():
        shape = follow.get(name, ())
        sides = list(zip_longest(_value(stored[name]).shape, shape, fillvalue=-1))
        if any(old != new for old, new in sides if old > -1 and new > -1):
            return found
        lacking = (fixed or not shape) and any(new < 0 for old, new in sides if old > -1)
        if lacking or name not in follow:
            gaps.add(name)
    for name in gaps & outputs.keys():
        outputs[name].CopyFrom(stored[name])
    graph.value_info.extend(stored[name] for name in gaps - outputs.keys())
    return infer_shapes(model, data_prop=True) if gaps else found


def _constants(graph: onnx.GraphProto, path: Path) -> Iterator[Tensor]:
    kernels = {node.input[1] for node in graph.node if node.op_type in ("Conv", "FusedConv") and len(node.input) > 1}
    stored = {initializer.name: initializer for initializer in graph.initializer}
    for node in graph.node:
        for attribute in node.attribute if node.op_type == "Constant" else ():
            if attribute.name == "value":
                stored[node.output[0]] = attribute.t
    if any(uses_external_data(stored[name]) for name in kernels & stored.keys()):
        parts(path)
    for name, tensor in stored.items():
        values = _kernels(tensor, path) if name in kernels else None
        uniform, blank = (None, 0) if values is None else (uniform_value(values), blank_taps(values, inputs=1))
        yield Tensor(name, tuple(tensor.dims), _DTYPES.get(tensor.data_type, ""), True, uniform, blank)


def _kernels(tensor: onnx.TensorProto, path: Path) -> NDArray[Any] | None:
    """Those of a convolution in float, from beside the file where they lie there; None where they are damaged."""
    if len(tensor.dims) < 3 or tensor.data_type != onnx.TensorProto.FLOAT:
        return None
    try:
        if not uses_external_data(tensor):
            values: NDArray[Any] = numpy_helper.to_array(tensor)
            return values
        place = ExternalDataInfo(tensor)
        file = path.parent / place.location
        count = min(prod(tensor.dims), file.stat().st_size)
        return np.fromfile(file, np.dtype("<f4"), count, offset=place.offset or 0).reshape(tensor.dims)
    except (ValueError, OSError):  # Whoever runs the file says so.
        return None


def _value(value: onnx.ValueInfoProto) -> Tensor:
    kind = value.type.tensor_type
    shape = tuple(side.dim_value if side.HasField("dim_value") else -1 for side in kind.shape.dim)
    return Tensor(value.name, shape, _DTYPES.get(kind.elem_type, ""))


def _params(nodes: tuple[Node, ...]) -> int:
    weights = {}
    for node in nodes:
        places, settings = _WEIGHTS.get(node.op), _SETTINGS.get(node.op, frozenset())
        for index, tensor in enumerate(node.inputs):
            learned = index in places if places else index not in settings and tensor.dtype in _FLOATS
            if tensor.constant and tensor.shape and learned:
                weights[tensor.name] = prod(tensor.shape)
    return sum(weights.values())
