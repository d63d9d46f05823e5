"""What `edgeseg bench` keeps until it has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.bench.times import environment
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.core.types import Artifact, Size
from edgeseg.pipeline.answers import Answers
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.kept_records import KeptRecords
from tests.small import small_onnx


def test_nothing_is_kept_of_other_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job(Source(str(small_onnx(tmp_path / "net.onnx"))), threads=1)
    record = Record("net.onnx", "net", "onnx", "fp32", "logits", Size(32, 64), 1, "onnxruntime", "cpu", 1, (), ())
    kept = KeptRecords(Answers(tmp_path / "kept.json"))
    kept.put(job, record)
    assert kept.get(job) == record
    monkeypatch.setattr(environment, "library_versions", lambda: {"onnxruntime": "1.0"})
    assert kept.get(job) is None
    kept.forget([job])
    assert not kept.answers.path.exists()


def test_nothing_is_kept_of_a_file_that_was_replaced_meanwhile(tmp_path: Path) -> None:
    job = Job(Source(str(small_onnx(tmp_path / "net.onnx"))), threads=1)
    shape = ("net.onnx", "net", "onnx", "fp32", "logits", Size(32, 64), 1, "onnxruntime", "cpu", 1, (), ())
    kept = KeptRecords(Answers(tmp_path / "kept.json"))
    for sha256, is_kept in (("0" * 64, False), (Artifact(tmp_path / "net.onnx", None).sha256, True)):
        kept.put(job, Record(*shape, sha256=sha256))
        assert (kept.get(job) is not None) == is_kept
