"""Operators left in float by name, in both formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Artifact
from edgeseg.graphs import read_graph
from edgeseg.quantize import quantizer
from edgeseg.quantize.finished.report import int8_report
from edgeseg.quantize.floating import left_in_float
from tests.quantize.nets import artifact, calibration
from tests.quantize.test_quantizers import outputs, sqnr_db

NAMES = {"onnx": ("left", "node_right"), "tflite": ("functional_1/conv2d_1_2/convolution1", "PartitionedCall:0")}


def quantized(source: Artifact, path: Path, *floating: str) -> Artifact:
    return quantizer(source.facts.format)(source, Recipe(floating=floating), calibration(source), path)


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_named_operators_stay_in_float_and_the_rest_does_not(folder: Path, tmp_path: Path, format: str) -> None:
    source = artifact(folder, format)
    whole = quantized(source, tmp_path / f"whole.{format}")
    some = quantized(source, tmp_path / f"some.{format}", *NAMES[format])
    before, after = (int8_report(read_graph(each.path)) for each in (whole, some))
    assert sum(after.floating.values()) == sum(before.floating.values()) + 2
    assert sum(after.int8.values()) == sum(before.int8.values()) - 2
    assert str(some.facts.recipe).endswith("; 2 operators left in float")
    again = quantized(source, tmp_path / f"again.{format}", *NAMES[format])
    assert again.path.read_bytes() == some.path.read_bytes()


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_a_layer_in_float_keeps_its_weights_and_its_bias(folder: Path, tmp_path: Path, format: str) -> None:
    source = artifact(folder, format)
    nodes = read_graph(source.path).nodes
    names = [node.outputs[0].name for node in nodes if node.op in ("Conv", "CONV_2D", "DEPTHWISE_CONV_2D")]
    if format == "onnx":  # Two of its BatchNorms are part of a convolution, or one, once it is prepared.
        names = ["stem_bn", "joined_bn", *names[1:]]
    some = quantized(source, tmp_path / f"some.{format}", *names)
    assert "bias-correction" not in str(some.facts.recipe)
    whole = quantized(source, tmp_path / f"whole.{format}")
    assert sqnr_db(outputs(source), outputs(some)) > sqnr_db(outputs(source), outputs(whole)) + 1


def test_a_name_that_is_none_gets_the_nearest(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"net_scores.onnx: no operator 'scors' to leave in float; .* scores"):
        quantized(artifact(folder, "onnx"), tmp_path / "o.onnx", "scors")
    assert not list(tmp_path.iterdir())


def test_an_activation_goes_with_what_it_is_fused_with() -> None:
    operators = {"node": "a", "a": "a", "b": "b", "c": "c"}
    assert left_in_float(["node", "c", "a"], operators, {"a": "b"}, Path("x")) == ("a", "b", "c")
