"""What `edgeseg run` makes and measures."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgeseg.core.errors import InputError
from edgeseg.core.protocols import Recipe
from edgeseg.core.source import Source
from edgeseg.pipeline.answers import Answers
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.benching import Titled
from edgeseg.pipeline.measure.comparing import Comparison
from edgeseg.pipeline.runs.kept import Kept
from edgeseg.pipeline.runs.making import Order
from edgeseg.pipeline.runs.matrix import Matrix, run_matrix
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
