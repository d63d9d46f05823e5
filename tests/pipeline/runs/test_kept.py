"""What `edgeseg run` keeps until all is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Recipe
from edgeseg.core.record import Record
from edgeseg.core.source import Source
from edgeseg.core.types import Size
from edgeseg.pipeline.answers import Answers
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.comparing import Comparison
from edgeseg.pipeline.runs.kept import Kept
from edgeseg.pipeline.runs.making import Order
from edgeseg.pipeline.sources import as_artifact
from tests.small import small_onnx


def test_what_was_measured_comes_back_and_damage_is_named(tmp_path: Path) -> None:
    source = Source(str(small_onnx(tmp_path / "net.onnx")))
    order = Order(source, "onnx", None, Recipe(), "scenes", None, 4, str(tmp_path))
    record = Record(
        "net.onnx", "net", "onnx", "fp32", "logits", Size(32, 64), 1, "onnxruntime", "cpu", 1, (1.0,), (2.0,)
    )
    measured = replace(record, sha256=as_artifact(source).sha256)
    kept = Kept(Answers(tmp_path / "unfinished.json"))
    kept.put(order, Job(source), Comparison((source,), (measured,)))
    found = kept.get(order, Job(source))
    assert found is not None
    assert found.records == (measured,)
    text = kept.answers.path.read_text()
    for damage in (text.replace('"cpu", "threads": 1', '"cpu", "threads": "1"'), text.replace('"files"', '"paths"')):
        assert damage != text
        kept.answers.path.write_text(damage)
        with pytest.raises(InputError, match=r"unfinished\.json: .*delete it to begin anew"):
            kept.get(order, Job(source))
