from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.exporters.passes.harness import Function, exported, rewrite


@pytest.mark.parametrize("kernel", [1, 2, (2, 3), (4, 1)])
def test_is_the_same_function(kernel: int | tuple[int, int]) -> None:
    assert rewrite("patches", nn.Unfold(kernel, stride=kernel), 2, 3, 8, 12) == 1
    there_and_back = nn.Sequential(nn.Unfold(kernel, stride=kernel), nn.Fold((8, 12), kernel, stride=kernel))
    assert rewrite("patches", there_and_back, 2, 3, 8, 12) == 2


@pytest.mark.parametrize(
    "unfold",
    [
        nn.Unfold(3, stride=2),
        nn.Unfold(2, stride=3),
        nn.Unfold(2, stride=2, padding=1),
        nn.Unfold(2, stride=2, dilation=2),
        nn.Unfold(5, stride=5),
    ],
)
def test_others_stay(unfold: nn.Unfold) -> None:
    assert rewrite("patches", unfold, 2, 3, 8, 12) == 0


def test_a_map_without_a_batch_stays() -> None:
    assert rewrite("patches", Function(lambda x: nn.functional.unfold(x[0], 2, stride=2)), 1, 3, 8, 12) == 0


class AttendingToPatches(nn.Module):
    """The pixels of one place in all patches weighted with each other, as in MobileViTv2."""

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        columns = nn.functional.unfold(x, 2, stride=2).reshape(n, c, 4, -1)
        weighted = columns * (torch.softmax(columns[:, :1], dim=-1) * columns).sum(-1, keepdim=True)
        return nn.functional.fold(weighted.reshape(n, c * 4, -1), (h, w), 2, stride=2)


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_runs_in_either_format(format: str, tmp_path: Path) -> None:
    operators = exported(AttendingToPatches(), format, tmp_path)
    assert not {"Col2Im", "STABLEHLO_SCATTER"} & set(operators)
