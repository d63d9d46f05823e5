"""A float file without facts is read as the file that was made of it was made."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

import edgeseg
from edgeseg.bench.gates.gate import GateOptions
from edgeseg.bench.times.latency import LatencyOptions
from edgeseg.core.protocols import Recipe
from edgeseg.core.source import Source
from edgeseg.core.types import Size
from edgeseg.data.preprocess import Preprocessor
from edgeseg.pipeline.completing import completed
from edgeseg.pipeline.images import open_evaluation
from edgeseg.pipeline.measure.evaluating import accuracy
from edgeseg.pipeline.silence import silent
from edgeseg.pipeline.sources import as_artifact
from edgeseg.runtimes import open_session
from tests.small import small_onnx

GREY = (0.2, 0.2, 0.2)


@pytest.fixture
def theirs(tmp_path: Path) -> Source:
    """Of someone else, on a network that takes other pixels than ImageNet's."""
    return Source(str(small_onnx(tmp_path / "theirs.onnx")), mean=GREY, std=(0.5, 0.5, 0.5), channels="BGR")


def quantized(theirs: Source, **recipe: str) -> Source:
    images = [np.zeros((32, 64, 3), np.uint8)]
    return Source(str(edgeseg.quantize(as_artifact(theirs), images, Recipe(**recipe)).path))


def test_it_is_fed_as_the_file_made_of_it_is(theirs: Source, tmp_path: Path) -> None:
    int8, bare = quantized(theirs), Source(theirs.target)
    damaged, other = tmp_path / "damaged.onnx", Source(str(small_onnx(tmp_path / "other.onnx", 3)))
    damaged.write_bytes(b"half")
    rest = [int8, other, Source(str(damaged)), Source("fastscnn")]
    assert completed([bare, *rest]) == [theirs, *rest]
    assert as_artifact(completed([bare, int8])[0]).facts == as_artifact(theirs).facts
    own = replace(bare, mean=(0.4, 0.4, 0.4))
    assert completed([own, int8])[0] == replace(theirs, mean=own.mean)
    assert completed([bare, other]) == [bare, other]


def test_what_is_folded_into_weights_is_not_known(theirs: Source) -> None:
    bare = Source(theirs.target)
    assert completed([bare, quantized(theirs, input="uint8")])[0] == bare


def test_its_scores_are_upsampled_as_those_of_the_file_made_of_it(theirs: Source) -> None:
    model = onnx.load(theirs.target)
    model.graph.node[-1].attribute.append(onnx.helper.make_attribute("strides", [2, 2]))
    for axis, side in ((2, 16), (3, 32)):
        model.graph.output[0].type.tensor_type.shape.dim[axis].dim_value = side
    onnx.save(model, theirs.target)
    given = replace(theirs, align_corners=True)
    assert as_artifact(given).facts.output.size == Size(16, 32)
    assert completed([Source(theirs.target), quantized(given)])[0] == given


def test_bench_measures_it_so(theirs: Source) -> None:
    short = LatencyOptions(warmup_s=0, min_seconds=0, min_samples=1, max_seconds=1)
    files = [theirs.target, quantized(theirs).target]
    record = edgeseg.bench(files, "scenes", images=2, latency=short, threads=1)[0]
    with open_session(as_artifact(theirs), threads=1) as session:
        images = open_evaluation("scenes", None, Size(32, 64), 2)
        expected = accuracy(session, images, Preprocessor(session.facts.input), silent)
    assert record.image_counts == expected["image_counts"]


def test_a_gate_measures_it_so(theirs: Source) -> None:
    options = GateOptions(max_miou_loss_points=100, seconds=0.1)
    (ruling,) = edgeseg.gate(theirs.target, quantized(theirs).target, options, images=2).rulings
    (check,) = ruling.measured.checks
    with open_session(as_artifact(theirs), threads=1) as session:
        images = open_evaluation("scenes", None, Size(32, 64), 2)
        expected = accuracy(session, images, Preprocessor(session.facts.input), silent)
    assert check.baseline == expected["miou_percent"]
