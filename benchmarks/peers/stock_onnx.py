"""ONNX as everyone makes it: torch.onnx or tf2onnx, then ONNX Runtime's `quantize_static`.

Quantization is per channel, by default of the tool QDQ with minimum and maximum as ranges and int8 activations, after
the preprocessing that its documentation asks for.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from edgeseg.core.types import Model, Size

__all__ = ["export", "quantize"]


class _Reader(CalibrationDataReader):
    def __init__(self, name: str, batches: Iterator[NDArray[Any]]) -> None:
        self._name, self._batches = name, batches

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {self._name: batch}


def export(model: Model, size: Size, path: Path) -> None:
    """Each framework is loaded only for its own networks."""
    if model.framework == "torch":
        import torch

        image = torch.zeros(1, 3, size.height, size.width)
        torch.onnx.export(model.network, (image,), path, dynamo=True, external_data=False, verbose=False)
    else:
        import tensorflow as tf
        import tf2onnx

        signature = tf.TensorSpec((1, size.height, size.width, 3), tf.float32, name="image")
        function = tf.function(lambda image: model.network(image, training=False), input_signature=[signature])
        tf2onnx.convert.from_function(function, [signature], output_path=str(path))


def quantize(
    source: Path, batches: Iterable[NDArray[Any]], path: Path, *, activations: QuantType = QuantType.QInt8
) -> None:
    name = onnx.load(source).graph.input[0].name
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.onnx"
        quant_pre_process(source, ready)
        reader = _Reader(name, iter(batches))
        quantize_static(ready, path, reader, activation_type=activations, per_channel=True)
