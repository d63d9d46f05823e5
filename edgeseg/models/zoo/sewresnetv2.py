"""SE-WResNetV2 of LightNet, 2018, https://github.com/ansleliu/LightNet.

The wide residual network of Wu et al., Wider or Deeper: Revisiting the ResNet Model for Visual Recognition, Pattern
Recognition 2019, https://arxiv.org/abs/1611.10080, with squeeze and excitation in its last two blocks, behind it an
atrous spatial pyramid whose result meets the detail at stride 4.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from edgeseg.core.types import Card, Normalization, Published
from edgeseg.models.blocks.abn import ABN
from edgeseg.models.blocks.aspp import ASPP
from edgeseg.models.blocks.named import named
from edgeseg.models.blocks.resize import resize
from edgeseg.models.blocks.scse import SE

__all__ = ["CARD", "SEWResNetV2", "sewresnetv2"]

CARD = Card(
    name="sewresnetv2",
    title="LightNet: SE-WResNetV2",
    paper="https://github.com/ansleliu/LightNet",
    year=2018,
    framework="torch",
    normalization=Normalization(mean=(0.28388235, 0.32513725, 0.28690196), std=(1.0, 1.0, 1.0), order="BGR"),
    published=Published(miou_percent=80.13),
    sizes="any size",
)


class Residual(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, H / stride, W / stride): `convs` of the activated input, and a shortcut.

    The shortcut is the input itself, or where the shape changes a 1x1 convolution of the activated input.
    """

    def __init__(self, inputs: int, outputs: int, convs: nn.Sequential, stride: int, slope: float) -> None:
        super().__init__()
        self.bn1 = ABN(inputs, slope)
        self.convs = convs
        projects = stride > 1 or inputs != outputs
        self.proj_conv = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if projects else None

    def forward(self, x: Tensor) -> Tensor:
        return self.join(x, self.bn1(x))

    def join(self, x: Tensor, activated: Tensor) -> Tensor:
        """The block's output, given `bn1` of its input."""
        return self.convs(activated) + (x if self.proj_conv is None else self.proj_conv(activated))


def _conv3x3(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, bias=False)


def _basic(inputs: int, hidden: int, outputs: int, slope: float, *, stride: int = 1, dilation: int = 1) -> Residual:
    """Two 3x3 convolutions."""
    convs = named(
        conv1=_conv3x3(inputs, hidden, stride, dilation),
        bn2=ABN(hidden, slope),
        conv2=_conv3x3(hidden, outputs, dilation=dilation),
    )
    return Residual(inputs, outputs, convs, stride, slope)


def _bottleneck(inputs: int, outputs: int, slope: float, *, dilation: int, dropout: float) -> Residual:
    """A 1x1 convolution to a quarter of the outputs, a 3x3 to half of them and a 1x1, then gates made of the means."""
    convs = named(
        conv1=nn.Conv2d(inputs, outputs // 4, 1, bias=False),
        bn2=ABN(outputs // 4, slope),
        conv2=_conv3x3(outputs // 4, outputs // 2, dilation=dilation),
        bn3=ABN(outputs // 2, slope),
        drop=nn.Dropout2d(dropout),
        conv3=nn.Conv2d(outputs // 2, outputs, 1, bias=False),
        se_block=SE(outputs),
    )
    return Residual(inputs, outputs, convs, 1, slope)


def _stage(
    inputs: int, hidden: int, outputs: int, count: int, slope: float, *, stride: int = 1, dilation: int = 1
) -> nn.Sequential:
    first = _basic(inputs, hidden, outputs, slope, stride=stride, dilation=dilation)
    rest = (_basic(outputs, hidden, outputs, slope, dilation=dilation) for _ in range(count - 1))
    return named(**{f"block{i}": block for i, block in enumerate((first, *rest), 1)})


class SEWResNetV2(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int, slope: float, rates: tuple[int, int, int], *, align_corners: bool) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.mod1 = named(conv1=_conv3x3(3, 64))
        self.mod2 = _stage(64, 128, 128, 3, slope)
        self.mod3 = _stage(128, 256, 256, 3, slope)
        self.mod4 = _stage(256, 512, 512, 6, slope, stride=2)
        self.mod5 = _stage(512, 512, 1024, 3, slope, dilation=2)
        self.mod6 = named(block1=_bottleneck(1024, 2048, slope, dilation=4, dropout=0.2))
        self.mod7 = named(block1=_bottleneck(2048, 4096, slope, dilation=8, dropout=0.3))
        self.bn_out = ABN(4096, slope)
        self.stg3_fusion = nn.Conv2d(256, 64, 1, bias=False)
        self.aspp = named(aspp=ASPP(4096, 512, rates, slope=0))
        self.score = named(conv=nn.Conv2d(512 + 64, classes, 3, padding=1))

    def forward(self, image: Tensor) -> Tensor:
        x = self.mod2(F.max_pool2d(self.mod1(image), 3, 2, 1))
        x = self.mod3(F.max_pool2d(x, 3, 2, 1))
        first, *rest = self.mod4.children()
        # The published network normalises and activates in place, so that its skip at stride 4 reads the result.
        detail = first.bn1(x)
        x = first.join(x, detail)
        for block in rest:
            x = block(x)
        x = self.aspp(self.bn_out(self.mod7(self.mod6(self.mod5(x)))))
        x = resize(x, detail, align_corners=self.align_corners)
        x = self.score(torch.cat([x, self.stg3_fusion(detail)], 1))
        return resize(x, image, align_corners=self.align_corners)


def sewresnetv2(
    classes: int = 19,
    slope: float = 0.1,
    rates: tuple[int, int, int] = (12, 24, 36),
    *,
    align_corners: bool = True,
) -> nn.Module:
    """SE-WResNetV2; `slope` is that of the leaky ReLUs, `rates` are the dilations of the pyramid."""
    return SEWResNetV2(classes, slope, rates, align_corners=align_corners)
