"""What `edgeseg run` makes and measures."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from edgeseg.core.errors import InputError, WorkError
from edgeseg.core.protocols import Recipe
from edgeseg.core.source import Source
from edgeseg.pipeline.answers import Answers
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.benching import Titled
from edgeseg.pipeline.measure.comparing import Comparison
from edgeseg.pipeline.runs.kept import Kept
from edgeseg.pipeline.runs.making import Order
from edgeseg.pipeline.runs.matrix import Matrix, run_matrix
from edgeseg.pipeline.silence import silent
from tests.small import small_onnx


def matrix(folder: Path, *targets: str, formats: tuple[str, ...] = ("onnx", "tflite")) -> Matrix:
    sources = tuple(map(Source, targets))
    order = Order(sources[0], "onnx", None, Recipe(), "scenes", None, 4, str(folder))
    return Matrix(sources, formats, order, Job(sources[0], data="scenes"))


def test_zoo_networks_of_random_weights_have_no_accuracy(tmp_path: Path) -> None:
    file = str(small_onnx(tmp_path / "Net.ONNX"))
    pairs = [
        (order.source.target, order.format, job.data)
        for order, job in matrix(tmp_path, "mininet", "fastscnn", "mine:build", file).pairs()
    ]
    assert pairs == [
        ("mininet", "onnx", None),
        ("mininet", "tflite", None),
        ("fastscnn", "onnx", "scenes"),
        ("fastscnn", "tflite", "scenes"),
        ("mine:build", "onnx", "scenes"),
        ("mine:build", "tflite", "scenes"),
        (file, "onnx", "scenes"),
    ]


def test_a_run_forgets_what_was_kept_of_it_alone(tmp_path: Path) -> None:
    done, other = (
        matrix(tmp_path, str(small_onnx(tmp_path / f"{name}.onnx")), formats=("onnx",)) for name in ("done", "other")
    )
    kept = Kept(Answers(tmp_path / "unfinished.json"))
    for each in (done, other):
        for order, job in each.pairs():
            kept.put(order, job, Comparison())
    run_matrix(done, Titled, lambda artifact, text: None)
    assert [kept.get(order, job) for order, job in (*done.pairs(), *other.pairs())] == [None, Comparison()]
    run_matrix(other, Titled, lambda artifact, text: None)
    assert not kept.answers.path.exists()


def test_a_file_of_no_format_asked_for_is_refused(tmp_path: Path) -> None:
    file, titled = str(small_onnx(tmp_path / "net.onnx")), Titled
    with pytest.raises(InputError, match=r"net\.onnx: is not of the format asked for, tflite; leave --to out"):
        run_matrix(matrix(tmp_path, file, formats=("tflite",)), titled, lambda artifact, text: None)


def test_a_device_that_is_none_is_told_before_long_work(tmp_path: Path) -> None:
    asked = matrix(tmp_path, str(small_onnx(tmp_path / "net.onnx")), formats=("onnx",))
    for device, words in (("npu", "no device 'npu' on runtime onnxruntime"), ("android:gone", "expected android:PATH")):
        with pytest.raises(InputError, match=words):
            run_matrix(replace(asked, job=replace(asked.job, device=device)), Titled, lambda artifact, text: None)


def test_a_device_that_fails_does_not_stop_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [str(small_onnx(tmp_path / f"{name}.onnx")) for name in ("one", "other")]
    made = {"path": str(small_onnx(tmp_path / "int8.onnx")), "summary": "made"}
    reached: list[str] = []

    def measured(job: Job, sources: list[Source], *_: object) -> Comparison:
        reached.append(sources[0].target)
        if len(reached) == 1:
            raise WorkError("board: ended without a word")
        return Comparison()

    monkeypatch.setattr("edgeseg.pipeline.runs.matrix.apart", lambda *_: made)
    monkeypatch.setattr("edgeseg.pipeline.runs.matrix.as_artifact", lambda source: source)
    monkeypatch.setattr("edgeseg.pipeline.runs.matrix.measure_all", measured)
    asked = matrix(tmp_path, *files, formats=("onnx",))
    found = run_matrix(asked, lambda title: nullcontext(silent), lambda artifact, text: None)
    assert reached == files
    assert [(each.name, each.reason) for each in found.failures] == [
        (name, "board: ended without a word") for name in ("one.onnx", "int8.onnx")
    ]
    assert [str(error) for error in found.errors] == ["board: ended without a word"] * 2
