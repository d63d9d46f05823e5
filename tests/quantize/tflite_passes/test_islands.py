from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

import edgeseg
from edgeseg import runtimes
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Model, Size
from edgeseg.graphs import read_graph
from edgeseg.quantize.finished.report import int8_report

SIZE = Size(16, 32)


def test_leaky_rectification_is_int8(tmp_path: Path) -> None:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 8, 3, padding=1), nn.PReLU(), nn.Conv2d(8, 3, 1), nn.LeakyReLU(0.1), nn.Conv2d(3, 3, 1)
    model = Model("toy", "torch", nn.Sequential(*layers).eval(), ("a", "b", "c"), size=SIZE)
    floating = edgeseg.export(model, "tflite", SIZE, path=tmp_path / "toy.tflite")
    integer = edgeseg.quantize(floating, recipe=Recipe(input="float"), path=tmp_path / "toy_int8.tflite", count=2)
    report = int8_report(read_graph(integer.path))
    assert report.int8["LEAKY_RELU"] == 2
    assert not report.floating
    image = np.random.default_rng(0).normal(size=(1, 16, 32, 3)).astype(np.float32)
    with runtimes.open_session(floating) as one, runtimes.open_session(integer) as other:
        expected, actual = one(image), other(image)
    assert np.abs(actual - expected).mean() < 0.05 * expected.std()
