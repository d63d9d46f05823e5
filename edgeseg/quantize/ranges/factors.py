"""Second factors of matrix products in a TFLite file, with zero in the middle of their integers.

XNNPACK multiplies no others in int8, and what it leaves to LiteRT's own kernel takes some thirty times as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from edgeseg.quantize.ranges.finest import CARRIERS
from edgeseg.quantize.tflite_passes.edit import Editor

__all__ = ["with_centred_factors"]


def with_centred_factors(path: Path, ranges: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """The ranges of a float file's tensors, widened where one is the second factor of a BATCH_MATMUL, or becomes it."""
    model, centred = flatbuffer_utils.read_model(str(path)), dict(ranges)
    edit = Editor(model)
    for product in edit.operators(schema.BuiltinOperator.BATCH_MATMUL):
        index = product.inputs[1]
        while (writer := edit.writer(index)) is not None and edit.kind(writer) in CARRIERS:
            index = next(given for given in writer.inputs if edit.tensor(given).type == edit.tensor(index).type)
        name = edit.tensor(index).name.decode()
        if name in centred:
            low, high = centred[name]
            step = max(-low / 128, high / 127)
            centred[name] = -128 * step, 127 * step
    return centred
