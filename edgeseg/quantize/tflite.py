"""Float TFLite file to int8 TFLite file, through ai-edge-quantizer with ranges from our own observers."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils

from edgeseg.core.container import write_facts
from edgeseg.core.errors import InputError, QuantizeError, first_line
from edgeseg.core.files import atomic_path
from edgeseg.core.protocols import Calibration, QuantizerDeclaration, Recipe
from edgeseg.core.quiet import quiet
from edgeseg.core.types import BYTES, Artifact, InputFacts, Normalization
from edgeseg.quantize.calibration import Ranges
from edgeseg.quantize.dilations import even_dilations
from edgeseg.quantize.islands import join_islands
from edgeseg.quantize.large_constants import quantized_in_parts
from edgeseg.quantize.layers_tflite import tflite_network
from edgeseg.quantize.packing import packed
from edgeseg.quantize.passes import applied_text
from edgeseg.quantize.raw import CENTRED, byte_range
from edgeseg.quantize.raw.bytes_tflite import take_bytes
from edgeseg.quantize.raw.fold_tflite import detach_front, fold_normalization
from edgeseg.quantize.ready import Prepared, make_ready
from edgeseg.quantize.sums import with_wide_sums
from edgeseg.quantize.targets import Ends, Target, ends, target_for

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
    output, normalization = artifact.facts.output, artifact.facts.input.normalization
    want = ends(recipe, target, output.head)
    if want.raw and not want.layout == artifact.facts.input.layout == "NHWC":
        raise InputError(f"{artifact.path}: input {recipe.input}: TFLite takes bytes as NHWC, from an NHWC file")
    with tempfile.TemporaryDirectory() as folder:
        model, prepared = _prepared(artifact, Path(folder) / artifact.path.name, want, target)
        ranges, applied = make_ready(artifact, prepared, recipe, samples)
        if want.raw:
            detach_front(model)
            prepared.save()
            ranges = replace(ranges, values={**ranges.values, CENTRED: byte_range(normalization)})
        try:
            with quiet(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                content = _quantized(prepared.artifact.path, ranges, recipe, want, normalization)
        except Exception as error:
            problem = f"ai-edge-quantizer cannot quantize it: {first_line(error)}"
            raise QuantizeError(f"{artifact.path}: {problem}") from error
    facts = replace(
        artifact.facts,
        precision="int8",
        input=_input(content, artifact.facts.input, want),
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


def _prepared(artifact: Artifact, path: Path, want: Ends, target: Target) -> tuple[Any, Prepared]:
    """A copy of a float file, whose constants may lie outside of the FlatBuffer, and what was written."""
    try:
        model = flatbuffer_utils.read_model(str(artifact.path))
        if target.integer_only:
            even_dilations(model)
        if want.raw:
            fold_normalization(model, artifact.facts.input.normalization, ring=not target.integer_only)
        network = tflite_network(model)
        output = model.subgraphs[0].tensors[model.subgraphs[0].outputs[0]].name.decode()
    except Exception as error:
        raise QuantizeError(f"{artifact.path}: LiteRT cannot read it: {first_line(error)}; export it again") from error

    def save() -> None:
        path.write_bytes(packed(model))

    save()
    return model, Prepared(Artifact(path, artifact.facts), network, output, None, save)


def _input(content: bytes, given: InputFacts, want: Ends) -> InputFacts:
    """The facts of the input."""
    if want.raw:
        return replace(given, dtype="uint8", normalization=BYTES)
    if want.input == "float":
        return given
    graph = flatbuffer_utils.read_model_from_bytearray(content).subgraphs[0]
    found = graph.tensors[graph.inputs[0]].quantization
    return replace(given, dtype="int8", scale=float(found.scale[0]), zero_point=int(found.zeroPoint[0]))


def _quantized(path: Path, ranges: Ranges, recipe: Recipe, want: Ends, normalization: Normalization) -> bytes:
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
    # ai-edge-quantizer puts constants behind the FlatBuffer, where readers that know only the schema do not look.
    model = flatbuffer_utils.read_model_from_bytearray(quantized.quantized_model)
    join_islands(model)
    if want.raw:
        take_bytes(model, normalization)
    return packed(model)
