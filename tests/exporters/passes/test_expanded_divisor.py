from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.exporters.passes.harness import Function, exported, rewrite


def by_the_mean(x: Tensor) -> Tensor:
    return x / (x.abs().mean((2, 3), keepdim=True) + 1).expand(-1, -1, x.shape[2], x.shape[3])


def spread_by_the_division(x: Tensor) -> Tensor:
    return x.mean((2, 3), keepdim=True) / x.abs().mean(1, keepdim=True).add(1).expand_as(x)


def grown(x: Tensor) -> Tensor:
    return x[:, :1, :1, :1] / (x[:, :1, :1, :1].abs() + 1).expand_as(x)


@pytest.mark.parametrize(
    ("function", "places"),
    [
        (F.normalize, 1),
        (by_the_mean, 1),
        (spread_by_the_division, 1),
        (grown, 0),
        (lambda x: x / (x.abs() + 1), 0),
        (lambda x: x * torch.sigmoid(x[:, :1]).expand_as(x), 0),
    ],
)
def test_is_the_same_function(function, places: int) -> None:
    assert rewrite("expanded_divisor", Function(function), 2, 4, 3, 5) == places


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_a_normalisation_is_written_without_spreading(format: str, tmp_path: Path) -> None:
    operators = exported(Function(F.normalize), format, tmp_path)
    assert not {"Expand", "BROADCAST_TO"} & set(operators)
