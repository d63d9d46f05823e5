from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.exporters.passes.harness import Function, exported, random_norm, rewrite


def enlarged(mode: str = "bilinear", size: tuple[int, int] = (15, 18), **given) -> nn.Module:
    return Function(lambda x: F.interpolate(x, size=size, mode=mode, **given))


@pytest.mark.parametrize(
    "enlargement",
    [
        enlarged(),
        enlarged(align_corners=True),
        enlarged("nearest"),
        enlarged("nearest-exact"),
        enlarged("bicubic"),
        nn.Upsample(scale_factor=2.4, mode="bilinear"),
        nn.Upsample(scale_factor=(1, 3), mode="nearest"),
    ],
)
@pytest.mark.parametrize("groups", [1, 2])
def test_a_convolution_is_moved(enlargement: nn.Module, groups: int) -> None:
    network = nn.Sequential(enlargement, nn.Conv2d(6, 4, 1, groups=groups), nn.ReLU(), nn.Conv2d(4, 2, 3))
    assert rewrite("early_pointwise", network, 2, 6, 5, 6) == 1


def test_all_of_a_chain_is_moved() -> None:
    chain = (nn.Dropout2d(0.1), nn.Conv2d(6, 4, 1, bias=False), random_norm(4), nn.Dropout(0.1), nn.Conv2d(4, 4, 1))
    network = nn.Sequential(enlarged(), *chain, nn.ReLU(inplace=True), nn.Conv2d(4, 2, 3))
    assert rewrite("early_pointwise", network, 2, 6, 5, 6) == 5


@pytest.mark.parametrize("end", [nn.Identity(), nn.Softmax(1), nn.LogSoftmax(1), nn.Conv2d(19, 19, 1)])
def test_the_last_one_is_moved_whatever_its_channels(end: nn.Module) -> None:
    network = nn.Sequential(enlarged(), nn.Conv2d(6, 19, 1), end)
    assert rewrite("early_pointwise", network, 2, 6, 5, 6) == (2 if isinstance(end, nn.Conv2d) else 1)


def read_twice(x: Tensor) -> Tensor:
    large = F.interpolate(x, size=(15, 18), mode="bilinear")
    return F.conv2d(large, torch.ones(4, 6, 1, 1)) + large.mean()


def with_computed_weights(x: Tensor) -> Tensor:
    large = F.interpolate(x, size=(15, 18), mode="bilinear")
    return F.conv2d(large, x.mean((0, 2, 3))[None, :, None, None].expand(4, 6, 1, 1))


@pytest.mark.parametrize(
    "network",
    [
        nn.Sequential(enlarged(), nn.Conv2d(6, 7, 1), nn.ReLU(), nn.Conv2d(7, 2, 3)),
        nn.Sequential(enlarged(), nn.Conv2d(6, 4, 3, padding=1)),
        nn.Sequential(enlarged(), nn.Conv2d(6, 4, 1, padding=1)),
        nn.Sequential(enlarged(), nn.Conv2d(6, 4, 1, stride=2)),
        nn.Sequential(enlarged(), nn.ReLU(), nn.Conv2d(6, 4, 1)),
        nn.Sequential(enlarged(size=(4, 5)), nn.Conv2d(6, 4, 1)),
        Function(read_twice),
        Function(with_computed_weights),
    ],
)
def test_others_stay(network: nn.Module) -> None:
    assert rewrite("early_pointwise", network, 2, 6, 5, 6) == 0


class Written(nn.Module):
    """What is enlarged is written to between the enlargement and the convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.last = nn.Conv2d(6, 6, 1), nn.Conv2d(6, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        large = F.interpolate(y, size=(15, 18), mode="bilinear")
        beside = F.relu6(y.mul_(3), inplace=True).mean()
        return F.relu(self.last(large)) * beside


def test_what_is_enlarged_is_read_before_it_is_written_to() -> None:
    assert rewrite("early_pointwise", Written(), 2, 6, 5, 6) == 1


@pytest.mark.parametrize("format", ["onnx", "tflite"])
def test_its_normalisation_is_folded_into_it(format: str, tmp_path: Path) -> None:
    chain = nn.Sequential(nn.ReLU(), enlarged(size=(32, 64)), nn.Conv2d(8, 4, 1), random_norm(4), nn.ReLU())
    operators = exported(chain, format, tmp_path)
    resize = next(i for i, operator in enumerate(operators) if operator in ("Resize", "RESIZE_BILINEAR"))
    assert [each.lower()[:4] for each in operators[:resize]].count("conv") == 2
    assert not {"BatchNormalization", "MUL", "Mul"} & set(operators)
