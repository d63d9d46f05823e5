"""What a rewrite of a TFLite graph asks and does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from edgeseg.core.graph import PART_OF

__all__ = ["Editor", "Op", "explicit_padding", "scale_of"]

Op = schema.BuiltinOperator
_Type = schema.TensorType
_DTYPES = {
    _Type.FLOAT32: np.float32,
    _Type.INT8: np.int8,
    _Type.UINT8: np.uint8,
    _Type.INT32: np.int32,
    _Type.INT64: np.int64,
}
_TYPES = {np.dtype(dtype): kind for kind, dtype in _DTYPES.items()}
_LAST_SHORT_CODE = 127
"""Of an operator, that fits the field which the schema had first."""


class Editor:
    """Looks at one subgraph of a model in the schema's object form, by default the first, and changes it in place."""

    def __init__(self, model: Any, subgraph: int = 0) -> None:
        self._model = model
        self._subgraph = subgraph
        self._graph = model.subgraphs[subgraph]

    def operators(self, *kinds: int) -> list[Any]:
        """Those of the kinds given, in the order of execution."""
        return [op for op in self._graph.operators if self.kind(op) in kinds]

    def kind(self, op: Any) -> int:
        """The builtin operator that it is."""
        code = self._model.operatorCodes[op.opcodeIndex]
        return int(max(code.builtinCode, code.deprecatedBuiltinCode))

    def tensor(self, index: int) -> Any:
        """A tensor in the schema's object form."""
        return self._graph.tensors[index]

    def shape(self, index: int) -> tuple[int, ...]:
        """Shape of a tensor; empty for a scalar."""
        shape = self.tensor(index).shape
        return () if shape is None else tuple(int(side) for side in shape)

    def constant(self, index: int) -> NDArray[Any] | None:
        """The value of a constant tensor of numbers; None for any other."""
        if not self.is_constant(index):
            return None
        tensor = self.tensor(index)
        data = bytes(self._model.buffers[tensor.buffer].data)
        return np.frombuffer(data, _DTYPES[tensor.type]).reshape(self.shape(index))

    def is_constant(self, index: int) -> bool:
        """Whether a tensor is a constant of numbers, which is not copied to tell."""
        if index < 0 or self.tensor(index).type not in _DTYPES:
            return False
        data = self._model.buffers[self.tensor(index).buffer].data
        return data is not None and len(data) > 0

    def pads(self, op: Any) -> list[tuple[int, int]]:
        """(before, behind) of what a CONV_2D or DEPTHWISE_CONV_2D pads along height and width, or a PAD does."""
        if self.kind(op) == Op.PAD:
            amounts = self.constant(op.inputs[1])
            assert amounts is not None
            return [(int(before), int(behind)) for before, behind in amounts[1:3]]
        options = op.builtinOptions
        dilations = options.dilationHFactor, options.dilationWFactor
        image, kernel, result = (self.shape(i)[1:3] for i in (op.inputs[0], op.inputs[1], op.outputs[0]))
        window = [(side - 1) * dilation + 1 for side, dilation in zip(kernel, dilations, strict=True)]
        return explicit_padding(image, result, window, (options.strideH, options.strideW), options.padding)

    @property
    def input(self) -> int:
        """The tensor that the graph takes, or the first of them."""
        return int(self._graph.inputs[0])

    def set_input(self, index: int) -> None:
        """Let the graph take this tensor instead, in its signatures too."""
        old, self._graph.inputs = self.input, [index]
        for signature in self._model.signatureDefs or ():
            for entry in signature.inputs:
                if entry.tensorIndex == old and signature.subgraphIndex == self._subgraph:
                    entry.tensorIndex = index

    def readers(self, index: int) -> list[Any]:
        """The operators that read a tensor, in the order of execution."""
        return [op for op in self._graph.operators if index in op.inputs]

    def reread(self, index: int, other: int, *readers: Any) -> None:
        """Let these operators, or all that read a tensor, read another instead."""
        for op in readers or self.readers(index):
            op.inputs = [other if given == index else given for given in op.inputs]

    def is_output(self, index: int) -> bool:
        """Whether the graph gives a tensor."""
        return index in self._graph.outputs

    def writer(self, index: int) -> Any | None:
        """The operator that writes a tensor."""
        return next((op for op in self._graph.operators if index in op.outputs), None)

    def only_reader(self, op: Any) -> Any | None:
        """The operator that alone reads what one writes; None where there are others, or where the graph gives it."""
        index = op.outputs[0]
        readers = [reader for reader in self._graph.operators for given in reader.inputs if given == index]
        return readers[0] if len(readers) == 1 and index not in self._graph.outputs else None

    def unread(self, index: int) -> bool:
        """Whether nothing reads a tensor."""
        return not self.is_output(index) and not self.readers(index)

    def add_constant(self, name: str, values: NDArray[Any], quantization: Any = None) -> int:
        """Add a constant tensor."""
        self._model.buffers.append(schema.BufferT())
        self._model.buffers[-1].data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        index = self._add(name, values.shape, _TYPES[values.dtype], quantization)
        self.tensor(index).buffer = len(self._model.buffers) - 1
        return index

    def add_tensor(
        self, name: str, shape: Sequence[int], like: int, quantization: Any = None, part_of: int | None = None
    ) -> int:
        """Add a tensor of another's type and, unless given, quantization.

        Its name says what it is a `part_of`: the tensor that the operator gave of which this is now computed first.
        """
        other = self.tensor(like)
        index = self._add(name, shape, other.type, quantization or other.quantization)
        if part_of is not None:
            self.tensor(index).name += PART_OF.encode() + self.tensor(part_of).name
        return index

    def _add(self, name: str, shape: Sequence[int], kind: int, quantization: Any) -> int:
        tensor, tensors = schema.TensorT(), self._graph.tensors
        tensor.name, tensor.shape, tensor.type, tensor.buffer = f"{name}_{len(tensors)}".encode(), list(shape), kind, 0
        tensor.quantization = quantization
        tensors.append(tensor)
        return len(tensors) - 1

    def operator(self, kind: int, inputs: Sequence[int], outputs: Sequence[int], options: Any = None) -> Any:
        """Make an operator, of its first version unless the model has it in another; it is not put in yet."""
        op = schema.OperatorT()
        op.inputs, op.outputs, op.opcodeIndex = list(inputs), list(outputs), self._code(kind)
        if options is not None:
            op.builtinOptions = options
            op.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        return op

    def _code(self, kind: int) -> int:
        codes = self._model.operatorCodes
        for index, code in enumerate(codes):
            if max(code.builtinCode, code.deprecatedBuiltinCode) == kind:
                return index
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = kind, min(kind, _LAST_SHORT_CODE), 1
        codes.append(code)
        return len(codes) - 1

    def need_version(self, op: Any, version: int) -> None:
        """Say that an operator is of a version, or a later one."""
        code = self._model.operatorCodes[op.opcodeIndex]
        code.version = max(code.version, version)

    def replace(self, op: Any, *others: Any) -> None:
        """Put operators in the place of one, which may be among them."""
        place = next(i for i, each in enumerate(self._graph.operators) if each is op)
        self._graph.operators[place : place + 1] = others

    def put_first(self, *ops: Any) -> None:
        """Put operators before all others."""
        self._graph.operators[:0] = ops

    def remove(self, *ops: Any) -> None:
        """Take operators out."""
        gone = {id(op) for op in ops}
        self._graph.operators = [op for op in self._graph.operators if id(op) not in gone]

    def reshape(self, name: str, given: int, shape: Sequence[int], result: int | None = None) -> Any:
        """A RESHAPE to a new tensor, or to `result`; it is not put in yet."""
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        sides = self.add_constant(f"{name}_shape", np.array(shape, np.int32))
        result = self.add_tensor(name, shape, given) if result is None else result
        return self.operator(Op.RESHAPE, [given, sides], [result], options)

    def pointwise(self, name: str, given: int, kernel: NDArray[np.float32]) -> Any:
        """A 1x1 CONV_2D of an (N, H, W, C) float tensor to a new one, by (outputs, C); it is not put in yet."""
        options = schema.Conv2DOptionsT()
        options.strideH = options.strideW = 1
        weights = self.add_constant(f"{name}_weights", kernel[:, None, None, :])
        bias = self.add_constant(f"{name}_bias", np.zeros(len(kernel), np.float32))
        result = self.add_tensor(name, (*self.shape(given)[:3], len(kernel)), given)
        return self.operator(Op.CONV_2D, [given, weights, bias], [result], options)


def explicit_padding(
    given: Sequence[int], result: Sequence[int], window: Sequence[int], strides: Sequence[int], padding: int
) -> list[tuple[int, int]]:
    """(before, behind) along each axis, of what VALID or SAME padding adds to an axis of `given` pixels."""
    if padding == schema.Padding.VALID:
        return [(0, 0)] * len(given)
    totals = [
        max((out - 1) * stride + taps - side, 0)
        for side, out, taps, stride in zip(given, result, window, strides, strict=True)
    ]
    return [(total // 2, total - total // 2) for total in totals]


def scale_of(tensor: Any) -> tuple[float, int] | None:
    """(scale, zero point) of an int8 tensor that has one of each; else None."""
    quantization = tensor.quantization
    if tensor.type != _Type.INT8 or quantization is None or quantization.scale is None or len(quantization.scale) != 1:
        return None
    zero_point = 0 if quantization.zeroPoint is None else int(quantization.zeroPoint[0])
    return float(quantization.scale[0]), zero_point
