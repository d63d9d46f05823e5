"""What `edgeseg gate` keeps until it has ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg.bench.gates.gate import GateOptions, Measured, Timing
from edgeseg.bench.gates.sequential import Interval
from edgeseg.bench.times import environment
from edgeseg.core.source import Source
from edgeseg.pipeline.answers import Answers
from edgeseg.pipeline.gates.kept_pairs import KeptPairs
from edgeseg.pipeline.gates.pairing import Pair
from edgeseg.pipeline.job import Job
from tests.small import small_onnx


def test_no_pair_is_kept_of_other_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small_onnx(tmp_path / "net.onnx")
    kept, pair = KeptPairs(Answers(tmp_path / "kept.json")), Pair("net.onnx", path, path)
    found = Measured("net.onnx", Timing(1.0, 1.0, Interval(1.0, 0.9, 1.04), 1.0, 0.001, 30))
    anew = replace(found, name="measured anew")

    def asked(measured: Measured) -> Measured:
        return kept.measured(pair, GateOptions(), Job(Source(""), threads=1), 1, lambda: measured)

    assert asked(found) == asked(anew) == found
    monkeypatch.setattr(environment, "library_versions", lambda: {"onnxruntime": "1.0"})
    assert asked(anew) == anew
