"""Which operators a CPU runtime computes in int8: around any other, quantizing and dequantizing only adds work."""

from __future__ import annotations

__all__ = ["ONNX_INT8", "WEIGHTED"]

ONNX_INT8 = frozenset(
    {
        "Add",
        "ArgMax",
        "AveragePool",
        "Clip",
        "Concat",
        "Conv",
        "Flatten",
        "Gather",
        "Gemm",
        "GlobalAveragePool",
        "LeakyRelu",
        "MatMul",
        "MaxPool",
        "Mul",
        "Relu",
        "Reshape",
        "Resize",
        "Sigmoid",
        "Slice",
        "Softmax",
        "Split",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    }
)
"""In ONNX Runtime 1.31, when DequantizeLinear stands before and QuantizeLinear behind."""

WEIGHTED = frozenset(
    {
        "BATCH_MATMUL",
        "CONV_2D",
        "Conv",
        "ConvTranspose",
        "DEPTHWISE_CONV_2D",
        "FULLY_CONNECTED",
        "Gemm",
        "MatMul",
        "TRANSPOSE_CONV",
    }
)
"""Operators that begin a layer, in either format."""
