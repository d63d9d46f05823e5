from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.exporters.passes.harness import Function, exported, rewrite


def masked(x: Tensor) -> Tensor:
    """A mask that is written to place by place, and read before it is whole as well."""
    mask = torch.zeros(x.shape[2:])
    mask[2:] += 1
    early = x * (mask + 1)
    mask[:, 3:] = 3
    return early + torch.where(mask == 3, 0.0, -1.0)


def grid(x: Tensor) -> Tensor:
    rows, columns = torch.meshgrid(*(torch.linspace(-1, 1, side) for side in x.shape[2:]), indexing="ij")
    return x + torch.stack([columns, rows]).mean(0)


def written(x: Tensor) -> Tensor:
    """What is no constant is written to a constant."""
    canvas = torch.zeros(2, 4, 6, 8) + 1
    canvas[:, :, 1:] = x[:, :, 1:]
    return canvas * x


def noise(x: Tensor) -> Tensor:
    return x + 0 * (torch.rand(1) + 1)


def wide(x: Tensor) -> Tensor:
    return x.mean() + torch.ones(400, 1) * torch.ones(1, 400)


@pytest.mark.parametrize(
    ("function", "places"), [(masked, 2), (grid, 1), (written, 0), (noise, 0), (wide, 0), (torch.relu, 0)]
)
def test_is_the_same_function(function, places: int) -> None:
    assert rewrite("constant_folding", Function(function), 2, 4, 6, 8) == places


class Shifted(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return masked(x)


def test_nothing_of_it_is_in_the_file(tmp_path: Path) -> None:
    operators = set(exported(Shifted(), "tflite", tmp_path))
    assert operators <= {"CONV_2D", "MUL", "ADD", "TRANSPOSE", "RESIZE_BILINEAR"}
