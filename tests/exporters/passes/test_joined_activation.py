from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.exporters.passes.harness import exported, random_norm, rewrite


class Joined(nn.Module):
    def __init__(self, forward: Callable[[Joined, Tensor], Tensor]) -> None:
        super().__init__()
        self.function, self.norm = forward, random_norm(8)
        self.one, self.other = nn.Conv2d(8, 4, 3, padding=1), nn.ConvTranspose2d(8, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def convolutions(net: Joined, x: Tensor) -> Tensor:
    return torch.cat([net.one(x), net.other(x)], 1).relu()


def pooled(net: Joined, x: Tensor) -> Tensor:
    return F.relu6(torch.cat([net.one(x), F.max_pool2d(x, 3, 1, 1)], 1))


def clipped_in_place(net: Joined, x: Tensor) -> Tensor:
    return F.hardtanh_(torch.cat([x, net.one(x)], 1), -0.5, 0.25)[:, :8] + x


def normalised(net: Joined, x: Tensor) -> Tensor:
    return torch.cat([net.norm(x.sigmoid()), x], 1).relu()


def twice_the_same(net: Joined, x: Tensor) -> Tensor:
    part = net.one(x)
    return torch.cat([part, part], 1).relu()


def read_twice(net: Joined, x: Tensor) -> Tensor:
    joined = torch.cat([net.one(x), net.other(x)], 1)
    return joined.relu() + joined


def no_convolution(net: Joined, x: Tensor) -> Tensor:
    return torch.cat([x, x.sigmoid()], 1).relu()


def convolution_read_twice(net: Joined, x: Tensor) -> Tensor:
    part = net.one(x)
    return torch.cat([part, x], 1).relu()[:, :4] + part


@pytest.mark.parametrize("forward", [convolutions, pooled, clipped_in_place, normalised])
def test_is_the_same_function(forward: Callable[[Joined, Tensor], Tensor]) -> None:
    assert rewrite("joined_activation", Joined(forward), 2, 8, 5, 7) == 1


@pytest.mark.parametrize("forward", [twice_the_same, read_twice, no_convolution, convolution_read_twice])
def test_leaves_alone_what_it_does_not_gain_by(forward: Callable[[Joined, Tensor], Tensor]) -> None:
    assert rewrite("joined_activation", Joined(forward), 2, 8, 5, 7) == 0


def test_is_fused_in_the_file(tmp_path: Path) -> None:
    operators = exported(Joined(convolutions), "tflite", tmp_path)
    assert not {"RELU", "MAXIMUM"} & set(operators)
