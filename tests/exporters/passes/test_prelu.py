from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.exporters.passes.harness import exported, rewrite


@pytest.mark.parametrize("slope", [0.25, 0.0, 1.5, -0.5])
def test_is_the_same_function(slope: float) -> None:
    assert rewrite("prelu", nn.PReLU(init=slope), 2, 4, 3, 5) == 1


def test_slopes_that_differ_are_left_alone() -> None:
    net = nn.PReLU(4)
    net.weight.data = torch.rand(4)
    assert rewrite("prelu", net, 2, 4, 3, 5) == 0


@pytest.mark.parametrize(("format", "operator"), [("onnx", "LeakyRelu"), ("tflite", "LEAKY_RELU")])
def test_one_operator_in_the_file(format: str, operator: str, tmp_path: Path) -> None:
    operators = exported(nn.PReLU(), format, tmp_path)
    assert operators.count(operator) == 1
    assert not {"PRelu", "RELU", "MUL", "SUB"} & set(operators)
