"""What a finished file really computes in integers, read off its graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edgeseg.core.errors import QuantizeError
from edgeseg.core.graph import Graph, Node, Tensor
from edgeseg.quantize.finished.operators import ONNX_INT8

__all__ = ["Report", "int8_report", "verify"]

_FLOATS = frozenset({"float32", "float16", "float64", "bfloat16"})
_INTS = frozenset({"int8", "uint8", "int16", "uint16"})

_ONNX_CONVOLUTIONS = frozenset({"Conv", "QLinearConv", "ConvInteger", "ConvTranspose"})
_TFLITE_CONVOLUTIONS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV"})
_CONVOLUTIONS = _ONNX_CONVOLUTIONS | _TFLITE_CONVOLUTIONS
_PRODUCTS = frozenset({"Gemm", "MatMul", "QLinearMatMul", "MatMulInteger", "FULLY_CONNECTED", "BATCH_MATMUL"})

_CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear", "QUANTIZE", "DEQUANTIZE", "Cast", "CAST"})
_ACTIVATIONS = frozenset({"Relu", "Clip"})
_ONE_INPUT = frozenset({"Clip", "Pad", "Resize"})
"""ONNX operators whose further inputs are limits and scales, which stay float."""


@dataclass(frozen=True)
class Report:
    """How often each operator, in the format's own name, computes in int8 and in float."""

    int8: Mapping[str, int]
    floating: Mapping[str, int]

    @property
    def multiplying_percent(self) -> float:
        """Share of the convolutions and matrix products that are int8; 100 where there are none."""
        int8, floating = (
            sum(count for op, count in ops.items() if op in _CONVOLUTIONS | _PRODUCTS)
            for ops in (self.int8, self.floating)
        )
        return 100 * int8 / (int8 + floating) if int8 + floating else 100.0

    @property
    def int8_percent(self) -> float:
        """Share of the operators that are int8; 100 where there are none."""
        done, left = sum(self.int8.values()), sum(self.floating.values())
        return 100 * done / (done + left) if done + left else 100.0

    def summary(self) -> str:
        """One line for a human."""
        done, left = sum(self.int8.values()), sum(self.floating.values())
        text = f"{done} of {done + left} operators quantized, {self.multiplying_percent:.0f} % of the convolutions"
        if not left:
            return text
        by_count = sorted(self.floating.items(), key=lambda entry: (-entry[1], entry[0]))
        return f"{text}; in float: {', '.join(f'{count} {op}' for op, count in by_count)}"


def int8_report(graph: Graph) -> Report:
    """Sort a file's operators into int8 and float; 16-bit activations count as int8 ones.

    An operator is int8 when every activation and weight that it takes and gives is: in ONNX by its own dtype or, for a
    float operator that has an int8 kernel, by a DequantizeLinear before it and nothing but QuantizeLinear after it,
    which runtimes fuse; a Relu or Clip may stand between. Conversions, and operators on shapes and indices alone, count
    as neither.
    """
    is_int8 = _OnnxGraph(graph).is_int8 if graph.format == "onnx" else _has_no_float
    int8: Counter[str] = Counter()
    floating: Counter[str] = Counter()
    for node in graph.nodes:
        if node.op not in _CONVERSIONS and _numbers((*node.inputs, *node.outputs)):
            (int8 if is_int8(node) else floating)[node.op] += 1
    return Report(dict(int8), dict(floating))


def verify(report: Report, path: Path) -> None:
    """Raise QuantizeError where no convolution of the file at `path` is int8."""
    if not _CONVOLUTIONS & (report.int8.keys() | report.floating.keys()):
        raise QuantizeError(f"{path}: there is no convolution in it to quantize; give a network that has some")
    if not any(report.int8.get(op) for op in _CONVOLUTIONS):
        raise QuantizeError(
            f"{path}: no convolution came out in int8 ({report.summary()}); convolutions need constant weights and a "
            "fixed input size, export the network again"
        )


def _numbers(tensors: tuple[Tensor, ...]) -> list[Tensor]:
    return [tensor for tensor in tensors if tensor.dtype in _FLOATS | _INTS]


def _has_no_float(node: Node) -> bool:
    return not any(tensor.dtype in _FLOATS for tensor in (*node.inputs, *node.outputs))


class _OnnxGraph:
    """Who writes and who reads each tensor."""

    def __init__(self, graph: Graph) -> None:
        self._outputs = {tensor.name for tensor in graph.outputs}
        self._writer = {tensor.name: node for node in graph.nodes for tensor in node.outputs}
        self._readers: dict[str, list[Node]] = {}
        for node in graph.nodes:
            for tensor in node.inputs:
                self._readers.setdefault(tensor.name, []).append(node)

    def is_int8(self, node: Node) -> bool:
        if node.op.startswith("QLinear") or _has_no_float(node):
            return True
        given = node.inputs[:1] if node.op in _ONE_INPUT else node.inputs
        return (
            node.op in ONNX_INT8
            and all(self._comes_from_int8(tensor, node.op in _ACTIVATIONS) for tensor in _numbers(given))
            and all(self._becomes_int8(tensor) for tensor in _numbers(node.outputs))
        )

    def _comes_from_int8(self, tensor: Tensor, fused: bool) -> bool:
        """Whether a tensor is dequantized or, where its reader is fused with its writer, that one is int8."""
        writer = self._writer.get(tensor.name)
        if writer is None:
            return tensor.dtype in _INTS
        return writer.op == "DequantizeLinear" or (fused and self.is_int8(writer))

    def _becomes_int8(self, tensor: Tensor) -> bool:
        """Whether nothing but the quantized form of a tensor is ever read."""
        readers = self._readers.get(tensor.name, [])
        if tensor.dtype in _INTS:
            return True
        if tensor.name in self._outputs or not readers:
            return False
        return all(
            node.op == "QuantizeLinear" or (node.op in _ACTIVATIONS and self._becomes_int8(node.outputs[0]))
            for node in readers
        )
