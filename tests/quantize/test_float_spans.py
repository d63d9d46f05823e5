"""Networks with values between their operators that no even steps hold, or that end where a range does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

import edgeseg
from edgeseg import data, runtimes
from edgeseg.core.types import Artifact, Model, Size
from edgeseg.data.preprocess import Preprocessor
from tests.quantize.test_quantizers import sqnr_db

SIZE = Size(64, 128)


def down_twice() -> tuple[nn.Conv2d, nn.Conv2d, nn.Conv2d]:
    """To a quarter of the size, and scores of 3 classes."""
    torch.manual_seed(0)
    return nn.Conv2d(3, 16, 3, 2, padding=1), nn.Conv2d(16, 32, 3, 2, padding=1), nn.Conv2d(32, 3, 1)


class Flow(nn.Module):
    """A small map is enlarged at places that a flow of pixels moves."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 8, 3, 2, padding=1), nn.Conv2d(8, 8, 3, 2, padding=1)
        self.flow, self.last = nn.Conv2d(16, 2, 3, padding=1), nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        fine = F.relu(self.first(x))
        coarse = F.relu(self.second(fine))
        sides = fine.shape[2:]
        rows, columns = torch.meshgrid(*(torch.linspace(-1, 1, side) for side in sides), indexing="ij")
        enlarged = F.interpolate(coarse, sides, mode="bilinear", align_corners=False)
        flow = self.flow(torch.cat([fine, enlarged], 1)).permute(0, 2, 3, 1) * 4
        grid = torch.stack([columns, rows], 2)[None] + flow / torch.tensor([sides[1], sides[0]])
        scores = self.last(F.grid_sample(coarse, grid, align_corners=True) * 8)
        return F.interpolate(scores, x.shape[2:], mode="bilinear", align_corners=False)


class Masked(nn.Module):
    """Each of sixteen columns attends to those of its own half."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(3, 16, 3, 8, padding=1), nn.Conv2d(16, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.first(x).permute(0, 2, 3, 1)
        half = torch.arange(16) // 8
        mask = torch.where(half[:, None] == half, 0.0, -1e9)
        attention = torch.softmax(tokens @ tokens.transpose(2, 3) + mask, 3)
        scores = self.last((attention @ tokens).permute(0, 3, 1, 2))
        return F.interpolate(scores, x.shape[2:], mode="bilinear", align_corners=False)


class Attention(nn.Module):
    """Each of 512 places looks at all others, which get shares of less than a step of int8."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(3, 16, 3, 4, padding=1), nn.Conv2d(16, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        tokens = F.relu(self.first(x)).flatten(2).transpose(1, 2)
        looked = torch.softmax(tokens @ tokens.transpose(1, 2) / 4, 2) @ tokens
        scores = self.last(looked.transpose(1, 2).unflatten(2, (16, 32)))
        return F.interpolate(scores, x.shape[2:], mode="bilinear", align_corners=False)


class Heads(nn.Module):
    """The same by four heads, whose softmax directly follows a product."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(3, 16, 3, 4, padding=1), nn.Conv2d(16, 3, 1)
        self.heads = nn.MultiheadAttention(16, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        tokens = F.relu(self.first(x)).flatten(2).transpose(1, 2)
        looked = self.heads(tokens, tokens, tokens, need_weights=False)[0]
        scores = self.last(looked.transpose(1, 2).unflatten(2, (16, 32)))
        return F.interpolate(scores, x.shape[2:], mode="bilinear", align_corners=False)


class Unit(nn.Module):
    """Vectors of length one, but those of zeros, which have a factor of a million."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(3, 8, 3, 2, padding=1), nn.Conv2d(8, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.first(x) - 0.2)
        y = y * torch.rsqrt((y * y).sum(1, keepdim=True) + 1e-12).clamp(max=1e6)
        return F.interpolate(self.last(y), x.shape[2:], mode="bilinear", align_corners=False)


class Normed(nn.Module):
    """Divides by the deviation over channels, as ConvNeXt does."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = (
            nn.Conv2d(3, 24, 4, 4),
            nn.Conv2d(24, 24, 3, padding=1),
            nn.Conv2d(24, 3, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x)
        centred = y - y.mean(1, keepdim=True)
        normed = centred / torch.sqrt(centred.pow(2).mean(1, keepdim=True) + 1e-6)
        scores = self.last(F.relu(self.second(normed)))
        return F.interpolate(scores, x.shape[2:], mode="bilinear", align_corners=False)


class GroupNormed(nn.Module):
    """Means far from zero beside the deviations from them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = down_twice()
        self.norms = nn.ModuleList([nn.GroupNorm(4, 16, eps=1e-3), nn.GroupNorm(4, 32, eps=1e-3)])

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norms[0](self.first(x)))
        scores = self.last(F.relu(self.norms[1](self.second(y) + 4)))
        return F.interpolate(scores, x.shape[2:], mode="bilinear", align_corners=False)


class Clamped(nn.Module):
    """An activation that gives nothing near zero."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Conv2d(3, 16, 3, padding=1), nn.Conv2d(16, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.first(x).clamp(0.2, 1.0))


class Joined(nn.Module):
    """An activation that ends at 6, in one concatenation with one that goes on, which takes the range of both."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = (nn.Conv2d(i, o, 3, padding=1) for i, o in ((3, 16), (3, 16), (32, 3)))
        for layer in (self.first, self.second):
            layer.weight.data *= 8

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.cat([F.relu6(self.first(x)), F.relu(self.second(x))], 1))


class Gelu(nn.Module):
    """In its form with tanh, of values so wide that x beside x^3 is a few steps, as an operator and by products."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = down_twice()
        for layer in (self.first, self.second):
            layer.weight.data *= 5

    def forward(self, x: Tensor) -> Tensor:
        y = F.gelu(self.first(x), approximate="tanh")
        y = self.second(y)
        y = y * (torch.tanh(y * (1 + 0.044715 * (y * y)) * 0.7978845608) + 1) / 2
        return F.interpolate(self.last(y), x.shape[2:], mode="bilinear", align_corners=False)


NETWORKS = [
    (Flow, 39),
    (Masked, 31),
    (Attention, 33),
    (Heads, 30),
    (Unit, 22),
    (Normed, 24),
    (GroupNormed, 20),
    (Clamped, 33),
    (Joined, 33),
    (Gelu, 24),
]


@pytest.mark.parametrize(("network", "least_db"), NETWORKS)
@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_int8_is_close_to_float(network: type[nn.Module], least_db: float, format: str, tmp_path: Path) -> None:
    model = Model("net", "torch", network().eval(), ("a", "b", "c"), size=SIZE)
    floating = edgeseg.export(model, format, SIZE, path=tmp_path / f"net.{format}")
    integer = edgeseg.quantize(floating, path=tmp_path / f"net_int8.{format}", count=4)
    images = [image for image, _ in data.open_dataset("scenes", split="val", size=SIZE, limit=3)]
    assert sqnr_db(*(_scores(artifact, images) for artifact in (floating, integer))) > least_db


def _scores(artifact: Artifact, images: list[Any]) -> NDArray[Any]:
    """(images, H, W, classes)."""
    with runtimes.open_session(artifact) as session:
        found = np.concatenate([session(Preprocessor(artifact.facts.input)(image)) for image in images])
    return found.transpose(0, 2, 3, 1) if artifact.facts.output.layout == "NCHW" else found
