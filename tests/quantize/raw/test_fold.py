"""Mean and std in the first convolutions of float files: the same function, before anything is quantized."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert.tools import flatbuffer_utils

from edgeseg import runtimes
from edgeseg.core.container import write_facts
from edgeseg.core.types import Artifact, Normalization
from edgeseg.data.preprocess import Preprocessor
from edgeseg.quantize.packing import packed
from edgeseg.quantize.prepare import prepare
from edgeseg.quantize.raw import CENTRED, byte_range, centre, fold_onnx, fold_tflite
from tests.quantize.raw.nets import BGR, CASES, RGB, pictures, scores, source


def folded(artifact: Artifact, path: Path, normalization: Normalization, ring: bool = True) -> Artifact:
    if artifact.facts.format == "onnx":
        model, _ = prepare(artifact.path, path)
        fold_onnx.fold_normalization(model, normalization)
        onnx.save(model, path)
    else:
        tflite = flatbuffer_utils.read_model(str(artifact.path))
        fold_tflite.fold_normalization(tflite, normalization, ring)
        path.write_bytes(packed(tflite))
    write_facts(path, artifact.facts)
    return Artifact(path, artifact.facts)


@pytest.mark.parametrize(("format", "kind", "normalization"), CASES)
def test_it_is_the_same_function(
    folder: Path, tmp_path: Path, format: str, kind: str, normalization: Normalization
) -> None:
    artifact = source(folder, format, kind, normalization)
    expected = scores(artifact)
    for ring in (True, False):
        error = scores(folded(artifact, tmp_path / f"folded.{format}", normalization, ring)) - expected
        assert np.abs(error).max() < 1e-5 * np.ptp(expected)


@pytest.mark.parametrize("normalization", [RGB, BGR], ids=["rgb", "bgr"])
@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_what_the_convolutions_read_are_bytes_less_their_mean(
    folder: Path, tmp_path: Path, format: str, normalization: Normalization
) -> None:
    artifact = source(folder, format, "plain", normalization)
    made = folded(artifact, tmp_path / f"folded.{format}", normalization)
    image = pictures(artifact.facts.input.size)[0]
    with runtimes.open_session(made, tensors=True, watch=(CENTRED,)) as session:
        ((_, seen),) = session.tensors(Preprocessor(artifact.facts.input)(image))
    values: Any = seen[0].transpose(1, 2, 0) if format == "onnx" else seen[0]
    assert np.abs(values - (image - 255 * np.array(normalization.mean))).max() < 1e-3


def test_the_range_of_bytes_has_a_scale_of_one() -> None:
    for normalization in (RGB, Normalization(), Normalization((0.5,) * 3, (0.5,) * 3), Normalization((0.0,) * 3)):
        low, high = byte_range(normalization)
        assert (high - low) / 255 == 1
        assert -low == centre(normalization)


def test_an_input_that_is_no_image(folder: Path, tmp_path: Path) -> None:
    artifact = source(folder, "onnx", "plain", planes=False)
    model = onnx.load(artifact.path)
    model.graph.node[0].attribute[0].ints[:] = [0, 3, 2, 1]
    with pytest.raises(ValueError, match="neither planes nor only turned into them"):
        fold_onnx.fold_normalization(model, RGB)
