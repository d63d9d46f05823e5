from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.exporters.passes.harness import Function, exported, rewrite


def attention(x: Tensor) -> Tensor:
    """The weights of pixels for regions, by their first two channels, and what they come to."""
    pixels = x.flatten(2)
    regions = pixels[:, :, :7].transpose(1, 2)
    weights = pixels[:, :2].transpose(1, 2) @ regions[:, :, :2].transpose(1, 2)
    return (weights.softmax(2) @ regions).transpose(1, 2).reshape(x.shape)


@pytest.mark.parametrize(
    ("function", "places"),
    [
        (attention, 1),
        (lambda x: x.mT @ x[..., :4].mT, 1),
        (lambda x: torch.bmm(x[:, 0].permute(0, 2, 1), x[:, 1, :, :4].permute(0, -1, 1)), 1),
        (lambda x: x.mT @ x, 0),
        (lambda x: x @ x.mT, 0),
        (lambda x: x[:, :, :3].transpose(1, 2) @ x.transpose(1, 2)[:, :3].mT, 0),
    ],
)
def test_is_the_same_function(function, places: int) -> None:
    assert rewrite("transposed_product", Function(function), 2, 3, 4, 5) == places


def test_on_the_runtime(tmp_path: Path) -> None:
    exported(Function(attention), "tflite", tmp_path)
