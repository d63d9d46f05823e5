"""Float TFLite file to int8 TFLite file, through ai-edge-quantizer with ranges from our own observers."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from edgeseg.core.container import write_facts
from edgeseg.core.errors import InputError, QuantizeError, first_line
from edgeseg.core.files import atomic_path
from edgeseg.core.protocols import Calibration, QuantizerDeclaration, Recipe
from edgeseg.core.quiet import quiet
from edgeseg.core.types import Artifact
from edgeseg.quantize.calibration import Ranges, calibrate
from edgeseg.quantize.islands import join_islands
from edgeseg.quantize.large_constants import quantized_in_parts
from edgeseg.quantize.sums import with_wide_sums

with quiet():
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName
    from ai_edge_quantizer.quantizer import Quantizer

__all__ = ["DECLARATION", "quantize"]

DECLARATION = QuantizerDeclaration(format="tflite", package="ai_edge_quantizer", extra="tflite")

_ALIGNMENT = 16
"""Of a constant's bytes in a TFLite file."""


def quantize(artifact: Artifact, recipe: Recipe, samples: Calibration, path: Path) -> Artifact:
    """Write an int8 file with int8 weights and activations, for a stock LiteRT.

    The input stays float, quantized by the graph's first operator. With the head `scores` the output is int8, which
    carries its own scale and zero point; other heads give what the float file gives.

    Raises:
        InputError: An option that there is not, or no samples.
        QuantizeError: The file cannot be quantized.
    """
    if recipe.activation not in ("auto", "int8"):
        raise InputError(f"activation {recipe.activation!r}: a TFLite file can have int8 or auto")
    ranges = calibrate(artifact, recipe, samples)
    output = artifact.facts.output
    integer_output = output.head == "scores"
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = _quantized(artifact.path, ranges, recipe, integer_output)
    except Exception as error:
        raise QuantizeError(f"{artifact.path}: ai-edge-quantizer cannot quantize it: {first_line(error)}") from error
    facts = replace(
        artifact.facts,
        precision="int8",
        output=replace(output, dtype="int8") if integer_output else output,
        parent_sha256=artifact.sha256,
        recipe=f"{recipe.name}: {ranges.method} ranges, int8 activations, {recipe.weights}",
        calibration=ranges.source,
        tools={**artifact.facts.tools, "ai-edge-quantizer": metadata.version("ai-edge-quantizer")},
    )
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
        write_facts(temporary, facts)
    return Artifact(path, facts)


def _quantized(path: Path, ranges: Ranges, recipe: Recipe, integer_output: bool) -> bytes:
    tool = Quantizer(str(path))
    granularity = QuantGranularity.CHANNELWISE if recipe.per_channel else QuantGranularity.TENSORWISE
    tool.add_static_config(".*", TFLOperationName.ALL_SUPPORTED, 8, 8, granularity)
    for port in (TFLOperationName.INPUT,) if integer_output else (TFLOperationName.INPUT, TFLOperationName.OUTPUT):
        tool.update_quantization_recipe(".*", port, algorithm_key=AlgorithmName.NO_QUANTIZE)
    wide = with_wide_sums(path, ranges.values)
    limits = {name: {"min": np.float32(low), "max": np.float32(high)} for name, (low, high) in wide.items()}
    with quantized_in_parts():
        quantized = tool.quantize(limits, enable_progress_report=False)
    return _self_contained(quantized.quantized_model)


def _self_contained(content: bytes) -> bytes:
    """The same model with the constants inside its FlatBuffer, and with fewer operators in float.

    ai-edge-quantizer puts constants behind it, where readers that know only the schema do not look.
    """
    model = flatbuffer_utils.read_model_from_bytearray(content)
    join_islands(model)
    model.buffers = [_Constant(buffer.data) for buffer in model.buffers]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


@dataclass(frozen=True)
class _Constant:
    """A buffer that is aligned when it is packed, which the generated schema forgets to do."""

    data: Any

    def Pack(self, builder: Any) -> int:
        """What the generated schema calls."""
        content = None
        if self.data is not None and len(self.data):
            builder.Prep(_ALIGNMENT, len(self.data))
            content = builder.CreateByteVector(bytes(self.data))
        schema.BufferStart(builder)
        if content is not None:
            schema.BufferAddData(builder, content)
        return int(schema.BufferEnd(builder))
