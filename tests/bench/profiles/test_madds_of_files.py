"""The counter on files that the real exporters wrote, against torch's own counter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from edgeseg.bench.profiles.madds import count_madds
from edgeseg.graphs import read_graph


class EveryKind(nn.Module):
    """Strided, depthwise dilated and transposed convolution, matrix product, linear layer."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.depthwise = nn.Conv2d(8, 8, 3, 1, 2, 2, groups=8)
        self.up = nn.ConvTranspose2d(8, 4, 2, 2, groups=groups)
        self.linear = nn.Linear(4, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.up(self.depthwise(self.stem(x)).relu())
        flat = x.flatten(2)
        return self.linear(flat.mean(2)) + (flat @ flat.transpose(1, 2)).sum()


def half_of_torch_flops(network: nn.Module, image: torch.Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(image)
    return counter.get_total_flops() // 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("groups", [1, 2])
def test_onnx(tmp_path: Path, groups: int) -> None:
    network, image = EveryKind(groups).eval(), torch.zeros(1, 3, 32, 64)
    path = tmp_path / "net.onnx"
    torch.onnx.export(network, (image,), path, dynamo=True, opset_version=18, verbose=False)
    assert count_madds(read_graph(path)) == half_of_torch_flops(network, image) > 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_tflite(tmp_path: Path) -> None:
    litert_torch = pytest.importorskip("litert_torch")
    network, image = EveryKind(groups=1).eval(), torch.zeros(1, 3, 32, 64)
    path = tmp_path / "net.tflite"
    litert_torch.convert(network, (image,)).export(str(path))
    assert count_madds(read_graph(path)) == half_of_torch_flops(network, image) > 0


class Means(nn.Module):
    """Of channels, and of windows, as convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2, 1)
        self.register_buffer("window", torch.full((8, 1, 3, 3), 1 / 9))
        self.register_buffer("channels", torch.full((1, 8, 1, 1), 1 / 8))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.conv2d(self.stem(x).relu(), self.window, groups=8)
        return nn.functional.conv2d(x, self.channels)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_means_that_are_written_as_convolutions_are_none(tmp_path: Path) -> None:
    litert_torch = pytest.importorskip("litert_torch")
    network, image = Means().eval(), torch.zeros(1, 3, 32, 64)
    options: dict[str, Any] = {"dynamo": True, "opset_version": 18, "verbose": False, "external_data": False}
    torch.onnx.export(network, (image,), tmp_path / "net.onnx", **options)
    litert_torch.convert(network, (image,)).export(str(tmp_path / "net.tflite"))
    for path in tmp_path.glob("net.*"):
        assert count_madds(read_graph(path)) == half_of_torch_flops(network.stem, image) > 0
