"""Scores that are no numbers have no accuracy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgeseg.core.errors import MeasureError
from edgeseg.core.source import Source
from edgeseg.pipeline.job import Job
from edgeseg.pipeline.measure.measuring import measure
from edgeseg.pipeline.silence import silent
from tests.small import small_onnx


def with_weight(path: Path, value: float) -> Path:
    model = onnx.load(small_onnx(path))
    kernel = numpy_helper.to_array(model.graph.initializer[-1]).copy()
    kernel[3] = value
    model.graph.initializer[-1].CopyFrom(numpy_helper.from_array(kernel, model.graph.initializer[-1].name))
    onnx.save(model, path)
    return path


def job(path: Path) -> Job:
    return Job(Source(str(path)), threads=1, data="scenes", images=1)


def test_scores_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    path = with_weight(tmp_path / "broken.onnx", np.nan)
    with pytest.raises(MeasureError, match=r"broken.*: its scores are no numbers \(NaN\) on the first image"):
        measure(job(path), silent)


def test_scores_that_are_infinite_are_compared(tmp_path: Path) -> None:
    model = onnx.load(small_onnx(tmp_path / "small.onnx"))
    bias = np.zeros(19, np.float32)
    bias[3] = -np.inf
    model.graph.initializer.append(numpy_helper.from_array(bias, "bias"))
    model.graph.node[-1].input.append("bias")
    onnx.save(model, tmp_path / "infinite.onnx")
    assert measure(job(tmp_path / "infinite.onnx"), silent).miou_percent is not None
