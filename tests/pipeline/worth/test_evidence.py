"""What is tried in float may not be what the recipe asks for at the ends of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg import data
from edgeseg.bench.profiles.losses import Loss
from edgeseg.bench.profiles.operators import Profile
from edgeseg.bench.times.contest import Contest
from edgeseg.core.protocols import Keep, Recipe
from edgeseg.graphs import read_graph
from edgeseg.pipeline.worth.again import Again
from edgeseg.pipeline.worth.evidence import leave_slow
from edgeseg.pipeline.worth.verdict import Verdict
from tests.quantize import nets


def test_an_output_that_is_to_be_int8_is_not_left_in_float(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = nets.artifact(tmp_path, "onnx")
    name = read_graph(source.path).outputs[0].name
    images = data.open_dataset("scenes", size=nets.SIZE, limit=2)
    again = Again(source, images, Recipe(output="int8"), 2, None, Keep(tmp_path / "seen.npz", add=True))
    quantized, _ = again((), tmp_path / "int8.onnx")
    monkeypatch.setattr("edgeseg.pipeline.worth.evidence.find_losses", lambda *given: (Loss((name,), 1.0),))
    empty = Profile("net", "some", 1, 1, 1.0, ())
    evidence = leave_slow(again, quantized, Verdict(Contest((1.0, 1.0), (1.0, 1.0)), empty, empty), 1)
    assert (evidence.floating, evidence.tried) == ((), 1)
