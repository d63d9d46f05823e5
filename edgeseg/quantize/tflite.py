"""Float TFLite file to int8 TFLite file, through ai-edge-quantizer with ranges from our own observers."""

from __future__ import annotations

import tempfile
import warnings
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
from edgeseg.core.types import Artifact, InputFacts
from edgeseg.quantize.calibration import Ranges
from edgeseg.quantize.islands import join_islands
from edgeseg.quantize.large_constants import quantized_in_parts
from edgeseg.quantize.layers_tflite import tflite_network
from edgeseg.quantize.packing import packed
from edgeseg.quantize.passes import applied_text
from edgeseg.quantize.ready import Prepared, make_ready
from edgeseg.quantize.sums import with_wide_sums
from edgeseg.quantize.targets import Ends, ends, target_for

with quiet():
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName
    from ai_edge_quantizer.quantizer import Quantizer

__all__ = ["DECLARATION", "quantize"]

DECLARATION = QuantizerDeclaration(format="tflite", package="ai_edge_quantizer", extra="tflite")


def quantize(artifact: Artifact, recipe: Recipe, samples: Calibration, path: Path) -> Artifact:
    """Write an int8 file with int8 weights and activations, for a stock LiteRT.

    A float input is quantized by the graph's first operator, an int8 one has its scale and zero point in the file.
    With the head `scores` the output is int8, with a scale of its own likewise; other heads give what the float file
    gives, unless the recipe or the target has integers at both ends.

    Raises:
        InputError: An option that there is not, or no samples.
        QuantizeError: The file cannot be quantized.
    """
    if recipe.activation not in ("auto", "int8"):
        raise InputError(f"activation {recipe.activation!r}: a TFLite file can have int8 or auto")
    target = target_for(recipe.target, "tflite")
    output = artifact.facts.output
    want = ends(recipe, target, output.head)
    with tempfile.TemporaryDirectory() as folder:
        prepared = _prepared(artifact, Path(folder) / artifact.path.name)
        ranges, applied = make_ready(artifact, prepared, recipe, samples)
        try:
            with quiet(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                content = _quantized(prepared.artifact.path, ranges, recipe, want)
        except Exception as error:
            problem = f"ai-edge-quantizer cannot quantize it: {first_line(error)}"
            raise QuantizeError(f"{artifact.path}: {problem}") from error
    facts = replace(
        artifact.facts,
        precision="int8",
        input=_input(content, artifact.facts.input) if want.input == "int8" else artifact.facts.input,
        output=replace(output, dtype="int8") if want.integer_output else output,
        parent_sha256=artifact.sha256,
        recipe=f"{recipe.name}: {ranges.method} ranges, int8 activations, {recipe.weights}{applied_text(applied)}",
        target=target.name,
        calibration=ranges.source,
        tools={**artifact.facts.tools, "ai-edge-quantizer": metadata.version("ai-edge-quantizer")},
    )
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
        write_facts(temporary, facts)
    return Artifact(path, facts)


def _prepared(artifact: Artifact, path: Path) -> Prepared:
    """A copy of a float file, whose constants may lie outside of the FlatBuffer."""
    try:
        model = flatbuffer_utils.read_model(str(artifact.path))
        network = tflite_network(model)
        output = model.subgraphs[0].tensors[model.subgraphs[0].outputs[0]].name.decode()
    except Exception as error:
        raise QuantizeError(f"{artifact.path}: LiteRT cannot read it: {first_line(error)}; export it again") from error

    def save() -> None:
        path.write_bytes(packed(model))

    save()
    return Prepared(Artifact(path, artifact.facts), network, output, None, save)


def _input(content: bytes, given: InputFacts) -> InputFacts:
    """The facts of an int8 input."""
    graph = flatbuffer_utils.read_model_from_bytearray(content).subgraphs[0]
    found = graph.tensors[graph.inputs[0]].quantization
    return replace(given, dtype="int8", scale=float(found.scale[0]), zero_point=int(found.zeroPoint[0]))


def _quantized(path: Path, ranges: Ranges, recipe: Recipe, want: Ends) -> bytes:
    tool = Quantizer(str(path))
    granularity = QuantGranularity.CHANNELWISE if recipe.per_channel else QuantGranularity.TENSORWISE
    tool.add_static_config(".*", TFLOperationName.ALL_SUPPORTED, 8, 8, granularity)
    floats = {TFLOperationName.INPUT: want.input == "float", TFLOperationName.OUTPUT: not want.integer_output}
    for port in (port for port, is_float in floats.items() if is_float):
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
    return packed(model)
