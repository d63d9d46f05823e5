from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.exporters.passes.harness import exported, random_norm, rewrite


def depthwise(*kernel: int, multiplier: int = 1, dilation: int = 1, **options) -> nn.Conv2d:
    padding = options.pop("padding", tuple((side - 1) * dilation // 2 for side in kernel))
    return nn.Conv2d(6, 6 * multiplier, kernel, padding=padding, groups=6, dilation=dilation, **options)


@pytest.mark.parametrize(
    ("network", "places"),
    [
        (depthwise(7, 7), 1),
        (depthwise(7, 7, bias=False), 1),
        (depthwise(7, 7, dilation=3), 1),
        (depthwise(7, 7, stride=2, multiplier=2), 1),
        (depthwise(5, 7), 1),
        (depthwise(7, 5), 1),
        (depthwise(9, 9), 1),
        (depthwise(1, 31), 1),
        (nn.Sequential(depthwise(7, 7, bias=False), random_norm(6), nn.ReLU()), 1),
        (nn.Sequential(depthwise(7, 7), nn.ReLU(), random_norm(6)), 1),
        (depthwise(5, 5), 0),
        (depthwise(11, 11), 0),
        (depthwise(7, 7, padding=0), 0),
        (depthwise(6, 6, padding=3), 0),
        (nn.Conv2d(6, 6, 7, padding=3, groups=3), 0),
    ],
)
def test_is_the_same_function(network: nn.Module, places: int) -> None:
    assert rewrite("wide_depthwise", network, 2, 6, 12, 40) == places


@pytest.mark.parametrize(("kernel", "parts"), [((7, 7), 3), ((9, 9), 4), ((5, 7), 2), ((7, 5), 2), ((1, 31), 2)])
def test_as_few_kernels_as_suffice(kernel: tuple[int, int], parts: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 8, kernel, padding=(kernel[0] // 2, kernel[1] // 2), groups=8)
    operators = exported(nn.Sequential(conv, random_norm(8)), "tflite", tmp_path)
    assert operators.count("DEPTHWISE_CONV_2D") == parts
    assert operators.count("ADD") == parts - 1
    assert not {"PAD", "MUL", "SUB"} & set(operators)
