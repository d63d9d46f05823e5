from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.exporters.passes.harness import exported, random_norm, rewrite


def enlarged(x: Tensor) -> Tensor:
    return F.interpolate(x, size=(16, 24), mode="bilinear")


class Enlarged(nn.Upsample):
    def __init__(self) -> None:
        super().__init__(scale_factor=2, mode="bilinear")


class Decoder(nn.Module):
    """Maps of three sizes, each through a layer of its own, enlarged, joined and mixed."""

    def __init__(self, layer: Callable[[int, int], nn.Module], resize=enlarged, dim: int = 1, bias: bool = False):
        super().__init__()
        self.layers = nn.ModuleList(layer(8, 12) for _ in range(3))
        self.fuse = nn.Sequential(nn.Conv2d(36, 10, 1, bias=bias), nn.BatchNorm2d(10), nn.ReLU())
        self.resize, self.dim = resize, dim

    def forward(self, x: Tensor) -> Tensor:
        maps = [F.relu(F.avg_pool2d(x, size)) for size in (1, 2, 4)]
        return self.fuse(torch.cat([self.resize(f(y)) for f, y in zip(self.layers, maps, strict=True)], self.dim))


class Rows(nn.Module):
    """A linear layer of a map's pixels as rows."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.linear(x.flatten(2).transpose(1, 2))
        return rows.transpose(1, 2).reshape(len(x), -1, *x.shape[2:])


class PermutedRows(Rows):
    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        rows = self.linear(x.permute(0, 2, 3, 1).contiguous().view(n, height * width, channels))
        return rows.view(n, height, width, -1).permute(0, 3, 1, 2).contiguous()


class ChannelsLast(Rows):
    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Transposed(Rows):
    """Its map lies on its side."""

    def forward(self, x: Tensor) -> Tensor:
        rows = self.linear(x.flatten(2).transpose(1, 2))
        height, width = x.shape[2:]
        return rows.transpose(1, 2).reshape(len(x), -1, width, height).transpose(2, 3)


class Grouped(Rows):
    """Takes for channels what are not."""

    def forward(self, x: Tensor) -> Tensor:
        rows = self.linear(x.reshape(len(x), -1, x.shape[1]))
        return rows.transpose(1, 2).reshape(len(x), -1, *x.shape[2:])


class Twice(nn.Module):
    """Another reads what the first makes, or writes to what it is given."""

    def __init__(self, writes: bool) -> None:
        super().__init__()
        self.first, self.second, self.writes = nn.Conv2d(8, 12, 1), nn.Conv2d(12, 10, 1), writes
        self.enlarged = Enlarged()

    def forward(self, x: Tensor) -> Tensor:
        x = x + 1
        y = self.first(x)
        return self.second(self.enlarged(y)) + (torch.relu_(x) if self.writes else y).mean()


def conv(inputs: int, outputs: int) -> nn.Module:
    return nn.Conv2d(inputs, outputs, 1)


def conv_norm(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), random_norm(outputs))


def nearest(x: Tensor) -> Tensor:
    return F.interpolate(x, size=(16, 24))


@pytest.mark.parametrize(
    ("network", "places"),
    [
        (Decoder(conv), 1),
        (Decoder(conv, bias=True), 1),
        (Decoder(conv_norm, nearest, dim=-3), 1),
        (Decoder(Rows), 1),
        (Decoder(PermutedRows), 1),
        (Decoder(ChannelsLast, bias=True), 1),
        (nn.Sequential(conv_norm(8, 12), Enlarged(), nn.Conv2d(12, 10, 1, bias=False)), 1),
        (nn.Sequential(conv(8, 9), Enlarged(), conv_norm(9, 9), Enlarged(), conv(9, 10)), 2),
        (nn.Sequential(conv(8, 6), Enlarged(), conv(6, 12)), 0),
        (nn.Sequential(nn.AdaptiveAvgPool2d(1), conv(8, 12), Enlarged(), conv(12, 10)), 0),
        (nn.Sequential(conv(8, 12), conv(12, 10)), 0),
        (nn.Sequential(conv(8, 12), nn.ReLU(), Enlarged(), conv(12, 10)), 0),
        (nn.Sequential(nn.Conv2d(8, 12, 1, groups=2), Enlarged(), conv(12, 10)), 0),
        (nn.Sequential(conv(8, 12), Enlarged(), nn.Conv2d(12, 10, 1, groups=2)), 0),
        (nn.Sequential(nn.Conv2d(8, 12, 1, padding=1), Enlarged(), conv(12, 10)), 0),
        (nn.Sequential(conv(8, 12), Enlarged(), nn.Conv2d(12, 10, 3)), 0),
        (Decoder(Transposed), 0),
        (Decoder(Grouped), 0),
        (Twice(writes=False), 0),
        (Twice(writes=True), 0),
    ],
)
def test_is_the_same_function(network: nn.Module, places: int) -> None:
    assert rewrite("composed_pointwise", network, 2, 8, 16, 24) == places


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_one_convolution_in_the_file(format: str, tmp_path: Path) -> None:
    network = nn.Sequential(nn.ReLU(), Decoder(Rows, lambda x: F.interpolate(x, size=(8, 16))))
    operators = exported(network, format, tmp_path)
    assert not {"MatMul", "Gemm", "FULLY_CONNECTED", "BATCH_MATMUL"} & set(operators)
    assert sum(operator in ("Conv", "FusedConv", "CONV_2D") for operator in operators) == 3
