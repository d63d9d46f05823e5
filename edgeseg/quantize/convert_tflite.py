"""Float TFLite file to half-float weights, or to int8 weights with activations that LiteRT quantizes as it runs."""

from __future__ import annotations

import warnings
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from ai_edge_litert.tools import flatbuffer_utils

from edgeseg.core.container import write_facts
from edgeseg.core.errors import InputError, QuantizeError, first_line
from edgeseg.core.files import atomic_path
from edgeseg.core.protocols import Recipe
from edgeseg.core.quiet import quiet
from edgeseg.core.types import Artifact
from edgeseg.quantize.large_constants import quantized_in_parts
from edgeseg.quantize.packing import packed
from edgeseg.quantize.targets import target_for
from edgeseg.quantize.weights.finite_tflite import read_whole

with quiet():
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import (
        ComputePrecision,
        OpQuantizationConfig,
        TensorDataType,
        TensorQuantizationConfig,
        TFLOperationName,
    )
    from ai_edge_quantizer.quantizer import Quantizer

__all__ = ["convert"]

_TEXTS = {
    "fp16": "float16 weights, float32 activations",
    "int8-dynamic": "int8 weights, int8 activations quantized at run time",
}


def convert(artifact: Artifact, recipe: Recipe, path: Path) -> Artifact:
    """See `edgeseg.quantize.convert`."""
    target = target_for(recipe.target, "tflite") if recipe.precision == "int8-dynamic" else None
    if target and target.integer_only:
        raise InputError(f"target {target.name} computes in static int8 alone; use --int8")
    read_whole(artifact.path)
    try:
        with quiet(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = _converted(artifact.path, dynamic=target is not None)
    except Exception as error:
        problem = f"ai-edge-quantizer cannot convert it to {recipe.precision}: {first_line(error)}"
        raise QuantizeError(f"{artifact.path}: {problem}") from error
    facts = replace(
        artifact.facts,
        precision=recipe.precision,
        parent_sha256=artifact.sha256,
        recipe=f"{recipe.name}: {_TEXTS[recipe.precision]}",
        target=target.name if target else None,
        tools={**artifact.facts.tools, "ai-edge-quantizer": metadata.version("ai-edge-quantizer")},
    )
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
        write_facts(temporary, facts)
    return Artifact(path, facts)


def _converted(path: Path, dynamic: bool) -> bytes:
    tool = Quantizer(str(path))
    every = ".*", TFLOperationName.ALL_SUPPORTED
    if dynamic:
        tool.add_dynamic_config(*every, num_bits=8)
    else:
        tool.update_quantization_recipe(*every, _half_floats(), AlgorithmName.FLOAT_CASTING)
    with quantized_in_parts():
        quantized = tool.quantize(enable_progress_report=False)
    # See `tflite.py` for why it is packed anew.
    return packed(flatbuffer_utils.read_model_from_bytearray(quantized.quantized_model))


def _half_floats() -> Any:
    weights = TensorQuantizationConfig(num_bits=16, dtype=TensorDataType.FLOAT)
    return OpQuantizationConfig(
        weight_tensor_config=weights, compute_precision=ComputePrecision.FLOAT, explicit_dequantize=True
    )
