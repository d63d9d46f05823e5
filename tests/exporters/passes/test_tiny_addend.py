from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import edgeseg
from edgeseg import runtimes
from edgeseg.core.types import Model, Size
from tests.exporters.passes.harness import Function, rewrite


class Buffered(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("tiny", torch.tensor(1e-8))

    def forward(self, x: Tensor) -> Tensor:
        return x / (x.abs().sum(1, keepdim=True) + self.tiny)


@pytest.mark.parametrize(
    ("network", "places"),
    [
        (Function(lambda x: x / (x.abs().sum(1, keepdim=True) + 1e-8)), 1),
        (Function(lambda x: x / (1e-12 + x.abs().sum(1, keepdim=True))), 1),
        (Function(lambda x: x * torch.rsqrt((x * x).mean(1, keepdim=True) - -1e-9)), 1),
        (Function(lambda x: (x * 2).add_(1e-8).sqrt().nan_to_num()), 1),
        (Buffered(), 1),
        (Function(lambda x: x / (torch.tensor(1e-9) + x.abs().sum(1, keepdim=True))), 1),
        (Function(lambda x: x / (x.abs().sum(1, keepdim=True) + torch.tensor(1e-5) ** 2)), 1),
        (Function(lambda x: x / (x.abs().sum(1, keepdim=True) + torch.tensor(1e-9, dtype=torch.float64))), 1),
        (Function(lambda x: torch.tensor(2.0) - x), 1),
        (Function(lambda x: x + x.mean()), 1),
        (Function(lambda x: x + 1e-6), 0),
        (Function(lambda x: x + 0.0), 0),
        (Function(lambda x: x + x.mean((2, 3), keepdim=True)), 0),
    ],
)
def test_is_the_same_function(network: nn.Module, places: int) -> None:
    assert rewrite("tiny_addend", network, 2, 3, 5, 6) == places


class Shares(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.Conv2d(8, 3, 1)
        self.register_buffer("tiny", torch.tensor(1e-5))

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x).relu()
        y = y / (y.sum(1, keepdim=True) + 1e-8)
        y = y / (self.tiny**2 + y.sum(1, keepdim=True))
        return self.head(y)


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_nothing_is_divided_by_zero(format: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, size = Shares().eval(), Size(16, 32)
    model = Model("toy", "torch", network, ("a", "b", "c"), size=size)
    artifact = edgeseg.export(model, format, path=tmp_path / f"toy.{format}")
    with runtimes.open_session(artifact) as session:
        scores = session(np.zeros(session.facts.input.shape, np.float32))
    assert np.allclose(scores.reshape(-1, 3) if format == "tflite" else scores[0].T, network.head.bias.detach())
