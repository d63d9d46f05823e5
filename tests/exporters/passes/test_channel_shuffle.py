from __future__ import annotations

from pathlib import Path

import pytest
from torch import Tensor, nn

from tests.exporters.passes.harness import Function, exported, rewrite


def written_out(x: Tensor) -> Tensor:
    n, channels, height, width = x.shape
    return x.view(n, 4, channels // 4, height, width).transpose(1, 2).reshape(n, channels, height, width)


def rows(x: Tensor) -> Tensor:
    n, channels, height, width = x.shape
    return x.view(n, channels, height, width // 2, 2).transpose(2, 3).reshape(n, channels, height, width)


@pytest.mark.parametrize("net", [nn.ChannelShuffle(2), Function(written_out)])
def test_is_the_same_function(net: nn.Module) -> None:
    assert rewrite("channel_shuffle", net, 2, 8, 3, 5) == 1


def test_other_transpositions_are_left_alone() -> None:
    assert rewrite("channel_shuffle", Function(rows), 2, 8, 3, 6) == 0


@pytest.mark.parametrize("net", [nn.ChannelShuffle(2), Function(written_out)])
def test_one_transposition_in_the_file(net: nn.Module, tmp_path: Path) -> None:
    assert exported(net, "tflite", tmp_path).count("TRANSPOSE") == 1
