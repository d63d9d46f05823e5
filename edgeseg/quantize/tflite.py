"""Float TFLite file to integer TFLite file, through ai-edge-quantizer with ranges from our own observers."""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterator
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from edgeseg.core.container import write_facts
from edgeseg.core.errors import InputError, QuantizeError, first_line, told_of
from edgeseg.core.files import atomic_path, temporary_folder
from edgeseg.core.protocols import Calibration, QuantizerDeclaration, Recipe
from edgeseg.core.quiet import quiet
from edgeseg.core.types import BYTES, Artifact, InputFacts, Normalization, OutputFacts
from edgeseg.quantize.convert_tflite import convert
from edgeseg.quantize.floating import floating_text, left_in_float
from edgeseg.quantize.large_constants import quantized_in_parts
from edgeseg.quantize.packing import packed
from edgeseg.quantize.passes import applied_text, blamed, blamed_on_pass, chosen
from edgeseg.quantize.precisions import activation_of
from edgeseg.quantize.ranges.calibration import Ranges
from edgeseg.quantize.ranges.factors import with_centred_factors
from edgeseg.quantize.ranges.finest import with_wide_results
from edgeseg.quantize.raw import CENTRED, byte_range
from edgeseg.quantize.raw.bytes_tflite import take_bytes
from edgeseg.quantize.raw.fold_tflite import detach_front, fold_normalization
from edgeseg.quantize.ready import Prepared, make_ready
from edgeseg.quantize.targets import Ends, Target, ends, target_of
from edgeseg.quantize.tflite_passes.average import convolve_averages
from edgeseg.quantize.tflite_passes.dilated import dilate_convolutions
from edgeseg.quantize.tflite_passes.dilations import even_dilations
from edgeseg.quantize.tflite_passes.elu import join_elus
from edgeseg.quantize.tflite_passes.grouped import regroup_convolutions
from edgeseg.quantize.tflite_passes.hard_swish import multiply_hard_swishes
from edgeseg.quantize.tflite_passes.islands import join_islands
from edgeseg.quantize.tflite_passes.outputs import keep_first_output, keep_first_signature
from edgeseg.quantize.tflite_passes.pointwise import convolve_early
from edgeseg.quantize.tflite_passes.prelu import share_slopes
from edgeseg.quantize.tflite_passes.relu import requantize_rectified
from edgeseg.quantize.tflite_passes.shuffle import convolve_shuffles
from edgeseg.quantize.tflite_passes.spans import float_spans
from edgeseg.quantize.tflite_passes.stem import fold_stems
from edgeseg.quantize.weights.biases import hold_biases
from edgeseg.quantize.weights.finite_tflite import read_whole
from edgeseg.quantize.weights.layers_tflite import tflite_network

with quiet():
    from ai_edge_quantizer.algorithm_manager import AlgorithmName
    from ai_edge_quantizer.qtyping import QuantGranularity, TFLOperationName
    from ai_edge_quantizer.quantizer import Quantizer

__all__ = ["DECLARATION", "convert", "quantize", "write_prepared"]

DECLARATION = QuantizerDeclaration(format="tflite", package="ai_edge_quantizer", extra="tflite")

_REWRITES = {
    "dilated": dilate_convolutions,
    "activations": share_slopes,
    "average": convolve_averages,
    "grouped": regroup_convolutions,
    "shuffle": convolve_shuffles,
    "pointwise": convolve_early,
    "elu": join_elus,
}
_FOR_XNNPACK = (requantize_rectified, multiply_hard_swishes, fold_stems)


