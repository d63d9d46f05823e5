from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from tests.exporters.passes.harness import exported, rewrite


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_is_the_same_function(factor: int) -> None:
    assert rewrite("pixel_shuffle", nn.PixelShuffle(factor), 2, 36, 3, 5) == 1


def test_one_transposition_in_the_file(tmp_path: Path) -> None:
    assert exported(nn.PixelShuffle(2), "tflite", tmp_path).count("TRANSPOSE") == 1
