from __future__ import annotations

import math
import re
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert.tools import flatbuffer_utils

from edgeseg import quantize, runtimes
from edgeseg.core.container import read_facts, write_facts
from edgeseg.core.errors import InputError, QuantizeError
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import BYTES, Artifact, Facts, HeadKind
from edgeseg.graphs import read_graph
from edgeseg.quantize.finished.report import int8_report, verify
from edgeseg.quantize.prepare import prepare
from edgeseg.quantize.targets import target_for
from tests.quantize.nets import CLASSES, OnnxNet, artifact, calibration, images

FORMATS = sorted(declared.format for declared in quantize.declarations().values())
EQUALIZED = {"onnx": 11, "tflite": 11}
INTEGER = {"onnx": ("uint8", "int8"), "tflite": ("int8",)}


def quantized(source: Artifact, recipe: Recipe = Recipe()) -> Artifact:  # noqa: B008
    """Made once of a file by a recipe, whatever its name."""
    path = source.path.with_stem(f"{source.path.stem}_{recipe.name}_{zlib.crc32(repr(recipe).encode()):08x}_int8")
    if path.exists():
        facts = read_facts(path)
        assert facts is not None
        return Artifact(path, facts)
    return quantize.quantizer(source.facts.format)(source, recipe, calibration(source), path)


def batches(facts: Facts, count: int = 8) -> list[Any]:
    """The same images as each file takes them."""
    given = facts.input
    made = images((given.batch, given.size.height, given.size.width, 3), count)
    if given.layout == "NCHW":
        made = [np.ascontiguousarray(batch.transpose(0, 3, 1, 2)) for batch in made]
    if given.scale is not None:
        limits = np.iinfo(given.dtype)
        steps = [np.rint(batch / np.float32(given.scale)) + given.zero_point for batch in made]
        made = [step.clip(limits.min, limits.max).astype(given.dtype) for step in steps]
    return made


def outputs(source: Artifact) -> Any:
    """Channels-last."""
    with runtimes.open_session(source, threads=1) as session:
        values = np.stack([session(batch) for batch in batches(source.facts)])
    channels_first = source.facts.output.layout == "NCHW" and source.facts.output.head != "classmap"
    return values.transpose(0, 1, 3, 4, 2) if channels_first else values


def sqnr_db(signal: Any, other: Any) -> float:
    """Signal to noise of the part of a signal that varies."""
    return float(10 * np.log10(np.var(signal) / np.square(signal - other).mean()))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "recipe", [Recipe(), Recipe("minmax", method="minmax"), Recipe("tensor", per_channel=False)], ids=lambda r: r.name
)
def test_int8_is_close_to_float(folder: Path, format: str, recipe: Recipe) -> None:
    source = artifact(folder, format)
    assert sqnr_db(outputs(source), outputs(quantized(source, recipe))) > (26 if recipe.per_channel else 23)


def scales_of_weights(path: Path) -> list[int]:
    """How many scales each int8 kernel of a file has."""
    if path.suffix == ".tflite":
        graph = flatbuffer_utils.read_model(str(path))
        tensors = graph.subgraphs[0].tensors
        kernels = [
            tensor for tensor in tensors if len(tensor.shape) == 4 and graph.buffers[tensor.buffer].data is not None
        ]
        return [len(tensor.quantization.scale) for tensor in kernels]
    model = onnx.load(path)
    dims = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type == "DequantizeLinear"]
    return [math.prod(dims[node.input[1]]) for node in nodes if len(dims.get(node.input[0], ())) == 4]


@pytest.mark.parametrize("format", FORMATS)
def test_weights_have_a_scale_a_channel_or_one(folder: Path, format: str) -> None:
    source = artifact(folder, format)
    whole, each = quantized(source, Recipe("tensor", per_channel=False)), quantized(source)
    assert set(scales_of_weights(whole.path)) == {1}
    assert min(scales_of_weights(each.path)) == len(CLASSES)
    assert len(scales_of_weights(whole.path)) == len(scales_of_weights(each.path)) >= 6
    one_scale = each.facts.recipe.replace("default", "tensor").replace("int8 weights", "int8 weights per tensor")
    assert whole.facts.recipe == re.sub(r"equalization \d+, ", "", one_scale)


@pytest.mark.parametrize("format", FORMATS)
def test_facts_survive_and_tell_the_parent(folder: Path, format: str) -> None:
    source = artifact(folder, format)
    result = quantized(source)
    facts = read_facts(result.path)
    assert facts == result.facts
    dtype = facts.output.dtype
    assert dtype in INTEGER[format]
    assert facts.parent_sha256 == source.sha256
    rewritten = "batchnorm 2, reductions 1, " if format == "onnx" else ""
    assert facts.recipe == (
        f"default: mse ranges, {dtype} activations, int8 weights; "
        f"passes: {rewritten}equalization {EQUALIZED[format]}, bias-correction {7 if format == 'onnx' else 6}"
    )
    assert facts.target == target_for("auto", source.facts.format).name
    assert str(facts.calibration) == "8 images of noise"
    assert facts.tools.items() > source.facts.tools.items()
    changed = {"precision", "input", "output", "parent_sha256", "recipe", "target", "calibration", "tools"}
    same = facts.to_json().keys() - changed
    assert {key: facts.to_json()[key] for key in same} == {key: source.facts.to_json()[key] for key in same}
    same = replace(facts.input, layout=source.facts.input.layout, dtype="float32", scale=None, zero_point=0)
    assert same == source.facts.input


