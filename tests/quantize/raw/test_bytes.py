"""Quantized files that take camera bytes, on their runtimes, against the float files that they were made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgeseg.core.container import read_facts
from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import BYTES, Artifact, Normalization, Size
from edgeseg.graphs import read_graph
from edgeseg.quantize.finished.report import int8_report
from edgeseg.quantize.finished.saturation import saturation
from tests.quantize.raw.nets import BGR, CASES, KINDS, int8, scores, source, strided
from tests.quantize.test_quantizers import sqnr_db

FORMATS = ("onnx", "tflite")


@pytest.mark.parametrize(("format", "kind", "normalization"), CASES)
def test_border_and_inside_are_as_close_as_with_normalized_pixels(
    folder: Path, tmp_path: Path, format: str, kind: str, normalization: Normalization
) -> None:
    artifact = source(folder, format, kind, normalization)
    made = int8(artifact, Recipe(input="uint8"), tmp_path / f"raw.{format}")
    assert (made.facts.input.dtype, made.facts.input.layout, made.facts.input.scale) == ("uint8", "NHWC", None)
    assert made.facts.input.normalization == BYTES
    assert read_facts(made.path) == made.facts
    expected, given = scores(artifact), scores(made)
    normalized = scores(int8(artifact, Recipe(input="int8"), tmp_path / f"normalized.{format}"))
    border = np.ones(expected.shape[1:3], bool)
    border[2:-2, 2:-2] = False
    for part in (border, ~border):
        db = sqnr_db(expected[:, part], given[:, part])
        assert db > 32
        assert db > sqnr_db(expected[:, part], normalized[:, part]) - 1.5


@pytest.mark.parametrize(
    "recipe", [Recipe(target="arm"), Recipe(target="x86-avx2"), Recipe(per_channel=False)], ids=str
)
@pytest.mark.parametrize("layout", ["uint8", "uint8-nchw"])
@pytest.mark.parametrize("kind", ["plain", "pooled"])
def test_onnx_targets_and_layouts(folder: Path, tmp_path: Path, recipe: Recipe, layout: str, kind: str) -> None:
    artifact = source(folder, "onnx", kind)
    made = int8(artifact, replace(recipe, input=layout), tmp_path / "raw.onnx")
    assert made.facts.input.layout == ("NCHW" if layout.endswith("nchw") else "NHWC")
    (given,) = read_graph(made.path).inputs
    assert (given.name, given.shape, given.dtype) == ("image", made.facts.input.shape, "uint8")
    assert sqnr_db(scores(artifact), scores(made)) > (32 if recipe.per_channel else 28)
    if recipe.target == "x86-avx2":
        assert saturation(made.path).cannot


@pytest.mark.parametrize("opset", [11, 13, 17])
def test_signed_activations_of_a_file_of_an_older_opset(folder: Path, tmp_path: Path, opset: int) -> None:
    artifact = source(folder, "onnx", "pooled")
    old = Artifact(tmp_path / "old.onnx", artifact.facts)
    model = onnx.load(artifact.path)
    model.opset_import[0].version = opset  # All of it is older.
    onnx.save(model, old.path)
    made = int8(old, Recipe(input="uint8", target="arm"), tmp_path / "raw.onnx")
    onnx.checker.check_model(onnx.load(made.path), full_check=True)
    assert sqnr_db(scores(artifact), scores(made)) > 32


@pytest.mark.parametrize("layout", ["uint8", "uint8-nchw"])
def test_an_onnx_file_that_takes_its_image_channels_last(folder: Path, tmp_path: Path, layout: str) -> None:
    artifact = source(folder, "onnx", "plain", planes=False)
    made = int8(artifact, Recipe(input=layout), tmp_path / "raw.onnx")
    assert sqnr_db(scores(artifact), scores(made)) > 32


@pytest.mark.parametrize("layout", ["uint8", "uint8-nchw"])
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "pads", "named"),
    [
        (Size(64, 128), 3, 2, [0, 0, 0, 0], True),
        (Size(66, 130), 4, 4, [0, 0, 0, 0], True),
        (Size(33, 47), 3, 3, [1, 1, 1, 1], True),
        (Size(34, 46), 3, 3, [1, 1, 1, 1], False),
        (Size(32, 48), 2, 2, [1, 0, 0, 1], True),
        (Size(32, 48), 1, 2, [0, 0, 0, 0], True),
    ],
)
def test_rows_of_the_image_that_no_stride_reads(
    tmp_path: Path, size: Size, kernel: int, stride: int, pads: list[int], named: bool, layout: str
) -> None:
    artifact = strided(tmp_path / "net.onnx", size, kernel, stride, pads, named)
    made = int8(artifact, Recipe(input=layout), tmp_path / "raw.onnx")
    assert sqnr_db(scores(artifact), scores(made)) > 32


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_ring_there_are_no_constants_to_concatenate(folder: Path, tmp_path: Path, kind: str) -> None:
    artifact = source(folder, "tflite", kind, BGR)
    made = int8(artifact, Recipe(input="uint8", target="edgetpu"), tmp_path / "raw.tflite")
    joins = [node for node in read_graph(made.path).nodes if node.op == "CONCATENATION"]
    assert not any(tensor.constant for node in joins for tensor in node.inputs)
    assert sqnr_db(scores(artifact), scores(made)) > 32


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", ["plain", "pooled"])
def test_nothing_is_computed_in_float(folder: Path, tmp_path: Path, format: str, kind: str) -> None:
    made = int8(source(folder, format, kind), Recipe(input="uint8"), tmp_path / f"raw.{format}")
    assert not int8_report(read_graph(made.path)).floating


def test_layouts_that_tflite_has_not(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="input uint8-nchw: TFLite takes bytes as NHWC"):
        int8(source(folder, "tflite", "plain"), Recipe(input="uint8-nchw"), tmp_path / "raw.tflite")


@pytest.mark.parametrize("kind", ["plain", "pooled", "two"])
@pytest.mark.parametrize("format", FORMATS)
def test_a_first_convolution_in_float(folder: Path, tmp_path: Path, format: str, kind: str) -> None:
    artifact = source(folder, format, kind)
    first = next(node for node in read_graph(artifact.path).nodes if node.op in ("Conv", "CONV_2D"))
    made = int8(artifact, Recipe(input="uint8", floating=(first.outputs[0].name,)), tmp_path / f"raw.{format}")
    assert made.facts.input.dtype == "uint8"
    assert sqnr_db(scores(artifact), scores(made)) > 32
    assert int8_report(read_graph(made.path)).floating
