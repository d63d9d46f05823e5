"""SE-DPShuffleNet of LightNet, 2018, https://github.com/ansleliu/LightNet.

The dual paths of Chen et al., Dual Path Networks, NIPS 2017, https://arxiv.org/abs/1707.01629, of grouped and depthwise
convolutions with channel shuffling and squeeze and excitation; behind them three atrous spatial pyramids at strides 16,
8 and 4, each with scores of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgeseg.core.types import Card, Normalization
from edgeseg.models.blocks.abn import ABN
from edgeseg.models.blocks.aspp import ASPP
from edgeseg.models.blocks.named import named
from edgeseg.models.blocks.resize import resize
from edgeseg.models.blocks.scse import SE
from edgeseg.models.blocks.shuffle import channel_shuffle

__all__ = ["CARD", "SEDPShuffleNet", "sedpshufflenet"]

CARD = Card(
    name="sedpshufflenet",
    title="LightNet: SE-DPShuffleNet",
    paper="https://github.com/ansleliu/LightNet",
    year=2018,
    framework="torch",
    normalization=Normalization(mean=(0.28388235, 0.32513725, 0.28690196), std=(1.0, 1.0, 1.0), order="BGR"),
    sizes="any size",
)

Rates = tuple[int, int, int]
Paths = tuple[Tensor, Tensor]
"""The residual and the dense channels of a map."""
_GROUPS = 4


@dataclass(frozen=True)
class Stage:
    """Blocks of one residual width, one for each dilation, the first with the stride; the end may be normalised."""

    number: int
    residual: int
    growth: int
    dilations: tuple[int, ...]
    stride: int = 1
    normalized: bool = False

    @property
    def hidden(self) -> int:
        """Channels inside the blocks."""
        return self.residual * 3 // 8

    @property
    def channels(self) -> tuple[int, ...]:
        """On both paths behind each block: the first block makes two growths of dense channels, each appends one."""
        return tuple(self.residual + i * self.growth for i in range(3, 3 + len(self.dilations)))


_STAGES = (
    Stage(2, residual=256, growth=16, dilations=(1,) * 3),
    Stage(3, residual=512, growth=32, dilations=(1,) * 4, stride=2),
    Stage(4, residual=1024, growth=24, dilations=(1,) * 10 + (2,) * 10, stride=2),
    Stage(5, residual=2048, growth=128, dilations=(4,) * 3, normalized=True),
)


def _conv(name: str, inputs: int, outputs: int, slope: float, stride: int = 1) -> dict[str, nn.Module]:
    """A grouped 1x1 convolution behind its normalisation."""
    conv = nn.Conv2d(inputs, outputs, 1, stride, groups=_GROUPS, bias=False)
    return {f"{name}_bn": ABN(inputs, slope), name: conv}


class DualPath(nn.Module):
    """Adds to the residual channels and appends to the dense ones what it makes out of both together.

    The first block of a stage makes both anew, by a 1x1 convolution with the stage's stride.
    """

    def __init__(self, inputs: int, stage: Stage, dilation: int, slope: float, *, first: bool) -> None:
        super().__init__()
        hidden, outputs = stage.hidden, stage.residual + stage.growth
        stride = stage.stride if first else 1
        self.parts = stage.residual, stage.growth
        self.projection = f"c1x1_w_s{stride}" if first else None
        if self.projection:
            conv = _conv(f"conv1x1_w_s{stride}", inputs, outputs + stage.growth, slope, stride)
            self.add_module(self.projection, named(**conv))
        self.c1x1_a = named(**_conv("conv1x1_a", inputs, hidden, slope))
        depthwise = nn.Conv2d(hidden, hidden, 3, stride, dilation, dilation, hidden, bias=False)
        self.c3x3_b = named(conv3x3_b_bn=ABN(hidden, slope), conv3x3_b=depthwise)
        self.c1x1_c = named(**_conv("conv1x1_c", hidden, outputs, slope), se_block=SE(outputs), dropout=nn.Dropout(0.2))

    def forward(self, x: Tensor, paths: Paths | None) -> Paths:
        residual, dense = self._projected(x) if paths is None else paths
        out = self.c3x3_b(channel_shuffle(self.c1x1_a(x), _GROUPS))
        added, appended = channel_shuffle(self.c1x1_c(out), _GROUPS).split(self.parts, 1)
        return residual + added, torch.cat([dense, appended], 1)

    def _projected(self, x: Tensor) -> Paths:
        assert self.projection is not None
        residual, growth = self.parts
        x = channel_shuffle(self.get_submodule(self.projection)(x), _GROUPS)
        return x[:, :residual], x[:, residual : residual + 2 * growth]


class DualPathStage(nn.Module):
    """(N, inputs, H, W) -> (N, `channels` of the last block, H / stride, W / stride), both paths in one."""

    def __init__(self, inputs: int, stage: Stage, slope: float) -> None:
        super().__init__()
        widths = (inputs, *stage.channels)
        for i, dilation in enumerate(stage.dilations):
            block = DualPath(widths[i], stage, dilation, slope, first=i == 0)
            self.add_module(f"conv{stage.number}_{i + 1}", block)
        if stage.normalized:
            self.add_module(f"conv{stage.number}_bn_ac", named(norm_act=ABN(widths[-1], slope=0)))

    def forward(self, x: Tensor) -> Tensor:
        paths = None
        for part in self.children():
            if isinstance(part, DualPath):
                paths = part(x, paths)
                x = torch.cat(paths, 1)
            else:
                x = part(x)
        return x


class SEDPShuffleNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W).

    With `aux` and in training mode a tuple: behind the logits those of the three pyramids alone, of the same size.
    """

    def __init__(self, classes: int, rates: Rates, slope: float, *, align_corners: bool, aux: bool) -> None:
        super().__init__()
        self.align_corners, self.aux = align_corners, aux
        self.encode_in = named(
            conv_in=nn.Conv2d(3, 64, 7, 2, 3, bias=False), bn_in=ABN(64, slope), pool=nn.MaxPool2d(3, 2, 1)
        )
        fourth, eighth, _, sixteenth = (stage.channels[-1] for stage in _STAGES)
        self.encode_stg1, self.encode_stg2, self.encode_stg3, self.encode_stg4 = _stages(slope)
        rates1, rates2, rates3 = ((rates[0] * i, rates[1] * i, rates[2] * i) for i in (1, 2, 4))
        self.aspp1 = named(aspp1=ASPP(sixteenth, 512, rates1, slope))
        self.aspp2_in = named(aspp2_in=named(norm_act=ABN(eighth, slope)))
        self.aspp2 = named(aspp2=ASPP(512 + eighth, 256, rates2, slope))
        self.aspp3_in = named(aspp3_in=named(norm_act=ABN(fourth, slope)))
        self.aspp3 = named(aspp3=ASPP(256 + fourth, 128, rates3, slope))
        self.score1 = named(score1=nn.Conv2d(512, classes, 1), se1_classes=SE(classes, ratio=4))
        self.score2 = named(score2=nn.Conv2d(256, classes, 1), se2_classes=SE(classes, ratio=4))
        self.score3 = named(score3=nn.Conv2d(128, classes, 1), se3_classes=SE(classes, ratio=4))
        self.score4 = named(
            score4_norm=ABN(classes, slope), score4=nn.Conv2d(classes, classes, 1), se4_classes=SE(classes, ratio=4)
        )

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, ...]:
        x4 = self.encode_stg1(self.encode_in(image))
        x8 = self.encode_stg2(x4)
        context1 = self.aspp1(self.encode_stg4(self.encode_stg3(x8)))
        context2 = self.aspp2(self._join(context1, self.aspp2_in(x8)))
        context3 = self.aspp3(self._join(context2, self.aspp3_in(x4)))
        out1, out2 = self._resize(self.score1(context1), image), self._resize(self.score2(context2), image)
        # The published 1x1 convolution reads the enlarged map; ahead of the resizing it does the same with less work.
        scores, gates = self.score3
        out3 = gates(self._resize(scores(context3), image))
        logits = self.score4(torch.maximum(torch.maximum(out1, out2), out3))
        return (logits, out1, out2, out3) if self.aux and self.training else logits

    def _join(self, context: Tensor, detail: Tensor) -> Tensor:
        return channel_shuffle(torch.cat([self._resize(context, detail), detail], 1), 2)

    def _resize(self, x: Tensor, like: Tensor) -> Tensor:
        return resize(x, like, align_corners=self.align_corners)


def _stages(slope: float) -> Iterator[DualPathStage]:
    inputs = 64
    for stage in _STAGES:
        yield DualPathStage(inputs, stage, slope)
        inputs = stage.channels[-1]


def sedpshufflenet(
    classes: int = 19,
    slope: float = 0.1,
    rates: Rates = (6, 12, 18),
    *,
    align_corners: bool = True,
    aux: bool = False,
) -> nn.Module:
    """SE-DPShuffleNet.

    `slope` is of its leaky ReLUs; `rates` are the dilations of the pyramid at stride 16, those at strides 8 and 4 have
    twice and four times these. With `aux` a network in training mode returns the scores of each pyramid, too.
    """
    return SEDPShuffleNet(classes, rates, slope, align_corners=align_corners, aux=aux)
