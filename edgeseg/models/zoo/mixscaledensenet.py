"""Mixed-scale DenseNet of LightNet, 2018, https://github.com/ansleliu/LightNet.

After Pelt and Sethian, A mixed-scale dense convolutional neural network for image analysis, PNAS 2018,
https://doi.org/10.1073/pnas.1715832114: every layer makes one channel out of all before it, at a dilation that goes
through a cycle. Here the layers work at stride 4, and a pyramid of dilations or a receptive field block gives context.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgeseg.core.types import Card, Normalization, Published
from edgeseg.models.blocks.abn import ABN
from edgeseg.models.blocks.aspp import ASPP
from edgeseg.models.blocks.head import PreactivationHead
from edgeseg.models.blocks.named import named
from edgeseg.models.blocks.resize import resize
from edgeseg.models.blocks.rfb import RFBlock
from edgeseg.models.blocks.scse import SCSE

__all__ = [
    "CARD",
    "CARD_128",
    "CARD_RF",
    "MixedScaleDenseNet",
    "mixscaledensenet",
    "mixscaledensenet_128",
    "rf_mixscaledensenet",
]

CARD = Card(
    name="mixscaledensenet",
    title="LightNet: Mixed-scale DenseNet, 96 layers",
    paper="https://github.com/ansleliu/LightNet",
    year=2018,
    framework="torch",
    normalization=Normalization(mean=(0.28388235, 0.32513725, 0.28690196), std=(1.0, 1.0, 1.0), order="BGR"),
    published=Published(params_millions=0.8),
    sizes="any size",
    deviation="30.87 G MAdds at 448x896; the 49.9 GFLOPs printed for it leave dilation out when deriving sizes, and "
    "count activations and pooling",
)

CARD_128 = Card(
    name="mixscaledensenet_128",
    title="LightNet: Mixed-scale DenseNet, 128 layers",
    paper="https://github.com/ansleliu/LightNet",
    year=2018,
    framework="torch",
    normalization=Normalization(mean=(0.28388235, 0.32513725, 0.28690196), std=(1.0, 1.0, 1.0), order="BGR"),
    sizes="any size",
)

CARD_RF = Card(
    name="rf_mixscaledensenet",
    title="LightNet: RF Mixed-scale DenseNet, 96 layers and a receptive field block",
    paper="https://github.com/ansleliu/LightNet",
    year=2018,
    framework="torch",
    normalization=Normalization(mean=(0.28388235, 0.32513725, 0.28690196), std=(1.0, 1.0, 1.0), order="BGR"),
    sizes="any size",
    deviation="LightNet names this network without publishing it: it is inferred here, with the pyramid exchanged for "
    "the receptive field block as in LightNet's other RF networks",
)

Rates = tuple[int, int, int]
_STEM = 32
"""Channels ahead of the dense layers."""


@dataclass(frozen=True)
class Layers:
    """How many dense layers there are, and the dilations that they go through again and again."""

    count: int = 96
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16)

    @property
    def channels(self) -> int:
        """Behind the last layer."""
        return _STEM + self.count


class DenseLayers(nn.Module):
    """(N, 32, H, W) -> (N, 32 + count, H, W): every layer appends one channel."""

    def __init__(self, layers: Layers, slope: float) -> None:
        super().__init__()
        dilations = (layers.dilations[i % len(layers.dilations)] for i in range(layers.count))
        self.convs3 = nn.ModuleList(
            named(
                bn=ABN(inputs, slope),
                conv=nn.Conv2d(inputs, 1, 3, padding=dilation, dilation=dilation, bias=False),
            )
            for inputs, dilation in enumerate(dilations, _STEM)
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.convs3:
            x = torch.cat([x, layer(x)], 1)
        return x


class MixedScaleDenseNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(
        self,
        classes: int,
        layers: Layers,
        rates: Rates,
        slope: float,
        *,
        align_corners: bool,
        receptive_field: bool = False,
    ) -> None:
        super().__init__()
        self.align_corners, self.receptive_field = align_corners, receptive_field
        channels = layers.channels
        conv = nn.Conv2d(3, _STEM, 7, 2, 3, bias=False)
        self.conv_in = named(conv=conv, norm=ABN(_STEM, slope), pool=nn.MaxPool2d(3, 2, 1))
        self.dense = DenseLayers(layers, slope)
        self.feat_out = ABN(channels, slope)
        self.out_se = nn.Sequential(SCSE(channels))
        if receptive_field:
            self.rfblock = nn.Sequential(RFBlock(channels, channels, rates, slope))
        else:
            self.aspp = nn.Sequential(ASPP(channels, channels, rates, slope))
        self.score_se = nn.Sequential(SCSE(channels))
        self.score = PreactivationHead(channels, classes, slope)

    def forward(self, image: Tensor) -> Tensor:
        x = self.out_se(self.feat_out(self.dense(self.conv_in(image))))
        doubled = 2 * x.shape[2], 2 * x.shape[3]
        x = self.rfblock(x) if self.receptive_field else self.aspp(x)
        x = F.interpolate(x, doubled, mode="bilinear", align_corners=self.align_corners)
        return resize(self.score(self.score_se(x)), image, align_corners=self.align_corners)


def mixscaledensenet(
    classes: int = 19, slope: float = 0.1, rates: Rates = (24, 48, 72), *, align_corners: bool = True
) -> nn.Module:
    """Mixed-scale DenseNet of 96 layers; `slope` is of its leaky ReLUs, `rates` are the pyramid's dilations."""
    return MixedScaleDenseNet(classes, Layers(), rates, slope, align_corners=align_corners)


def mixscaledensenet_128(
    classes: int = 19, slope: float = 0.1, rates: Rates = (24, 48, 72), *, align_corners: bool = True
) -> nn.Module:
    """Mixed-scale DenseNet of 128 layers; `slope` is of its leaky ReLUs, `rates` are the pyramid's dilations."""
    layers = Layers(128, dilations=(1, 2, 4, 8, 4, 2))
    return MixedScaleDenseNet(classes, layers, rates, slope, align_corners=align_corners)


def rf_mixscaledensenet(
    classes: int = 19, slope: float = 0.1, rates: Rates = (12, 24, 36), *, align_corners: bool = True
) -> nn.Module:
    """RF Mixed-scale DenseNet; `slope` is of its leaky ReLUs, `rates` are the dilations of its receptive fields."""
    return MixedScaleDenseNet(classes, Layers(), rates, slope, align_corners=align_corners, receptive_field=True)