@pytest.mark.parametrize("format", FORMATS)
def test_scores_come_out_as_integers(folder: Path, format: str) -> None:
    result = quantized(artifact(folder, format))
    graph = read_graph(result.path)
    assert [tensor.dtype for tensor in graph.outputs] == [result.facts.output.dtype]
    assert [(tensor.dtype, tensor.shape) for tensor in graph.inputs] == [
        (result.facts.input.dtype, result.facts.input.shape)
    ]
    with runtimes.open_session(result, threads=1) as session:
        batch = batches(result.facts, 1)[0]
        raw = session.run(batch)
        assert raw.dtype == result.facts.output.dtype
        assert len(np.unique(raw)) > 50
        real = session(batch)
        step = np.diff(np.unique(real)).min()
        assert np.abs(real / step - np.rint(real / step)).max() < 0.01


@pytest.mark.parametrize("format", FORMATS)
def test_logits_stay_float(folder: Path, format: str) -> None:
    source = artifact(folder, format, "logits")
    result = quantized(source)
    assert [tensor.dtype for tensor in read_graph(result.path).outputs] == ["float32"]
    assert result.facts.output == source.facts.output
    assert sqnr_db(outputs(source), outputs(result)) > 26


@pytest.mark.parametrize("head", ["scores", "logits", "classmap"])
@pytest.mark.parametrize("format", FORMATS)
def test_integers_at_both_ends(folder: Path, format: str, head: HeadKind) -> None:
    source = artifact(folder, format, head)
    result = quantized(source, Recipe("ends", input="int8", output="auto" if head == "classmap" else "int8"))
    graph = read_graph(result.path)
    assert {tensor.dtype for tensor in graph.inputs} == {result.facts.input.dtype} <= {"int8", "uint8"}
    assert {tensor.dtype for tensor in graph.outputs} == {result.facts.output.dtype}
    if format == "tflite":
        assert not int8_report(graph).floating
        assert not any(t.dtype == "float32" for node in graph.nodes for t in (*node.inputs, *node.outputs))
    if head != "classmap":
        assert result.facts.output.dtype in INTEGER[format]
        assert sqnr_db(outputs(source), outputs(result)) > 26


@pytest.mark.parametrize("input", ["float", "int8", "uint8"])
@pytest.mark.parametrize("head", ["scores", "logits", "classmap"])
def test_onnx_finds_nothing_wrong(folder: Path, head: HeadKind, input: str) -> None:
    result = quantized(artifact(folder, "onnx", head), Recipe(input=input))
    assert (result.facts.input.dtype == "float32") == (input == "float")
    assert (result.facts.input.normalization == BYTES) == (input == "uint8")
    onnx.checker.check_model(onnx.load(result.path), full_check=True)


@pytest.mark.parametrize("format", FORMATS)
def test_floats_at_both_ends(folder: Path, format: str) -> None:
    source = artifact(folder, format)
    result = quantized(source, Recipe("floats", input="float", output="float"))
    graph = read_graph(result.path)
    assert [tensor.dtype for tensor in (*graph.inputs, *graph.outputs)] == ["float32"] * 2
    assert (result.facts.input, result.facts.output) == (source.facts.input, source.facts.output)
    assert sqnr_db(outputs(source), outputs(result)) > 26


@pytest.mark.parametrize("format", FORMATS)
def test_an_output_left_in_float(folder: Path, format: str) -> None:
    source = artifact(folder, format)
    name = read_graph(source.path).outputs[0].name
    result = quantized(source, Recipe("last", floating=(name,)))
    assert [tensor.dtype for tensor in read_graph(result.path).outputs] == ["float32"]
    assert result.facts.output == source.facts.output


@pytest.mark.parametrize("format", FORMATS)
def test_a_classmap_stays_a_classmap(folder: Path, format: str) -> None:
    source = artifact(folder, format, "classmap")
    result = quantized(source)
    assert result.facts.output == source.facts.output
    one, other = outputs(source), outputs(result)
    assert one.dtype == other.dtype
    assert (one == other).mean() > 0.9


@pytest.mark.parametrize("format", FORMATS)
def test_every_operator_is_int8_and_the_report_says_so(folder: Path, format: str) -> None:
    report = int8_report(read_graph(quantized(artifact(folder, format)).path))
    assert report.floating == {}
    assert report.multiplying_percent == 100
    verify(report, Path("net"))
    done = sum(report.int8.values())
    assert report.summary() == f"{done} of {done} operators quantized, 100 % of the convolutions"


