"""LinkNet: Exploiting Encoder Representations for Efficient Semantic Segmentation, VCIP 2017.

https://arxiv.org/abs/1707.03718. After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose
checkpoint loads: its first decoder keeps the size, and its logits are normalised and rectified.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.backbones.resnet import ResNet
from edgeseg.models.blocks.conv import conv_bn, deconv_bn
from edgeseg.models.blocks.resize import check_size

__all__ = ["CARD", "LinkNet", "linknet"]

CARD = Card(
    name="linknet",
    title="LinkNet: Exploiting Encoder Representations for Efficient Semantic Segmentation",
    paper="https://arxiv.org/abs/1707.03718",
    year=2017,
    framework="torch",
    published=Published(
        params_millions=11.54,
        miou_percent=73.39,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.1/linknet.pth",
    ),
    sizes="sides that are a multiple of 32",
)


class Decoder(nn.Module):
    """(N, inputs, H, W) -> (N, outputs, 2 * H, 2 * W), or of the same size where it does not `upsample`."""

    def __init__(self, inputs: int, outputs: int, *, upsample: bool = True) -> None:
        super().__init__()
        hidden = inputs // 4
        self.conv1 = conv_bn(inputs, hidden, 1)
        self.full_conv = deconv_bn(hidden, hidden) if upsample else conv_bn(hidden, hidden)
        self.conv2 = conv_bn(hidden, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.full_conv(self.conv1(x)))


class LinkNet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.backbone = ResNet()
        self.dec_block4 = Decoder(512, 256)
        self.dec_block3 = Decoder(256, 128)
        self.dec_block2 = Decoder(128, 64)
        self.dec_block1 = Decoder(64, 64, upsample=False)
        self.seg_head = nn.Sequential(deconv_bn(64, 32), conv_bn(32, 32), deconv_bn(32, classes))

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=32)
        x4, x8, x16, x = self.backbone(image)
        for decoder, skip in ((self.dec_block4, x16), (self.dec_block3, x8), (self.dec_block2, x4)):
            x = decoder(x) + skip
        return self.seg_head(self.dec_block1(x))


def linknet(classes: int = 19) -> nn.Module:
    """LinkNet on ResNet-18."""
    return LinkNet(classes)
