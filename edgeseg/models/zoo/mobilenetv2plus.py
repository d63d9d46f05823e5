"""LightNet: Light-weight Networks for Semantic Image Segmentation, 2018, https://github.com/ansleliu/LightNet.

Its five networks on MobileNetV2. All maps from stride 8 on are gathered beside those of strides 2 and 4, weighed by
gates and given context by one of four blocks; then the maps at stride 4 join them again. Published with upsampling to
sizes fixed when built; here it follows the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Normalization, Published
from edgeseg.models.backbones.mobilenetv2_dilated import CHANNELS, stages
from edgeseg.models.blocks.aspp import ASPP
from edgeseg.models.blocks.head import PreactivationHead
from edgeseg.models.blocks.resize import check_size, resize
from edgeseg.models.blocks.rfb import RFBlock
from edgeseg.models.blocks.scse import SCSE
from edgeseg.models.blocks.vortex import VortexPooling

__all__ = [
    "CARD",
    "CARD_RF",
    "CARD_SDASPP",
    "CARD_SHARE",
    "CARD_VORTEX",
    "Design",
    "MobileNetV2Plus",
    "mobilenetv2plus",
    "mobilenetv2sdaspp",
    "mobilenetv2share",
    "mobilenetv2vortex",
    "rf_mobilenetv2plus",
]

CARD = Card(
    name="mobilenetv2plus",
    title="LightNet: MobileNetV2Plus, with atrous spatial pyramid pooling",
    paper="https://github.com/ansleliu/LightNet",
    year=2018,
    framework="torch",
    normalization=Normalization(mean=(0.28388235, 0.32513725, 0.28690196), std=(1.0, 1.0, 1.0), order="BGR"),
    published=Published(
        params_millions=8.3,
        miou_percent=73.89,
        checkpoint="Google Drive, linked from https://github.com/ansleliu/LightNet",
    ),
    sizes="sides that are a multiple of 8, or one less",
    deviation="65.96 G MAdds at 448x896; the 117.1 GFLOPs published for it ignore dilation when deriving sizes, and "
    "count activations and pooling",
)

CARD_RF = Card(
    name="rf_mobilenetv2plus",
    title="LightNet: RF-MobileNetV2Plus, with a receptive field block",
    paper="https://github.com/ansleliu/LightNet",
    year=2018,
    framework="torch",
    normalization=Normalization(mean=(0.28388235, 0.32513725, 0.28690196), std=(1.0, 1.0, 1.0), order="BGR"),
    published=Published(
        params_millions=8.6,
        miou_percent=72.37,
        checkpoint="Google Drive, linked from https://github.com/ansleliu/LightNet",
    ),
    sizes="sides that are a multiple of 8, or one less",
    deviation="68.69 G MAdds at 448x896; the 87.6 GFLOPs published for it ignore dilation when deriving sizes, and "
    "count activations and pooling",
)

CARD_SDASPP = Card(
    name="mobilenetv2sdaspp",
    title="LightNet: MobileNetV2SDASPP, with a separable atrous spatial pyramid",
    paper="https://github.com/ansleliu/LightNet",
    year=2018,
    framework="torch",
    normalization=Normalization(mean=(0.28388235, 0.32513725, 0.28690196), std=(1.0, 1.0, 1.0), order="BGR"),
    published=Published(
        miou_percent=73.17,
        checkpoint="Google Drive, linked from https://github.com/ansleliu/LightNet",
    ),
    sizes="any size",
)

CARD_VORTEX = Card(
    name="mobilenetv2vortex",
    title="LightNet: MobileNetV2Vortex, with vortex pooling",
    paper="https://github.com/ansleliu/LightNet",
    year=2018,
    framework="torch",
    normalization=Normalization(mean=(0.28388235, 0.32513725, 0.28690196), std=(1.0, 1.0, 1.0), order="BGR"),
    sizes="any size",
)

CARD_SHARE = Card(
    name="mobilenetv2share",
    title="LightNet: MobileNetV2Share, MobileNetV2Plus on the quadrants of the image",
    paper="https://github.com/ansleliu/LightNet",
    year=2018,
    framework="torch",
    normalization=Normalization(mean=(0.28388235, 0.32513725, 0.28690196), std=(1.0, 1.0, 1.0), order="BGR"),
    sizes="sides that are a multiple of 16",
)

Rates = tuple[int, int, int]
_WIDTH = 256
"""Channels of the context."""


@dataclass(frozen=True)
class Design:
    """What the networks of the family differ in.

    `context` is the part that holds the context block. The `revised` ones multiply both gates instead of adding them,
    and pad their pooling. With `quadrants` all but the last convolutions see a quarter of the image at a time.
    """

    card: Card
    context: str
    revised: bool = False
    quadrants: bool = False


class MobileNetV2Plus(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, design: Design, context: nn.Module, classes: int, slope: float, *, align_corners: bool) -> None:
        super().__init__()
        self.design, self.align_corners = design, align_corners
        self.mod1, self.mod2, self.mod3, self.mod4, self.mod5, self.mod6, self.mod7, self.mod8 = stages()
        self.pool = nn.MaxPool2d(3, 2, padding=1) if design.revised else nn.MaxPool2d(3, 2, ceil_mode=True)
        self.out_se = nn.Sequential(SCSE(sum(CHANNELS), product=design.revised))
        self.add_module(design.context, nn.Sequential(context))
        fused = _WIDTH + sum(CHANNELS[:2])
        self.score_se = nn.Sequential(SCSE(fused, product=design.revised))
        self.score = PreactivationHead(fused, classes, slope)

    def forward(self, image: Tensor) -> Tensor:
        design = self.design
        if design.quadrants:
            check_size(image, design.card, multiple=16)
            x = _assembled(self._features(_quadrants(image)))
        else:
            if not design.revised:
                check_size(image, design.card, multiple=8, rounding=2)
            x = self._features(image)
        return resize(self.score(x), image, align_corners=self.align_corners)

    def _features(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 296, H / 4, W / 4)."""
        x2 = self.mod2(self.mod1(image))
        x4 = self.mod3(x2)
        shallow = self.pool(x2)
        x, maps = x4, []
        for stage in (self.mod4, self.mod5, self.mod6, self.mod7, self.mod8):
            maps.append(x := stage(x))
        x = self.out_se(torch.cat([*maps, self.pool(shallow), self.pool(x4)], 1))
        x = self.get_submodule(self.design.context)(x)
        return self.score_se(torch.cat([resize(x, x4, align_corners=self.align_corners), x4, shallow], 1))


