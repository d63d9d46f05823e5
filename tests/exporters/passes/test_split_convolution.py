from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.exporters.passes.harness import exported, random_norm, rewrite


class Quarters(nn.Module):
    """Each quarter goes another way."""

    def __init__(self, *behind: nn.Module, groups: int = 1, bias: bool = False) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1, groups=groups, bias=bias), *behind)
        self.ways = nn.ModuleList(nn.Conv2d(4, 4, 3, padding=1, groups=4) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([way(part) for way, part in zip(self.ways, self.parts(self.first(x)), strict=True)], 1)

    def parts(self, x: Tensor) -> tuple[Tensor, ...]:
        return x.chunk(4, 1)


class Sizes(Quarters):
    def parts(self, x: Tensor) -> tuple[Tensor, ...]:
        first, _, rest, last = x.split([4, 4, 4, 4], -3)
        return first, rest, last, first


class Rows(Quarters):
    def parts(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(x[:, :4] + row for row in x[:, 4:8].split(1, 2)[:4])


class ChangedBetween(Quarters):
    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        z = torch.relu_(x)
        return torch.cat([way(part) for way, part in zip(self.ways, y.chunk(4, 1), strict=True)], 1) + z.mean()


class ReadTwice(Quarters):
    def parts(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(part + x.mean() for part in x.chunk(4, 1))


@pytest.mark.parametrize(
    ("network", "places"),
    [
        (Quarters(), 1),
        (Quarters(bias=True), 1),
        (Quarters(random_norm(16), nn.ReLU()), 1),
        (Quarters(random_norm(16), nn.LeakyReLU(0.2, inplace=True), bias=True), 1),
        (Quarters(nn.Hardtanh(-0.5, 0.5), nn.SiLU()), 1),
        (Sizes(random_norm(16)), 1),
        (Quarters(nn.ReLU(), random_norm(16)), 0),
        (Quarters(groups=8), 0),
        (Quarters(nn.PReLU(16)), 0),
        (ReadTwice(nn.ReLU()), 0),
        (Rows(), 0),
        (ChangedBetween(), 0),
    ],
)
def test_is_the_same_function(network: Quarters, places: int) -> None:
    assert rewrite("split_convolution", network, 2, 8, 9, 12) == places


def test_no_split_of_the_image() -> None:
    assert rewrite("split_convolution", nn.Sequential(nn.PixelUnshuffle(2), Halves()), 1, 2, 8, 8) == 0


class Halves(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        left, right = x.chunk(2, 1)
        return left * right


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_no_split_in_the_file(format: str, tmp_path: Path) -> None:
    operators = exported(Quarters(random_norm(16), nn.ReLU()), format, tmp_path)
    assert not {"Split", "SPLIT", "SLICE", "STRIDED_SLICE"} & set(operators)
