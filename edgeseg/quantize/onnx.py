"""Float ONNX file to int8 QDQ ONNX file, through ONNX Runtime's quantizer with ranges from our own observers."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Collection
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.quant_utils import QuantType

from edgeseg.core.container import OUTPUT_SCALE, OUTPUT_ZERO_POINT, write_facts
from edgeseg.core.errors import InputError, QuantizeError, first_line
from edgeseg.core.files import atomic_path
from edgeseg.core.protocols import Calibration, QuantizerDeclaration, Recipe
from edgeseg.core.quiet import quiet
from edgeseg.core.types import Artifact
from edgeseg.quantize.calibration import Ranges
from edgeseg.quantize.cells import MOVED, move_integers
from edgeseg.quantize.ends import integer_input, integer_output
from edgeseg.quantize.floating import floating_text, left_in_float
from edgeseg.quantize.layers_onnx import onnx_network
from edgeseg.quantize.operators import ONNX_INT8
from edgeseg.quantize.passes import applied_text, chosen
from edgeseg.quantize.passes.edit import drop_unread
from edgeseg.quantize.prepare import prepare
from edgeseg.quantize.ready import Prepared, make_ready
from edgeseg.quantize.scalings import scaled_ranges, take_scalings_out
from edgeseg.quantize.stem import fold_stem

__all__ = ["DECLARATION", "quantize", "write_prepared"]

DECLARATION = QuantizerDeclaration(format="onnx", package="onnxruntime", extra="onnx")

_TYPES = {"int8": QuantType.QInt8, "uint8": QuantType.QUInt8}
_ACTIVATIONS = frozenset({"Relu", "Clip"})
_FUSED_IN_FLOAT = _ACTIVATIONS | {"LeakyRelu"}


def quantize(artifact: Artifact, recipe: Recipe, samples: Calibration, path: Path) -> Artifact:
    """Write an int8 file with int8 weights and 8-bit activations, for a stock ONNX Runtime.

    With the head `scores` the output is the integer scores, their scale and zero point in the file's metadata; other
    heads give what the float file gives. Activation `auto` is uint8 on x86 and int8 elsewhere, by this machine.

    Raises:
        InputError: An option that there is not, or no samples.
        QuantizeError: The file cannot be quantized.
    """
    activation, passes = _activation(recipe), chosen(recipe)
    with tempfile.TemporaryDirectory() as folder:
        target = Artifact(Path(folder) / artifact.path.name, artifact.facts)
        model, applied = prepare(artifact.path, target.path, passes)
        write_facts(target.path, target.facts)
        recipe = replace(recipe, floating=_floating(model, recipe, artifact.path))
        output_name = model.graph.output[0].name
        prepared = Prepared(target, onnx_network(model), output_name, _observed(model), lambda: _save(model, target))
        ranges, balanced = make_ready(artifact, prepared, recipe, samples)
    passes_text = applied_text(applied | balanced) + floating_text(recipe.floating)
    try:
        with quiet():
            quantized = _quantized(model, ranges, recipe, activation)
    except Exception as error:
        raise QuantizeError(f"{artifact.path}: ONNX Runtime cannot quantize it: {first_line(error)}") from error
    kept = {entry.key: entry.value for entry in model.metadata_props if not entry.key.startswith("edgeseg.")}
    move_integers(quantized)
    take_scalings_out(model, quantized)
    given, output = artifact.facts.input, artifact.facts.output
    if taken := integer_input(quantized, channels_last=given.layout == "NCHW"):
        given = replace(given, layout="NHWC", dtype=activation, scale=taken[0], zero_point=taken[1])
        fold_stem(quantized)
    if output.head == "scores" and (put := integer_output(quantized, channels_last=output.layout == "NCHW")):
        kept[OUTPUT_SCALE], kept[OUTPUT_ZERO_POINT] = map(repr, put)
        output = replace(output, layout="NHWC", dtype=activation)
    onnx.helper.set_model_props(quantized, kept)
    facts = replace(
        artifact.facts,
        precision="int8",
        input=given,
        output=output,
        parent_sha256=artifact.sha256,
        recipe=f"{recipe.name}: {ranges.method} ranges, {activation} activations, {recipe.weights}{passes_text}",
        calibration=ranges.source,
        tools={**artifact.facts.tools, "onnxruntime": metadata.version("onnxruntime")},
    )
    with atomic_path(path) as temporary:
        onnx.save(quantized, temporary)
        write_facts(temporary, facts)
    return Artifact(path, facts)


def write_prepared(artifact: Artifact, recipe: Recipe, path: Path) -> None:
    """See `edgeseg.quantize.write_prepared`."""
    prepare(artifact.path, path, chosen(recipe))


def _save(model: onnx.ModelProto, target: Artifact) -> None:
    drop_unread(model)
    onnx.save(model, target.path)
    write_facts(target.path, target.facts)


def _activation(recipe: Recipe) -> str:
    if recipe.activation == "auto":
        return "uint8" if platform.machine().lower() in ("x86_64", "amd64") else "int8"
    if recipe.activation not in _TYPES:
        raise InputError(f"activation {recipe.activation!r}: an ONNX file can have {', '.join(_TYPES)} or auto")
    return recipe.activation


def _floating(model: onnx.ModelProto, recipe: Recipe, path: Path) -> tuple[str, ...]:
    named = {node.name: node.output[0] for node in model.graph.node}
    given = {name: node.output[0] for node in model.graph.node for name in node.output}
    return left_in_float(recipe.floating, named | given, _before_activation(model, _FUSED_IN_FLOAT), path)


def _before_activation(model: onnx.ModelProto, ops: Collection[str] = _ACTIVATIONS) -> dict[str, str]:
    """Tensors that only a Relu or Clip reads -> what it makes of them, which is all that has to be represented."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    outputs = {output.name for output in model.graph.output}
    return {
        name: nodes[0].output[0]
        for name, nodes in readers.items()
        if len(nodes) == 1 and nodes[0].op_type in ops and nodes[0].input[0] == name and name not in outputs
    }


def _observed(model: onnx.ModelProto) -> set[str]:
    computed = {name for node in model.graph.node for name in node.output}
    return (computed | {given.name for given in model.graph.input}) - _before_activation(model).keys()


def _quantized(model: onnx.ModelProto, ranges: Ranges, recipe: Recipe, activation: str) -> onnx.ModelProto:
    found = scaled_ranges(model, ranges.values)
    for name, output in reversed(_before_activation(model).items()):
        if output in found:
            found[name] = found[output]
    limits = {name: TensorData(lowest=np.float32(low), highest=np.float32(high)) for name, (low, high) in found.items()}
    quantizer = QDQQuantizer(
        model,
        per_channel=recipe.per_channel,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=_TYPES[activation],
        tensors_range=TensorsData(CalibrationMethod.MinMax, limits),
        nodes_to_quantize=[],
        nodes_to_exclude=[node.name for node in model.graph.node if node.output[0] in recipe.floating],
        op_types_to_quantize=sorted(ONNX_INT8 | MOVED),
        extra_options={"ForceQuantizeNoInputCheck": True},
    )
    quantized: onnx.ModelProto = quantizer.quantize_model()
    return quantized
