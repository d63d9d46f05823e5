from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from tests.exporters.passes.harness import exported, random_norm, rewrite

Deconv = nn.ConvTranspose2d

CASES = {
    "3x3, stride 2, output padding": lambda: Deconv(8, 6, 3, 2, 1, 1),
    "15x15, stride 8, output padding": lambda: Deconv(8, 3, 15, 8, 7, 7),
    "2x2, stride 2": lambda: Deconv(8, 6, 2, 2, bias=False),
    "4x4, stride 2": lambda: Deconv(8, 6, 4, 2, 1),
    "wider than the input times the stride": lambda: Deconv(8, 6, 4, 2),
    "narrower than the input times the stride": lambda: Deconv(8, 6, 5, 3, 4),
    "gaps between the pixels": lambda: Deconv(8, 6, 1, 2, 0, 1),
    "stride 1": lambda: Deconv(8, 6, 3, 1, 1),
    "another one for each axis": lambda: Deconv(8, 6, (3, 2), (1, 3), (2, 0), (0, 1)),
    "groups": lambda: Deconv(8, 6, 3, 2, 1, 1, groups=2),
    "bilinear upsampling": lambda: Deconv(8, 8, 4, 2, 1, groups=8, bias=False),
    "normalised": lambda: nn.Sequential(Deconv(8, 6, 3, 2, 1, 1), random_norm(6), nn.ReLU()),
    "normalised without bias": lambda: nn.Sequential(Deconv(8, 6, 3, 2, 1, 1, bias=False), random_norm(6), nn.ReLU6()),
    "normalised groups": lambda: nn.Sequential(Deconv(8, 6, 3, 2, 1, 1, groups=2), random_norm(6), nn.PReLU()),
    "activated": lambda: nn.Sequential(Deconv(8, 6, 3, 2, 1, 1), nn.ReLU(inplace=True), nn.BatchNorm2d(6)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [(6, 8), (7, 5)])
def test_is_the_same_function(case: str, size: tuple[int, int]) -> None:
    assert rewrite("transposed_convolution", CASES[case](), 2, 8, *size) == 1


@pytest.mark.parametrize("net", [Deconv(8, 6, 3, 2, dilation=2), nn.Conv2d(8, 6, 3)])
def test_leaves_alone_what_it_cannot_do(net: nn.Module) -> None:
    assert rewrite("transposed_convolution", net, 1, 8, 6, 8) == 0


@pytest.mark.parametrize("case", ["normalised", "15x15, stride 8, output padding", "bilinear upsampling"])
def test_no_transposed_convolution_in_the_file(case: str, tmp_path: Path) -> None:
    operators = exported(CASES[case](), "tflite", tmp_path)
    assert operators.count("TRANSPOSE") == 1
    assert not {"TRANSPOSE_CONV", "MUL", "RELU", "SLICE"} & set(operators)
