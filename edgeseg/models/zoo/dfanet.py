"""DFANet: Deep Feature Aggregation for Real-Time Semantic Segmentation, CVPR 2019, https://arxiv.org/abs/1904.02216.

After the re-implementation of zh320/realtime-semantic-segmentation-pytorch, whose checkpoint loads. Its attention
starts from the maxima of the map, not from the means.
"""

from __future__ import annotations

from torch import Tensor, nn

from edgeseg.core.types import Card, Published
from edgeseg.models.backbones.xception_a import CHANNELS, XceptionA
from edgeseg.models.blocks.conv import conv_bn
from edgeseg.models.blocks.resize import check_size, resize

__all__ = ["CARD", "DFANet", "dfanet"]

CARD = Card(
    name="dfanet",
    title="DFANet: Deep Feature Aggregation for Real-Time Semantic Segmentation",
    paper="https://arxiv.org/abs/1904.02216",
    year=2019,
    framework="torch",
    published=Published(
        params_millions=3.05,
        miou_percent=65.28,
        checkpoint="https://github.com/zh320/realtime-semantic-segmentation-pytorch/releases/download/v1.0/dfanet-a.pth",
    ),
    sizes="sides that are a multiple of 64",
)


class Decoder(nn.Module):
    """Logits at stride 4 from each backbone's finest map and its gated last one."""

    def __init__(self, classes: int, fine: int, deep: int) -> None:
        super().__init__()
        self.enc_conv1, self.enc_conv2, self.enc_conv3 = (conv_bn(fine, 48) for _ in range(3))
        self.conv_enc = nn.Conv2d(48, classes, 1, bias=False)
        self.fc_conv1, self.fc_conv2, self.fc_conv3 = (
            nn.Sequential(conv_bn(deep, 128), nn.Conv2d(128, classes, 1, bias=False)) for _ in range(3)
        )

    def forward(self, fine: list[Tensor], deep: list[Tensor]) -> Tensor:
        x = self.enc_conv1(fine[0])
        x = x + resize(self.enc_conv2(fine[1]), x) + resize(self.enc_conv3(fine[2]), x)
        logits = self.conv_enc(x)
        for conv, attended in zip((self.fc_conv1, self.fc_conv2, self.fc_conv3), deep, strict=True):
            logits = logits + resize(conv(attended), x)
        return logits


class DFANet(nn.Module):
    """(N, 3, H, W) -> logits (N, classes, H, W): three backbones, each refining the enlarged result of the last."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1 = conv_bn(3, 8, stride=2)
        self.backbone1 = XceptionA(8)
        self.backbone2, self.backbone3 = (XceptionA(CHANNELS[-1], joined=True) for _ in range(2))
        self.decoder = Decoder(classes, CHANNELS[0], CHANNELS[-1])

    def forward(self, image: Tensor) -> Tensor:
        check_size(image, CARD, multiple=64)
        maps, attended = self.backbone1(self.conv1(image))
        fine, deep = [maps[0]], [attended]
        for backbone in (self.backbone2, self.backbone3):
            maps, attended = backbone(resize(attended, maps[0]), maps)
            fine.append(maps[0])
            deep.append(attended)
        return resize(self.decoder(fine, deep), image)


def dfanet(classes: int = 19) -> nn.Module:
    """DFANet A."""
    return DFANet(classes)