def _quadrants(image: Tensor) -> Tensor:
    """(N, C, H, W) -> (4 * N, C, H / 2, W / 2): the top left ones, the top right, the bottom left, the bottom right."""
    return torch.cat([quadrant for half in image.chunk(2, 2) for quadrant in half.chunk(2, 3)])


def _assembled(quadrants: Tensor) -> Tensor:
    """The opposite of `_quadrants`."""
    top_left, top_right, bottom_left, bottom_right = quadrants.chunk(4)
    return torch.cat([torch.cat([top_left, top_right], 3), torch.cat([bottom_left, bottom_right], 3)], 2)


def mobilenetv2plus(
    classes: int = 19, slope: float = 0.1, rates: Rates = (12, 24, 36), *, align_corners: bool = True
) -> nn.Module:
    """MobileNetV2Plus; `slope` is that of the leaky ReLUs, `rates` are the pyramid's dilations.

    Published for training at 448x896; its evaluation at 896x1792 doubles them.
    """
    context = ASPP(sum(CHANNELS), _WIDTH, rates, slope)
    return MobileNetV2Plus(Design(CARD, "aspp"), context, classes, slope, align_corners=align_corners)


def rf_mobilenetv2plus(classes: int = 19, slope: float = 0.1, *, align_corners: bool = True) -> nn.Module:
    """RF-MobileNetV2Plus; `slope` is that of the leaky ReLUs."""
    context = RFBlock(sum(CHANNELS), _WIDTH, slope=slope)
    return MobileNetV2Plus(Design(CARD_RF, "rfblock"), context, classes, slope, align_corners=align_corners)


def mobilenetv2sdaspp(
    classes: int = 19, slope: float = 0.1, rates: Rates = (12, 24, 36), *, align_corners: bool = True
) -> nn.Module:
    """MobileNetV2SDASPP; `slope` is that of the leaky ReLUs, `rates` are the pyramid's dilations.

    Published for training at 448x896; its evaluation at 896x1792 doubles them.
    """
    context = ASPP(sum(CHANNELS), _WIDTH, rates, slope, separable=True)
    design = Design(CARD_SDASPP, "sdaspp", revised=True)
    return MobileNetV2Plus(design, context, classes, slope, align_corners=align_corners)


def mobilenetv2vortex(classes: int = 19, slope: float = 0.1, *, align_corners: bool = True) -> nn.Module:
    """MobileNetV2Vortex; `slope` is that of the leaky ReLUs."""
    design = Design(CARD_VORTEX, "vortex", revised=True)
    return MobileNetV2Plus(design, VortexPooling(sum(CHANNELS), _WIDTH), classes, slope, align_corners=align_corners)


def mobilenetv2share(
    classes: int = 19, slope: float = 0.1, rates: Rates = (12, 24, 36), *, align_corners: bool = True
) -> nn.Module:
    """MobileNetV2Share; `slope` is that of the leaky ReLUs, `rates` are the pyramid's dilations."""
    context = ASPP(sum(CHANNELS), _WIDTH, rates, slope)
    design = Design(CARD_SHARE, "aspp", quadrants=True)
    return MobileNetV2Plus(design, context, classes, slope, align_corners=align_corners)
