"""Float ONNX file to integer QDQ ONNX file, through ONNX Runtime's quantizer with ranges from our own observers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.shape_inference import infer_shapes
from onnx.version_converter import convert_version
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.quant_utils import QuantType

from edgeseg.core.container import OUTPUT_SCALE, OUTPUT_ZERO_POINT, write_facts
from edgeseg.core.errors import QuantizeError, first_line, told_of
from edgeseg.core.files import atomic_path, temporary_folder
from edgeseg.core.protocols import Calibration, QuantizerDeclaration, Recipe
from edgeseg.core.quiet import quiet
from edgeseg.core.types import BYTES, Artifact, InputFacts, OutputFacts
from edgeseg.quantize.convert_onnx import convert
from edgeseg.quantize.finished.operators import ONNX_INT8
from edgeseg.quantize.floating import floating_text, left_in_float
from edgeseg.quantize.integers_onnx.cells import MOVED, move_integers
from edgeseg.quantize.integers_onnx.elu import ELUS, quantize_elus
from edgeseg.quantize.integers_onnx.ends import integer_input, integer_output
from edgeseg.quantize.integers_onnx.floats import keep_in_float
from edgeseg.quantize.integers_onnx.gates import widen_gates
from edgeseg.quantize.integers_onnx.gelu import gelu_operators, quantize_gelus
from edgeseg.quantize.integers_onnx.joins import join_integers
from edgeseg.quantize.integers_onnx.scalings import scaled_ranges, take_scalings_out
from edgeseg.quantize.integers_onnx.spans import float_spans
from edgeseg.quantize.integers_onnx.stem import fold_stem
from edgeseg.quantize.passes import applied_text, blamed_on_pass, chosen
from edgeseg.quantize.passes.alignment import align_channels
from edgeseg.quantize.passes.edit import Editor, drop_unread
from edgeseg.quantize.precisions import activation_of
from edgeseg.quantize.prepare import opset, prepare
from edgeseg.quantize.ranges.calibration import Ranges
from edgeseg.quantize.ranges.concatenations import joined_ranges
from edgeseg.quantize.ranges.rectifiers import cut_ranges, is_saturation
from edgeseg.quantize.raw import CENTRED, byte_range
from edgeseg.quantize.raw.bytes_onnx import XOR_OPSET, centre_bytes, take_bytes
from edgeseg.quantize.raw.fold_onnx import detach_front, fold_normalization
from edgeseg.quantize.ready import Prepared, check_function, make_ready
from edgeseg.quantize.targets import Ends, Target, ends, target_of
from edgeseg.quantize.weights.layers import steps
from edgeseg.quantize.weights.layers_onnx import onnx_network
from edgeseg.quantize.weights.weights_onnx import products

__all__ = ["DECLARATION", "convert", "quantize", "write_prepared"]

DECLARATION = QuantizerDeclaration(format="onnx", package="onnxruntime", extra="onnx")

_TYPES = {
    "int8": QuantType.QInt8,
    "uint8": QuantType.QUInt8,
    "int16": QuantType.QInt16,
    "uint16": QuantType.QUInt16,
}
_WIDE_OPSET = 21
"""With which QuantizeLinear took 16 bits."""
_FUSED_IN_FLOAT = frozenset({"Relu", "Clip", "LeakyRelu"})


def quantize(artifact: Artifact, recipe: Recipe, samples: Calibration, path: Path) -> Artifact:
    """Write a file with int8 weights and activations of 8 bits, or 16, for a stock ONNX Runtime.

    With the head `scores` the output is the integer scores, their scale and zero point in the file's metadata; other
    heads give what the float file gives.

    Raises:
        InputError: An option that there is not, or no samples.
        QuantizeError: The file cannot be quantized.
    """
    target = target_of(recipe, "onnx")
    activation = activation_of(recipe, "onnx", target.activation)
    want = ends(recipe, target, artifact)
    model, ranges, recipe, applied = _made_ready(artifact, recipe, want, target, samples)
    input_name = model.graph.input[0].name
    if want.raw:
        detach_front(model)
        given = byte_range(artifact.facts.input.normalization)
        ranges = replace(ranges, values={**ranges.values, CENTRED: given})
    try:
        with quiet():
            model = _recent(model, activation, raw=want.raw)
            quantized = _quantized(model, ranges, recipe, activation, target.pairs_fit)
    except Exception as error:
        problem = f"ONNX Runtime cannot quantize it: {first_line(error)}; leave that part in --float, or use --fp16"
        raise QuantizeError(f"{artifact.path}: {problem}") from error
    kept = {entry.key: entry.value for entry in model.metadata_props if not entry.key.startswith("edgeseg.")}
    onnx.helper.set_model_props(quantized, kept)
    if "elu" in chosen(recipe):
        applied["elu"] = quantize_elus(quantized, recipe.floating) + quantize_gelus(quantized, recipe.floating)
    widen_gates(quantized)
    join_integers(quantized)
    move_integers(quantized)
    take_scalings_out(model, quantized)
    passes_text = applied_text(applied) + floating_text(recipe.floating)
    facts = replace(
        artifact.facts,
        precision=recipe.precision,
        input=_put_input(quantized, artifact, want, target, activation, input_name),
        output=_put_output(quantized, artifact.facts.output, want, activation),
        parent_sha256=artifact.sha256,
        recipe=f"{recipe.name}: {ranges.method} ranges, {activation} activations, {recipe.weights}{passes_text}",
        target=target.name or None,
        calibration=ranges.source,
        tools={**artifact.facts.tools, "onnxruntime": metadata.version("onnxruntime")},
    )
    ONNXModel(quantized).topological_sort()
    with atomic_path(path) as temporary:
        onnx.save(quantized, temporary)
        write_facts(temporary, facts)
    return Artifact(path, facts)


def write_prepared(artifact: Artifact, recipe: Recipe, path: Path) -> None:
    """See `edgeseg.quantize.write_prepared`."""
    prepare(artifact.path, path, chosen(recipe))


def _made_ready(
    artifact: Artifact, recipe: Recipe, want: Ends, target: Target, samples: Calibration
) -> tuple[onnx.ModelProto, Ranges, Recipe, dict[str, int]]:
    """The prepared model, its ranges, the recipe with floating operators by tensor, and how often each pass applied."""
    with temporary_folder() as folder, told_of(artifact.path, folder / artifact.path.name):
        ready = Artifact(folder / artifact.path.name, artifact.facts)
        model, applied = prepare(artifact.path, ready.path, chosen(recipe))
        recipe = replace(recipe, floating=_floating(model, recipe, artifact.path))
        if want.raw:
            _edit(artifact, fold_normalization, model, artifact.facts.input.normalization)
        _save(model, ready)
        prepared = Prepared(
            ready,
            onnx_network(model),
            model.graph.output[0].name,
            _observed(model),
            lambda: _save(model, ready),
            target.pairs_fit,
        )
        ranges, balanced = make_ready(artifact, prepared, recipe, samples)
        applied |= balanced
        # Behind calibration, which then sees no empty channels.
        if "alignment" in chosen(recipe):
            with blamed_on_pass("alignment", artifact.path):
                applied["alignment"] = align_channels(model)
        if applied.get("alignment"):
            model = infer_shapes(model, data_prop=True)
            aligned = Artifact(folder / "aligned" / artifact.path.name, artifact.facts)
            aligned.path.parent.mkdir()
            _save(model, aligned)
            with told_of(artifact.path, aligned.path):
                check_function(ready, aligned, prepared.output, samples)
    return model, ranges, recipe, applied


def _edit(artifact: Artifact, rewrite: Callable[..., None], *arguments: Any) -> None:
    """Raise QuantizeError for what a rewrite of the input cannot do."""
    try:
        rewrite(*arguments)
    except ValueError as error:
        raise QuantizeError(f"{artifact.path}: it cannot take bytes: {error}; leave out --input") from error


def _put_input(
    quantized: onnx.ModelProto, artifact: Artifact, want: Ends, target: Target, activation: str, name: str
) -> InputFacts:
    """Let a quantized model take, under this name, what is wanted, if it can; returns the facts of its input."""
    given = artifact.facts.input
    if want.raw:
        channels_last = want.layout == "NHWC"
        if integer_input(quantized, channels_last):
            _edit(artifact, take_bytes, quantized, given.normalization, name, target.pairs_fit)
        else:
            centre_bytes(quantized, given.normalization, name, channels_last=channels_last)
        return replace(given, layout=want.layout, dtype="uint8", normalization=BYTES)
    if want.input != "float" and (taken := integer_input(quantized, channels_last=given.layout == "NCHW")):
        fold_stem(quantized, target.pairs_fit)
        return replace(given, layout="NHWC", dtype=activation, scale=taken[0], zero_point=taken[1])
    return given


def _put_output(quantized: onnx.ModelProto, output: OutputFacts, want: Ends, activation: str) -> OutputFacts:
    """Let a quantized model give integers, if they are wanted and it can; returns the facts of its output."""
    if want.integer_output and (put := integer_output(quantized, channels_last=output.layout == "NCHW")):
        for key, value in zip((OUTPUT_SCALE, OUTPUT_ZERO_POINT), put, strict=True):
            quantized.metadata_props.add(key=key, value=repr(value))
        return replace(output, layout="NHWC", dtype=activation)
    return output


def _save(model: onnx.ModelProto, target: Artifact) -> None:
    drop_unread(model)
    onnx.save(model, target.path)
    write_facts(target.path, target.facts)


def _floating(model: onnx.ModelProto, recipe: Recipe, path: Path) -> tuple[str, ...]:
    named = {node.name: node.output[0] for node in model.graph.node}
    given = {name: node.output[0] for node in model.graph.node for name in node.output}
    fused = _before_activation(model, lambda node: node.op_type in _FUSED_IN_FLOAT)
    return left_in_float(recipe.floating, named | given, fused, path)


def _saturated(model: onnx.ModelProto) -> dict[str, str]:
    """Tensors that only a Relu or Clip reads -> what it makes of them, which is all that has to be represented."""
    return _before_activation(model, partial(is_saturation, Editor(model)))


def _before_activation(model: onnx.ModelProto, is_one: Callable[[onnx.NodeProto], bool]) -> dict[str, str]:
    """Tensors that only such an activation reads -> what it makes of them."""
    edit, activations = Editor(model), filter(is_one, model.graph.node)
    return {node.input[0]: node.output[0] for node in activations if edit.only_reader(node.input[0]) is not None}


def _observed(model: onnx.ModelProto) -> set[str]:
    computed = {name for node in model.graph.node for name in node.output}
    return (computed | {given.name for given in model.graph.input}) - {"", *_saturated(model)}


def _recent(model: onnx.ModelProto, activation: str, *, raw: bool) -> onnx.ModelProto:
    """The model in an opset that has what will be written. Behind calibration, which all activations then share."""
    least = _WIDE_OPSET if np.iinfo(activation).bits > 8 else XOR_OPSET if raw and activation == "int8" else 0
    return convert_version(model, least) if opset(model) < least else model


def _quantized(
    model: onnx.ModelProto, ranges: Ranges, recipe: Recipe, activation: str, pairs_fit: bool
) -> onnx.ModelProto:
    floating = (
        float_spans(model)
        | gelu_operators(model)
        | {node.name for node in model.graph.node if node.output[0] in recipe.floating}
    )
    quantizer = QDQQuantizer(
        model,
        per_channel=recipe.per_channel,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=_TYPES[activation],
        tensors_range=_stored_ranges(model, ranges),
        nodes_to_quantize=[],
        nodes_to_exclude=sorted(floating),
        op_types_to_quantize=sorted(ONNX_INT8 | MOVED | ELUS),
        extra_options={
            "ForceQuantizeNoInputCheck": True,
            "TensorQuantOverrides": _scales(model, recipe.per_channel) if pairs_fit else {},
        },
    )
    quantized: onnx.ModelProto = quantizer.quantize_model()
    keep_in_float(quantized, floating, model)
    return quantized


def _stored_ranges(model: onnx.ModelProto, ranges: Ranges) -> TensorsData:
    """The ranges that integers are to span: those observed, each changed by what gives or reads its tensor."""
    found = cut_ranges(model, ranges.values)
    found = joined_ranges(model, found)
    found = scaled_ranges(model, found)
    for name, output in reversed(_saturated(model).items()):  # From the last on, where one follows another.
        if output in found:
            found[name] = found[output]
    limits = {name: TensorData(lowest=np.float32(low), highest=np.float32(high)) for name, (low, high) in found.items()}
    return TensorsData(CalibrationMethod.MinMax, limits)


def _scales(model: onnx.ModelProto, per_channel: bool) -> dict[str, list[dict[str, Any]]]:
    """Scales, as ONNX Runtime's quantizer takes them, of the weights that must keep sums of two products in 16 bits."""
    found = {}
    for product in products(model):
        if not product.depthwise:
            scales = steps(product.kernel[:, None], per_channel, pairs_fit=True).reshape(-1)
            axis = {"axis": product.axis} if per_channel else {}
            found[product.name] = [{**axis, "quant_type": QuantType.QInt8, "scale": s, "zero_point": 0} for s in scales]
    return found
