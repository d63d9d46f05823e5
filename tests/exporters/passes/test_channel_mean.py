from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.exporters.passes.harness import Function, exported, rewrite


@pytest.mark.parametrize(
    ("function", "places"),
    [
        (lambda x: x * x.mean(1, keepdim=True).sigmoid(), 1),
        (lambda x: x.mean((-3,), keepdim=True) + x.mean(-3, keepdim=True), 2),
        (lambda x: x.mean((1, 2, 3), keepdim=True), 0),
        (lambda x: x.mean((2, 3), keepdim=True), 0),
        (lambda x: x.mean(1), 0),
        (lambda x: x.mean(1, keepdim=True, dtype=torch.float64), 0),
        (lambda x: x.flatten(2).mean(1, keepdim=True), 0),
    ],
)
def test_is_the_same_function(function, places: int) -> None:
    assert rewrite("channel_mean", Function(function), 2, 7, 5, 6) == places


def test_no_mean_in_the_file(tmp_path: Path) -> None:
    assert "ReduceMean" not in exported(Attention(), "onnx", tmp_path)


class Attention(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x * x.mean(1, keepdim=True).sigmoid()
