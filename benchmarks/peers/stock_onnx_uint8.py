"""ONNX Runtime's `quantize_static` with uint8 activations, which has faster kernels on x86 than its default."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from onnxruntime.quantization import QuantType

from peers import stock_onnx

__all__ = ["quantize"]


def quantize(source: Path, batches: Iterable[NDArray[Any]], path: Path) -> None:
    stock_onnx.quantize(source, batches, path, activations=QuantType.QUInt8)
