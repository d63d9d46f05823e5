"""Precisions besides int8: half floats, activations quantized at run time, 16-bit activations."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgeseg import quantize
from edgeseg.core.container import read_facts
from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Artifact, HeadKind, Precision
from edgeseg.graphs import read_graph
from edgeseg.quantize.finished.report import int8_report
from edgeseg.quantize.finished.stored import stored
from edgeseg.quantize.precisions import PRECISIONS, kind_of
from tests.quantize.nets import artifact, calibration
from tests.quantize.test_quantizers import FORMATS, outputs, sqnr_db

CONVERTED = {"fp16": 50, "int8-dynamic": 25}
"""With the SQNR in dB that each has at least."""


def made(source: Artifact, recipe: Recipe) -> Artifact:
    path = source.path.with_stem(f"{source.path.stem}_{recipe.name}_{recipe.precision}")
    if kind_of(recipe).calibrated:
        return quantize.quantizer(source.facts.format)(source, recipe, calibration(source), path)
    return quantize.convert(source, recipe, path)


@pytest.mark.parametrize("precision", CONVERTED)
@pytest.mark.parametrize("format", FORMATS)
def test_converted_files_are_close_to_float(folder: Path, format: str, precision: Precision) -> None:
    source = artifact(folder, format)
    result = made(source, Recipe(precision=precision))
    assert sqnr_db(outputs(source), outputs(result)) > CONVERTED[precision]
    assert (result.facts.input, result.facts.output) == (source.facts.input, source.facts.output)
    graph = read_graph(result.path)
    assert [tensor.dtype for tensor in (*graph.inputs, *graph.outputs)] == ["float32"] * 2
    assert stored(graph, PRECISIONS[precision].weights).percent > 80
    facts = read_facts(result.path)
    assert facts == result.facts
    assert (facts.precision, facts.parent_sha256, facts.calibration) == (precision, source.sha256, None)
    assert facts.tools.items() > source.facts.tools.items()


@pytest.mark.parametrize("head", ["logits", "classmap"])
@pytest.mark.parametrize("precision", CONVERTED)
@pytest.mark.parametrize("format", FORMATS)
def test_other_heads_stay_as_they_are(folder: Path, format: str, precision: Precision, head: HeadKind) -> None:
    source = artifact(folder, format, head)
    result = made(source, Recipe(precision=precision))
    assert read_graph(result.path).outputs[0].dtype == source.facts.output.dtype
    if head == "classmap":
        assert (outputs(source) == outputs(result)).mean() > 0.97
    else:
        assert sqnr_db(outputs(source), outputs(result)) > CONVERTED[precision]


@pytest.mark.parametrize("format", FORMATS)
def test_wide_activations_are_closer_than_bytes(folder: Path, format: str) -> None:
    source = artifact(folder, format)
    narrow, wide = (made(source, Recipe("width", precision=each)) for each in ("int8", "int16x8"))  # type: ignore[arg-type]
    signal = outputs(source)
    assert sqnr_db(signal, outputs(wide)) > sqnr_db(signal, outputs(narrow)) + 2
    assert wide.facts.input == source.facts.input
    assert wide.facts.output.dtype == read_graph(wide.path).outputs[0].dtype
    assert f"mse ranges, {wide.facts.output.dtype} activations" in wide.facts.recipe
    assert wide.facts.output.dtype in PRECISIONS["int16x8"].activations[source.facts.format]
    assert wide.facts.target is None
    assert int8_report(read_graph(wide.path)).multiplying_percent == 100


def test_wide_onnx_files_use_standard_operators(folder: Path) -> None:
    for activation in ("auto", "int16"):
        result = made(artifact(folder, "onnx"), Recipe(activation, precision="int16x8", activation=activation))
        model = onnx.load(result.path)
        assert {node.domain for node in model.graph.node} == {""}
        onnx.checker.check_model(model, full_check=True)


def test_sums_of_dynamic_files_fit_where_they_must(folder: Path) -> None:
    from edgeseg.quantize.finished.saturation import saturation

    source = artifact(folder, "onnx")
    fitting, whole = (
        made(source, Recipe(target, precision="int8-dynamic", target=target)) for target in ("x86-avx2", "x86-vnni")
    )
    assert saturation(fitting.path).cannot
    assert saturation(whole.path).layers
    assert not saturation(whole.path).cannot
    assert sqnr_db(outputs(source), outputs(fitting)) > 25


@pytest.mark.parametrize(
    ("recipe", "option"),
    [
        (Recipe(precision="fp16", method="minmax"), "--method"),
        (Recipe(precision="fp16", floating=("sum",)), "--float"),
        (Recipe(precision="fp16", target="arm"), "--target"),
        (Recipe(precision="fp16", learned_rounding=True), "--learned-rounding"),
        (Recipe(precision="int8-dynamic", learned_rounding=True), "--learned-rounding"),
        (Recipe(precision="int8-dynamic", per_channel=False), "--per-tensor"),
        (Recipe(precision="int16x8", input="uint8"), "--input"),
    ],
)
def test_what_means_nothing_is_refused(recipe: Recipe, option: str) -> None:
    with pytest.raises(InputError, match=f"{recipe.precision}: there is nothing for {option} to do"):
        kind_of(recipe)


def test_what_there_is_not_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"no precision 'int4'.* int8, int16x8, int8-dynamic, fp16"):
        kind_of(Recipe(precision="int4"))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="edgetpu computes in static int8 alone"):
        made(artifact(folder, "tflite"), Recipe(precision="int8-dynamic", target="edgetpu"))


def test_empty_inputs_of_resize_stay_empty_in_half(folder: Path, tmp_path: Path) -> None:
    source = artifact(folder, "onnx")
    model = onnx.load(source.path)
    resize = next(node for node in model.graph.node if node.op_type == "Resize")
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(0, np.float32), "no_region"))
    resize.input[1] = "no_region"
    old = Artifact(tmp_path / "old.onnx", source.facts)
    onnx.save(model, old.path)
    result = made(old, Recipe(precision="fp16"))
    assert sqnr_db(outputs(source), outputs(result)) > CONVERTED["fp16"]
