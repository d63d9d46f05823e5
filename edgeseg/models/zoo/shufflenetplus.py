"""ShuffleNetPlus of LightNet, 2018, https://github.com/ansleliu/LightNet.

After Zhang et al., ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices, CVPR 2018,
https://arxiv.org/abs/1707.01083. From stride 8 on its units are dilated; maps of all stages are gathered there, gated,
given context by a pyramid of dilations or a receptive field block, and joined by the maps at stride 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgeseg.core.types import Card, Normalization, Published
from edgeseg.models.blocks.aspp import ASPP
from edgeseg.models.blocks.head import PreactivationHead
from edgeseg.models.blocks.named import named
from edgeseg.models.blocks.resize import resize
from edgeseg.models.blocks.rfb import RFBlock
from edgeseg.models.blocks.scse import SCSE
from edgeseg.models.blocks.shuffle import channel_shuffle

__all__ = ["CARD", "CARD_RF", "ShuffleNetPlus", "rf_shufflenetplus", "shufflenetplus"]

CARD = Card(
    name="shufflenetplus",
    title="LightNet: ShuffleNetPlus",
    paper="https://github.com/ansleliu/LightNet",
    year=2018,
    framework="torch",
    normalization=Normalization(mean=(0.28388235, 0.32513725, 0.28690196), std=(1.0, 1.0, 1.0), order="BGR"),
    published=Published(params_millions=15.3),
    sizes="any size",
    deviation="106.49 G MAdds at 448x896; the 229.3 GFLOPs printed for it leave dilation out when deriving sizes, and "
    "count activations and pooling",
)

CARD_RF = Card(
    name="rf_shufflenetplus",
    title="LightNet: RF-ShuffleNetPlus, with a receptive field block",
    paper="https://github.com/ansleliu/LightNet",
    year=2018,
    framework="torch",
    normalization=Normalization(mean=(0.28388235, 0.32513725, 0.28690196), std=(1.0, 1.0, 1.0), order="BGR"),
    sizes="any size",
)

Rates = tuple[int, int, int]
_GROUPS = 3


@dataclass(frozen=True)
class Stage:
    """Units of one width: the first has the stage's `stride`, and all behind a stride are dilated."""

    number: int
    channels: int
    units: int
    dilation: int
    stride: int = 1


_STAGES = (
    Stage(2, channels=240, units=4, dilation=2, stride=2),
    Stage(3, channels=480, units=8, dilation=4),
    Stage(4, channels=960, units=4, dilation=8),
)
_STEM = 24


class ShuffleUnit(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride): a bottleneck of grouped convolutions.

    It is added to the input, or where the channels grow concatenated to the input's mean over windows of 3x3 with a
    stride of 2. With a stride of 1 that mean is enlarged again.
    """

    def __init__(
        self, inputs: int, outputs: int, *, stride: int, dilation: int, groups: int, align_corners: bool
    ) -> None:
        super().__init__()
        hidden, own = outputs // 4, outputs if inputs == outputs else outputs - inputs
        self.adds, self.stride, self.align_corners = inputs == outputs, stride, align_corners
        self.g_conv_1x1_compress = _pointwise(inputs, hidden, groups)
        self.g_conv_1x1_compress.add_module("relu", nn.ReLU())
        self.depthwise_conv3x3 = nn.Conv2d(hidden, hidden, 3, stride, dilation, dilation, hidden)
        self.bn_after_depthwise = nn.BatchNorm2d(hidden)
        self.g_conv_1x1_expand = _pointwise(hidden, own, _GROUPS)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = channel_shuffle(self.g_conv_1x1_compress(x), _GROUPS)
        out = self.g_conv_1x1_expand(self.bn_after_depthwise(self.depthwise_conv3x3(out)))
        return self.relu(x + out if self.adds else torch.cat([self._shrunken(x, out), out], 1))

    def _shrunken(self, x: Tensor, like: Tensor) -> Tensor:
        x = F.avg_pool2d(x, 3, 2, 1)
        return x if self.stride == 2 else resize(x, like, align_corners=self.align_corners)


def _pointwise(inputs: int, outputs: int, groups: int) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 1, groups=groups)
    return named(conv1x1=conv, batch_norm=nn.BatchNorm2d(outputs))


def _stage(inputs: int, stage: Stage, *, align_corners: bool) -> nn.Sequential:
    units = {}
    for i in range(stage.units):
        stride = stage.stride if i == 0 else 1
        units[f"ShuffleUnit_Stage{stage.number}_{i}"] = ShuffleUnit(
            inputs if i == 0 else stage.channels,
            stage.channels,
            stride=stride,
            dilation=1 if stride > 1 else stage.dilation,
            groups=1 if stage.number == 2 and i == 0 else _GROUPS,
            align_corners=align_corners,
        )
    return named(**units)


class ShuffleNetPlus(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(
        self, classes: int, rates: Rates, slope: float, *, align_corners: bool, receptive_field: bool = False
    ) -> None:
        super().__init__()
        self.align_corners, self.receptive_field = align_corners, receptive_field
        self.conv1 = nn.Conv2d(3, _STEM, 3, 2, 1)
        channels = (_STEM, *(stage.channels for stage in _STAGES))
        self.stage2, self.stage3, self.stage4 = (
            _stage(inputs, stage, align_corners=align_corners) for inputs, stage in zip(channels, _STAGES, strict=False)
        )
        gathered, joined = sum(channels[1:]) + 2 * _STEM, 256 + 2 * _STEM
        self.out_se = nn.Sequential(SCSE(gathered))
        if receptive_field:
            self.rfblock = nn.Sequential(RFBlock(gathered, 256, rates, slope))
        else:
            self.aspp = nn.Sequential(ASPP(gathered, 256, rates, slope))
        self.score_se = nn.Sequential(SCSE(joined))
        self.score = PreactivationHead(joined, classes, slope)

    def forward(self, image: Tensor) -> Tensor:
        stem = self.conv1(image)
        peaks, means = F.max_pool2d(stem, 3, 2, 1), F.avg_pool2d(stem, 3, 2, 1)
        stage2 = self.stage2(peaks)
        stage3 = self.stage3(stage2)
        shallow = F.avg_pool2d(means, 3, 2, 1), F.max_pool2d(peaks, 3, 2, 1)
        x = self.out_se(torch.cat([stage2, stage3, self.stage4(stage3), *shallow], 1))
        x = self.rfblock(x) if self.receptive_field else self.aspp(x)
        x = torch.cat([resize(x, peaks, align_corners=self.align_corners), peaks, means], 1)
        return resize(self.score(self.score_se(x)), image, align_corners=self.align_corners)


def shufflenetplus(
    classes: int = 19, slope: float = 0.1, rates: Rates = (12, 24, 36), *, align_corners: bool = True
) -> nn.Module:
    """ShuffleNetPlus; `slope` is of its leaky ReLUs, `rates` are the pyramid's dilations.

    They are published for images of 448x896, and doubled with the same weights for those of 896x1792.
    """
    return ShuffleNetPlus(classes, rates, slope, align_corners=align_corners)


def rf_shufflenetplus(
    classes: int = 19, slope: float = 0.1, rates: Rates = (12, 24, 36), *, align_corners: bool = True
) -> nn.Module:
    """RF-ShuffleNetPlus; `slope` is of its leaky ReLUs, `rates` are the dilations of its receptive fields."""
    return ShuffleNetPlus(classes, rates, slope, align_corners=align_corners, receptive_field=True)
