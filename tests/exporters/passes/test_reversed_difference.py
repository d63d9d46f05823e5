from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.exporters.passes.harness import Function, exported, rewrite


@pytest.mark.parametrize(
    ("before", "places"),
    [
        (lambda x: 1 - x, 1),
        (lambda x: torch.rsub(x, 2, alpha=3), 1),
        (lambda x: torch.tensor(2.0) - x, 1),
        (lambda x: torch.sub(torch.tensor([1.0]), x, alpha=2), 1),
        (lambda x: torch.ones(1, 3, 1, 1) - x, 0),
        (lambda x: x - torch.tensor(1.0), 0),
        (lambda x: x * (1 - torch.sigmoid(x)), 0),
        (lambda x: x - 1, 0),
    ],
)
def test_is_the_same_function(before, places: int) -> None:
    network = nn.Sequential(Function(before), nn.Conv2d(3, 2, 3, padding=1))
    assert rewrite("reversed_difference", network, 2, 3, 5, 6) == places


@pytest.mark.parametrize("function", [lambda x: 1 - x, lambda x: torch.tensor([0.5]) - torch.relu(x)])
def test_on_the_runtime(function, tmp_path: Path) -> None:
    assert "SUB" not in exported(Function(function), "tflite", tmp_path)
