from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from edgeseg.bench.profiles.madds import count_madds
from edgeseg.graphs import read_graph
from tests.exporters.passes.harness import SIZE, exported, random_norm, rewrite
from tests.exporters.passes.test_transposed_convolution import CASES, Deconv

APART = {"2x2, stride 2", "gaps between the pixels"}
GROUPED = {"groups", "normalised groups", "bilinear upsampling"}


@pytest.mark.parametrize("case", sorted(CASES.keys() - APART - GROUPED))
@pytest.mark.parametrize("size", [(6, 8), (7, 5)])
def test_is_the_same_function(case: str, size: tuple[int, int]) -> None:
    assert rewrite("overlapping_transposed_convolution", CASES[case](), 2, 8, *size) == 1


@pytest.mark.parametrize("case", sorted(APART | GROUPED))
def test_leaves_alone_what_onnx_runtime_is_quicker_at(case: str) -> None:
    assert rewrite("overlapping_transposed_convolution", CASES[case](), 2, 8, 6, 8) == 0


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_the_file_has_the_multiply_adds_of_the_network(format: str, tmp_path: Path) -> None:
    net = nn.Sequential(Deconv(8, 6, 3, 2, 1, 1), random_norm(6), nn.ReLU())
    operators = exported(net, format, tmp_path)
    assert not {"ConvTranspose", "TRANSPOSE_CONV"} & set(operators)
    before, within, behind = 3 * 8, 8 * 6 * 9, 4 * 6 * 3
    assert count_madds(read_graph(tmp_path / f"toy.{format}")) == SIZE.height * SIZE.width * (before + within + behind)
