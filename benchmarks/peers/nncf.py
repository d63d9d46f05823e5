"""NNCF's post-training quantization of ONNX files, https://github.com/openvinotoolkit/nncf."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nncf
import onnx
from numpy.typing import NDArray

__all__ = ["quantize"]


def quantize(source: Path, batches: Iterable[NDArray[Any]], path: Path) -> None:
    model = onnx.load(source)
    name = model.graph.input[0].name
    onnx.save(nncf.quantize(model, nncf.Dataset([{name: batch} for batch in batches])), path)
