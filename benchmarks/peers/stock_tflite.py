"""TFLite as everyone makes it: litert-torch or TFLiteConverter, then ai-edge-quantizer's static int8 recipe."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import recipe
from ai_edge_quantizer.quantizer import Quantizer
from numpy.typing import NDArray

from edgeseg.core.types import Model, Size

__all__ = ["export", "quantize"]


def export(model: Model, size: Size, path: Path) -> None:
    """Each framework is loaded only for its own networks."""
    if model.framework == "torch":
        import litert_torch
        import torch

        image = torch.zeros(1, 3, size.height, size.width)
        path.write_bytes(litert_torch.convert(model.network, (image,)).model_content())
    else:
        import tensorflow as tf

        path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model.network).convert())


def quantize(source: Path, batches: Iterable[NDArray[Any]], path: Path) -> None:
    ((signature, ports),) = Interpreter(str(source)).get_signature_list().items()
    (name,) = ports["inputs"]
    quantizer = Quantizer(str(source), recipe.static_wi8_ai8())
    ranges = quantizer.calibrate({signature: [{name: batch} for batch in batches]})
    quantizer.quantize(ranges).export_model(str(path), overwrite=True)
