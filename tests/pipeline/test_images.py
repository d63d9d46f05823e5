"""Images and labels that change between two runs of a command."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg import data
from edgeseg.bench.gates.gate import GateOptions, Measured, Timing
from edgeseg.bench.gates.sequential import Interval
from edgeseg.core.protocols import Recipe
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.core.types import Size
from edgeseg.data.write import write_folder
from edgeseg.pipeline.answers import Answers
from edgeseg.pipeline.gates.kept_pairs import KeptPairs
from edgeseg.pipeline.gates.pairing import Pair
from edgeseg.pipeline.images import calibration_stamp, evaluation_stamp
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.comparing import Comparison
from edgeseg.pipeline.measure.kept_records import KeptRecords
from edgeseg.pipeline.runs.kept import Kept
from edgeseg.pipeline.runs.making import Order
from edgeseg.pipeline.sources import as_artifact
from tests.small import small_onnx


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_folder(data.open_dataset("scenes", size=Size(32, 64), limit=2), tmp_path / "data")
    return tmp_path / "data"


def touch(folder: Path, pattern: str) -> None:
    """As if one file had been written again, in a second that no other was."""
    path = min(folder.rglob(pattern))
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))


def test_a_stamp_tells_other_images_and_labels(folder: Path) -> None:
    text = f"folder:{folder}"
    ways: dict[str, Callable[[], str | None]] = {
        "evaluation": lambda: evaluation_stamp(text, None, 2),
        "calibration": lambda: calibration_stamp(text, None, 2),
    }
    for way in ways.values():
        before = way()
        assert before == way()
        touch(folder, "*.png")
        assert way() not in (before, None)
    assert evaluation_stamp(None, None, None) is None
    assert calibration_stamp(f"{text}/gone", None, 2) is None


def test_nothing_is_kept_of_labels_that_were_others(folder: Path, tmp_path: Path) -> None:
    source = Source(str(small_onnx(tmp_path / "net.onnx")))
    artifact, job = as_artifact(source), Job(source, threads=1, data=f"folder:{folder}")
    record = Record(
        "net.onnx", "net", "onnx", "fp32", "logits", Size(32, 64), 1, "onnxruntime", "cpu", 1, (1.0,), (2.0,)
    )
    record = replace(record, sha256=artifact.sha256)
    answers = Answers(tmp_path / "kept.json")
    records, runs, pairs = KeptRecords(answers), Kept(answers), KeptPairs(answers)
    order = Order(source, "onnx", None, Recipe(), f"folder:{folder}", None, 2, str(tmp_path))
    measured = Measured("net", Timing(1.0, 1.0, Interval(1.0, 0.9, 1.1), 1.0, 0.001, 30))
    pair = Pair("net", artifact.path, artifact.path)

    def raced(again: Measured) -> Measured:
        return pairs.measured(pair, GateOptions(), job, 1, lambda: again)

    records.put(job, record)
    runs.put(order, job, Comparison((source,), (record,)))
    raced(measured)
    other = replace(measured, name="measured anew")
    assert records.get(job) == record
    assert runs.get(order, job) is not None
    assert raced(other) == measured
    touch(folder / "masks", "*.png")
    assert records.get(job) is None
    assert runs.get(order, job) is None
    assert raced(other) == other
