from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from ai_edge_quantizer.qtyping import UniformQuantParams
from torch import nn

import edgeseg
from edgeseg import models, runtimes
from edgeseg.core.protocols import Recipe
from edgeseg.core.types import Size
from edgeseg.graphs import read_graph
from edgeseg.quantize import large_constants
from edgeseg.quantize.finished.report import int8_report

SIZE = Size(16, 16)


class Wide(nn.Module):
    """Its second convolution has 36 MiB of weights."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 1024, 1)
        self.second = nn.Conv2d(1024, 1024, 3, padding=1)
        self.last = nn.Conv2d(1024, 5, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.last(torch.relu(self.second(torch.relu(self.first(image)))))


def test_parts_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    weights = random.standard_normal((37, 3, 3, 5)).astype(np.float32)
    scale = np.abs(weights).max((1, 2, 3), keepdims=True) / 127
    params = UniformQuantParams(8, 0, scale, np.zeros_like(scale, np.int32), symmetric=True)
    whole = large_constants.tool.uniform_quantize(weights, params)
    monkeypatch.setattr(large_constants, "_PART_BYTES", weights.nbytes // 4)
    with large_constants.quantized_in_parts():
        parts = large_constants.tool.uniform_quantize(weights, params)
    assert np.array_equal(parts, whole)
    assert parts.dtype == whole.dtype
    assert np.abs(parts.astype(int)).max() == 127


def test_a_convolution_of_more_than_32_mib(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = models.as_model(Wide(), size=SIZE)
    floating = edgeseg.export(model, "tflite", SIZE, path=tmp_path / "wide.tflite")
    integer = edgeseg.quantize(floating, recipe=Recipe(input="float"), path=tmp_path / "wide_int8.tflite", count=2)
    assert int8_report(read_graph(integer.path)).floating == {}
    batch = np.random.default_rng(0).standard_normal((1, 16, 16, 3)).astype(np.float32)
    with runtimes.open_session(floating) as one, runtimes.open_session(integer) as other:
        expected, found = one(batch), other(batch)
    assert np.corrcoef(expected.ravel(), found.ravel())[0, 1] > 0.98
