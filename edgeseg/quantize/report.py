"""What a finished file really computes in int8, read off its graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeseg.core.errors import QuantizeError
from edgeseg.core.types import Graph, Node, Tensor

__all__ = ["Report", "int8_report", "verify"]

_FLOATS = {"float32", "float16", "float64", "bfloat16"}
_INTS = {"int8", "uint8"}

_CONVERSIONS = {"QuantizeLinear", "DequantizeLinear", "QUANTIZE", "DEQUANTIZE", "Cast", "CAST"}
_CONVOLUTIONS = {"Conv", "QLinearConv", "ConvInteger", "ConvTranspose"} | {
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "TRANSPOSE_CONV",
}
_MULTIPLYING = _CONVOLUTIONS | {"Gemm", "MatMul", "QLinearMatMul", "FULLY_CONNECTED", "BATCH_MATMUL"}


@dataclass(frozen=True)
class Report:
    """How often each operator, in the format's own name, computes in int8 and in float.

    `conversions` counts the operators that only convert between the two. In an ONNX file those around an int8 operator
    are how the format writes it down, and they are not counted.
    """

    int8: Mapping[str, int]
    floating: Mapping[str, int]
    conversions: int

    @property
    def multiplying_percent(self) -> float:
        """Share of the convolutions and matrix products that are int8; 100 where there are none."""
        int8, floating = (sum(ops.get(op, 0) for op in _MULTIPLYING) for ops in (self.int8, self.floating))
        return 100 * int8 / (int8 + floating) if int8 + floating else 100.0

    def summary(self) -> str:
        """One line for a human."""
        done, left = sum(self.int8.values()), sum(self.floating.values())
        text = f"{done} of {done + left} operators in int8 ({self.multiplying_percent:.0f} % of the convolutions)"
        if not left:
            return text
        listed = ", ".join(f"{n} {op}" for op, n in sorted(self.floating.items(), key=lambda entry: (-entry[1], entry)))
        return f"{text}, in float: {listed}"


def int8_report(graph: Graph) -> Report:
    """Sort a file's operators into int8 and float.

    An operator is int8 when every activation and weight that it takes and gives is: in ONNX by its own dtype or, around
    a float operator, by a DequantizeLinear before it and nothing but QuantizeLinear after it, which runtimes fuse. A
    Relu or Clip between counts with the operator before it. Operators on shapes and indices alone count as neither.
    """
    find = _Onnx(graph) if graph.format == "onnx" else None
    int8: Counter[str] = Counter()
    floating: Counter[str] = Counter()
    conversions = 0
    for node in graph.nodes:
        tensors = [tensor for tensor in (*node.inputs, *node.outputs) if tensor.dtype in _FLOATS | _INTS]
        if node.op in _CONVERSIONS:
            conversions += find is None
        elif tensors:
            inside = find.is_int8(node) if find else all(tensor.dtype in _INTS for tensor in tensors)
            (int8 if inside else floating)[node.op] += 1
    return Report(dict(int8), dict(floating), conversions)


def verify(report: Report, path: Path) -> None:
    """Raise QuantizeError where no convolution of the file at `path` is int8."""
    if not any(report.int8.get(op) for op in _CONVOLUTIONS):
        raise QuantizeError(
            f"{path}: no convolution came out in int8 ({report.summary()}); the float file may hold no convolutions "
            "with constant weights, export the network again"
        )


class _Onnx:
    """Who writes and who reads each tensor of an ONNX graph."""

    def __init__(self, graph: Graph) -> None:
        self._writer = {tensor.name: node for node in graph.nodes for tensor in node.outputs}
        self._readers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for tensor in node.inputs:
                self._readers.setdefault(tensor.name, []).append(node)
        self._outputs = {tensor.name for tensor in graph.outputs}

    def is_int8(self, node: Node) -> bool:
        given = all(self._given(tensor) for tensor in _real(node.inputs[:1] if node.op in _SETTINGS else node.inputs))
        return given and all(self._taken(tensor) for tensor in _real(node.outputs))

    def _given(self, tensor: Tensor) -> bool:
        """Whether an input is int8, or a float that stands for one."""
        writer = self._writer.get(tensor.name)
        if tensor.dtype in _INTS or (tensor.constant and not tensor.shape):
            return True
        if writer is None:
            return False
        return writer.op == "DequantizeLinear" or (writer.op in _ACTIVATIONS and self.is_int8(writer))

    def _taken(self, tensor: Tensor) -> bool:
        if tensor.dtype in _INTS:
            return True
        readers = self._readers.get(tensor.name, [])
        if tensor.name in self._outputs or not readers:
            return False
        return all(
            node.op == "QuantizeLinear" or (node.op in _ACTIVATIONS and self._taken(node.outputs[0]))
            for node in readers
        )


_ACTIVATIONS = {"Relu", "Clip"}
_SETTINGS = {"Clip", "Pad", "Resize", "Upsample"}
"""Operators whose further inputs are limits and scales, which stay float."""


def _real(tensors: Iterable[Tensor]) -> list[Tensor]:
    return [tensor for tensor in tensors if tensor.dtype in _FLOATS | _INTS]
