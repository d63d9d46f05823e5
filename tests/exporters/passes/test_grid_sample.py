from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.exporters.passes.harness import exported, rewrite


class Warp(nn.Module):
    """A map moved by a field of its own channels, partly from beyond its border."""

    def __init__(self, padding_mode: str = "zeros", align_corners: bool = True, mode: str = "bilinear") -> None:
        super().__init__()
        self.options = {"padding_mode": padding_mode, "align_corners": align_corners, "mode": mode}

    def forward(self, x: Tensor) -> Tensor:
        sides = [torch.linspace(-1.1, 1.1, side) for side in x.shape[2:]]
        rows, columns = torch.meshgrid(*sides, indexing="ij")
        grid = torch.stack([columns, rows], 2) + x[:, :2].permute(0, 2, 3, 1) * 0.3
        return nn.functional.grid_sample(x, grid, **self.options)


@pytest.mark.parametrize("align_corners", [True, False])
@pytest.mark.parametrize("padding_mode", ["zeros", "border"])
def test_is_the_same_function(padding_mode: str, align_corners: bool) -> None:
    assert rewrite("grid_sample", Warp(padding_mode, align_corners), 2, 4, 6, 8) == 1


def test_a_map_of_one_row() -> None:
    assert rewrite("grid_sample", Warp(), 1, 4, 1, 8) == 1
    assert rewrite("grid_sample", Warp("border"), 1, 4, 1, 8) == 0


@pytest.mark.parametrize("net", [Warp(mode="nearest"), Warp("reflection")], ids=["nearest", "reflection"])
def test_others_are_left_alone(net: nn.Module) -> None:
    assert rewrite("grid_sample", net, 2, 4, 6, 8) == 0


def test_rows_are_fetched_in_the_file(tmp_path: Path) -> None:
    operators = exported(Warp(), "tflite", tmp_path)
    assert operators.count("EMBEDDING_LOOKUP") == 4
    assert "GATHER_ND" not in operators
    assert len(operators) < 80
