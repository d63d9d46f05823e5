from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.exporters.passes.harness import Function, exported, random_norm, rewrite

CHANNELS = 6


def conv(kernel: int = 3, outputs: int = CHANNELS, **options) -> nn.Conv2d:
    return nn.Conv2d(CHANNELS, outputs, kernel, padding=kernel // 2 * options.get("dilation", 1), **options)


def normed(*layers: nn.Module, channels: int = CHANNELS) -> nn.Sequential:
    return nn.Sequential(*layers, random_norm(channels))


class Sum(nn.Module):
    """Branches of one map, added."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        total = self.branches[0](x)
        for branch in self.branches[1:]:
            total = total + branch(x)
        return torch.relu(total)


class InPlace(Sum):
    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        total = self.branches[0](x)
        total += self.branches[1](x)
        return total.sub_(self.branches[2](x))


class TokenMixer(Sum):
    """x + scale * (mixed - normed), as FastViT's."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__(*branches)
        self.scale = nn.Parameter(torch.rand(CHANNELS, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        return x + self.scale * (self.branches[0](x) - self.branches[1](x))


class FromZero(Sum):
    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        total = 0
        for branch in self.branches:
            total = total + branch(x)
        return total


class ShapedScale(TokenMixer):
    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        return self.branches[0](x) * self.scale.view(1, -1, 1, 1) + 0.5 * self.branches[1](x)


class ReadTwice(Sum):
    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)
        first = self.branches[0](x)
        return torch.cat([first + self.branches[1](x), first], 1)


class Changed(Sum):
    def forward(self, x: Tensor) -> Tensor:
        x = x + 1
        first = self.branches[0](x)
        x.sub_(3)
        return first + self.branches[1](x)


class Added(Sum):
    """To the map itself, in place."""

    def forward(self, x: Tensor) -> Tensor:
        x = x + 1
        return x.add_(self.branches[0](x)) * 2


class Broadcast(Sum):
    def forward(self, x: Tensor) -> Tensor:
        return self.branches[0](x) + self.branches[1](x)[:, :1]


def row() -> nn.Conv2d:
    return nn.Conv2d(CHANNELS, CHANNELS, (1, 3), padding=(0, 1))


def column() -> nn.Conv2d:
    return nn.Conv2d(CHANNELS, CHANNELS, (3, 1), padding=(1, 0))


def depthwise(kernel: int = 3, **options) -> nn.Conv2d:
    return conv(kernel, groups=CHANNELS, **options)


@pytest.mark.parametrize(
    ("network", "places"),
    [
        (Sum(normed(conv(bias=False)), normed(conv(1, bias=False)), normed()), 2),
        (Sum(normed(conv(stride=2)), normed(conv(1, stride=2))), 1),
        (Sum(conv(outputs=9), conv(1, outputs=9)), 1),
        (Sum(conv(dilation=2), conv(1)), 1),
        (Sum(conv(5, groups=2), conv(groups=2), normed()), 2),
        (Sum(depthwise(7), depthwise(), nn.Identity()), 2),
        (Sum(nn.Identity(), depthwise()), 1),
        (Sum(conv(1), conv(1), normed()), 2),
        (Sum(row(), conv()), 1),
        (InPlace(conv(), conv(1), normed()), 2),
        (TokenMixer(depthwise(), normed()), 2),
        (ShapedScale(conv(), conv(1)), 1),
        (FromZero(normed(), normed(conv()), conv()), 2),
        (Sum(depthwise(1), conv()), 1),
        (Sum(conv(), nn.Identity()), 0),
        (Sum(normed(), nn.Identity()), 0),
        (Sum(conv(), depthwise()), 0),
        (Sum(conv(dilation=2), conv()), 0),
        (Sum(row(), column()), 0),
        (Sum(nn.Conv2d(CHANNELS, CHANNELS, 4, 2, 1), conv(1, stride=2)), 0),
        (Sum(nn.Sequential(conv(), nn.ReLU()), conv(1)), 0),
        (Sum(nn.Sequential(conv(), nn.PReLU(CHANNELS)), normed()), 0),
        (ReadTwice(conv(), conv(1)), 0),
        (Changed(conv(), conv(1)), 0),
        (Added(depthwise()), 0),
        (Broadcast(conv(), conv(1)), 0),
    ],
)
def test_is_the_same_function(network: nn.Module, places: int) -> None:
    assert rewrite("joined_convolutions", network, 2, CHANNELS, 8, 10) == places


def test_weights_that_are_computed_stay() -> None:
    def mixed(x: Tensor) -> Tensor:
        kernel = x.mean((0, 2, 3)).diag()[..., None, None]
        return torch.nn.functional.conv2d(x, kernel) + torch.nn.functional.conv2d(x, 2 * kernel)

    assert rewrite("joined_convolutions", Function(mixed), 2, CHANNELS, 8, 10) == 0


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_one_convolution_in_the_file(format: str, tmp_path: Path) -> None:
    block = nn.Sequential(nn.Conv2d(8, CHANNELS, 1), Sum(normed(conv()), normed(conv(1)), normed()))
    operators = exported(block, format, tmp_path)
    assert not {"Add", "ADD", "BatchNormalization", "MUL", "DEPTHWISE_CONV_2D"} & set(operators)
