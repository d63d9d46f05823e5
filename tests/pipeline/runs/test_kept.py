"""What `edgeseg run` keeps until all is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import pytest

from edgeseg.bench.times import environment
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


def ordered(source: Source) -> Order:
    return Order(source, "onnx", None, Recipe(), "scenes", None, 4, str(Path(source.target).parent))


def record_of(source: Source) -> Record:
    record = Record(
        "net.onnx", "net", "onnx", "fp32", "logits", Size(32, 64), 1, "onnxruntime", "cpu", 1, (1.0,), (2.0,)
    )
    return replace(record, sha256=as_artifact(source).sha256)


def kept_of(source: Source, folder: Path) -> Kept:
    """With one measurement."""
    kept = Kept(Answers(folder / "unfinished.json"))
    kept.put(ordered(source), Job(source), Comparison((source,), (record_of(source),)))
    return kept


def test_what_was_measured_comes_back_and_damage_is_named(tmp_path: Path) -> None:
    source = Source(str(small_onnx(tmp_path / "net.onnx")))
    order, kept = ordered(source), kept_of(source, tmp_path)
    found = kept.get(order, Job(source))
    assert found is not None
    assert found.records == (record_of(source),)
    text = kept.answers.path.read_text()
    for damage in (text.replace('"cpu", "threads": 1', '"cpu", "threads": "1"'), text.replace('"files"', '"paths"')):
        assert damage != text
        kept.answers.path.write_text(damage)
        with pytest.raises(InputError, match=r"unfinished\.json: .*delete it to begin anew"):
            kept.get(order, Job(source))


def test_what_is_said_of_a_file_comes_back_with_it(tmp_path: Path) -> None:
    path = small_onnx(tmp_path / "net.onnx")
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    onnx.save(model, path)
    source = Source(str(path), size=Size(32, 64), mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    found = kept_of(source, tmp_path).get(ordered(source), Job(source))
    assert found is not None
    assert found.sources == (source,)


def test_what_is_no_longer_as_it_was_measured_is_measured_again(tmp_path: Path) -> None:
    source, made = (Source(str(small_onnx(tmp_path / f"{name}.onnx"))) for name in ("net", "made"))
    kept, order = Kept(Answers(tmp_path / "unfinished.json")), ordered(source)
    kept.put(order, Job(source), Comparison((source, made), (record_of(source), record_of(made))))
    assert kept.get(order, Job(source)) is not None
    small_onnx(Path(made.target), layers=1)
    assert kept.get(order, Job(source)) is None
    Path(made.target).unlink()
    assert kept.get(order, Job(source)) is None


def test_nothing_is_kept_of_other_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(str(small_onnx(tmp_path / "net.onnx")))
    kept = kept_of(source, tmp_path)
    monkeypatch.setattr(environment, "library_versions", lambda: {"onnxruntime": "1.0"})
    assert kept.get(ordered(source), Job(source)) is None
