"""TFLite files as operators, read by the schema that comes with LiteRT."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from ai_edge_litert.tools import flatbuffer_utils

from edgeseg.core.container import read_facts
from edgeseg.core.errors import InputError
from edgeseg.core.graph import Graph, Node, Tensor
from edgeseg.graphs.kernels import blank_taps, uniform_value

__all__ = ["read_graph", "write_pinned"]


def _names(enumeration: type) -> dict[int, str]:
    return {code: name for name, code in vars(enumeration).items() if isinstance(code, int)}


_OPS = _names(schema.BuiltinOperator)
_DTYPES = {code: name.lower() for code, name in _names(schema.TensorType).items()}

_BIAS = {"CONV_2D": 2, "DEPTHWISE_CONV_2D": 2, "FULLY_CONNECTED": 2, "TRANSPOSE_CONV": 3}
"""Where an operator takes a bias, which a quantized file has in int32 like shapes and axes."""

_INTEGERS = {"uint8", "int8", "int4", "int2"}
"""What weights are quantized to; the first in files from before there was int8."""

_PADDING = {"PADV2", "MIRROR_PAD"}


def read_graph(path: Path) -> Graph:
    """See `edgeseg.graphs.read_graph`. Only the first subgraph is read, custom operators are called `CUSTOM:name`."""
    read_facts(path)
    try:
        graph = _graph(schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0))
    except Exception as error:  # the schema's accessors fail in many ways on damaged bytes
        raise InputError(f"{path}: a damaged TFLite file; export it again or copy it anew") from error
    if not graph.nodes:
        raise InputError(f"{path}: a TFLite file without operators; export it again")
    return graph


def write_pinned(path: Path, shape: tuple[int, ...], target: Path) -> None:
    """See `edgeseg.graphs.write_pinned`."""
    interpreter = Interpreter(
        str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    details = interpreter.get_input_details()[0]
    interpreter.resize_tensor_input(details["index"], shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(details["index"], np.zeros(shape, details["dtype"]))
    interpreter.invoke()
    model = flatbuffer_utils.read_model(str(path))
    tensors = model.subgraphs[0].tensors
    for known in interpreter.get_tensor_details():
        if known["index"] < len(tensors):
            tensors[known["index"]].shape, tensors[known["index"]].shapeSignature = known["shape"], None
    flatbuffer_utils.write_model(model, str(target))


def _graph(model: Any) -> Graph:
    graph = model.subgraphs[0]
    tensors = [_tensor(tensor, model.buffers) for tensor in graph.tensors]
    ops = [_op(code) for code in model.operatorCodes or ()]

    def pick(indices: Iterable[int] | None) -> tuple[Tensor, ...]:
        return tuple(tensors[i] if i >= 0 else Tensor("", (), "") for i in (() if indices is None else indices))

    nodes = tuple(
        Node(
            op=ops[operator.opcodeIndex],
            inputs=pick(operator.inputs),
            outputs=pick(operator.outputs),
            attributes=_integers(operator.builtinOptions),
            domain="custom" if ops[operator.opcodeIndex].startswith("CUSTOM:") else "",
        )
        for operator in graph.operators or ()
    )
    return Graph("tflite", nodes, pick(graph.inputs), pick(graph.outputs), _params(nodes))


def _op(code: Any) -> str:
    # Codes up to 127 may stand in the old field alone.
    name = _OPS.get(max(code.builtinCode, code.deprecatedBuiltinCode), "UNKNOWN")
    return f"CUSTOM:{code.customCode.decode()}" if name == "CUSTOM" else name


def _tensor(tensor: Any, buffers: list[Any]) -> Tensor:
    shape = tensor.shapeSignature if tensor.shapeSignature is not None else tensor.shape
    stored = buffers[tensor.buffer]
    constant = (stored.data is not None and len(stored.data) > 0) or stored.offset > 1
    sides = () if shape is None else tuple(int(side) for side in shape)
    values = None
    if stored.data is not None and len(sides) > 2 and tensor.type == schema.TensorType.FLOAT32:
        values = np.frombuffer(stored.data, np.float32)
    blank = 0 if values is None or values.size != prod(sides) else blank_taps(values.reshape(sides), inputs=-1)
    return Tensor(
        name=tensor.name.decode() if tensor.name else "",
        shape=sides,
        dtype=_DTYPES.get(tensor.type, ""),
        constant=constant and not tensor.isVariable,
        uniform=None if values is None else uniform_value(values),
        blank_taps=blank,
    )


def _integers(options: Any) -> dict[str, int]:
    return {} if options is None else {name: int(v) for name, v in vars(options).items() if isinstance(v, int)}


def _params(nodes: tuple[Node, ...]) -> int:
    weights = {}
    for node in nodes:
        for index, tensor in enumerate(node.inputs):
            learned = tensor.dtype.startswith("float") or tensor.dtype in _INTEGERS or index == _BIAS.get(node.op)
            if tensor.constant and tensor.shape and learned and node.op not in _PADDING:
                weights[tensor.name] = prod(tensor.shape)
    return sum(weights.values())
