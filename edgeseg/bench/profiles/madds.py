"""Multiply-adds of a finished file, counted on its graph.

Convention: one multiply-accumulate is one MAdd. Convolution: output elements * (Cin / groups) * kernel area.
Transposed convolution: input elements * (Cout / groups) * kernel area. Linear and matrix product: output elements *
inner length. Everything else (bias, normalization, activation, pooling, resizing, element-wise) is 0, also a mean that
is written as a convolution, and a kernel's tap that is zero for every input channel, so that a transposed convolution
counts the same written as one. A quantized operator counts as its float form, and the whole batch is counted. For a
graph exported at batch 1 this is half of what torch.utils.flop_counter reports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isclose, prod

from edgeseg.core.errors import MeasureError
from edgeseg.core.graph import Graph, Node
from edgeseg.core.types import Format

__all__ = ["count_madds"]


def count_madds(graph: Graph) -> int:
    """MAdds of one run of a graph; MeasureError naming the operator whose count its file leaves open."""
    rules, madds = _RULES[graph.format], 0
    for index, node in enumerate(graph.nodes):
        name = node.name or (node.outputs[0].name if node.outputs else f"#{index}")
        if node.op in _UNCOUNTABLE[graph.format] or (node.domain and node.op not in {*rules, *_FREE}):
            raise MeasureError(f"{node.op} {name}: MAdds of this operator cannot be read off the graph")
        if node.op in rules:
            madds += rules[node.op](_Shapes(node, name))
    return madds


@dataclass(frozen=True)
class _Shapes:
    """The shapes of a node's operands, refused where they are not known."""

    node: Node
    name: str

    def input(self, index: int, rank: int) -> tuple[int, ...]:
        """Shape of an input that has at least `rank` dimensions, all known."""
        return self._known(self.node.inputs[index].shape if index < len(self.node.inputs) else (), rank)

    def output(self, rank: int) -> tuple[int, ...]:
        """Shape of the first output, likewise."""
        return self._known(self.node.outputs[0].shape if self.node.outputs else (), rank)

    def averages(self, weight: int, inner: int) -> bool:
        """Whether every output is the mean of so many inputs."""
        uniform = self.node.inputs[weight].uniform
        return uniform is not None and isclose(uniform * inner, 1, rel_tol=1e-6)

    def _known(self, shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
        if len(shape) < rank or any(side < 1 for side in shape):
            raise MeasureError(
                f"{self.node.op} {self.name}: shape {list(shape)} is not fully known, so its MAdds cannot be counted; "
                "export with a fixed --size"
            )
        return shape


_Rule = Callable[[_Shapes], int]


def _conv(weight: int, channels: int) -> _Rule:
    """Both formats put output channels first: (O, I/g, kh, kw) in ONNX, (O, kh, kw, I/g) in TFLite."""

    def rule(shapes: _Shapes) -> int:
        outputs, *inner = shape = shapes.input(weight, 3)
        blank = shapes.node.inputs[weight].blank_taps * shape[channels]
        places = prod(shapes.output(3)) // outputs
        return 0 if shapes.averages(weight, prod(inner)) else places * (prod(shape) - blank)

    return rule


def _onnx_conv_transpose(shapes: _Shapes) -> int:
    """Weight (I, O/g, kh, kw)."""
    return prod(shapes.input(0, 3)) * prod(shapes.input(1, 3)[1:])


def _tflite_depthwise(shapes: _Shapes) -> int:
    """Weight (1, kh, kw, O)."""
    _, height, width, _ = shapes.input(1, 4)
    return 0 if shapes.averages(1, height * width) else prod(shapes.output(4)) * height * width


def _tflite_conv_transpose(shapes: _Shapes) -> int:
    """Inputs: output shape, weight (O, kh, kw, I), data."""
    return prod(shapes.input(2, 4)) * prod(shapes.input(1, 4)[:3])


def _tflite_fully_connected(shapes: _Shapes) -> int:
    """Weight (O, I)."""
    return prod(shapes.output(1)) * shapes.input(1, 2)[1]


def _onnx_gemm(shapes: _Shapes) -> int:
    """First operand (M, K) or its transpose, output (M, N)."""
    rows, columns = shapes.output(2)
    return prod(shapes.input(0, 2)) // rows * rows * columns


def _onnx_matmul(shapes: _Shapes) -> int:
    """First operand (..., M, K) or (K,)."""
    return prod(shapes.output(1)) * shapes.input(0, 1)[-1]


def _transposable_matmul(shapes: _Shapes) -> int:
    """First operand (..., M, K) or (..., K, M), output (..., M, N)."""
    output = shapes.output(2)
    return prod(output) * prod(shapes.input(0, 2)[-2:]) // output[-2]


_RULES: dict[Format, dict[str, _Rule]] = {
    "onnx": {
        "Conv": _conv(1, 1),
        "FusedConv": _conv(1, 1),
        "NhwcFusedConv": _conv(1, 1),
        "ConvInteger": _conv(1, 1),
        "QLinearConv": _conv(3, 1),
        "ConvTranspose": _onnx_conv_transpose,
        "Gemm": _onnx_gemm,
        "FusedGemm": _onnx_gemm,
        "QGemm": _onnx_gemm,
        "MatMul": _onnx_matmul,
        "MatMulInteger": _onnx_matmul,
        "MatMulIntegerToFloat": _onnx_matmul,
        "DynamicQuantizeMatMul": _onnx_matmul,
        "QLinearMatMul": _onnx_matmul,
        "FusedMatMul": _transposable_matmul,
        "FusedMatMulActivation": _transposable_matmul,
    },
    "tflite": {
        "CONV_2D": _conv(1, -1),
        "DEPTHWISE_CONV_2D": _tflite_depthwise,
        "TRANSPOSE_CONV": _tflite_conv_transpose,
        "FULLY_CONNECTED": _tflite_fully_connected,
        "BATCH_MATMUL": _transposable_matmul,
    },
}

_UNCOUNTABLE: dict[Format, frozenset[str]] = {
    "onnx": frozenset(
        {
            *("Einsum", "DeformConv", "CausalConvWithState", "Attention", "LinearAttention", "LSTM", "GRU", "RNN"),
            *("If", "Loop", "Scan", "SequenceMap"),
        }
    ),
    "tflite": frozenset(
        {
            *("CONV_3D", "CONV_3D_TRANSPOSE", "STABLEHLO_CONVOLUTION", "STABLEHLO_DOT_GENERAL", "SVDF"),
            *("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM"),
            *("RNN", "UNIDIRECTIONAL_SEQUENCE_RNN", "BIDIRECTIONAL_SEQUENCE_RNN"),
            *("IF", "WHILE", "CALL", "STABLEHLO_CASE", "STABLEHLO_WHILE", "STABLEHLO_COMPOSITE"),
            *("STABLEHLO_CUSTOM_CALL", "UNKNOWN"),
        }
    ),
}
"""Operators that multiply, or hold graphs that may, and that have no rule: a wrong total would be worse than none."""

_FREE = frozenset(
    {
        *("Gelu", "BiasGelu", "FastGelu", "QuickGelu", "BiasAdd", "BiasSoftmax", "BiasSplitGelu"),
        *("GroupNorm", "SkipGroupNorm", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization"),
        *("QuantizeLinear", "DequantizeLinear", "QLinearAdd", "QLinearMul", "QLinearConcat", "QLinearWhere"),
        *("QLinearSigmoid", "QLinearSoftmax", "QLinearLeakyRelu", "QLinearReduceMean"),
        *("QLinearAveragePool", "QLinearGlobalAveragePool", "NhwcMaxPool", "MaxpoolWithMask"),
        *("MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool", "Upsample", "ReorderInput", "ReorderOutput"),
        *("GridSample", "CropAndResize", "ExpandDims", "Pad", "Trilu"),
        *("CUSTOM:MaxPoolingWithArgmax2D", "CUSTOM:MaxUnpooling2D"),
    }
)
"""Operators of other domains without multiply-adds. What else is not of the format's own may have some."""
