"""STDC: Rethinking BiSeNet For Real-time Semantic Segmentation, CVPR 2021, https://arxiv.org/abs/2104.13188.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoints load. By its account
auxiliary heads helped in training and the paper's detail loss did not.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.backbones.stdc import STDC1, STDC2, Repeats, stages
from edgeseg.models.blocks.attention import AttentionRefinement, FeatureFusion
from edgeseg.models.blocks.head import segmentation_head
from edgeseg.models.blocks.pooling import AdaptiveAvgPool
from edgeseg.models.blocks.resize import check_size, resize

__all__ = ["CARD", "CARD_STDC2", "STDC", "TRAINING_ONLY", "stdc1", "stdc2"]

CARD = Card(
    name="stdc1",
    title="Rethinking BiSeNet For Real-time Semantic Segmentation, STDC1",
    paper="https://arxiv.org/abs/2104.13188",
    year=2021,
    framework="torch",
    published=Published(
        params_millions=7.79,
        miou_percent=75.25,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.2/stdc1.pth",
    ),
    sizes="sides that are a multiple of 32, or up to 7 less",
    deviation="14.31 G MAdds at 512x1024 where the published graph does 15.65 G: its attention convolves pooled maps "
    "expanded to full size, ours at 1x1, which is equal",
)

CARD_STDC2 = Card(
    name="stdc2",
    title="Rethinking BiSeNet For Real-time Semantic Segmentation, STDC2",
    paper="https://arxiv.org/abs/2104.13188",
    year=2021,
    framework="torch",
    published=Published(
        params_millions=11.82,
        miou_percent=76.78,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.2/stdc2.pth",
    ),
    sizes="sides that are a multiple of 32, or up to 7 less",
    deviation="20.90 G MAdds at 512x1024 where the published graph does 22.25 G: its attention convolves pooled maps "
    "expanded to full size, ours at 1x1, which is equal",
)

TRAINING_ONLY = ("aux_head", "detail_")


class STDC(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W).

    In training mode, where there are such heads, a tuple: behind the logits those of the auxiliary heads at strides 8,
    16 and 32, then the boundary's at stride 8.
    """

    def __init__(self, card: Card, repeats: Repeats, classes: int, *, aux: bool, detail: bool) -> None:
        super().__init__()
        self.stage1, self.stage2, self.stage3, self.stage4, self.stage5 = stages(repeats)
        if aux:
            self.aux_head3, self.aux_head4, self.aux_head5 = (
                segmentation_head(inputs, classes) for inputs in (256, 512, 1024)
            )
        self.pool = AdaptiveAvgPool(1)
        self.arm4, self.arm5 = AttentionRefinement(512), AttentionRefinement(1024)
        self.conv4, self.conv5 = nn.Conv2d(512, 256, 1, bias=False), nn.Conv2d(1024, 256, 1, bias=False)
        self.ffm = FeatureFusion(256 + 256, 128)
        self.seg_head = segmentation_head(128, classes)
        if detail:
            self.detail_head = segmentation_head(256, 1)
            self.detail_conv = nn.Conv2d(3, 1, 1, bias=False)  # Mixes the loss's three target scales; not run here.
        self.card, self.aux, self.detail = card, aux, detail

    def forward(self, image: Tensor) -> Tensor | tuple[Tensor, ...]:
        check_size(image, self.card, multiple=32, rounding=8)
        x8 = self.stage3(self.stage2(self.stage1(image)))
        x16 = self.stage4(x8)
        x32 = self.stage5(x16)
        context = self.conv5(self.pool(x32) + self.arm5(x32))
        context = self.conv4(self.arm4(x16)) + resize(context, x16)
        logits = resize(self.seg_head(self.ffm(resize(context, x8), x8)), image)
        extra = []
        if self.aux and self.training:
            extra += [self.aux_head3(x8), self.aux_head4(x16), self.aux_head5(x32)]
        if self.detail and self.training:
            extra.append(self.detail_head(x8))
        return (logits, *extra) if extra else logits


def stdc1(classes: int = 19, *, aux: bool = False, detail: bool = False) -> nn.Module:
    """STDC1; the three heads of `aux` and the boundary head of `detail` run only in training mode."""
    return STDC(CARD, STDC1, classes, aux=aux, detail=detail)


def stdc2(classes: int = 19, *, aux: bool = False, detail: bool = False) -> nn.Module:
    """STDC2; the three heads of `aux` and the boundary head of `detail` run only in training mode."""
    return STDC(CARD_STDC2, STDC2, classes, aux=aux, detail=detail)
