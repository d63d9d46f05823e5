"""Float TFLite file to int8 TFLite file, through ai-edge-quantizer with ranges from our own observers."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Collection
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils

from edgeseg.core.container import write_facts
from edgeseg.core.errors import InputError, QuantizeError, first_line
from edgeseg.core.files import atomic_path
from edgeseg.core.protocols import Calibration, QuantizerDeclaration, Recipe
from edgeseg.core.quiet import quiet
from edgeseg.core.types import Artifact
from edgeseg.quantize.calibration import Ranges
from edgeseg.quantize.floating import floating_text, left_in_float
from edgeseg.quantize.islands import join_islands
from edgeseg.quantize.large_constants import quantized_in_parts
from edgeseg.quantize.layers_tflite import tflite_network
from edgeseg.quantize.packing import packed
from edgeseg.quantize.passes import applied_text, chosen
from edgeseg.quantize.ready import Prepared, make_ready
from edgeseg.quantize.sums import with_wide_sums
from edgeseg.quantize.tflite_passes.average import convolve_averages
from edgeseg.quantize.tflite_passes.elu import join_elus
from edgeseg.quantize.tflite_passes.grouped import regroup_convolutions
from edgeseg.quantize.tflite_passes.hard_swish import multiply_hard_swishes
from edgeseg.quantize.tflite_passes.relu import requantize_rectified
from edgeseg.quantize.tflite_passes.shuffle import convolve_shuffles
from edgeseg.quantize.tflite_passes.stem import fold_stems

with quiet():
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName
    from ai_edge_quantizer.quantizer import Quantizer

__all__ = ["DECLARATION", "quantize", "write_prepared"]

DECLARATION = QuantizerDeclaration(format="tflite", package="ai_edge_quantizer", extra="tflite")

_REWRITES = {
    "average": convolve_averages,
    "grouped": regroup_convolutions,
    "shuffle": convolve_shuffles,
    "elu": join_elus,
}
_INTEGER_REWRITES = (join_islands, requantize_rectified, multiply_hard_swishes, fold_stems)


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
    output = artifact.facts.output
    integer_output = output.head == "scores"
    with tempfile.TemporaryDirectory() as folder:
        prepared, rewritten = _prepared(artifact, Path(folder) / artifact.path.name, chosen(recipe))
        recipe = replace(recipe, floating=_floating(prepared.artifact.path, recipe, artifact.path))
        ranges, balanced = make_ready(artifact, prepared, recipe, samples)
        try:
            with quiet(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                content = _quantized(prepared.artifact.path, ranges, recipe, integer_output)
        except Exception as error:
            problem = f"ai-edge-quantizer cannot quantize it: {first_line(error)}"
            raise QuantizeError(f"{artifact.path}: {problem}") from error
    passes_text = applied_text(rewritten | balanced) + floating_text(recipe.floating)
    facts = replace(
        artifact.facts,
        precision="int8",
        output=replace(output, dtype="int8") if integer_output else output,
        parent_sha256=artifact.sha256,
        recipe=f"{recipe.name}: {ranges.method} ranges, int8 activations, {recipe.weights}{passes_text}",
        calibration=ranges.source,
        tools={**artifact.facts.tools, "ai-edge-quantizer": metadata.version("ai-edge-quantizer")},
    )
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
        write_facts(temporary, facts)
    return Artifact(path, facts)


def write_prepared(artifact: Artifact, recipe: Recipe, path: Path) -> None:
    """See `edgeseg.quantize.write_prepared`."""
    _prepared(artifact, path, chosen(recipe))


def _prepared(artifact: Artifact, path: Path, passes: Collection[str]) -> tuple[Prepared, dict[str, int]]:
    """A rewritten copy of a float file, and how often each pass applied."""
    try:
        model = flatbuffer_utils.read_model(str(artifact.path))
        applied = {name: rewrite(model) for name, rewrite in _REWRITES.items() if name in passes}
        network = tflite_network(model)
        output = model.subgraphs[0].tensors[model.subgraphs[0].outputs[0]].name.decode()
    except Exception as error:
        raise QuantizeError(f"{artifact.path}: LiteRT cannot read it: {first_line(error)}; export it again") from error

    def save() -> None:
        path.write_bytes(packed(model))

    save()
    return Prepared(Artifact(path, artifact.facts), network, output, None, save), applied


def _floating(prepared: Path, recipe: Recipe, path: Path) -> tuple[str, ...]:
    operators = {name: given[0] for given in _given(prepared) for name in given} if recipe.floating else {}
    return left_in_float(recipe.floating, operators, {}, path)


def _given(path: Path) -> list[list[str]]:
    """The tensors that each operator of a file gives."""
    graph = flatbuffer_utils.read_model(str(path)).subgraphs[0]
    return [[graph.tensors[i].name.decode() for i in op.outputs] for op in graph.operators]


def _quantized(path: Path, ranges: Ranges, recipe: Recipe, integer_output: bool) -> bytes:
    tool = Quantizer(str(path))
    granularity = QuantGranularity.CHANNELWISE if recipe.per_channel else QuantGranularity.TENSORWISE
    tool.add_static_config(".*", TFLOperationName.ALL_SUPPORTED, 8, 8, granularity)
    for port in (TFLOperationName.INPUT,) if integer_output else (TFLOperationName.INPUT, TFLOperationName.OUTPUT):
        tool.update_quantization_recipe(".*", port, algorithm_key=AlgorithmName.NO_QUANTIZE)
    for given in _given(path) if recipe.floating else ():
        if given[0] in recipe.floating:
            scope = f"^{re.escape(';'.join(given))};$"
            tool.update_quantization_recipe(
                scope, TFLOperationName.ALL_SUPPORTED, algorithm_key=AlgorithmName.NO_QUANTIZE
            )
    wide = with_wide_sums(path, ranges.values)
    limits = {name: {"min": np.float32(low), "max": np.float32(high)} for name, (low, high) in wide.items()}
    with quantized_in_parts():
        quantized = tool.quantize(limits, enable_progress_report=False)
    return _self_contained(quantized.quantized_model)


def _self_contained(content: bytes) -> bytes:
    """The same model with the constants inside its FlatBuffer, and with its operators in faster forms.

    ai-edge-quantizer puts constants behind it, where readers that know only the schema do not look.
    """
    model = flatbuffer_utils.read_model_from_bytearray(content)
    for rewrite in _INTEGER_REWRITES:
        rewrite(model)
    return packed(model)
