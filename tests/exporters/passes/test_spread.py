from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.exporters.passes.harness import Function, exported, rewrite

PIXEL = {"dim": (2, 3), "keepdim": True}


@pytest.mark.parametrize(
    ("function", "places"),
    [
        (lambda x: x.mean(**PIXEL).expand_as(x), 1),
        (lambda x: x.amax(**PIXEL).expand(-1, -1, 5, 6), 1),
        (lambda x: x.mean(**PIXEL).repeat(1, 1, 5, 6), 1),
        (lambda x: x.mean(3, keepdim=True).expand(-1, -1, -1, 6), 1),
        (lambda x: x.mean(**PIXEL).repeat(1, 2, 5, 6), 0),
        (lambda x: x.repeat(1, 1, 2, 1), 0),
        (lambda x: x.mean(1, keepdim=True).expand_as(x), 1),
        (lambda x: x.mean(1, keepdim=True).repeat(1, 4, 1, 1), 1),
        (lambda x: x.mean((1, 2, 3), keepdim=True).expand_as(x), 1),
        (lambda x: x * x.mean(1, keepdim=True).expand_as(x), 1),
        (lambda x: x + (gate := x.mean(1, keepdim=True).repeat(1, 3, 1, 1)) * gate, 1),
        (lambda x: x.mean(0, keepdim=True).expand_as(x), 0),
    ],
)
def test_is_the_same_function(function, places: int) -> None:
    assert rewrite("spread", Function(function), 2, 3, 5, 6) == places


@pytest.mark.parametrize(
    "function", [lambda x: x.mean(**PIXEL).expand_as(x), lambda x: x.amax(**PIXEL).repeat(1, 1, 16, 32)]
)
def test_on_the_runtime(function, tmp_path: Path) -> None:
    assert "BROADCAST_TO" not in exported(Function(function), "tflite", tmp_path)


def test_a_gate_of_one_channel_on_the_runtime(tmp_path: Path) -> None:
    def gated(x: Tensor) -> Tensor:
        gate = x.mean(1, keepdim=True).sigmoid()
        return torch.cat([x * gate.expand_as(x), gate.repeat(1, 4, 1, 1)], 1)

    operators = exported(Function(gated), "tflite", tmp_path)
    assert operators.count("DEPTHWISE_CONV_2D") == 1, "of the gate that is no operand of a product"
    assert "BROADCAST_TO" not in operators
