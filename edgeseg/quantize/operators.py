"""Which operators a CPU runtime computes in int8: around any other, quantizing and dequantizing only adds work."""

from __future__ import annotations

__all__ = ["ONNX_INT8"]

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
