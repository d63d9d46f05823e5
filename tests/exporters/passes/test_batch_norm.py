from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.exporters.passes.harness import exported, random_norm, rewrite

Join = Callable[[list[Tensor]], Tensor]


def concatenation(parts: list[Tensor]) -> Tensor:
    return torch.cat(parts, 1)


def total(parts: list[Tensor]) -> Tensor:
    return parts[0] + parts[1] + parts[2]


def both(parts: list[Tensor]) -> Tensor:
    return torch.cat([parts[0], parts[1] + parts[2]], 1)


def beside_itself(parts: list[Tensor]) -> Tensor:
    return torch.cat([parts[0], parts[0]], 1)


def activated(parts: list[Tensor]) -> Tensor:
    return torch.cat([parts[0], parts[1].relu()], 1)


def pooled(parts: list[Tensor]) -> Tensor:
    return torch.cat([parts[0], nn.functional.max_pool2d(parts[1], 3, 1, 1)], 1)


def nested(parts: list[Tensor]) -> Tensor:
    return torch.cat([torch.cat([parts[0].sigmoid(), parts[1]], 1), parts[0], parts[2]], 1)


def no_convolution(parts: list[Tensor]) -> Tensor:
    return torch.cat([parts[0].sigmoid(), parts[1].relu()], 1)


def read_twice(parts: list[Tensor]) -> Tensor:
    return torch.cat([parts[0], parts[1]], 1) + parts[0].mean()


def broadcast(parts: list[Tensor]) -> Tensor:
    return parts[0] + parts[1].mean((2, 3), keepdim=True)


class Joined(nn.Module):
    def __init__(self, join: Join, channels: int) -> None:
        super().__init__()
        self.join, self.norm = join, random_norm(channels)
        self.one = nn.Conv2d(8, 4, 3, padding=1, bias=False)
        self.other = nn.Conv2d(8, 4, 3, padding=2, dilation=2)
        self.third = nn.Conv2d(8, 4, 1, groups=4)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.join([self.one(x), self.other(x), self.third(x)])).relu()


@pytest.mark.parametrize(
    ("join", "channels"),
    [(concatenation, 12), (total, 4), (both, 8), (activated, 8), (pooled, 8), (nested, 16)],
)
def test_is_the_same_function(join: Join, channels: int) -> None:
    assert rewrite("batch_norm", Joined(join, channels), 2, 8, 5, 7) == 1


@pytest.mark.parametrize(
    ("join", "channels"), [(beside_itself, 8), (no_convolution, 8), (read_twice, 8), (broadcast, 4)]
)
def test_leaves_alone_what_it_cannot_do(join: Join, channels: int) -> None:
    assert rewrite("batch_norm", Joined(join, channels), 2, 8, 5, 7) == 0


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_nothing_of_it_in_the_file(format: str, tmp_path: Path) -> None:
    operators = exported(Joined(concatenation, 12), format, tmp_path)
    assert not {"BatchNormalization", "MUL", "SUB", "Mul", "Sub"} & set(operators)


@pytest.mark.parametrize(("format", "norm"), [("onnx", "BatchNormalization"), ("tflite", "DEPTHWISE_CONV_2D")])
def test_what_is_no_convolution_is_normalised_by_itself(format: str, norm: str, tmp_path: Path) -> None:
    operators = exported(Joined(pooled, 8), format, tmp_path)
    assert operators.count(norm) == 1