def quantize(artifact: Artifact, recipe: Recipe, samples: Calibration, path: Path) -> Artifact:
    """Write a file with int8 weights and activations of 8 bits, or 16, for a stock LiteRT.

    A float input is quantized by the graph's first operator, an int8 one has its scale and zero point in the file.
    With the head `scores` the output is integers, with a scale of its own likewise; other heads give what the float
    file gives, unless the recipe or the target has integers at both ends.

    Raises:
        InputError: An option that there is not, or no samples.
        QuantizeError: The file cannot be quantized.
    """
    target = target_of(recipe, "tflite")
    activation = activation_of(recipe, "tflite", target.activation)
    normalization = artifact.facts.input.normalization
    want = _wanted(artifact, recipe, target)
    with temporary_folder() as folder, told_of(artifact.path, folder / artifact.path.name):
        model, applied = _rewritten(artifact, recipe, want, target)
        prepared = _prepared(artifact, model, folder / artifact.path.name)
        recipe = replace(recipe, floating=_floating(prepared.artifact.path, recipe, artifact.path))
        ranges, balanced = make_ready(artifact, prepared, recipe, samples)
        hold_biases(prepared.network, _stored_ranges(prepared.artifact.path, ranges, target), np.iinfo(activation).bits)
        if want.raw:
            detach_front(model)
            ranges = replace(ranges, values={**ranges.values, CENTRED: byte_range(normalization)})
        prepared.save()
        try:
            with quiet(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                floating = {*recipe.floating, *(() if target.integer_only else _spans(model))}
                content = _quantized(prepared.artifact.path, ranges, recipe, floating, want, normalization, target)
        except Exception as error:
            problem = f"ai-edge-quantizer cannot quantize it: {first_line(error)}"
            raise QuantizeError(f"{artifact.path}: {problem}") from error
    passes_text = applied_text(applied | balanced) + floating_text(recipe.floating)
    graph = flatbuffer_utils.read_model_from_bytearray(content).subgraphs[0]
    facts = replace(
        artifact.facts,
        precision=recipe.precision,
        input=_input(graph, artifact.facts.input, want),
        output=_output(graph, artifact.facts.output, want, activation),
        parent_sha256=artifact.sha256,
        recipe=f"{recipe.name}: {ranges.method} ranges, {activation} activations, {recipe.weights}{passes_text}",
        target=target.name or None,
        calibration=ranges.source,
        tools={**artifact.facts.tools, "ai-edge-quantizer": metadata.version("ai-edge-quantizer")},
    )
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
        write_facts(temporary, facts)
    return Artifact(path, facts)


def write_prepared(artifact: Artifact, recipe: Recipe, path: Path) -> None:
    """See `edgeseg.quantize.write_prepared`."""
    target = target_of(recipe, "tflite")
    model, _ = _rewritten(artifact, recipe, _wanted(artifact, recipe, target), target)
    path.write_bytes(packed(model))


def _wanted(artifact: Artifact, recipe: Recipe, target: Target) -> Ends:
    """What is asked for at the ends; InputError for what TFLite does not have."""
    want = ends(recipe, target, artifact)
    if want.raw and not want.layout == artifact.facts.input.layout == "NHWC":
        raise InputError(f"{artifact.path}: input {recipe.input}: TFLite takes bytes as NHWC, from an NHWC file")
    return want


def _rewritten(artifact: Artifact, recipe: Recipe, want: Ends, target: Target) -> tuple[Any, dict[str, int]]:
    """The model of a float file in the forms that have int8 kernels, and how often each pass applied."""
    passes, model = chosen(recipe), read_whole(artifact.path)
    with blamed(artifact.path, "LiteRT cannot read it", "export it again"):
        keep_first_signature(model)
        keep_first_output(model)
    _refuse_branches(model, artifact.path)
    applied = {}
    for name, rewrite in _REWRITES.items():
        with blamed_on_pass(name, artifact.path):
            applied[name] = rewrite(model) if name in passes else 0
    if target.integer_only:
        with blamed(artifact.path, f"it cannot be made for {target.name}", "choose another --target"):
            even_dilations(model)
    if want.raw:
        with blamed(artifact.path, "it cannot take bytes", "leave out --input"):
            fold_normalization(model, artifact.facts.input.normalization, ring=not target.integer_only)
    return model, applied


def _refuse_branches(model: Any, path: Path) -> None:
    """Raise QuantizeError where an operator runs a graph of its own."""
    names = {schema.BuiltinOperator.WHILE: "WHILE", schema.BuiltinOperator.IF: "IF"}
    for code in model.operatorCodes:
        if code.builtinCode in names:
            raise QuantizeError(
                f"{path}: {names[code.builtinCode]} runs a graph of its own, which is not looked into; export the "
                "network again without it"
            )


def _prepared(artifact: Artifact, model: Any, path: Path) -> Prepared:
    """The model as a file."""

    def save() -> None:
        path.write_bytes(packed(model))

    save()
    output = model.subgraphs[0].tensors[model.subgraphs[0].outputs[0]].name.decode()
    return Prepared(Artifact(path, artifact.facts), tflite_network(model), output, None, save)


def _floating(prepared: Path, recipe: Recipe, path: Path) -> tuple[str, ...]:
    operators = {name: given[0] for given in _given(prepared) for name in given} if recipe.floating else {}
    return left_in_float(recipe.floating, operators, {}, path)


def _spans(model: Any) -> Iterator[str]:
    """What gives the operators that stay in float wherever there may be any."""
    tensors = model.subgraphs[0].tensors
    return (tensors[op.outputs[0]].name.decode() for op in float_spans(model))


def _given(path: Path) -> list[list[str]]:
    """The tensors that each operator of a file gives."""
    graph = flatbuffer_utils.read_model(str(path)).subgraphs[0]
    return [[graph.tensors[i].name.decode() for i in op.outputs] for op in graph.operators]


def _input(graph: Any, given: InputFacts, want: Ends) -> InputFacts:
    """The facts of the input."""
    if want.raw:
        return replace(given, dtype="uint8", normalization=BYTES)
    tensor = graph.tensors[graph.inputs[0]]
    if tensor.type == schema.TensorType.FLOAT32:
        return given
    found = tensor.quantization
    return replace(given, dtype="int8", scale=float(found.scale[0]), zero_point=int(found.zeroPoint[0]))


def _output(graph: Any, given: OutputFacts, want: Ends, activation: str) -> OutputFacts:
    """The facts of the output, which stays float where what gives it does."""
    is_float = graph.tensors[graph.outputs[0]].type == schema.TensorType.FLOAT32
    return replace(given, dtype=activation) if want.integer_output and not is_float else given


def _is_for_xnnpack(target: Target) -> bool:
    return target.name == "tflite-xnnpack"


def _stored_ranges(path: Path, ranges: Ranges, target: Target) -> dict[str, tuple[float, float]]:
    """The ranges that integers are to span: those observed, as the kernels need them."""
    centred = with_centred_factors(path, ranges.values) if _is_for_xnnpack(target) else ranges.values
    return with_wide_results(path, centred)


def _quantized(
    path: Path,
    ranges: Ranges,
    recipe: Recipe,
    floating: Collection[str],
    want: Ends,
    normalization: Normalization,
    target: Target,
) -> bytes:
    tool = Quantizer(str(path))
    granularity = QuantGranularity.CHANNELWISE if recipe.per_channel else QuantGranularity.TENSORWISE
    bits = np.iinfo(target.activation).bits
    tool.add_static_config(".*", TFLOperationName.ALL_SUPPORTED, bits, 8, granularity)
    # Its kernels have one scale for all channels, and take the first one's where a file has more.
    tool.add_static_config(".*", TFLOperationName.BATCH_MATMUL, bits, 8, QuantGranularity.TENSORWISE)
    floats = {TFLOperationName.INPUT: want.input == "float", TFLOperationName.OUTPUT: not want.integer_output}
    for port in (port for port, is_float in floats.items() if is_float):
        tool.update_quantization_recipe(".*", port, algorithm_key=AlgorithmName.NO_QUANTIZE)
    for given in _given(path) if floating else ():
        if given[0] in floating:
            scope = f"^{re.escape(';'.join(given))};$"
            tool.update_quantization_recipe(
                scope, TFLOperationName.ALL_SUPPORTED, algorithm_key=AlgorithmName.NO_QUANTIZE
            )
    stored = _stored_ranges(path, ranges, target)
    limits = {name: {"min": np.float32(low), "max": np.float32(high)} for name, (low, high) in stored.items()}
    with quantized_in_parts():
        quantized = tool.quantize(limits, enable_progress_report=False)
    # ai-edge-quantizer puts constants behind the FlatBuffer, where readers that know only the schema do not look.
    model = flatbuffer_utils.read_model_from_bytearray(quantized.quantized_model)
    join_islands(model)
    if want.raw:
        take_bytes(model, normalization)
    for rewrite in _FOR_XNNPACK if _is_for_xnnpack(target) else ():
        rewrite(model)
    return packed(model)