@pytest.mark.parametrize("format", FORMATS)
def test_a_float_file_is_not_taken_for_int8(folder: Path, format: str) -> None:
    source = artifact(folder, format)
    report = int8_report(read_graph(source.path))
    assert report.int8 == {}
    assert report.multiplying_percent == 0
    assert "in float: 6 Conv" in report.summary() or "in float: 5 CONV_2D" in report.summary()
    with pytest.raises(QuantizeError, match="no convolution came out in int8"):
        verify(report, source.path)


@pytest.mark.parametrize(("format", "activation"), [("onnx", "int4"), ("tflite", "uint8")])
def test_an_unknown_activation_is_refused(folder: Path, format: str, activation: str) -> None:
    with pytest.raises(InputError, match=f"activation '{activation}'.* int8"):
        quantized(artifact(folder, format), Recipe("refused", activation=activation))


def test_onnx_activations_can_be_signed(folder: Path) -> None:
    source = artifact(folder, "onnx")
    result = quantized(source, Recipe("signed", activation="int8"))
    assert result.facts.output.dtype == "int8"
    assert sqnr_db(outputs(source), outputs(result)) > 26


def test_onnx_has_standard_operators_per_channel_weights_and_clean_metadata(folder: Path) -> None:
    model = onnx.load(quantized(artifact(folder, "onnx")).path)
    assert {node.domain for node in model.graph.node} == {""}
    assert [entry.domain for entry in model.opset_import] == [""]
    assert sorted(entry.key for entry in model.metadata_props) == [
        "edgeseg.facts",
        "edgeseg.output_scale",
        "edgeseg.output_zero_point",
    ]
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    weights = [node.input for node in model.graph.node if len(shapes.get(node.input[0], ())) == 4]
    assert len(weights) == 7
    assert all(shapes[scale] == shapes[weight][:1] for weight, scale, _ in weights)


def test_int8_counts_the_parameters_of_float(folder: Path) -> None:
    source = artifact(folder, "onnx")
    prepared = folder / "prepared_params.onnx"
    prepare(source.path, prepared)
    stem, folded = 8 * 3 * 3 * 3 + 8, 16 * 12 * 3 * 2 + 16
    assert read_graph(quantized(source).path).params == read_graph(prepared).params - stem + folded


def test_preparing_leaves_the_function(folder: Path) -> None:
    source = artifact(folder, "onnx")
    path = folder / "prepared.onnx"
    model, _ = prepare(source.path, path)
    operators = [node.op_type for node in model.graph.node]
    assert "BatchNormalization" not in operators
    assert "ReduceMean" not in operators
    assert operators.count("Conv") == 7  # one more: the BatchNorm behind the concatenation
    assert len({node.name for node in model.graph.node}) == len(operators)
    write_facts(path, source.facts)
    expected = outputs(source)
    assert np.abs(outputs(Artifact(path, source.facts)) - expected).max() < 1e-5 * np.ptp(expected)


def test_a_dead_tensor_does_no_harm(folder: Path) -> None:
    source = artifact(folder, "onnx")
    model = onnx.load(source.path)
    for tensor in model.graph.initializer:
        if tensor.name.startswith("gate."):
            tensor.CopyFrom(onnx.numpy_helper.from_array(np.zeros(tuple(tensor.dims), np.float32), tensor.name))
    path = folder / "dead.onnx"
    onnx.save(model, path)
    dead = Artifact(path, source.facts)
    assert sqnr_db(outputs(dead), outputs(quantized(dead))) > 26


@pytest.mark.parametrize("format", FORMATS)
def test_a_tensor_that_is_zero_on_every_calibration_image_breaks_nothing(folder: Path, format: str) -> None:
    source = artifact(folder, format)
    given = calibration(source)

    def dead_sum(source: Artifact, batches: Any, names: Any) -> Any:
        for tensors in given.observe(source, batches, names):
            yield ((name, value * (0 if "sum" in name or "Add" in name else 1)) for name, value in tensors)

    path = folder / f"dead.{format}"
    result = quantize.quantizer(source.facts.format)(source, Recipe(), replace(given, observe=dead_sum), path)
    assert np.isfinite(outputs(result)).all()


def test_a_file_that_cannot_be_quantized_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    net = OnnxNet()
    net.add("Nonsense", ["image"], "scores")
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        net.nodes, "net", [value("image", 1, [1, 3, 8, 8])], [value("scores", 1, [1, 5, 8, 8])]
    )
    path = tmp_path / "nonsense.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10), path)
    bad = Artifact(path, replace(artifact(folder, "onnx").facts))
    with pytest.raises(QuantizeError, match=r"nonsense\.onnx: ONNX Runtime cannot prepare it"):
        quantized(bad)
    assert list(tmp_path.iterdir()) == [path]


def test_no_quantizer_for_a_framework() -> None:
    with pytest.raises(InputError, match="no quantizer for torch; there are: onnx, tflite"):
        quantize.quantizer("torch")


def test_no_constant_is_stored_that_nothing_reads(folder: Path) -> None:
    graph = onnx.load(quantized(artifact(folder, "onnx")).path).graph
    assert {tensor.name for tensor in graph.initializer} == {
        name for node in graph.node for name in node.input if name
    } - {name for node in graph.node for name in node.output} - {given.name for given in graph.input}
